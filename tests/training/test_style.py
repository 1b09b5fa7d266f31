"""Stage two learns: who moves how, which words mean which style, and a face for both."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from visemic.core.acting_note import ActingNote, ActionPhrase, Span
from visemic.core.artifact import load_artifact
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError, FormatError, InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone, Waveform
from visemic.data.convert import convert
from visemic.data.recording import Recording
from visemic.models.base import FaceControl
from visemic.models.expressive_face import ExpressiveFace, between, instruction_of
from visemic.models.expressive_sound import articulation, levelled, load_expressive_face, manner_note
from visemic.models.registry import SOUND_LOADERS
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.recipe import recipe_from_dict
from visemic.training.style_data import load_style_clips, marks
from visemic.training.style_encoder import StyleEncoderTask, clip_styles, load_style_encoder, neighbours
from visemic.training.style_generator import StyleGeneratorTask
from visemic.training.style_prior import StylePriorTask, annealed, load_instruction_prior, retrieval

torch.set_num_threads(1)

RATE = Rate.of(30)
ENCODER = {"window": 20, "patch": 4, "width": 16, "depth": 1, "heads": 2, "style": 8}
PRIOR = {
    "text": {
        "width": 16,
        "depth": 1,
        "heads": 2,
        "embedding": 12,
        "hidden": 16,
        "n_blocks": 1,
        "projector": 16,
    },
    "prior": {"depth": 1, "heads": 2, "head_width": 8},
}
GENERATOR = {"channels": 12, "dilations": [1, 2]}
SENTENCES = {
    "happy": "A very happy person speaks with very raised lip corners.",
    "neutral": "A calm person speaks.",
}
SPOKEN = Alignment(
    (Phone("SIL", 0.0, 0.4), Phone("M", 0.4, 0.6), Phone("AA", 0.6, 1.0, 1), Phone("SIL", 1.0, 1.4)),
    (),
    "ma",
    1.4,
)


def _clip(number: int) -> Recording:
    rng = np.random.default_rng(number)
    emotion = ("happy", "neutral")[number % 2]
    values = 0.1 * rng.random((42, len(ARKIT_61))).astype(np.float32)
    if emotion == "happy":
        values[:, ARKIT_61.indices(["mouthSmileLeft", "mouthSmileRight"])] += 0.6
    split = {6: "validation", 7: "validation", 8: "test", 9: "test"}.get(number, "train")
    return Recording(
        f"clip/{number}", f"actor_{number // 4}", split, "CC0-1.0", "made up", RATE,
        motion=Motion(values, ARKIT_61, RATE),
        waveform=Waveform(rng.normal(0, 0.1, 22_400).astype(np.float32), SPEECH_RATE),
        alignment=SPOKEN, text="ma", emotion=emotion, intensity=1.0 if emotion == "happy" else 0.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("style") / "store"
    clips = [_clip(number) for number in range(10)]
    convert(iter(clips), path)
    lines = [{"clip": c.clip_id, "texts": [SENTENCES[c.emotion]]} for c in clips]
    (path / "captions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _recipe(task: str, **tables: dict[str, object]):
    return recipe_from_dict({"name": task, "task": task, "description": "a test", **tables})


@pytest.fixture(scope="module")
def encoder(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = StyleEncoderTask(_recipe("style-encoder", model=ENCODER), {"expressive": store})
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("encoder")
    task.save(task.network().eval(), folder, {"loss": 0.5})
    return folder


@pytest.fixture(scope="module")
def prior(store: Path, encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    task = StylePriorTask(_recipe("style-prior", model=PRIOR), {"expressive": store, "encoder": encoder})
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("prior")
    task.save(task.network().eval(), folder, {"loss": 0.5})
    return folder


@pytest.fixture(scope="module")
def generator_task(store: Path, encoder: Path, prior: Path, tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISEMIC_CACHE", str(tmp_path_factory.mktemp("cache")))
        return StyleGeneratorTask(
            _recipe("style-generator", model=GENERATOR, data={"crop": 40}, loss={"critic_from": 1}),
            {"expressive": store, "encoder": encoder, "prior": prior},
        )


@pytest.fixture(scope="module")
def model(generator_task, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = generator_task.network()
    with torch.no_grad():  # an untrained network is deaf to style
        for block in network.blocks:
            torch.nn.init.normal_(block.steer.weight, std=0.3)
        network.leave.weight.mul_(30)
    folder = tmp_path_factory.mktemp("model")
    generator_task.save(network.eval(), folder, {"loss": 1.0})
    return folder


def test_clips_of_a_store_come_with_their_captions(store: Path) -> None:
    clips = load_style_clips(store)
    assert len(clips.rows) == 10
    assert clips.motion.shape == (420, 61)
    assert clips.rows[3].texts == (SENTENCES["neutral"],)
    assert clips.rows[0].manner == ("actor_0", "happy", 1.0)
    values, valid = clips.window(1, 60, None)
    assert valid.sum() == 42
    np.testing.assert_array_equal(values[:42], clips.motion[clips.rows[1].span])


def test_a_damaged_caption_is_named(store: Path, tmp_path: Path) -> None:
    captions = tmp_path / "captions.jsonl"
    captions.write_text('{"clip": "clip/0", "texts": []}\n{"clip": 3\n')
    with pytest.raises(FormatError, match=r"line 2 .* is no caption"):
        load_style_clips(store, captions)


def test_marks_lie_inside_of_bilabials_and_pauses() -> None:
    sealed, silent = marks(SPOKEN, 42)
    times_s = np.arange(42) / 30
    assert set(np.flatnonzero(sealed)) == set(np.flatnonzero((times_s >= 0.44) & (times_s <= 0.56)))
    assert not (sealed & silent).any()
    assert silent.sum() > 0


def test_data_that_are_missing_are_named(store: Path) -> None:
    with pytest.raises(ArtifactError, match="needs data 'expressive'"):
        StyleEncoderTask(_recipe("style-encoder"), {})
    with pytest.raises(ArtifactError, match="needs data 'encoder'"):
        StylePriorTask(_recipe("style-prior"), {"expressive": store})
    with pytest.raises(ArtifactError, match="needs data 'prior'"):
        StyleGeneratorTask(_recipe("style-generator"), {"expressive": store, "encoder": store})


def test_views_of_a_batch_are_of_one_manner_and_chance_is_seeded(store: Path) -> None:
    task = StyleEncoderTask(_recipe("style-encoder", model=ENCODER), {"expressive": store})
    one, two = (task.batch([0, 1, 2], torch.Generator().manual_seed(4)) for _ in range(2))
    for name, values in one.items():
        assert torch.equal(values, two[name]), name
    smile = one["motion"][..., ARKIT_61.index("mouthSmileLeft")].mean(-1)
    assert torch.equal(smile[:, 0] > 0.4, smile[:, 1] > 0.4)
    loss = task.loss(task.network(), one, torch.Generator())["loss"]
    assert torch.isfinite(loss)


@pytest.mark.slow
def test_the_encoder_learns_who_is_happy(store: Path) -> None:
    task = StyleEncoderTask(_recipe("style-encoder", model=ENCODER), {"expressive": store})
    torch.manual_seed(0)
    network = task.network()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    for step in range(60):
        batch = task.batch(range(task.n_examples()), torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        task.loss(network, batch, torch.Generator())["loss"].backward()
        optimiser.step()
    rows = task.clips.of("test", "validation")
    styles = clip_styles(network.eval(), task.clips, rows)
    found = neighbours(styles, styles, task.clips, rows, rows)
    assert found["same_emotion"] == 1.0


@pytest.mark.slow
def test_styles_of_clips_have_length_1(store: Path, encoder: Path) -> None:
    clips = load_style_clips(store)
    styles = clip_styles(load_style_encoder(encoder), clips, [0, 5])
    np.testing.assert_allclose(np.linalg.norm(styles, axis=1), 1.0, atol=1e-5)


def test_the_temperature_runs_from_the_first_to_the_last() -> None:
    assert annealed(0.004, 0.0075, 0.0) == pytest.approx(0.004)
    assert annealed(0.004, 0.0075, 0.5) == pytest.approx(0.00575)
    assert annealed(0.004, 0.0075, 1.0) == pytest.approx(0.0075)


def test_retrieval_of_chance_is_chance_and_of_the_truth_whole() -> None:
    rng = np.random.default_rng(0)
    assert retrieval(np.eye(150), rng) == (1.0, 1.0)
    first, among = retrieval(rng.normal(size=(300, 300)), rng)
    assert first == pytest.approx(0.01, abs=0.01)
    assert among == pytest.approx(0.05, abs=0.03)


@pytest.mark.slow
def test_instruction_and_prior_are_taught_together(store: Path, encoder: Path) -> None:
    task = StylePriorTask(_recipe("style-prior", model=PRIOR), {"expressive": store, "encoder": encoder})
    torch.manual_seed(0)
    network = task.network()
    batch = task.batch([0, 1, 2, 3], torch.Generator().manual_seed(0))
    parts = task.loss(network, batch, torch.Generator().manual_seed(1))
    loss, soft_clip, error = (float(parts[name].detach()) for name in ("loss", "soft_clip", "prior"))
    assert loss == pytest.approx(soft_clip + 30 * error, rel=1e-5)
    parts["loss"].backward()
    assert all(p.grad is not None for p in network.parameters())
    assert int(network.steps) == 1
    metrics = task.validate(network.eval())
    assert metrics["diversity"] > 0


@pytest.mark.slow
def test_words_and_parameters_of_a_prior_come_back(prior: Path) -> None:
    network, words = load_instruction_prior(prior)
    assert network.config.text.n_words == len(words)
    assert {"happy", "corners"} <= set(words.words)


@pytest.mark.slow
def test_an_own_motion_costs_the_generator_nothing(generator_task) -> None:
    batch = generator_task.batch([0, 1], torch.Generator().manual_seed(0))
    terms = generator_task.terms(batch["motion"], batch)
    for name in ("reconstruction", "velocity", "lips", "silence"):
        assert float(terms[name]) == pytest.approx(0.0, abs=1e-6), name
    open_mouth = batch["motion"].clone()
    open_mouth[..., ARKIT_61.index("jawOpen")] = 0.8
    assert float(generator_task.terms(open_mouth, batch)["contact"]) > float(terms["contact"])


@pytest.mark.slow
def test_the_critic_is_heard_from_its_step_on(generator_task) -> None:
    torch.manual_seed(0)
    network = generator_task.network()
    batch = generator_task.batch([0, 1], torch.Generator().manual_seed(0))
    assert len(batch["judged"]) == 2
    before, after = (generator_task.loss(network, batch, torch.Generator()) for _ in range(2))
    assert float(before["critic"]) == 0.0
    assert float(after["critic"].detach()) > 0.0
    after["loss"].backward()
    assert network.leave.weight.grad is not None


@pytest.mark.slow
def test_what_is_saved_is_one_model_that_draws_styles_by_seed(model: Path) -> None:
    artifact = load_artifact(model, kind="avi-style")
    face = ExpressiveFace(artifact)
    one, again, other = (face.style_of(SENTENCES["happy"], seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.linalg.norm(one - other) > 0.01
    assert np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(InputError, match="guidance of -1"):
        face.style_of("A calm person speaks.", seed=1, guidance=-1.0)


@pytest.mark.slow
def test_onnx_and_torch_give_the_same_styles_and_motion(model: Path, encoder: Path, store: Path) -> None:
    face = ExpressiveFace(load_artifact(model))
    clips = load_style_clips(store)
    values = clips.motion[clips.rows[0].span]
    ours = face.style_of_motion(Motion(values, ARKIT_61, RATE))
    theirs = clip_styles(load_style_encoder(encoder), clips, [0])[0]
    np.testing.assert_allclose(ours, theirs, atol=5e-3)


@pytest.mark.slow
def test_frames_follow_the_rate_and_long_clips_are_pieces(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = ExpressiveFace(load_artifact(model))
    sound = Waveform(np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), SPEECH_RATE)
    note = ActingNote((Span(0.5, 2.0, "happy", 1.0),))
    for rate in (Rate.of(24), Rate.of(60)):
        n_frames = rate.count(3.0)
        styles = face.styles_of_note(note, n_frames, rate, seed=0)
        np.testing.assert_allclose(styles[0], face.neutral_style)
        whole = face.generate(sound, styles, rate)
        assert whole.shape == (n_frames, 61)
    monkeypatch.setattr("visemic.models.expressive_face._BLOCK_FRAMES", 20)
    np.testing.assert_allclose(face.generate(sound, styles, rate), whole, atol=1e-4)


@pytest.mark.slow
def test_a_note_changes_its_own_span_only_and_lips_still_close(model: Path) -> None:
    acting = load_expressive_face(load_artifact(model), fit_readouts(load_rig("visemic")))
    sound = Waveform(np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32), SPEECH_RATE)
    phones = (
        Phone("AA", 0.1, 0.9, 1),
        Phone("M", 0.9, 1.1),
        Phone("AA", 1.1, 2.9, 1),
        Phone("SIL", 2.9, 3.0),
    )
    alignment = Alignment(phones, (), "ama", 3.0, source="transcript")

    def render(note: ActingNote) -> Motion:
        chance = np.random.default_rng(5)
        return acting.with_note(note).generate(sound, alignment, None, RATE, FaceControl(), chance)

    calm, happy = render(ActingNote(())), render(ActingNote((Span(0.5, 1.5, "happy", 1.0),)))
    times_s = calm.times_s
    outside = (times_s < 0.5) | (times_s > 1.5)
    np.testing.assert_array_equal(calm.values[outside], happy.values[outside])
    assert np.abs(calm.values - happy.values)[~outside].max() > 0.01
    gap_mm = acting.base.rules.mouth.measure_mm("lip_gap", happy.values[[30]].astype(float))
    assert gap_mm[0] <= 0.3


def test_manner_that_the_generator_does_not_show_is_left_to_the_layer() -> None:
    note = ActingNote((Span(0, 1, "sad", 1.0, gaze="down"), Span(1, 2, "happy", 1.0)))
    left = manner_note(note)
    assert [(s.emotion, s.gaze, s.start_s) for s in left.spans] == [("neutral", "down", 0)]


def test_an_emotion_grows_evenly_through_the_levels_that_have_words() -> None:
    for intensity in np.linspace(0.05, 1.0, 20):
        level, strength = levelled(Span(0, 1, "sad", float(intensity)))
        assert level.intensity in (0.35, 0.65, 1.0)
        assert level.intensity * strength == pytest.approx(intensity)
    said = Span(0, 1, "sad", 0.1, (ActionPhrase(4, "very"),))
    assert levelled(said)[1] == 1.0
    assert levelled(Span(0, 1)) == (Span(0, 1), 1.0)


def test_the_jaw_follows_its_factor_within_reason() -> None:
    plain = np.array([0.1, 0.3, 0.2, 0.5], np.float32)
    assert articulation(plain * np.float32(0.8) + np.float32(0.05), plain) == pytest.approx((0.8, 0.05))
    assert articulation(plain * np.float32(9.0), plain)[0] == 1.4
    assert articulation(np.full(4, 0.3, np.float32), np.full(4, 0.2, np.float32)) == pytest.approx((1.0, 0.1))


def test_words_that_nothing_follows_do_not_reach_the_style() -> None:
    span = Span(0, 1, "sad", 1.0, text="as if it rained", unknown=("not angry",))
    assert instruction_of(span) == instruction_of(Span(0, 1, "sad", 1.0)) == "An extremely sad person speaks."


def test_motion_between_frames_lies_on_straight_lines() -> None:
    values = np.array([[0.0], [3.0], [6.0]], np.float32)
    np.testing.assert_allclose(between(values, np.array([0.0, 1 / 60, 1.0]))[:, 0], [0.0, 1.5, 6.0])


def test_the_kind_is_one_that_takes_a_sound() -> None:
    assert SOUND_LOADERS["avi-style"].endswith("load_expressive_face")
