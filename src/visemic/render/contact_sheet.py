"""Labelled grids of pictures: every shape, viseme or emotion of a head at a glance."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_52, Layout
from visemic.core.signals import Motion
from visemic.rig.linear import Rig

_INK, _PAPER = (222, 224, 228), (24, 25, 28)
_GAP = 4


def contact_sheet(
    images: Sequence[UInt8[np.ndarray, "height width 3"]], labels: Sequence[str], columns: int
) -> UInt8[np.ndarray, "rows across 3"]:
    """Lay pictures of one size out in a grid, each above its label.

    Args:
        labels: One a picture.
        columns: Pictures in a row.

    Raises:
        InputError: There is no picture, no column, or not one label a picture.
    """
    if not images:
        raise InputError("a sheet of 0 pictures cannot be made; give at least one")
    if len(labels) != len(images):
        raise InputError(f"{len(labels)} labels do not fit {len(images)} pictures; give one a picture")
    if columns < 1:
        raise InputError(f"a sheet of {columns} columns cannot be made; give at least one")
    if len({image.shape for image in images}) > 1:
        raise InputError("pictures of different sizes do not fit one sheet; draw them all at one size")
    from PIL import Image, ImageDraw, ImageFont

    height, width = images[0].shape[:2]
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    letter = max(10, min(20, width // 13))
    strip = letter + 8
    font = ImageFont.load_default(size=letter)
    size = (columns * (width + _GAP) + _GAP, rows * (height + strip + _GAP) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        x = _GAP + number % columns * (width + _GAP)
        y = _GAP + number // columns * (height + strip + _GAP)
        sheet.paste(Image.fromarray(image), (x, y))
        while label and draw.textlength(label, font=font) > width:
            label = label[:-1]
        draw.text((x + width / 2, y + height + strip / 2), label, fill=_INK, font=font, anchor="mm")
    return np.array(sheet, np.uint8)


def _sheet_of_poses(
    rig: Rig, weights: Iterable[tuple[str, Mapping[str, float]]], tile: int, view: str, columns: int
) -> UInt8[np.ndarray, "rows across 3"]:
    from visemic.render.video import render_frames

    labels, rows, names = [], [], dict.fromkeys(rig.layout.names)
    poses = list(weights)
    for _, pose in poses:
        names.update(dict.fromkeys(pose))
    layout = Layout("sheet", tuple(names))
    for label, pose in poses:
        row = np.zeros(len(layout), np.float32)
        for name, weight in pose.items():
            row[layout.index(name)] = weight
        labels.append(label)
        rows.append(row)
    if not rows:
        raise InputError("a sheet of 0 pictures cannot be made; give at least one")
    motion = Motion(np.stack(rows), layout, Rate.of(1))
    pictures = list(render_frames(rig, motion, width=tile, height=tile, view=view))
    return contact_sheet(pictures, labels, columns)


def chart_shapes(
    rig: Rig, names: Sequence[str] | None = None, *, tile: int = 256, view: str = "face", columns: int = 8
) -> UInt8[np.ndarray, "rows across 3"]:
    """Draw the neutral and then every shape at weight 1, each with its name.

    Args:
        names: Which shapes; None takes those of ARKit's 52 that the rig has, or all of its own.
        tile: Side of one picture, pixels.

    Raises:
        LayoutError: The rig lacks a shape that is asked for.
    """
    if names is None:
        names = [name for name in ARKIT_52 if name in rig.layout] or list(rig.layout)
    rig.layout.indices(names)
    poses: list[tuple[str, Mapping[str, float]]] = [("neutral", {})]
    poses += [(name, {name: 1.0}) for name in names]
    return _sheet_of_poses(rig, poses, tile, view, columns)


def chart_poses(
    rig: Rig,
    poses: Iterable[tuple[str, Mapping[str, float]]],
    *,
    tile: int = 256,
    view: str = "face",
    columns: int = 8,
) -> UInt8[np.ndarray, "rows across 3"]:
    """Draw poses such as visemes or emotions, each with its name.

    Args:
        poses: A label and weights by channel for each; channels that the rig lacks do nothing.
        tile: Side of one picture, pixels.

    Raises:
        InputError: There is no pose.
    """
    return _sheet_of_poses(rig, poses, tile, view, columns)
