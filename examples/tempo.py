"""Slow, normal and fast: one sentence as three videos and a picture of their spectra.

    python examples/tempo.py OUT

Voice and face come from the same frames, so the face keeps step at every tempo. The marks in the
text change the tempo inside a sentence.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import visemic
from visemic.features.voice_mel import VOICE_FLOOR, voice_mel

SENTENCES = {
    "slow": ("My father saw five blue shoes by the shop.", 0.6),
    "normal": ("My father saw five blue shoes by the shop.", 1.0),
    "fast": ("My father saw five blue shoes by the shop.", 1.6),
    "marked": ("My father saw {slow} five blue {pause 0.4} {fast} shoes by the shop.", 1.0),
}


def main(out: Path) -> None:
    """Speak each sentence into ``OUT/<name>.mp4`` and draw ``OUT/tempo.png``."""
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (text, tempo) in SENTENCES.items():
        clip = visemic.speak(text, voice="avatron", tempo=tempo, model="avatron")
        clip.save(out / f"{name}.mp4", overwrite=True)
        print(f"{name}: {clip.duration_s:.2f} s")
        rows.append(np.repeat(np.repeat(voice_mel(clip.waveform.samples).T[::-1], 2, 0), 2, 1))
    width = max(row.shape[1] for row in rows)
    dark = np.log(VOICE_FLOOR)
    rows = [np.pad(row, ((0, 6), (0, width - row.shape[1])), constant_values=dark) for row in rows]
    shade = np.clip((np.concatenate(rows) - dark) / -dark, 0, 1)
    Image.fromarray((255 * (1 - shade**2)).astype(np.uint8)).save(out / "tempo.png")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("give a folder for the videos: python examples/tempo.py OUT")
    main(Path(sys.argv[1]))
