"""The five nouns that flow through visemic.

``Waveform`` and ``Alignment`` become ``Features``, those become ``Motion``, that becomes
``MeshMotion``, and that becomes bytes. Each is frozen and carries its own clock, names and
units, so that no function needs to be told them again.

Shape letters: none; axes are named in full.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float32, Int

from visemic.core.clock import Rate
from visemic.core.errors import ClockError, LayoutError
from visemic.core.layout import Layout

SILENCE = "SIL"
"""Label of a phone in which nobody speaks."""


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono sound."""

    samples: Float32[np.ndarray, " samples"]
    """Sound pressure, -1 to 1."""
    rate: Rate
    """Samples a second."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(len(self.samples) / self.rate.hz)


@dataclass(frozen=True, slots=True)
class Phone:
    """A spoken segment in time."""

    label: str
    """ARPAbet without the stress digit for English, a key of the phone table for other
    languages, ``SIL`` for silence."""
    start_s: float
    end_s: float
    stress: int | None = None
    """0, 1 or 2 for a vowel whose stress is known, else None."""
    ipa: str = ""
    """The symbol that the voice spoke, when it gave one."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Word:
    """A word in time."""

    text: str
    """As written, without the punctuation around it."""
    start_s: float
    end_s: float
    spoken: str = ""
    """As spoken, when that differs: ``five dollars`` for ``$5``."""


@dataclass(frozen=True)
class Alignment:
    """Who says what when: phones and words on the clock of a waveform."""

    phones: tuple[Phone, ...]
    """In time order, without overlap; silence is a phone of its own."""
    words: tuple[Word, ...]
    """In time order; empty when only phones are known."""
    text: str
    """What is said, as written; empty when unknown."""
    duration_s: float
    """Length of the clip, at least the end of the last phone."""
    language: str = "en-us"
    """Language tag of the text."""
    source: str = "voice"
    """What the times come from: ``voice``, ``aligned``, ``recognised`` or ``file``."""

    def __post_init__(self) -> None:
        end_s = 0.0
        for phone in self.phones:
            if phone.start_s < end_s - 1e-6 or phone.end_s < phone.start_s:
                raise ClockError(
                    f"phone {phone.label!r} runs from {phone.start_s:.3f} to {phone.end_s:.3f} s "
                    f"after one that ends at {end_s:.3f} s; phones must follow one another"
                )
            end_s = phone.end_s
        if end_s > self.duration_s + 1e-6:
            raise ClockError(
                f"the last phone ends at {end_s:.3f} s in a clip of {self.duration_s:.3f} s; "
                "give the alignment and the sound the same clock"
            )

    def stretched(self, factor: float) -> "Alignment":
        """Give the alignment with every time multiplied by ``factor``."""
        return replace(
            self,
            phones=tuple(replace(p, start_s=p.start_s * factor, end_s=p.end_s * factor) for p in self.phones),
            words=tuple(replace(w, start_s=w.start_s * factor, end_s=w.end_s * factor) for w in self.words),
            duration_s=self.duration_s * factor,
        )

    def shifted(self, by_s: float, duration_s: float) -> "Alignment":
        """Give the alignment moved by ``by_s`` seconds inside a clip of ``duration_s``."""
        return replace(
            self,
            phones=tuple(replace(p, start_s=p.start_s + by_s, end_s=p.end_s + by_s) for p in self.phones),
            words=tuple(replace(w, start_s=w.start_s + by_s, end_s=w.end_s + by_s) for w in self.words),
            duration_s=duration_s,
        )


@dataclass(frozen=True, eq=False)
class Features:
    """What a model hears: one row a step."""

    values: Float[np.ndarray, "steps features"]
    rate: Rate
    """Steps a second."""
    name: str
    """Name of the extractor."""
    version: str
    """Version of the extractor; features of two versions do not mix."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Animation curves: one row a frame, frame ``i`` at ``i / rate`` seconds."""

    values: Float32[np.ndarray, "frames channels"]
    """Blendshape weights, 0 to 1, and rotations in radians, by channel."""
    layout: Layout
    rate: Rate
    """Frames a second."""

    def __post_init__(self) -> None:
        if self.values.shape[1] != len(self.layout):
            raise LayoutError(
                f"motion has {self.values.shape[1]} columns and layout {self.layout.name!r} "
                f"{len(self.layout)} channels; give both the same"
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return self.values.shape[0]

    @property
    def duration_s(self) -> float:
        """Length in seconds: every frame lasts one tick."""
        return float(self.n_frames / self.rate.hz)

    @property
    def times_s(self) -> Float[np.ndarray, " frames"]:
        """Time of each frame in seconds."""
        return self.rate.times_s(self.n_frames)

    def channel(self, name: str) -> Float32[np.ndarray, " frames"]:
        """Give one curve by name."""
        return self.values[:, self.layout.index(name)]

    def to_layout(self, layout: Layout) -> "Motion":
        """Give the motion in another layout: channels by name, missing ones at 0."""
        if layout == self.layout:
            return self
        values = np.zeros((self.n_frames, len(layout)), np.float32)
        for column, name in enumerate(layout.names):
            if name in self.layout:
                values[:, column] = self.values[:, self.layout.index(name)]
        return Motion(values, layout, self.rate)


@dataclass(frozen=True, eq=False)
class Topology:
    """Which vertices make triangles."""

    name: str
    triangles: Int[np.ndarray, "triangles 3"]
    """Vertex numbers, counter-clockwise seen from outside."""


@dataclass(frozen=True, eq=False)
class MeshMotion:
    """A moving mesh."""

    vertices: Float32[np.ndarray, "frames vertices 3"]
    """Positions in metres, y up, face looking along +z."""
    topology: Topology
    rate: Rate
    """Frames a second."""


@dataclass(frozen=True)
class Provenance:
    """Where a clip comes from: written into or beside every file."""

    version: str
    """Version of visemic."""
    command: str
    """The command line or the Python call."""
    seed: int
    voice: str
    """Name of the voice, or ``recording``."""
    model: str
    rig: str
    licences: dict[str, str] = field(default_factory=dict)
    """Licence of each part by its name: code, voice, model, rig, pronunciations …"""
    notes: tuple[str, ...] = ()
    """What a user should know, such as a fallback that was taken."""

    def to_dict(self) -> dict[str, object]:
        """Give the manifest as plain data, the same keys in every format."""
        return {
            "generator": "visemic",
            "version": self.version,
            "command": self.command,
            "seed": self.seed,
            "voice": self.voice,
            "model": self.model,
            "rig": self.rig,
            "licences": dict(sorted(self.licences.items())),
            "notes": list(self.notes),
        }
