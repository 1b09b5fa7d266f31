"""Acting report: do lips still close at every emotion, and do brows still follow the voice?

Every emotion over the whole clip at one intensity, laid over the rule engine and, on the
sentences, over the shipped sound model that hears for itself. The strings and sentences are
those of ``contacts.py``. Ends with status 1 when a target is missed.

Run: python benchmarks/acting.py [--rig visemic] [--strings 100] [--intensity 1.0]
"""

import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from contacts import SENTENCES, TARGETS, head_readouts, random_string

from visemic.core.acting_note import ActingNote, ActionPhrase, Span, whole_note
from visemic.core.action_units import AU_PHRASES, EMOTION_NAMES
from visemic.core.clock import Rate
from visemic.core.errors import InputError, VisemicError
from visemic.core.signals import Alignment, Motion, Waveform
from visemic.evaluation.contact import ContactReport, contact_report, merge_reports
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.registry import load_model, load_sound_model
from visemic.models.viseme_accents import vocal_effort
from visemic.models.viseme_segments import known_phones
from visemic.motion.acting import act

FPS = 30
BROW_TARGET = 0.3


def spoken() -> list[tuple[Waveform, Alignment]]:
    """Give the sentences through the espeak voice; none where it is not installed."""
    try:
        from visemic.voices.registry import load_voice

        voice = load_voice("espeak")
        speeches = [voice.speak(text) for text in SENTENCES]
    except (VisemicError, ImportError) as error:
        print(f"no sentences: {error}")
        return []
    return [(speech.waveform, speech.alignment) for speech in speeches]


def brow_correlation(
    motion: Motion, before: Motion, effort: np.ndarray, alignment: Alignment
) -> tuple[float, float]:
    """Give how brow raise follows loudness while somebody speaks, acted and before."""
    speaking = np.zeros(motion.n_frames, bool)
    for phone in alignment.phones:
        if phone.label != "SIL":
            speaking |= (motion.times_s >= phone.start_s) & (motion.times_s < phone.end_s)

    def of(one: Motion) -> float:
        raised = sum(one.channel(f"browOuterUp{side}") for side in ("Left", "Right")) / 2
        raised = raised + one.channel("browInnerUp")
        return float(np.corrcoef(raised[speaking], effort[speaking])[0, 1])

    return of(motion), of(before)


def random_note(duration_s: float, generator: np.random.Generator) -> ActingNote:
    """Give a note of any emotion and up to four action units at their full."""
    while True:
        units = generator.choice(list(AU_PHRASES), generator.integers(1, 5), replace=False)
        actions = tuple(ActionPhrase(int(unit), "extremely") for unit in units)
        try:
            emotion = str(generator.choice(EMOTION_NAMES))
            return ActingNote((Span(0.0, duration_s, emotion, 1.0, actions),))
        except InputError:
            continue  # units that exclude one another


def row(name: str, report: ContactReport, before: ContactReport, brows: list[tuple[float, float]]) -> str:
    """Give a line of the table."""
    acted, plain = np.mean(brows, axis=0) if brows else (np.nan, np.nan)
    return (
        f"{name:<34}{report.n_sealed:>5}/{report.n_bilabials:<5}{report.sealed_rate:6.1%} (was "
        f"{before.sealed_rate:6.1%}, worst {report.worst_lip_gap_mm:5.2f} mm)"
        f"{report.touching_rate:8.1%} ({before.touching_rate:6.1%}){report.teeth_closed_rate:8.1%} "
        f"({before.teeth_closed_rate:6.1%}){report.false_closure_rate:7.1%} "
        f"({before.false_closure_rate:5.1%}){acted:7.2f} ({plain:5.2f})"
    )


def main() -> int:
    """Print the table; give 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rig", default="visemic")
    parser.add_argument("--strings", type=int, default=200)
    parser.add_argument("--intensity", type=float, default=1.0)
    options = parser.parse_args()
    readouts, rate = head_readouts(options.rig), Rate.of(FPS)
    rules = load_model("viseme-rules", readouts)
    heard = load_sound_model("trunk-mouth", readouts)
    generator = np.random.default_rng(7)
    clips = []
    for number in range(options.strings):
        alignment = known_phones(random_string(generator))
        chance = np.random.default_rng(number)
        clips.append(
            ("rules, strings", rules.generate(alignment, None, rate, FaceControl(), chance), alignment, None)
        )
    for number, (waveform, alignment) in enumerate(spoken()):
        prosody, control = extract_prosody(waveform), FaceControl()
        effort = vocal_effort(alignment, prosody, rate.times_s(rate.count(alignment.duration_s)))
        known = known_phones(alignment)
        chance = np.random.default_rng(number)
        clips.append(
            ("rules, sentences", rules.generate(known, prosody, rate, control, chance), known, effort)
        )
        guess = heard.hear(waveform)
        motion = heard.generate(waveform, guess, prosody, rate, control, chance)
        clips.append(("trunk-mouth unaided, sentences", motion, (known, guess), effort))
    missed = 0
    print(f"head {options.rig}, {FPS} Hz, intensity {options.intensity:g}; in brackets before acting")
    print("material, emotion                 P B M sealed; F V touch; S SH CH teeth; vowels closed; "
          "brow raise against loudness")  # fmt: skip
    for material in dict.fromkeys(clip[0] for clip in clips):
        for emotion in (*EMOTION_NAMES, "any actions"):
            reports, befores, brows = [], [], []
            for name, motion, alignment, effort in clips:
                if name != material:
                    continue
                true, guess = alignment if isinstance(alignment, tuple) else (alignment, alignment)
                note = random_note(motion.duration_s, generator)
                if emotion in EMOTION_NAMES:
                    note = whole_note(motion.duration_s, emotion, options.intensity)
                acted = act(motion, note, rules.mouth, rules.weights, guess, effort=effort)
                reports.append(contact_report(acted, true, readouts))
                befores.append(contact_report(motion, true, readouts))
                if effort is not None:
                    brows.append(brow_correlation(acted, motion, effort, true))
            report, before = merge_reports(reports), merge_reports(befores)
            least = {key: min(TARGETS[key], getattr(before, key)) for key in TARGETS}
            good = all(getattr(report, key) >= value for key, value in least.items())
            good &= (
                not brows
                or emotion not in EMOTION_NAMES
                or float(np.mean([one for one, _ in brows])) >= BROW_TARGET
            )
            missed += not good
            print(row(f"{material}, {emotion}", report, before, brows) + ("" if good else "  MISSED"))
    print("all targets met" if not missed else f"{missed} rows miss a target")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
