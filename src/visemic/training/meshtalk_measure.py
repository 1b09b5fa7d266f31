"""What two MeshTalks cost and how good they are, measured in one run on the same clips.

Errors are those of skin vertices on held-out clips; costs are taken one after another on one
thread of the same machine, a training step with its peak memory in a process of its own.
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float32
from torch.nn import functional

from visemic.core.clock import Rate
from visemic.core.signals import Motion, Waveform
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.evaluation.metrics_mesh import (
    lip_vertex_error_centred_mm,
    lip_vertex_error_mm,
    mean_vertex_error_mm,
    motion_spread_m2,
    region_vertices,
)
from visemic.models.meshtalk import MeshTalkConfig, one_hot_codes
from visemic.models.meshtalk_context import ContextModel
from visemic.models.meshtalk_motion import MeshTalkModel, Vertices
from visemic.models.meshtalk_networks import MeshTalkNetworks
from visemic.models.meshtalk_region import FaceMasks
from visemic.models.meshtalk_tool import leakage, region_mean_mm
from visemic.models.meshtalk_window import MESHTALK_RATE
from visemic.motion.resample import resample
from visemic.rig.linear import Rig, pose_motion
from visemic.training.avatron_experiment_cost import multiply_adds
from visemic.training.order import seed_torch
from visemic.training.recipe import Recipe
from visemic.training.task import SeveralOptimisers, load_task

_COST_S = 4.0
"""Speech over which costs are taken."""
_REPEATS = 3
_HEAD_TURNS = ("headYaw", "headPitch", "headRoll")
MIB = 2**20
_T = TypeVar("_T")


@dataclass(frozen=True)
class StepCost:
    """What a training step takes."""

    seconds: float
    """The middle one of those that were made."""
    peak_mib: float
    """Most memory of a process that loads the data and makes the steps."""
    rest_mib: float
    """Of that, what was there before the data and the networks: Python and its libraries."""


def step_cost(recipe: Recipe, data_paths: Mapping[str, Path], n_steps: int = 5) -> StepCost:
    """Measure training steps in a fresh process on one thread; the first is not timed."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_steps, (recipe, dict(data_paths), n_steps))


def _steps(recipe: Recipe, data_paths: dict[str, Path], n_steps: int) -> StepCost:
    torch.set_num_threads(1)
    resting = peak_mib()
    task = load_task(recipe, data_paths)
    seed_torch(recipe.seed)
    network = task.network()
    stated = (
        task.optimisers(network) if isinstance(task, SeveralOptimisers) else [(network.parameters(), "loss")]
    )
    groups = [(list(parameters), key) for parameters, key in stated]
    optimisers = [torch.optim.Adam(parameters, lr=1e-6, fused=True) for parameters, _ in groups]
    took = []
    for step in range(n_steps + 1):
        begun = time.process_time()
        generator = torch.Generator().manual_seed(step)
        chosen = torch.randint(task.n_examples(), (recipe.schedule.batch_size,), generator=generator)
        losses = task.loss(network, task.batch(chosen.tolist(), generator), generator)
        for number, (parameters, key) in enumerate(groups):
            found = torch.autograd.grad(
                losses[key], parameters, retain_graph=number + 1 < len(groups), allow_unused=True
            )
            for parameter, gradient in zip(parameters, found, strict=True):
                parameter.grad = gradient
        for optimiser in optimisers:
            optimiser.step()
        took.append(time.process_time() - begun)
    return StepCost(float(np.median(took[1:])), peak_mib(), resting)


def context_step_cost(config: MeshTalkConfig, batch_size: int, n_frames: int, n_steps: int = 3) -> StepCost:
    """Measure training steps of the guesses on made-up classes; the first is not timed."""
    seed_torch(0)
    network = ContextModel(config)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-6, fused=True)
    labels = torch.randint(config.classes, (batch_size, n_frames, config.heads))
    sound = torch.randn(batch_size, n_frames, config.audio_dim)
    took = []
    for _ in range(n_steps + 1):
        begun = time.process_time()
        logprobs = network(one_hot_codes(labels, config.classes), sound)
        functional.nll_loss(logprobs.flatten(0, 2), labels.flatten()).backward()
        optimiser.step()
        optimiser.zero_grad()
        took.append(time.process_time() - begun)
    return StepCost(float(np.median(took[1:])), peak_mib(), float("nan"))


def peak_mib() -> float:
    """Give the most memory that this process has had so far, MiB; not a number where it cannot be told."""
    try:
        import resource
    except ImportError:  # no such count on Windows
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


@dataclass(frozen=True)
class SpeechCost:
    """What a second of speech takes, from sound alone to the moving face."""

    hear_s: float
    guess_s: float
    draw_s: float
    multiply_adds: float

    @property
    def seconds(self) -> float:
        """All together."""
        return self.hear_s + self.guess_s + self.draw_s


def speech_cost(
    model: MeshTalkNetworks, waveform: Waveform, neutral: Float32[np.ndarray, "v 3"]
) -> SpeechCost:
    """Measure a model on the first seconds of a sound, the best of three runs."""
    n_frames = MESHTALK_RATE.count(min(_COST_S, waveform.duration_s))
    spoken_s = n_frames / float(MESHTALK_RATE)
    hear, codes = _best(lambda: model.sound_codes(waveform, n_frames))
    guess, labels = _best(lambda: model.guess(codes, temperature=1.0, seed=0))
    draw, _ = _best(lambda: model.draw(labels, neutral))
    one_hot = one_hot_codes(torch.from_numpy(labels.astype(np.int64))[None], model.classes)
    sound = torch.from_numpy(codes)[None]

    def work() -> None:
        model.sound_codes(waveform, n_frames)
        model.context(one_hot, sound)
        model.draw(labels, neutral)

    return SpeechCost(hear / spoken_s, guess / spoken_s, draw / spoken_s, multiply_adds(work) / spoken_s)


def _best(work: Callable[[], _T]) -> tuple[float, _T]:
    took, result = [], work()
    for _ in range(_REPEATS):
        begun = time.process_time()
        result = work()
        took.append(time.process_time() - begun)
    return min(took), result


@dataclass(frozen=True)
class Quality:
    """Errors on held-out clips, means over clips; millimetres unless said."""

    lip_mm: float
    """Mean over frames of the largest lip distance."""
    lip_centred_mm: float
    """The same after both lips are centred, as MeshTalk's author measures."""
    mouth_mm: float
    upper_face_mm: float
    dynamics: float
    """Spread of the upper face's motion over that of the recording: 1 is as lively."""


class Judge:
    """Measures faces against the held-out clips of a store.

    Args:
        rig: The head whose topology the clips have.
        masks: Mouth and upper face.
        clips: Held out.
    """

    def __init__(self, rig: Rig, masks: FaceMasks, clips: ClipStore) -> None:
        self.rig, self.clips = rig, clips
        self._skin = rig.regions["skin"] > 0
        self._lips = region_vertices(rig, "lips")
        self.mouth = np.where(self._skin, masks.mouth, 0).astype(np.float32)
        self.upper = np.where(self._skin, masks.upper_face, 0).astype(np.float32)
        self._upper = np.flatnonzero(self.upper > 0.5)
        self._mouth = np.flatnonzero(self.mouth > 0.5)

    def quality(self, move: Callable[[Recording], Vertices]) -> Quality:
        """Measure what a model makes of every clip."""
        rows = []
        for number in range(len(self.clips)):
            clip = self.clips[number]
            assert clip.mesh is not None
            assert clip.neutral is not None
            target = clip.mesh.vertices
            made = move(clip)[: len(target)]
            target = target[: len(made)]
            spreads = [
                float(np.sqrt(motion_spread_m2(v, clip.neutral, self._upper)).mean()) for v in (made, target)
            ]
            rows.append(
                (
                    lip_vertex_error_mm(made, target, self._lips),
                    lip_vertex_error_centred_mm(made, target, self._lips),
                    mean_vertex_error_mm(made, target, self._mouth),
                    mean_vertex_error_mm(made, target, self._upper),
                    spreads[0] / max(spreads[1], 1e-9),
                )
            )
        means = np.mean(rows, axis=0)
        return Quality(*(float(value) for value in means))

    def crossing(self, model: MeshTalkModel) -> dict[str, float]:
        """Measure what swaps change, over all clips, each swapped with the next.

        Returns:
            ``mouth`` and ``upper_face``: change by the wrong half of the input over that by the right
            one; then those changes, and how near mouth and upper face of a swap are to the clips that
            gave them, millimetres.
        """
        sums: dict[str, float] = {}
        found = [self._codes(model, number) for number in range(len(self.clips))]
        for number, (sound, expression, clip) in enumerate(found):
            other_sound, other_expression, other = found[(number + 1) % len(found)]
            n = min(len(sound), len(other_sound))
            assert clip.neutral is not None
            neutral = clip.neutral
            own, by_expression, by_sound = (
                model.draw(model.classes_of(e[:n], s[:n]), neutral)
                for s, e in ((sound, expression), (sound, other_expression), (other_sound, expression))
            )
            one = leakage(own, by_expression, by_sound, self.mouth, self.upper)
            row = {f"{name}_of_clip": value for name, value in asdict(one).items()}
            row |= {
                "mouth_by_expression_mm": region_mean_mm(by_expression - own, self.mouth),
                "mouth_by_sound_mm": region_mean_mm(by_sound - own, self.mouth),
                "upper_by_expression_mm": region_mean_mm(by_expression - own, self.upper),
                "upper_by_sound_mm": region_mean_mm(by_sound - own, self.upper),
            }
            row |= self._follows(by_expression, clip, other, n)
            for name, value in row.items():
                sums[name] = sums.get(name, 0.0) + value / len(found)
        sums["mouth"] = sums["mouth_by_expression_mm"] / max(sums["mouth_by_sound_mm"], 1e-9)
        sums["upper_face"] = sums["upper_by_sound_mm"] / max(sums["upper_by_expression_mm"], 1e-9)
        return sums

    def _follows(self, swapped: Vertices, clip: Recording, other: Recording, n: int) -> dict[str, float]:
        """Say whose lips and whose brows a swap has: distance to the one clip and to the other."""
        assert clip.mesh is not None
        assert clip.neutral is not None
        assert other.mesh is not None
        assert other.neutral is not None
        own = (clip.mesh.vertices[:n] - clip.neutral)[: len(swapped)]
        theirs = (other.mesh.vertices[:n] - other.neutral)[: len(swapped)]
        moved = (swapped - clip.neutral)[: min(len(own), len(theirs))]
        own, theirs = own[: len(moved)], theirs[: len(moved)]
        return {
            "mouth_to_sound_giver_mm": region_mean_mm(moved - own, self.mouth),
            "mouth_to_expression_giver_mm": region_mean_mm(moved - theirs, self.mouth),
            "upper_to_sound_giver_mm": region_mean_mm(moved - own, self.upper),
            "upper_to_expression_giver_mm": region_mean_mm(moved - theirs, self.upper),
        }

    def _codes(self, model: MeshTalkModel, number: int) -> tuple[np.ndarray, np.ndarray, Recording]:
        clip = self.clips[number]
        assert clip.mesh is not None
        assert clip.waveform is not None
        n = min(len(clip.mesh.vertices), MESHTALK_RATE.count(clip.waveform.duration_s))
        assert clip.neutral is not None
        expression = model.expression_codes(clip.mesh.vertices[:n], clip.neutral)
        return model.sound_codes(clip.waveform, n), expression, clip

    def posed(self, clip: Recording, motion: Motion) -> Vertices:
        """Give weights on a clip's own face: displacements of the head, scaled as the face at rest is."""
        assert clip.neutral is not None
        there = resample(motion, Rate.of(30))
        values = there.values.copy()
        values[:, [there.layout.index(name) for name in _HEAD_TURNS if name in there.layout]] = 0
        moved = pose_motion(self.rig, Motion(values, there.layout, there.rate)).vertices - self.rig.neutral
        scale = np.ptp(clip.neutral, axis=0) / np.ptp(self.rig.neutral, axis=0)
        posed: np.ndarray = clip.neutral + moved * scale.astype(np.float32)
        return posed


def own_face(model: MeshTalkModel) -> Callable[[Recording], Vertices]:
    """Give the face of a clip from its own sound and expression."""

    def move(clip: Recording) -> Vertices:
        assert clip.mesh is not None
        assert clip.waveform is not None
        assert clip.neutral is not None
        n = min(len(clip.mesh.vertices), MESHTALK_RATE.count(clip.waveform.duration_s))
        expression = model.expression_codes(clip.mesh.vertices[:n], clip.neutral)
        return model.draw(model.classes_of(expression, model.sound_codes(clip.waveform, n)), clip.neutral)

    return move


def heard_face(model: MeshTalkModel, temperature: float) -> Callable[[Recording], Vertices]:
    """Give the face of a clip from its sound alone."""

    def move(clip: Recording) -> Vertices:
        assert clip.waveform is not None
        assert clip.neutral is not None
        return model.generate(clip.waveform, clip.neutral, temperature=temperature, seed=0)

    return move
