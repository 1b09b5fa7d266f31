"""Contact report of the rule engine: do P B M seal, F V touch, sibilants close, vowels open?

Random consonant-vowel strings and, where the espeak voice is installed, twenty sentences, at
four frame rates, with the contacts and without them for comparison. Ends with status 1 when a
target is missed.

Run: python benchmarks/contacts.py [--rig visemic] [--strings 200]
"""

import argparse
import sys

import numpy as np

from visemic.core.clock import Rate
from visemic.core.errors import VisemicError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import SILENCE, Alignment, Features, Motion, Phone
from visemic.evaluation.contact import ContactReport, contact_report, merge_reports
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.registry import load_model
from visemic.models.viseme_rules import VisemeRules
from visemic.motion.mouth import READOUT_NAMES, reference_mouth
from visemic.rig.readout import Readouts, fit_readouts
from visemic.text.visemes import VOWELS as PHONE_VOWELS
from visemic.text.visemes import phone_table

RATES = (24, 25, 30, 60)
CONSONANTS = sorted(set(phone_table().weights) - PHONE_VOWELS - {SILENCE})
VOWELS = sorted(PHONE_VOWELS)
SENTENCES = (
    "Peter Piper picked a peck of pickled peppers.",
    "My mother baked a very big birthday cake for Bob.",
    "Five fluffy foxes found a vivid violet valley.",
    "She sells sea shells by the shore, and he chooses cheap cheese.",
    "Please keep the cup on top of the map.",
    "Maybe we may move the lamp before Monday morning.",
    "Have you ever heard of the river above the village?",
    "The judge washed his shoes in the large garage.",
    "How about a humble cup of coffee from the machine?",
    "Both of them have been a problem for most of the summer.",
    "Zip up the jacket, it is freezing outside.",
    "I would love to live by the beach with my family.",
    "Perhaps the best option is to be open about it.",
    "Who knew that blue balloons could fly so far?",
    "Stop, sit, and breathe; we have plenty of time.",
    "The company reported profits above five billion.",
    "Pop music from Mumbai moves many more people.",
    "If we leave before five, we might avoid the traffic.",
    "A measure of pleasure is a treasure, the vision said.",
    "Bring me some more jam, bread and butter, please.",
)
TARGETS = {"sealed_rate": 0.99, "touching_rate": 0.98, "teeth_closed_rate": 0.98}
MAX_FALSE_CLOSURE = 0.01


def random_string(generator: np.random.Generator) -> Alignment:
    """Give five consonant-vowel pairs between two silences, each phone 50 to 200 ms."""
    phones, at_s = [Phone(SILENCE, 0.0, 0.25)], 0.25
    for number in range(10):
        labels = VOWELS if number % 2 else CONSONANTS
        length_s = float(generator.uniform(0.05, 0.2))
        stress = int(generator.integers(3)) if number % 2 else None
        phones.append(Phone(str(generator.choice(labels)), at_s, at_s + length_s, stress))
        at_s += length_s
    phones.append(Phone(SILENCE, at_s, at_s + 0.25))
    return Alignment(tuple(phones), (), "", at_s + 0.25)


def spoken_sentences() -> list[tuple[Alignment, Features]]:
    """Give the sentences through the espeak voice; none where it is not installed."""
    try:
        from visemic.voices.registry import load_voice

        voice = load_voice("espeak")
        spoken = [voice.speak(text) for text in SENTENCES]
    except (VisemicError, ImportError) as error:
        print(f"no sentences: {error}")
        return []
    return [(speech.alignment, extract_prosody(speech.waveform)) for speech in spoken]


def head_readouts(name: str) -> Readouts:
    """Give the read-outs of a head by name; ``reference`` is that of the phone table."""
    if name == "reference":
        mouth = reference_mouth()
        rest = np.array([mouth.rest_mm[readout] for readout in READOUT_NAMES])
        slopes = np.stack([mouth.slopes_mm[readout] for readout in READOUT_NAMES], axis=1)
        return Readouts(rest, slopes, ARKIT_61)
    from visemic.rig.registry import load_rig

    return fit_readouts(load_rig(name))


def report_of(
    model: VisemeRules,
    clips: list[tuple[Alignment, Features | None]],
    rate: Rate,
    readouts: Readouts,
    *,
    with_contacts: bool,
) -> tuple[ContactReport, float]:
    """Give the merged report and the 95th percentile of the jaw's speed, 1/s."""
    reports, speeds = [], []
    for alignment, prosody in clips:
        motion: Motion = model.articulate(alignment, prosody, rate)
        if with_contacts:
            generator = np.random.default_rng(0)
            motion = model.generate(alignment, prosody, rate, FaceControl(), generator)
        reports.append(contact_report(motion, alignment, readouts))
        speeds.append(np.abs(np.diff(motion.channel("jawOpen"))) * float(rate))
    return merge_reports(reports), float(np.percentile(np.concatenate(speeds), 95))


def is_good(report: ContactReport) -> bool:
    """Say whether a report meets all targets."""
    enough = all(getattr(report, name) >= least for name, least in TARGETS.items())
    return enough and report.false_closure_rate <= MAX_FALSE_CLOSURE


def main() -> int:
    """Print the table; give 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rig", default="visemic", help="a head by name, or reference")
    parser.add_argument("--strings", type=int, default=200)
    options = parser.parse_args()
    readouts = head_readouts(options.rig)
    model = load_model("viseme-rules", readouts)
    generator = np.random.default_rng(7)
    strings = [(random_string(generator), None) for _ in range(options.strings)]
    missed = 0
    print(f"head {options.rig}; worst values in mm; jaw: p95 of its speed in weight a second")
    print(f"{'material':<10}{'fps':>4} contacts   {'P B M sealed':>22} {'F V touch':>20} "
          f"{'S SH CH teeth':>20} {'vowels closed':>16} {'jaw':>5}")  # fmt: skip
    for material, clips in (("strings", strings), ("sentences", spoken_sentences())):
        if not clips:
            continue
        for fps in RATES:
            for with_contacts in (False, True):
                report, speed = report_of(model, clips, Rate.of(fps), readouts, with_contacts=with_contacts)
                good = is_good(report)
                missed += with_contacts and not good
                print(_row(material, fps, with_contacts, report, speed, good))
    print("all targets met" if not missed else f"{missed} rows miss a target")
    return 1 if missed else 0


def _row(material: str, fps: int, on: bool, report: ContactReport, speed: float, good: bool) -> str:
    def share(hits: int, total: int, rate: float, worst_mm: float) -> str:
        return f"{hits:>6}/{total:<5}{rate:6.1%} {worst_mm:5.2f}"

    return (
        f"{material:<10}{fps:>4} {'with' if on else 'without':<8}"
        + share(report.n_sealed, report.n_bilabials, report.sealed_rate, report.worst_lip_gap_mm)
        + share(report.n_touching, report.n_labiodentals, report.touching_rate, report.worst_labiodental_mm)
        + share(
            report.n_teeth_closed, report.n_sibilants, report.teeth_closed_rate, report.worst_incisor_gap_mm
        )
        + f"{report.n_vowel_frames_closed:>6}/{report.n_vowel_frames:<6}{report.false_closure_rate:5.1%}"
        + f"{speed:6.1f}{'' if good or not on else '  MISSED'}"
    )


if __name__ == "__main__":
    sys.exit(main())
