"""Takes of actors: a media file whose path tells the label, and motion tracked from it.

Corpora of acted emotion are videos. Somebody has to track the faces first; the motion is
then taken from a file beside each video or sound with the same stem: a recorder's ``.csv``,
or ``.npz``, ``.json`` or ``.glb`` as this package writes them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from visemic.core.errors import FormatError
from visemic.core.signals import Motion
from visemic.data.importers.folder import clip_id_of, piece_id, sources_root
from visemic.data.importers.sound import SOUND_SUFFIXES, check_lengths, sound_beside, sound_between
from visemic.data.importers.take import read_take, take_motions
from visemic.data.recording import Recording, Split
from visemic.export.registry import import_clip

MOTION_SUFFIXES = (".csv", ".npz", ".json", ".glb")
"""Suffixes of motion beside a media file, the first found is taken."""


@dataclass(frozen=True)
class ActedLabel:
    """What a path says of a take."""

    speaker: str
    emotion: str
    intensity: float | None
    split: Split
    text: str = ""


def acted_recordings(
    source: Path,
    kind: str,
    licence: str,
    label_of: Callable[[Path], ActedLabel | None],
    sound_of: Callable[[Path], Path | None] = sound_beside,
) -> Iterator[Recording]:
    """Give the takes that have motion, in the order of their paths.

    Args:
        label_of: Gives the label of a path below the source, None for a file of another kind.
        sound_of: Gives the sound that belongs to a file of motion.

    Raises:
        FormatError: There is no motion beside any media file, or a file of it cannot be read.
        ClockError: Sound and motion differ in length by over half a second.
        AudioError: A sound cannot be read.
    """
    root = sources_root(source)
    n_media, seen = 0, set()
    found = []
    for path in sorted(root.rglob("*")):
        label = label_of(path.relative_to(root))
        if label is None:
            continue
        n_media += path.suffix.lower() in SOUND_SUFFIXES
        motion_path = _motion_beside(path)
        if motion_path is not None and motion_path not in seen:
            seen.add(motion_path)
            found.append((motion_path, label))
    if not found:
        raise FormatError(
            f"source {str(source)!r} has {n_media} media files of {kind} and no motion beside them; track "
            f"the faces first and save each as {' or '.join(MOTION_SUFFIXES)} with the video's stem"
        )
    for path, label in found:
        yield from _clips(path, root, kind, licence, label, sound_of(path))


def _motion_beside(path: Path) -> Path | None:
    candidates = (path.with_suffix(suffix) for suffix in MOTION_SUFFIXES)
    return next((p for p in candidates if p.is_file()), None)


def _motions(path: Path) -> list[tuple[float, Motion, tuple[str, ...]]]:
    if path.suffix.lower() == ".csv":
        return list(take_motions(read_take(path)))
    return [(0.0, import_clip(path).motion, ())]


def _clips(
    path: Path, root: Path, kind: str, licence: str, label: ActedLabel, sound: Path | None
) -> Iterator[Recording]:
    motions = _motions(path)
    waveform = None
    if sound is not None:
        from visemic.audio.io import read_waveform

        waveform = read_waveform(sound)
        start_s, last, _ = motions[-1]
        check_lengths(str(sound), waveform, last.rate.tick_at(start_s) + last.n_frames, last.rate)
    whole_id = clip_id_of(path, root)
    for number, (start_s, motion, notes) in enumerate(motions):
        part = waveform
        if waveform is not None and len(motions) > 1:
            part = sound_between(waveform, start_s, motion.duration_s)
        yield Recording(
            clip_id=piece_id(whole_id, number, len(motions)),
            speaker=label.speaker,
            split=label.split,
            licence=licence,
            source=kind,
            rate=motion.rate,
            motion=motion,
            waveform=part,
            text=label.text if len(motions) == 1 else "",
            emotion=label.emotion,
            intensity=label.intensity,
            notes=notes if sound is not None else (*notes, "no sound beside it"),
        )
