"""A mesh whose lower half follows loudness and whose upper half nods as it likes."""

import numpy as np

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import MeshMotion, Topology, Waveform
from visemic.data.recording import Recording

N_VERTICES = 24
MOUTH = np.arange(N_VERTICES) < 10
UPPER = np.arange(N_VERTICES) >= 14
LIDS = np.arange(N_VERTICES) >= 20
TOPOLOGY = Topology("nodder", np.array([[0, 1, 2], [2, 1, 3], [20, 21, 22]]))


def face(speaker: str = "ann") -> np.ndarray:
    """Give a speaker's face at rest, metres."""
    rng = np.random.default_rng(len(speaker))
    return rng.normal(0, 0.05, (N_VERTICES, 3)).astype(np.float32)


def nodding_clip(name, split, *, n_frames=60, seed=0, rate=30, n_vertices=N_VERTICES, has_sound=True):
    """Give a clip of which sound says the mouth and nothing says the brows."""
    rng = np.random.default_rng(seed)
    sample_s = np.arange(16_000 * n_frames // rate) / 16_000
    frame_s = np.arange(n_frames) / rate
    phase, pace = rng.random(2)
    loud = 0.5 + 0.5 * np.sin(2 * np.pi * (1 + pace) * sample_s + 6 * phase)
    brow = np.sin(2 * np.pi * (0.3 + 0.5 * rng.random()) * frame_s + 6 * rng.random())
    neutral = face(name.split("/")[0])[:n_vertices]
    moved = np.repeat(neutral[None], n_frames, axis=0)
    moved[:, MOUTH[:n_vertices], 1] -= 0.01 * np.interp(frame_s, sample_s, loud)[:, None]
    moved[:, UPPER[:n_vertices], 1] += 0.01 * brow[:, None]
    tone = (0.4 * loud * rng.standard_normal(len(sample_s))).clip(-1, 1).astype(np.float32)
    return Recording(
        clip_id=name,
        speaker=name.split("/")[0],
        split=split,
        licence="CC0-1.0",
        source="made up",
        rate=Rate.of(rate),
        mesh=MeshMotion(moved.astype(np.float32), TOPOLOGY, Rate.of(rate)),
        neutral=neutral,
        waveform=Waveform(tone, SPEECH_RATE) if has_sound else None,
    )


def write_masks(folder) -> None:
    """Write the three masks as text."""
    folder.mkdir()
    for name, mask in (("mouth", MOUTH), ("upper_face", UPPER), ("eyelids", LIDS)):
        np.savetxt(folder / f"{name}.txt", mask.astype(float))
