"""Speech with timed phones as ``recipes/speech_corpus.py`` gives it: a line a clip, all sound in one file."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int16

from visemic.core.errors import ArtifactError


@dataclass(frozen=True)
class SpeechClip:
    """A line of ``clips.jsonl``."""

    clip_id: str
    speaker: str
    split: str
    first: int
    samples: int
    licence: str
    phones: tuple[tuple[str, float, float], ...]
    text: str = ""


def read_clips(folder: Path) -> list[SpeechClip]:
    """Give the clips of a prepared source.

    Raises:
        ArtifactError: The folder holds no such source.
    """
    try:
        rows = [json.loads(line) for line in (folder / "clips.jsonl").read_text("utf-8").splitlines()]
        return [
            SpeechClip(
                r["id"], r["speaker"], r["split"], r["first"], r["samples"], r["licence"],
                tuple((str(p), float(a), float(b)) for p, a, b in r["phones"]),
                r.get("text", ""),
            )
            for r in rows
        ]  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"folder {str(folder)!r} holds no prepared speech: {error}; make it with recipes/speech_corpus.py"
        ) from error


def read_samples(folder: Path, clip: SpeechClip) -> Float32[np.ndarray, " samples"]:
    """Give the sound of a clip, 16 kHz, -1 to 1."""
    sound = np.memmap(folder / "audio.i16", np.int16, mode="r")
    part: Int16[np.ndarray, " samples"] = np.asarray(sound[clip.first : clip.first + clip.samples])
    return part.astype(np.float32) / 32_768
