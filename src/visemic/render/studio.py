"""The studio: three lights, a room and a backdrop, fixed to the camera."""

import math

import numpy as np
from jaxtyping import Bool, Float32

from visemic.render.camera import Camera
from visemic.rig.linear import MaterialGroup, Rig

WET = ("sclera", "iris", "pupil", "eye", "eyes", "eyeball")
"""Materials of an eye with a clear wet coat, where no glass lies over them."""
GLASS = ("cornea", "tear", "tearline")
"""Materials that are nothing but a clear wet coat."""
INNER = ("teeth", "gums", "tongue", "mouth_cavity", "mouth", "throat", "palate")
"""Materials of what lies behind the lips."""
_CLOSED = ("skin", "lips", "head", "face", "neck", "ears")
"""Materials whose back is the inside of the head."""
_STRANDS = ("hair",)
"""Materials made of strands that run down from the crown."""

CURVE_STEPS = 4096
"""Steps of the table from the square root of linear light to sRGB bytes; roots keep dark steps fine."""


def _direction(azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    level = math.cos(elevation)
    return math.sin(azimuth) * level, math.sin(elevation), math.cos(azimuth) * level


def studio_lights() -> Float32[np.ndarray, "lights 8"]:
    """Give key, fill and rim in the camera's axes; columns are those of ``shade_kernels``."""
    key, fill, rim = _direction(-38.0, 36.0), _direction(48.0, 8.0), _direction(148.0, 32.0)
    return np.array(
        [
            [*key, 1.14, 1.06, 0.97, math.cos(math.radians(13)), 1.6],
            [*fill, 0.285, 0.275, 0.275, math.cos(math.radians(7)), 0.5],
            [*rim, 0.50, 0.56, 0.68, 2.0, 0.0],
        ],
        np.float32,
    )


def studio_ambient() -> Float32[np.ndarray, " 9"]:
    """Give linear RGB of the light from below, from above, and of the room in a mirror."""
    return np.array([0.100, 0.080, 0.068, 0.200, 0.202, 0.212, 0.75, 0.80, 0.90], np.float32)


def backdrop(camera: Camera) -> Float32[np.ndarray, " 9"]:
    """Give the backdrop: its centre in pixels, one over its reach, its edge colour, what the centre adds."""
    reach = 0.62 * max(camera.width, camera.height)
    return np.array(
        [camera.width * 0.5, camera.height * 0.42, 1 / reach, 0.004, 0.0042, 0.005, 0.046, 0.049, 0.056],
        np.float32,
    )


def _crown_z(rig: Rig, group: MaterialGroup) -> float:
    """Give the z about which strands turn: a little behind the middle of the part."""
    if group.material.name not in _STRANDS or group.stop == group.start:
        return 0.0
    z = rig.neutral[rig.triangles[group.start : group.stop].ravel(), 2]
    return float(0.55 * z.min() + 0.45 * z.max())


def material_table(rig: Rig) -> Float32[np.ndarray, "materials 11"]:
    """Give one row a material group; columns are those of ``shade_kernels``."""
    has_glass = any(group.material.name in GLASS for group in rig.groups)
    rows = []
    for group in rig.groups:
        material = group.material
        kind = 2.0 if material.name in GLASS else 0.0
        if material.name in WET and not has_glass:
            kind = 1.0
        rows.append(
            [
                *material.colour,
                min(max(material.roughness, 0.06), 1.0),
                0.08 * material.specular,
                min(max(material.subsurface, 0.0), 1.0),
                kind,
                float(material.name in WET + GLASS + INNER),
                0.1 if material.name in _CLOSED else 1.0,
                float(material.name in _STRANDS),
                _crown_z(rig, group),
            ]
        )
    return np.array(rows, np.float32).reshape(-1, 11)


def closed_groups(rig: Rig) -> Bool[np.ndarray, " groups"]:
    """Tell which material groups can only be seen from outside, so that their backs need not be drawn.

    A head with a mouth cavity has no hole to look into; sheets such as hair and lashes keep
    both sides. A head without a cavity shows the inside of its skin, dark, behind its teeth.
    """
    names = [group.material.name for group in rig.groups]
    has_cavity = "mouth_cavity" in names
    return np.array([has_cavity and name in _CLOSED + WET + INNER for name in names], bool)


def srgb_curve() -> Float32[np.ndarray, " steps"]:
    """Give sRGB values 0 to 255, not yet rounded, by the square root of linear light from 0 to 1."""
    linear = np.linspace(0, 1, CURVE_STEPS + 1) ** 2
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255).astype(np.float32)
