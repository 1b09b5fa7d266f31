"""A vocoder may hear what a voice paints in place of what was recorded, frame for frame."""

import numpy as np
import pytest
import torch
from test_vocoder import recipe, speech  # noqa: F401  the corpus of buzzes

from visemic.core.errors import ArtifactError
from visemic.data.prepared_speech import read_clips, read_samples
from visemic.features.voice_mel import VOICE_SILENCE, voice_mel
from visemic.training.heard_mel import HeardMels, write_mels
from visemic.training.vocoder import VocoderTask

torch.set_num_threads(1)


def painted(folder, speech_folder, change=0.0):
    mels = {
        clip.clip_id: (voice_mel(read_samples(speech_folder, clip)) + change).astype(np.float16)
        for clip in read_clips(speech_folder)
    }
    write_mels(folder, mels)
    return mels


def test_a_part_is_the_frames_of_its_clip_with_silence_around(tmp_path, speech):  # noqa: F811
    mels = painted(tmp_path, speech)
    heard = HeardMels(tmp_path)
    assert "buzz-1" in heard
    assert "nobody" not in heard
    part = heard.part("buzz-1", -2, 6, 1.0)
    assert (part[:2] == np.float32(VOICE_SILENCE)).all()
    np.testing.assert_array_equal(part[2:], np.maximum(mels["buzz-1"][:4].astype(np.float32), VOICE_SILENCE))
    beyond = heard.part("buzz-1", len(mels["buzz-1"]), 3, 1.0)
    assert (beyond == np.float32(VOICE_SILENCE)).all()


def test_half_the_level_is_the_logarithm_of_two_lower_but_never_below_silence(tmp_path, speech):  # noqa: F811
    painted(tmp_path, speech)
    heard = HeardMels(tmp_path)
    whole, half = heard.part("buzz-0", 10, 20, 1.0), heard.part("buzz-0", 10, 20, 0.5)
    np.testing.assert_allclose(half, np.maximum(whole - np.log(2), VOICE_SILENCE), atol=1e-5)


def test_mels_of_the_recordings_change_nothing_and_others_are_heard(tmp_path, speech):  # noqa: F811
    painted(tmp_path / "same", speech)
    painted(tmp_path / "other", speech, change=-1.0)
    still = {"gain_db": [0.0, 0.0], "heard_share": 1.0}

    def batch(data):
        # The draw of which mel is heard comes after that of the place.
        return VocoderTask(recipe(data=still), {"speech": speech, **data}).batch(
            [0], torch.Generator().manual_seed(1)
        )

    same, other = batch({"heard": tmp_path / "same"}), batch({"heard": tmp_path / "other"})
    assert torch.equal(same["sound"], other["sound"])
    lead = 30
    torch.testing.assert_close(batch({})["mel"][:, lead:-8], same["mel"][:, lead:-8], atol=2e-2, rtol=0)
    lower = (same["mel"] - 1).clamp(min=VOICE_SILENCE)
    torch.testing.assert_close(other["mel"][:, lead:-8], lower[:, lead:-8], atol=2e-2, rtol=0)


def test_half_a_folder_is_refused(tmp_path, speech):  # noqa: F811
    painted(tmp_path, speech)
    (tmp_path / "mels.f16").write_bytes(b"")
    with pytest.raises(ArtifactError, match="has 0 frames and its index"):
        HeardMels(tmp_path)
    (tmp_path / "mels.json").unlink()
    with pytest.raises(ArtifactError, match=r"recipes/voice_mels\.py"):
        HeardMels(tmp_path)
