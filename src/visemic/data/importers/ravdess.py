"""RAVDESS: 24 actors, eight emotions, known by the seven numbers of a file's name.

``modality-channel-emotion-intensity-statement-repetition-actor``, such as
``01-01-06-01-02-01-12.mp4``. Motion lies beside the media file, see ``acted``.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from visemic.core.errors import FormatError
from visemic.data.importers.acted import ActedLabel, acted_recordings
from visemic.data.recording import Recording, Split

LICENCE = "CC-BY-NC-SA-4.0"
STRONG, NORMAL = 1.0, 0.5
"""Intensities of the two levels; neutral has 0."""

_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fear", "disgusted", "surprised")
_TEXTS = ("Kids are talking by the door", "Dogs are sitting by the door")
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_SPEECH = 1
_N_ACTORS = 24
_TRAIN_ACTORS, _VALIDATION_ACTORS = 20, 22


class RavdessImporter:
    """Reads the spoken takes whose faces were tracked; songs are left out."""

    kind = "ravdess"
    description = "RAVDESS files with tracked motion (.csv, .npz) of the same name beside them"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the takes in the order of their paths; actors 21 and 22 validate, 23 and 24 test.

        Raises:
            FormatError: No motion lies beside the media, a file of it cannot be read, or a name
                holds a number that the corpus does not use.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        return acted_recordings(source, self.kind, LICENCE, label_of)


def label_of(path: Path) -> ActedLabel | None:
    """Give what a file's name says, None for a name of another kind or a song.

    Raises:
        FormatError: A number is out of range.

    Example:
        >>> label_of(Path("Actor_12/01-01-05-02-02-01-12.mp4")).emotion
        'angry'
    """
    found = _NAME.fullmatch(path.stem)
    if not found:
        return None
    _, channel, emotion, intensity, statement, _, actor = (int(n) for n in found.groups())
    if channel != _SPEECH:
        return None
    if (
        not 1 <= emotion <= len(_EMOTIONS)
        or intensity not in (1, 2)
        or statement not in (1, 2)
        or not 1 <= actor <= _N_ACTORS
    ):
        raise FormatError(f"file {str(path)!r} has a number that this corpus does not use; is it misspelt")
    label = _EMOTIONS[emotion - 1]
    level = 0.0 if label == "neutral" else STRONG if intensity == 2 else NORMAL
    return ActedLabel(f"actor-{actor:02d}", label, level, _split(actor), _TEXTS[statement - 1])


def _split(actor: int) -> Split:
    if actor <= _TRAIN_ACTORS:
        return "train"
    return "validation" if actor <= _VALIDATION_ACTORS else "test"
