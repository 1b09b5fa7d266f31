"""Soft prompts for any frozen causal language model: the writing half as the paper has it.

The language model reads ``[beginning | soft prompts | prompt | instruction]`` as rows of numbers; it is
never changed, only asked. What it writes is read by the acting grammar, which keeps what it does not
know apart.

Shape letters: b clips, q soft prompts, n tokens, m width of the language model.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int

from visemic.core.acting_grammar import parse_instruction
from visemic.core.acting_note import Span
from visemic.core.errors import ArtifactError, InputError
from visemic.models.instruction_decode import Draw, most_agreed

IGNORED = -100
PROMPTS = (
    "Describe how the face of this speaker should look.",
    "How should this person look while speaking?",
    "Write an acting instruction for this speech.",
    "Say which emotion this voice has and what the face does.",
    "What does the face of this speaker do?",
    "Direct the face of the person you hear.",
    "Give the expression that belongs to this voice.",
    "Tell an actor how to look while saying this.",
    "Describe the emotion and the action units of this speaker.",
    "Which expression fits this speech?",
    "Put the manner of this voice into an instruction for a face.",
    "How does this person feel, and how does the face show it?",
)
"""Questions that training draws from; the first is the one that is asked afterwards."""
MAX_NEW_TOKENS = 50
_NO_REPEATED = 2
_PENALTY = 1.1


@dataclass(frozen=True, eq=False)
class FrozenModel:
    """A causal language model of transformers that nothing changes."""

    network: Any
    tokenizer: Any
    name: str

    @property
    def width(self) -> int:
        """Width of its rows."""
        return int(self.network.get_input_embeddings().weight.shape[1])

    def to(self, device: torch.device) -> None:
        """Bring it where the soft prompts are."""
        if next(self.network.parameters()).device != device:
            self.network.to(device)

    def tokens(self, text: str) -> list[int]:
        """Give the tokens of a text, without special ones."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def begin(self) -> int:
        """The token that everything begins with."""
        found = self.tokenizer.bos_token_id
        return int(found if found is not None else self.end)

    @property
    def end(self) -> int:
        """The token that everything ends with."""
        found = self.tokenizer.eos_token_id
        return int(found if found is not None else self.network.config.eos_token_id)


def load_language_model(checkpoint: "str | Path", *, offline: bool = False) -> FrozenModel:
    """Load a causal language model and freeze it.

    Parameters come from safetensors; no code of a checkpoint is run.

    Args:
        checkpoint: Name on the Hugging Face hub, or a folder.
        offline: Take only what earlier runs have kept.

    Raises:
        ArtifactError: transformers is not installed, or the checkpoint cannot be had or is none
            of a causal language model with an end of text.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ArtifactError(
            "language models need transformers; install it with: pip install 'visemic[train]'"
        ) from error
    where = str(checkpoint)
    try:
        network = AutoModelForCausalLM.from_pretrained(where, local_files_only=offline, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(where, local_files_only=offline)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0][:160].rstrip(".")
        raise ArtifactError(
            f"language model {where!r} cannot be had ({reason}); give a causal one by its name or folder"
        ) from error
    if tokenizer.eos_token_id is None:
        raise ArtifactError(f"language model {where!r} has no end of text; give another one")
    network.requires_grad_(False).eval()
    return FrozenModel(network, tokenizer, Path(where).name)


def instruction_rows(
    model: FrozenModel,
    soft: Float[torch.Tensor, "b q m"],
    prompts: Sequence[str],
    instructions: Sequence[str],
) -> tuple[Float[torch.Tensor, "b n m"], Bool[torch.Tensor, "b n"], Int[torch.Tensor, "b n"]]:
    """Lay out what the language model reads: beginning, soft prompts, prompt, instruction, end.

    Args:
        model: Gives the rows of its words.
        soft: Soft prompts.
        prompts: Question of each clip.
        instructions: Answer of each clip; empty for a model that shall write.

    Returns:
        Rows, which of them are real, and the token that each stands for: ``IGNORED`` everywhere but
        in the instruction and its end. Instructions are padded behind; rows to be continued, before.
    """
    table = model.network.get_input_embeddings()
    asks = not any(instructions)
    rows, labels = [], []
    for number, (prompt, instruction) in enumerate(zip(prompts, instructions, strict=True)):
        asked = model.tokens(prompt)
        told = [] if asks else [*model.tokens(instruction), model.end]
        tokens = torch.tensor([model.begin, *asked, *told], device=soft.device)
        words = table(tokens).to(soft.dtype)
        rows.append(torch.cat([words[:1], soft[number], words[1:]]))
        unasked = torch.full((1 + soft.shape[1] + len(asked),), IGNORED, device=soft.device)
        labels.append(torch.cat([unasked, tokens[1 + len(asked) :]]))
    longest = max(map(len, rows))
    real = torch.zeros(len(rows), longest, dtype=torch.bool, device=soft.device)
    laid = soft.new_zeros(len(rows), longest, soft.shape[2])
    targets = torch.full((len(rows), longest), IGNORED, device=soft.device)
    for number, (row, label) in enumerate(zip(rows, labels, strict=True)):
        place = slice(longest - len(row), longest) if asks else slice(0, len(row))
        laid[number, place], targets[number, place], real[number, place] = row, label, True
    return laid, real, targets


def instruction_loss(
    model: FrozenModel,
    soft: Float[torch.Tensor, "b q m"],
    prompts: Sequence[str],
    instructions: Sequence[str],
) -> Float[torch.Tensor, ""]:
    """Give the cross-entropy of the instructions' tokens; gradients reach the soft prompts only.

    Source:
        Xu et al. 2024, "SECap" (AAAI): loss on the caption's tokens, the language model frozen.
    """
    model.to(soft.device)
    rows, real, targets = instruction_rows(model, soft, prompts, instructions)
    own = next(model.network.parameters()).dtype
    found = model.network(inputs_embeds=rows.to(own), attention_mask=real.long(), labels=targets)
    loss: torch.Tensor = found.loss
    return loss.float()


@torch.no_grad()
def write_instructions(
    model: FrozenModel, soft: Float[torch.Tensor, "b q m"], draw: Draw, *, seed: int = 0
) -> list[tuple[str, Span]]:
    """Let the language model write an instruction for each clip.

    Args:
        model: Is asked with the first of ``PROMPTS``.
        soft: Soft prompts.
        draw: How many are drawn, and how; see ``instruction_decode``.
        seed: Of the draw.

    Returns:
        The sentence that was chosen and the span that it says; what contradicts itself is passed
        over, and where nothing else was written the span is neutral.
    """
    model.to(soft.device)
    rows, real, _ = instruction_rows(model, soft, [PROMPTS[0]] * len(soft), [""] * len(soft))
    own = next(model.network.parameters()).dtype
    sampled: dict[str, Any] = {}
    if draw.n_samples > 1:
        sampled = {"temperature": draw.temperature, "top_k": draw.top_k, "top_p": draw.top_p}
    gpus = [soft.device] if soft.is_cuda else []
    with torch.random.fork_rng(devices=gpus), warnings.catch_warnings():
        # That the penalty counts for new words only is what is wanted: soft prompts are no words.
        warnings.simplefilter("ignore", UserWarning)
        torch.manual_seed(seed)
        written = model.network.generate(
            inputs_embeds=rows.to(own),
            attention_mask=real.long(),
            max_new_tokens=MAX_NEW_TOKENS,
            do_sample=draw.n_samples > 1,
            num_return_sequences=draw.n_samples,
            no_repeat_ngram_size=_NO_REPEATED,
            repetition_penalty=_PENALTY,
            pad_token_id=model.end,
            eos_token_id=model.end,
            **sampled,
        )
    texts = [text.strip() for text in model.tokenizer.batch_decode(written, skip_special_tokens=True)]
    chosen = []
    for number in range(len(soft)):
        own_texts = texts[number * draw.n_samples : (number + 1) * draw.n_samples]
        spans = [_read(text) for text in own_texts]
        # A sentence is the likelier the less of it has to be left aside.
        scores = [-float(len(span.unknown)) for span in spans]
        best = most_agreed(spans, scores, draw)
        chosen.append((own_texts[best], spans[best]))
    return chosen


def _read(text: str) -> Span:
    try:
        return parse_instruction(text[:500])
    except InputError:
        return Span(0.0, 0.0)
