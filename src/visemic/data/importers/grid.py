"""GRID: sentences of six words on video at 25 frames a second, as tracked landmarks.

``clips.json`` names the clips with their words in seconds and their first row in
``tracks.npz``, which holds landmarks, head pose and whether a face was found; ``audio/``
holds the sound. Phones are not in the corpus: they are aligned from the words and the sound.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, TextError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Waveform, Word
from visemic.data.importers.array_file import NpzRows
from visemic.data.importers.clip import ClipFacts, motion_recordings
from visemic.data.importers.folder import clean_id, required_file
from visemic.data.importers.landmark import (
    LandmarkFace,
    LandmarkSolver,
    head_angles_rad,
    measure,
    rest_of,
)
from visemic.data.importers.sound import read_sound, sound_beside, sound_between
from visemic.data.importers.split import split_of
from visemic.data.recording import Recording
from visemic.motion.mouth import LinearReadouts

LICENCE = "CC-BY-4.0"
LAG_FRAMES = 0.4
"""The tracker smooths: its landmarks show the face of so many frames ago. The sound is moved
by it, which keeps every landmark as it was measured."""

_FULL_SCALE = 16_384
_NO_FACE = -32_768
_SILENCE = ("sil", "sp", "")
_ZED = ("Z", "EH", "D")
"""The talkers are British; all other letters have the names that the lexicon knows."""
_VALIDATION_SHARE, _TEST_SHARE = 0.05, 0.1
_MAX_BRIDGE_S = 0.121
"""Two lost frames are bridged."""


class GridImporter:
    """Solves the motion of a head from the landmarks.

    The mouth and the head's rotation come from the video; the eyes and brows stay at rest,
    since they do not follow the sound in this corpus. Phones are aligned, about 0.1 s of
    computing a clip: without them nobody can count closed lips.
    """

    kind = "grid"
    description = "GRID as tracked landmarks: clips.json, tracks.npz and audio, solved on a head"

    def __init__(self, readouts: LinearReadouts | None = None) -> None:
        """Take the read-outs of the head to solve for; None takes the built-in head."""
        self._readouts = readouts

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the clips in the order of their rows; a lost face cuts a clip in two.

        About a tenth of the clips is held out by their names.

        Raises:
            FormatError: A file is missing or damaged, or a clip names rows that are not there.
            ClockError: Sound and motion of a clip differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        solver = LandmarkSolver(self._readouts if self._readouts is not None else _built_in_readouts())
        clips, rate, path = _clips(required_file(source, "clips.json"))
        tracks = required_file(source, "tracks.npz")
        speaker = clean_id(source.resolve().name.rpartition("_")[2])
        with ExitStack() as stack:
            names = ("landmarks_q14", "head_mat", "ok")
            rows = {name: stack.enter_context(NpzRows(tracks, name)) for name in names}
            numbers = tuple(int(n) for n in _whole(tracks, "landmark_ids"))
            size = _whole(tracks, "wh").astype(float)
            for number, clip in enumerate(clips):
                name, first, n_frames = _clip_rows(clip, number, path)
                part = {key: reader.read(first, first + n_frames) for key, reader in rows.items()}
                yield from _recordings(clip, name, speaker, part, numbers, size, rate, solver, source)


def _built_in_readouts() -> LinearReadouts:
    from visemic.rig.readout import fit_readouts
    from visemic.rig.registry import load_rig

    return fit_readouts(load_rig("visemic"))


def _clips(path: Path) -> tuple[list[dict[str, Any]], Rate, Path]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        clips = sorted(document["clips"], key=lambda clip: int(clip["first_row"]))
        return clips, Rate.of(document["fps"]), path
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise FormatError(
            f"file {str(path)!r} is no list of clips with first rows and fps; download it again"
        ) from error


def _clip_rows(clip: Mapping[str, Any], number: int, path: Path) -> tuple[str, int, int]:
    try:
        name, first, n_frames = str(clip["id"]), int(clip["first_row"]), int(clip["frames"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"clip {number} of {str(path)!r} has no id, first_row and frames; mend it"
        ) from error
    if n_frames < 1 or first < 0:
        raise FormatError(f"clip {name!r} of {str(path)!r} has {n_frames} frames from row {first}; mend it")
    return name, first, n_frames


def _whole(path: Path, name: str) -> np.ndarray:
    with NpzRows(path, name) as rows:
        return rows.read(0, rows.shape[0])


def _recordings(
    clip: Mapping[str, Any],
    name: str,
    speaker: str,
    part: Mapping[str, np.ndarray],
    numbers: tuple[int, ...],
    size: Float[np.ndarray, " sides"],
    rate: Rate,
    solver: LandmarkSolver,
    source: Path,
) -> Iterator[Recording]:
    seen = (part["ok"] > 0) & (part["landmarks_q14"][:, 0, 0] != _NO_FACE)
    if not seen.any():
        return
    kept = np.flatnonzero(seen)
    turn = part["head_mat"][kept, :3, :3].astype(float)
    if not np.isfinite(turn).all():
        bad = kept[np.argwhere(~np.isfinite(turn))[0, 0]]
        raise FormatError(
            f"row {int(clip['first_row']) + int(bad)} of tracks.npz has a head pose that is not finite"
        )
    # Image y goes down and z away from the camera, in the unit of x.
    points = part["landmarks_q14"][kept].astype(float) / _FULL_SCALE * np.array([size[0], -size[1], -size[0]])
    measured = measure(LandmarkFace(numbers, points, turn))
    words = _words(clip, name)
    times_s = rate.times_s(len(seen))[kept]
    values = solver.solve(measured, rest_of(measured, _silent(times_s, words)))
    values[:, ARKIT_61.indices(["headYaw", "headPitch", "headRoll"])] = head_angles_rad(turn)
    lag_s = LAG_FRAMES / float(rate)
    ahead_s = lag_s + float(clip.get("audio_start_s", 0.0)) - float(clip.get("first_frame_s", 0.0))
    waveform = _sound(source, name, len(seen), rate, ahead_s)
    duration_s = len(seen) / float(rate)
    alignment = _alignment(words, ahead_s, duration_s)
    notes = [f"sound moved by {ahead_s * 1000:.0f} ms: the landmarks lag"]
    if waveform is not None and alignment.words:
        alignment, note = _with_phones(alignment, waveform)
        notes.append(note)
    facts = ClipFacts(
        clean_id(name),
        speaker,
        split_of(name, validation=_VALIDATION_SHARE, test=_TEST_SHARE),
        LICENCE,
        "grid",
        text=alignment.text,
        waveform=waveform,
        alignment=alignment,
        n_frames=len(seen),
        notes=tuple(notes if waveform is not None else [*notes, "no sound found for it"]),
    )
    yield from motion_recordings(facts, times_s, values, ARKIT_61, rate, max_bridge_s=_MAX_BRIDGE_S)


def _words(clip: Mapping[str, Any], name: str) -> list[tuple[float, float, str]]:
    try:
        return [(float(start), float(end), str(word)) for start, end, word in clip.get("words", [])]
    except (TypeError, ValueError) as error:
        raise FormatError(
            f"clip {name!r} has words that are not start, end and text; mend clips.json"
        ) from error


def _silent(
    times_s: Float[np.ndarray, " frames"], words: list[tuple[float, float, str]]
) -> Bool[np.ndarray, " frames"]:
    silent = np.zeros(len(times_s), bool)
    for start_s, end_s, word in words:
        if word in _SILENCE:
            silent |= (times_s >= start_s) & (times_s < end_s)
    return silent


def _alignment(words: list[tuple[float, float, str]], ahead_s: float, duration_s: float) -> Alignment:
    spoken = [
        Word(word, min(start_s + ahead_s, duration_s), min(end_s + ahead_s, duration_s))
        for start_s, end_s, word in words
        if word not in _SILENCE
    ]
    return Alignment((), tuple(spoken), " ".join(w.text for w in spoken), duration_s, source="file")


def _with_phones(alignment: Alignment, waveform: Waveform) -> tuple[Alignment, str]:
    """Give the alignment with the phones of its words, and how they were found."""
    from visemic.audio.align import align_words

    try:
        aligned = align_words(waveform, [(w.text, _pronunciations(w.text)) for w in alignment.words])
    except TextError as error:
        return alignment, f"phones unknown: {error}"
    # The words keep the corpus's own times; the sound may end a sample before the motion.
    phones = tuple(replace(p, end_s=min(p.end_s, alignment.duration_s)) for p in aligned.alignment.phones)
    note = f"phones aligned from words and sound{'; ' if aligned.note else ''}{aligned.note}"
    return replace(alignment, phones=phones, source=aligned.alignment.source), note


def _pronunciations(word: str) -> tuple[tuple[str, ...], ...]:
    from visemic.text.lexicon import letter_name, pronunciations

    # A letter is always spelled here: "a" is no article.
    if len(word) == 1 and word.isascii() and word.isalpha():
        return (_ZED,) if word == "z" else (letter_name(word),)
    return tuple(pronunciations(word))


def _sound(source: Path, name: str, n_frames: int, rate: Rate, ahead_s: float) -> Waveform | None:
    path = sound_beside(source / "audio" / f"{name}.wav")
    if path is None:
        return None
    return sound_between(read_sound(path, n_frames, rate), -ahead_s, n_frames / float(rate))
