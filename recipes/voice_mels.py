r"""Let a trained voice paint the sentences of its corpus at their own durations, pitch and energy.

A vocoder that goes on training with these mels hears what it will hear at work:

    python recipes/voice_mels.py VOICE/model SPEECH OUT
    visemic train recipes/vocoder-heard.toml -o vocoder --data speech=SPEECH \
      --data start=MODEL --data heard=OUT
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from visemic.training.avatron import VoiceDataConfig, load_voice
from visemic.training.avatron_data import frame_symbols, load_voice_clips, symbol_means
from visemic.training.heard_mel import write_mels


def main() -> None:
    """Paint all clips of the voice's first speaker."""
    parser = argparse.ArgumentParser(description="Paint a corpus with a trained voice.")
    parser.add_argument("voice", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=0, help="at most so many a split; 0 takes all")
    options = parser.parse_args()
    if options.out.exists():
        raise SystemExit(f"{options.out} exists; choose another folder or remove it")
    voice, info = load_voice(options.voice)
    styles = {name: torch.tensor(style) for name, style in info.normaliser["styles"].items()}
    mean, spread = (np.array(info.normaliser[name], np.float32) for name in ("mel_mean", "mel_spread"))
    painted = {}
    clips = load_voice_clips(options.speech, list(styles), options.clips)
    for clip in clips:
        if len(clip.mel) > VoiceDataConfig().max_frames:
            continue
        symbols, frames = torch.from_numpy(clip.symbols)[None], torch.from_numpy(clip.frames)[None]
        owner, here = frame_symbols(frames, len(clip.mel))
        pitch, energy = torch.from_numpy(clip.pitch)[None], torch.from_numpy(clip.energy)[None]
        voiced = (here & (pitch > 0)).float()
        with torch.no_grad():
            states = voice.encode(symbols, symbols > 0)
            mel = voice.decode(
                states,
                styles[clip.speaker][None],
                symbol_means(pitch, voiced, owner, len(clip.symbols)),
                symbol_means(energy, here.float(), owner, len(clip.symbols)),
                owner,
                here,
            )
        painted[clip.clip_id] = (mel[0].numpy() * spread + mean).astype(np.float16)
    write_mels(options.out, painted)
    print(f"{len(painted)} clips painted by {info.name}")


if __name__ == "__main__":
    main()
