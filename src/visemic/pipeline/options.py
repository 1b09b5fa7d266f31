"""The options that ``speak`` and ``animate`` share, checked in one place.

Names are those of the command line, so that what one learns there holds in Python.
"""

from dataclasses import dataclass

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError
from visemic.models.base import FaceControl

MIN_FPS = 1
MAX_FPS = 240
DEFAULT_FPS = 30
DEFAULT_RIG = "visemic"
DEFAULT_MODEL = "viseme-rules"
"""For text, whose phones the voice tells exactly."""
DEFAULT_SOUND_MODEL = "trunk-mouth"
"""For recordings."""
DEFAULT_LANGUAGE = "en-us"


@dataclass(frozen=True)
class FaceOptions:
    """How a face moves, whatever the sound comes from."""

    fps: "float | str | Rate" = DEFAULT_FPS
    """Frames a second: 24, 25, 29.97, 30, 60, or a fraction such as 30000/1001."""
    rig: str = DEFAULT_RIG
    """Name of the head."""
    model: str = DEFAULT_MODEL
    """Name of the model of motion."""
    seed: int = 0
    """Start of chance: the same seed gives the same bytes."""
    blink: float = 1.0
    brows: float = 1.0
    head: float = 1.0
    gaze: float = 1.0

    @property
    def rate(self) -> Rate:
        """The frame rate, exact.

        Raises:
            ClockError: It is not between 1 and 240 Hz.
        """
        rate = Rate.of(self.fps)
        if not MIN_FPS <= rate.hz <= MAX_FPS:
            raise ClockError(
                f"a frame rate of {float(rate):g} Hz cannot be used; "
                f"give {MIN_FPS} to {MAX_FPS} frames a second"
            )
        return rate

    @property
    def control(self) -> FaceControl:
        """The amplitudes of the upper face."""
        return FaceControl(self.blink, self.brows, self.head, self.gaze)

    def check(self) -> None:
        """Refuse options that cannot be used, before any work.

        Raises:
            InputError: An amplitude or the seed is out of range.
            ClockError: The frame rate is.
        """
        _ = self.rate, self.control
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; give a whole number from 0 up")
