"""Colours for the distance between two faces: blue where they agree, red where they do not."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.errors import InputError
from visemic.render.letter import INK, Patch, font_for, letter_size
from visemic.render.studio import GLASS
from visemic.rig.linear import Rig

_STEPS = 256

# Anchors in sRGB bytes from agreement to the limit. They are joined in a space where equal steps
# look equal; hue runs one way, and the middle is the lightest, so that the ends differ in hue
# also to eyes that tell red from green badly.
_ANCHORS = (
    (0.00, (44, 82, 164)),
    (0.22, (86, 158, 205)),
    (0.45, (222, 234, 208)),
    (0.60, (252, 214, 130)),
    (0.80, (236, 112, 62)),
    (1.00, (158, 14, 38)),
)
# The way to OKLab and back, after the colour's cube roots of cone responses.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def error_table() -> Float32[np.ndarray, "steps 3"]:
    """Give linear RGB from no distance to the limit, in steps that look equal.

    Source:
        Ottosson 2020, "A perceptual color space for image processing" (OKLab), for the space.
    """
    places = np.array([place for place, _ in _ANCHORS])
    srgb = np.array([colour for _, colour in _ANCHORS]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab = np.cbrt(linear @ _CONES.T) @ _OPPONENTS.T
    at = np.linspace(0, 1, _STEPS)
    smooth = np.stack([np.interp(at, places, lab[:, k]) for k in range(3)], 1)
    mixed = (smooth @ np.linalg.inv(_OPPONENTS).T) ** 3 @ np.linalg.inv(_CONES).T
    return np.clip(mixed, 0, 1).astype(np.float32)


def check_limit(limit_mm: float) -> None:
    """Refuse a scale that cannot be read.

    Raises:
        InputError: The limit is not between 0.01 and 1000 mm.
    """
    if not (math.isfinite(limit_mm) and 0.01 <= limit_mm <= 1000):
        raise InputError(f"an error scale of {limit_mm:g} mm cannot be read; choose 0.01 to 1000 mm")


def distances_mm(
    ours: Float32[np.ndarray, "vertices 3"], theirs: Float32[np.ndarray, "vertices 3"]
) -> Float[np.ndarray, " vertices"]:
    """Give how far each vertex is from its twin, in millimetres."""
    return np.sqrt(np.square(ours - theirs).sum(1)) * 1000


def colours_of(
    distance_mm: Float[np.ndarray, " vertices"], limit_mm: float, table: Float32[np.ndarray, "steps 3"]
) -> Float32[np.ndarray, "vertices 3"]:
    """Give linear RGB by distance; what is beyond the limit has the limit's colour."""
    at = np.minimum(distance_mm * (len(table) / limit_mm), len(table) - 1)
    return table[at.astype(np.intp)]


def clay(rig: Rig) -> Rig:
    """Give the rig in plain white without texture, so that vertex colours are seen as they are."""
    plain = []
    for group in rig.groups:
        material = group.material
        if material.name not in GLASS:
            name = "plain" if material.name == "hair" else material.name
            white = (1.0, 1.0, 1.0)
            material = replace(
                material, name=name, colour=white, roughness=0.65, specular=0.25, subsurface=0.0
            )
        plain.append(replace(group, material=material))
    return replace(rig, groups=tuple(plain), vertex_colours=None)


def scale_bar(
    width: int, height: int, limit_mm: float, table: Float32[np.ndarray, "steps 3"], place: tuple[int, int]
) -> Patch:
    """Give a labelled bar of the colours.

    Args:
        place: Row and column of its upper left corner.
    """
    from PIL import Image, ImageDraw

    size = letter_size(min(width, height), 0.03)
    font = font_for("0", size)
    pad, thick = max(3, size // 2), max(5, size * 2 // 3)
    long = round(0.18 * width)
    labels = ("0", f"{limit_mm:g} mm")
    box = (long + 2 * pad + size * 5 // 2, thick + size + 3 * pad)
    image = Image.new("RGBA", box, (10, 11, 14, 0))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, box[0] - 1, box[1] - 1), pad, fill=(10, 11, 14, 168))
    left = pad + size // 2
    for column in range(long):
        draw.line(
            (left + column, pad, left + column, pad + thick), fill=_srgb(table[column * len(table) // long])
        )
    for mark, label in zip((0, long), labels, strict=True):
        draw.text((left + mark, pad + thick + pad // 2), label, font=font, fill=(*INK, 255), anchor="ma")
    return Patch(np.array(image, np.uint8), *place)


def _srgb(linear: Float32[np.ndarray, " 3"]) -> tuple[int, int, int, int]:
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.astype(float) ** (1 / 2.4) - 0.055)
    red, green, blue = np.round(255 * encoded).astype(np.uint8).tolist()
    return red, green, blue, 255
