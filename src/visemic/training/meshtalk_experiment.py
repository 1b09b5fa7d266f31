"""MeshTalk full and light on one corpus, in one run: trained, measured, shown.

Every stage leaves its files in the folder of the run; what is there already is not made again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visemic.core.atomic import atomic_path
from visemic.core.errors import InputError, OutputError
from visemic.core.signals import Motion
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.data.synthetic import synthetic_recordings
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.meshtalk import n_parameters
from visemic.models.meshtalk_motion import Vertices
from visemic.models.meshtalk_networks import MeshTalkNetworks
from visemic.models.meshtalk_region import masks_from_rig
from visemic.models.meshtalk_store import load_codes, load_meshtalk
from visemic.models.registry import RULES_MODEL, load_model, load_sound_model, takes
from visemic.rig.linear import Rig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.faceformer_motion import load_faceformer
from visemic.training.folder import TrainFolder
from visemic.training.meshtalk_film import make_pictures
from visemic.training.meshtalk_measure import (
    Judge,
    StepCost,
    context_step_cost,
    heard_face,
    own_face,
    speech_cost,
    step_cost,
)
from visemic.training.meshtalk_report import meshtalk_markdown
from visemic.training.meshtalk_scale import (
    CODES_SHARE,
    CONTEXT_FRAMES,
    CORPUS_SEED,
    FACEFORMER,
    FULL,
    HEAD,
    LITE,
    codes_recipe,
    config_sizes,
    context_recipe,
    experiment_corpus,
    faceformer_recipe,
    steps_within,
    with_steps,
)
from visemic.training.recipe import Recipe
from visemic.training.trainer import train

REPORT, RESULT = "report.md", "result.json"
_CORPUS, _RUNS = "corpus", "runs"
_FACEFORMER_SHARE = 0.3
Show = Callable[[str, int, int], None]


@dataclass(frozen=True)
class MeshTalkSettings:
    """What is compared, and for how long it may train."""

    minutes: float = 40.0
    """For each MeshTalk, both stages together, on one thread."""
    size: float = 1.0
    """Of the corpus: 1 makes 400 clips and 4 GB."""
    n_judged: int = 20
    """Held-out clips at most."""
    also: tuple[str, ...] = ()
    """Further models that move the built-in head, trained elsewhere: names, folders."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.minutes > 0 or not 0 < self.size <= 10:
            raise InputError(
                f"{self.minutes:g} minutes and a corpus of size {self.size:g} cannot be used; "
                "give minutes above 0 and a size up to 10"
            )
        if self.n_judged < 2:
            raise InputError(f"{self.n_judged} clips cannot be swapped; judge at least 2")


class _Run:
    """One comparison in its folder."""

    def __init__(self, out: Path, settings: MeshTalkSettings, show: Show) -> None:
        self.out, self.settings, self.show = out, settings, show
        self.facts: dict[str, Any] = {}

    @property
    def corpus(self) -> Path:
        return self.out / _CORPUS

    @cached_property
    def rig(self) -> Rig:
        return load_rig(HEAD)

    @cached_property
    def held_out(self) -> ClipStore:
        store = ClipStore(self.corpus).select(split="validation")
        each = max(1, self.settings.n_judged // len(store.speakers))
        return store.select(first=dict.fromkeys(store.speakers, each))

    def folder(self, name: str) -> Path:
        return self.out / _RUNS / name / "model"

    def make_corpus(self) -> None:
        """Make the corpus, or what is missing of it."""
        config = experiment_corpus(self.settings.size)
        n_clips = sum(speaker.n_phrases for speaker in config.speakers)
        if (self.corpus / "store.json").is_file() and len(ClipStore(self.corpus)) >= n_clips:
            return
        made = synthetic_recordings(config, CORPUS_SEED)
        convert(made, self.corpus, progress=lambda n, _: self.show("corpus", n, n_clips))

    def train(
        self, recipe: Recipe, minutes: float, measure: Callable[[], StepCost] | None = None, **paths: Path
    ) -> None:
        """Train a recipe for as long as it may, and note what a step takes."""
        data_paths = {"corpus": self.corpus, **paths}
        cost_file = self.out / _RUNS / f"{recipe.name}.json"
        if not cost_file.is_file():
            cost = measure() if measure is not None else step_cost(recipe, data_paths)
            _write_json(cost_file, asdict(cost))
        self.facts[recipe.name] = json.loads(cost_file.read_text(encoding="utf-8"))
        folder = self.out / _RUNS / recipe.name
        if not (folder / "model").is_dir():
            n_steps = steps_within(recipe, minutes, self.facts[recipe.name]["seconds"])
            begun = TrainFolder(folder).read_state() is not None
            if begun:
                n_steps = int(json.loads((folder / "recipe.json").read_text())["schedule"]["max_steps"])
            train(
                with_steps(recipe, n_steps),
                data_paths,
                folder,
                resume=begun,
                progress=lambda p: self.show(recipe.name, p.step, p.max_steps),
            )
        state = TrainFolder(folder).read_state()
        assert state is not None
        self.facts[recipe.name] |= {"steps": state.step, "validation": dict(state.best)}
        self.facts[recipe.name]["curve"] = _curve(folder)

    def train_all(self) -> None:
        """Train both, the second as long as the first, and FaceFormer."""
        minutes, seed = self.settings.minutes, self.settings.seed
        for name in (LITE, FULL):
            self.train(codes_recipe(name, seed), CODES_SHARE * minutes)
            codes = self.folder(f"{name}-codes")
            second = context_recipe(name, seed)
            sizes = replace(load_codes(codes).network.config, **config_sizes(second))
            measure = partial(context_step_cost, sizes, second.schedule.batch_size, CONTEXT_FRAMES)
            self.train(second, (1 - CODES_SHARE) * minutes, measure, codes=codes)
        self.train(faceformer_recipe(seed), _FACEFORMER_SHARE * minutes)

    def measure(self) -> dict[str, Any]:
        """Measure everything on the held-out clips."""
        judge = Judge(self.rig, masks_from_rig(self.rig), self.held_out)
        models = {name: load_meshtalk(self.folder(name)) for name in (FULL, LITE)}
        rows: dict[str, Any] = {}
        first = self.held_out[0]
        assert first.waveform is not None
        assert first.neutral is not None
        for number, (name, model) in enumerate(models.items()):
            self.show("measures", number, 4)
            rows[name] = {
                "parameters": n_parameters(model.network, model.context),
                "by_part": _parts(model),
                "speech": asdict(speech_cost(model, first.waveform, first.neutral)),
                "crossing": judge.crossing(model),
                "own": asdict(judge.quality(own_face(model))),
                "heard": asdict(judge.quality(heard_face(model, 0.0))),
                "drawn": asdict(judge.quality(heard_face(model, 1.0))),
            }
        self.show("measures", 2, 4)
        for name, move in self._others().items():
            rows[name] = {"heard": asdict(judge.quality(partial(_posed, judge, move)))}
        rows["at rest"] = {"heard": asdict(judge.quality(_at_rest))}
        return {"rows": rows, "trainings": self.facts, "n_clips": len(self.held_out), "pictures": {}}

    def _others(self) -> dict[str, Callable[[Recording], Motion]]:
        readouts = fit_readouts(self.rig)
        faceformer = load_faceformer(self.folder(FACEFORMER))

        def hearing(clip: Recording) -> Motion:
            assert clip.waveform is not None
            return faceformer.motion(clip.waveform, clip.speaker)

        def named(name: str) -> Callable[[Recording], Motion]:
            by_sound = takes(name) == "sound"
            model = (load_sound_model if by_sound else load_model)(name, readouts)

            def move(clip: Recording) -> Motion:
                assert clip.waveform is not None
                assert clip.alignment is not None
                chance, prosody = np.random.default_rng(0), extract_prosody(clip.waveform)
                rest = (clip.alignment, prosody, clip.rate, FaceControl(), chance)
                motion: Motion = model.generate(*((clip.waveform, *rest) if by_sound else rest))
                return motion

            return move

        return {FACEFORMER: hearing} | {name: named(name) for name in (RULES_MODEL, *self.settings.also)}


def run_meshtalk_experiment(out: Path, settings: MeshTalkSettings, *, progress: Show | None = None) -> Path:
    """Train and compare both MeshTalks and give the report.

    Args:
        out: Folder to make, or to go on in.
        settings: How much.
        progress: Called with a stage, work done and work in all.

    Raises:
        OutputError: The folder cannot be made.
    """
    try:
        (out / _RUNS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {str(out)!r} cannot be made: {error.strerror or error}") from error
    run = _Run(out, settings, progress or (lambda stage, done, total: None))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run.make_corpus()
        run.train_all()
        result = run.measure()
        result["settings"] = asdict(settings)
        result["pictures"] = make_pictures(out, load_meshtalk(run.folder(LITE)), run.held_out, run.rig)
    finally:
        torch.set_num_threads(threads)
    _write_json(out / RESULT, result)
    with atomic_path(out / REPORT, overwrite=True) as partial:
        partial.write_text(meshtalk_markdown(result), encoding="utf-8")
    return out / REPORT


def _posed(judge: Judge, move: Callable[[Recording], Motion], clip: Recording) -> Vertices:
    return judge.posed(clip, move(clip))


def _parts(model: MeshTalkNetworks) -> dict[str, int]:
    encoder = model.network.encoder
    parts: Mapping[str, torch.nn.Module] = {
        "sound": encoder.audio_encoder,
        "expression": encoder.expression_encoder,
        "fusion": encoder.fusion_model,
        "decoder": model.network.vertex_unet,
        "context": model.context,
    }
    return {name: n_parameters(part) for name, part in parts.items()}


def _curve(folder: Path) -> list[dict[str, float]]:
    """Give what validation said, step by step."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [{"step": line["step"], **line["validation"]} for line in found if "validation" in line]


def _at_rest(clip: Recording) -> Vertices:
    assert clip.mesh is not None
    assert clip.neutral is not None
    resting: np.ndarray = np.repeat(clip.neutral[None], len(clip.mesh.vertices), axis=0)
    return resting


def _write_json(path: Path, data: Any) -> None:
    with atomic_path(path, overwrite=True) as partial:
        partial.write_text(json.dumps(data, indent=1, default=float) + "\n", encoding="utf-8")
