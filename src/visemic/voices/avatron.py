"""Our own voice: Avatron says when and how, a vocoder sounds it, without PyTorch.

Everything is made as a stream, sentence by sentence, and a whole text is that stream collected:
memory is that of one sentence beside the sound, and both ways give the same samples. The sound
and its alignment come from the same whole frames of 12.5 ms, whatever the tempo.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float32

from visemic.core.artifact import check_feature
from visemic.core.errors import VoiceError, unknown_name
from visemic.core.hub import find_artifact, packaged_models, stated_info
from visemic.core.signals import Alignment, Waveform
from visemic.features.voice_mel import VOICE_MEL_NAME, VOICE_MEL_VERSION
from visemic.models.avatron_speech import AvatronSpeech, SentencePlan, SpokenSentence
from visemic.models.avatron_text import plain_text, read_script
from visemic.models.avatron_timing import duration_of
from visemic.models.vocoder_session import HIFI_GAN, SPECTRAL, Vocoder, load_vocoder
from visemic.voices.base import Speech, VoiceInfo, check_request
from visemic.voices.finish import Finish

NAME = "avatron"
"""Of the voice, and of the artefact that ships."""
LANGUAGES = ("en-us",)
HOW_TO_INSTALL = "pip install visemic"
DESCRIPTION = (
    "our own neural voice: a calm woman, American English, natural tempo by predicted durations; "
    "marks such as {slow}, {fast}, {tempo 0.8} and {pause 0.5} in the text"
)
SOUND_FRAMES = 16
"""Frames that a stream sounds at once: 0.2 s."""
LEVEL_DB = -16.0
"""Root mean square of speech in every sentence, dB of full scale."""
MAX_GAIN_DB = 3.0
"""A sentence is made louder or softer by no more."""
_MEL_TO_LEVEL_DB = -23.9
"""From the summed power of the mels to the power of samples; measured on 150 sentences, within 0.2 dB."""
_AUDIBLE = 1e-3
"""Frames weaker than the loudest by 30 dB are pauses."""


@dataclass(frozen=True, eq=False)
class SpeechPiece:
    """A piece of speech that is ready to be heard."""

    samples: Float32[np.ndarray, " samples"]
    start_s: float
    """Where it begins on the clock of the whole."""
    alignment: Alignment | None
    """Of the sentence that is sounded from here on, on the clock of the whole; None when it came
    with an earlier piece. No phone sounds before its piece has brought it."""


class NeuralVoice:
    """Speaks with a trained Avatron and a vocoder.

    Args:
        speech: The trained Avatron.
        vocoder: Sounds its mel.
        info: What users read.
        speaker: Whose manner; "" takes the first.
    """

    def __init__(self, speech: AvatronSpeech, vocoder: Vocoder, info: VoiceInfo, speaker: str = "") -> None:
        self.speech = speech
        self.vocoder = vocoder
        self._speaker = speaker
        self.info = info

    def languages(self) -> tuple[str, ...]:
        """Give the language tags that ``speak`` understands."""
        return self.info.languages

    def speak(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Speech:
        """Speak a text; the same arguments give the same samples.

        Args:
            text: As written, with marks of tempo or without.
            language: ``en-us``.
            tempo: Speed, 0.5 half to 2 double: predicted durations are divided by it.

        Raises:
            TextError: Nothing in the text can be pronounced, or a mark cannot be followed.
            VoiceError: The language or tempo is not to be had.
            InputError: A mark and the tempo together leave 0.5 to 2.
        """
        check_request(self.info, language, tempo)
        return self._collected(text, self._plans(text, tempo), None)

    def speak_for(self, text: str, duration_s: float, *, language: str = "en-us") -> Speech:
        """Speak a text in an exact time: durations are planned for it, no sound is stretched.

        Args:
            text: As written, with marks of tempo or without.
            duration_s: Length in seconds, kept to the sample.
            language: ``en-us``.

        Raises:
            TextError: Nothing in the text can be pronounced, or a mark cannot be followed.
            VoiceError: The language is not to be had.
            InputError: The length is out of reach; the message says the nearest possible.
        """
        check_request(self.info, language, 1.0)
        plans = self.speech.plan(read_script(text), speaker=self._speaker, duration_s=duration_s)
        return self._collected(text, plans, self.vocoder.rate.count(duration_s))

    def stream(self, text: str, *, language: str = "en-us", tempo: float = 1.0) -> Iterator[SpeechPiece]:
        """Speak a text piece by piece, each as soon as it is known; together they are ``speak``.

        Args:
            text: As written, with marks of tempo or without.
            language: ``en-us``.
            tempo: Speed, 0.5 half to 2 double.

        Raises:
            TextError: Nothing in the text can be pronounced, or a mark cannot be followed.
            VoiceError: The language or tempo is not to be had.
            InputError: A mark and the tempo together leave 0.5 to 2.
        """
        check_request(self.info, language, tempo)
        return self._pieces(self._plans(text, tempo), None)

    def _plans(self, text: str, tempo: float) -> Iterator[SentencePlan]:
        """Plan one sentence after another, so that the first sound waits for the first one only."""
        script = read_script(text)
        return (
            plan
            for utterance in script
            for plan in self.speech.plan([utterance], speaker=self._speaker, tempo=tempo)
        )

    def _pieces(self, plans: Iterable[SentencePlan], n_samples: int | None) -> Iterator[SpeechPiece]:
        stream, finish = self.vocoder.open_stream(), Finish(self.vocoder.rate, n_samples)
        n_frames = n_given = 0
        rate = self.vocoder.rate
        for plan in plans:
            sentence = self.speech.render(plan, speaker=self._speaker)
            mel = levelled(sentence.mel)
            timed: Alignment | None = _placed(sentence, n_frames)
            n_frames += len(mel)
            for first in range(0, len(mel), SOUND_FRAMES):
                samples = finish.push(stream.push(mel[first : first + SOUND_FRAMES]))
                if len(samples) or timed is not None:
                    yield SpeechPiece(samples, rate.time_of(n_given), timed)
                    n_given, timed = n_given + len(samples), None
        samples = np.concatenate([finish.push(stream.close()), finish.close()])
        yield SpeechPiece(samples, rate.time_of(n_given), None)

    def _collected(self, text: str, plans: Iterable[SentencePlan], n_samples: int | None) -> Speech:
        sound, timed = [], []
        for piece in self._pieces(plans, n_samples):
            sound.append(piece.samples)
            if piece.alignment is not None:
                timed.append(piece.alignment)
        waveform = Waveform(np.concatenate(sound), self.vocoder.rate)
        phones = [phone for part in timed for phone in part.phones if phone.start_s < waveform.duration_s]
        # A frame is longer than a sample: an exact length ends within half a frame of the last phone.
        phones[-1] = replace(phones[-1], end_s=waveform.duration_s)
        words = tuple(
            replace(word, end_s=min(word.end_s, waveform.duration_s)) for part in timed for word in part.words
        )
        return Speech(waveform, Alignment(tuple(phones), words, plain_text(text), waveform.duration_s))


def levelled(mel: Float32[np.ndarray, "frames mels"]) -> Float32[np.ndarray, "frames mels"]:
    """Bring a sentence near the level of all sentences, by at most ``MAX_GAIN_DB``."""
    power = np.exp(2.0 * mel.astype(np.float64)).sum(1)
    audible = power[power > power.max(initial=0.0) * _AUDIBLE]
    if len(audible) == 0:
        return mel
    level_db = 10.0 * np.log10(audible.mean()) + _MEL_TO_LEVEL_DB
    gain_db = np.clip(LEVEL_DB - level_db, -MAX_GAIN_DB, MAX_GAIN_DB)
    return mel + np.float32(gain_db * np.log(10.0) / 20.0)


def is_installed() -> bool:
    """Tell whether the voice and a vocoder ship with this visemic."""
    return NAME in packaged_models() and _packaged_vocoder() is not None


def info() -> VoiceInfo:
    """Describe the voice that ships, without loading it."""
    licence = stated_info(NAME).licence if is_installed() else "Apache-2.0"
    return VoiceInfo(NAME, LANGUAGES, licence, is_installed(), HOW_TO_INSTALL, DESCRIPTION)


def load(variant: str | None = None) -> NeuralVoice:
    """Give the voice that ships, as its first speaker or another one.

    Raises:
        VoiceError: It is not part of this installation, or has no such speaker.
        ArtifactError: It was altered.
    """
    return load_neural_voice(speaker=variant or "")


@lru_cache(maxsize=2)
def load_neural_voice(
    voice: str = NAME, vocoder: str | None = None, *, speaker: str = "", threads: int = 1
) -> NeuralVoice:
    """Load a voice; the last two stay in memory.

    Args:
        voice: The one that ships, the folder of a trained one, or ``hf:owner/name``.
        vocoder: The same of its vocoder; None takes the one that ships.
        speaker: Whose manner; "" takes the first.
        threads: Of every network.

    Raises:
        VoiceError: No voice or no vocoder ships with this visemic.
        ArtifactError: There is no such model, it was altered, it is no voice or no vocoder, it
            was trained on other symbols, or the two do not share a mel.
    """
    if voice == NAME and NAME not in packaged_models():
        raise VoiceError(f"voice {NAME!r} is not part of this installation; run {HOW_TO_INSTALL}")
    artifact = find_artifact(voice)
    said = artifact.info
    speech = AvatronSpeech(artifact, threads=threads, face=False)
    check_feature(said, VOICE_MEL_NAME, int(VOICE_MEL_VERSION))
    vocoder = vocoder or _packaged_vocoder()
    if vocoder is None:
        raise VoiceError(
            f"voice {voice!r} needs a vocoder and none is part of this installation; "
            "add one to the name, as in VOICE+VOCODER"
        )
    if speaker and speaker not in speech.styles:
        raise VoiceError(unknown_name("voice", f"{NAME}:{speaker}", [f"{NAME}:{s}" for s in speech.styles]))
    name = NAME if artifact.origin == "package" else said.name
    shown = VoiceInfo(name, LANGUAGES, said.licence, True, "", said.description or DESCRIPTION)
    return NeuralVoice(speech, load_vocoder(vocoder, threads=threads), shown, speaker)


def _packaged_vocoder() -> str | None:
    """Give the vocoder that ships."""
    kinds = {name: stated_info(name).kind for name in packaged_models()}
    return next((name for name, kind in kinds.items() if kind in (SPECTRAL, HIFI_GAN)), None)


def _placed(sentence: SpokenSentence, n_frames: int) -> Alignment:
    """Give the times of a sentence that begins after so many frames."""
    start_s = duration_of(n_frames)
    return sentence.alignment.shifted(start_s, start_s + sentence.alignment.duration_s)
