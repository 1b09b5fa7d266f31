"""What was heard, as numbers of unit size for a network, with the speaker's own manner taken out if known.

A high voice may be an excited low one. Where the same voice was heard at rest, everything is told as a
difference from that; where it was not, as it is, and the network has to guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.models.instruction_hearing import Heard, is_spoken

_LIMIT = 5.0
_FAR = 8.0


@dataclass(frozen=True, eq=False)
class AtRest:
    """A voice without feeling: what describes it, and its middle frame."""

    numbers: Float32[np.ndarray, " numbers"]
    frame: Float32[np.ndarray, " inputs"]

    def moved(
        self, numbers: Float32[np.ndarray, " numbers"], frame: Float32[np.ndarray, " inputs"]
    ) -> "AtRest":
        """Give another voice, so far from this one."""
        return AtRest(self.numbers + numbers, self.frame + frame)


def at_rest_of(heard: Sequence[Heard]) -> AtRest:
    """Give the mean over sounds of one voice without feeling, all recorded alike; at least one."""
    numbers = np.mean([sound.described() for sound in heard], axis=0)
    frames = np.mean([sound.frames()[is_spoken(sound.curves)].mean(axis=0) for sound in heard], axis=0)
    return AtRest(numbers.astype(np.float32), frames.astype(np.float32))


@dataclass(frozen=True, eq=False)
class HearingScale:
    """Means and spreads over the training data, by which inputs come near to unit size."""

    frames_mean: Float32[np.ndarray, " inputs"]
    frames_spread: Float32[np.ndarray, " inputs"]
    whole_mean: Float32[np.ndarray, " numbers"]
    whole_spread: Float32[np.ndarray, " numbers"]
    rest_spread: Float32[np.ndarray, " numbers"]
    """Within one voice at rest: what differs by more than this says something."""

    def frames(
        self, frames: Float32[np.ndarray, "frames inputs"], at_rest: AtRest | None
    ) -> Float32[np.ndarray, "frames inputs"]:
        """Give the frames of a sound as the network sees them."""
        middle = self.frames_mean if at_rest is None else at_rest.frame
        return np.clip((frames - middle) / self.frames_spread, -_LIMIT, _LIMIT).astype(np.float32)

    def whole(
        self, own: Float32[np.ndarray, " numbers"], at_rest: AtRest | None
    ) -> Float32[np.ndarray, " whole"]:
        """Give what the network is told of a span: its numbers, and how they differ from the voice at rest.

        The second half is 0 where the voice is not known. The loudness itself is a matter of the
        microphone and told as a difference only.

        Args:
            own: What describes the span.
            at_rest: The same voice without feeling; None where it is not known.
        """
        itself = np.clip((own - self.whole_mean) / self.whole_spread, -_LIMIT, _LIMIT)
        itself[-1] = 0.0
        if at_rest is None:
            return np.concatenate([itself, np.zeros_like(own)]).astype(np.float32)
        against = np.clip((own - at_rest.numbers) / self.rest_spread, -_FAR, _FAR) / 2
        return np.concatenate([itself, against]).astype(np.float32)

    def to_dict(self) -> dict[str, object]:
        """Give plain lists for an artefact."""
        return {name: np.round(value.astype(float), 5).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "HearingScale":
        """Read what ``to_dict`` gave; other keys are left alone."""
        return cls(*(np.array(values[name], np.float32) for name in cls.__dataclass_fields__))
