import json

import numpy as np
import pytest

from visemic.core.errors import FormatError
from visemic.export.sound import write_sound


def test_a_wav_holds_the_samples_and_the_manifest(clip, tmp_path):
    import soundfile

    write_sound(clip, tmp_path / "a.wav")
    with soundfile.SoundFile(tmp_path / "a.wav") as file:
        assert (file.samplerate, file.channels) == (16_000, 1)
        np.testing.assert_allclose(file.read(dtype="float32"), clip.waveform.samples, atol=1 / 32_000)
        assert json.loads(file.comment)["voice"] == "espeak"


def test_a_clip_without_sound_has_no_wav(take, motion, tmp_path):
    with pytest.raises(FormatError, match="has none"):
        write_sound(take(motion), tmp_path / "a.wav")
