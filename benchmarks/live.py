"""The model of sound, live and from files, beside its peers in one run.

On one thread: real-time factor of the whole path from sound to contacts, of pocketsphinx's phones
with the rules, and of wav2vec2-base with a feed-forward head (random parameters suffice for time;
needs the extra ``train``); then a stream in pieces of 33 ms: median, p99 and worst time a piece,
look-ahead, and memory after the first and the last minute.

    python benchmarks/live.py               # a minute of stream
    python benchmarks/live.py --minutes 60  # an hour
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench import Table

from visemic.audio.recognise import recognise_phones
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.signals import Waveform
from visemic.models.live_mouth import TOTAL_LOOKAHEAD_S
from visemic.models.registry import load_sound_model
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

MODEL = "trunk-mouth"
PIECE_SAMPLES = 533
FPS = Rate.of(30)


def babble(seconds: float) -> Waveform:
    """Give noise that comes and goes like syllables; time does not depend on what is said."""
    n = round(seconds * 16_000)
    rng = np.random.default_rng(0)
    loud = np.interp(
        np.arange(n), np.arange(0, n + 1_600, 1_600), rng.random(len(range(0, n + 1_600, 1_600)))
    )
    return Waveform((rng.normal(0, 0.08, n) * loud**2).astype(np.float32), SPEECH_RATE)


def cost(work: Callable[[], object], seconds: float) -> float:
    """Give the least of three real-time factors, warm."""
    work()
    found = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        found.append((time.perf_counter() - begin) / seconds)
    return min(found)


def peer(seconds: float) -> float | None:
    """Give the real-time factor of wav2vec2-base with a feed-forward head, None without torch."""
    try:
        import torch
        from transformers import Wav2Vec2Config, Wav2Vec2Model
    except ImportError:
        return None
    torch.set_num_threads(1)
    encoder = Wav2Vec2Model(Wav2Vec2Config()).eval()
    head = torch.nn.Sequential(torch.nn.Linear(768, 150), torch.nn.ReLU(), torch.nn.Linear(150, 33))
    sound = torch.from_numpy(babble(seconds).samples)[None]

    def run() -> None:
        with torch.no_grad():
            head(encoder(sound).last_hidden_state)

    return cost(run, seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    face = load_sound_model(MODEL, fit_readouts(load_rig("visemic")))
    sound = babble(20.0)
    ours = cost(lambda: face.mouth.generate(sound, FPS), 20.0)
    sphinx = cost(lambda: recognise_phones(sound, workers=1), 20.0)
    wav2vec2 = peer(10.0)
    stream = face.mouth.open_stream(FPS)
    took, first_mib, n = [], 0.0, round(options.minutes * 60 * 16_000 / PIECE_SAMPLES)
    minute = sound.samples
    for piece in range(n):
        at = piece * PIECE_SAMPLES % (len(minute) - PIECE_SAMPLES)
        begin = time.perf_counter()
        stream.push(minute[at : at + PIECE_SAMPLES])
        took.append(time.perf_counter() - begin)
        if piece == min(n - 1, 1_800):
            first_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    last_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    ms = np.quantile(np.array(took[30:]) * 1_000, (0.5, 0.99, 1.0))
    table = Table()
    table.add("model of sound, file, real-time factor, 1 thread", ours, 0.02, "")
    table.add("model of sound, stream, median of 33 ms", ms[0], None, "ms")
    table.add("model of sound, stream, p99 of 33 ms", ms[1], 8.0, "ms")
    table.add("model of sound, look-ahead", TOTAL_LOOKAHEAD_S * 1_000, 80.0, "ms")
    table.add(f"memory gained over {options.minutes:g} min of stream", last_mib - first_mib, 8.0, "MiB")
    table.add("pocketsphinx phones, times as long", sphinx / ours, None, "x")
    if wav2vec2 is not None:
        table.add("wav2vec2-base and ff, times as long", wav2vec2 / ours, None, "x")
    if options.json:
        options.json.write_text(json.dumps(table.rows))
    if not all(row["good"] for row in table.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
