"""How well a mouth follows real ones: the final weights of ``animate`` against tracked faces.

GRID: the landmarks themselves (lip gap, lip width, distance from nose to chin, in face heights,
head pose removed) against the model's weights, read out with the linear figures of the reference
head. FACEGOOD: the artist's jaw. Prints Pearson's r over all frames and as the mean by clip, with
95 % intervals over clips; and for words of the transcript that begin with B, P or M how often the
lips close, and how often a vowel is closed.

    python benchmarks/mouth.py --grid GRID --facegood FACEGOOD --model trunk-mouth --model rules
"""

import argparse
import json
from pathlib import Path

import numpy as np

from visemic.audio.align import align_words
from visemic.audio.io import read_waveform
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion, Waveform
from visemic.data.importers.array_file import NpzRows
from visemic.data.importers.landmark import LandmarkFace, measure
from visemic.data.importers.registry import load_importer
from visemic.data.importers.split import split_of
from visemic.motion.mouth import Mouth, mouth_from_readouts, reference_mouth
from visemic.pipeline.animate import animate
from visemic.pipeline.transcript import read_transcript
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.visemes import BILABIALS, VOWELS

LAG_S = 0.016
"""The tracker smooths: its landmarks are of so much earlier."""
NAMES = ("jaw", "lip gap", "lip width")
READOUTS = ("incisor_gap", "lip_gap", "mouth_width")
SEALED_MM = 0.3
N_DRAWS = 1_000

Pair = tuple[np.ndarray, np.ndarray]
GridClip = tuple[Waveform, np.ndarray, np.ndarray, str]


def grid_clips(
    folder: Path, splits: tuple[str, ...]
) -> list[tuple[str, Waveform, np.ndarray, np.ndarray, str]]:
    """Give name, sound, times and measures of the clips of some splits, and the text."""
    document = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
    numbers = tuple(int(n) for n in np.load(folder / "tracks.npz")["landmark_ids"])
    size = np.load(folder / "tracks.npz")["wh"].astype(float)

    found = []
    with (
        NpzRows(folder / "tracks.npz", "landmarks_q14") as points,
        NpzRows(folder / "tracks.npz", "head_mat") as heads,
    ):
        for clip in document["clips"]:
            if split_of(str(clip["id"]), validation=0.05, test=0.1) not in splits:
                continue
            first, stop = clip["first_row"], clip["first_row"] + clip["frames"]
            q14 = points.read(first, stop)
            seen = q14[:, 0, 0] != -32_768
            if seen.mean() < 0.9:
                continue
            xyz = q14[seen].astype(float) / 16_384 * np.array([size[0], -size[1], -size[0]])
            turns = heads.read(first, stop)[seen][:, :3, :3].astype(float)
            measured = measure(LandmarkFace(numbers, xyz, turns))
            ahead_s = clip["first_frame_s"] - clip["audio_start_s"] - LAG_S
            times = np.flatnonzero(seen) / document["fps"] + ahead_s
            words = " ".join(w for _, _, w in clip["words"] if w not in ("sil", "sp"))
            sound = read_waveform(folder / "audio" / f"{clip['id']}.ogg")
            found.append((sound, times, measured[:, [4, 0, 1]], words))
    return found


def at_times(motion: Motion, times_s: np.ndarray) -> np.ndarray:
    """Give the three read-outs of the reference head at some times, millimetres."""
    mouth = reference_mouth()
    weights = motion.to_layout(ARKIT_61).values.astype(float)
    curves = [mouth.measure_mm(name, weights) for name in READOUTS]
    return np.stack([np.interp(times_s, motion.times_s, c) for c in curves], axis=1)


def table(pairs: list[Pair]) -> list[str]:
    """Give pooled r and mean r by clip of each measure, with intervals."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(pairs), (N_DRAWS, len(pairs)))
    cells = []
    for column in range(pairs[0][0].shape[1]):
        sums = np.array([_sums(p[:, column], t[:, column]) for p, t in pairs])
        pooled = _r(sums.sum(0))
        low, high = np.quantile(_r(sums[draws].sum(1)), (0.025, 0.975))
        each = np.array([_r(s) for s in sums])
        a, b = np.quantile(np.nanmean(each[draws], axis=1), (0.025, 0.975))
        cells.append(f"{pooled:.3f} ({low:.3f} to {high:.3f}); {np.nanmean(each):.3f} ({a:.3f} to {b:.3f})")
    return cells


def _sums(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.array([len(p), p.sum(), t.sum(), (p * p).sum(), (t * t).sum(), (p * t).sum()])


def _r(s: np.ndarray) -> np.ndarray:
    n, p, t, pp, tt, pt = np.moveaxis(s, -1, 0)
    spread = np.sqrt(np.maximum((n * pp - p * p) * (n * tt - t * t), 1e-18))
    return (n * pt - p * t) / spread


def contacts(motion: Motion, alignment: Alignment, mouth: Mouth) -> np.ndarray:
    """Give sealed and all bilabials, closed and all vowels, of a clip, on the head."""
    gap = mouth.measure_mm("lip_gap", motion.to_layout(ARKIT_61).values.astype(float))
    hz = float(motion.rate)
    out = np.zeros(4)
    for phone in alignment.phones:
        a, b = int(np.floor(phone.start_s * hz)), int(np.ceil(phone.end_s * hz))
        if phone.label in BILABIALS:
            out[0] += float(gap[max(0, a - 1) : b + 2].min(initial=9.0) <= SEALED_MM)
            out[1] += 1
        elif phone.label in VOWELS and phone.duration_s >= 0.05:
            centre = round((phone.start_s + phone.end_s) / 2 * hz)
            out[2] += float(gap[min(centre, len(gap) - 1)] <= SEALED_MM)
            out[3] += 1
    return out


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--grid", type=Path)
    parser.add_argument("--facegood", type=Path)
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--splits", nargs="+", default=["validation", "test"])
    parser.add_argument("--fps", default="25")
    options = parser.parse_args()
    models = options.model or ["trunk-mouth", "viseme-rules"]
    if options.grid:
        head = mouth_from_readouts(fit_readouts(load_rig("visemic")))
        clips = grid_clips(options.grid, tuple(options.splits))
        print(f"GRID, {len(clips)} clips: pooled r; mean r by clip (95 % over clips)\n")
        print(
            f"| model | {' | '.join(NAMES)} | bilabials sealed | vowels closed |\n|---|---|---|---|---|---|"
        )
        for model in models:
            pairs, counts = [], []
            for sound, times, measured, words in clips:
                clip = animate(sound, model=model, fps=options.fps)
                pairs.append((at_times(clip.motion, times), measured))
                aligned = align_words(sound, list(read_transcript(words, "en-us").words))
                counts.append(contacts(clip.motion, aligned.alignment, head))
            n = np.array(counts).sum(0)
            shut = f"{n[0] / n[1]:.1%} of {n[1]:.0f} | {n[2] / n[3]:.1%} of {n[3]:.0f}"
            print(f"| {model} | {' | '.join(table(pairs))} | {shut} |", flush=True)
    if options.facegood:
        print(f"\nFACEGOOD, clips of {', '.join(options.splits)}\n\n| model | jaw |\n|---|---|")
        recordings = [
            r for r in load_importer("facegood").recordings(options.facegood) if r.split in options.splits
        ]
        for model in models:
            pairs = []
            for r in recordings:
                assert r.waveform is not None
                assert r.motion is not None
                clip = animate(r.waveform, model=model, fps=str(r.rate.hz))
                jaw = np.interp(r.motion.times_s, clip.motion.times_s, clip.motion.channel("jawOpen"))
                pairs.append((jaw[:, None], r.motion.channel("jawOpen").astype(float)[:, None]))
            print(f"| {model} | {table(pairs)[0]} |", flush=True)


if __name__ == "__main__":
    main()
