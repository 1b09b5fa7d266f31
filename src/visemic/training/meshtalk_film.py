"""What the language of faces is good for, to be looked at: swaps, other faces, edits, chance, usage."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from visemic.core.atomic import atomic_path
from visemic.core.layout import Layout
from visemic.core.signals import Motion, Waveform
from visemic.data.loader import ClipStore
from visemic.data.recording import Recording
from visemic.models.meshtalk_motion import Labels, MeshTalkModel, Vertices
from visemic.models.meshtalk_tool import edited, head_usage
from visemic.models.meshtalk_window import MESHTALK_RATE
from visemic.rig.linear import Rig

_TILE_PX = 224
_COLUMNS = 6
_VIEW = "face"
_QUALITY = 82
_LEAST_FRAMES = 40

Row = tuple[str, Vertices, Float32[np.ndarray, "vertices 3"]]
"""A name, a moving face, and the same face at rest."""


def make_pictures(out: Path, model: MeshTalkModel, clips: ClipStore, rig: Rig) -> dict[str, str]:
    """Draw sheets and a film, and give their names by what they show.

    Args:
        out: Folder of the run.
        model: Trained on the head's mesh.
        clips: Held out; those of different speakers are shown.
        rig: The head.
    """
    shown = _different(clips)
    first, second = shown[0], shown[1]
    n = min(_n_frames(first), _n_frames(second))
    found = {}
    swaps = _swaps(model, first, second, n)
    found["swap"] = _sheet(out / "swap.jpg", swaps, rig, _moments(n))
    found["film"] = _film(out / "swap.mp4", swaps[:3], rig, _cut(_sound(first), n))
    labels = _classes(model, first, first, n)
    faces = [clip.neutral for clip in shown if clip.neutral is not None]
    others: list[Row] = [
        (clip.speaker, model.draw(labels, face), face) for clip, face in zip(shown, faces, strict=True)
    ]
    found["retarget"] = _sheet(out / "retarget.jpg", others, rig, _moments(n))
    found["edit"] = _sheet(out / "edit.jpg", _edits(model, labels, rig), rig, _moments(n))
    found["chance"] = _sheet(out / "chance.jpg", _chances(model, first, n), rig, _moments(n))
    every = [_classes(model, clips[i], clips[i], _n_frames(clips[i])) for i in range(len(clips))]
    found["usage"] = _jpeg(out / "usage.jpg", head_usage(np.concatenate(every), model.classes).picture())
    return found


def _different(clips: ClipStore) -> list[Recording]:
    """Give a clip of each of the first speakers, none too short to be looked at."""
    chosen: dict[str, Recording] = {}
    for number, entry in enumerate(clips.entries):
        if entry.speaker not in chosen and (entry.n_frames >= _LEAST_FRAMES or number >= len(clips) - 2):
            chosen[entry.speaker] = clips[number]
    found = list(chosen.values())[:4]
    return found if len(found) > 1 else [clips[0], clips[1]]


def _n_frames(clip: Recording) -> int:
    assert clip.mesh is not None
    return min(len(clip.mesh.vertices), MESHTALK_RATE.count(_sound(clip).duration_s))


def _sound(clip: Recording) -> Waveform:
    assert clip.waveform is not None
    return clip.waveform


def _cut(sound: Waveform, n_frames: int) -> Waveform:
    return Waveform(sound.samples[: sound.rate.count(MESHTALK_RATE.time_of(n_frames))], sound.rate)


def _classes(model: MeshTalkModel, sound: Recording, expression: Recording, n: int) -> Labels:
    assert expression.mesh is not None
    assert expression.neutral is not None
    codes = model.expression_codes(expression.mesh.vertices[:n], expression.neutral)
    return model.classes_of(codes, model.sound_codes(_sound(sound), n))


def _swaps(model: MeshTalkModel, a: Recording, b: Recording, n: int) -> list[Row]:
    assert a.neutral is not None
    rows: list[Row] = []
    for sound, expression, name in (
        (a, a, "sound A, expression A"),
        (a, b, "sound A, expression B"),
        (b, a, "sound B, expression A"),
        (b, b, "sound B, expression B"),
    ):
        rows.append((name, model.draw(_classes(model, sound, expression, n), a.neutral), a.neutral))
    return rows


def _edits(model: MeshTalkModel, labels: Labels, rig: Rig) -> list[Row]:
    """Give a clip, and the same with the class of one head put over its second half.

    The head and the class are those that change the face most.
    """
    neutral, half_s = rig.neutral, len(labels) / 2 / float(MESHTALK_RATE)
    whole_s = len(labels) / float(MESHTALK_RATE)
    own = model.draw(labels, neutral)
    best: tuple[float, str, Vertices] = (-1.0, "", own)
    for head in range(model.heads):
        used = np.argsort(-np.bincount(labels[:, head], minlength=model.classes))[:3]
        for label in used.tolist():
            other = model.draw(edited(labels, head, label, start_s=half_s, stop_s=whole_s), neutral)
            change = float(np.abs(other - own).max(axis=(1, 2)).mean())
            if change > best[0]:
                best = (change, f"head {head}: {label} from {half_s:.1f} s", other)
    return [("as it was", own, neutral), (best[1], best[2], neutral)]


def _chances(model: MeshTalkModel, clip: Recording, n: int) -> list[Row]:
    assert clip.neutral is not None
    codes = model.sound_codes(_sound(clip), n)
    return [
        (f"sound alone, seed {seed}", model.draw(model.guess(codes, seed=seed), clip.neutral), clip.neutral)
        for seed in range(3)
    ]


def _moments(n_frames: int) -> list[int]:
    return np.linspace(0.1 * n_frames, 0.95 * (n_frames - 1), _COLUMNS).astype(int).tolist()


def _shown(rig: Rig, vertices: Vertices, neutral: Float32[np.ndarray, "vertices 3"]) -> tuple[Rig, Motion]:
    """Give a head whose shapes are the frames of a movement, so that it is drawn like any other."""
    layout = Layout("frames", tuple(f"frame{number}" for number in range(len(vertices))))
    offsets = np.ascontiguousarray(vertices - neutral)
    face = replace(rig, neutral=neutral, layout=layout, offsets=offsets, eyes=(), head=None, correctives=())
    return face, Motion(np.eye(len(vertices), dtype=np.float32), layout, MESHTALK_RATE)


def _sheet(path: Path, rows: Sequence[Row], rig: Rig, moments: Sequence[int]) -> str:
    from visemic.render.contact_sheet import contact_sheet
    from visemic.render.video import render_frames

    images, labels = [], []
    for name, vertices, neutral in rows:
        face, motion = _shown(rig, np.ascontiguousarray(vertices[list(moments)]), neutral)
        images += list(render_frames(face, motion, width=_TILE_PX, height=_TILE_PX, view=_VIEW))
        labels += [
            name if number == 0 else f"{at / float(MESHTALK_RATE):.2f} s" for number, at in enumerate(moments)
        ]
    return _jpeg(path, contact_sheet(images, labels, len(moments)))


def _film(path: Path, rows: Sequence[Row], rig: Rig, sound: Waveform) -> str:
    from visemic.render.shot import Shot
    from visemic.render.video import render_shots

    shots = []
    for name, vertices, neutral in rows:
        face, motion = _shown(rig, vertices, neutral)
        shots.append(Shot(face, motion, title=name))
    with atomic_path(path, overwrite=True) as partial:
        render_shots(shots, sound, partial, width=288, height=288, view=_VIEW)
    return path.name


def _jpeg(path: Path, image: UInt8[np.ndarray, "rows across 3"]) -> str:
    from PIL import Image

    with atomic_path(path, overwrite=True) as partial:
        Image.fromarray(image).save(partial, format="JPEG", quality=_QUALITY)
    return path.name
