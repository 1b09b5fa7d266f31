"""How well notes say what faces do: instructions from speech against the captions of unseen actors.

    python benchmarks/instruction.py STORE --model avi-instruction [--calm SPEECH/vctk ...]

STORE has captions beside its manifest. Rows: the model by the voice alone, with one calm sentence of the
same actor, with all of them (never the one that is judged), its listening half alone, the most frequent
answer, and the captions of a clip of the same emotion and intensity by another actor, which is what
somebody would score who hears the emotion without fail but not the actor's habits.

``--calm`` takes prepared speech (``recipes/speech_corpus.py``) of people who read without feeling, as it was
recorded: the share of it that is called neutral, by the voice alone and with another recording known.
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visemic.core.acting_grammar import parse_instruction, write_instruction
from visemic.core.acting_note import ActionPhrase, Span
from visemic.core.action_units import DEGREES, EMOTION_NAMES
from visemic.core.clock import SPEECH_RATE
from visemic.core.hub import find_artifact
from visemic.core.signals import Waveform
from visemic.data.captions import Caption, read_captions
from visemic.data.loader import ClipStore
from visemic.data.prepared_speech import read_clips, read_samples
from visemic.models.heard_phones import phonetic_network
from visemic.models.instruction_decode import LIKELIEST, Draw
from visemic.models.instruction_hearing import hear
from visemic.models.instruction_scale import at_rest_of
from visemic.models.instruction_words import plain_caption
from visemic.models.instructor import Instructor
from visemic.models.step_network import StepNetwork
from visemic.motion.emotion import LEVELS

MAX_CALM = 250


def span_of(caption: Caption) -> Span:
    """Give what a caption says, in the plain wording's limits."""
    actions = tuple(ActionPhrase(unit, degree) for unit, degree in caption.units.items())
    span = Span(0.0, 0.0, caption.emotion, caption.intensity, actions, gaze=caption.gaze, head=caption.head)
    return parse_instruction(plain_caption(write_instruction(span)))


def score(said: Sequence[Span], true: Sequence[Span]) -> dict[str, float]:
    """Give accuracies and the F1 of action units, pooled over clips."""
    hits = wrong = missed = same = near = 0
    for a, b in zip(said, true, strict=True):
        own, other = ({x.unit: x.degree for x in span.actions} for span in (a, b))
        both = set(own) & set(other)
        hits, wrong, missed = hits + len(both), wrong + len(set(own) - both), missed + len(set(other) - both)
        order = list(DEGREES)
        steps = [abs(order.index(own[unit]) - order.index(other[unit])) for unit in both]
        same, near = same + sum(s == 0 for s in steps), near + sum(s <= 1 for s in steps)
    levels = np.array([0.0, *LEVELS.values()])
    level = [int(np.abs(levels - s.intensity).argmin()) for s in said]
    expected = [int(np.abs(levels - s.intensity).argmin()) for s in true]
    return {
        "emotion": float(np.mean([a.emotion == b.emotion for a, b in zip(said, true, strict=True)])),
        "intensity": float(np.mean(np.array(level) == expected)),
        "unit_f1": 2 * hits / max(1, 2 * hits + wrong + missed),
        "degree": same / max(1, hits),
        "degree_within_one": near / max(1, hits),
        "head": float(np.mean([a.head == b.head for a, b in zip(said, true, strict=True)])),
        "gaze": float(np.mean([a.gaze == b.gaze for a, b in zip(said, true, strict=True)])),
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Judge notes against captions.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--model", default="avi-instruction")
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--calm", type=Path, nargs="*", default=[], help="prepared speech without feeling")
    parser.add_argument("--drawn", action="store_true", help="the most agreed of eight draws")
    options = parser.parse_args()
    store, captions = ClipStore(options.store).select(split=options.split), read_captions(options.store)
    phonetic = phonetic_network(find_artifact("phonetic"))
    instructor = Instructor(find_artifact(options.model), draw=Draw() if options.drawn else LIKELIEST)
    entries = list(store.entries)
    heard = []
    for number, entry in enumerate(entries):
        audio = store.window(number, 0, entry.n_frames).audio
        heard.append(hear(Waveform(audio, SPEECH_RATE), phonetic))
    true = [span_of(captions[entry.clip_id]) for entry in entries]
    judged = range(0, len(entries), options.every)
    rows: dict[str, list[Span]] = {"voice alone": [], "one calm sentence": [], "all calm sentences": []}
    chance = np.random.default_rng(1)
    glance: dict[str, list[str]] = {name: [] for name in rows}
    began_s = time.process_time()
    for i in judged:
        neutral = [
            heard[k]
            for k, entry in enumerate(entries)
            if entry.speaker == entries[i].speaker and true[k].emotion == "neutral" and k != i
        ]
        one = [neutral[int(chance.integers(len(neutral)))]] if neutral else []
        rests = (None, *(at_rest_of(known) if known else None for known in (one, neutral)))
        for name, rest in zip(rows, rests, strict=True):
            rows[name] += instructor.spans_of([heard[i]], rest, seed=i)
            glance[name].append(
                EMOTION_NAMES[int(instructor.listened([heard[i]], rest)["emotion"][0].argmax())]
            )
    took_s = (time.process_time() - began_s) / (len(rows) * len(judged))
    expected = [true[i] for i in judged]
    for name, said in rows.items():
        print(name, json.dumps({k: round(v, 3) for k, v in score(said, expected).items()}))
        levels = (0.0, *LEVELS.values())
        right = {
            level: round(
                float(
                    np.mean(
                        [
                            a.emotion == b.emotion
                            for a, b in zip(said, expected, strict=True)
                            if abs(b.intensity - level) < 0.06
                        ]
                    )
                ),
                3,
            )
            for level in levels
        }
        print("  emotion by intensity (the nearest word)", right)
        shares = np.mean([a == b.emotion for a, b in zip(glance[name], expected, strict=True)])
        print(f"  listening half alone: emotion {shares:.3f}")
    common = Counter(span.emotion for span in expected).most_common(1)[0][0]
    units = Counter(action.unit for span in expected for action in span.actions).most_common(5)
    constant = Span(0.0, 0.0, common, 0.65, tuple(ActionPhrase(unit, "mildly") for unit, _ in units))
    print("most frequent", {k: round(v, 3) for k, v in score([constant] * len(expected), expected).items()})
    rng = np.random.default_rng(0)
    others = [_another(i, entries, captions, true, rng) for i in judged]
    print("another actor", {k: round(v, 3) for k, v in score(others, expected).items()})
    print(f"{took_s * 1000:.0f} ms of processor a clip")
    for folder in options.calm:
        judge_calm(folder, instructor, phonetic)


def judge_calm(folder: Path, instructor: Instructor, phonetic: StepNetwork) -> None:
    """Print how much of calm speech is called neutral, and what else it is called."""
    clips = [clip for clip in read_clips(folder) if clip.split != "train"]
    clips = clips[:: max(1, len(clips) // MAX_CALM)]
    sounds = [hear(Waveform(read_samples(folder, clip), SPEECH_RATE), phonetic) for clip in clips]
    for name in ("voice alone", "one calm sentence"):
        called: Counter[str] = Counter()
        for number, (clip, sound) in enumerate(zip(clips, sounds, strict=True)):
            others = [k for k, o in enumerate(clips) if o.speaker == clip.speaker and k != number]
            if name != "voice alone" and not others:
                continue
            rest = None if name == "voice alone" else at_rest_of([sounds[others[0]]])
            span = instructor.spans_of([sound], rest, seed=number)[0]
            called[span.emotion] += 1
        print(f"calm {folder.name}, {name}: neutral {called['neutral']} of {called.total()}", dict(called))


def _another(i, entries, captions, true, rng) -> Span:  # type: ignore[no-untyped-def]
    own = captions[entries[i].clip_id]
    found = [
        k
        for k, entry in enumerate(entries)
        if entry.speaker != entries[i].speaker
        and captions[entry.clip_id].emotion == own.emotion
        and captions[entry.clip_id].intensity == own.intensity
    ]
    return true[int(rng.choice(found))]


if __name__ == "__main__":
    main()
