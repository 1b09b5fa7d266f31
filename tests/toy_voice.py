"""A toy Avatron and a toy vocoder: every phone is a tone, every pause is silence, times are exact."""

import numpy as np

from visemic.core.clock import Rate
from visemic.features.voice_mel import VOICE_SILENCE
from visemic.models.avatron_speech import AvatronSpeech
from visemic.models.avatron_text import PAUSES, SYMBOLS
from visemic.voices.avatron import LANGUAGES, NeuralVoice
from visemic.voices.base import VoiceInfo

HOP = 200
PHONE_FRAMES, PAUSE_FRAMES = 6.3, 10.6
LOUD = -2.0


class _Text:
    def run(self, _, inputs):
        symbols = inputs["symbols"][0]
        is_pause = np.isin(symbols, [SYMBOLS.index(p) for p in PAUSES])
        durations = np.where(is_pause, PAUSE_FRAMES, PHONE_FRAMES).astype(np.float32)
        nothing = np.zeros((1, len(symbols)), np.float32)
        return [durations[None], nothing, nothing, is_pause.astype(np.float32)[None, :, None]]


class _Frames:
    def run(self, _, inputs):
        is_pause = inputs["states"][0, :, 0][inputs["symbol_of_frame"][0]]
        mel = np.where(is_pause > 0, VOICE_SILENCE, LOUD).astype(np.float32)
        return [np.repeat(mel[None, :, None], 80, 2)]


class ToySpeech(AvatronSpeech):
    """Counts the sentences it paints."""

    def __init__(self) -> None:
        self.name = "toy"
        self.styles = {"toy": np.zeros(4, np.float32)}
        self.face_styles = ()
        self.rate = None
        self._text, self._frames, self._face = _Text(), _Frames(), None
        self.n_rendered = 0

    def render(self, *args, **options):
        self.n_rendered += 1
        return super().render(*args, **options)


class ToyVocoder:
    """Gives every frame one frame late, as a vocoder that looks ahead does."""

    rate = Rate.of(16_000)
    samples_per_frame = HOP

    def open_stream(self):
        return _Stream()


class _Stream:
    def __init__(self) -> None:
        self._waiting = np.zeros((0, 80), np.float32)
        self._n = 0

    def push(self, mel):
        frames = np.concatenate([self._waiting, mel])
        self._waiting = frames[-1:]
        return self._sound(frames[:-1])

    def close(self):
        return self._sound(self._waiting)

    def _sound(self, frames):
        loud = np.repeat(frames.mean(1) > -8, HOP)
        place = self._n + np.arange(len(loud))
        self._n += len(loud)
        return (0.3 * np.sin(2 * np.pi * 440 * place / 16_000) * loud).astype(np.float32)


def toy_voice() -> NeuralVoice:
    """Give a new voice."""
    return NeuralVoice(ToySpeech(), ToyVocoder(), VoiceInfo("toy", LANGUAGES, "CC0-1.0", True, "", ""))
