"""Films of a report: the recording and two predictions side by side, coloured by their distance from it.

A table says which row is nearer; a film says where on the face and when. Meshes are drawn as
they are, weights on the head on which they were measured.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError, RigError, unknown_name
from visemic.core.layout import Layout
from visemic.core.signals import Alignment, MeshMotion, Motion, Waveform
from visemic.data.recording import Recording
from visemic.evaluation.report_clip import Moving, Stage, cut, frames_of, pair_clip
from visemic.evaluation.report_file import file_name
from visemic.evaluation.report_predictor import (
    ALWAYS,
    RULES,
    RULES_MODEL,
    STATIC,
    Clips,
    Predictor,
    model_predictor,
    static_face,
)
from visemic.evaluation.report_protocol import clip_numbers
from visemic.evaluation.report_result import Film, Report
from visemic.render.shot import Overlay, Shot
from visemic.rig.linear import Material, MaterialGroup, Rig, pose_blocks

AUTO = "auto"
MOST_S = 10.0
"""Of a longer clip the worst so many seconds are shown."""
PANEL_PX = 384
N_COMPARED = 2
_BY = ("normalised_vertex_mesh_error", "mean_vertex_error_mm")
_SHARE_IN_SCALE, _SHARE_OF_FACE = 0.95, 99.0
"""The scale ends where so many frames have so many percent of their vertices below it."""
_STEPS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)


def compared_rows(report: Report) -> tuple[str, ...]:
    """Give the two rows of the films: predictors, then the rules, then a face at rest.

    Rows without a single prediction are passed over.
    """
    models = [row.name for row in report.rows if row.name not in ALWAYS]
    n_clips = len(report.protocol.clip_ids)
    able = [name for name in (*models, RULES, STATIC) if len(report.row(name).failures) < n_clips]
    return tuple(able[:N_COMPARED])


def chosen_clips(report: Report, choice: str) -> dict[str, str]:
    """Give the clips to be shown, each with why.

    Args:
        report: What was measured.
        choice: ``auto`` for the worst and the median clip of the first compared row by NVME; or
            the name of a clip.

    Raises:
        InputError: There is no such clip in the protocol.
    """
    clip_ids = report.protocol.clip_ids
    if choice != AUTO:
        if choice not in clip_ids:
            raise InputError(unknown_name("clip", choice, clip_ids))
        return {choice: "as chosen"}
    row = report.row(compared_rows(report)[0])
    metric = next((m for m in _BY if m in row.values and (row.weights[m] > 0).any()), None)
    if metric is None:
        first = next(clip_id for clip_id in clip_ids if clip_id not in row.failures)
        return {first: f"the first clip of {row.name}"}
    values = np.where(row.weights[metric] > 0, row.values[metric], -math.inf)
    order = [int(i) for i in np.argsort(values, kind="stable") if np.isfinite(values[i])]
    places = {order[-1]: "worst", order[(len(order) - 1) // 2]: "median"}
    return {clip_ids[i]: f"{why} clip of {row.name} by {metric}" for i, why in places.items()}


@dataclass(frozen=True, eq=False)
class _Scene:
    """What one film shows."""

    clip_id: str
    why: str
    shots: tuple[Shot, ...]
    waveform: Waveform | None
    worst_frame: int
    tops_mm: Float[np.ndarray, " frames"]
    """How far the farther vertices of a compared face are, by frame."""


def make_films(
    report: Report, predictors: Mapping[str, Predictor], clips: Clips, rig: Rig, choice: str = AUTO
) -> tuple[Film, ...]:
    """Prepare the films of a report; they are drawn when they are written.

    Args:
        report: What was measured.
        predictors: Those of the report; the rules and the still face come by themselves.
        clips: The corpus.
        rig: Head on which weights are posed.
        choice: See ``chosen_clips``.

    Raises:
        InputError: There is no such clip.
        VisemicError: A compared row has no prediction for a clip that was chosen by name.
    """
    stage = Stage(report.protocol, rig)
    places = dict(zip(report.protocol.clip_ids, clip_numbers(clips, report.protocol), strict=True))
    rows = compared_rows(report)
    rules = model_predictor(RULES_MODEL, rig, report.protocol.seed)
    known: dict[str, Predictor] = {RULES: rules, STATIC: static_face, **predictors}
    scenes = []
    for clip_id, why in chosen_clips(report, choice).items():
        able = [name for name in rows if clip_id not in report.row(name).failures]
        if not able:
            raise ArtifactError(f"no row of {', '.join(rows)} has a prediction for clip {clip_id!r}")
        made = {name: known[name] for name in able}
        scenes.append(_scene(clips[places[clip_id]], made, stage, why))
    limit_mm = _scale_mm(np.concatenate([scene.tops_mm for scene in scenes]))
    return tuple(_film(scene, limit_mm) for scene in scenes)


def _film(scene: _Scene, limit_mm: float) -> Film:
    spoken = scene.shots[0].alignment
    overlay = Overlay(subtitles=spoken is not None and bool(spoken.words), error_max_mm=limit_mm)
    titles = ", ".join(shot.title for shot in scene.shots)
    caption = (
        f"clip {scene.clip_id}, {scene.why}; {titles}; scale 0 to {limit_mm:g} mm, "
        f"the still is its worst frame"
    )
    stem = f"errors_{file_name(scene.clip_id)}"
    return Film(stem, caption, partial(_write_video, scene, overlay), partial(_write_still, scene, overlay))


def _write_video(scene: _Scene, overlay: Overlay, path: Path) -> None:
    from visemic.render.video import render_shots

    render_shots(
        scene.shots, scene.waveform, path, width=PANEL_PX, height=PANEL_PX, view="front", overlay=overlay
    )


def _write_still(scene: _Scene, overlay: Overlay, path: Path) -> None:
    from visemic.render.still import save_png, still_of_shots

    picture = still_of_shots(
        scene.shots,
        scene.worst_frame,
        width=PANEL_PX,
        height=PANEL_PX,
        view="front",
        overlay=overlay,
    )
    save_png(picture, path, {"clip": scene.clip_id})


def _scene(recording: Recording, predictors: Mapping[str, Predictor], stage: Stage, why: str) -> _Scene:
    pairs = {name: pair_clip(predict(recording), recording, stage) for name, predict in predictors.items()}
    n_frames = min(pair.n_frames for pair in pairs.values())
    target = cut(next(iter(pairs.values())).target, n_frames)
    made = {name: cut(pair.predicted, n_frames) for name, pair in pairs.items()}
    first = next(iter(made.values()))
    start, n_shown = _worst_part(first, target, recording.rate, stage.rig)
    face = _Face(recording, stage.rig)
    truth = face.shot(_part(target, start, n_shown), "recorded")
    shots, worst = [truth], 0
    tops: list[Float[np.ndarray, " frames"]] = []
    for name, moving in made.items():
        shot = face.shot(_part(moving, start, n_shown), name)
        away = [(float(a.mean()), _top_mm(a)) for a in _shot_distances_mm(shot, truth)]
        means_mm, tops_mm = np.array(away).T
        worst = worst if tops else int(np.argmax(means_mm))
        tops.append(tops_mm)
        shots.append(replace(shot, against=truth))
    sound, text = _sound(recording, start, n_shown)
    if n_shown < n_frames:
        first_s = start / float(recording.rate)
        why = f"{why}, {first_s:.2f} to {first_s + n_shown / float(recording.rate):.2f} s of it"
    shots[0] = replace(truth, alignment=text)
    return _Scene(recording.clip_id, why, tuple(shots), sound, worst, np.concatenate(tops))


class _Face:
    """Makes shots of a clip: of weights on a head, or of a mesh as it is."""

    def __init__(self, recording: Recording, rig: Rig) -> None:
        self._recording, self._rig = recording, rig

    def shot(self, moving: Moving, title: str) -> Shot:
        if isinstance(moving, Motion):
            # The layout of the shapes lacks the turns of head and eyes: faces are held level.
            return Shot(self._rig, moving.to_layout(self._rig.layout), title=title)
        assert self._recording.neutral is not None
        rig = _rig_of_frames(moving, self._recording.neutral, self._rig)
        frames = np.eye(len(moving.vertices), dtype=np.float32)
        return Shot(rig, Motion(frames, rig.layout, moving.rate), title=title)


def _rig_of_frames(mesh: MeshMotion, neutral: Float32[np.ndarray, "vertices 3"], head: Rig) -> Rig:
    """Give a head whose shapes are the frames of a moving mesh, so that it is drawn like any other."""
    n_frames, triangles = len(mesh.vertices), mesh.topology.triangles
    if not len(triangles):
        raise RigError(
            f"topology {mesh.topology.name!r} has 0 triangles and cannot be drawn; evaluate with --video none"
        )
    layout = Layout("frames", tuple(f"frame{number}" for number in range(n_frames)))
    offsets = np.ascontiguousarray(mesh.vertices - neutral)
    if np.array_equal(triangles, head.triangles):
        return replace(
            head,
            neutral=neutral,
            layout=layout,
            offsets=offsets,
            eyes=(),
            eye_of_vertex=None,
            head=None,
            head_follow=None,
            correctives=(),
        )
    skin = Material("skin", (0.62, 0.44, 0.36))
    return Rig(
        mesh.topology.name,
        neutral,
        triangles,
        layout,
        offsets,
        (MaterialGroup(skin, 0, len(triangles)),),
        {},
    )


def _part(moving: Moving, start: int, n_frames: int) -> Moving:
    if isinstance(moving, Motion):
        return Motion(moving.values[start : start + n_frames], moving.layout, moving.rate)
    return MeshMotion(moving.vertices[start : start + n_frames], moving.topology, moving.rate)


def _sound(recording: Recording, start: int, n_frames: int) -> tuple[Waveform | None, Alignment | None]:
    from visemic.data.importers.clip import alignment_between
    from visemic.data.importers.sound import sound_between

    start_s, duration_s = start / float(recording.rate), n_frames / float(recording.rate)
    sound, text = recording.waveform, recording.alignment
    return (
        None if sound is None else sound_between(sound, start_s, duration_s),
        None if text is None else alignment_between(text, start_s, duration_s),
    )


def _worst_part(predicted: Moving, target: Moving, rate: Rate, rig: Rig) -> tuple[int, int]:
    """Give first frame and number of frames of the part that is shown."""
    n_frames, most = frames_of(predicted), max(1, round(MOST_S * float(rate)))
    if n_frames <= most:
        return 0, n_frames
    means = np.array([away.mean() for away in _distances_mm(predicted, target, rig)])
    total = np.concatenate([[0.0], np.cumsum(means)])
    return int(np.argmax(total[most:] - total[:-most])), most


def _distances_mm(a: Moving, b: Moving, rig: Rig) -> Iterator[Float[np.ndarray, " vertices"]]:
    if isinstance(a, Motion) and isinstance(b, Motion):
        yield from _shot_distances_mm(Shot(rig, a.to_layout(rig.layout)), Shot(rig, b.to_layout(rig.layout)))
        return
    assert isinstance(a, MeshMotion)
    assert isinstance(b, MeshMotion)
    for ours, theirs in zip(a.vertices, b.vertices, strict=True):
        yield np.linalg.norm(ours - theirs, axis=1).astype(float) * 1_000


def _shot_distances_mm(ours: Shot, theirs: Shot) -> Iterator[Float[np.ndarray, " vertices"]]:
    sources = (pose_blocks(shot.rig, shot.motion) for shot in (ours, theirs))
    for a, b in zip(*sources, strict=True):
        yield from np.linalg.norm(a - b, axis=-1).astype(float) * 1_000


def _top_mm(away_mm: Float[np.ndarray, " vertices"]) -> float:
    return float(np.percentile(away_mm, _SHARE_OF_FACE))


def _scale_mm(tops_mm: Float[np.ndarray, " frames"]) -> float:
    """Give a round number of millimetres at which nearly all colours are still told apart."""
    wanted = float(np.clip(np.quantile(tops_mm, _SHARE_IN_SCALE), 0.1, 900.0))
    power = 10.0 ** math.floor(math.log10(wanted))
    return float(f"{next(s * power for s in _STEPS if s * power >= wanted - 1e-9):.3g}")
