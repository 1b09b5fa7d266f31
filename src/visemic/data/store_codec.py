"""Arrays as they lie in a store: raw little-endian rows that any tool can map into memory.

A mesh is kept as its displacement from the speaker's neutral in whole steps of some
micrometres, which halves it against floats; sound is kept once as 16-bit samples.
"""

import json
from dataclasses import asdict

import numpy as np
from jaxtyping import Float32, Int16

from visemic.core.errors import ArtifactError
from visemic.core.signals import Alignment, Phone, Word

DEFAULT_STEP_M = 1e-5
"""10 micrometres a unit: an error of at most 5 µm and a range of 0.327 m to either side."""

WEIGHTS_TYPE, DISPLACEMENT_TYPE, AUDIO_TYPE = "<f4", "<i2", "<i2"
NEUTRAL_TYPE, TRIANGLE_TYPE = "<f4", "<i4"

_LARGEST = 32_767
_FULL_SCALE = 32_767.0


def displacement_range_m(step_m: float) -> float:
    """Give the largest displacement that a step can hold, metres."""
    return _LARGEST * step_m


def quantise_displacements(
    vertices: Float32[np.ndarray, "frames vertices 3"],
    neutral: Float32[np.ndarray, "vertices 3"],
    step_m: float,
) -> Int16[np.ndarray, "frames vertices 3"]:
    """Give the displacement from the neutral in whole steps, off by half a step at most.

    The caller keeps within ``displacement_range_m``.
    """
    # In double: half a step must not be lost to the rounding of a float.
    steps = np.rint((vertices - neutral.astype(np.float64)) / step_m)
    return steps.astype(DISPLACEMENT_TYPE)


def displacements_from_steps(
    steps: Int16[np.ndarray, "frames vertices 3"], step_m: float
) -> Float32[np.ndarray, "frames vertices 3"]:
    """Give displacements in metres."""
    return np.multiply(steps, np.float32(step_m), dtype=np.float32)


def quantise_sound(samples: Float32[np.ndarray, " samples"]) -> Int16[np.ndarray, " samples"]:
    """Give 16-bit samples; what lies beyond -1 to 1 is cut off there."""
    return np.rint(np.clip(samples, -1, 1) * _FULL_SCALE).astype(AUDIO_TYPE)


def sound_from_steps(steps: Int16[np.ndarray, " samples"]) -> Float32[np.ndarray, " samples"]:
    """Give samples from -1 to 1."""
    return np.multiply(steps, np.float32(1 / _FULL_SCALE), dtype=np.float32)


def alignment_bytes(alignment: Alignment) -> bytes:
    """Give an alignment as one line of JSON."""
    data = {
        "phones": [asdict(phone) for phone in alignment.phones],
        "words": [asdict(word) for word in alignment.words],
        "text": alignment.text,
        "duration_s": alignment.duration_s,
        "language": alignment.language,
        "source": alignment.source,
    }
    return (json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=float) + "\n").encode()


def alignment_from_bytes(data: bytes, clip_id: str) -> Alignment:
    """Give the alignment of a line.

    Raises:
        ArtifactError: It is not one.
    """
    try:
        read = json.loads(data)
        return Alignment(
            phones=tuple(Phone(**phone) for phone in read["phones"]),
            words=tuple(Word(**word) for word in read["words"]),
            text=read["text"],
            duration_s=read["duration_s"],
            language=read["language"],
            source=read["source"],
        )
    except (ValueError, TypeError, KeyError) as error:
        raise ArtifactError(f"the alignment of clip {clip_id} is damaged; import the corpus again") from error
