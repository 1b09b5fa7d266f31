"""Films of the comparison: faces side by side coloured by their error, and the pages where people judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.atomic import atomic_path
from visemic.core.layout import Layout
from visemic.core.signals import MeshMotion, Motion, Waveform
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.evaluation.report_clip import Moving
from visemic.evaluation.report_predictor import Predictor
from visemic.evaluation.study import QUESTIONS, Kind, new_study
from visemic.render.shot import Overlay, Shot
from visemic.rig.linear import Material, MaterialGroup, Rig
from visemic.training.avatron_experiment_predictor import AvatronFace, HearingFace, Sound

RECORDED = "recorded"
FILMS = "films"
ERRORS, TAUGHT_FILMS, OWN_FILMS = "errors", "teacher", "predicted"
SMOS, MOS = "study-smos", "study-mos"
_SKIN = Material("skin", (0.62, 0.44, 0.36))
_SHOWN_PERCENT = 99.0
_VIEW = "front"

Show = Callable[[int, int], None]


def film_clips(clips: ClipStore, n_films: int) -> list[int]:
    """Give the test clips to be shown: the first of each speaker in turn."""
    by_speaker: dict[str, list[int]] = {}
    for number, entry in enumerate(clips.entries):
        if entry.split == "test":
            by_speaker.setdefault(entry.speaker, []).append(number)
    turns = max((len(numbers) for numbers in by_speaker.values()), default=0)
    order = [numbers[turn] for turn in range(turns) for numbers in by_speaker.values() if turn < len(numbers)]
    return order[:n_films]


def make_films(
    clips: ClipStore,
    predictors: Mapping[str, Predictor],
    out: Path,
    *,
    n_films: int,
    size_px: int,
    show: Show,
) -> dict[str, Any]:
    """Draw test clips: each face alone for the study, and all side by side coloured by their error.

    Films that are there are kept.

    Args:
        clips: The corpus.
        predictors: At most three, by the name above their face.
        out: Folder of the run.
        n_films: Clips.
        size_px: Width and height of a face.
        show: Called with clips done.
    """
    numbers = film_clips(clips, n_films)
    limits, made = [], []
    for at, number in enumerate(numbers):
        recording = clips[number]
        moving = {name: _vertices(predict(recording)) for name, predict in predictors.items()}
        made.append((recording, moving))
        assert recording.mesh is not None
        there = recording.mesh.vertices
        limits += [
            float(np.percentile(1_000 * np.linalg.norm(v - there[: len(v)], axis=-1), _SHOWN_PERCENT))
            for v in moving.values()
        ]
        show(at, len(numbers))
    overlay = Overlay(error_max_mm=float(f"{max(0.5, float(np.median(limits))):.1g}"))
    for at, (recording, moving) in enumerate(made):
        _draw_clip(recording, moving, out, f"{at + 1:02d}", size_px, overlay)
        show(at + 1, len(numbers))
    names = [f"{at + 1:02d}" for at in range(len(made))]
    return {
        "clips": [recording.clip_id for recording, _ in made],
        "faces": list(predictors),
        "limit_mm": overlay.error_max_mm,
        "films": [f"{FILMS}/{ERRORS}/clip_{name}.mp4" for name in names],
        "stills": [f"errors_{name}.png" for name in names],
    }


def _draw_clip(
    recording: Recording,
    moving: Mapping[str, Float32[np.ndarray, "_ vertices 3"]],
    out: Path,
    name: str,
    size_px: int,
    overlay: Overlay,
) -> None:
    """Draw each face alone, all side by side, and the frame in which they are furthest away."""
    from visemic.render.still import save_png, still_of_shots

    truth = recording.mesh
    assert truth is not None
    recorded = _shot(recording, truth.vertices, RECORDED)
    shots = {face: _shot(recording, vertices, face) for face, vertices in moving.items()}
    for face, shot in {RECORDED: recorded, **shots}.items():
        path = out / FILMS / TAUGHT_FILMS / face / f"clip_{name}.mp4"
        _film(path, [replace(shot, title="")], recording.waveform, size_px, None)
    coloured = [recorded, *(replace(shot, against=recorded) for shot in shots.values())]
    _film(out / FILMS / ERRORS / f"clip_{name}.mp4", coloured, recording.waveform, size_px, overlay)
    away = [np.linalg.norm(v - truth.vertices[: len(v)], axis=-1).mean(1) for v in moving.values()]
    worst = int(np.argmax(np.mean([a[: min(map(len, away))] for a in away], axis=0)))
    picture = still_of_shots(coloured, worst, width=size_px, height=size_px, view=_VIEW, overlay=overlay)
    with atomic_path(out / f"errors_{name}.png", overwrite=True) as partial:
        save_png(picture, partial, {"clip": recording.clip_id})


def make_own_films(
    clips: ClipStore,
    faces: Mapping[str, AvatronFace],
    hearing: Mapping[str, HearingFace],
    sound: Sound,
    out: Path,
    *,
    n_films: int,
    size_px: int,
    show: Show,
) -> dict[str, Any]:
    """Draw the same texts with the voice's own durations and sound, as people would hear them."""
    numbers = film_clips(clips, n_films)
    for at, number in enumerate(numbers):
        recording = clips[number]
        assert recording.neutral is not None
        for name, face in faces.items():
            said = face.say(recording.text, recording.speaker)
            _own_film(out, name, at, recording, said.displacements, face.rate, sound(said.mel), size_px)
        for name, one in hearing.items():
            mel = one.speaking.say(recording.text, recording.speaker).mel
            spoken = sound(mel)
            speaker = recording.speaker if recording.speaker in one.model.styles else one.model.styles[0]
            moved = one.model.generate(spoken, speaker)
            _own_film(out, name, at, recording, moved, one.model.rate, spoken, size_px)
        show(at + 1, len(numbers))
    return {"clips": len(numbers), "systems": [*faces, *hearing]}


def _own_film(
    out: Path,
    name: str,
    at: int,
    recording: Recording,
    moved: Float32[np.ndarray, "frames outputs"],
    rate: Any,
    waveform: Waveform,
    size_px: int,
) -> None:
    assert recording.neutral is not None
    vertices = (moved.reshape(-1, *recording.neutral.shape) + recording.neutral).astype(np.float32)
    shot = _shot(recording, vertices, "", rate)
    _film(out / FILMS / OWN_FILMS / name / f"clip_{at + 1:02d}.mp4", [shot], waveform, size_px, None)


def make_studies(out: Path, systems: Sequence[str], n_films: int, seed: int) -> dict[str, Any]:
    """Set up the pages: likeness to the recording with its times, naturalness with the voice's own."""
    folder = out / FILMS
    plans: dict[str, tuple[Kind, Mapping[str, Path], Path | None]] = {
        SMOS: (
            "smos",
            {name: folder / TAUGHT_FILMS / name for name in systems},
            folder / TAUGHT_FILMS / RECORDED,
        ),
        MOS: ("mos", {name: folder / OWN_FILMS / name for name in systems}, None),
    }
    for name, (kind, films, reference) in plans.items():
        if not (out / name).is_dir():
            new_study(
                out / name, films, kind=kind, reference=reference, per_session=min(6, n_films), seed=seed
            )
    return {name: {"kind": plan[0], "question": QUESTIONS[plan[0]]} for name, plan in plans.items()}


def _vertices(moving: Moving) -> Float32[np.ndarray, "frames vertices 3"]:
    assert isinstance(moving, MeshMotion)
    return moving.vertices


def _shot(
    recording: Recording,
    vertices: Float32[np.ndarray, "frames vertices 3"],
    title: str,
    rate: Any = None,
) -> Shot:
    """Give a face whose shapes are the frames of its movement, so that it is drawn like any other."""
    assert recording.mesh is not None
    assert recording.neutral is not None
    triangles = recording.mesh.topology.triangles
    layout = Layout("frames", tuple(f"frame{number}" for number in range(len(vertices))))
    rig = Rig(
        recording.mesh.topology.name,
        recording.neutral,
        triangles,
        layout,
        np.ascontiguousarray(vertices - recording.neutral),
        (MaterialGroup(_SKIN, 0, len(triangles)),),
        {},
    )
    frames = Motion(np.eye(len(vertices), dtype=np.float32), layout, rate or recording.rate)
    return Shot(rig, frames, title=title)


def _film(
    path: Path, shots: Sequence[Shot], waveform: Waveform | None, size_px: int, overlay: Overlay | None
) -> None:
    from visemic.render import video

    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, overwrite=False) as partial:
        video.render_shots(
            shots, waveform, partial, width=size_px, height=size_px, view=_VIEW, overlay=overlay
        )
