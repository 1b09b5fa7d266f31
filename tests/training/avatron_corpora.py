"""A tiny corpus for Avatron: vowels that hum, consonants that hiss, and a mouth that follows."""

import json
from pathlib import Path

import numpy as np

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Alignment, MeshMotion, Motion, Phone, Topology, Waveform
from visemic.data.convert import convert
from visemic.data.recording import Recording

HUMS = {"AA": 220.0, "IY": 300.0, "UW": 160.0}
OPEN = {"AA": 0.8, "IY": 0.3, "UW": 0.2, "M": 0.0, "S": 0.1, "SIL": 0.0}


def spoken(seed: int) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Give sound at 16 kHz and its phones."""
    rng = np.random.default_rng(seed)
    labels = ["SIL", *rng.choice(["AA", "IY", "UW", "M", "S"], 6), "SIL"]
    sounds, phones, start = [], [], 0.0
    for label in labels:
        n = 200 * int(rng.integers(6, 14))
        time = np.arange(n) / 16_000
        if label in HUMS:
            sound = sum(np.sin(2 * np.pi * HUMS[label] * k * time) / k for k in range(1, 8)) * 0.2
        elif label == "M":
            sound = 0.1 * np.sin(2 * np.pi * 200 * time)
        else:
            sound = (0.05 if label == "S" else 1e-4) * rng.normal(size=n)
        sounds.append(sound)
        phones.append((str(label), start, start + n / 16_000))
        start += n / 16_000
    return np.concatenate(sounds).astype(np.float32), phones


def write_speech(folder: Path, n_clips: int = 6) -> Path:
    """Write a corpus as ``recipes/speech_corpus.py`` does."""
    folder.mkdir()
    first = 0
    with (folder / "audio.i16").open("wb") as audio, (folder / "clips.jsonl").open("w") as rows:
        for number in range(n_clips):
            samples, phones = spoken(number)
            np.round(samples * 32_767).astype(np.int16).tofile(audio)
            row = {
                "id": f"toy-{number}", "speaker": "toy", "licence": "CC0-1.0", "first": first,
                "split": "validation" if number >= n_clips - 2 else "train", "samples": len(samples),
                "text": "hum hiss.", "phones": phones,
            }  # fmt: skip
            rows.write(json.dumps(row) + "\n")
            first += len(samples)
    return folder


def write_faces(folder: Path, n_clips: int = 6, *, is_mesh: bool = False) -> Path:
    """Write a store of the same clips with a mouth that follows."""
    rate = Rate.of(30)

    def recordings():
        for number in range(n_clips):
            samples, rows = spoken(number)
            duration_s = len(samples) / 16_000
            alignment = Alignment(tuple(Phone(*row) for row in rows), (), "hum hiss.", duration_s)
            times = rate.times_s(rate.count(duration_s))
            ends = np.array([row[2] for row in rows])
            opened = np.array([OPEN[rows[min(i, len(rows) - 1)][0]] for i in np.searchsorted(ends, times)])
            common = {
                "clip_id": f"toy-{number}", "speaker": "toy", "licence": "CC0-1.0", "source": "toy",
                "split": "validation" if number >= n_clips - 2 else "train", "rate": rate,
                "waveform": Waveform(samples, SPEECH_RATE), "alignment": alignment, "text": "hum hiss.",
            }  # fmt: skip
            if is_mesh:
                neutral = np.array([[0, 0.01, 0], [0, -0.01, 0], [0, 0.1, 0], [0.05, 0, 0]], np.float32)
                vertices = np.repeat(neutral[None], len(times), 0)
                vertices[:, 1, 1] -= (0.02 * opened).astype(np.float32)
                vertices[:, 2, 2] += (0.002 * opened).astype(np.float32)
                triangles = np.array([[0, 1, 2], [0, 1, 3]], np.int32)
                yield Recording(
                    **common, mesh=MeshMotion(vertices, Topology("toy", triangles), rate), neutral=neutral
                )
            else:
                values = np.zeros((len(times), len(ARKIT_52)), np.float32)
                values[:, ARKIT_52.index("jawOpen")] = opened
                values[:, ARKIT_52.index("browInnerUp")] = 0.3 * opened
                yield Recording(**common, motion=Motion(values, ARKIT_52, rate))

    convert(recordings(), folder)
    return folder
