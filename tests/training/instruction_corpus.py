"""A tiny store of hummed clips whose melody and loudness follow an emotion, with captions."""

import numpy as np

from visemic.core.acting_grammar import write_instruction
from visemic.core.acting_note import ActionPhrase, Span
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import MOUTH_33
from visemic.core.signals import Motion, Waveform
from visemic.data.captions import CAPTIONS, Caption, format_caption
from visemic.data.convert import convert
from visemic.data.recording import Recording

FEELINGS = {"neutral": (0.0, ()), "happy": (1.0, ((12, "very"),)), "sad": (0.65, ((15, "quite"),))}
_SEMITONES = {"neutral": 0.0, "happy": 7.0, "sad": -4.0}


def hum(emotion, speaker, seed):
    """Give a second of a buzzing voice that comes and goes."""
    rng = np.random.default_rng(seed)
    times_s = np.arange(14_400) / 16_000
    base_hz = 110.0 * (1 + 0.3 * speaker) * 2 ** (_SEMITONES[emotion] / 12)
    phase = 2 * np.pi * np.cumsum(base_hz * (1 + 0.05 * np.sin(2 * np.pi * 2 * times_s))) / 16_000
    buzz = sum(np.sin(k * phase) / k for k in range(1, 12))
    swell = 0.2 + 0.8 * np.abs(np.sin(2 * np.pi * 3 * times_s))
    noise = 0.01 * rng.standard_normal(len(times_s))
    return Waveform((0.1 * swell * buzz + noise).astype(np.float32), SPEECH_RATE)


def recordings(n_speakers=3, n_each=2, name="s", source="hummed"):
    """Give clips of every emotion by every speaker; the last clip of each is for validation."""
    for speaker in range(n_speakers):
        for emotion, (intensity, _) in FEELINGS.items():
            for number in range(n_each):
                yield Recording(
                    clip_id=f"{name}{speaker}/{emotion}_{number}",
                    speaker=f"{name}{speaker}",
                    split="train",
                    licence="CC0-1.0",
                    source=source,
                    rate=Rate.of(30),
                    motion=Motion(np.zeros((27, len(MOUTH_33)), np.float32), MOUTH_33, Rate.of(30)),
                    waveform=hum(emotion, speaker, 10 * speaker + number),
                    emotion=emotion,
                    intensity=intensity,
                )


def captions(clips):
    """Give what the faces of the clips do."""
    for clip in clips:
        intensity, actions = FEELINGS[clip.emotion]
        phrases = tuple(ActionPhrase(unit, degree) for unit, degree in actions)
        span = Span(0.0, 0.0, clip.emotion, intensity, phrases)
        texts = tuple(write_instruction(span, template) for template in (0, 1, 4))
        yield Caption(clip.clip_id, clip.emotion, intensity, dict(actions), "", "", texts)


def hummed_store(folder, **named):
    """Make the store and its captions; other names make another corpus."""
    clips = list(recordings(**named))
    convert(clips, folder)
    lines = "".join(format_caption(caption) + "\n" for caption in captions(clips))
    (folder / CAPTIONS).write_text(lines, encoding="utf-8")
    return folder
