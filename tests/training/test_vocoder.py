"""Vocoders learn; what is saved speaks as it was trained, live as at once."""

import json

import numpy as np
import pytest
import torch

from visemic.core.artifact import ArtifactInfo, load_artifact, save_artifact
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError, InputError
from visemic.core.signals import Waveform
from visemic.features.voice_mel import VOICE_MELS, VOICE_SILENCE, voice_mel
from visemic.models.vocoder_session import load_vocoder, waveform_from_mel
from visemic.training.recipe import recipe_from_dict
from visemic.training.trainer import train
from visemic.training.vocoder import VocoderTask, frame_pitch
from visemic.training.vocoder_loss import (
    critic_loss,
    feature_loss,
    fooling_loss,
    log_mel,
    mel_distance,
    spectrum_distance,
)

torch.set_num_threads(1)

SPECTRAL = {"channels": 8, "expansion": 1, "kernel": 5, "lookaheads": [2, 1, 0]}
HIFI = {
    "upsample_rates": [10, 20],
    "upsample_kernel_sizes": [20, 40],
    "upsample_initial_channel": 8,
    "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1]],
}
CRITIC = {"periods": [2], "period_channels": 1, "resolutions": [[128, 32]], "resolution_channels": 2}


def buzz(hz: float, n_samples: int = 16_000) -> np.ndarray:
    """Give a voice of a kind: harmonics that swell and sink."""
    time = np.arange(n_samples) / 16_000
    voice = sum(np.cos(2 * np.pi * k * hz * time) / k for k in range(1, 20))
    return (0.1 * voice * (0.6 + 0.4 * np.sin(8 * time))).astype(np.float32)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    """Four clips as ``recipes/speech_corpus.py`` writes them; the last judges."""
    folder = tmp_path_factory.mktemp("speech")
    sounds = [buzz(120.0), buzz(150.0), buzz(180.0, 700), buzz(135.0, 9_000)]
    first, lines = 0, []
    for number, sound in enumerate(sounds):
        row = {
            "id": f"buzz-{number}", "speaker": "buzz", "split": "validation" if number == 3 else "train",
            "licence": "CC0-1.0", "first": first, "samples": len(sound), "text": "", "phones": [],
        }  # fmt: skip
        lines.append(json.dumps(row))
        first += len(sound)
    (folder / "clips.jsonl").write_text("\n".join(lines))
    pcm = (np.concatenate(sounds) * 32_767).astype(np.int16)
    (folder / "audio.i16").write_bytes(pcm.tobytes())
    return folder


def recipe(kind="spectral-vocoder", sizes=None, loss=None, data=None, **schedule):
    small = HIFI if kind == "hifi-gan" else SPECTRAL
    return recipe_from_dict(
        {
            "name": "vocoder",
            "task": "vocoder",
            "seed": 1,
            "data": {"crop_frames": 12, **(data or {})},
            "model": {"kind": kind, "sizes": sizes or small, "critic": CRITIC},
            "loss": {"mel": 1.0, "spectrum": 1.0, "adversarial": 0.0, **(loss or {})},
            "optimiser": {"learning_rate": 3e-3},
            "schedule": {"max_steps": 2, "batch_size": 2, "validate_every": 2, **schedule},
        }
    )


@pytest.fixture(scope="module")
def saved(tmp_path_factory, speech):
    """Give task, network and folder of an untrained vocoder of a kind; exporting takes seconds."""
    made = {}

    def of(kind):
        if kind not in made:
            task = VocoderTask(recipe(kind), {"speech": speech})
            torch.manual_seed(0)
            network = task.network().eval()
            folder = tmp_path_factory.mktemp(kind)
            task.save(network, folder, {"loss": 1.0})
            made[kind] = task, network, folder
        return made[kind]

    return of


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spectral-vocoder", "hifi-gan"])
def test_a_stream_gives_the_samples_of_the_whole_bit_for_bit(kind, saved):
    vocoder = load_vocoder(saved(kind)[2])
    for n_frames in (0, 1, 15, 16, 150):
        mel = np.resize(voice_mel(buzz(140.0)), (n_frames, VOICE_MELS))
        whole = waveform_from_mel(vocoder, mel)
        assert whole.rate == SPEECH_RATE
        assert len(whole.samples) == 200 * n_frames
        for size in (1, 7, 64):
            stream = vocoder.open_stream()
            parts = [stream.push(mel[at : at + size]) for at in range(0, n_frames, size)]
            assert np.array_equal(np.concatenate([*parts, stream.close()]), whole.samples)


@pytest.mark.slow
def test_the_stored_hifi_gan_says_what_the_trained_one_says(saved):
    task, network, folder = saved("hifi-gan")
    vocoder = load_vocoder(folder)
    mel = voice_mel(buzz(140.0, 32_000))
    with torch.no_grad():
        trained = task.generator.whole(network["generator"], torch.from_numpy(mel)[None], torch.Generator())
    assert np.abs(waveform_from_mel(vocoder, mel).samples - trained[0].numpy()).max() < 1e-5


@pytest.mark.slow
def test_the_stored_spectral_vocoder_has_the_level_and_the_pitch_of_the_trained_one(saved):
    task, network, folder = saved("spectral-vocoder")
    vocoder = load_vocoder(folder)
    mel = voice_mel(buzz(140.0))
    with torch.no_grad():
        trained = task.generator.whole(
            network["generator"], torch.from_numpy(mel)[None], torch.Generator().manual_seed(0)
        )
    made = torch.from_numpy(waveform_from_mel(vocoder, mel).samples)[None]
    # Noise and the phase of pulses differ, the spectra do not.
    assert trained.shape == made.shape
    assert float(mel_distance(made, trained)) < 0.6
    assert float(made.std()) == pytest.approx(float(trained.std()), rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("n_silent", [16, 41])
def test_sound_is_where_its_mel_is(n_silent, saved):
    vocoder = load_vocoder(saved("spectral-vocoder")[2])
    sound = np.zeros(24_000, np.float32)
    sound[n_silent * 200 : n_silent * 200 + 8_000] = np.random.default_rng(0).normal(0, 0.1, 8_000)
    made = waveform_from_mel(vocoder, voice_mel(sound)).samples[:24_000]
    middle, wanted = (
        (np.arange(24_000) * s.astype(float) ** 2).sum() / (s.astype(float) ** 2).sum() for s in (made, sound)
    )
    # Within the 12.5 ms of a frame; the spread of levels leaves a few milliseconds.
    assert abs(middle - wanted) < 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spectral-vocoder", "hifi-gan"])
@pytest.mark.parametrize("adversarial", [0.0, 1.0])
def test_every_kind_trains_with_critics_and_without(kind, adversarial, tmp_path, speech):
    made = train(recipe(kind, loss={"adversarial": adversarial}), {"speech": speech}, tmp_path / "out")
    artifact = load_artifact(made.model, kind=kind)
    assert artifact.info.metrics["loss"] > 0
    assert artifact.info.data_licences == {"buzz": "CC0-1.0"}
    assert len(waveform_from_mel(load_vocoder(made.model), voice_mel(buzz(100.0))).samples) == 81 * 200


@pytest.mark.slow
def test_one_buzz_is_learnt(tmp_path, speech):
    task = VocoderTask(recipe(), {"speech": speech})
    torch.manual_seed(0)
    network = task.network()
    groups = [list(parameters) for parameters, _ in task.optimisers(network)]
    optimiser = torch.optim.Adam(groups[0], 3e-3)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for step in range(40):
        parts = task.loss(network, task.batch([step % 13, (3 * step + 1) % 13], generator), generator)
        optimiser.zero_grad()
        parts["loss"].backward()
        optimiser.step()
        losses.append(float(parts["loss"].detach()))
    assert np.mean(losses[-8:]) < 0.75 * np.mean(losses[:4])


@pytest.mark.slow
def test_training_goes_on_from_an_earlier_model(speech, saved):
    _, network, folder = saved("spectral-vocoder")
    again = VocoderTask(recipe(loss={"adversarial": 1.0}), {"speech": speech, "start": folder}).network()
    for name, value in network["generator"].state_dict().items():
        assert torch.equal(again["generator"].state_dict()[name], value)
    assert "critic" in again


def test_a_crop_is_the_sound_of_its_mel(speech):
    task = VocoderTask(recipe(data={"gain_db": [0.0, 0.0]}), {"speech": speech})
    batch = task.batch([0, 9], torch.Generator().manual_seed(3))
    lead = task.generator.lead_frames
    assert batch["mel"].shape == (2, lead + 12 + task.generator.tail_frames, VOICE_MELS)
    assert batch["sound"].shape == (2, 12 * 200)
    # Whole windows inside the crop: their centres are at frames 3 to 9.
    mel = log_mel(batch["sound"])
    first = 512
    frame = batch["mel"][:, lead + 3 : lead + 10]
    again = torch.stack([log_mel(batch["sound"][:, k * 200 - first :])[:, 0] for k in range(3, 10)], 1)
    torch.testing.assert_close(again, frame, atol=5e-3, rtol=0)
    assert mel.shape[1] == (2_400 - 1_024) // 200 + 1


def test_beyond_the_ends_of_a_clip_is_silence(speech):
    task = VocoderTask(recipe(), {"speech": speech})
    short = [i for i in range(task.n_examples()) if task._clips[task._order[i]].samples == 700]
    batch = task.batch(short, torch.Generator().manual_seed(0))
    assert (batch["sound"][:, 700:] == 0).all()
    torch.testing.assert_close(batch["mel"][0, 0], torch.full((80,), VOICE_SILENCE))
    assert (batch["pitch_hz"][0, : task.generator.lead_frames] == 0).all()


def test_pitch_is_that_of_the_frames():
    pitch = frame_pitch(Waveform(buzz(150.0), SPEECH_RATE))
    assert len(pitch) == len(voice_mel(buzz(150.0)))
    assert np.abs(pitch[8:-8] / 150 - 1).max() < 0.02
    assert (frame_pitch(Waveform(np.zeros(4_000, np.float32), SPEECH_RATE)) == 0).all()


def test_equal_sounds_are_no_distance_apart_and_louder_ones_are():
    sound = torch.from_numpy(buzz(120.0))[None]
    assert float(mel_distance(sound, sound)) == 0
    assert float(spectrum_distance(sound, sound)) == 0
    heard = log_mel(sound).exp() > 1e-3
    assert float((log_mel(2 * sound) - log_mel(sound))[heard].mean()) == pytest.approx(np.log(2), abs=1e-3)
    assert float(spectrum_distance(2 * sound, sound)) > 0.5


def test_critics_and_generator_want_opposite_things():
    ones, zeros = [torch.ones(2, 3)], [torch.zeros(2, 3)]
    assert float(critic_loss(ones, zeros)) == 0
    assert float(fooling_loss(ones)) == 0
    assert float(critic_loss(zeros, ones)) == 2
    assert float(fooling_loss(zeros)) == 1
    assert float(feature_loss([ones], [ones])) == 0
    assert float(feature_loss([ones], [zeros])) == 1


def test_the_generator_does_not_move_critics_nor_they_it(speech):
    task = VocoderTask(recipe(loss={"adversarial": 1.0}), {"speech": speech})
    torch.manual_seed(0)
    network = task.network()
    (generator, first), (critic, second) = task.optimisers(network)
    assert (first, second) == ("loss", "critic")
    ours, theirs = ({id(p) for p in group} for group in (list(generator), list(critic)))
    assert not ours & theirs
    assert ours | theirs == {id(p) for p in network.parameters()}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"kind": "wavenet"}, "no vocoder 'wavenet'"),
        ({"sizes": {"hop_length": 100}}, "gives 100 samples a frame"),
        ({"kind": "hifi-gan", "sizes": {**HIFI, "num_mels": 20}}, "from 20 mels"),
        ({"data": {"crop_frames": 4}}, "at least 12"),
        ({"data": {"gain_db": [1.0, -1.0]}}, "low to high"),
        ({"data": {"speaker": ["x"]}}, "did you mean"),
    ],
)
def test_settings_that_do_not_fit_are_refused(words, message, speech):
    with pytest.raises(InputError, match=message):
        VocoderTask(recipe(**words), {"speech": speech})


def test_speech_must_be_given_and_hold_the_speakers(speech):
    with pytest.raises(ArtifactError, match="--data speech=FOLDER"):
        VocoderTask(recipe(), {})
    with pytest.raises(InputError, match="0 clips to train on"):
        VocoderTask(recipe(data={"speakers": ["nobody"]}), {"speech": speech}).n_examples()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spectral-vocoder", "hifi-gan"])
def test_a_mel_that_does_not_fit_is_refused(kind, saved):
    stream = load_vocoder(saved(kind)[2]).open_stream()
    with pytest.raises(InputError, match="80 mels"):
        stream.push(np.zeros((3, 40), np.float32))
    with pytest.raises(InputError, match="finite"):
        stream.push(np.full((3, 80), np.nan, np.float32))


def test_what_is_no_vocoder_is_refused(tmp_path):
    save_artifact(
        tmp_path, ArtifactInfo(name="ear", kind="phonetic", licence="Apache-2.0"), card="An ear.", onnx=b"0"
    )
    with pytest.raises(ArtifactError, match="'phonetic' and no vocoder"):
        load_vocoder(tmp_path)


def test_a_vocoder_of_another_mel_is_refused(tmp_path):
    info = ArtifactInfo(
        name="other", kind="hifi-gan", licence="Apache-2.0", feature="mel-22050", feature_version=1
    )
    save_artifact(tmp_path, info, card="Another.", onnx=b"0")
    with pytest.raises(ArtifactError, match="mel-22050"):
        load_vocoder(tmp_path)
