"""The experiments of Korzun et al. 2022 on two synthetic speakers, from nothing to a report.

Sixteen trainings (four models on four subsets), their errors and sync scores on the second
speaker's test clips, the controls that give those numbers a meaning, voices that no model was
trained on, a picture of both speakers' features and shapes, and the viewers' knockout.

Everything lies in one folder. Each stage leaves a file when it is whole; what is there is not
done again, so a run that was stopped goes on where it ended.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visemic import __version__
from visemic.core.errors import ArtifactError
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.synthetic import synthetic_recordings
from visemic.evaluation.sync import LagScorer, SyncScorer
from visemic.features.cache import FeatureCache
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.experiment_folder import ExperimentFolder
from visemic.training.korzun import CORPUS
from visemic.training.korzun_film import make_study
from visemic.training.korzun_picture import same_phrase_picture
from visemic.training.korzun_predictor import load_predictor
from visemic.training.korzun_report import REPORT_MD, experiment_markdown
from visemic.training.korzun_scale import (
    MODELS,
    SUBSETS,
    KorzunScale,
    experiment_corpus,
    run_name,
    run_recipe,
)
from visemic.training.korzun_source import feature_source
from visemic.training.korzun_table import error_tables, voice_table
from visemic.training.loop import Progress
from visemic.training.recipe import Recipe
from visemic.training.trainer import train

RESULT_JSON = "report.json"
CORPUS_FOLDER, RUNS, STUDY = "corpus", "runs", "study"
PICTURE = "same-phrases.png"

ExperimentProgress = Callable[[str, int, int], None]
"""Called with the stage, work done in it and work in all."""


@dataclass(frozen=True)
class ExperimentSettings:
    """What moves a number of the report."""

    scale: KorzunScale
    w2v: str
    """Feature source of the models named w2v."""
    avc: str
    """Feature source of the models named avc."""
    seed: int = 0


def choose_sources(w2v: str | None, avc: str | None) -> tuple[str, str]:
    """Give the feature sources of the two columns.

    Args:
        w2v: Name or folder of a wav2vec 2.0 checkpoint; None takes our phonetic encoder, or
            log-mel bands where that is not installed either.
        avc: Folder of a trained AutoVC; None takes the bands that it would hear.

    Raises:
        ArtifactError: A checkpoint that was named cannot be had.
    """
    if w2v is not None:
        feature_source(f"hf:{w2v}")
    if avc is not None:
        feature_source(f"autovc:{avc}")
    return (
        f"hf:{w2v}" if w2v is not None else _without_checkpoint(),
        f"autovc:{avc}" if avc is not None else "autovc-mel",
    )


def _without_checkpoint() -> str:
    try:
        feature_source("phonetic")
    except ArtifactError:
        return "log-mel"
    return "phonetic"


def choose_scorer() -> SyncScorer:
    """Give the trained sync network where it is installed, else the scorer that needs no training."""
    from visemic.evaluation.motion_sync import MotionSyncScorer

    readouts = fit_readouts(load_rig("visemic"))
    try:
        return MotionSyncScorer(readouts)
    except ArtifactError:
        return LagScorer(readouts)


def run_experiments(
    out: Path,
    settings: ExperimentSettings,
    *,
    scorer: SyncScorer | None = None,
    progress: ExperimentProgress | None = None,
) -> Path:
    """Run what is not yet done and write the report.

    Args:
        out: Folder to make, or to go on in; its parent must exist.
        settings: Must be those that the folder was begun with.
        scorer: Of sound against motion; None chooses, see ``choose_scorer``.
        progress: Called now and then.

    Returns:
        The report.

    Raises:
        OutputError: The folder cannot be made or holds something else.
        TrainingError: It was begun with other settings, or a training failed.
        ArtifactError: Features cannot be had, or scikit-learn is not installed.
    """
    if find_spec("sklearn") is None:  # it is wanted last, after the trainings
        raise ArtifactError(
            "the experiments need scikit-learn for their picture; install it with: "
            "pip install 'visemic[train]'"
        )
    show = progress or (lambda stage, done, total: None)
    scorer = scorer or choose_scorer()
    facts = _facts(settings, scorer)
    folder = ExperimentFolder(out, facts)
    (out / RUNS).mkdir(exist_ok=True)
    _corpus(folder, settings, show)
    store, cache = ClipStore(out / CORPUS_FOLDER), FeatureCache()
    runs = _trainings(folder, settings, show)
    predictors = {name: load_predictor(out / RUNS / name / "model", cache) for name in runs}
    stages: dict[str, Callable[[], dict[str, Any]]] = {
        "tables": lambda: error_tables(store, predictors, scorer, settings.seed, show),
        "voices": lambda: voice_table(predictors, scorer, settings.scale, settings.seed, show),
        "picture": lambda: same_phrase_picture(
            feature_source(settings.w2v), cache, settings.scale, settings.seed, out / PICTURE
        ),
        "study": lambda: make_study(predictors, settings.scale, settings.seed, out / STUDY, show),
    }
    found = {name: folder.kept(name, make) for name, make in stages.items()}
    result = {**facts, "runs": runs, **found}
    folder.write(REPORT_MD, experiment_markdown(result))
    folder.write(RESULT_JSON, json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return out / REPORT_MD


def _facts(settings: ExperimentSettings, scorer: SyncScorer) -> dict[str, Any]:
    features = {}
    for column in ("w2v", "avc"):
        source = feature_source(getattr(settings, column))
        features[column] = {
            "source": source.source,
            "name": source.name,
            "version": source.version,
            "description": source.description,
        }
    return {
        "generator": "visemic experiment korzun",
        "version": __version__,
        "scale": asdict(settings.scale),
        "seed": settings.seed,
        "features": features,
        "sync_scorer": scorer.name,
    }


def _corpus(folder: ExperimentFolder, settings: ExperimentSettings, show: ExperimentProgress) -> None:
    config = experiment_corpus(settings.scale)
    total = sum(speaker.n_phrases for speaker in config.speakers)

    def make() -> dict[str, Any]:
        report = convert(
            synthetic_recordings(config, settings.seed),
            folder.path / CORPUS_FOLDER,
            progress=lambda done, clip: show("corpus", done, total),
        )
        return {"clips": report.n_added + report.n_kept}

    folder.kept("corpus", make)


def _trainings(
    kept: ExperimentFolder, settings: ExperimentSettings, show: ExperimentProgress
) -> dict[str, Any]:
    """Train what is not trained yet, model by model and subset by subset."""
    results: dict[str, Any] = {}
    for model in MODELS:
        features = settings.w2v if model.endswith("w2v") else settings.avc
        for subset in SUBSETS:
            recipe = run_recipe(settings.scale, model, subset, features, settings.seed)
            folder = kept.path / RUNS / recipe.name

            def make(recipe: Recipe = recipe, folder: Path = folder) -> dict[str, Any]:
                def step(state: Progress) -> None:
                    show(f"training {recipe.name}", state.step, state.max_steps)

                done = train(
                    recipe,
                    {CORPUS: kept.path / CORPUS_FOLDER},
                    folder,
                    resume=folder.is_dir(),
                    progress=step,
                )
                return {
                    "steps": done.step,
                    "best_step": done.best_step,
                    "stopped": done.stopped,
                    "device": done.device,
                    "validation": done.metrics,
                    "clips": recipe.data["clips"],
                }

            results[run_name(model, subset)] = kept.kept(recipe.name, make)
    return results
