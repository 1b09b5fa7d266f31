"""How large the experiments are: the paper's size for a GPU, and one for two processor cores.

Also who speaks in them: the corpus, the subsets, and the voices that no model was trained on.
"""

from dataclasses import dataclass, replace

from visemic.core.errors import InputError
from visemic.data.synthetic import subset_counts
from visemic.data.synthetic_config import SyntheticConfig, SyntheticSpeaker, korzun_config
from visemic.training.recipe import Optimiser, Recipe, Schedule

MODELS = ("ff_avc", "ff_w2v", "s2s_avc", "s2s_w2v")
"""In the order of the paper's table."""
SUBSETS = (1, 2, 3, 4)
BEST_SUBSET = 4
STUDIED = (("ff_w2v", 1), ("ff_avc", 1), ("ff_w2v", 4), ("s2s_w2v", 4))
"""Models and subsets that the paper's viewers compared."""
NEW_VOICES = ("espeak:shelby", "espeak:adam")
"""Voices of nobody in this corpus or any that ``data.synthetic`` makes, so that an encoder which was
trained on such a corpus has not heard them; in place of the two synthetic ones of the paper."""


@dataclass(frozen=True)
class Rounds:
    """How long one kind of model trains."""

    max_steps: int
    batch_size: int
    validate_every: int


@dataclass(frozen=True)
class KorzunScale:
    """Sizes of one run of the experiments."""

    name: str
    size: float
    """Factor on the paper's 2,000 and 500 phrases."""
    n_test: int
    """Test clips at least; phrases of the test speaker beyond the factor are for the test alone."""
    ff: Rounds
    s2s: Rounds
    n_validation: int
    """Clips that early stopping watches."""
    n_long: int
    """Long phrases for the table of voices; the paper has 20."""
    n_same: int
    """Phrases that both speakers say, for the picture."""
    n_films: int
    """Stimuli of the viewers' study."""
    film_px: int
    """Width and height of its films."""

    def __post_init__(self) -> None:
        for name in ("n_test", "n_validation", "n_long", "n_same", "n_films"):
            if getattr(self, name) < 2:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 2")


FULL = KorzunScale(
    "full",
    size=1.0,
    n_test=50,
    ff=Rounds(20_000, 512, 200),
    s2s=Rounds(20_000, 50, 200),
    n_validation=200,
    n_long=20,
    n_same=20,
    n_films=10,
    film_px=512,
)
"""As the paper has it; for a GPU."""

REDUCED = KorzunScale(
    "reduced",
    size=0.06,
    n_test=24,
    ff=Rounds(800, 32, 100),
    s2s=Rounds(700, 3, 100),
    n_validation=12,
    n_long=8,
    n_same=8,
    n_films=3,
    film_px=320,
)
"""For two processor cores: a sixteenth of the phrases in small batches, and training ends before it has
converged."""

SCALES = {scale.name: scale for scale in (REDUCED, FULL)}


def experiment_corpus(scale: KorzunScale) -> SyntheticConfig:
    """Give the two speakers with enough test clips of the second, reading without feeling.

    A synthetic voice does not sound happy when its face is, so a feeling would be noise that no
    model can hear; and nothing says that the paper's speakers acted any.
    """
    config = korzun_config(size=scale.size)
    first, second = (replace(speaker, emotional_share=0.0) for speaker in config.speakers)
    n_phrases = max(second.n_phrases, scale.n_test * config.held_out_every)
    return replace(config, speakers=(first, replace(second, n_phrases=n_phrases)))


def subset_clips(scale: KorzunScale, subset: int) -> dict[str, int]:
    """Give how many training clips of each speaker a subset has: the paper's times the factor."""
    return subset_counts(korzun_config(size=scale.size), subset)


def one_speaker(speaker: SyntheticSpeaker, n_phrases: int) -> SyntheticConfig:
    """Give a corpus of one speaker alone; from one seed, all of them say the same phrases."""
    return SyntheticConfig((replace(speaker, n_phrases=n_phrases),))


def run_name(model: str, subset: int) -> str:
    """Give the name of one of the sixteen runs."""
    return f"{model}_subset{subset}"


def run_recipe(scale: KorzunScale, model: str, subset: int, features: str, seed: int) -> Recipe:
    """Give the recipe of one of the sixteen runs.

    Args:
        scale: How long it trains.
        model: One of ``MODELS``.
        subset: 1 to 4.
        features: What it hears, see ``training.korzun_source``.
        seed: Start of chance.
    """
    kind = model.partition("_")[0]
    rounds = scale.ff if kind == "ff" else scale.s2s
    return Recipe(
        name=run_name(model, subset),
        task="korzun",
        seed=seed,
        description=f"Korzun et al. 2022, {model} on subset {subset}",
        data={
            "features": features,
            "clips": subset_clips(scale, subset),
            "n_validation": scale.n_validation,
        },
        model={"kind": kind},
        optimiser=Optimiser(name="adam", learning_rate=1e-3),
        schedule=Schedule(
            max_steps=rounds.max_steps,
            batch_size=rounds.batch_size,
            validate_every=rounds.validate_every,
            checkpoint_every=rounds.validate_every,
            patience=10,
        ),
    )
