"""VOCASET: 4D scans of twelve speakers at 60 frames a second, in FLAME's topology.

The training archive holds ``data_verts.npy`` (rows of all frames), ``subj_seq_to_idx.pkl``
(speaker, sentence, frame to row), ``templates.pkl`` and ``raw_audio_fixed.pkl``. The
topology comes from a mesh of 5,023 vertices beside them, such as ``FLAME_sample.ply``.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from visemic.audio.io import waveform_from_array
from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.signals import Waveform
from visemic.data.importers.array_file import map_npy
from visemic.data.importers.clip import ClipFacts, Head, mesh_recordings
from visemic.data.importers.folder import clean_id, required_file
from visemic.data.importers.mesh_file import mesh_with
from visemic.data.importers.sound import check_lengths
from visemic.data.importers.unpickle import read_pickle
from visemic.data.recording import Recording, Split

RATE = Rate.of(60)
LICENCE = "VOCASET, research only, not for redistribution"

_VALIDATION = ("170811_03275", "170908_03277")
_TEST = ("170809_00138", "170731_00024")
_FIRST_JUDGED = 21
"""Validation and test use sentences 21 to 40: the others are spoken by the training speakers too."""


class VocasetImporter:
    """Reads the training archive; frames come by memory map, the sound's pickle is read once."""

    kind = "vocaset"
    description = "VOCASET's training archive: data_verts.npy, its three pickles and a FLAME mesh"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the sentences by speaker and number; those that the published split leaves out are left out.

        Raises:
            FormatError: A file is missing, damaged, or names rows that are not there.
            ClockError: Sound and motion of a sentence differ in length by over half a second.
        """
        frames = _frames(required_file(source, "data_verts.npy"))
        index_path = required_file(source, "subj_seq_to_idx.pkl")
        index = _mapping(read_pickle(index_path), index_path)
        template_path = required_file(source, "templates.pkl")
        templates = _mapping(read_pickle(template_path), template_path)
        sound_path = required_file(source, "raw_audio_fixed.pkl")
        sounds = _mapping(read_pickle(sound_path), sound_path)
        topology = mesh_with(source, frames.shape[1])[1]
        for speaker in sorted(index):
            template = np.asarray(templates.get(speaker, np.zeros(0)), np.float32)
            if template.shape != frames.shape[1:]:
                raise FormatError(
                    f"file {str(template_path)!r} has a template of shape {template.shape} for {speaker!r}; "
                    f"{frames.shape[1:]} is needed"
                )
            for sentence in sorted(_mapping(index[speaker], index_path)):
                split = split_of_sentence(speaker, sentence)
                if split is None:
                    continue
                rows = _rows(index[speaker][sentence], f"{speaker}/{sentence}", len(frames), index_path)
                waveform = _waveform(sounds.get(speaker, {}), sentence, sound_path)
                name = clean_id(f"{speaker}/{sentence}")
                times_s, vertices = _frames_of(frames, rows, name)
                if waveform is not None:
                    check_lengths(name, waveform, RATE.tick_at(times_s[-1]) + 1, RATE)
                notes = () if waveform is not None else ("the archive has no sound for it",)
                facts = ClipFacts(name, speaker, split, LICENCE, self.kind, waveform=waveform, notes=notes)
                yield from mesh_recordings(facts, times_s, vertices, RATE, Head(template, topology))


def split_of_sentence(speaker: str, sentence: str) -> Split | None:
    """Give the published part of a sentence, None for one that it leaves out.

    Source:
        The split of Cudeiro et al. 2019, as FaceFormer (Fan et al. 2022) uses it.
    """
    number = int((re.findall(r"\d+", sentence) or ["0"])[-1])
    if any(key in speaker for key in _VALIDATION + _TEST):
        if number < _FIRST_JUDGED:
            return None
        return "validation" if any(key in speaker for key in _VALIDATION) else "test"
    return "train"


def _frames(path: Path) -> np.ndarray:
    frames = map_npy(path)
    if frames.ndim != 3 or frames.shape[2] != 3 or frames.dtype.kind != "f":
        raise FormatError(
            f"file {str(path)!r} has shape {frames.shape} of {frames.dtype}; "
            "frames x vertices x 3 floats are needed"
        )
    return frames


def _mapping(value: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise FormatError(f"file {str(path)!r} does not map speakers to sentences; is it of another archive")
    return value


def _rows(of_frame: Any, name: str, n_rows: int, path: Path) -> dict[int, int]:
    if not isinstance(of_frame, dict) or not of_frame:
        raise FormatError(f"file {str(path)!r} has no frames for {name}; download it again")
    rows = {int(frame): int(row) for frame, row in sorted(of_frame.items())}
    beyond = [frame for frame, row in rows.items() if not 0 <= row < n_rows]
    if beyond:
        raise FormatError(
            f"file {str(path)!r} places frame {beyond[0]} of {name} in row {rows[beyond[0]]} of {n_rows}; "
            "are the two files of one archive"
        )
    return rows


def _waveform(of_speaker: Any, sentence: str, path: Path) -> Waveform | None:
    sound = of_speaker.get(sentence) if isinstance(of_speaker, dict) else None
    if sound is None:
        return None
    if not isinstance(sound, dict) or not {"audio", "sample_rate"} <= set(sound):
        raise FormatError(
            f"file {str(path)!r} has no audio and sample_rate for {sentence}; download it again"
        )
    return waveform_from_array(np.asarray(sound["audio"]), Rate.of(int(sound["sample_rate"])))


def _frames_of(
    frames: np.ndarray, rows: dict[int, int], name: str
) -> tuple[Float[np.ndarray, " rows"], Float32[np.ndarray, "rows vertices 3"]]:
    """Give times and vertices of a sentence."""
    numbers = np.array(list(rows))
    vertices = np.asarray(frames[list(rows.values())], np.float32)
    bad = np.flatnonzero(~np.isfinite(vertices).all(axis=(1, 2)))
    if len(bad):
        raise FormatError(
            f"row {list(rows.values())[bad[0]]} of data_verts.npy, frame {numbers[bad[0]]} of {name}, "
            "is not finite; download the file again"
        )
    return (numbers - numbers[0]) / float(RATE), vertices
