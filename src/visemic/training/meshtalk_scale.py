"""How both MeshTalks of the comparison are made, and how long they may train."""

from dataclasses import asdict, replace
from typing import Any

from visemic.core.config import config_from_dict
from visemic.data.synthetic_config import SyntheticConfig, varied_speakers
from visemic.training.meshtalk_context import ContextSizes
from visemic.training.recipe import Optimiser, Recipe, Schedule

LITE, FULL, FACEFORMER = "meshtalk-lite", "meshtalk-full", "faceformer"
HEAD = "visemic"
N_SPEAKERS, N_PHRASES = 10, 40
CORPUS_SEED = 7
CODES_SHARE = 0.7
"""Of a model's time is for its first stage."""
LITE_CODES_STEPS, LITE_CONTEXT_STEPS = 6_000, 3_000
"""Of the recipes; fewer if the time is short."""
_BATCH = 8
CONTEXT_FRAMES = 64
"""Of an example of the second stage."""

LITE_MODEL: dict[str, object] = {
    "heads": 8,
    "classes": 64,
    "audio": "shared",
    "audio_channels": 128,
    "audio_dilations": [4, 8, 12],
    "dropout": 0.1,
    "expression_widths": [192, 128],
    "unet_widths": [256, 128],
    "unet_layers": 1,
    "fusion": "split",
}
LITE_LOSS: dict[str, object] = {
    "reconstruction": 0.0,
    "upper_face": 2.0,
    "eyelids": 2.0,
    "noise": 0.0,
    "separate": True,
}
LITE_CONTEXT: dict[str, object] = {"context_hidden": 40, "context_sees_own": True}
FULL_LOSS: dict[str, object] = {"upper_face": 2.0, "eyelids": 2.0, "noise": 0.0}
"""The published four terms; what helped the light one to learn at all in minutes is given to both."""
_SMALL_HEARING: dict[str, object] = {
    "conv_channels": [64] * 7,
    "width": 96,
    "n_layers": 3,
    "n_heads": 4,
    "n_inner": 256,
    "position_kernel": 32,
    "position_groups": 4,
    "layer_drop": 0.0,
}


def experiment_corpus(size: float = 1.0) -> SyntheticConfig:
    """Give the speakers: ten heads and voices whose brows and lids move apart from what is said."""
    n_phrases = max(10, round(N_PHRASES * size))
    n_speakers = max(2, round(N_SPEAKERS * min(1.0, size)))
    speakers = varied_speakers(n_speakers, n_phrases, CORPUS_SEED, upper_face=1.0)
    return SyntheticConfig(speakers, form="both")


def codes_recipe(name: str, seed: int) -> Recipe:
    """Give the first stage of one of both, with as many steps as its recipe has."""
    is_lite = name == LITE
    data: dict[str, object] = {"rig": HEAD, "segment_frames": 32, "mixed": True}
    data |= {"n_components": 48} if is_lite else {"region": "skin"}
    return Recipe(
        f"{name}-codes",
        "meshtalk",
        seed,
        "MeshTalk made small: components of faces" if is_lite else "MeshTalk at full size on the head's skin",
        data=data,
        model=dict(LITE_MODEL) if is_lite else {},
        loss=dict(LITE_LOSS if is_lite else FULL_LOSS),
        optimiser=Optimiser("adam", 1e-3 if is_lite else 5e-4, decay="cosine", clip_norm=5.0),
        schedule=Schedule(LITE_CODES_STEPS, _BATCH),
    )


def context_recipe(name: str, seed: int) -> Recipe:
    """Give the second stage of one of both."""
    is_lite = name == LITE
    return Recipe(
        name,
        "meshtalk-context",
        seed + 1,
        "MeshTalk made small: speech and expression apart"
        if is_lite
        else "MeshTalk at full size: speech and expression apart",
        data={"segment_frames": CONTEXT_FRAMES},
        model=dict(LITE_CONTEXT) if is_lite else {},
        optimiser=Optimiser(
            "adam", 1e-3 if is_lite else 3e-4, decay="cosine", warmup_steps=20, clip_norm=5.0
        ),
        schedule=Schedule(LITE_CONTEXT_STEPS, _BATCH),
    )


def config_sizes(recipe: Recipe) -> dict[str, Any]:
    """Give the sizes of the guesses that a second stage's recipe states."""
    return asdict(config_from_dict(ContextSizes, recipe.model, "model"))


def faceformer_recipe(seed: int) -> Recipe:
    """Give a FaceFormer on the same clips' weights, whose ears start from nothing."""
    return Recipe(
        FACEFORMER,
        "visemic.training.avatron_experiment_hearing:FreshFaceFormerTask",
        seed,
        "FaceFormer with small ears",
        data={"target": "weights", "n_validation": 1},
        model={"hearing": dict(_SMALL_HEARING)},
        loss={"feedback": "own"},
        optimiser=Optimiser("adam", 1e-3, warmup_steps=20, decay="cosine", clip_norm=1.0),
        schedule=Schedule(700, _BATCH),
    )


def with_steps(recipe: Recipe, n_steps: int) -> Recipe:
    """Give a recipe of so many steps, validated ten times at most."""
    every = max(1, -(-n_steps // 8))
    schedule: Any = replace(
        recipe.schedule,
        max_steps=n_steps,
        validate_every=every,
        checkpoint_every=every,
        log_every=max(1, every // 5),
    )
    return replace(recipe, schedule=schedule)


def steps_within(recipe: Recipe, minutes: float, step_s: float) -> int:
    """Give how many steps fit into some minutes, at most those of the recipe."""
    return max(2, min(recipe.schedule.max_steps, int(60 * minutes / max(step_s, 1e-6))))
