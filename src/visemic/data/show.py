"""A store at a glance: figures by split and speaker, and a sheet of its faces."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import UInt8

from visemic.core.errors import InputError
from visemic.core.layout import Layout
from visemic.core.signals import Motion
from visemic.data.loader import ClipStore
from visemic.data.manifest import ClipEntry
from visemic.data.recording import SPLITS
from visemic.rig.linear import Material, MaterialGroup, Rig

ShowProgress = Callable[[int, int], None]
"""Called after each clip with clips done and clips in all."""

MAX_PICTURES = 400
_GOLDEN = (5**0.5 - 1) / 2
_SKIN = Material("skin", (0.62, 0.42, 0.34), roughness=0.55, subsurface=0.4)
_BLOCK_FRAMES = 4_096


@dataclass(frozen=True, slots=True)
class Group:
    """The clips of one speaker in one split."""

    split: str
    speaker: str
    n_clips: int
    n_frames: int
    hours: float


@dataclass(frozen=True, slots=True)
class ChannelRange:
    """What one channel does in the whole store."""

    channel: str
    least: float
    """Weights have no unit, rotations are radians."""
    mean: float
    largest: float


@dataclass(frozen=True, slots=True)
class StoreSummary:
    """Figures of a store."""

    n_clips: int
    hours: float
    groups: tuple[Group, ...]
    """By split, then speaker."""
    channels: tuple[ChannelRange, ...]
    """In the order of the layouts; empty for a mesh corpus."""
    licences: dict[str, int]
    """Clips by licence; so for the following."""
    sources: dict[str, int]
    rates: dict[str, int]
    languages: dict[str, int]
    emotions: dict[str, int]
    topologies: dict[str, int]
    has_sound: int
    """Clips with sound; so for the following."""
    has_text: int
    has_alignment: int
    notes: dict[str, int]
    """What importers repaired, without its numbers."""

    def to_dict(self) -> dict[str, object]:
        """Give the figures as plain data."""
        return asdict(self)


def summarise(store: ClipStore, *, progress: ShowProgress | None = None) -> StoreSummary:
    """Count a store's clips and measure its channels; reads all weights, one clip at a time.

    Raises:
        ArtifactError: A file is missing or cut short.
    """
    entries = store.entries
    return StoreSummary(
        n_clips=len(entries),
        hours=_hours(entries),
        groups=_groups(entries),
        channels=_channel_ranges(store, progress),
        licences=_counted(entry.licence for entry in entries),
        sources=_counted(entry.source for entry in entries),
        rates=_counted(str(entry.rate) for entry in entries),
        languages=_counted(entry.language for entry in entries),
        emotions=_counted(entry.emotion for entry in entries if entry.emotion),
        topologies=_counted(entry.topology for entry in entries if entry.topology),
        has_sound=sum(entry.n_samples > 0 for entry in entries),
        has_text=sum(bool(entry.text) for entry in entries),
        has_alignment=sum("alignment" in entry.parts for entry in entries),
        notes=_counted(_without_numbers(note) for entry in entries for note in entry.notes),
    )


def _hours(entries: Iterable[ClipEntry]) -> float:
    return round(sum(entry.duration_s for entry in entries) / 3600, 6)


def _groups(entries: tuple[ClipEntry, ...]) -> tuple[Group, ...]:
    by_group: dict[tuple[int, str], list[ClipEntry]] = {}
    for entry in entries:
        by_group.setdefault((SPLITS.index(entry.split), entry.speaker), []).append(entry)
    return tuple(
        Group(SPLITS[split], speaker, len(own), sum(entry.n_frames for entry in own), _hours(own))
        for (split, speaker), own in sorted(by_group.items(), key=lambda item: item[0])
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _without_numbers(note: str) -> str:
    words = (word for word in note.split() if not any(letter.isdigit() for letter in word))
    return " ".join(words) or note


def _channel_ranges(store: ClipStore, progress: ShowProgress | None) -> tuple[ChannelRange, ...]:
    least: dict[str, float] = {}
    largest: dict[str, float] = {}
    total: Counter[str] = Counter()
    n_frames: Counter[str] = Counter()
    for number, entry in enumerate(store.entries):
        if entry.layout is not None:
            values = store.array(number, "weights")
            for start in range(0, entry.n_frames, _BLOCK_FRAMES):
                block = np.asarray(values[start : start + _BLOCK_FRAMES], np.float64)
                low, high, added = block.min(0), block.max(0), block.sum(0)
                for column, name in enumerate(entry.layout.names):
                    least[name] = min(least.get(name, np.inf), float(low[column]))
                    largest[name] = max(largest.get(name, -np.inf), float(high[column]))
                    total[name] += added[column]
                    n_frames[name] += len(block)
        if progress:
            progress(number + 1, len(store))
    return tuple(
        ChannelRange(
            name,
            round(least[name], 6),
            round(float(total[name]) / n_frames[name], 6),
            round(largest[name], 6),
        )
        for name in least
    )


def contact_sheet_of(
    store: ClipStore,
    rig: Rig,
    *,
    n_pictures: int = 24,
    columns: int = 6,
    tile: int = 192,
    view: str = "face",
    progress: ShowProgress | None = None,
) -> UInt8[np.ndarray, "rows across 3"]:
    """Draw frames from all over a store: weights on a head, meshes as they are.

    Args:
        store: At least one clip.
        rig: Head for clips of weights.
        n_pictures: At most so many; spread evenly over the clips, at a different time in each.
        tile: Side of one picture, pixels.
        view: Named framing of ``render.camera``.

    Raises:
        InputError: The store is empty, or a number or the view cannot be drawn.
        ArtifactError: A file is missing or cut short.
    """
    from visemic.render.contact_sheet import contact_sheet

    if not len(store):
        raise InputError(f"store {str(store.path)!r} has 0 clips to show; import some first")
    if not 1 <= n_pictures <= MAX_PICTURES:
        raise InputError(f"{n_pictures} pictures cannot be shown; choose 1 to {MAX_PICTURES}")
    chosen = chosen_frames(store, n_pictures)
    pictures, labels = [], []
    for done, (number, frame) in enumerate(chosen, 1):
        entry = store.entries[number]
        pictures.append(_picture(store, number, frame, rig, tile, view))
        labels.append(f"{entry.clip_id} {frame}" + (f" {entry.emotion}" if entry.emotion else ""))
        if progress:
            progress(done, len(chosen))
    return contact_sheet(pictures, labels, columns)


def chosen_frames(store: ClipStore, n_pictures: int) -> list[tuple[int, int]]:
    """Give clip and frame of each picture: the same for the same store."""
    n_clips = len(store)
    chosen = []
    for k in range(min(n_pictures, sum(entry.n_frames for entry in store.entries))):
        number = k * n_clips // n_pictures if n_clips >= n_pictures else k % n_clips
        share = (k + 1) * _GOLDEN % 1
        chosen.append((number, int(share * store.entries[number].n_frames)))
    return sorted(set(chosen))


def _picture(
    store: ClipStore, number: int, frame: int, rig: Rig, tile: int, view: str
) -> UInt8[np.ndarray, "height width 3"]:
    from visemic.render.camera import portrait_camera
    from visemic.render.frame import FramePainter
    from visemic.render.still import render_still

    entry = store.entries[number]
    window = store.window(number, frame, 1)
    if window.weights is not None and entry.layout is not None:
        motion = Motion(window.weights, entry.layout, entry.rate)
        return render_still(rig, motion, 0, width=tile, height=tile, view=view)
    triangles = store.topology(number).triangles
    face = Rig(
        name=entry.topology,
        neutral=store.neutral(number),
        triangles=triangles,
        layout=Layout("none", ()),
        offsets=np.zeros((0, entry.n_vertices, 3), np.float32),
        groups=(MaterialGroup(_SKIN, 0, len(triangles)),),
        landmarks={},
    )
    painter = FramePainter(face, portrait_camera(face, tile, tile, view))
    return painter.paint(window.vertices[0])
