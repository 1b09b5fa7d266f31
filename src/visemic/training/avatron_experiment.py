"""Text to face compared: Avatron with critics and without, and FaceFormer, from nothing to a report.

On a synthetic corpus of moving faces, or on a store that is given; with the durations of the
recording and with the voice's own; errors, dynamics and likeness with their intervals, costs,
curves of the trainings, films coloured by their error, and pages for people to judge on.

Everything lies in one folder; a run that was stopped goes on where it ended.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visemic import __version__
from visemic.core.artifact import Artifact
from visemic.core.errors import InputError, TrainingError
from visemic.data.convert import convert
from visemic.data.loader import ClipStore
from visemic.evaluation.metrics import MOUTH_LANDMARKS
from visemic.evaluation.protocol import Mask
from visemic.evaluation.protocol_mask import corpus_topologies, read_masks, rig_masks
from visemic.evaluation.report_predictor import Predictor
from visemic.rig.linear import Rig
from visemic.rig.registry import load_rig
from visemic.training.avatron_experiment_face import START
from visemic.training.avatron_experiment_film import make_films, make_own_films, make_studies
from visemic.training.avatron_experiment_plot import draw_curves
from visemic.training.avatron_experiment_predictor import AvatronFace, HearingFace, Sound
from visemic.training.avatron_experiment_report import REPORT_MD, comparison_markdown
from visemic.training.avatron_experiment_scale import (
    BASE,
    FACEFORMER,
    WITHOUT_GAN,
    AvatronScale,
    experiment_corpus,
    face_recordings,
    face_rig,
    gan_name,
    run_recipes,
)
from visemic.training.avatron_experiment_table import (
    OWN,
    TAUGHT,
    chosen_scale,
    comparison,
    cost_table,
    own_time_facts,
)
from visemic.training.avatron_experiment_voice import find_sound, find_voice, voice_alone
from visemic.training.experiment_folder import ExperimentFolder, ExperimentProgress
from visemic.training.loop import Progress
from visemic.training.trainer import train

RESULT_JSON = "report.json"
CORPUS_FOLDER, RUNS, VOICE_FOLDER, CURVES = "corpus", "runs", "voice", "curves.png"
FACES, VOICE, VOCODER, HEARING = "faces", "voice", "vocoder", "hearing"
DATA = (FACES, VOICE, VOCODER, HEARING)
"""What can be given: a store of meshes, a voice, a vocoder, a wav2vec 2.0 checkpoint."""
_SAMPLED_CLIPS = 40
_FRESH_HEARING = (
    "an encoder of the same kind that starts from nothing and learns its convolutions too, for no "
    "wav2vec 2.0 was given (`--data hearing=FOLDER`)"
)


@dataclass(frozen=True)
class ComparisonSettings:
    """What moves a number of the report."""

    scale: AvatronScale
    data: Mapping[str, Path]
    """By name, of ``DATA``; without faces a synthetic corpus is made."""
    masks: tuple[str, ...] = ()
    """``NAME=FILE`` for a store: lips, upper_face, lip_pair."""
    minutes: float = 0.0
    """Most minutes of each training; 0 leaves it to the steps."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.data:
            if name not in DATA:
                raise InputError(f"data {name!r} is none of {', '.join(DATA)}; name one of them")
        if self.minutes < 0:
            raise InputError(f"{self.minutes:g} minutes are no time; give 0 or more")
        if self.masks and FACES not in self.data:
            raise InputError("masks are for a store and the synthetic face has its own; leave them out")


def run_comparison(
    out: Path, settings: ComparisonSettings, *, progress: ExperimentProgress | None = None
) -> Path:
    """Run what is not yet done and write the report.

    Args:
        out: Folder to make, or to go on in; its parent must exist.
        settings: Must be those that the folder was begun with.
        progress: Called now and then.

    Returns:
        The report.

    Raises:
        OutputError: The folder cannot be made or holds something else.
        TrainingError: It was begun with other settings, or a training failed.
        ArtifactError: No voice is here, or what was given is of another kind.
        InputError: A store cannot be used.
    """
    show = progress or (lambda stage, done, total: None)
    voice = find_voice(settings.data.get(VOICE))
    folder = ExperimentFolder(out, _facts(settings, voice))
    voice_folder = voice_alone(voice, out / VOICE_FOLDER)
    corpus = folder.kept("corpus", lambda: _corpus(out, settings, show))
    store_path = settings.data.get(FACES, out / CORPUS_FOLDER)
    clips = ClipStore(store_path)
    rig, masks = _stage(settings, corpus, clips)
    runs = _trainings(folder, settings, corpus, store_path, voice_folder, masks, show)
    faces = {
        name: AvatronFace(out / RUNS / name / "model", voice_folder, clips.entries[0].rate, _speakers(corpus))
        for name in runs
        if name not in (BASE, FACEFORMER)
    }
    judge = _Judge(clips, rig, masks, settings, show)
    scales = {gan_name(a): a for a in settings.scale.adversarial}
    choice = folder.kept(
        "choice",
        lambda: judge.measure({name: face.taught for name, face in faces.items()}, "validation", "choosing"),
    )
    chosen = chosen_scale(choice["rows"], WITHOUT_GAN, scales)
    shown = {chosen: faces[chosen], WITHOUT_GAN: faces[WITHOUT_GAN]}
    sound = find_sound(settings.data.get(VOCODER))
    hearing = HearingFace(out / RUNS / FACEFORMER / "model", faces[chosen], sound)
    result = {
        **_facts(settings, voice),
        "command": _command(settings),
        "corpus": corpus,
        "hearing": "wav2vec 2.0 as given" if HEARING in settings.data else _FRESH_HEARING,
        "vocoder": settings.data[VOCODER].name if VOCODER in settings.data else "Griffin and Lim, untrained",
        "runs": runs,
        "adversarial": scales,
        "choice": choice,
        "chosen": chosen,
    }  # fmt: skip
    result |= _measured(folder, judge, shown, hearing)
    result |= _drawn(folder, settings, clips, shown, hearing, sound, runs, show)
    folder.write(RESULT_JSON, json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return folder.write(REPORT_MD, comparison_markdown(result))


def _stage(
    settings: ComparisonSettings, corpus: Mapping[str, Any], clips: ClipStore
) -> tuple[Rig, tuple[Mask, ...]]:
    """Give the face of the synthetic corpus with its regions, or the regions of a store."""
    if corpus["is_synthetic"]:
        rig = face_rig(settings.scale.n_vertices)
        return rig, rig_masks(rig, MOUTH_LANDMARKS)
    return load_rig("visemic"), read_masks(settings.masks, corpus_topologies(clips))


class _Judge:
    """Measures predictors on the clips of a split."""

    def __init__(
        self,
        clips: ClipStore,
        rig: Any,
        masks: Sequence[Mask],
        settings: ComparisonSettings,
        show: ExperimentProgress,
    ) -> None:
        self.clips, self._rig, self._masks = clips, rig, masks
        self.limit, self._seed, self._show = settings.scale.n_judged, settings.seed, show

    def measure(self, predictors: Mapping[str, Predictor], split: str, stage: str) -> dict[str, Any]:
        return comparison(
            self.clips,
            predictors,
            self._rig,
            self._masks,
            split=split,
            limit=self.limit,
            seed=self._seed,
            show=lambda done, total: self._show(stage, done, total),
        )


def _measured(
    folder: ExperimentFolder, judge: _Judge, shown: Mapping[str, AvatronFace], hearing: HearingFace
) -> dict[str, Any]:
    taught: dict[str, Predictor] = {FACEFORMER: hearing.taught}
    taught |= {name: face.taught for name, face in reversed(list(shown.items()))}
    own: dict[str, Predictor] = {FACEFORMER: hearing.own}
    own |= {name: face.own for name, face in reversed(list(shown.items()))}
    first = next(iter(shown.values()))
    return {
        TAUGHT: folder.kept(TAUGHT, lambda: judge.measure(taught, "test", TAUGHT)),
        OWN: folder.kept(OWN, lambda: judge.measure(own, "test", OWN)),
        "own times": folder.kept(
            "own times", lambda: own_time_facts(judge.clips, first, "test", judge.limit)
        ),
        "costs": folder.kept("costs", lambda: cost_table(first, hearing)),
    }


def _drawn(
    folder: ExperimentFolder,
    settings: ComparisonSettings,
    clips: ClipStore,
    shown: Mapping[str, AvatronFace],
    hearing: HearingFace,
    sound: Sound,
    runs: Mapping[str, Any],
    show: ExperimentProgress,
) -> dict[str, Any]:
    scale, out = settings.scale, folder.path
    faces: dict[str, Predictor] = {name: face.taught for name, face in shown.items()}
    faces[FACEFORMER] = hearing.taught

    def curves() -> dict[str, Any]:
        logs = {name: out / RUNS / name / "metrics.jsonl" for name in runs if name not in (BASE, FACEFORMER)}
        draw_curves(logs, out / CURVES)
        return {"picture": CURVES}

    def progress(stage: str) -> Callable[[int, int], None]:
        return lambda done, total: show(stage, done, total)

    sizes = {"n_films": scale.n_films, "size_px": scale.film_px}
    return {
        "curves": folder.kept("curves", curves),
        "films": folder.kept("films", lambda: make_films(clips, faces, out, **sizes, show=progress("films"))),
        "own films": folder.kept(
            "own films",
            lambda: make_own_films(
                clips, shown, {FACEFORMER: hearing}, sound, out, **sizes, show=progress("spoken films")
            ),
        ),
        "studies": folder.kept(
            "studies", lambda: make_studies(out, [*shown, FACEFORMER], scale.n_films, settings.seed)
        ),
    }


def _facts(settings: ComparisonSettings, voice: Artifact) -> dict[str, Any]:
    return {
        "generator": "visemic experiment avatron",
        "version": __version__,
        "scale": asdict(settings.scale),
        "seed": settings.seed,
        "minutes": settings.minutes,
        "voice": voice.info.name,
        "voice_checksum": voice.checksum[:16],
        "given": sorted(settings.data),
        "masks": sorted(entry.partition("=")[0] for entry in settings.masks),
    }


def _command(settings: ComparisonSettings) -> str:
    words = ["visemic experiment avatron -o REPORT", f"--size {settings.scale.name}"]
    words += [f"--data {name}={name.upper()}" for name in sorted(settings.data)]
    words += [f"--mask {entry.partition('=')[0]}=FILE" for entry in settings.masks]
    words += [f"--minutes {settings.minutes:g}"] if settings.minutes else []
    return " ".join([*words, f"--seed {settings.seed}"])


def _corpus(out: Path, settings: ComparisonSettings, show: ExperimentProgress) -> dict[str, Any]:
    """Make the synthetic corpus unless faces are given, and say what there is."""
    path = settings.data.get(FACES)
    if path is None:
        total = sum(s.n_phrases for s in experiment_corpus(settings.scale).speakers)
        convert(
            face_recordings(settings.scale, settings.seed),
            out / CORPUS_FOLDER,
            progress=lambda done, clip: show("corpus", done, total),
        )
    clips = ClipStore(path or out / CORPUS_FOLDER)
    counts = {"train": 0, "validation": 0, "test": 0}
    for entry in clips.entries:
        counts[entry.split] += 1
    if min(counts.values()) < 2 or not all(entry.n_vertices for entry in clips.entries):
        raise InputError(
            f"the store has {counts['train']} clips to learn from, {counts['validation']} to choose by and "
            f"{counts['test']} to test; give meshes, and at least two clips of each split"
        )
    first = clips.entries[0]
    training = [n for n, entry in enumerate(clips.entries) if entry.split == "train"]
    step = max(1, len(training) // _SAMPLED_CLIPS)
    squares = [_mean_square(clips, number) for number in training[::step]]
    return {
        "is_synthetic": path is None,
        "clips": counts,
        "speakers": sorted({entry.speaker for entry in clips.entries if entry.split == "train"}),
        "topology": first.topology,
        "vertices": first.n_vertices,
        "rate_hz": float(first.rate),
        "unit_m": float(np.sqrt(np.mean(squares))),
        "licences": sorted({entry.licence for entry in clips.entries}),
    }


def _mean_square(clips: ClipStore, number: int) -> float:
    displacements = clips.window(number, 0, clips.entries[number].n_frames).displacements
    if displacements is None:
        raise TrainingError(f"clip {clips.entries[number].clip_id} has no mesh; leave it out")
    return float(np.square(displacements.astype(np.float64)).mean())


def _speakers(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(corpus["speakers"])


def _trainings(
    folder: ExperimentFolder,
    settings: ComparisonSettings,
    corpus: Mapping[str, Any],
    store: Path,
    voice: Path,
    masks: Sequence[Mask],
    show: ExperimentProgress,
) -> dict[str, Any]:
    """Train what is not trained yet."""
    pair = next((m.vertices for m in masks if m.name == "lip_pair"), ())
    recipes = run_recipes(
        settings.scale,
        speakers=_speakers(corpus),
        lip_vertices=pair,
        unit_m=corpus["unit_m"],
        minutes=settings.minutes,
        seed=settings.seed,
        is_base_hearing=HEARING in settings.data,
    )
    paths = {"faces": store, "corpus": store, "voice": voice, START: folder.path / RUNS / BASE / "model"}
    if HEARING in settings.data:
        paths["hearing"] = settings.data[HEARING]
    (folder.path / RUNS).mkdir(exist_ok=True)
    results = {}
    for name in recipes:
        place = folder.path / RUNS / name

        def make(name: str = name, place: Path = place) -> dict[str, Any]:
            def step(state: Progress) -> None:
                show(f"training {name}", state.step, state.max_steps)

            done = train(recipes[name], paths, place, resume=place.is_dir(), progress=step)
            if not done.model.is_dir():
                raise TrainingError(
                    f"training {name!r} ended by {done.stopped} before its first validation; "
                    "give more minutes"
                )
            return {
                "steps": done.step,
                "best_step": done.best_step,
                "stopped": done.stopped,
                "device": done.device,
                "validation": done.metrics,
            }

        results[name] = folder.kept(f"run {name}", make)
    return results
