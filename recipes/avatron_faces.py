"""Make the store that the shipped face of Avatron learns from: speech with phones, and how faces move to it.

Five manners of moving, told apart by the name of the speaker, and seven feelings:

- ``grid-s1``: the tracked mouth of GRID talker s1.
- ``facegood``: an artist's curves over Mandarin, with the nearest English phones that the phonetic network
  hears; nobody wrote them down.
- ``natural``: what ``trunk-mouth``, which learnt from both recordings, sees in the sound of the same GRID
  clips and of the synthetic voice: recorded movement for sentences that nobody was filmed with.
- ``rules``: the rule engine over the synthetic voice; with ``happy``, ``sad`` and so on it acts a feeling of
  some intensity, more or less articulate, stronger on one side of the face.

    python recipes/avatron_faces.py STORE --speech SPEECH/slt --grid GRID --facegood FACEGOOD

``SPEECH`` comes from ``speech_corpus.py``; ``GRID`` and ``FACEGOOD`` are corpora, or stores of them. All at
30 frames a second. Deterministic: the same sources give the same store.
"""

import argparse
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import ARKIT_52, ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone, Waveform
from visemic.data.convert import convert
from visemic.data.importers.folder import clean_id
from visemic.data.importers.registry import load_importer
from visemic.data.loader import ClipStore
from visemic.data.prepared_speech import SpeechClip, read_clips, read_samples
from visemic.data.recording import Recording, Split
from visemic.data.synthetic import styled_motion
from visemic.data.synthetic_config import SyntheticSpeaker
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.heard_phones import hear_phones
from visemic.models.registry import load_sound_model
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.motion.emotion import emotion_weights
from visemic.motion.resample import resample
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

RATE = Rate.of(30)
SEED = 61
STILL = FaceControl(blink=0, brows=0, head=0, gaze=0)
"""Only the mouth is learnt."""
INTENSITIES = (0.35, 0.5, 0.75, 1.0)
PIECE_S = 5.5
"""Length of the pieces that long recordings are cut into."""


@dataclass(frozen=True)
class Acting:
    """How a feeling changes the mouth at intensity 1, besides its pose."""

    articulation: float
    asymmetry: float
    """How much stronger the left side is."""


ACTING = {
    "": Acting(1.0, 0.05),
    "happy": Acting(1.08, 0.10),
    "sad": Acting(0.75, -0.06),
    "surprised": Acting(1.15, 0.04),
    "fear": Acting(0.88, -0.08),
    "disgusted": Acting(0.95, -0.12),
    "angry": Acting(1.25, 0.08),
    "contempt": Acting(0.85, 0.05),
}


def main() -> None:
    """Make the store."""
    parser = argparse.ArgumentParser(description="Make the store of Avatron's face.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--grid", type=Path)
    parser.add_argument("--facegood", type=Path)
    parser.add_argument("--natural-clips", type=int, default=700, help="sentences seen in the sound")
    parser.add_argument("--acted-clips", type=int, default=1_000, help="sentences acted by rules")
    options = parser.parse_args()
    report = convert(_recordings(options), options.store)
    print(f"{report.n_added} clips, {report.duration_s / 3600:.2f} h")


def _recordings(options: argparse.Namespace) -> Iterator[Recording]:
    if options.grid:
        for clip in _corpus("grid", options.grid):
            if clip.alignment is not None and clip.alignment.phones:
                yield _tracked(clip)
                yield _seen(clip)
    if options.facegood:
        for clip in _corpus("facegood", options.facegood):
            yield from _pieces(clip)
    clips = read_clips(options.speech)
    texts = _texts(options.speech)
    for number, clip in enumerate(_spread(clips, options.natural_clips)):
        yield _seen(_spoken(options.speech, clip, texts[clip.clip_id], number))
    for number, clip in enumerate(_spread(clips, options.acted_clips, offset=1)):
        yield _acted(_spoken(options.speech, clip, texts[clip.clip_id], number), number)


def _corpus(kind: str, path: Path) -> Iterable[Recording]:
    return ClipStore(path) if (path / "store.json").is_file() else load_importer(kind).recordings(path)


def _texts(folder: Path) -> dict[str, str]:
    import json

    rows = (json.loads(line) for line in (folder / "clips.jsonl").read_text("utf-8").splitlines())
    return {str(row["id"]): str(row["text"]) for row in rows}


def _spread(clips: list[SpeechClip], n: int, offset: int = 0) -> list[SpeechClip]:
    """Choose clips evenly: two choices of other offsets share few."""
    step = max(1, len(clips) // n)
    return clips[offset % step :: step][:n]


def _spoken(folder: Path, clip: SpeechClip, text: str, number: int) -> Recording:
    """Give a synthetic sentence on a face at rest; some are held out."""
    waveform = Waveform(read_samples(folder, clip), SPEECH_RATE)
    end_s = waveform.duration_s
    phones = tuple(Phone(label, min(a, end_s), min(b, end_s)) for label, a, b in clip.phones)
    split: Split = "train" if clip.split == "train" else "validation" if number % 2 else "test"
    if number % 25 == 24:
        split = "test" if number % 50 == 49 else "validation"
    return Recording(
        clip_id=clean_id(clip.clip_id),
        speaker="natural",
        split=split,
        licence=clip.licence,
        source="synthetic voice",
        rate=RATE,
        motion=Motion(np.zeros((RATE.count(end_s), len(ARKIT_52)), np.float32), ARKIT_52, RATE),
        waveform=waveform,
        alignment=Alignment(phones, (), text, end_s),
        text=text,
    )


def _tracked(clip: Recording) -> Recording:
    """Give a recording at our rate."""
    assert clip.motion is not None
    motion = resample(clip.motion.to_layout(ARKIT_52), RATE)
    return replace(clip, clip_id=f"tracked/{clip.clip_id}", speaker="grid-s1", rate=RATE, motion=motion)


def _seen(clip: Recording) -> Recording:
    """Give what the model that hears sees in a sound, with the contacts of its phones."""
    assert clip.waveform is not None
    assert clip.alignment is not None
    chance = np.random.default_rng([SEED, zlib.crc32(clip.clip_id.encode())])
    motion = _eyes().generate(clip.waveform, clip.alignment, None, RATE, STILL, chance)
    motion = motion.to_layout(ARKIT_52)
    return replace(clip, clip_id=f"natural/{clip.clip_id}", speaker="natural", rate=RATE, motion=motion)


def _acted(clip: Recording, number: int) -> Recording:
    """Give a sentence acted by rules, with a feeling on most."""
    assert clip.waveform is not None
    assert clip.alignment is not None
    feelings = tuple(ACTING)
    feeling = feelings[number % len(feelings)]
    intensity = INTENSITIES[number // len(feelings) % len(INTENSITIES)] if feeling else 0.0
    rules = _actor(feeling, intensity)
    chance = np.random.default_rng([SEED, zlib.crc32(clip.clip_id.encode())])
    acted = rules.generate(clip.alignment, extract_prosody(clip.waveform), RATE, STILL, chance)
    uneven = ACTING[""].asymmetry + (intensity * ACTING[feeling].asymmetry if feeling else 0.0)
    speaker = SyntheticSpeaker("", 1, asymmetry=uneven)
    felt = emotion_weights(feeling, intensity) if feeling else {}
    motion = rules.with_contacts(styled_motion(acted.to_layout(ARKIT_61), speaker, felt), clip.alignment)
    return replace(
        clip,
        clip_id=f"acted/{clip.clip_id}",
        speaker="rules",
        source="synthetic voice acted by rules",
        motion=motion.to_layout(ARKIT_52),
        emotion=feeling,
        intensity=intensity or None,
    )


def _pieces(clip: Recording) -> Iterator[Recording]:
    """Cut a long recording in pieces, with the phones that are heard in each."""
    assert clip.motion is not None
    assert clip.waveform is not None
    length = RATE.count(PIECE_S)
    motion = resample(clip.motion.to_layout(ARKIT_52), RATE)
    for number, first in enumerate(range(0, motion.n_frames - length // 3, length)):
        values = motion.values[first : first + length]
        at = SPEECH_RATE.tick_at(RATE.time_of(first))
        n_samples = SPEECH_RATE.count(float(len(values) / RATE.hz))
        samples = clip.waveform.samples[at : at + n_samples]
        sound = Waveform(np.pad(samples, (0, n_samples - len(samples))), SPEECH_RATE)
        yield replace(
            clip,
            clip_id=f"{clip.clip_id}/{number:02d}",
            speaker="facegood",
            rate=RATE,
            motion=Motion(values, ARKIT_52, RATE),
            waveform=sound,
            alignment=hear_phones(sound, _eyes().mouth.network),
            text="",
        )


@cache
def _eyes():
    return load_sound_model("trunk-mouth", fit_readouts(load_rig("visemic")))


@cache
def _actor(feeling: str, intensity: float) -> VisemeRules:
    articulation = 1 + intensity * (ACTING[feeling].articulation - 1)
    return VisemeRules(VisemeRulesConfig(articulation=articulation), fit_readouts(load_rig("visemic")))


if __name__ == "__main__":
    main()
