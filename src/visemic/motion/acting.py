"""Acting on any motion: a note's poses added to speech that still closes its lips.

What is added lies over whatever made the motion, on channels alone, and so it serves every
model. Speech keeps the mouth: what would open it stays away from contacts, lips that round do
not smile as wide, and contacts are imposed again at the end, in millimetres. Frames in which no
span is in force keep their very bits.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Float32

from visemic.core.acting_note import ActingNote, Span
from visemic.core.layout import ARKIT_52, ARKIT_61
from visemic.core.signals import SILENCE, Alignment, Motion
from visemic.motion.acting_pose import (
    Envelope,
    blink_rate,
    blinked,
    directs,
    envelopes,
    head_rad,
    look_rad,
    pose_weights,
    turn_eyes,
)
from visemic.motion.contact_windows import ContactWindows, contact_windows, smoothstep
from visemic.motion.contacts import (
    MIN_VOWEL_GAP_MM,
    SIBILANT_INCISOR_MM,
    apply_contacts,
    impose_windows,
)
from visemic.motion.gaze import VESTIBULAR_GAIN
from visemic.motion.heard_contacts import OWNERS
from visemic.motion.mouth import Mouth

HEARD = "recognised"
"""Source of an alignment whose contacts are those that the motion itself shows."""
SMILE_KEPT = 0.35
"""A smile up to here may stay in a contact."""
_SMILE_GIVES = 0.5
"""Share of what is above that a contact takes away: corners ease, and do not pump."""
_OPENS_MM = 0.2
"""A channel that parts the lips by more than this at weight 1 stays away from contacts."""
_QUICK = ("jawOpen", "mouth")
"""Channels that come and go as fast as contacts do; the others, such as the nose, take their time."""
_SLOW_S = 0.12
_SLOW_GIVES = 0.75
"""Share of it that a contact takes away, which is enough for lips to meet."""
_SPREADING = ("mouthSmile", "mouthStretch", "mouthDimple")
_ROUNDING = ("mouthPucker", "mouthFunnel")
_ROUND_SHARE = 0.6
"""Share of a smile that fully rounded lips take away."""
_RAISED_BROWS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")
BROW_HEADROOM = 0.78
"""Brows are never posed higher, so that accents still lift them."""
_EFFORT_LIFT = 0.3
"""How much more a raised brow is raised at the loudest than at the quietest, of its pose."""
_TOUCH_MM = 0.3
_NEAR_MM = 0.9
"""Lip gap of the base motion at which lips are closed, and at which they are no longer near it."""
_LABIODENTAL_DEPTH_MM = 2.0

_COLUMNS = {name: ARKIT_61.index(name) for name in ARKIT_61}


def act(
    motion: Motion,
    note: ActingNote,
    mouth: Mouth,
    postures: Mapping[str, Mapping[str, float]],
    alignment: Alignment | None = None,
    *,
    effort: Float[np.ndarray, " frames"] | None = None,
    seed: int = 0,
) -> Motion:
    """Give a motion with a note acted over it.

    Args:
        motion: Any motion with ARKit channels; those it lacks stay away.
        note: On the motion's clock.
        mouth: The read-outs of the head that plays it, over the default layout.
        postures: Weights by phone, calibrated to the head (``motion.calibrate``).
        alignment: The phones. Where a transcript or a voice stands behind them, their contacts
            are imposed again; where they were heard, or None, the closures of ``motion`` are kept.
        effort: Vocal effort at each frame, 0 quiet to 1 loud: raised brows follow it.
        seed: Start of chance, for added and dropped blinks.

    Returns:
        Motion in the same layout. Frames outside all spans are bit for bit those of ``motion``.
        A span that begins where another ends changes within its first 150 ms with that other.

    Raises:
        InputError: A span lies outside the motion.
    """
    times_s = motion.times_s
    note = note.within(motion.duration_s)
    parts = [part for part in envelopes(note, times_s, motion.duration_s) if directs(part.span)]
    touched = np.zeros(motion.n_frames, bool)
    for part in parts:
        touched[part.rows] |= part.values > 0
    if not touched.any():
        return motion
    base = motion.to_layout(ARKIT_61).values
    is_known = alignment is not None and alignment.source != HEARD and bool(alignment.phones)
    if alignment is not None and is_known:
        windows = contact_windows(alignment, motion.rate, motion.n_frames)
    else:
        windows = shown_contacts(base, mouth, _silent(alignment, times_s))
    values = _composed(base, times_s, parts, windows, mouth, effort, seed)
    if alignment is not None and is_known:
        whole = apply_contacts(Motion(values, ARKIT_61, motion.rate), alignment, mouth, postures)
        values = whole.values
    else:
        values = impose_windows(values, windows, OWNERS, _parted(base, mouth), mouth, postures)
    result = motion.values.copy()
    for column, name in enumerate(motion.layout):
        if name in ARKIT_61:
            result[touched, column] = values[touched, _COLUMNS[name]]
    return Motion(result, motion.layout, motion.rate)


def only_changed(before: Motion, after: Motion, spans: tuple[Span, ...]) -> Motion:
    """Give ``after`` inside some spans and ``before`` elsewhere, bit for bit; eased inside the spans.

    Args:
        before, after: Of one layout, rate and length.
        spans: The spans that changed, without overlap.
    """
    result = before.values.copy()
    for part in envelopes(ActingNote(_joined(spans)), before.times_s, before.duration_s):
        share = part.values[:, None].astype(np.float32)
        result[part.rows] += share * (after.values[part.rows] - before.values[part.rows])
        whole = np.flatnonzero(part.values >= 1.0) + part.first
        result[whole] = after.values[whole]
    return Motion(result, before.layout, before.rate)


def changed_spans(before: ActingNote, after: ActingNote) -> tuple[Span, ...]:
    """Give the spans of either note that the other one does not have, joined where they meet."""
    spans = [span for span in before.spans if span not in after.spans]
    spans += [span for span in after.spans if span not in before.spans]
    return _joined(tuple(sorted(spans, key=lambda span: span.start_s)))


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in spans:
        if joined and span.start_s <= joined[-1].end_s + 1e-9:
            joined[-1] = Span(joined[-1].start_s, max(joined[-1].end_s, span.end_s))
        else:
            joined.append(Span(span.start_s, span.end_s))
    return tuple(joined)


def shown_contacts(
    values: Float32[np.ndarray, "frames channels"], mouth: Mouth, is_silent: Bool[np.ndarray, " frames"]
) -> ContactWindows:
    """Give the contacts that a motion shows, whatever made it.

    Args:
        values: Weights in the default layout.
        mouth: The head's read-outs.
        is_silent: Where lips are closed because nobody speaks; nothing is a contact there.
    """
    weights = values.astype(float)
    lip = mouth.measure_mm("lip_gap", weights)
    tooth, depth = (mouth.measure_mm(f"labiodental_{kind}", weights) for kind in ("gap", "depth"))
    teeth = np.maximum(tooth - _TOUCH_MM, depth - _LABIODENTAL_DEPTH_MM)
    incisors = mouth.measure_mm("incisor_gap", weights)
    speaking = ~is_silent
    seal = smoothstep((_NEAR_MM - lip) / (_NEAR_MM - _TOUCH_MM)) * speaking
    bite = smoothstep(1.0 - teeth / _NEAR_MM) * speaking * (1.0 - seal)
    sibilant = smoothstep(1.0 - (incisors - SIBILANT_INCISOR_MM) / 1.0) * speaking
    curves = {"seal": seal, "labiodental": bite, "sibilant": sibilant}
    owners = {name: np.where(curve > 0, number, -1) for number, (name, curve) in enumerate(curves.items())}
    return ContactWindows(curves, owners)  # type: ignore[arg-type]


def _silent(
    alignment: Alignment | None, times_s: Float[np.ndarray, " frames"]
) -> Bool[np.ndarray, " frames"]:
    silent = np.zeros(len(times_s), bool)
    if alignment is not None and alignment.phones:
        silent[times_s >= alignment.phones[-1].end_s] = True
        for phone in alignment.phones:
            if phone.label == SILENCE and phone.duration_s > 2 * _SPARED_S:
                is_first, is_last = phone.start_s <= 0, phone.end_s >= alignment.duration_s - 1e-6
                after_s = phone.start_s + (0.0 if is_first else _SPARED_S)
                before_s = phone.end_s - (0.0 if is_last else _SPARED_S)
                silent[(times_s >= after_s) & (times_s <= before_s)] = True
    return silent


_SPARED_S = 0.12
"""This near to speech a closure may belong to it."""


def _parted(base: Float32[np.ndarray, "frames channels"], mouth: Mouth) -> Float[np.ndarray, " frames"]:
    """Give where the base motion parts its lips, so that no pose closes them there."""
    gap_mm = mouth.measure_mm("lip_gap", base.astype(float)) - max(mouth.rest_mm["lip_gap"], 0.0)
    return smoothstep((gap_mm - MIN_VOWEL_GAP_MM) / MIN_VOWEL_GAP_MM)


def _composed(
    base: Float32[np.ndarray, "frames channels"],
    times_s: Float[np.ndarray, " frames"],
    parts: list[Envelope],
    windows: ContactWindows,
    mouth: Mouth,
    effort: Float[np.ndarray, " frames"] | None,
    seed: int,
) -> Float32[np.ndarray, "frames channels"]:
    """Add the spans' poses, and what they do to lids, eyes, brows and head."""
    values = base.astype(float)
    for part in parts:
        if blink_rate(part.span) != 1.0:
            for side in ("Left", "Right"):
                column = _COLUMNS[f"eyeBlink{side}"]
                values[:, column] = blinked(values[:, column], times_s, part.span, seed)
    contact = np.maximum(windows.openness["seal"], windows.openness["labiodental"])
    slow = _spread_out(contact, _SLOW_S * (len(times_s) - 1) / max(float(times_s[-1]), 1e-9))
    lids = 0.5 * (values[:, _COLUMNS["eyeBlinkLeft"]] + values[:, _COLUMNS["eyeBlinkRight"]])
    for part in parts:
        rows, share = part.rows, part.values
        some = values[rows]
        if part.span.brows is not None:
            brows = [_COLUMNS[name] for name in _RAISED_BROWS]
            some[:, brows] *= 1.0 + share[:, None] * (part.span.brows - 1.0)
        _turn(some, times_s[rows], part)
        rounded = base[rows][:, [_COLUMNS[name] for name in _ROUNDING]].max(axis=1)
        for channel, weight in pose_weights(part.span).items():
            wanted = np.full(len(share), weight)
            if _parts_contacts(channel, mouth):
                is_quick = channel.startswith(_QUICK)
                wanted *= 1.0 - (contact if is_quick else _SLOW_GIVES * slow)[rows]
            elif channel.startswith("mouthSmile"):
                kept = np.minimum(wanted, SMILE_KEPT)
                wanted = kept + (wanted - kept) * (1.0 - _SMILE_GIVES * contact[rows])
            if channel == "jawOpen":
                wanted *= 1.0 - windows.openness["sibilant"][rows]
            if channel.startswith(_SPREADING):
                wanted *= 1.0 - _ROUND_SHARE * rounded
            elif channel.startswith(("eyeWide", "eyeSquint")):
                wanted *= 1.0 - lids[rows]
            elif channel in _RAISED_BROWS:
                lift = 0.0 if effort is None else _EFFORT_LIFT * (effort[rows] - 0.5)
                wanted = np.minimum(wanted * (1.0 + lift), BROW_HEADROOM)
            some[:, _COLUMNS[channel]] += share * wanted
    shapes = ARKIT_61.indices(ARKIT_52.names)
    values[:, shapes] = np.clip(values[:, shapes], 0.0, 1.0)
    return values.astype(np.float32)


def _parts_contacts(channel: str, mouth: Mouth) -> bool:
    """Say whether a channel opens closed lips or takes the lower lip off the teeth."""
    readouts = ("lip_gap", "labiodental_gap", "labiodental_depth")
    limits = zip(readouts, (_OPENS_MM, 0.5, 1.0), strict=True)
    return channel.startswith("mouthStretch") or any(
        mouth.slope_mm(name, channel) > mm for name, mm in limits
    )


def _spread_out(curve: Float[np.ndarray, " frames"], reach: float) -> Float[np.ndarray, " frames"]:
    """Give a curve that begins earlier and ends later than another by some frames, and never lies below."""
    n = max(1, round(reach))
    ramp = smoothstep(1.0 - np.abs(np.arange(-n, n + 1)) / (n + 1))
    padded = np.pad(curve, n)
    return np.max([weight * padded[i : i + len(curve)] for i, weight in enumerate(ramp)], axis=0)


def _turn(
    some: Float[np.ndarray, "some channels"], times_s: Float[np.ndarray, " some"], part: Envelope
) -> None:
    """Turn head and eyes; the eyes take back most of what the head does."""
    share = part.values
    turns, factor = head_rad(part.span, times_s)
    gained = {}
    for name, turn in turns.items():
        column = _COLUMNS[name]
        gained[name] = share * (turn + (factor - 1.0) * some[:, column])
        some[:, column] += gained[name]
    yaw, pitch, held = look_rad(part.span)
    now_yaw, now_pitch = (some[:, _COLUMNS[f"leftEye{axis}"]] for axis in ("Yaw", "Pitch"))
    turn_eyes(
        some,
        _COLUMNS,
        share * (yaw - held * now_yaw) - VESTIBULAR_GAIN * gained["headYaw"],
        share * (pitch - held * now_pitch) - VESTIBULAR_GAIN * gained["headPitch"],
    )
