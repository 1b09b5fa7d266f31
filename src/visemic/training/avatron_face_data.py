"""What Avatron's face learns from: what is said, with its frames, and how the face moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64

from visemic.core.clock import Rate
from visemic.core.errors import InputError, TextError, unknown_name
from visemic.core.layout import ARKIT_52, ARKIT_61, FACE_63, MOUTH_33, Layout
from visemic.data.loader import ClipStore
from visemic.models.avatron import AvatronVoice
from visemic.models.avatron_text import (
    BILABIAL_CLASS,
    frames_of_phones,
    phone_classes,
    symbol_numbers,
    symbols_of_phones,
)
from visemic.models.avatron_timing import MEL_RATE, symbol_of_frame, video_places
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig
from visemic.training.avatron_data import whole_phones

LAYOUTS = {layout.name: layout for layout in (MOUTH_33, ARKIT_52, ARKIT_61, FACE_63)}
_LIP_NAMES = ("mouth", "jaw", "tongue")
_UPPER_NAMES = ("eye", "brow", "nose", "cheekSquint")
MEASURES = ("lip_gap", "mouth_width", "upper_lip_protrusion", "incisor_gap")
"""Read-outs that a face may be taught by, besides its outputs."""
MEASURES_AT = [readout_index(name) for name in MEASURES]


@dataclass(frozen=True)
class FaceDataConfig:
    """Which stores, and which movement of them."""

    stores: tuple[str, ...]
    """Names under which ``--data`` gives the stores."""
    layout: str = "arkit-52"
    """Channels to learn; "" learns the vertices of a mesh corpus."""
    styles: tuple[str, ...] = ()
    """Speakers and feelings whose manner of moving is told apart; other speakers share the first, and
    an intensity of a feeling is a mixture. Empty: one for all."""
    manner: str = ""
    """How the face moves when nothing is asked, such as ``rules=0.5``; what is left is the first style."""
    max_clips: int = 0
    """At most so many clips of a split of a store; 0 takes all."""
    validation_clips: int = 24
    max_frames: int = 900
    """Longer clips are left out of training."""
    rig: str = "visemic"
    """Head whose lips close, for channels."""
    lip_vertices: tuple[int, ...] = ()
    """Inner upper and lower lip at the midline, for meshes; without them nothing makes lips close."""
    lip_radius_m: float = 0.035
    """Vertices of a mesh this near to the lips are the lips."""
    upper_above_m: float = 0.045
    """Vertices of a mesh this far above the lips are the upper face."""


@dataclass(frozen=True, eq=False)
class FaceClip:
    """What is said in a clip, and where its movement lies."""

    store: int
    number: int
    """Of the clip in its store."""
    style: Float32[np.ndarray, " styles"]
    """Share of each manner of moving."""
    classes: Int64[np.ndarray, " symbols"]
    before: Int64[np.ndarray, " video"]
    """Symbol at the mel frame before each video frame."""
    after: Int64[np.ndarray, " video"]
    share: Float32[np.ndarray, " video"]
    states: Float32[np.ndarray, "symbols channels"]
    """Text embedding of the frozen voice."""

    @property
    def n_frames(self) -> int:
        """Video frames."""
        return len(self.before)

    @property
    def closed(self) -> Float32[np.ndarray, " video"]:
        """Tell where a bilabial is spoken."""
        here = np.where(self.share < 0.5, self.before, self.after)
        return (self.classes[here] == BILABIAL_CLASS).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Regions:
    """Which outputs are which part of the face, and how the lips' gap reads from them."""

    lips: Int64[np.ndarray, " lips"]
    upper: Int64[np.ndarray, " upper"]
    gap_mm: Float32[np.ndarray, " outputs"] | None
    """Millimetres of the gap per unit of each output; None when no lips are named."""
    measures_mm: Float32[np.ndarray, "outputs measures"] | None = None
    """Millimetres of gap, width, protrusion and teeth per unit of each output; None for meshes."""


@dataclass(eq=False)
class FaceCorpus:
    """Stores opened for learning."""

    config: FaceDataConfig
    stores: list[ClipStore]
    rate: Rate
    n_outputs: int
    train: list[FaceClip] = field(default_factory=list)
    judges: list[FaceClip] = field(default_factory=list)
    licences: dict[str, str] = field(default_factory=dict)

    @property
    def layout(self) -> Layout | None:
        """Channels of the outputs; None for vertices."""
        return LAYOUTS[self.config.layout] if self.config.layout else None

    def motion(self, clip: FaceClip) -> Float32[np.ndarray, "video outputs"]:
        """Read the movement of a clip: weights, or displacements in metres."""
        window = self.stores[clip.store].window(clip.number, 0, clip.n_frames)
        layout = self.layout
        if layout is None:
            if window.displacements is None:
                raise InputError(f"clip {window.entry.clip_id} has no mesh; name a data.layout of channels")
            return window.displacements.reshape(clip.n_frames, -1)
        own = window.entry.layout
        if window.weights is None or own is None:
            raise InputError(f'clip {window.entry.clip_id} has no channels; set data.layout to ""')
        values = np.zeros((clip.n_frames, len(layout)), np.float32)
        for column, name in enumerate(layout.names):
            if name in own:
                values[:, column] = window.weights[:, own.index(name)]
        return values


def open_corpus(config: FaceDataConfig, paths: Mapping[str, Path], voice: AvatronVoice) -> FaceCorpus:
    """Open the stores and let the frozen voice read every text once.

    Raises:
        InputError: A store is missing, the stores do not go together, or nothing is aligned.
    """
    if config.layout and config.layout not in LAYOUTS:
        raise InputError(unknown_name("layout", config.layout, LAYOUTS))
    for name in config.stores:
        if name not in paths:
            raise InputError(f"store {name!r} of the recipe was not given; add --data {name}=PATH")
    stores = [ClipStore(paths[name]) for name in config.stores]
    entries = [entry for store in stores for entry in store.entries]
    if not entries:
        raise InputError("the stores hold 0 clips; import a corpus first")
    first = entries[0]
    n_outputs = len(LAYOUTS[config.layout]) if config.layout else 3 * first.n_vertices
    for entry in entries:
        if entry.rate != first.rate or (not config.layout and 3 * entry.n_vertices != n_outputs):
            raise InputError(
                f"clip {entry.clip_id} has {entry.n_vertices} vertices at {entry.rate}, clip {first.clip_id} "
                f"{first.n_vertices} at {first.rate}; a face learns from one mesh at one rate"
            )
    corpus = FaceCorpus(config, stores, first.rate, n_outputs)
    for number, (name, store) in enumerate(zip(config.stores, stores, strict=True)):
        for split, clips, most in (
            ("train", corpus.train, config.max_clips),
            ("validation", corpus.judges, config.validation_clips),
        ):
            places = [place for place, entry in enumerate(store.entries) if entry.split == split]
            # Evenly over the store, which may hold one manner after another.
            step = len(places) / most if 0 < most < len(places) else 1.0
            for place in [places[int(i * step)] for i in range(int(len(places) / step + 1e-9))]:
                clip = _face_clip(corpus, number, place, voice)
                if clip is None or clip.n_frames > config.max_frames:
                    continue
                clips.append(clip)
                if split == "train":
                    corpus.licences[store.entries[place].source or name] = store.entries[place].licence
    if not corpus.train or not corpus.judges:
        raise InputError(
            f"the stores have {len(corpus.train)} aligned clips to learn from and {len(corpus.judges)} to "
            "judge by; align them first"
        )
    return corpus


def _face_clip(corpus: FaceCorpus, number: int, place: int, voice: AvatronVoice) -> FaceClip | None:
    store = corpus.stores[number]
    entry = store.entries[place]
    alignment = store.alignment(place)
    if alignment is None or not alignment.phones:
        return None
    n_mel = MEL_RATE.count(entry.duration_s)
    phones = whole_phones(alignment.phones, entry.duration_s)
    symbols = symbols_of_phones(phones, entry.text)
    try:
        numbers = symbol_numbers(symbols)
    except TextError:
        return None  # A phone of another language; the voice cannot read it.
    owner = symbol_of_frame(frames_of_phones(phones, n_mel))
    before, share = video_places(n_mel, entry.rate)
    n_video = min(entry.n_frames, len(before))
    before, share = before[:n_video], share[:n_video]
    with torch.no_grad():
        text = torch.from_numpy(numbers)[None]
        states = voice.encode(text, torch.ones_like(text, dtype=torch.bool))[0].numpy()
    style = clip_style(entry.speaker, entry.emotion, entry.intensity, corpus.config.styles)
    after = owner[np.minimum(before + 1, n_mel - 1)]
    return FaceClip(number, place, style, phone_classes(symbols), owner[before], after, share, states)


def clip_style(
    speaker: str, emotion: str, intensity: float | None, styles: Sequence[str]
) -> Float32[np.ndarray, " styles"]:
    """Give the share of each manner of moving in a clip: its speaker's, and that of its feeling.

    Args:
        speaker: One that is not among the styles moves as the first does.
        emotion: One that is not among them is not told.
        intensity: Share of the feeling, 0 to 1; None is 1.
        styles: Names in order; none are one for all.
    """
    shares = np.zeros(max(1, len(styles)), np.float32)
    felt = 0.0
    if emotion in styles:
        felt = 1.0 if intensity is None else intensity
        shares[styles.index(emotion)] = felt
    shares[styles.index(speaker) if speaker in styles else 0] += 1 - felt
    return shares


def face_regions(corpus: FaceCorpus) -> Regions:
    """Find lips, upper face and the lips' gap among the outputs."""
    layout, config = corpus.layout, corpus.config
    if layout is not None:
        lips = [i for i, name in enumerate(layout.names) if name.startswith(_LIP_NAMES)]
        upper = [i for i, name in enumerate(layout.names) if name.startswith(_UPPER_NAMES)]
        readouts = fit_readouts(load_rig(config.rig))
        slopes = np.zeros((len(layout), len(MEASURES)), np.float32)
        for row, name in enumerate(layout.names):
            if name in readouts.layout:
                slopes[row] = readouts.slopes_mm[readouts.layout.index(name), MEASURES_AT]
        return Regions(np.array(lips, np.int64), np.array(upper, np.int64), slopes[:, 0].copy(), slopes)
    if len(config.lip_vertices) != 2:
        every = np.arange(corpus.n_outputs)
        return Regions(every, every[:0], None)
    clip = corpus.train[0]
    neutral = corpus.stores[clip.store].neutral(clip.number)
    upper_lip, lower_lip = config.lip_vertices
    middle = (neutral[upper_lip] + neutral[lower_lip]) / 2
    near = np.linalg.norm(neutral - middle, axis=1) < config.lip_radius_m
    above = neutral[:, 1] > middle[1] + config.upper_above_m
    gap = np.zeros(corpus.n_outputs, np.float32)
    gap[3 * upper_lip + 1], gap[3 * lower_lip + 1] = 1_000.0, -1_000.0
    return Regions(_columns(near), _columns(above), gap)


def _columns(chosen: np.ndarray) -> Int64[np.ndarray, " outputs"]:
    return (3 * np.flatnonzero(chosen)[:, None] + np.arange(3)).reshape(-1).astype(np.int64)


def sampled_motion(
    corpus: FaceCorpus, clips: Sequence[FaceClip], n_frames: int
) -> Float32[np.ndarray, "frames outputs"]:
    """Give about so many frames spread over the training clips, to fit statistics on."""
    total = sum(clip.n_frames for clip in clips)
    step = max(1, total // n_frames)
    return np.concatenate([corpus.motion(clip)[(17 * i) % step :: step] for i, clip in enumerate(clips)])
