"""Facts about the training of speech to instruction, with the small writer and with a frozen model."""

import jaxtyping
import numpy as np
import pytest
import torch
from instruction_corpus import hummed_store

from visemic.core.acting_grammar import parse_instruction, write_instruction
from visemic.core.artifact import load_artifact
from visemic.core.errors import ArtifactError
from visemic.data.loader import ClipStore
from visemic.models.instruction_decode import Draw
from visemic.models.instructor import Instructor
from visemic.training.instruction import InstructionTask
from visemic.training.instruction_data import KNOWN, Batches, Variation
from visemic.training.instruction_lm import InstructionLmTask
from visemic.training.instruction_loss import ContentGuess, info_nce, word_loss
from visemic.training.recipe import recipe_from_dict
from visemic.training.trainer import train

torch.set_num_threads(1)

QFORMER = {"n_queries": 4, "width": 16, "n_layers": 2, "n_heads": 2, "inner": 32, "dropout": 0.0}
LISTENER = {"caption_width": 12, "input_dropout": 0.0, "qformer": QFORMER}
WRITER = {"width": 24, "n_layers": 1, "n_heads": 2, "inner": 48, "n_prompts": 4, "dropout": 0.0}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hummed")
    return {"expressive": hummed_store(folder / "store"), "cache": folder / "cache"}


def recipe(task="avi-instruction", model=None, **changes):
    return recipe_from_dict(
        {
            "name": "tiny",
            "task": task,
            "data": {"n_judged_speakers": 1, **changes.pop("data", {})},
            "model": model or {"listener": LISTENER, "writer": WRITER},
            "loss": changes.pop("loss", {}),
            "optimiser": {"learning_rate": 3e-3, "clip_norm": 1.0},
            "schedule": {
                "max_steps": 4,
                "batch_size": 6,
                "validate_every": 2,
                "checkpoint_every": 2,
                "log_every": 1,
                **changes,
            },
        }
    )


@pytest.fixture
def unchecked():
    """Leave shapes unchecked: asking a symbol for its size while a network is traced makes it a number."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def batch_of(task, n=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return task.batch(range(n), generator)


def steps(task, network, n, rate=3e-3):
    """Train on one batch and give the losses."""
    torch.manual_seed(0)
    batch, losses = batch_of(task), []
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=rate)
    for _ in range(n):
        loss = task.loss(network, batch, torch.Generator())["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return losses


def test_recorded_voices_join_and_each_corpus_keeps_speakers_for_judging(paths, tmp_path):
    recorded = hummed_store(tmp_path / "recorded", name="real", source="recorded hums")
    alone, both = InstructionTask(recipe(), paths), InstructionTask(recipe(), {**paths, "recorded": recorded})
    assert both.n_examples() == 2 * alone.n_examples()
    assert {clip.speaker for clip in both.batches.clips} == {"s0", "s1", "real0", "real1"}
    assert {clip.speaker for clip in both._judged} == {"s2", "real2"}
    sources = both.info("avi-instruction", {}, {}).data_licences
    assert {"hummed", "recorded hums"} <= set(sources)
    with pytest.raises(ArtifactError, match="of 3 speakers of 'recorded hums' 3 cannot be kept"):
        InstructionTask(
            recipe(data={"n_judged_speakers": 3}), {"expressive": recorded, "cache": paths["cache"]}
        )


@pytest.mark.slow
def test_a_trained_artefact_writes_notes_without_torch_in_it(paths, tmp_path, unchecked):
    result = train(recipe(), paths, tmp_path / "run")
    assert {"words", "emotion_accuracy", "emotion_accuracy_known"} <= set(result.metrics)
    instructor = Instructor(load_artifact(result.model))
    clip = ClipStore(paths["expressive"])[0]
    note = instructor.instruct(clip.waveform, seed=1)
    assert note == instructor.instruct(clip.waveform, seed=1)
    assert note.spans[0].start_s == 0.0
    assert note.spans[-1].end_s == pytest.approx(clip.waveform.duration_s)
    for span in note.spans:
        assert parse_instruction(write_instruction(span)).actions == span.actions
    assert instructor.instruct(clip.waveform, at_rest=clip.waveform).source == "tiny"


@pytest.mark.slow
def test_the_onnx_networks_say_what_torch_says(paths, tmp_path, unchecked):
    task = InstructionTask(recipe(), paths)
    torch.manual_seed(0)
    network = task.network().eval()
    (tmp_path / "model").mkdir()
    task.save(network, tmp_path / "model", {})
    instructor = Instructor(load_artifact(tmp_path / "model"))
    heard = [clip.heard for clip in task.batches.clips[:3]]
    found = instructor.listened(heard)
    batch = Batches(task.batches.clips[:3], task.clips.scale).inputs(range(3), None)
    with torch.no_grad():
        expected = network.network.listener(batch["frames"], batch["whole"], batch["valid"])
    np.testing.assert_allclose(found["emotion"], expected.emotion.softmax(-1).numpy(), atol=2e-3)
    np.testing.assert_allclose(found["caption"], expected.caption.numpy(), atol=5e-3)


@pytest.mark.slow
def test_some_steps_lower_the_loss_of_the_small_writer(paths):
    task = InstructionTask(recipe(), paths)
    losses = steps(task, task.network().train(), 30)
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_the_listener_alone_leaves_the_writer_as_it_was(paths):
    task = InstructionTask(recipe(loss={"words": 0.0, "contrast": 1.0, "content": 0.1}), paths)
    network = task.network().train()
    before = [p.detach().clone() for p in network.network.writer.parameters()]
    parts = task.loss(network, batch_of(task), torch.Generator())
    assert {"contrast", "content", "guess"} <= set(parts)
    parts["loss"].backward()
    assert all(p.grad is None for p in network.network.writer.parameters())
    assert [key for _, key in task.optimisers(network)] == ["loss", "guess"]
    after = list(network.network.writer.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


@pytest.mark.slow
def test_another_gain_changes_what_is_told_of_the_loudness_alone(paths):
    task = InstructionTask(recipe(), paths)
    clips = task.batches.clips
    told = [
        Batches(clips, task.clips.scale, Variation(known=1.0, gain_db=gain_db)).inputs(
            range(len(clips)), np.random.default_rng(2)
        )
        for gain_db in (1e-9, 3.0)
    ]
    moved = (told[0]["whole"] - told[1]["whole"]).abs()
    assert torch.equal(told[0]["frames"], told[1]["frames"])
    assert not moved[:, :-1].any()
    assert (moved[:, -1] > 0.05).float().mean() > 0.5


@pytest.mark.slow
def test_a_voice_at_rest_takes_the_speaker_out(paths):
    task = InstructionTask(recipe(), paths)
    clips = task.batches.clips
    batch = Batches(clips, task.clips.scale, KNOWN).inputs(range(len(clips)), None)
    n = batch["whole"].shape[1] // 2
    neutral = batch["emotion"] == 0
    assert batch["whole"][neutral, n:].abs().mean() < 0.7 * batch["whole"][~neutral, n:].abs().mean()
    unknown = Batches(clips, task.clips.scale).inputs(range(len(clips)), None)
    assert not unknown["whole"][:, n:].any()
    assert torch.equal(batch["whole"][:, :n], unknown["whole"][:, :n])


@pytest.mark.slow
def test_another_voice_moves_everything_but_the_difference_from_rest(paths):
    task = InstructionTask(recipe(), paths)
    clips = task.batches.clips
    moved = Batches(clips, task.clips.scale, Variation(known=1.0, other_voice=1.0))
    plain = Batches(clips, task.clips.scale, Variation(known=1.0))
    a, b = (made.inputs([3], np.random.default_rng(5)) for made in (moved, plain))
    n = a["whole"].shape[1] // 2
    torch.testing.assert_close(a["whole"][:, n:], b["whole"][:, n:], atol=1e-4, rtol=1e-3)


def test_equal_captions_are_right_answers_alike():
    captions = torch.nn.functional.normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)))
    captions[1] = captions[0]
    heard = torch.nn.functional.normalize(captions + 0.3)
    same = torch.tensor([0, 0, 1, 2])
    forth, back = (heard @ captions.T / 0.07).log_softmax(1), (captions @ heard.T / 0.07).log_softmax(1)
    expected = [
        0.5 * (part[0, 0] + part[0, 1] + part[1, 0] + part[1, 1]) + part[2, 2] + part[3, 3]
        for part in (forth, back)
    ]
    torch.testing.assert_close(info_nce(heard, captions, same), -sum(expected) / 8)
    assert info_nce(captions, captions, same) < info_nce(captions.roll(2, 0), captions, same)


def test_the_bound_of_content_falls_to_nothing_when_nothing_is_known():
    torch.manual_seed(0)
    guess, pooled, content = ContentGuess(6, 3, 32), torch.randn(64, 6), torch.randn(64, 3)
    copied = torch.cat([content, content], dim=1)
    optimiser = torch.optim.Adam(guess.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        guess.fit(copied, content).backward()
        optimiser.step()
    known, unknown = guess.bound(copied, content), guess.bound(pooled, content)
    assert known > 0.2
    assert unknown < 0.25 * known


def test_only_words_of_the_instruction_cost():
    logits = torch.randn(2, 5, 7, generator=torch.Generator().manual_seed(0))
    targets = torch.full((2, 5), -100)
    targets[0, 2] = 3
    expected = -logits[0, 2].log_softmax(-1)[3]
    torch.testing.assert_close(word_loss(logits, targets), expected)


def tiny_llama(folder):
    """Save a language model of random parameters with a tokenizer of the words of acting."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    from visemic.models.instruction_lm import PROMPTS
    from visemic.models.instruction_words import WORDS

    words = ["<s>", "</s>", "<unk>", *WORDS, *" ".join(PROMPTS).lower().replace("?", " ? ").split()]
    table = {word: number for number, word in enumerate(dict.fromkeys(words))}
    plain = tokenizers.Tokenizer(tokenizers.models.WordLevel(table, unk_token="<unk>"))
    plain.normalizer = tokenizers.normalizers.Lowercase()
    plain.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=plain, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    config = transformers.LlamaConfig(
        vocab_size=len(table),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=0,
        eos_token_id=1,
    )
    torch.manual_seed(1)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return tiny_llama(tmp_path_factory.mktemp("llama") / "model")


@pytest.mark.slow
def test_a_frozen_llama_is_taught_through_soft_prompts_only(paths, llama, tmp_path):
    task = InstructionLmTask(recipe("avi-instruction-lm", {"listener": LISTENER}), {**paths, "model": llama})
    before = {name: value.clone() for name, value in task.model.network.state_dict().items()}
    network = task.network().train()
    losses = steps(task, network, 40, rate=1e-2)
    assert losses[-1] < 0.9 * losses[0]
    after = task.model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any("llama" in name or "embed_tokens" in name for name in network.state_dict())
    written = task.written(network.eval(), range(2), Draw(n_samples=2, n_dropped=1))
    assert len(written) == 2


@pytest.mark.slow
def test_training_with_a_frozen_model_runs_by_recipe(paths, llama, tmp_path):
    chosen = recipe("avi-instruction-lm", {"listener": LISTENER})
    result = train(chosen, {**paths, "model": llama}, tmp_path / "run")
    artifact = load_artifact(result.model, kind="avi-instruction-lm")
    assert artifact.info.config["language_model"] == "model"
    assert "project.weight" in artifact.tensors()


@pytest.mark.slow
def test_the_rows_that_a_language_model_reads_stand_in_order(llama):
    from visemic.models.instruction_lm import IGNORED, instruction_rows, load_language_model

    model = load_language_model(llama)
    soft = torch.randn(2, 3, model.width)
    prompts = ["How should this person look while speaking?"] * 2
    told = ["A very sad person speaks.", "An extremely angry person speaks with very lowered brows."]
    rows, real, targets = instruction_rows(model, soft, prompts, told)
    n_asked = 1 + 3 + len(model.tokens(prompts[0]))
    table = model.network.get_input_embeddings()
    torch.testing.assert_close(rows[0, 0], table(torch.tensor(model.begin)))
    torch.testing.assert_close(rows[:, 1:4], soft)
    assert (targets[:, :n_asked] == IGNORED).all()
    assert targets[1, n_asked:].tolist() == [*model.tokens(told[1]), model.end]
    assert real.sum(dim=1).tolist() == [n_asked + len(model.tokens(text)) + 1 for text in told]


def test_without_data_there_is_one_sentence():
    with pytest.raises(ArtifactError, match="expressive"):
        InstructionTask(recipe(), {})


@pytest.mark.slow
def test_too_few_speakers_to_judge_apart_are_said(paths):
    with pytest.raises(ArtifactError, match="n_judged_speakers"):
        InstructionTask(recipe(data={"n_judged_speakers": 3}), paths)


@pytest.mark.slow
def test_a_start_of_another_network_is_refused(paths, tmp_path):
    from visemic.core.artifact import ArtifactInfo, save_artifact

    info = ArtifactInfo("other", "other", "CC0-1.0")
    save_artifact(tmp_path / "other", info, card="x", tensors={"a": np.zeros(2, np.float32)})
    task = InstructionTask(recipe(), {**paths, "start": tmp_path / "other"})
    with pytest.raises(ArtifactError, match="shares no parameter"):
        task.network()
