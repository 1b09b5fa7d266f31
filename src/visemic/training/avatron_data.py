"""What Avatron's voice learns from: symbols with their frames, mel, pitch and energy of every clip."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16, Float32, Int64

from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError, unknown_name
from visemic.core.signals import SILENCE, Phone, Waveform
from visemic.data.prepared_speech import SpeechClip, read_clips, read_samples
from visemic.features.prosody import ENERGY, FLOOR_DB, PITCH, PROSODY_RATE, extract_prosody
from visemic.features.voice_mel import VOICE_MEL_RATE, voice_mel
from visemic.models.avatron_text import frames_of_phones, symbol_numbers, symbols_of_phones

PITCH_SCALE_HZ = 420.0
"""Pitch is given to the network over this; the extractor hears no higher one."""


@dataclass(frozen=True, eq=False)
class VoiceClip:
    """One spoken sentence, ready to learn from."""

    clip_id: str
    speaker: str
    split: str
    licence: str
    symbols: Int64[np.ndarray, " symbols"]
    frames: Int64[np.ndarray, " symbols"]
    """Mel frames of every symbol by the corpus's own times."""
    mel: Float16[np.ndarray, "frames mels"]
    pitch: Float32[np.ndarray, " frames"]
    """Hz over ``PITCH_SCALE_HZ``, 0 unvoiced."""
    energy: Float32[np.ndarray, " frames"]
    """Level over its whole range, 0 to 1."""


def load_voice_clips(folder: Path, speakers: Sequence[str], max_clips: int) -> list[VoiceClip]:
    """Give the clips of a folder made by ``recipes/speech_corpus.py``.

    Args:
        folder: The corpus.
        speakers: Only these; empty takes all.
        max_clips: At most so many of each split of a speaker; 0 takes all.

    Raises:
        ArtifactError: The folder holds no corpus, or a speaker is not in it.
    """
    rows = read_clips(folder)
    known = sorted({row.speaker for row in rows})
    for speaker in speakers:
        if speaker not in known:
            raise ArtifactError(unknown_name("speaker", speaker, known))
    texts = _texts(folder)
    taken: dict[tuple[str, str], int] = {}
    clips = []
    for row in rows:
        key = (row.speaker, row.split)
        if (speakers and row.speaker not in speakers) or (max_clips and taken.get(key, 0) >= max_clips):
            continue
        taken[key] = taken.get(key, 0) + 1
        clips.append(voice_clip(row, read_samples(folder, row), texts.get(row.clip_id, "")))
    return clips


def voice_clip(row: SpeechClip, samples: Float32[np.ndarray, " samples"], text: str) -> VoiceClip:
    """Give a clip with everything that is measured on its sound."""
    phones = whole_phones(
        [Phone(label, start_s, end_s) for label, start_s, end_s in row.phones], len(samples) / 16_000
    )
    mel = voice_mel(samples)
    prosody = extract_prosody(Waveform(samples, SPEECH_RATE)).values
    at = np.round(VOICE_MEL_RATE.times_s(len(mel)) * float(PROSODY_RATE)).astype(np.int64)
    at = np.minimum(at, len(prosody) - 1)
    return VoiceClip(
        row.clip_id,
        row.speaker,
        row.split,
        row.licence,
        symbol_numbers(symbols_of_phones(phones, text)),
        frames_of_phones(phones, len(mel)),
        mel.astype(np.float16),
        (prosody[at, PITCH] / PITCH_SCALE_HZ).astype(np.float32),
        np.clip(1 - prosody[at, ENERGY] / FLOOR_DB, 0, 1).astype(np.float32),
    )


def whole_phones(phones: Sequence[Phone], duration_s: float) -> list[Phone]:
    """Fill what lies between, before and after phones with silence."""
    whole: list[Phone] = []
    end_s = 0.0
    for phone in phones:
        if phone.start_s > end_s + 1e-3:
            whole.append(Phone(SILENCE, end_s, phone.start_s))
        whole.append(phone)
        end_s = phone.end_s
    if duration_s > end_s + 1e-3:
        whole.append(Phone(SILENCE, end_s, duration_s))
    return whole


def _texts(folder: Path) -> dict[str, str]:
    rows = (json.loads(line) for line in (folder / "clips.jsonl").read_text("utf-8").splitlines())
    return {str(row["id"]): str(row.get("text", "")) for row in rows}


def padded(rows: Sequence[np.ndarray], kind: type) -> torch.Tensor:
    """Give arrays of several lengths as one batch, zeros behind the shorter ones."""
    longest = max(len(row) for row in rows)
    out = np.zeros((len(rows), longest, *rows[0].shape[1:]), kind)
    for place, row in enumerate(rows):
        out[place, : len(row)] = row
    return torch.from_numpy(out)


def symbol_means(
    values: Float[torch.Tensor, "b t"],
    counts: Float[torch.Tensor, "b t"],
    symbol_of_frame: Int64[torch.Tensor, "b t"],
    n_symbols: int,
) -> Float[torch.Tensor, "b s"]:
    """Give the mean of a curve over each symbol's frames, 0 where none counts.

    Args:
        values: The curve.
        counts: 1 where a frame counts, 0 elsewhere.
        symbol_of_frame: Symbol of every frame.
        n_symbols: Of the longest sentence.
    """
    zeros = values.new_zeros(len(values), n_symbols)
    total = zeros.scatter_add(1, symbol_of_frame, values * counts)
    return total / zeros.scatter_add(1, symbol_of_frame, counts).clamp(min=1e-6)


def frame_symbols(
    frames: Int64[torch.Tensor, "b s"], length: int
) -> tuple[Int64[torch.Tensor, "b t"], Bool[torch.Tensor, "b t"]]:
    """Give the symbol of every frame, and which frames there are."""
    ends = frames.cumsum(1)
    places = torch.arange(length, device=frames.device)[None, :].expand(len(frames), -1).contiguous()
    symbol = torch.searchsorted(ends, places, right=True).clamp(max=frames.shape[1] - 1)
    return symbol, places < ends[:, -1:]
