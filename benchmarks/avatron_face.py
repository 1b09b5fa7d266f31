"""How well a face that reads phones follows recorded mouths, beside the rules on the same phones.

Clips of a store that are aligned, at their own frame rate, contacts and all: teeth gap, lip gap and
mouth width on the built-in head, of the made weights against the recorded ones. Prints Pearson's r
over all frames and as the mean by clip with 95 % intervals over clips, root mean square errors, the
spread against the recorded one, how often P, B and M close the lips, and how often a vowel does.

    python benchmarks/avatron_face.py avatron GRID_STORE --manner grid-s1=1 --manner natural=0.5,grid-s1=0.5
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.registry import RULES_MODEL, load_model
from visemic.motion.mouth import mouth_from_readouts
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.visemes import BILABIALS, VOWELS

NAMES = ("teeth gap", "lip gap", "mouth width")
READOUTS = ("incisor_gap", "lip_gap", "mouth_width")
SEALED_MM = 0.3
N_DRAWS = 1_000
STILL = FaceControl(blink=0, brows=0, head=0, gaze=0)

READOUTS_OF_HEAD = fit_readouts(load_rig("visemic"))
MOUTH = mouth_from_readouts(READOUTS_OF_HEAD)


@dataclass
class Row:
    """What one model did on all clips."""

    made: list[np.ndarray] = field(default_factory=list)
    recorded: list[np.ndarray] = field(default_factory=list)
    contacts: list[np.ndarray] = field(default_factory=list)


def measured(motion: Motion) -> np.ndarray:
    """Give the three read-outs of the built-in head, millimetres."""
    weights = motion.to_layout(ARKIT_61).values.astype(float)
    return np.stack([MOUTH.measure_mm(name, weights) for name in READOUTS], axis=1)


def contacts(gap_mm: np.ndarray, hz: float, alignment: Alignment) -> np.ndarray:
    """Give sealed and all bilabials, closed and all vowels."""
    out = np.zeros(4)
    for phone in alignment.phones:
        first, stop = int(np.floor(phone.start_s * hz)), int(np.ceil(phone.end_s * hz))
        if phone.label in BILABIALS:
            out += (gap_mm[max(0, first - 1) : stop + 2].min(initial=9.0) <= SEALED_MM, 1, 0, 0)
        elif phone.label in VOWELS and phone.duration_s >= 0.05:
            middle = round((phone.start_s + phone.end_s) / 2 * hz)
            out += (0, 0, gap_mm[min(middle, len(gap_mm) - 1)] <= SEALED_MM, 1)
    return out


def made(model: Any, clip: Recording, **manner: Mapping[str, float]) -> Motion:
    """Let a model move the clip's phones; chance plays no part in the mouth."""
    prosody = None if clip.waveform is None else extract_prosody(clip.waveform)
    chance = np.random.default_rng(0)
    motion: Motion = model.generate(clip.alignment, prosody, clip.rate, STILL, chance, **manner)
    return motion


def line(name: str, row: Row) -> str:
    """Give a row of the table."""
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(row.made), (N_DRAWS, len(row.made)))
    cells = [name]
    for column in range(len(READOUTS)):
        sums = np.array(
            [_sums(p[:, column], t[:, column]) for p, t in zip(row.made, row.recorded, strict=True)]
        )
        low, high = np.quantile(_r(sums[draws].sum(1)), (0.025, 0.975))
        n, p, t, pp, tt, pt = sums.sum(0)
        rms = np.sqrt((pp + tt - 2 * pt) / n)
        spread = np.sqrt((pp / n - (p / n) ** 2) / (tt / n - (t / n) ** 2))
        each = np.nanmean(_r(sums))
        cells.append(
            f"{_r(sums.sum(0)):.3f} ({low:.3f} to {high:.3f}); {each:.3f}; {rms:.2f} mm; {spread:.2f}"
        )
    closed = np.sum(row.contacts, axis=0)
    cells.append(f"{closed[0] / max(1, closed[1]):.1%} of {closed[1]:.0f}")
    cells.append(f"{closed[2] / max(1, closed[3]):.1%} of {closed[3]:.0f}")
    return f"| {' | '.join(cells)} |"


def _sums(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.array([len(p), p.sum(), t.sum(), (p * p).sum(), (t * t).sum(), (p * t).sum()])


def _r(s: np.ndarray) -> np.ndarray:
    n, p, t, pp, tt, pt = np.moveaxis(s, -1, 0)
    spread = np.sqrt(np.maximum((n * pp - p * p) * (n * tt - t * t), 1e-18))
    return (n * pt - p * t) / spread


def _manner(text: str) -> dict[str, float]:
    return {name: float(share) for name, _, share in (item.partition("=") for item in text.split(","))}


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("store", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", default="", help="only clips whose names begin so")
    parser.add_argument("--manner", action="append", default=[], help="name=share[,name=share]; repeat")
    options = parser.parse_args()
    store = ClipStore(options.store).select(split=options.split)
    rules, face = (load_model(name, READOUTS_OF_HEAD) for name in (RULES_MODEL, options.model))
    manners = {"default": {}, **{text: {"manner": _manner(text)} for text in options.manner}}
    rows: dict[str, Row] = {name: Row() for name in ("rules", *manners)}
    for number, entry in enumerate(store.entries):
        if not entry.clip_id.startswith(options.clips):
            continue
        clip = store[number]
        if clip.alignment is None or not clip.alignment.phones or clip.motion is None:
            continue
        motions = {"rules": made(rules, clip)}
        motions |= {name: made(face, clip, **manner) for name, manner in manners.items()}
        truth = measured(clip.motion)
        for name, motion in motions.items():
            values = measured(motion)
            n = min(len(values), len(truth))
            rows[name].made.append(values[:n])
            rows[name].recorded.append(truth[:n])
            rows[name].contacts.append(contacts(values[:, 1], float(clip.rate), clip.alignment))
    print(f"{options.split}, {len(rows['rules'].made)} clips: pooled r (95 %); mean r by clip; rms; spread\n")
    print(f"| model | {' | '.join(NAMES)} | P B M sealed | vowels closed |\n|---|---|---|---|---|---|")
    for name, row in rows.items():
        print(line(name, row))


if __name__ == "__main__":
    main()
