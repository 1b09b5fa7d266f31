"""Speech-to-mouth models on recordings: with their own sound, and with another's as a control."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from visemic.core.errors import FormatError
from visemic.core.signals import Motion, Waveform
from visemic.data.recording import Recording
from visemic.evaluation.report_predictor import Clips
from visemic.features.cache import FeatureCache
from visemic.models.korzun_motion import KorzunModel
from visemic.models.korzun_store import load_korzun
from visemic.training.korzun_source import FeatureSource, feature_source


class KorzunPredictor:
    """A trained model with the extractor it was trained on."""

    def __init__(self, model: KorzunModel, source: FeatureSource, cache: FeatureCache | None = None) -> None:
        self.model, self._source, self._cache = model, source, cache

    def __call__(self, recording: Recording) -> Motion:
        """Give the mouth motion for a recording's sound.

        Raises:
            FormatError: It has no sound.
        """
        if recording.waveform is None:
            raise FormatError(f"clip {recording.clip_id} has no sound; leave it out")
        return self.of_sound(recording.waveform, self.model.rate.count(recording.duration_s))

    def of_sound(self, waveform: Waveform, n_frames: int | None = None) -> Motion:
        """Give the mouth motion for a sound.

        Args:
            waveform: At any rate.
            n_frames: Frames to give; None takes as many as the sound lasts.
        """
        if n_frames is None:
            n_frames = self.model.rate.count(waveform.duration_s)
        return self.model.generate(self._source.extract(waveform, self._cache), n_frames)


def load_predictor(folder: Path, cache: FeatureCache | None = None) -> KorzunPredictor:
    """Give a trained model with the extractor that its folder names.

    Raises:
        ArtifactError: The folder holds no model, or its features are not to be had.
    """
    model = load_korzun(folder)
    return KorzunPredictor(model, feature_source(model.heard.source), cache)


class WrongSound:
    """A predictor that hears another clip's sound, cut or repeated to this one's length.

    What it still scores is what a model gets for moving like a mouth at all.
    """

    def __init__(self, predictor: KorzunPredictor, clips: Clips, lender: Mapping[str, int]) -> None:
        """Name who lends.

        Args:
            predictor: The model.
            clips: The corpus.
            lender: Number of the clip whose sound is heard, by clip.
        """
        self._predictor, self._clips, self._lender = predictor, clips, lender

    def __call__(self, recording: Recording) -> Motion:
        """Give the mouth motion for the wrong sound.

        Raises:
            FormatError: One of the two has no sound.
        """
        sound = self._clips[self._lender[recording.clip_id]].waveform
        if recording.waveform is None or sound is None:
            raise FormatError(f"clip {recording.clip_id} or its lender has no sound; leave it out")
        wanted = max(1, sound.rate.tick_at(recording.waveform.duration_s))
        fitted = Waveform(np.resize(sound.samples, wanted), sound.rate)
        return self._predictor.of_sound(fitted, self._predictor.model.rate.count(recording.duration_s))
