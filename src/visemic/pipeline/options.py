"""The options that ``speak`` and ``animate`` share, checked in one place.

Names are those of the command line, so that what one learns there holds in Python.
"""

from dataclasses import dataclass

from visemic.core.acting_note import ActingNote, whole_note
from visemic.core.acting_reader import emotion_of
from visemic.core.action_units import DEGREES
from visemic.core.clock import Rate
from visemic.core.errors import ClockError, InputError, shown
from visemic.models.base import FaceControl
from visemic.motion.emotion import LEVELS, emotion_weights

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
    note: ActingNote | None = None
    """How the speaker looks, span by span."""
    emotion: str = ""
    """The short form of a note: ``happy``, ``happy:0.6`` or ``happy:strong`` from beginning to end."""
    act: str = ""
    """Who writes the note: ``best``, ``rules``, a model's name; nothing leaves it out."""
    at_rest: str = ""
    """File of the same speaker without feeling, for a writer that hears feeling as a difference."""
    since: ActingNote | None = None
    """Note of an earlier run: only the spans that differ from it move otherwise. An ``EditedNote`` of
    several repeats a chain of such runs."""
    expression_from: str = ""
    """Clip that a model which parts speech from expression takes the upper face from."""
    temperature: float = 1.0
    """Of such a model's chance: 0 the likeliest face, 1 as trained."""

    @property
    def is_acted(self) -> bool:
        """Whether there is anything to act."""
        return self.note is not None or bool(self.emotion or self.act)

    def emotion_note(self, duration_s: float) -> ActingNote:
        """Give the note that the short form stands for.

        Raises:
            InputError: It names no emotion, or no intensity.
        """
        name, _, level = self.emotion.partition(":")
        emotion = emotion_of(name)
        named = {**DEGREES, **LEVELS, "": 0.0 if emotion == "neutral" else LEVELS["strong"]}
        level = level.strip().lower()
        try:
            intensity = named[level] if level in named else float(level)
        except ValueError:
            raise InputError(
                f"emotion {shown(self.emotion)} has no intensity that can be read; write it as happy:0.6"
            ) from None
        emotion_weights(emotion, intensity)  # refuses what is not known
        return whole_note(duration_s, emotion, intensity, source="emotion")

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
        asked = [name for name in ("note", "emotion", "act") if getattr(self, name)]
        if len(asked) > 1:
            raise InputError(f"both {asked[0]} and {asked[1]} say how to look; give one of the two")
        if self.at_rest and not self.act:
            raise InputError(f"{self.at_rest!r} is for writing a note and none is to be written; add --act")
        if self.since is not None and self.note is None:
            raise InputError("an earlier note is compared with a note and none is given; give --note FILE")
        if self.emotion:
            self.emotion_note(1.0)
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; give a whole number from 0 up")
