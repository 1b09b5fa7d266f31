"""What the speech-to-mouth models hear, by name: one string in a recipe says how features are made.

=====================  ====================================================================
``log-mel``            80 log-mel bands at 100 Hz; needs no download
``autovc-mel``         the 80 bands that AutoVC hears, not converted: a control of that shape
``autovc:FOLDER``      those bands after AutoVC has given them one voice
``phonetic``           our phonetic encoder: phone posteriors and embedding at 50 Hz
``phonetic:FOLDER``    the same, of a training of one's own
``hf:NAME``            an encoder such as wav2vec 2.0 by its name on the Hugging Face hub or a folder
=====================  ====================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import InputError, unknown_name
from visemic.core.signals import Features, Waveform
from visemic.data.store_codec import quantise_sound, sound_from_steps
from visemic.features.autovc_mel import AUTOVC_MEL_VERSION, AutoVcMelConfig, extract_autovc_mel
from visemic.features.cache import FeatureCache
from visemic.features.log_mel import LOG_MEL_VERSION, LogMelConfig, extract_log_mel


@dataclass(frozen=True)
class FeatureSource:
    """A way to make features."""

    source: str
    """The string that names it in a recipe."""
    name: str
    """Name that its features carry."""
    version: str
    start_s: Fraction
    """Time of the middle of step 0."""
    make: Callable[[Waveform], Features]
    is_costly: bool
    """Whether making takes long enough for features to be kept on disk."""
    description: str
    """What it is, for people."""

    def extract(self, waveform: Waveform, cache: FeatureCache | None = None) -> Features:
        """Give the features of a sound, costly ones from the cache where they are known.

        The sound is first brought to what stores keep, 16 kHz and 16 bits: where nobody speaks, a
        logarithm hears the difference, and a model would meet at work what it never met in training.

        Args:
            waveform: At any rate.
            cache: None makes them anew.
        """
        kept = as_kept(waveform)
        if cache is None or not self.is_costly:
            return self.make(kept)
        return cache.get(kept, self.name, self.version, self.make, options={"source": self.source})


def as_kept(waveform: Waveform) -> Waveform:
    """Give a sound as a store gives it back; one from a store stays as it is."""
    samples = resample(waveform, SPEECH_RATE).samples
    return Waveform(sound_from_steps(quantise_sound(samples)), SPEECH_RATE)


@lru_cache(maxsize=4)
def feature_source(source: str) -> FeatureSource:
    """Give the way that a string names; encoders stay in memory for the next call.

    Raises:
        InputError: It names none.
        ArtifactError: The encoder's parameters are not there.
    """
    kind, colon, place = source.partition(":")
    form = f"{kind}:…" if colon and place else source
    if form not in _MAKERS:
        raise InputError(unknown_name("feature source", source, _MAKERS))
    return _MAKERS[form](source, place)


def _log_mel(source: str, place: str) -> FeatureSource:
    config = LogMelConfig()
    return FeatureSource(
        source,
        config.name,
        LOG_MEL_VERSION,
        Fraction(0),
        extract_log_mel,
        False,
        "80 log-mel bands at 100 Hz",
    )


def _autovc_mel(source: str, place: str) -> FeatureSource:
    return FeatureSource(
        source,
        AutoVcMelConfig().name,
        AUTOVC_MEL_VERSION,
        Fraction(0),
        extract_autovc_mel,
        False,
        "the 80 mel bands at 62.5 Hz that AutoVC hears, in the speaker's own voice: not converted",
    )


def _autovc(source: str, place: str) -> FeatureSource:
    from visemic.models.voice_conversion import load_converter

    converter = load_converter(Path(place))
    description = "80 mel bands at 62.5 Hz, converted to one voice by AutoVC"
    return FeatureSource(
        source, converter.name, converter.version, Fraction(0), converter.extract, True, description
    )


def _hugging_face(source: str, place: str) -> FeatureSource:
    import torch

    from visemic.features.hugging_face import load_encoder
    from visemic.features.speech_encoder import EncoderConfig

    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = load_encoder(place, EncoderConfig(layers=(-1,)), device=device)

    def last_layer(waveform: Waveform) -> Features:
        states = encoder.states(waveform)
        return Features(states.values[0], states.rate, states.name, states.version)

    description = (
        f"last layer of {Path(place).name}, {encoder.width} numbers at {float(encoder.rate):g} Hz, "
        f"licence {encoder.licence}"
    )
    return FeatureSource(
        source, encoder.name, encoder.version, encoder.start_s, last_layer, True, description
    )


def _phonetic(source: str, place: str) -> FeatureSource:
    from visemic.core.artifact import ONNX
    from visemic.core.hub import find_artifact, packaged_models
    from visemic.models.heard_phones import NAME, VERSION, extract_phonetic, phonetic_network
    from visemic.text.phone_posterior import FIRST_STEP_S

    shipped = [name for name in _WITH_PHONES if name in packaged_models()]
    artifact = find_artifact(place or (shipped or _WITH_PHONES)[0])
    network = phonetic_network(artifact)
    # The extractor's version tells nothing of the parameters, and features of two trainings do not mix.
    version = f"{VERSION}-{artifact.sha256[ONNX][:12]}"

    def extract(waveform: Waveform) -> Features:
        return replace(extract_phonetic(waveform, network), version=version)

    description = (
        f"phone posteriors and embedding of {artifact.info.name} at 50 Hz, our own causal encoder, "
        f"licence {artifact.info.licence}"
    )
    start_s = Fraction(str(FIRST_STEP_S))
    return FeatureSource(source, NAME, version, start_s, extract, True, description)


_WITH_PHONES = ("phonetic", "trunk-mouth")
"""Models of ours that give phones; the first that ships is taken."""
_MAKERS: dict[str, Callable[[str, str], FeatureSource]] = {
    "log-mel": _log_mel,
    "autovc-mel": _autovc_mel,
    "autovc:…": _autovc,
    "phonetic": _phonetic,
    "phonetic:…": _phonetic,
    "hf:…": _hugging_face,
}
