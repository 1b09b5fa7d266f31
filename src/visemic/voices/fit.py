"""Speech of an exact duration: planned where the voice can; else its tempo and a small stretch."""

import math
from dataclasses import replace

from visemic.audio.stretch import stretch_to
from visemic.core.errors import VoiceError
from visemic.voices.base import MAX_TEMPO, MIN_TEMPO, PlanningVoice, Speech, Voice

_TRIALS = 4


def speak_for(
    voice: Voice,
    text: str,
    *,
    language: str = "en-us",
    tempo: float = 1.0,
    duration_s: float | None = None,
) -> Speech:
    """Speak a text, in an exact time if one is given.

    Args:
        voice: Any voice.
        text: As written.
        language: Language tag.
        tempo: Speed, 0.5 half to 2 double; a duration takes its place.
        duration_s: Length of the clip in seconds, silence at both ends included; None leaves
            it to the tempo.

    Returns:
        Speech whose number of samples is ``duration_s`` to the nearest sample, and whose
        last phone ends with it.

    Raises:
        TextError: Nothing in the text can be pronounced.
        VoiceError: The duration would need a tempo outside 0.5 to 2, or as ``Voice.speak``.
        InputError: A voice that plans cannot reach the duration; the nearest is named.
    """
    if duration_s is None:
        return voice.speak(text, language=language, tempo=tempo)
    if not (math.isfinite(duration_s) and duration_s > 0):
        raise VoiceError(f"a duration of {duration_s:g} s cannot be spoken; give seconds above 0")
    if isinstance(voice, PlanningVoice):
        return voice.speak_for(text, duration_s, language=language)
    natural = voice.speak(text, language=language, tempo=1.0)
    rate = natural.waveform.rate
    n_natural = len(natural.waveform.samples)
    # The limits are rounded inwards to what the sentence below can show.
    shortest_s = math.ceil(n_natural / MAX_TEMPO / float(rate) * 100) / 100
    longest_s = math.floor(n_natural / MIN_TEMPO / float(rate) * 100) / 100
    wanted = rate.count(duration_s)
    if not n_natural / MAX_TEMPO - 1 <= wanted <= n_natural / MIN_TEMPO + 1:
        raise VoiceError(
            f"voice {voice.info.name!r} cannot say this text in {duration_s:g} s; "
            f"give {shortest_s:.2f} to {longest_s:.2f} s, or another text"
        )
    return _resized(_nearest(voice, text, language, natural, wanted), wanted)


def _nearest(voice: Voice, text: str, language: str, natural: Speech, wanted: int) -> Speech:
    """Give what the voice says by itself in the number of samples nearest to the wanted one."""
    best, n_samples, tempo = natural, len(natural.waveform.samples), 1.0
    for _ in range(_TRIALS):
        asked = min(max(tempo * n_samples / wanted, MIN_TEMPO), MAX_TEMPO)
        if n_samples == wanted or asked == tempo:
            break
        tempo = asked
        speech = voice.speak(text, language=language, tempo=tempo)
        n_samples = len(speech.waveform.samples)
        if abs(n_samples - wanted) < abs(len(best.waveform.samples) - wanted):
            best = speech
        if abs(n_samples - wanted) <= 1:
            break
    return best


def _resized(speech: Speech, wanted: int) -> Speech:
    """Stretch sound and times to an exact number of samples."""
    waveform = stretch_to(speech.waveform, wanted)
    duration_s = waveform.duration_s
    alignment = speech.alignment.stretched(duration_s / speech.alignment.duration_s)
    phones = alignment.phones
    if phones:
        # Products of floats miss the last sample by a hair; the clip ends with its last phone.
        phones = (*phones[:-1], replace(phones[-1], end_s=duration_s))
    return Speech(waveform, replace(alignment, phones=phones, duration_s=duration_s))
