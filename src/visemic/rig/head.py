"""The built-in head, made wholly by this code: ``load_head`` gives it, kept in a cache folder.

The head is a sculpture of smooth signed distances (``head_sculpt_kernels``) with a template
of loops cast onto it (``head_template``), lips and lids swept in detail (``head_mouth``,
``head_eye``), separate parts (``head_parts``) and 52 shapes composed of soft masks
(``head_shapes_mouth``, ``head_shapes_eyes``). Inside these files lengths are centimetres;
the rig is in metres.
"""

from collections.abc import Mapping

import numpy as np

from visemic.core.layout import ARKIT_52, Layout
from visemic.geometry.mesh import smooth_step
from visemic.rig.head_brow import brows, lashes
from visemic.rig.head_ear import ears
from visemic.rig.head_eye import CENTRE as EYE_CENTRE
from visemic.rig.head_fields import JAW_ANGLE_RAD, JAW_FORWARD, JAW_LEFT, Fields, jaw_turn
from visemic.rig.head_hair import hair
from visemic.rig.head_identity import Identity, apply_identity, find_identity
from visemic.rig.head_landmarks import find_landmarks, regions
from visemic.rig.head_look import (
    materials,
    part_occlusion,
    skin_materials,
    skin_occlusion,
    skin_shade,
    texture_places,
)
from visemic.rig.head_parts import Part, eyeballs
from visemic.rig.head_shapes_eyes import (
    BROWS_PAIRED,
    BROWS_SINGLE,
    LIDS,
    lash_shape,
    lid_shape,
    lower_lid_turn,
    off_lids,
)
from visemic.rig.head_shapes_mouth import PAIRED, SINGLE, correctives
from visemic.rig.head_teeth import gums, teeth
from visemic.rig.head_template import build_skin
from visemic.rig.head_tongue import EXTRA, JAW_DROP, OUT_JAW, tongue, tongue_shapes
from visemic.rig.linear import Corrective, Joint, MaterialGroup, Rig

NAME = "visemic"
CHANNELS = Layout("visemic-head", ARKIT_52.names + EXTRA)
"""ARKit's shapes, then those of the tongue that ARKit lacks."""
_LID_HELP = {"mouthSmile": 0.35, "cheekSquint": 0.45, "noseSneer": 0.12}
"""How much of the squint of the lower lid comes with other shapes."""


def _skin_shapes(f: Fields) -> dict[str, np.ndarray]:
    """Give the displacement of the skin for every channel, centimetres."""
    mesh, eye = f.skin.mesh, f.skin.eye
    flip = np.array([-1.0, 1.0, 1.0])
    shapes: dict[str, np.ndarray] = {}
    for name, make in {**SINGLE, **BROWS_SINGLE}.items():
        shape = off_lids(f, make(f))
        shapes[name] = 0.5 * (shape + shape[mesh.partner] * flip)
    left = {name: off_lids(f, make(f)) for name, make in {**PAIRED, **BROWS_PAIRED}.items()}
    for name, make_turn in LIDS.items():
        left[name] = lid_shape(f, make_turn(eye))
    for name, share in _LID_HELP.items():
        left[name] = left[name] + lid_shape(f, lower_lid_turn(eye, share))
    for name, shape in left.items():
        shapes[name + "Left"] = shape
        shapes[name + "Right"] = shape[mesh.partner] * flip
    return shapes


def _part_shapes(part: Part, f: Fields, skin: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give the displacement of a part for the channels that move it, centimetres."""
    points = part.mesh.points
    if part.name in ("lower teeth", "lower gums", "tongue"):
        share = 1.0 - 0.35 * part.along
        shapes = {
            "jawOpen": jaw_turn(points, share, JAW_ANGLE_RAD),
            "jawForward": share[:, None] * JAW_FORWARD,
            "jawLeft": share[:, None] * JAW_LEFT,
            "jawRight": share[:, None] * JAW_LEFT * np.array([-1.0, 1.0, 1.0]),
        }
        if part.name == "tongue":
            shapes |= tongue_shapes(part)
            shapes["jawOpen"][:, 1] -= JAW_DROP * (1.0 - part.along) ** 1.5
        else:
            shapes["tongueOut"] = OUT_JAW * shapes["jawOpen"]
        return shapes
    if part.name == "lashes":
        shapes = {}
        flip = np.array([-1.0, 1.0, 1.0])
        turns = {name: make_turn(f.skin.eye) for name, make_turn in LIDS.items()}
        turns |= {name: lower_lid_turn(f.skin.eye, share) for name, share in _LID_HELP.items()}
        for name, turn in turns.items():
            shape = lash_shape(part, turn)
            shapes[name + "Left"], shapes[name + "Right"] = shape, shape[part.mesh.partner] * flip
        return shapes
    if part.name in ("brows", "hair", "ears"):
        return _bound_shapes(part, f, skin)
    return {}


def _bound_shapes(part: Part, f: Fields, skin: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Carry a part along with the skin under it."""
    from scipy.spatial import cKDTree

    left = part.mesh.points[:, 0] >= 0
    away, near = cKDTree(f.points).query(part.mesh.points, k=4)
    weight = 1.0 / (away + 0.05) ** 2
    weight /= weight.sum(1, keepdims=True)
    # The right half uses the partners of what the left half found, so that mirroring is exact.
    source = np.where(left, np.arange(len(left)), part.mesh.partner)
    near = np.where(left[:, None], near, f.skin.mesh.partner[near[source]])
    weight = weight[source]
    shapes = {}
    for name, shape in skin.items():
        moved = np.einsum("vk,vkx->vx", weight, shape[near])
        if np.abs(moved).max() > 1e-6:
            shapes[name] = moved
    return shapes


def _parts(f: Fields, identity: Identity) -> list[Part]:
    return [
        teeth(upper=True), teeth(upper=False), gums(upper=True), gums(upper=False), tongue(),
        eyeballs(), brows(), lashes(f.skin.eye, identity.lashes), ears(), hair(identity.style),
    ]  # fmt: skip


def _groups(
    f: Fields, parts: list[Part], starts: list[int], identity: Identity
) -> tuple[np.ndarray, tuple[MaterialGroup, ...]]:
    """Sort all triangles by material."""
    kind, looks = skin_materials(f), materials(identity)
    blocks: dict[str, list[np.ndarray]] = {}
    for number, name in enumerate(("skin", "lips", "mouth_cavity")):
        blocks.setdefault(name, []).append(f.skin.mesh.triangles[kind == number])
    for part, start in zip(parts, starts, strict=True):
        first = 0
        for name, count in part.materials:
            blocks.setdefault(name, []).append(part.mesh.triangles[first : first + count] + start)
            first += count
    triangles, groups, at = [], [], 0
    for name, block in blocks.items():
        size = sum(map(len, block))
        groups.append(MaterialGroup(looks[name], at, at + size))
        triangles += block
        at += size
    return np.concatenate(triangles), tuple(groups)


def build_head(identity: Identity | None = None) -> Rig:
    """Build a head from nothing; the same bytes every time.

    Takes a few seconds the first time numba compiles the kernels, then about one.
    ``load_head`` is the fast way.

    Args:
        identity: None is the default head.
    """
    identity = identity or find_identity(NAME)
    f = Fields(build_skin())
    parts = _parts(f, identity)
    counts = [len(f.points), *(len(p.mesh.points) for p in parts)]
    starts = np.cumsum([0, *counts[:-1]])[1:].tolist()
    total = sum(counts)
    skin = _skin_shapes(f)
    offsets = np.zeros((len(CHANNELS), total, 3), np.float32)
    for name, shape in skin.items():
        offsets[CHANNELS.index(name), : len(shape)] = _clean(shape)
    for part, start in zip(parts, starts, strict=True):
        for name, shape in _part_shapes(part, f, skin).items():
            offsets[CHANNELS.index(name), start : start + len(shape)] = _clean(shape)
    triangles, groups = _groups(f, parts, starts, identity)
    points = np.concatenate([f.points, *(p.mesh.points for p in parts)])
    eye_of_vertex = np.full(total, -1)
    for part, start in zip(parts, starts, strict=True):
        if part.name == "eyeballs":
            eye_of_vertex[start : start + len(part.mesh.points)] = np.where(part.mesh.points[:, 0] > 0, 0, 1)
    rig = Rig(
        name=NAME,
        neutral=(points / 100).astype(np.float32),
        triangles=triangles.astype(np.int32),
        layout=CHANNELS,
        offsets=offsets,
        groups=groups,
        landmarks=find_landmarks(
            f, dict(zip((p.name for p in parts), zip(parts, starts, strict=True), strict=True))
        ),
        regions=regions(f, total),
        uv=texture_places(f, parts),
        vertex_colours=np.concatenate([skin_shade(f, identity), *(p.shade for p in parts)]).astype(
            np.float32
        ),
        occlusion=np.concatenate([skin_occlusion(f), *(part_occlusion(p) for p in parts)]).astype(np.float32),
        eyes=tuple(_eye(side) for side in ("left", "right")),
        eye_of_vertex=eye_of_vertex,
        head=Joint("head", (0.0, -0.055, -0.02), ("headYaw", "headPitch", "headRoll")),
        head_follow=_head_follow(points),
        correctives=(
            *(_corrective(drivers, shape) for drivers, shape in correctives(f).items()),
            *_lid_correctives(
                f, dict(zip((p.name for p in parts), zip(parts, starts, strict=True), strict=True)), offsets
            ),
        ),
    )
    return apply_identity(rig, identity) if identity.name != NAME else rig


def _clean(shape: np.ndarray) -> np.ndarray:
    """Turn centimetres to metres and drop what no eye can see, so that shapes stay local."""
    metres = (shape / 100).astype(np.float32)
    still = np.abs(metres).max(axis=1) < 2e-5
    metres[still] = 0.0
    return metres


def _lid_correctives(
    f: Fields, parts: Mapping[str, tuple[Part, int]], offsets: np.ndarray
) -> list[Corrective]:
    """Take back what other shapes do to lids that a blink has closed, so that they never cross."""
    lashes_part, start = parts["lashes"]
    flip = np.array([-1.0, 1.0, 1.0])
    made = []
    for side in ("Left", "Right"):
        blink = "eyeBlink" + side
        for other in ("eyeSquint", "eyeLookDown", "eyeLookUp", "eyeWide"):
            shape = -offsets[CHANNELS.index(other + side)]
            moved = np.flatnonzero(np.abs(shape).max(axis=1) > 0)
            drivers = (blink, other + side)
            made.append(Corrective(" and ".join(drivers), drivers, (1.0, 1.0), moved, shape[moved]))
        for other, share in _LID_HELP.items():
            turn = lower_lid_turn(f.skin.eye, share)
            skin, lash = -lid_shape(f, turn), -lash_shape(lashes_part, turn)
            if side == "Right":
                skin, lash = skin[f.skin.mesh.partner] * flip, lash[lashes_part.mesh.partner] * flip
            shape = np.zeros(offsets.shape[1:], np.float32)
            shape[: len(skin)] = _clean(skin)
            shape[start : start + len(lash)] = _clean(lash)
            moved = np.flatnonzero(np.abs(shape).max(axis=1) > 0)
            drivers = (blink, other + side)
            made.append(Corrective(" and ".join(drivers), drivers, (1.0, 1.0), moved, shape[moved]))
    return made


def _corrective(drivers: tuple[str, ...], shape: np.ndarray) -> Corrective:
    offsets = _clean(shape)
    moved = np.flatnonzero(np.abs(offsets).max(axis=1) > 0)
    # Rounded vowels of speech pucker by about two thirds; there their mouths are already round.
    full = tuple(0.65 if driver == "mouthPucker" else 1.0 for driver in drivers)
    return Corrective(" and ".join(drivers), drivers, full, moved, offsets[moved])


def _eye(side: str) -> Joint:
    sign = 1.0 if side == "left" else -1.0
    x, y, z = (float(c) / 100 for c in EYE_CENTRE)
    return Joint(f"{side}_eye", (sign * x, y, z), (f"{side}EyeYaw", f"{side}EyePitch", f"{side}EyeRoll"))


def _head_follow(points: np.ndarray) -> np.ndarray:
    lifted = points[:, 1] + 0.45 * np.maximum(points[:, 2] - 1.0, 0.0)
    return smooth_step(-16.0, -8.0, lifted).astype(np.float32)
