"""Materials, colours, occlusion, texture places and masks of the built-in head."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from visemic.geometry.mesh import smooth_step, vertex_normals
from visemic.rig.head_brow import brow_shade
from visemic.rig.head_fields import Fields
from visemic.rig.head_hair import scalp_shade
from visemic.rig.head_identity import Identity
from visemic.rig.head_mouth import BAG_RINGS, CONTACT, INNER_RINGS, LINING, LIP_START
from visemic.rig.head_parts import Part
from visemic.rig.head_sculpt_kernels import openness, skin_distances
from visemic.rig.linear import Material

_SKIN = (0.56, 0.345, 0.25)
_MATERIALS = {
    m.name: m
    for m in (
        Material("skin", _SKIN, roughness=0.52, specular=0.45, subsurface=0.6),
        Material("lips", _SKIN, roughness=0.44, specular=0.42, subsurface=0.6),
        Material("mouth_cavity", (0.34, 0.105, 0.095), roughness=0.5, specular=0.3),
        Material("teeth", (0.94, 0.90, 0.82), roughness=0.22, specular=0.5, subsurface=0.3),
        Material("gums", (0.52, 0.19, 0.17), roughness=0.35, specular=0.5, subsurface=0.4),
        Material("tongue", (0.55, 0.21, 0.19), roughness=0.42, specular=0.4, subsurface=0.5),
        Material("sclera", (0.80, 0.77, 0.73), roughness=0.12, specular=0.6, subsurface=0.2),
        Material("iris", (0.23, 0.33, 0.36), roughness=0.10, specular=0.7),
        Material("pupil", (0.008, 0.008, 0.01), roughness=0.08, specular=0.8),
        Material("brow", (0.085, 0.050, 0.034), roughness=0.7, specular=0.2),
        Material("lash", (0.03, 0.02, 0.016), roughness=0.7, specular=0.2),
        Material("hair", (0.075, 0.044, 0.028), roughness=0.72, specular=0.22),
    )
}
"""Looks of the default identity by name."""


def materials(identity: Identity) -> dict[str, Material]:
    """Give the looks of an identity by name."""
    own = {
        "skin": identity.skin, "lips": identity.skin, "iris": identity.iris,
        "brow": identity.brow, "hair": identity.hair,
    }  # fmt: skip
    return {n: replace(m, colour=own[n]) if n in own else m for n, m in _MATERIALS.items()}


def _cover(identity: Identity, colour: tuple[float, float, float]) -> np.ndarray:
    """Give the share of each colour that skin loses where hair of a colour covers it."""
    return 1.0 - np.clip(np.array(colour) / np.array(identity.skin), 0.0, 1.0)


def skin_materials(f: Fields) -> np.ndarray:
    """Give, for each skin triangle, 0 skin, 1 lips or 2 mouth cavity."""
    ring = f.ring[f.skin.mesh.triangles].min(1)
    kind = np.zeros(len(ring), int)
    kind[ring >= LIP_START] = 1
    kind[ring >= LINING] = 2
    return kind


def skin_shade(f: Fields, identity: Identity) -> Float[np.ndarray, "vertices 3"]:
    """Give the tint of lips, cheeks, nose, ears, lids, brows and scalp."""
    p = f.points
    both = np.stack([np.abs(p[:, 0]), p[:, 1], p[:, 2]], -1)

    def near(centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
        away = (both - np.array(centre)) / np.array(radii)
        return np.exp(-np.sum(away * away, axis=1))[:, None]

    shade = np.ones((len(p), 3)) * np.array([0.97, 0.97, 0.97])
    flush = (
        0.8 * near((3.6, -1.9, 7.2), (2.0, 1.6, 3.0))
        + 0.7 * near((0.3, -2.2, 10.2), (1.5, 1.0, 1.6))
        + 0.4 * near((0.0, -9.0, 8.8), (1.5, 1.0, 1.5))
    )
    shade *= 1.0 - np.clip(identity.flush * flush, 0, 1) * np.array([-0.02, 0.10, 0.11])
    shade *= 1.0 - near((0.0, 5.5, 8.0), (4.0, 1.8, 3.0)) * np.array([-0.02, -0.02, 0.03])
    shade *= 1.0 - near((3.1, 0.0, 7.7), (1.5, 0.6, 1.4)) * np.array([0.07, 0.08, 0.04])
    shade *= 1.0 - near((3.2, 1.5, 7.6), (1.7, 0.8, 1.2)) * np.array([0.06, 0.12, 0.10])
    lid = np.zeros(f.skin.mesh.source.max() + 1)
    lid[f.skin.eye_index[-5:]] = 1.0
    shade *= 1.0 - lid[f.skin.mesh.source][:, None] * np.array([0.02, 0.28, 0.26])
    shade *= 1.0 - 0.45 * identity.stubble * _beard(p)[:, None] * np.array([0.95, 0.92, 0.80])
    lip = smooth_step(LIP_START - 1.4, LIP_START + 1.8, f.ring.astype(float))
    shade *= 1.0 - lip[:, None] * np.array(identity.lip)
    shade *= 1.0 - 0.80 * brow_shade(p)[:, None] * _cover(identity, identity.brow)
    shade *= 1.0 - 0.95 * scalp_shade(p)[:, None] * _cover(identity, identity.hair)
    shade[f.ring >= LINING] = 1.0
    return np.asarray(np.clip(shade, 0.0, 1.0))


def _beard(points: np.ndarray) -> np.ndarray:
    """Give where a beard grows, 0 to 1."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    line = np.interp(x, [0.0, 1.2, 2.2, 3.4, 4.6, 5.6, 6.6], [-3.3, -3.4, -4.2, -5.0, -4.6, -2.6, -0.6])
    return np.asarray(
        smooth_step(0.5, -0.9, y - line) * smooth_step(-13.0, -10.6, y) * smooth_step(-1.2, 0.8, z)
    )


def skin_occlusion(f: Fields) -> Float[np.ndarray, " vertices"]:
    """Bake how open each place is; inside the mouth it darkens with depth."""
    normals = vertex_normals(f.points, f.skin.mesh.triangles)
    # The nostrils were pushed into the sculpture after it was done: what lies inside is dark.
    depth_inside = -skin_distances(f.points)
    nostril = 1.0 - 0.90 * smooth_step(0.06, 0.30, depth_inside)
    base = np.exp(-np.sum(((f.points - np.array([0.0, -3.0, 9.7])) / np.array([1.6, 0.5, 0.8])) ** 2, axis=1))
    nostril *= 1.0 - 0.12 * base * smooth_step(0.1, 0.7, -normals[:, 1])
    open_sky = (0.25 + 0.75 * f.smoothed(openness(f.points, normals, 0.17), 4)) * nostril
    ring = f.ring.astype(float)
    depth = np.clip((ring - CONTACT - 3) / (INNER_RINGS + BAG_RINGS - 3), 0, 1)
    inside = 0.72 * (1 - depth) ** 2.2 + 0.02
    lip_inner = (
        1.0
        - 0.12 * smooth_step(CONTACT - 1.2, CONTACT, ring)
        - 0.28 * smooth_step(CONTACT + 0.5, CONTACT + 4, ring)
    )
    out = np.where(f.ring >= LIP_START, lip_inner, open_sky)
    out = np.where(f.ring >= LINING, inside, out)
    lid_skin = np.zeros(f.skin.mesh.source.max() + 1, bool)
    lid_skin[f.skin.eye_index[5:]] = True
    # A lid comes out of its fold when it closes, so the fold is not baked black.
    out = np.where(lid_skin[f.skin.mesh.source], np.maximum(out, 0.72), out)
    eye = f.skin.eye_index
    lids = np.ones(f.skin.mesh.source.max() + 1)
    lids[eye[-4:]] = np.array([0.95, 0.9, 0.7, 0.4])[:, None]
    return np.asarray(np.clip(out, 0.0, 1.0) * lids[f.skin.mesh.source])


def part_occlusion(part: Part) -> Float[np.ndarray, " vertices"]:
    """Give the occlusion of parts by how deep they lie behind the lips."""
    p = part.mesh.points
    if part.name in ("upper teeth", "lower teeth", "upper gums", "lower gums", "tongue"):
        depth = smooth_step(8.4, 2.5, p[:, 2])
        front = 0.62 if part.name == "tongue" else 1.0
        return np.asarray(0.96 * front * (1 - depth) ** 1.3 + 0.04)
    if part.name == "eyeballs":
        away = p[:, 1] - 1.0
        return np.asarray(1.0 - 0.45 * smooth_step(0.10, 0.75, away) - 0.15 * smooth_step(-0.3, -0.8, away))
    if part.name == "ears":
        return part.along
    return np.ones(len(p))


def texture_places(f: Fields, parts: list[Part]) -> Float[np.ndarray, "vertices 2"]:
    """Give a place in the texture for every vertex: the skin in a disc, parts in tiles beside it."""
    t = f.skin.template
    polar = np.arccos(np.clip(t[:, 1], -1, 1)) / np.deg2rad(166.0)
    turn = np.arctan2(t[:, 0], t[:, 2])
    disc = np.stack([0.5 + 0.5 * polar * np.sin(turn), 0.5 - 0.5 * polar * np.cos(turn)], -1)
    places = [0.004 + disc * 0.79]
    for number, part in enumerate(parts):
        # Five tiles stand in the column on the right, the others lie in the row above.
        corner = (0.8, 0.2 * number) if number < 5 else (0.16 * (number - 5), 0.8)
        size = (0.2, 0.2) if number < 5 else (0.16, 0.2)
        local = 0.5 + 0.49 * part.places
        places.append(np.array(corner) + local * np.array(size))
    return np.concatenate(places).astype(np.float32)
