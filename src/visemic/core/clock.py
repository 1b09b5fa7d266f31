"""Exact clocks.

A rate is a fraction, never a float: 0.29 s at 100 Hz is tick 29 and 30000/1001 stays
itself over an hour. All rounding between seconds and ticks happens here.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from visemic.core.errors import ClockError

MAX_RATE_HZ = 768_000
"""Highest rate that any audio converter uses."""

_PARTS_OF_A_TICK = 10**6
"""Ticks are told apart to a millionth, which hides the float's own error in seconds."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Ticks a second, as an exact fraction."""

    hz: Fraction
    """Ticks a second, above 0."""

    def __post_init__(self) -> None:
        if not 0 < self.hz <= MAX_RATE_HZ:
            raise ClockError(
                f"a rate of {float(self.hz):g} Hz cannot be used; it must lie above 0 and "
                f"at most at {MAX_RATE_HZ} Hz"
            )

    @classmethod
    def of(cls, hz: "int | float | str | Fraction | Rate") -> "Rate":
        """Give the rate for a number, with the broadcast rates such as 29.97 made exact.

        Args:
            hz: Ticks a second: ``30``, ``29.97``, ``"30000/1001"`` or a fraction.

        Raises:
            ClockError: The value is not a positive number.

        Example:
            >>> Rate.of(29.97).hz
            Fraction(30000, 1001)
        """
        if isinstance(hz, Rate):
            return cls(hz.hz)
        try:
            exact = Fraction(str(hz)) if isinstance(hz, float) else Fraction(hz)
        except (ValueError, ZeroDivisionError, TypeError) as error:
            raise ClockError(
                f"a rate of {hz!r} is not a number; give hertz such as 30 or 30000/1001"
            ) from error
        nominal = round(exact * Fraction(1001, 1000))
        broadcast = Fraction(nominal * 1000, 1001)
        # 23.976, 29.97, 59.94: written with two or three decimals, they mean n*1000/1001. A fraction
        # means itself.
        is_decimal = isinstance(hz, float) or (isinstance(hz, str) and "/" not in hz)
        if is_decimal and exact.denominator > 1 and nominal > 0 and abs(exact - broadcast) < Fraction(1, 200):
            exact = broadcast
        return cls(exact)

    def tick_at(self, time_s: float) -> int:
        """Give the tick nearest to a time; halves go up.

        Example:
            >>> Rate.of(30).tick_at(0.7)
            21
        """
        parts = round(Fraction(time_s) * self.hz * _PARTS_OF_A_TICK)
        return math.floor(Fraction(parts, _PARTS_OF_A_TICK) + Fraction(1, 2))

    def count(self, duration_s: float) -> int:
        """Give the number of ticks in a clip of this duration: the nearest, at least one."""
        return max(1, self.tick_at(duration_s))

    def time_of(self, tick: int) -> float:
        """Give the time of a tick in seconds."""
        return float(tick / self.hz)

    def times_s(self, n_ticks: int) -> Float[np.ndarray, " ticks"]:
        """Give the times of the first ``n_ticks`` ticks in seconds."""
        return np.arange(n_ticks) * self.hz.denominator / self.hz.numerator

    def __float__(self) -> float:
        return float(self.hz)

    def __str__(self) -> str:
        if self.hz.denominator == 1:
            return f"{self.hz.numerator} Hz"
        return f"{self.hz.numerator}/{self.hz.denominator} Hz"


SPEECH_RATE = Rate(Fraction(16_000))
"""The rate of every speech front end in this package."""
