"""Whether the sync scorers may be believed: ``python benchmarks/sync.py grid=STORE:validation …``.

Every clip of a store is scored with its own sound and with that of the next clip. Printed are
the area under the curve of true against permuted pairs, the share of true clips whose lag is
found within a frame of 1/30 s, and the distances, also with the face 0.1 s late, each with its
95 % interval over clips (speakers are drawn where there are several), for the trained network and
for the untrained correlation of loudness and lip gap. Exits with 1 when the network misses its
limits anywhere.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visemic.core.errors import VisemicError
from visemic.core.signals import Motion, Waveform
from visemic.data.loader import ClipStore
from visemic.evaluation.metrics_uncertainty import Estimate, bootstrap_mean
from visemic.evaluation.motion_sync import MotionSyncScorer
from visemic.evaluation.sync import LagScorer, SyncScorer
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

MIN_AREA, MIN_OFFSET_RATE = 0.95, 0.9
FRAME_S = 1 / 30
LONG_S, PART_S = 10.0, 5.0
N_DRAWS = 1_000
LATE_S = 0.1

Pair = tuple[str, Motion, Waveform]


def pairs(store: Path, split: str | None) -> Iterator[Pair]:
    """Give speaker, motion and sound of the clips, long ones in parts of five seconds."""
    for clip in ClipStore(store).select(split=split):
        if clip.motion is None or clip.waveform is None:
            continue
        n_parts = 1 if clip.duration_s < LONG_S else int(clip.duration_s / PART_S)
        n_frames = clip.motion.n_frames // n_parts
        for part in range(n_parts):
            first = part * n_frames
            values = clip.motion.values[first : first + n_frames]
            start, stop = (
                clip.waveform.rate.tick_at(clip.rate.time_of(f)) for f in (first, first + n_frames)
            )
            sound = Waveform(clip.waveform.samples[start:stop], clip.waveform.rate)
            yield clip.speaker, Motion(values, clip.motion.layout, clip.rate), sound


def measure(scorer: SyncScorer, clips: list[Pair]) -> dict[str, object]:
    """Score true and permuted pairs of clips that are long enough."""
    speakers, true, wrong, late = [], [], [], []
    start = time.perf_counter()
    for number, (speaker, motion, sound) in enumerate(clips):
        other = clips[(number + 1) % len(clips)][2]
        other = Waveform(np.resize(other.samples, len(sound.samples)), sound.rate)
        try:
            three = [scorer.score(motion, heard) for heard in (sound, other, earlier(sound, LATE_S))]
        except VisemicError:
            continue
        speakers.append(speaker)
        for kept, score in zip((true, wrong, late), three, strict=True):
            kept.append(score)
    seconds = time.perf_counter() - start
    ours = np.array([s.distance_in_place for s in true])
    theirs = np.array([s.distance_in_place for s in wrong])
    offsets_s = np.array([s.offset_s for s in true])
    near = (np.abs(offsets_s) <= FRAME_S + 1e-9).astype(float)

    def mean(values: np.ndarray) -> Estimate:
        return bootstrap_mean(values, 0, groups=speakers)

    return {
        "scorer": scorer.name,
        "clips": len(true),
        "speakers": len(set(speakers)),
        "area_under_curve": area(ours, theirs, speakers),
        "offset_rate": mean(near),
        "paired": mean((ours < theirs).astype(float)),
        "true_distance": mean(ours),
        "late_distance": mean(np.array([s.distance_in_place for s in late])),
        "permuted_distance": mean(theirs),
        "true_confidence": mean(np.array([s.confidence for s in true])),
        "permuted_confidence": mean(np.array([s.confidence for s in wrong])),
        "median_offset_ms": float(np.nanmedian(offsets_s) * 1_000),
        "ms_a_clip": 333 * seconds / max(1, len(true)),
    }


def earlier(sound: Waveform, by_s: float) -> Waveform:
    """Give the sound so much earlier that the face is late."""
    n = sound.rate.tick_at(by_s)
    return Waveform(np.append(sound.samples[n:], np.zeros(n, np.float32)), sound.rate)


def area(ours: np.ndarray, theirs: np.ndarray, speakers: list[str]) -> Estimate:
    """Give the area under the curve and its interval."""
    better = (ours[:, None] < theirs) + 0.5 * (ours[:, None] == theirs)
    _, member = np.unique(speakers, return_inverse=True)
    if member.max() == 0:
        member = np.arange(len(ours))
    # Redrawing groups is giving each clip the count of its group.
    generator, found = np.random.default_rng(0), []
    n_groups = int(member.max()) + 1
    for _ in range(N_DRAWS):
        count = np.bincount(generator.integers(n_groups, size=n_groups), minlength=n_groups)[member]
        found.append(count @ better @ count / count.sum() ** 2)
    low, high = np.quantile(found, (0.025, 0.975))
    return Estimate(float(better.mean()), float(low), float(high), len(ours))


def row(name: str, found: dict[str, object]) -> str:
    """Give a line of the table."""

    def show(key: str, digits: int = 3) -> str:
        value = found[key]
        assert isinstance(value, Estimate)
        return f"{value.mean:.{digits}f} [{value.low:.{digits}f}, {value.high:.{digits}f}]"

    cells = [
        name,
        found["scorer"],
        f"{found['clips']} / {found['speakers']}",
        show("area_under_curve"),
        show("offset_rate"),
        show("true_distance", 2),
        show("late_distance", 2),
        show("permuted_distance", 2),
        show("true_confidence", 2),
        show("permuted_confidence", 2),
        f"{found['median_offset_ms']:+.0f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Judge on every store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="+", help="NAME=STORE or NAME=STORE:SPLIT")
    parser.add_argument("--network", default="motion-sync", help="name or folder of a sync network")
    parser.add_argument("--clips", type=int, default=400, help="at most so many clips of a store")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    readouts = fit_readouts(load_rig("visemic"))
    scorers = (MotionSyncScorer(readouts, network=options.network), LagScorer(readouts))
    print(
        "| clips of | scorer | clips / speakers | area under curve | lag within a frame | distance, true "
        "| 0.1 s late | permuted | confidence, true | permuted | median lag, ms |\n|" + "---|" * 11
    )
    missed, everything = False, []
    for item in options.stores:
        name, _, place = item.partition("=")
        path, _, split = place.partition(":")
        clips = list(pairs(Path(path), split or None))
        kept = np.linspace(0, len(clips) - 1, min(options.clips, len(clips))).astype(int)
        for scorer in scorers:
            found = measure(scorer, [clips[i] for i in kept])
            print(row(name, found), flush=True)
            everything.append({"store": name, "split": split, **found})
            if scorer is scorers[0]:
                rate, under = found["offset_rate"], found["area_under_curve"]
                assert isinstance(rate, Estimate)
                assert isinstance(under, Estimate)
                missed |= under.mean < MIN_AREA or rate.mean < MIN_OFFSET_RATE
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1, default=vars) + "\n", encoding="utf-8")
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
