"""The last touch on a stream of sound: no offset, no clicks at its ends, no clipping.

Sound is worked on in blocks counted from its start, so what is pushed in pieces comes out as the
whole would, bit for bit.
"""

import math

import numpy as np
from jaxtyping import Float32, Float64

from visemic.core.clock import Rate

FADE_S = 0.005
"""Both ends rise from nothing and fall to nothing in this time."""
LOWEST_HZ = 25.0
"""Below the deepest voice; what is slower is no sound."""
CEILING = 0.98
_BLOCK = 200
"""Samples that are cleaned at once: 12.5 ms at 16 kHz."""
_BEND = 0.8
"""Samples up to here stay as they are; louder ones bend towards the ceiling."""

Samples = Float32[np.ndarray, " samples"]


class Finish:
    """Finishes one sound as it comes.

    Args:
        rate: Samples a second.
        n_samples: Length that the whole shall have: what is more is cut, what lacks is silence;
            None keeps what comes.
    """

    def __init__(self, rate: Rate, n_samples: int | None = None) -> None:
        self._n_fade = round(FADE_S * float(rate))
        pole = 1.0 - 2.0 * math.pi * LOWEST_HZ / float(rate)
        self._decay: Float64[np.ndarray, " block"] = pole ** np.arange(1, _BLOCK + 1)
        self._before = self._level = 0.0
        """Last sample that was cleaned, and what became of it."""
        self._raw = np.zeros(0, np.float32)
        self._n_wanted = n_samples
        self._n_given = 0
        self._held = np.zeros(0, np.float32)
        """The last samples, which may yet turn out to be the end."""

    def push(self, samples: Float32[np.ndarray, " pushed"]) -> Samples:
        """Take samples and give those that are no part of the end."""
        raw = np.concatenate([self._raw, samples])
        n_whole = len(raw) // _BLOCK * _BLOCK
        self._raw = raw[n_whole:]
        self._held = np.concatenate([self._held, self._clean(raw[:n_whole])])
        n_ready = max(0, len(self._held) - self._n_fade)
        if self._n_wanted is not None:
            n_ready = min(n_ready, max(0, self._n_wanted - self._n_fade - self._n_given))
        return self._give(n_ready)

    def close(self) -> Samples:
        """Give the end, faded."""
        rest = np.pad(self._raw, (0, -len(self._raw) % _BLOCK))
        self._held = np.concatenate([self._held, self._clean(rest)[: len(self._raw)]])
        if self._n_wanted is not None:
            n_left = self._n_wanted - self._n_given
            lacking = np.zeros(max(0, n_left - len(self._held)), np.float32)
            self._held = np.concatenate([self._held, lacking])[:n_left]
        n_fade = min(self._n_fade, len(self._held))
        if n_fade:
            self._held[-n_fade:] *= self._slope(n_fade)[::-1]
        return self._give(len(self._held))

    def _give(self, n_ready: int) -> Samples:
        given, self._held = self._held[:n_ready].copy(), self._held[n_ready:]
        n_rising = min(max(0, self._n_fade - self._n_given), len(given))
        given[:n_rising] *= self._slope(self._n_fade)[self._n_given : self._n_given + n_rising]
        self._n_given += len(given)
        return given

    def _clean(self, samples: Float32[np.ndarray, " blocks"]) -> Float32[np.ndarray, " blocks"]:
        """Take the offset away and bend what is too loud, in whole blocks."""
        if len(samples) == 0:
            return samples
        steps = np.diff(samples.astype(np.float64), prepend=self._before).reshape(-1, _BLOCK)
        self._before = float(samples[-1])
        # A leaky sum: each block by itself, then what the blocks before it left.
        high = np.cumsum(steps / self._decay, 1) * self._decay
        for row in high:
            row += self._decay * self._level
            self._level = float(row[-1])
        high = high.reshape(-1)
        size = np.abs(high)
        room = CEILING - _BEND
        bent = _BEND + room * np.tanh((size - _BEND) / room)
        return np.where(size > _BEND, np.sign(high) * bent, high).astype(np.float32)

    @staticmethod
    def _slope(n: int) -> Float32[np.ndarray, " fade"]:
        return (np.arange(n) / n).astype(np.float32)
