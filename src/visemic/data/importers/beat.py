"""BEAT: phone captures of conversations and readings at 60 frames a second, 51 ARKit shapes.

Each recording ``<number>_<name>_<kind>_<first>_<last>`` is a ``.json`` with the names of the
shapes and frames of weights and times, a ``.wav`` and a ``.TextGrid`` of words.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_52
from visemic.data.importers.clip import ClipFacts, motion_recordings
from visemic.data.importers.folder import clean_id, files_of, text_beside
from visemic.data.importers.sound import read_sound, sound_beside
from visemic.data.importers.split import split_of
from visemic.data.importers.take import MAX_WEIGHT
from visemic.data.recording import Recording

RATE = Rate.of(60)
LICENCE = "BEAT, any non-commercial use"

_NAME = re.compile(r"(\d+)_([A-Za-z]+)_(\d+)_(\d+)_(\d+)")
_LANGUAGES = ("en-us", "cmn", "es", "ja")
_EMOTIONS = ((64, "neutral"), (72, "happy"), (80, "angry"), (86, "sad"), (94, "contempt"),
             (102, "surprised"), (110, "fear"), (118, "disgusted"))  # fmt: skip
"""Last number of the readings of each emotion."""
_FEWEST_SHAPES = 32


class BeatImporter:
    """Reads the faces; gestures and gaze stay where they are."""

    kind = "beat"
    description = "BEAT: .json face weights with .wav of the same name"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the recordings in the order of their paths.

        Raises:
            FormatError: A file is no such JSON, or a frame of it is damaged; the sentence names it.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        for path in files_of(source, [".json"]):
            if not _NAME.fullmatch(path.stem):
                continue
            times_s, values, is_exact, notes = _read(path)
            sound = sound_beside(path)
            number, name, kind, first, _ = _NAME.fullmatch(path.stem).groups()  # type: ignore[union-attr]
            n_frames = RATE.tick_at(float(times_s[-1])) + 1
            facts = ClipFacts(
                clean_id(path.stem),
                f"{number}_{name}",
                split_of(path.stem),
                LICENCE,
                self.kind,
                text_beside(path),
                _LANGUAGES[min(int(kind) // 2, len(_LANGUAGES) - 1)],
                emotion_of(int(kind), int(first)),
                waveform=read_sound(sound, n_frames, RATE) if sound else None,
                notes=(*notes, *(() if sound else ("no sound beside it",))),
            )
            yield from motion_recordings(facts, times_s, values, ARKIT_52, RATE, exact=is_exact)


def emotion_of(kind: int, number: int) -> str:
    """Give the emotion of a recording by its kind and number, empty for conversations.

    Args:
        kind: Even for readings, odd for conversations, two for each language.
        number: Of the first sequence.

    Example:
        >>> emotion_of(0, 70)
        'happy'
    """
    if kind % 2 or number < 1:
        return ""
    return next((emotion for last, emotion in _EMOTIONS if number <= last), "")


def _read(
    path: Path,
) -> tuple[Float[np.ndarray, " rows"], Float32[np.ndarray, "rows 52"], bool, tuple[str, ...]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        names, frames = [str(n) for n in document["names"]], document["frames"]
        if not isinstance(frames, list) or not frames:
            raise ValueError
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise FormatError(f"file {str(path)!r} is no JSON of names and frames; download it again") from error
    columns = {
        name: place for place, given in enumerate(names) for name in ARKIT_52 if name.lower() == given.lower()
    }
    if len(columns) < _FEWEST_SHAPES:
        raise FormatError(
            f"file {str(path)!r} names {len(columns)} ARKit shapes and at least {_FEWEST_SHAPES} are needed"
        )
    values = np.zeros((len(frames), len(ARKIT_52)), np.float32)
    into = ARKIT_52.indices(columns)
    out = list(columns.values())
    times_s = np.zeros(len(frames))
    for row, frame in enumerate(frames):
        weights, times_s[row] = _frame(frame, row, len(names), path)
        values[row, into] = weights[out]
    absent = [n for n in ARKIT_52 if n not in columns]
    notes = [f"without {', '.join(absent)}: 0"] if absent else []
    times_s -= times_s[0]
    order = np.unique(np.round(times_s, 6), return_index=True)[1]
    kept_s = times_s[order]
    if len(kept_s) < len(times_s):
        notes.append(f"{len(times_s) - len(kept_s)} repeated frames left out")
    is_exact = bool(np.abs(kept_s - np.round(kept_s * float(RATE)) / float(RATE)).max() < 1e-3)
    return kept_s, values[order], is_exact, tuple(notes)


def _frame(frame: Any, row: int, n_names: int, path: Path) -> tuple[Float[np.ndarray, " names"], float]:
    try:
        weights = np.array(frame["weights"], float)
        time_s = float(frame.get("time", row / float(RATE)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"frame {row} of {str(path)!r} has no list of weights; download it again"
        ) from error
    if weights.shape != (n_names,):
        raise FormatError(
            f"frame {row} of {str(path)!r} has {weights.size} weights for {n_names} names; download it again"
        )
    if not np.isfinite(weights).all() or not np.isfinite(time_s) or np.abs(weights).max() > MAX_WEIGHT:
        raise FormatError(f"frame {row} of {str(path)!r} holds a weight that is not between 0 and 1; mend it")
    return weights, time_s
