"""How near aligned times lie to true ones.

``python benchmarks/alignment.py`` compares forced alignment with the espeak voice's own times.
``--grid FOLDER`` compares it with the word labels of a GRID talker instead: a folder with
``audio/*.ogg`` and ``clips.json`` (``clips``: ``id`` and ``words`` as start, end, word).
"""

import argparse
import json
from pathlib import Path

import numpy as np

import visemic
from visemic.core.signals import Alignment
from visemic.text.visemes import phone_table

SENTENCES = (
    "My mother makes very good bread every morning.",
    "The five fat foxes found a favourite place to sleep.",
    "She usually chooses juice and cheese at the beach.",
    "Please bring both boxes back before Monday evening.",
    "We were wondering where the weather would take us.",
    "Thirty thieves thought that they thrilled the throne.",
    "A lazy yellow lion looked along the long wall.",
    "Nobody knew the new name of the nice king.",
    "He heard how hard her heart was beating.",
    "Go and get the green coat from the back garden.",
)


def mouth_agreement(found: Alignment, true: Alignment) -> tuple[int, int]:
    """Give how many hundredths of a second of speech show the true viseme, and how many there are."""
    viseme = phone_table().viseme
    right = n_steps = 0
    for step in range(int(true.duration_s * 100)):
        classes = []
        for alignment in (found, true):
            at = [p.label for p in alignment.phones if p.start_s <= step / 100 < p.end_s]
            classes.append(viseme.get(at[0], "sil") if at else "sil")
        if classes[1] != "sil":
            n_steps += 1
            right += classes[0] == classes[1]
    return right, n_steps


def from_voice() -> dict[str, list[float]]:
    """Give errors in seconds against the voice's own times, by kind."""
    errors: dict[str, list[float]] = {"phone starts": [], "word starts": []}
    for tempo in (0.85, 1.0, 1.2):
        for sentence in SENTENCES:
            true = visemic.speak(sentence, tempo=tempo)
            found = visemic.animate(true.waveform, text=sentence)
            pairs = zip(found.alignment.words, true.alignment.words, strict=True)
            for ours, theirs in pairs:
                errors["word starts"].append(ours.start_s - theirs.start_s)
                phones = [
                    [p for p in c.alignment.phones if w.start_s - 1e-6 <= p.start_s < w.end_s - 1e-6]
                    for c, w in ((found, ours), (true, theirs))
                ]
                if len(phones[0]) == len(phones[1]):
                    errors["phone starts"] += [a.start_s - b.start_s for a, b in zip(*phones, strict=True)]
    return errors


def from_grid(folder: Path, n_clips: int) -> dict[str, list[float]]:
    """Give errors in seconds against a talker's word labels, on clips spread over the list."""
    clips = json.loads((folder / "clips.json").read_text())["clips"]
    errors: list[float] = []
    agreement: list[tuple[int, int]] = []
    for clip in clips[:: max(1, len(clips) // n_clips)][:n_clips]:
        words = [w for w in clip["words"] if w[2] not in ("sil", "sp")]
        text = " ".join(w[2] for w in words)
        offset_s = clip.get("audio_start_s", 0.0)
        path = folder / "audio" / f"{clip['id']}.ogg"
        found = visemic.animate(path, text=text)
        agreement.append(mouth_agreement(visemic.animate(path).alignment, found.alignment))
        if len(found.alignment.words) != len(words):
            continue
        for ours, (start_s, end_s, _) in zip(found.alignment.words, words, strict=True):
            errors += [ours.start_s + offset_s - start_s, ours.end_s + offset_s - end_s]
    right, n_steps = np.sum(agreement, axis=0)
    print(
        f"without text     {right / n_steps:.0%} of {n_steps / 100:.0f} s of speech show the aligned viseme"
    )
    return {"word boundaries": errors}


def main() -> None:
    """Print medians and ninetieth percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grid", type=Path, help="folder of a GRID talker")
    parser.add_argument("--clips", type=int, default=30)
    args = parser.parse_args()
    for kind, errors in (from_grid(args.grid, args.clips) if args.grid else from_voice()).items():
        sizes = np.abs(errors) * 1000
        print(
            f"{kind:16} {len(sizes):5} median {np.median(sizes):5.1f} ms, 90 % within "
            f"{np.percentile(sizes, 90):5.1f} ms, bias {np.mean(errors) * 1000:+5.1f} ms"
        )


if __name__ == "__main__":
    main()
