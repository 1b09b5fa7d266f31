"""What is heard and seen of the feelings in an expressive corpus, against each actor's own neutral.

Run: python benchmarks/expressive_corpus.py STORE [--intensity 1.0] [--split test]
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from visemic.core.signals import Alignment, Waveform
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.features.prosody import ENERGY, PITCH, extract_prosody
from visemic.models.viseme_accents import loudness_curve
from visemic.motion.accent import control_times_s
from visemic.motion.emotion import EMOTIONS
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import load_rig
from visemic.text.visemes import BILABIALS

COLUMNS = (
    "pitch, semitones",
    "range, semitones",
    "end against middle, semitones",
    "unsteady, hundredths of a semitone",
    "level, dB",
    "phones a second",
    "above 2.5 kHz, dB",
)
SEALED_MM = 0.5
_ENDING_STEPS = 15


def heard(waveform: Waveform, alignment: Alignment) -> list[float]:
    """Give the numbers of a clip in the order of ``COLUMNS``."""
    prosody = extract_prosody(waveform).values.astype(float)
    voiced = prosody[:, PITCH] > 0
    pitch = 12 * np.log2(prosody[voiced, PITCH])
    low, middle, high = np.percentile(pitch, [10, 50, 90])
    level = prosody[:, ENERGY]
    spoken = level > level.max() - 35
    both = voiced[2:] & voiced[1:-1] & voiced[:-2]
    track = 12 * np.log2(np.maximum(prosody[:, PITCH], 1.0))
    bends = np.abs(np.diff(track, n=2))[both]
    power = np.abs(np.fft.rfft(waveform.samples)) ** 2
    hz = np.fft.rfftfreq(len(waveform.samples), 1 / float(waveform.rate))
    phones = [p for p in alignment.phones if p.label != "SIL"]
    return [
        middle,
        high - low,
        float(np.median(pitch[-_ENDING_STEPS:]) - middle),
        100 * float(np.median(bends)),
        float(10 * np.log10(np.mean(10 ** (level[spoken] / 10)))),
        len(phones) / (phones[-1].end_s - phones[0].start_s),
        float(10 * np.log10(power[hz > 2500].sum() / power.sum())),
    ]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description="Measure an expressive corpus.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--intensity", type=float, default=1.0)
    parser.add_argument("--split")
    options = parser.parse_args()
    store = ClipStore(options.store)
    store = store if options.split is None else store.select(split=options.split)
    readouts = fit_readouts(load_rig("visemic"))
    numbers: dict[tuple[str, str], list[list[float]]] = {}
    sealed, contacts, follow = 0, 0, {}
    for number, entry in enumerate(store.entries):
        emotion = entry.emotion or "neutral"
        if emotion != "neutral" and abs((entry.intensity or 0.0) - options.intensity) > 0.01:
            continue
        clip = store[number]
        assert clip.waveform is not None
        assert clip.alignment is not None
        numbers.setdefault((clip.speaker, emotion), []).append(heard(clip.waveform, clip.alignment))
        closed = closures(clip, readouts)
        sealed, contacts = sealed + sum(closed), contacts + len(closed)
        follow.setdefault(emotion, []).append(brows_with_loudness(clip))
    print_heard(numbers)
    print(f"\nP, B and M with less than {SEALED_MM:g} mm between the lips: {sealed} of {contacts}")
    for emotion, found in follow.items():
        print(f"brows against loudness, {emotion}: {np.nanmean(found):.2f}")
    print(f"all: {np.nanmean([v for found in follow.values() for v in found]):.2f}")


def print_heard(numbers: Mapping[tuple[str, str], list[list[float]]]) -> None:
    """Print mean differences from the actor's neutral, a line for each emotion."""
    means = {key: np.mean(rows, axis=0) for key, rows in numbers.items()}
    print("| emotion | " + " | ".join(COLUMNS) + " |")
    print("|---" * (len(COLUMNS) + 1) + "|")
    for emotion in EMOTIONS:
        if emotion == "neutral":
            continue
        apart = [
            value - means[actor, "neutral"]
            for (actor, felt), value in means.items()
            if felt == emotion and (actor, "neutral") in means
        ]
        print(f"| {emotion} | " + " | ".join(f"{v:+.1f}" for v in np.mean(apart, axis=0)) + " |")


def closures(clip: Recording, readouts) -> list[bool]:  # type: ignore[no-untyped-def]
    """Say for each P, B and M whether the lips met in it."""
    assert clip.motion is not None
    assert clip.alignment is not None
    gap_mm = readouts.measure_mm(clip.motion.to_layout(readouts.layout).values)[:, readout_index("lip_gap")]
    found = []
    for phone in clip.alignment.phones:
        if phone.label in BILABIALS:
            ticks = [clip.rate.tick_at(t) for t in np.linspace(phone.start_s, phone.end_s, 9)]
            found.append(bool(gap_mm[np.minimum(ticks, len(gap_mm) - 1)].min() < SEALED_MM))
    return found


def brows_with_loudness(clip: Recording) -> float:
    """Give the correlation of the inner brows' height with loudness within a clip."""
    assert clip.motion is not None
    assert clip.alignment is not None
    assert clip.waveform is not None
    loudness = loudness_curve(clip.alignment, extract_prosody(clip.waveform))
    if loudness is None:
        return float("nan")
    times_s = control_times_s(clip.alignment.duration_s)
    n = min(len(times_s), len(loudness))
    at_frames = np.interp(clip.motion.times_s, times_s[:n], loudness[:n])
    brows = clip.motion.channel("browInnerUp").astype(float)
    return float(np.corrcoef(at_frames, brows)[0, 1]) if brows.std() > 1e-6 else float("nan")


if __name__ == "__main__":
    main()
