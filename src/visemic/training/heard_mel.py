"""Mels as a voice paints them, on the frames of recordings: what a vocoder will hear at work.

A folder of ``mels.f16`` (80 numbers a frame, all clips one after another) and ``mels.json``
(clip to first frame and number of frames), as ``recipes/voice_mels.py`` writes it.
"""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Float32

from visemic.core.errors import ArtifactError
from visemic.features.voice_mel import VOICE_MELS, VOICE_SILENCE

MELS_FILE, INDEX_FILE = "mels.f16", "mels.json"


class HeardMels:
    """Painted mels by clip, read as they are needed."""

    def __init__(self, folder: Path) -> None:
        """Read the index.

        Raises:
            ArtifactError: The folder holds no mels, or fewer than the index says.
        """
        if not (folder / INDEX_FILE).exists():
            raise ArtifactError(
                f"no {INDEX_FILE} in {str(folder)!r}; make the folder by recipes/voice_mels.py"
            )
        index = json.loads((folder / INDEX_FILE).read_text("utf-8"))
        self._places: dict[str, tuple[int, int]] = {clip: (first, n) for clip, (first, n) in index.items()}
        stored = (folder / MELS_FILE).stat().st_size // (2 * VOICE_MELS)
        needed = max((first + n for first, n in self._places.values()), default=0)
        if stored < needed:
            raise ArtifactError(
                f"{str(folder / MELS_FILE)!r} has {stored} frames and its index {needed}; make it again"
            )
        self._mels = np.memmap(folder / MELS_FILE, np.float16, "r", shape=(stored, VOICE_MELS))

    def __contains__(self, clip_id: str) -> bool:
        """Tell whether a clip was painted."""
        return clip_id in self._places

    def part(
        self, clip_id: str, first_frame: int, n_frames: int, level: float
    ) -> Float32[np.ndarray, "frames mels"]:
        """Give frames of a clip, silence beyond its ends, at another level of sound.

        Args:
            clip_id: A painted clip.
            first_frame: May lie before the clip.
            n_frames: At least 1; may reach beyond the clip.
            level: Factor of the sound; 1 leaves it.
        """
        first, length = self._places[clip_id]
        frames = first_frame + np.arange(n_frames)
        inside = (frames >= 0) & (frames < length)
        found = self._mels[first + np.clip(frames, 0, length - 1)].astype(np.float32) + np.log(level)
        return np.maximum(np.where(inside[:, None], found, VOICE_SILENCE), VOICE_SILENCE).astype(np.float32)


def write_mels(folder: Path, mels: "dict[str, Float16[np.ndarray, 'frames mels']]") -> None:
    """Write painted mels; the index comes last, so that half a folder is refused."""
    folder.mkdir(parents=True, exist_ok=True)
    places, first = {}, 0
    with (folder / MELS_FILE).open("wb") as file:
        for clip, mel in mels.items():
            mel.tofile(file)
            places[clip] = (first, len(mel))
            first += len(mel)
    (folder / INDEX_FILE).write_text(json.dumps(places) + "\n", encoding="utf-8")
