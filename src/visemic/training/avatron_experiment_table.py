"""The tables of the comparison as plain data: errors, dynamics and likeness under both protocols, costs.

The scale of the critics' loss is chosen on validation clips; the test clips are measured once, after.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from visemic.core.signals import MeshMotion
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.evaluation.protocol import Mask, Protocol
from visemic.evaluation.region_distribution import region_features, region_kernel_distance
from visemic.evaluation.report import evaluate_predictors
from visemic.evaluation.report_clip import Moving
from visemic.evaluation.report_metric import MASK_OF_METRIC
from visemic.evaluation.report_predictor import GROUND_TRUTH, Predictor
from visemic.evaluation.report_protocol import make_protocol
from visemic.models.avatron import AvatronVoice, AvatronVoiceConfig
from visemic.models.avatron_avatar import AvatronAvatar, AvatronAvatarConfig
from visemic.models.faceformer import PUBLISHED_SIZES, FaceFormer
from visemic.models.vocoder import HifiGan, HifiGanConfig
from visemic.rig.linear import Rig
from visemic.text.visemes import phone_table
from visemic.training.avatron_experiment_cost import SPOKEN_S, Cost, cost_of
from visemic.training.avatron_experiment_predictor import AvatronFace, HearingFace, twin_times_s
from visemic.training.experiment_table import paired_comparisons, plain

NVME, MVE = "normalised_vertex_mesh_error", "mean_vertex_error_mm"
LVE, LVE_MM = "lip_vertex_error_m2", "lip_vertex_error_mm"
FDD, FDD_ABSOLUTE = "face_dynamics_deviation_m2", "face_dynamics_deviation_absolute_m2"
OPENING = "mouth_opening_difference_mm"
METRICS = (NVME, LVE, LVE_MM, MVE, FDD, FDD_ABSOLUTE, OPENING)
KID_LIPS, KID_UPPER = "kernel_distance_lips", "kernel_distance_upper_face"
_PARTS = {KID_LIPS: "lips", KID_UPPER: "upper_face"}
TAUGHT, OWN = "teacher durations", "predicted durations"
MOST_LOST = 0.05
"""Share of NVME that critics may cost where one of them is chosen."""

Show = Callable[[str, int, int], None]


class _Watched:
    """A predictor that keeps the features of what it gave."""

    def __init__(self, predict: Predictor, regions: Mapping[str, np.ndarray]) -> None:
        self._predict, self._regions = predict, regions
        self.features: dict[str, list[np.ndarray]] = {name: [] for name in regions}

    def __call__(self, recording: Recording) -> Moving:
        moved = self._predict(recording)
        assert isinstance(moved, MeshMotion)
        for name, region in self._regions.items():
            self.features[name].append(_features(moved.vertices, recording, region))
        return moved


def _features(
    vertices: Float32[np.ndarray, "frames vertices 3"], recording: Recording, region: np.ndarray
) -> np.ndarray:
    assert recording.neutral is not None
    return region_features((vertices - recording.neutral).astype(np.float32), region, recording.rate)


def comparison(
    clips: ClipStore,
    predictors: Mapping[str, Predictor],
    rig: Rig,
    masks: Sequence[Mask],
    *,
    split: str,
    limit: int,
    seed: int,
    show: Callable[[int, int], None],
) -> dict[str, Any]:
    """Measure predictors on clips of a split, with the controls.

    Args:
        clips: The corpus.
        predictors: By row.
        rig: Face of the corpus, or any head when masks are given.
        masks: Sets of vertices.
        split: ``validation`` or ``test``.
        limit: Most clips.
        seed: Start of chance.
        show: Called with clips done.
    """
    topology = clips.entries[0].topology
    known = {mask.name: mask.indices() for mask in masks if mask.topology == topology}
    metrics = tuple(m for m in METRICS if MASK_OF_METRIC.get(m, "lips") in known or m in (NVME, MVE))
    protocol = make_protocol(
        clips, name="avatron", split=split, metrics=metrics, seed=seed, limit=limit, masks=masks
    )
    regions = {kid: known[name] for kid, name in _PARTS.items() if name in known}
    watched = {name: _Watched(predict, regions) for name, predict in predictors.items()}
    report = evaluate_predictors(watched, clips, protocol, rig, progress=show)
    real = _recorded_features(clips, protocol, regions)
    rows = {}
    for row in report.rows:
        rows[row.name] = {m: plain(report.estimate(row, m)) for m in metrics}
        for kid in regions:
            if row.name == GROUND_TRUTH:
                rows[row.name][kid] = plain(region_kernel_distance(real[kid][::2], real[kid][1::2]))
            elif row.name in watched and not row.failures:
                rows[row.name][kid] = plain(
                    region_kernel_distance(real[kid], watched[row.name].features[kid])
                )
    return {
        "split": split,
        "clips": len(protocol.clip_ids),
        "protocol": protocol.fingerprint,
        "metrics": [*metrics, *regions],
        "rows": rows,
        "left_out": {row.name: next(iter(row.failures.values())) for row in report.rows if row.failures},
        "comparisons": paired_comparisons(
            report, [(a, b) for n, a in enumerate(predictors) for b in list(predictors)[:n]], metrics, seed
        ),
    }


def _recorded_features(
    clips: ClipStore, protocol: Protocol, regions: Mapping[str, np.ndarray]
) -> dict[str, list[np.ndarray]]:
    found: dict[str, list[np.ndarray]] = {name: [] for name in regions}
    for clip_id in protocol.clip_ids:
        recording = clips[clips.index(clip_id)]
        assert recording.mesh is not None
        for name, region in regions.items():
            found[name].append(_features(recording.mesh.vertices, recording, region))
    return found


def chosen_scale(rows: Mapping[str, Mapping[str, Any]], without: str, names: Mapping[str, float]) -> str:
    """Give the adversarial run that validation chooses.

    Of the runs that lose at most a twentieth of NVME to the one without critics, that whose upper
    face is nearest to the recorded one in its dynamics; where all lose more, the one with the least NVME.

    Args:
        rows: Measured on validation clips, by run.
        without: Name of the run without critics.
        names: Scale of the critics' loss by run.
    """
    limit = (1 + MOST_LOST) * float(rows[without][NVME]["mean"])
    able = [name for name in names if float(rows[name][NVME]["mean"]) <= limit]
    if not able:
        return min(names, key=lambda name: float(rows[name][NVME]["mean"]))
    if FDD_ABSOLUTE not in rows[without]:
        return able[0]
    return min(able, key=lambda name: float(rows[name][FDD_ABSOLUTE]["mean"]))


def own_time_facts(clips: ClipStore, face: AvatronFace, split: str, limit: int) -> dict[str, Any]:
    """Give how the voice's durations differ from the recorded ones, and how well spectra find twins.

    Args:
        clips: The corpus.
        face: Whose voice speaks.
        split: Of the clips.
        limit: Most clips.
    """
    viseme = phone_table().viseme
    ratios, met, total = [], 0, 0
    chosen = [number for number, entry in enumerate(clips.entries) if entry.split == split][:limit]
    for number in chosen:
        recording = clips[number]
        said = face.say(recording.text, recording.speaker)
        ratios.append(said.alignment.duration_s / recording.duration_s)
        places_s = twin_times_s(recording, said.mel)
        times_s = recording.rate.times_s(recording.n_frames)
        assert recording.alignment is not None
        theirs = [_label(recording.alignment.phones, t) for t in times_s]
        ours = [_label(said.alignment.phones, t) for t in places_s]
        met += sum(viseme.get(a, a) == viseme.get(b, b) for a, b in zip(ours, theirs, strict=True))
        total += len(times_s)
    return {
        "clips": len(chosen),
        "length_ratio": round(float(np.mean(ratios)), 4),
        "length_ratio_spread": round(float(np.std(ratios)), 4),
        "visemes_met": round(met / max(1, total), 4),
    }


def _label(phones: Sequence[Any], time_s: float) -> str:
    return next((p.label for p in phones if p.start_s <= time_s < p.end_s), "SIL")


def cost_table(face: AvatronFace, hearing: HearingFace) -> dict[str, Any]:
    """Give what ten seconds cost: the networks of this run, measured; the published sizes, counted."""
    n_frames = face.rate.count(SPOKEN_S)
    avatar, voice, faceformer = face.network, face.voice, hearing.model.network
    sound = torch.zeros(1, round(16_000 * SPOKEN_S))
    sound[0, ::100] = 1.0
    style = torch.zeros(1, faceformer.config.n_styles)
    style[0, 0] = 1.0
    costs: dict[str, Cost] = {
        "avatron, face": cost_of(avatar, lambda: _act(avatar, n_frames)),
        "avatron, text encoder": cost_of(voice, lambda: _read(voice)),
        "faceformer, incremental": cost_of(faceformer, lambda: faceformer.own_frames(sound, style, n_frames)),
        "faceformer, as published": cost_of(
            faceformer, lambda: faceformer.own_frames(sound, style, n_frames, is_naive=True)
        ),
    }
    return {
        "spoken_s": SPOKEN_S,
        "threads": torch.get_num_threads(),
        "rows": {
            name: {
                "parameters": cost.parameters,
                "multiply_adds": cost.multiply_adds,
                "seconds": round(cost.seconds, 6),
            }
            for name, cost in costs.items()
        },
        "published": published_parameters(),
    }


_SYMBOLS_A_SECOND = 13


def _inputs(avatar: AvatronAvatar, n_frames: int) -> tuple[torch.Tensor, ...]:
    n_symbols = round(_SYMBOLS_A_SECOND * SPOKEN_S)
    owner = (torch.arange(n_frames) * n_symbols // n_frames)[None]
    return (
        torch.zeros(1, n_symbols, avatar.config.state_channels),
        torch.zeros(1, n_symbols, dtype=torch.int64),
        torch.zeros(1, avatar.config.n_styles),
        owner,
        owner,
        torch.zeros(1, n_frames),
        torch.tensor([n_frames]),
    )


def _act(avatar: AvatronAvatar, n_frames: int) -> object:
    return avatar(*_inputs(avatar, n_frames))


def _read(voice: AvatronVoice) -> object:
    text = torch.ones(1, round(_SYMBOLS_A_SECOND * SPOKEN_S), dtype=torch.int64)
    return voice.encode(text, torch.ones_like(text, dtype=torch.bool))


def published_parameters() -> dict[str, int]:
    """Count the parameters of the published sizes for VOCASET, without making their numbers."""

    def count(make: Callable[[], torch.nn.Module], *, is_trained: bool = False) -> int:
        with torch.device("meta"):
            network = make()
        return sum(p.numel() for p in network.parameters() if p.requires_grad or not is_trained)

    sizes = PUBLISHED_SIZES["vocaset"]
    return {
        "avatron, voice": count(lambda: AvatronVoice(AvatronVoiceConfig())),
        "avatron, face": count(lambda: AvatronAvatar(AvatronAvatarConfig(n_outputs=sizes.n_channels))),
        "vocoder, HiFi-GAN": count(lambda: HifiGan(HifiGanConfig())),
        "faceformer": count(lambda: FaceFormer(sizes)),
        "faceformer, trained": count(lambda: FaceFormer(sizes), is_trained=True),
    }
