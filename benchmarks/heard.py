"""Phones from sound alone, ours against pocketsphinx, on speech whose phones were aligned.

Prints, by source, the share of speech steps (20 ms) that show the right one of 15 visemes, F1 of
closed lips, lip on teeth and rounded lips, with 95 % intervals over clips, and computing time a
second of sound on one thread.

    python benchmarks/heard.py SPEECH/vctk SPEECH/ljspeech      # folders of recipes/speech_corpus.py
    python benchmarks/heard.py SPEECH/vctk --model runs/phonetic/model
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from visemic.audio.recognise import recognise_phones
from visemic.core.clock import SPEECH_RATE
from visemic.core.hub import find_artifact
from visemic.core.signals import Alignment, Waveform
from visemic.data.prepared_speech import read_clips, read_samples
from visemic.models.heard_phones import hear_phones, phonetic_network
from visemic.text.phone_posterior import viseme_of_phone
from visemic.text.visemes import OCULUS_VISEMES
from visemic.training.speech_data import phone_numbers

GROUPS = {"closed": ("PP",), "lip on teeth": ("FF",), "rounded": ("CH", "RR", "O", "U")}
N_DRAWS = 1_000


def visemes_at_steps(phones: list[tuple[str, float, float]], n: int) -> np.ndarray:
    """Give the viseme of each step."""
    return viseme_of_phone()[phone_numbers(phones, n)]


def counts(heard: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Give what the figures of a clip are sums of."""
    speech = said != 0
    row = [float((heard == said)[speech].sum()), float(speech.sum())]
    for names in GROUPS.values():
        wanted = [OCULUS_VISEMES.index(name) for name in names]
        h, s = np.isin(heard, wanted)[speech], np.isin(said, wanted)[speech]
        row += [float((h & s).sum()), float(h.sum() + s.sum())]
    return np.array(row)


def figures(sums: np.ndarray) -> np.ndarray:
    """Give accuracy and the F1 of each group."""
    pairs = sums.reshape(*sums.shape[:-1], -1, 2)
    factor = np.array([1.0, *[2.0] * len(GROUPS)])
    return factor * pairs[..., 0] / np.maximum(pairs[..., 1], 1)


def judge(
    folder: Path, hear: Callable[[Waveform], Alignment], split: str, most: int
) -> tuple[np.ndarray, float]:
    """Give the counts of every clip and the seconds of computing a second of sound."""
    clips = [clip for clip in read_clips(folder) if split in (clip.split, "all")]
    clips = clips[:: -(-len(clips) // most)]
    found, spent_s, heard_s = [], 0.0, 0.0
    for clip in clips:
        waveform = Waveform(read_samples(folder, clip), SPEECH_RATE)
        begin = time.process_time()
        alignment = hear(waveform)
        spent_s += time.process_time() - begin
        heard_s += waveform.duration_s
        n = clip.samples // 320
        phones = [(p.label, p.start_s, p.end_s) for p in alignment.phones]
        found.append(counts(visemes_at_steps(phones, n), visemes_at_steps(list(clip.phones), n)))
    return np.array(found), spent_s / heard_s


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", default="trunk-mouth", help="name or folder of a model that hears phones")
    parser.add_argument("--split", default="all")
    parser.add_argument("--most", type=int, default=100, help="clips of a source")
    options = parser.parse_args()
    network = phonetic_network(find_artifact(options.model))
    hearers: dict[str, Callable[[Waveform], Alignment]] = {
        options.model: lambda waveform: hear_phones(waveform, network),
        "pocketsphinx": lambda waveform: recognise_phones(waveform, workers=1),
    }
    print(
        f"| source | heard by | visemes | {' | '.join(GROUPS)} | s a second |\n|{'---|' * (4 + len(GROUPS))}"
    )
    rng = np.random.default_rng(0)
    for folder in options.folders:
        for name, hear in hearers.items():
            found, cost = judge(folder, hear, options.split, options.most)
            drawn = figures(found[rng.integers(0, len(found), (N_DRAWS, len(found)))].sum(1))
            low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
            shown = [
                f"{v:.3f} ({a:.3f} to {b:.3f})"
                for v, a, b in zip(figures(found.sum(0)), low, high, strict=True)
            ]
            print(
                f"| {folder.name}, {len(found)} clips | {name} | {' | '.join(shown)} | {cost:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
