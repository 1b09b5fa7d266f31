"""Contacts from what was heard: windows that open as a recogniser hears P, B, M, F, V or S.

Without a transcript nobody knows where a phone begins or ends; only how likely it is now. Each
kind of contact opens with its likelihood, stays long enough for a frame to show it, and closes
no faster than lips do. Nothing looks ahead: step by step or all at once is the same.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from visemic.motion.contact_windows import ContactKind, ContactWindows, smoothstep
from visemic.text.phone_posterior import PHONES
from visemic.text.visemes import BILABIALS, LABIODENTALS, SIBILANTS, VOWELS

HEARD: tuple[ContactKind, ...] = ("seal", "labiodental", "sibilant")
OWNERS = ("M", "V", "S")
"""Whose posture a contact takes, by kind."""
VOWEL, QUIET = len(HEARD), len(HEARD) + 1
"""Columns after the contacts: how much a vowel parts the lips, how long nobody has spoken."""
N_CURVES = len(HEARD) + 2


@dataclass(frozen=True)
class HeardTiming:
    """When a likelihood becomes a contact."""

    begins: tuple[float, float, float] = (0.3, 0.7, 0.7)
    """Likelihood at which a contact begins, by kind."""
    full: tuple[float, float, float] = (0.6, 0.95, 1.0)
    """Likelihood at which it is full."""
    held_steps: int = 0
    """Steps that a contact lasts after its likelihood has gone."""
    release_steps: float = 1.5
    """Steps from full to none."""
    vowel: tuple[float, float] = (0.5, 0.8)
    """Likelihood of any vowel at which the lips begin to part, and at which they must be parted."""
    silent: float = 0.88
    """Likelihood of silence that counts as silence."""
    rest_steps: float = 60.0
    """Steps of silence after which the mouth is at rest: people keep their lips parted between phrases."""
    wake_steps: float = 3.0
    """Steps of sound after which it moves freely."""


class ContactGate:
    """Turns likelihoods into openness, step by step; each stream has its own."""

    def __init__(self, timing: HeardTiming | None = None) -> None:
        self._timing = timing or HeardTiming()
        self._open = np.zeros(len(HEARD))
        self._peak = np.zeros(len(HEARD))
        self._age = np.full(len(HEARD), 10**6)
        self._quiet = 0.0
        self._silence = PHONES.index("SIL")
        groups = (BILABIALS, LABIODENTALS, SIBILANTS, VOWELS)
        self._sums = np.array([[phone in group for group in groups] for phone in PHONES], float)

    def push(self, phones: Float32[np.ndarray, "steps phones"]) -> Float[np.ndarray, "steps curves"]:
        """Give the openness of each contact and of vowels at each step."""
        timing = self._timing
        heard = phones.astype(float) @ self._sums
        low, high = np.array(timing.begins), np.array(timing.full)
        wanted = smoothstep((heard[:, : len(HEARD)] - low) / (high - low))
        out = np.empty((len(phones), N_CURVES))
        for step, now in enumerate(wanted):
            renewed = now >= self._peak
            self._age = np.where(renewed, 0, self._age + 1)
            is_held = self._age <= timing.held_steps
            falling = np.where(is_held, self._peak, self._open - 1 / timing.release_steps)
            self._open = np.maximum(np.maximum(now, falling), 0.0)
            self._peak = np.where(renewed, now, np.where(is_held, self._peak, self._open))
            out[step, : len(HEARD)] = self._open
        begins, parted = timing.vowel
        lips = np.maximum(out[:, 0], out[:, 1])
        out[:, VOWEL] = smoothstep((heard[:, -1] - begins) / (parted - begins)) * (1 - lips)
        for step, is_silent in enumerate(phones[:, self._silence] > timing.silent):
            change = 1 / timing.rest_steps if is_silent else -1 / timing.wake_steps
            self._quiet = min(1.0, max(0.0, self._quiet + change))
            out[step, QUIET] = self._quiet
        out[:, QUIET] = smoothstep(out[:, QUIET])
        return out


def heard_windows(openness: Float[np.ndarray, "frames curves"]) -> ContactWindows:
    """Give the windows of openness at frames: the owner of every kind is its one posture."""
    seal, teeth = openness[:, 0], openness[:, 1]
    shared = np.maximum(1.0 - seal * teeth, 1e-9)
    curves = (seal * (1.0 - teeth) / shared, teeth * (1.0 - seal) / shared, openness[:, 2])
    owners = (np.where(curve > 0, number, -1) for number, curve in enumerate(curves))
    return ContactWindows(dict(zip(HEARD, curves, strict=True)), dict(zip(HEARD, owners, strict=True)))
