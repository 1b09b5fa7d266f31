"""A training whose store is larger than the memory it may have, killed in the middle and resumed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import MeshMotion, Topology, Waveform
from visemic.data.convert import convert
from visemic.data.recording import Recording

N_VERTICES, N_FRAMES, N_CLIPS = 6_000, 60, 110
ALLOWED_MIB = 160
"""Beyond what Python and its libraries take before the training; the store holds 226 MiB."""

CHILD = """
import json, resource, sys
from pathlib import Path
import torch, lightning.pytorch
from visemic.training.recipe import recipe_from_dict
from visemic.training.trainer import train
import visemic.training.meshtalk, torch._inductor.config

torch.set_num_threads(1)
recipe, folder, out, allowed, resume = json.loads(sys.argv[1])
own = int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (own + allowed * 2**20,) * 2)
paths = {"corpus": Path(folder) / "store", "masks": Path(folder) / "masks"}
train(recipe_from_dict(recipe), paths, Path(out), resume=resume,
      progress=lambda p: print("step", p.step, flush=True))
try:
    bytearray((allowed + 64) * 2**20)
    print("no limit")
except MemoryError:
    print("limited")
"""
RECIPE = {
    "name": "narrow",
    "task": "meshtalk",
    "data": {"n_validation": 2, "fit_frames": 40, "segment_frames": 16},
    "model": {
        "heads": 2,
        "classes": 4,
        "audio": "shared",
        "audio_channels": 8,
        "audio_dilations": [4, 8, 12],
        "audio_dim": 8,
        "expression_widths": [8, 8],
        "expression_dim": 8,
        "fusion_width": 8,
        "unet_widths": [8, 8],
        "unet_layers": 1,
    },
    "schedule": {
        "max_steps": 6,
        "batch_size": 2,
        "validate_every": 6,
        "checkpoint_every": 2,
        "log_every": 1,
    },
}


def clips():
    rng = np.random.default_rng(3)
    neutral = rng.normal(0, 0.05, (N_VERTICES, 3)).astype(np.float32)
    shape = rng.normal(0, 0.01, (N_VERTICES, 3)).astype(np.float32)
    topology = Topology("wide", np.array([[0, 1, 2]]))
    for number in range(N_CLIPS):
        strength = np.sin(np.arange(N_FRAMES) / (5 + number % 20)).astype(np.float32)
        yield Recording(
            clip_id=f"ann/{number}",
            speaker="ann",
            split="validation" if number >= N_CLIPS - 2 else "train",
            licence="CC0-1.0",
            source="made up",
            rate=Rate.of(30),
            mesh=MeshMotion(neutral + strength[:, None, None] * shape, topology, Rate.of(30)),
            neutral=neutral,
            waveform=Waveform(
                (0.1 * rng.standard_normal(16_000 * N_FRAMES // 30)).astype(np.float32), SPEECH_RATE
            ),
        )


def start(folder, out, *, resume):
    asked = json.dumps([RECIPE, str(folder), str(out), ALLOWED_MIB, resume])
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, asked],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="limits of memory as Linux keeps them")
def test_a_store_larger_than_the_memory_trains_and_a_killed_training_ends_in_the_same_bits(tmp_path):
    convert(clips(), tmp_path / "store")
    (tmp_path / "masks").mkdir()
    for name in ("mouth", "upper_face", "eyelids"):
        np.savetxt(tmp_path / "masks" / f"{name}.txt", np.ones(N_VERTICES))
    size = sum(path.stat().st_size for path in (tmp_path / "store" / "shards").iterdir())
    assert size > ALLOWED_MIB * 2**20

    whole = start(tmp_path, tmp_path / "whole", resume=False)
    said, complained = whole.communicate()
    assert whole.returncode == 0, complained
    assert "limited" in said

    torn = start(tmp_path, tmp_path / "torn", resume=False)
    assert torn.stdout is not None
    for line in torn.stdout:
        if line.strip() == "step 3":
            torn.send_signal(signal.SIGKILL)
            break
    torn.communicate()
    assert torn.returncode == -signal.SIGKILL
    again = start(tmp_path, tmp_path / "torn", resume=True)
    said, complained = again.communicate()
    assert again.returncode == 0, complained
    assert "step 6" in said
    one, two = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "torn"))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)
