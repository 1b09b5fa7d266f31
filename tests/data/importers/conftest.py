"""Small corpora in their true formats, written by the tests."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from visemic.audio.io import write_wav
from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Waveform

TETRAHEDRON_M = np.array([[0, -0.1, 0.05], [0.05, 0, 0], [-0.05, 0, 0], [0, 0.1, 0.0]], np.float32)
"""A head as four points, 0.2 m high."""


@pytest.fixture
def write_sound() -> Callable[..., Path]:
    """Write a sound of some seconds."""

    def write(path: Path, seconds: float, rate_hz: int = 16_000) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.sin(np.arange(round(seconds * rate_hz)) * 0.05).astype(np.float32) * 0.3
        write_wav(Waveform(samples, Rate.of(rate_hz)), path)
        return path

    return write


@pytest.fixture
def write_head() -> Callable[..., Path]:
    """Write the four points as an OBJ file, in metres times a factor."""

    def write(path: Path, factor: float = 1.0, points: np.ndarray = TETRAHEDRON_M) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"v {x * factor:.6f} {y * factor:.6f} {z * factor:.6f}" for x, y, z in points.tolist()]
        path.write_text("\n".join([*lines, "f 1/1 2/1 3/1", "f 2 4 3", "f 1 4 2", "f 1 3 4"]) + "\n")
        return path

    return write


@pytest.fixture
def write_take() -> Callable[..., Path]:
    """Write a take of the recorder: device frames at 60 ticks of timecode a second."""

    def write(
        path: Path,
        values: np.ndarray,
        frames: Sequence[float] | None = None,
        start_s: int = 52_000,
        names: Sequence[str] = ARKIT_61.names,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        order = [ARKIT_61.index(name) for name in names]
        lines = ["Timecode,BlendshapeCount," + ",".join(n[0].upper() + n[1:] for n in names)]
        for row, frame in enumerate(range(len(values)) if frames is None else frames):
            second, rest = divmod(start_s * 60 + frame, 60)
            h, m, s = int(second) // 3600 % 24, int(second) // 60 % 60, int(second) % 60
            cells = ",".join(f"{v:.10f}" for v in values[row, order])
            lines.append(f"{h:02d}:{m:02d}:{s:02d}:{rest:06.3f},61,{cells}")
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
