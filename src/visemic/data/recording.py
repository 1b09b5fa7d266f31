"""One clip of a corpus, as every importer gives it and everything above takes it.

A dataset's habits die here: metres, true rates, named channels, a split and a licence. Past
this noun nobody may ask which dataset a clip came from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, FormatError
from visemic.core.signals import Alignment, MeshMotion, Motion, Waveform

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

MAX_GAP_S = 0.5
"""Largest difference between the lengths of sound and motion that is cut instead of refused."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Sound and motion of one take."""

    clip_id: str
    """Unique within the corpus; letters, digits, ``_ - . /``."""
    speaker: str
    split: Split
    licence: str
    """SPDX name or the owner's terms in a few words."""
    source: str
    """Name of the corpus, for people; no code may branch on it."""
    rate: Rate
    """Frames a second of ``motion`` and ``mesh``."""
    motion: Motion | None = None
    """Blendshape weights and rotations by name; None for a mesh corpus."""
    mesh: MeshMotion | None = None
    """Moving vertices, metres, y up, facing +z; None for a blendshape corpus."""
    neutral: Float32[np.ndarray, "vertices 3"] | None = None
    """The speaker's face at rest in the mesh's topology; needed with ``mesh``."""
    waveform: Waveform | None = None
    """Sound at any rate, on the motion's clock; stores keep it at 16 kHz."""
    alignment: Alignment | None = None
    text: str = ""
    language: str = "en-us"
    emotion: str = ""
    """Label such as ``happy``; empty when none was given."""
    intensity: float | None = None
    """0 to 1, None when none was given."""
    notes: tuple[str, ...] = ()
    """What the importer repaired: frames inserted, lag removed …"""

    def __post_init__(self) -> None:
        if self.motion is None and self.mesh is None:
            raise FormatError(f"clip {self.clip_id} holds neither weights nor vertices; give one of them")
        if (self.mesh is None) != (self.neutral is None):
            raise FormatError(f"clip {self.clip_id} needs a mesh and its neutral together; give both or none")
        for moving in (self.motion, self.mesh):
            if moving is not None and moving.rate != self.rate:
                raise ClockError(
                    f"clip {self.clip_id} is declared at {self.rate} and moves at {moving.rate}; "
                    "give both the same rate"
                )
        if self.waveform is not None and abs(self.waveform.duration_s - self.duration_s) > MAX_GAP_S:
            raise ClockError(
                f"clip {self.clip_id} has {self.n_frames} frames of motion for "
                f"{self.waveform.duration_s:.2f} s of audio, {self.rate.count(self.waveform.duration_s)} "
                f"are expected at {self.rate}; is it data of another rate"
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        if self.motion is not None:
            return self.motion.n_frames
        assert self.mesh is not None
        return len(self.mesh.vertices)

    @property
    def duration_s(self) -> float:
        """Length of the motion in seconds."""
        return float(self.n_frames / self.rate.hz)


@runtime_checkable
class Importer(Protocol):
    """Reads a corpus clip by clip, in the memory of one clip."""

    kind: str
    """Name on the command line."""
    description: str
    """What it reads, in one sentence."""

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the clips of a corpus in a stable order.

        Raises:
            FormatError: A file is not what it should be; the sentence names file and row.
        """
        ...
