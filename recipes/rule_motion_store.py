"""Give speech with timed phones a face: a store of rule-made motion for the sync networks.

Every clip of the folders that ``speech_corpus.py`` writes is acted by the rule engine in a
manner of its speaker's own: how far the jaw opens, how fast lips close and open, how long the
muscles take. The sound is the recording itself.

    python recipes/rule_motion_store.py STORE SPEECH... [--clips-per-speaker 24]

Deterministic: the same speech gives the same store.
"""

import argparse
import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import ARKIT_52
from visemic.core.signals import Alignment, Motion, Phone, Waveform
from visemic.data.convert import convert
from visemic.data.importers.folder import clean_id
from visemic.data.importers.split import split_of
from visemic.data.recording import Recording, Split
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

RATE = Rate.of(30)
SEED = 46


def recordings(folder: Path, clips_per_speaker: int) -> Iterator[Recording]:
    """Act the first clips of every speaker."""
    readouts = fit_readouts(load_rig("visemic"))
    samples = np.memmap(folder / "audio.i16", np.int16, "r")
    seen: Counter[str] = Counter()
    for line in (folder / "clips.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if seen[row["speaker"]] >= clips_per_speaker:
            continue
        seen[row["speaker"]] += 1
        sound = samples[row["first"] : row["first"] + row["samples"]].astype(np.float32) / 32_768
        waveform = Waveform(sound, SPEECH_RATE)
        alignment = _alignment(row, waveform.duration_s)
        rules = VisemeRules(_manner(row["speaker"]), readouts)
        chance = np.random.default_rng([SEED, zlib.crc32(row["id"].encode())])
        motion = rules.generate(alignment, extract_prosody(waveform), RATE, FaceControl(), chance)
        motion = motion.to_layout(ARKIT_52)
        yield Recording(
            clip_id=clean_id(row["id"]),
            speaker=row["speaker"],
            split=_split(row),
            licence=row["licence"],
            source=f"{folder.name} acted by rules",
            rate=RATE,
            motion=Motion(motion.values, motion.layout, RATE),
            waveform=waveform,
            alignment=alignment,
            text=row["text"],
        )


def _alignment(row: dict, duration_s: float) -> Alignment:
    phones = tuple(
        Phone(label, min(start_s, duration_s), min(end_s, duration_s))
        for label, start_s, end_s in row["phones"]
    )
    return Alignment(phones, (), row["text"], duration_s, source="aligned")


def _split(row: dict) -> Split:
    """Hold out some of the speakers of a training part for validation."""
    return split_of(row["speaker"], validation=0.08, test=0.0) if row["split"] == "train" else row["split"]


def _manner(speaker: str) -> VisemeRulesConfig:
    chance = np.random.default_rng([SEED, zlib.crc32(speaker.encode())])
    return VisemeRulesConfig(
        articulation=float(chance.uniform(0.5, 1.5)),
        contact_attack_s=float(chance.uniform(0.035, 0.09)),
        contact_release_s=float(chance.uniform(0.03, 0.08)),
    )


def main() -> None:
    """Make the store."""
    parser = argparse.ArgumentParser(description="Act speech by rules.")
    parser.add_argument("store", type=Path)
    parser.add_argument("speech", type=Path, nargs="+")
    parser.add_argument("--clips-per-speaker", type=int, default=24)
    options = parser.parse_args()
    clips = (clip for folder in options.speech for clip in recordings(folder, options.clips_per_speaker))
    report = convert(clips, options.store)
    print(f"{report.n_added} clips, {report.duration_s / 3600:.2f} h")


if __name__ == "__main__":
    main()
