"""Lips that really close: contacts imposed on finished motion, in millimetres.

Blending and smoothing never quite reach a closure, and a lip gap of two millimetres in an M
is what everybody sees. So contacts come last, whatever made the motion. They are stated in
read-outs (lip gap, teeth gap, lip on teeth) and solved in closed form on every frame, and
hence hold on any head that has read-outs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.layout import Layout
from visemic.core.signals import Alignment, Motion
from visemic.motion.contact_windows import ContactTiming, ContactWindows, contact_windows, smoothstep
from visemic.motion.mouth import MAX_CLOSE_OVER_JAW, Mouth
from visemic.text.visemes import VOWELS

SEAL_GAP_MM = -0.2
"""Lip gap of a full seal: touching, slightly pressed."""
MIN_GAP_MM = -0.35
"""Lips never cross by more than this."""
LABIODENTAL_GAP_MM = -0.3
"""Upper teeth reach below the lower lip's top by this much in F and V."""
LABIODENTAL_DEPTH_MM = 1.3
"""Largest distance from the lower lip's top forward to the teeth in F and V."""
SIBILANT_INCISOR_MM = 1.9
"""Largest gap between the teeth in S, Z, SH, ZH, CH and JH."""
SEAL_INCISOR_MM = 3.6
"""Largest gap between the teeth behind sealed lips."""
LABIODENTAL_INCISOR_MM = 1.2
"""Largest gap between the teeth in F and V."""
MIN_VOWEL_GAP_MM = 0.9
"""Smallest lip gap in the middle of a vowel, above that of the rest."""
_END_S = 0.15

SEAL_CHANNELS = (
    "mouthClose",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
)
APERTURE_CHANNELS = (
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
)
_CLOSERS = {
    "mouthClose": 1.0,
    "mouthPressLeft": 0.3,
    "mouthPressRight": 0.3,
    "mouthRollLower": 0.2,
    "mouthShrugLower": 0.2,
}
"""Channels that close the remaining gap, and how readily each one moves."""
_OPENERS = {"jawOpen": 1.0, **_CLOSERS}


def least_change(
    weights: Float[np.ndarray, "frames channels"],
    slopes_mm: Float[np.ndarray, " channels"],
    change_mm: Float[np.ndarray, " frames"],
    ease: Float[np.ndarray, " channels"],
    low: Float[np.ndarray, "frames channels"],
    high: Float[np.ndarray, "frames channels"],
) -> Float[np.ndarray, "frames channels"]:
    """Change weights as little as possible so that a linear read-out changes by a given amount.

    The least of ``sum(change**2 / ease)`` under one linear constraint is proportional to
    ``ease * slope``; a channel that meets its bound stays there and the rest take over.

    Args:
        weights: Weights before.
        slopes_mm: Millimetres at weight 1.
        change_mm: Wanted change of the read-out.
        ease: How readily a channel moves; 0 keeps it.
        low, high: Bounds of the weights.

    Returns:
        Weights within the bounds; where the bounds do not allow the change, as near as they do.
    """
    result = weights.copy()
    pull = ease * slopes_mm
    left_mm = change_mm.copy()
    free = np.broadcast_to(pull != 0, result.shape).copy()
    for _ in range(weights.shape[1] + 1):
        power = free @ (pull * slopes_mm)
        active = (np.abs(left_mm) > 1e-9) & (power > 1e-12)
        if not active.any():
            break
        amount = np.where(active, left_mm / np.where(power > 1e-12, power, 1.0), 0.0)
        wanted = result + free * amount[:, None] * pull
        moved = np.clip(wanted, np.minimum(low, result), np.maximum(high, result))
        free &= moved == wanted
        left_mm = left_mm - (moved - result) @ slopes_mm
        result = moved
    return result


def apply_contacts(
    motion: Motion,
    alignment: Alignment,
    mouth: Mouth,
    postures: Mapping[str, Mapping[str, float]],
    timing: ContactTiming | None = None,
) -> Motion:
    """Impose the contacts of an alignment's phones on a motion.

    Frames without a contact keep their values, but for lips that cross and for ``mouthClose``
    beyond the jaw.

    Args:
        motion: Any motion in the layout of ``mouth``.
        alignment: The phones, on the motion's clock.
        mouth: The head's read-outs.
        postures: Weights by phone, calibrated to the head (``motion.calibrate``): what a seal
            and a lip on the teeth look like at their full.
        timing: Ramps; None takes the defaults.

    Source:
        JALI (Edwards et al. 2016), the hard constraints on bilabials, labiodentals and sibilants.

    Deviation:
        Stated as gaps in millimetres instead of poses, so that they hold on any head.
    """
    windows = contact_windows(alignment, motion.rate, motion.n_frames, timing)
    vowels = _vowel_openness(motion, alignment, windows)
    labels = tuple(phone.label for phone in alignment.phones)
    return Motion(
        impose_windows(motion.values, windows, labels, vowels, mouth, postures), motion.layout, motion.rate
    )


def impose_windows(
    values: Float32[np.ndarray, "frames channels"],
    windows: ContactWindows,
    labels: Sequence[str],
    vowels: Float[np.ndarray, " frames"],
    mouth: Mouth,
    postures: Mapping[str, Mapping[str, float]],
) -> Float32[np.ndarray, "frames channels"]:
    """Impose contacts, wherever their windows come from.

    Args:
        values: Weights in the layout of ``mouth``.
        windows: How much each contact is wanted, and which of ``labels`` wants it.
        labels: Phones that the windows name by number.
        vowels: How much the lips have to be parted, 0 to 1.
        mouth: The head's read-outs.
        postures: Weights by phone, calibrated to the head.
    """
    values = values.copy()
    touched = np.flatnonzero(np.any(list(windows.openness.values()), axis=0))
    if len(touched):
        part = values[touched].astype(float)
        _close_teeth(part, windows.openness["sibilant"][touched], mouth, SIBILANT_INCISOR_MM)
        _lip_on_teeth(part, touched, windows, labels, mouth, postures)
        _seal(part, touched, windows, labels, mouth, postures)
        values[touched] = part
    _open_vowels(values, vowels, mouth)
    _forbid_crossing(values, mouth)
    return values


def _close_teeth(
    part: Float[np.ndarray, "frames channels"], k: Float[np.ndarray, " frames"], mouth: Mouth, limit_mm: float
) -> None:
    """Lower the jaw's weight until the incisors are within the limit, in proportion to ``k``."""
    slope = mouth.slope_mm("incisor_gap", "jawOpen")
    if slope <= 0:
        return
    jaw, close = mouth.layout.indices(["jawOpen", "mouthClose"])
    excess = np.maximum(mouth.measure_mm("incisor_gap", part) - limit_mm, 0.0)
    part[:, jaw] = np.maximum(part[:, jaw] - k * excess / slope, 0.0)
    part[:, close] = np.minimum(part[:, close], part[:, jaw] + MAX_CLOSE_OVER_JAW)


def _posture_rows(
    owner: np.ndarray, labels: Sequence[str], layout: Layout, postures: Mapping[str, Mapping[str, float]]
) -> Float[np.ndarray, "frames channels"]:
    """Give the posture of the phone that owns each frame."""
    rows = np.zeros((len(owner), len(layout)))
    named = np.array([labels[number] if number >= 0 else "" for number in owner])
    for label in set(named.tolist()) - {""}:
        for channel, weight in postures[label].items():
            rows[named == label, layout.index(channel)] = weight
    return rows


def _blend(
    part: Float[np.ndarray, "frames channels"],
    target: Float[np.ndarray, "frames channels"],
    k: Float[np.ndarray, " frames"],
    columns: Sequence[int],
) -> None:
    part[:, columns] += k[:, None] * (target[:, columns] - part[:, columns])


def _lip_on_teeth(
    part: Float[np.ndarray, "frames channels"],
    touched: np.ndarray,
    windows: ContactWindows,
    labels: Sequence[str],
    mouth: Mouth,
    postures: Mapping[str, Mapping[str, float]],
) -> None:
    """Bring the lower lip to the upper teeth where F and V ask for it."""
    mine = np.flatnonzero(windows.openness["labiodental"][touched] > 0)
    if not len(mine):
        return
    layout, frames = mouth.layout, touched[mine]
    k = windows.openness["labiodental"][frames]
    rows = part[mine]
    target = _posture_rows(windows.owner["labiodental"][frames], labels, layout, postures)
    _close_teeth(rows, k, mouth, LABIODENTAL_INCISOR_MM)
    _blend(
        rows,
        target,
        k,
        layout.indices([*SEAL_CHANNELS, *APERTURE_CHANNELS, "mouthFunnel", "mouthPucker", "jawForward"]),
    )
    # What the posture's own channels leave open, the whole posture closes: both read-outs
    # are linear along the way to it.
    share = np.zeros(len(rows))
    for readout, limit_mm in (
        ("labiodental_gap", LABIODENTAL_GAP_MM),
        ("labiodental_depth", LABIODENTAL_DEPTH_MM),
    ):
        now = mouth.measure_mm(readout, rows)
        there = mouth.measure_mm(readout, target)
        allowed = limit_mm + (1.0 - k) * np.maximum(mouth.measure_mm(readout, part[mine]) - limit_mm, 0.0)
        reach = np.maximum(now - there, 1e-9)
        share = np.maximum(share, np.where(now > allowed, np.clip((now - allowed) / reach, 0.0, 1.0), 0.0))
    _blend(rows, target, share, mouth.lip_columns)
    part[mine] = rows


def _seal(
    part: Float[np.ndarray, "frames channels"],
    touched: np.ndarray,
    windows: ContactWindows,
    labels: Sequence[str],
    mouth: Mouth,
    postures: Mapping[str, Mapping[str, float]],
) -> None:
    """Close the lips where P, B and M ask for it: the gap fades to that of a seal with the window."""
    mine = np.flatnonzero(windows.openness["seal"][touched] > 0)
    if not len(mine):
        return
    layout, frames = mouth.layout, touched[mine]
    k = windows.openness["seal"][frames]
    rows = part[mine]
    free_mm = mouth.measure_mm("lip_gap", rows)
    wanted_mm = free_mm + k * (SEAL_GAP_MM - free_mm)
    target = _posture_rows(windows.owner["seal"][frames], labels, layout, postures)
    _close_teeth(rows, k, mouth, SEAL_INCISOR_MM)
    close, funnel = layout.indices(["mouthClose", "mouthFunnel"])
    columns = [c for c in layout.indices([*SEAL_CHANNELS, *APERTURE_CHANNELS]) if c != close]
    _blend(rows, target, k, columns)
    rows[:, funnel] *= 1.0 - k
    part[mine] = _solve_gap(rows, wanted_mm, target, mouth, _CLOSERS)


def _solve_gap(
    rows: Float[np.ndarray, "frames channels"],
    wanted_mm: Float[np.ndarray, " frames"],
    target: Float[np.ndarray, "frames channels"],
    mouth: Mouth,
    ease_by_channel: Mapping[str, float],
) -> Float[np.ndarray, "frames channels"]:
    """Reach a lip gap with the closing channels, and with the whole posture where they end."""
    layout, slopes = mouth.layout, mouth.slopes_mm["lip_gap"]
    ease = np.zeros(len(layout))
    for channel, value in ease_by_channel.items():
        column = layout.index(channel)
        ease[column] = value if slopes[column] < 0 else 0.0
    jaw, close = layout.indices(["jawOpen", "mouthClose"])
    low, high = np.zeros_like(rows), np.minimum(rows + 0.3, 1.0)
    high[:, close] = np.minimum(rows[:, jaw] + MAX_CLOSE_OVER_JAW, 1.0)
    rows = least_change(rows, slopes, wanted_mm - mouth.measure_mm("lip_gap", rows), ease, low, high)
    now, there = mouth.measure_mm("lip_gap", rows), mouth.measure_mm("lip_gap", target)
    share = np.where(now > wanted_mm + 1e-6, (now - wanted_mm) / np.maximum(now - there, 1e-9), 0.0)
    _blend(rows, target, np.clip(share, 0.0, 1.0), mouth.lip_columns)
    return rows


def _vowel_openness(
    motion: Motion, alignment: Alignment, windows: ContactWindows
) -> Float[np.ndarray, " frames"]:
    """Give how much the lips have to be parted: in the middle of every vowel, however short it is."""
    vowels = [p for p in alignment.phones if p.label in VOWELS and p.duration_s > 0]
    if not vowels:
        return np.zeros(motion.n_frames)
    times_s = motion.times_s
    starts = np.array([p.start_s for p in vowels])
    lengths = np.array([p.duration_s for p in vowels])
    number = np.searchsorted(starts, times_s, side="right") - 1
    place = np.where(number >= 0, (times_s - starts[number]) / lengths[number], 0.0)
    # 1 over the central half of the vowel, 0 at its ends, and nothing where a contact is full.
    k = np.clip(4.0 * (0.5 - np.abs(place - 0.5)), 0.0, 1.0)
    k *= smoothstep((times_s[-1] - times_s) / _END_S)  # the clip's end is closed whatever sounds
    return k * (1.0 - np.maximum(windows.openness["seal"], windows.openness["labiodental"]))


def _open_vowels(values: np.ndarray, k: Float[np.ndarray, " frames"], mouth: Mouth) -> None:
    """Part the lips where they have to be."""
    least_mm = MIN_VOWEL_GAP_MM + max(mouth.rest_mm["lip_gap"], 0.0)
    inside = np.flatnonzero(k > 0)
    if not len(inside):
        return
    rows = values[inside].astype(float)
    missing = k[inside] * np.maximum(least_mm - mouth.measure_mm("lip_gap", rows), 0.0)
    short = np.flatnonzero(missing > 0)
    if len(short):
        values[inside[short]] = _change_gap(rows[short], missing[short], mouth, _OPENERS)


def _change_gap(
    rows: Float[np.ndarray, "frames channels"],
    change_mm: Float[np.ndarray, " frames"],
    mouth: Mouth,
    ease_by_channel: Mapping[str, float],
) -> Float[np.ndarray, "frames channels"]:
    """Open the lips by some millimetres: less of what closes, more of the jaw."""
    slopes = mouth.slopes_mm["lip_gap"]
    ease = np.zeros(len(mouth.layout))
    for channel, value in ease_by_channel.items():
        column = mouth.layout.index(channel)
        ease[column] = value if (slopes[column] > 0) == (channel == "jawOpen") else 0.0
    low, high = np.zeros_like(rows), rows.copy()
    jaw = mouth.layout.index("jawOpen")
    high[:, jaw] = np.minimum(rows[:, jaw] + 0.2, 1.0)
    return least_change(rows, slopes, change_mm, ease, low, high)


def _forbid_crossing(values: np.ndarray, mouth: Mouth) -> None:
    """Keep ``mouthClose`` within the jaw's reach and the lips from passing through each other."""
    jaw, close = mouth.layout.indices(["jawOpen", "mouthClose"])
    values[:, close] = np.minimum(values[:, close], values[:, jaw] + np.float32(MAX_CLOSE_OVER_JAW))
    gap_mm = mouth.measure_mm("lip_gap", values)
    floor_mm = min(MIN_GAP_MM, mouth.rest_mm["lip_gap"])
    crossed = np.flatnonzero(gap_mm < floor_mm - 1e-3)
    if len(crossed):
        rows = values[crossed].astype(float)
        values[crossed] = _change_gap(rows, floor_mm - gap_mm[crossed], mouth, _CLOSERS)
