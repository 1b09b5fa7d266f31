"""Small made-up recordings for the tests of stores."""

from collections.abc import Iterator

import numpy as np

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Alignment, MeshMotion, Motion, Phone, Topology, Waveform, Word
from visemic.data.recording import Recording

TRIANGLES = np.array([[0, 1, 2], [2, 1, 3], [3, 4, 0]])


def weights_clip(name: str, rng: np.random.Generator, *, n_frames: int = 30, **changes: object) -> Recording:
    """Give a clip of weights with sound, text and phones."""
    rate = Rate.of(30)
    duration_s = n_frames / 30
    alignment = Alignment(
        (Phone("M", 0.0, duration_s / 2), Phone("AA", duration_s / 2, duration_s, 1, "ɑ")),
        (Word("mah", 0.0, duration_s),),
        "mah",
        duration_s,
    )
    return Recording(
        **{
            "clip_id": name,
            "speaker": name.split("/")[0],
            "split": "train",
            "licence": "CC0-1.0",
            "source": "made up",
            "rate": rate,
            "motion": Motion(rng.random((n_frames, 52), np.float32), ARKIT_52, rate),
            "waveform": Waveform(
                rng.uniform(-0.9, 0.9, round(16_000 * duration_s)).astype(np.float32), SPEECH_RATE
            ),
            "alignment": alignment,
            "text": "Mah",
            "emotion": "happy",
            "intensity": 0.5,
            "notes": ("2 rows inserted",),
            **changes,
        }
    )


def mesh_clip(
    name: str, rng: np.random.Generator, *, n_frames: int = 40, n_vertices: int = 5, size_m: float = 0.01
) -> Recording:
    """Give a silent clip of a mesh; faces of one speaker are the same."""
    rate = Rate.of(25)
    speaker = name.split("/")[0]
    face = np.random.default_rng(len(speaker)).normal(0, 0.05, (n_vertices, 3)).astype(np.float32)
    moved = (face + rng.uniform(-size_m, size_m, (n_frames, n_vertices, 3))).astype(np.float32)
    return Recording(
        clip_id=name,
        speaker=speaker,
        split="test",
        licence="research only",
        source="made up",
        rate=rate,
        mesh=MeshMotion(moved, Topology("five", TRIANGLES), rate),
        neutral=face,
    )


def weights_clips(n_clips: int, seed: int = 0, *, shortest: int = 20) -> Iterator[Recording]:
    """Give clips of two speakers, every third of them for the test, each a frame longer than the last."""
    for i in range(n_clips):
        rng = np.random.default_rng([seed, i])
        speaker = ("anna", "ben")[i % 2]
        split = "test" if i % 3 == 2 else "train"
        yield weights_clip(f"{speaker}/{i:03d}", rng, n_frames=shortest + i, split=split)
