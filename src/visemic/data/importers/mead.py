"""MEAD: actors, eight emotions at up to three levels, known by folders.

``<actor>/video/<view>/<emotion>/level_<n>/<number>.mp4`` and
``<actor>/audio/<emotion>/level_<n>/<number>.m4a``; the view folder and ``video`` may be
missing. Motion lies beside the video or the sound, see ``acted``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from visemic.core.errors import FormatError
from visemic.data.importers.acted import ActedLabel, acted_recordings
from visemic.data.importers.folder import sources_root
from visemic.data.importers.sound import SOUND_SUFFIXES, sound_beside
from visemic.data.importers.split import split_of
from visemic.data.recording import Recording

LICENCE = "MEAD, research only, not for redistribution"
N_LEVELS = 3

_EMOTIONS = {
    "angry": "angry",
    "contempt": "contempt",
    "disgusted": "disgusted",
    "disgust": "disgusted",
    "fear": "fear",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprised": "surprised",
}
_ACTOR = re.compile(r"[MW]\d{3}")
_LEVEL = re.compile(r"level_([1-3])")
_FRONT = "front"


class MeadImporter:
    """Reads the takes whose faces were tracked; of several views only the front."""

    kind = "mead"
    description = "MEAD's folders with tracked motion (.csv, .npz) beside each video or sound"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the takes by actor, emotion, level and number; whole actors are held out.

        Raises:
            FormatError: No motion lies beside the media, or a file of it cannot be read.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        root = sources_root(source)
        return acted_recordings(root, self.kind, LICENCE, label_of, lambda path: _sound(path, root))


def label_of(path: Path) -> ActedLabel | None:
    """Give what the folders of a take say, None for a path that is no take.

    Raises:
        FormatError: The emotion's folder has a name that the corpus does not use.

    Example:
        >>> label_of(Path("M003/video/front/angry/level_2/001.mp4")).intensity
        0.6666666666666666
    """
    parts = path.parts
    level = _LEVEL.fullmatch(parts[-2]) if len(parts) > 3 else None
    actor = next((p for p in parts if _ACTOR.fullmatch(p)), None)
    if level is None or actor is None or not path.stem.isdigit():
        return None
    if parts[-4] not in (_FRONT, "video", "audio", actor):
        return None
    if parts[-3] not in _EMOTIONS:
        raise FormatError(
            f"folder {parts[-3]!r} of {str(path)!r} is no emotion of this corpus; is it misspelt"
        )
    emotion = _EMOTIONS[parts[-3]]
    intensity = 0.0 if emotion == "neutral" else int(level.group(1)) / N_LEVELS
    return ActedLabel(actor, emotion, intensity, split_of(actor))


def _sound(path: Path, root: Path) -> Path | None:
    """Give the sound of a take: beside its motion, else in the actor's ``audio`` folder."""
    beside = sound_beside(path)
    if beside is not None and beside.suffix.lower() not in (".mp4", ".mov"):
        return beside
    parts = path.relative_to(root).parts
    actor = next(i for i, p in enumerate(parts) if _ACTOR.fullmatch(p))
    folder = root.joinpath(*parts[: actor + 1], "audio", *parts[-3:-1])
    found = [folder / (path.stem + suffix) for suffix in SOUND_SUFFIXES]
    return next((p for p in found if p.is_file()), beside)
