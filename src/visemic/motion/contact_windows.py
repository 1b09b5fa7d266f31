"""When lips and teeth must touch: one smooth window a contact phone, at any frame rate.

Every contact owns a frame on which its window is fully open, even when the phone is shorter
than a frame, and two contacts that exclude each other never own the same one.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from visemic.core.clock import Rate
from visemic.core.signals import SILENCE, Alignment, Phone
from visemic.text.visemes import BILABIALS, LABIODENTALS, SIBILANTS, VOWELS

ContactKind = Literal["seal", "labiodental", "sibilant"]
KINDS: tuple[ContactKind, ...] = ("seal", "labiodental", "sibilant")
_PHONES = {"seal": BILABIALS, "labiodental": LABIODENTALS, "sibilant": SIBILANTS}

_CORE_HALF = {"seal": 0.275, "labiodental": 0.275, "sibilant": 0.35}
"""Half of the fully open part, as a share of the phone."""
_MIN_RAMP_S = 0.012
_BRIDGE_S = 0.06
"""Two contacts of one kind this close stay closed in between: pop man."""
_MIN_SILENCE_S = 0.12
_BEFORE_FIRST_S, _AFTER_LAST_S = 0.13, 0.25


@dataclass(frozen=True)
class ContactTiming:
    """How fast contacts come and go."""

    attack_s: float = 0.055
    """Time from no contact to full contact."""
    release_s: float = 0.045
    """Time from full contact to none."""


@dataclass(frozen=True, eq=False)
class ContactWindows:
    """How much each contact is wanted on each frame, and by which phone."""

    openness: dict[ContactKind, Float[np.ndarray, " frames"]]
    """0 not at all to 1 fully, by kind."""
    owner: dict[ContactKind, Int[np.ndarray, " frames"]]
    """Number of the phone in the alignment that wants it most, -1 where none does."""


def smoothstep(x: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Rise from 0 at 0 to 1 at 1 with flat ends."""
    clipped = np.clip(x, 0.0, 1.0)
    return clipped * clipped * (3.0 - 2.0 * clipped)


@dataclass(slots=True)
class _Event:
    kind: ContactKind
    phone: int
    frame: int
    core_start_s: float
    core_end_s: float
    attack_s: float
    release_s: float


def _events(alignment: Alignment, rate: Rate, n_frames: int, timing: ContactTiming) -> list[_Event]:
    """Give the contacts in time order, each with its own frame."""
    events: list[_Event] = []
    last_lips: _Event | None = None
    phones = alignment.phones
    for number, phone in enumerate(phones):
        kind = next((k for k in KINDS if phone.label in _PHONES[k]), None)
        if kind is None:
            continue
        centre_s = (phone.start_s + phone.end_s) / 2
        frame = min(rate.tick_at(centre_s), n_frames - 1)
        if kind != "sibilant":
            # Lips cannot be sealed and on the teeth at once: the later contact takes the next frame.
            if last_lips is not None and frame <= last_lips.frame:
                frame = last_lips.frame + (last_lips.kind != kind)
            frame = min(frame, n_frames - 1)
        half_s = phone.duration_s * _CORE_HALF[kind]
        frame_s = rate.time_of(frame)
        start_s, end_s = min(centre_s - half_s, frame_s), max(centre_s + half_s, frame_s)
        event = _Event(kind, number, frame, start_s, end_s, timing.attack_s, timing.release_s)
        # A ramp stops at the middle of a neighbouring vowel, so that short vowels open.
        if number and phones[number - 1].label in VOWELS:
            middle_s = (phones[number - 1].start_s + phones[number - 1].end_s) / 2
            event.attack_s = float(np.clip(start_s - middle_s, _MIN_RAMP_S, timing.attack_s))
        if number + 1 < len(phones) and phones[number + 1].label in VOWELS:
            middle_s = (phones[number + 1].start_s + phones[number + 1].end_s) / 2
            event.release_s = float(np.clip(middle_s - end_s, _MIN_RAMP_S, timing.release_s))
        if kind == "seal":
            _extend_into_silence(event, alignment)
        events.append(event)
        if kind != "sibilant":
            last_lips = event
    return events


def _extend_into_silence(event: _Event, alignment: Alignment) -> None:
    """Keep lips shut from rest into a first P, B or M, and from a last M into rest."""
    phones, number = alignment.phones, event.phone
    before_s = _silence_s(phones[number - 1]) if number else phones[0].start_s
    is_last = number == len(phones) - 1
    after_s = alignment.duration_s - phones[number].end_s if is_last else _silence_s(phones[number + 1])
    # Before the first sound the mouth is at rest, however soon it comes.
    if before_s >= _MIN_SILENCE_S or before_s >= phones[number].start_s:
        event.core_start_s = min(event.core_start_s, phones[number].start_s - _BEFORE_FIRST_S)
    if after_s >= _MIN_SILENCE_S and phones[number].label == "M":
        event.core_end_s = max(event.core_end_s, phones[number].end_s + min(_AFTER_LAST_S, 0.6 * after_s))


def _silence_s(phone: Phone) -> float:
    return phone.duration_s if phone.label == SILENCE else 0.0


def _bridge(events: list[_Event], alignment: Alignment) -> None:
    """Keep two neighbouring phones of one kind in contact between them."""
    for before, after in pairwise(events):
        apart_s = alignment.phones[after.phone].start_s - alignment.phones[before.phone].end_s
        if before.kind == after.kind and after.phone == before.phone + 1 and apart_s < _BRIDGE_S:
            before.core_end_s = max(before.core_end_s, after.core_start_s)


def contact_windows(
    alignment: Alignment, rate: Rate, n_frames: int, timing: ContactTiming | None = None
) -> ContactWindows:
    """Give the windows of all contact phones of a clip.

    Args:
        alignment: Phones with times.
        rate: Frames a second of the motion to be changed.
        n_frames: Number of frames of that motion.
        timing: Ramps; None takes the defaults.

    Returns:
        One curve a kind of contact. On the frame that a P, B, M, F or V owns, its kind is at
        exactly 1 and the other kind of lip contact at 0.
    """
    events = _events(alignment, rate, n_frames, timing or ContactTiming())
    _bridge(events, alignment)
    openness: dict[ContactKind, Float[np.ndarray, " frames"]] = {}
    owner: dict[ContactKind, Int[np.ndarray, " frames"]] = {}
    for kind in KINDS:
        mine = [event for event in events if event.kind == kind]
        openness[kind], owner[kind] = _scatter(mine, rate, n_frames)
    seal, teeth = openness["seal"], openness["labiodental"]
    # Each gives way to the other as that one opens, to nothing where the other is full.
    shared = np.maximum(1.0 - seal * teeth, 1e-9)
    openness["seal"] = seal * (1.0 - teeth) / shared
    openness["labiodental"] = teeth * (1.0 - seal) / shared
    return ContactWindows(openness, owner)


def _scatter(
    events: list[_Event], rate: Rate, n_frames: int
) -> tuple[Float[np.ndarray, " frames"], Int[np.ndarray, " frames"]]:
    openness, owner = np.zeros(n_frames), np.full(n_frames, -1)
    if not events:
        return openness, owner
    start_s = np.array([e.core_start_s for e in events])
    end_s = np.array([e.core_end_s for e in events])
    attack_s = np.array([e.attack_s for e in events])
    release_s = np.array([e.release_s for e in events])
    phone = np.array([e.phone for e in events])
    hz = float(rate)
    first = np.clip(np.ceil((start_s - attack_s) * hz), 0, n_frames).astype(np.int64)
    stop = np.clip(np.floor((end_s + release_s) * hz) + 1, 0, n_frames).astype(np.int64)
    counts = np.maximum(stop - first, 0)
    event = np.repeat(np.arange(len(events)), counts)
    frames = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[event]
    times_s = frames / hz
    before = smoothstep(1.0 - (start_s[event] - times_s) / attack_s[event])
    after = smoothstep(1.0 - (times_s - end_s[event]) / release_s[event])
    wanted = np.minimum(before, after)
    full = np.array([e.frame for e in events])[event] == frames
    wanted[full] = 1.0  # whatever the float says of a core that ends on the frame
    order = np.argsort(wanted, kind="stable")
    openness[frames[order]] = wanted[order]
    owner[frames[order]] = phone[event[order]]
    return openness, owner
