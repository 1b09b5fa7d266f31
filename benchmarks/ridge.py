"""The floor of every learned model: ridge regression from sound to what the mouth does.

32 log-mels within 240 ms on either side of a frame, one linear map, nothing tuned. Prints
Pearson's r of jaw, lip gap and lip width; ``--toml`` writes them as floors for ``visemic evaluate
--floors``.

    python benchmarks/ridge.py grid/                      # learns the train split, judged on the test split
    python benchmarks/ridge.py facegood/ --leave-one-out  # every clip judged by what the others teach
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from visemic.core.signals import Waveform
from visemic.data.loader import ClipStore
from visemic.evaluation.metrics import correlation
from visemic.rig.readout import Readouts, fit_readouts, readout_index
from visemic.rig.registry import load_rig

N_MELS, WINDOW, HOP, N_FFT = 32, 400, 160, 512
"""Of the log-mels, samples at 16 kHz: windows of 25 ms every 10 ms."""
OFFSETS_S = np.arange(-6, 7) * 0.04
"""Times around a frame at which the sound is heard."""
RIDGE = 10.0
"""On features of variance 1."""
NAMES = {"jaw": "incisor_gap", "lip gap": "lip_gap", "lip width": "mouth_width"}


def mel_filters() -> np.ndarray:
    """Give triangles of equal width on the mel scale from 60 to 7,600 Hz."""

    def mel(hz: np.ndarray) -> np.ndarray:
        return 2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0)

    edges = np.linspace(mel(60.0), mel(7_600.0), N_MELS + 2)
    bins = mel(np.arange(N_FFT // 2 + 1) * 16_000 / N_FFT)
    rise = (bins[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins[None]) / (edges[2:] - edges[1:-1])[:, None]
    return np.clip(np.minimum(rise, fall), 0, None)


def log_mels(waveform: Waveform, filters: np.ndarray) -> np.ndarray:
    """Give a row every 10 ms, the first centred on the first sample."""
    samples = np.pad(waveform.samples.astype(float), (WINDOW // 2, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * np.hanning(WINDOW)
    power = np.abs(np.fft.rfft(windows, N_FFT)) ** 2
    return np.log(power @ filters.T + 1e-8)


def heard(waveform: Waveform, times_s: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Give the log-mels around every frame."""
    rows = log_mels(waveform, filters)
    at = np.clip(np.round((times_s[:, None] + OFFSETS_S) * 100).astype(int), 0, len(rows) - 1)
    return rows[at].reshape(len(times_s), -1)


class Ridge:
    """Sums of products, clip by clip, and the map that follows from them."""

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        self.n = 0.0
        self.x, self.y = np.zeros(n_inputs), np.zeros(n_outputs)
        self.xx, self.xy = np.zeros((n_inputs, n_inputs)), np.zeros((n_inputs, n_outputs))

    def add(self, x: np.ndarray, y: np.ndarray, sign: float = 1.0) -> None:
        """Add a clip, or take it away again."""
        self.n += sign * len(x)
        self.x += sign * x.sum(0)
        self.y += sign * y.sum(0)
        self.xx += sign * (x.T @ x)
        self.xy += sign * (x.T @ y)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Give the outputs for other inputs."""
        mean_x, mean_y = self.x / self.n, self.y / self.n
        spread = np.sqrt(np.maximum(np.diag(self.xx) / self.n - mean_x**2, 1e-12))
        products = (self.xx - self.n * np.outer(mean_x, mean_x)) / np.outer(spread, spread)
        answers = (self.xy - self.n * np.outer(mean_x, mean_y)) / spread[:, None]
        slopes = np.linalg.solve(products + RIDGE * np.eye(len(mean_x)), answers)
        return (x - mean_x) / spread @ slopes + mean_y


def read_clip(store: ClipStore, number: int, readouts: Readouts, filters: np.ndarray) -> tuple:
    """Give sound and read-outs of a clip."""
    clip = store[number]
    if clip.motion is None or clip.waveform is None:
        raise SystemExit(f"clip {clip.clip_id} has no weights or no sound")
    weights = clip.motion.to_layout(readouts.layout).values.astype(float)
    columns = [readout_index(name) for name in NAMES.values()]
    target = readouts.measure_mm(weights)[:, columns]
    return heard(clip.waveform, clip.rate.times_s(clip.n_frames), filters), target


def main() -> None:
    """Learn, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--leave-one-out", action="store_true", help="judge every clip by the others")
    parser.add_argument("--toml", type=Path, help="write the figures as floors")
    args = parser.parse_args()
    store, readouts, filters = ClipStore(args.store), fit_readouts(load_rig("visemic")), mel_filters()
    ridge = Ridge(N_MELS * len(OFFSETS_S), len(NAMES))
    splits = [entry.split for entry in store.entries]
    if args.leave_one_out:
        judged = [read_clip(store, n, readouts, filters) for n in range(len(store))]
        for x, y in judged:
            ridge.add(x, y)
    else:
        judged = [read_clip(store, n, readouts, filters) for n in range(len(store)) if splits[n] == "test"]
        for number, split in enumerate(splits):
            if split == "train":
                ridge.add(*read_clip(store, number, readouts, filters))
    guesses = []
    for x, y in judged:
        if args.leave_one_out:
            ridge.add(x, y, -1.0)
        guesses.append(ridge.predict(x))
        if args.leave_one_out:
            ridge.add(x, y)
    write(args, judged, guesses)


def write(args: argparse.Namespace, judged: list, guesses: list) -> None:
    """Print r of all frames at once and by clip."""
    truth, guess = np.concatenate([y for _, y in judged]), np.concatenate(guesses)
    lines = []
    for column, (name, readout) in enumerate(NAMES.items()):
        pooled = correlation(guess[:, column], truth[:, column])
        by_clip = [correlation(g[:, column], y[:, column]) for (_, y), g in zip(judged, guesses, strict=True)]
        by_clip = [r for r in by_clip if np.isfinite(r)]
        mean = float(np.mean(by_clip))
        print(
            f"{name:10} r pooled {pooled:.3f}, mean of {len(by_clip)} clips {mean:.3f}, "
            f"{min(by_clip):.3f} to {max(by_clip):.3f}"
        )
        lines += [f"{readout}_correlation = {mean:.4f}", f"{readout}_correlation_pooled = {pooled:.4f}"]
    if args.toml is not None:
        how = "each clip by the others" if args.leave_one_out else "test split by the train split"
        head = ["[[floor]]", 'name = "ridge, run again"']
        head += [f'source = "benchmarks/ridge.py, {how}, {len(judged)} clips"', "[floor.metrics]"]
        args.toml.write_text("\n".join([*head, *lines]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
