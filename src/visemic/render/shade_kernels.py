"""Loops that turn the nearest triangles into bytes.

A row of pixels becomes a list of places to light: one in the middle of a pixel that shows
one smooth surface, one for every sample where surfaces meet.
"""

import math

import numpy as np

from visemic.render.jit import compiled
from visemic.render.light_kernels import PLACES, gather_places, light_places, resolve_places

# Numbers of half the size: plain literals would be doubles.
_0, _1 = np.float32(0), np.float32(1)
# Two samples whose nearness differs by more than this share are not one surface.
_STEP = np.float32(0.004)


@compiled(fastmath=True)
def backdrop_at(column: int, y: int, backdrop: np.ndarray, k: int) -> float:
    """Give the backdrop's linear value of colour ``k`` at a pixel: a soft pool of light."""
    dx = (column + 0.5 - backdrop[0]) * backdrop[2]
    dy = (y + 0.5 - backdrop[1]) * backdrop[2]
    return backdrop[3 + k] + backdrop[6 + k] / (1.0 + dx * dx + dy * dy)


@compiled(fastmath=True)
def byte_of(value: float, column: int, y: int, curve: np.ndarray) -> np.uint8:
    """Give the sRGB byte of a linear value; an ordered 8x8 pattern hides the steps of dark slopes."""
    u = (column ^ y) & 7
    w = y & 7
    level = (
        ((u & 1) << 5) | ((w & 1) << 4) | ((u & 2) << 2) | ((w & 2) << 1) | ((u & 4) >> 1) | ((w & 4) >> 2)
    )
    step = int(math.sqrt(min(max(value, 0.0), 1.0)) * (curve.shape[0] - 1) + 0.5)
    return np.uint8(min(curve[step] + (level + 0.5) / 64.0, 255.0))


@compiled(fastmath=True)
def paint_backdrop(backdrop: np.ndarray, curve: np.ndarray, picture: np.ndarray) -> None:
    """Write the backdrop's bytes everywhere."""
    for y in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            for k in range(3):
                picture[y, column, k] = byte_of(backdrop_at(column, y, backdrop, k), column, y, curve)


@compiled(fastmath=True)
def sort_row(
    top: int,
    n_samples: int,
    owner: np.ndarray,
    nearest: np.ndarray,
    glass_owner: np.ndarray,
    has_glass: bool,
    triangle_material: np.ndarray,
    states: np.ndarray,
) -> None:
    """Write 0 for a pixel of backdrop, 1 for one smooth surface, 2 where its samples differ."""
    for column in range(states.shape[0]):
        left = column * n_samples
        first = owner[top, left]
        # Most pixels lie inside one triangle or beside the head.
        if n_samples == 2 and not has_glass:
            below = owner[top + 1, left]
            if owner[top, left + 1] == first and below == first and owner[top + 1, left + 1] == first:
                states[column] = 1 if first >= 0 else 0
                continue
        low = nearest[top, left]
        high = low
        differs = False
        for i in range(top, top + n_samples):
            for j in range(left, left + n_samples):
                t = owner[i, j]
                if t != first:
                    low = min(low, nearest[i, j])
                    high = max(high, nearest[i, j])
                    if t < 0 or first < 0 or triangle_material[t] != triangle_material[first]:
                        differs = True
                if has_glass and glass_owner[i, j] >= 0:
                    differs = True
        if differs or high - low > _STEP * high:
            states[column] = 2
        else:
            states[column] = 1 if first >= 0 else 0


@compiled(fastmath=True)
def list_points(
    column: int,
    first_row: int,
    row: int,
    n_samples: int,
    n: int,
    states: np.ndarray,
    share: float,
    owner: np.ndarray,
    nearest: np.ndarray,
    glass_owner: np.ndarray,
    glass_nearest: np.ndarray,
    has_glass: bool,
    backdrop: np.ndarray,
    owners: np.ndarray,
    points: np.ndarray,
    columns: np.ndarray,
    sums: np.ndarray,
) -> tuple[int, int]:
    """Append the points of a row's pixels from ``column`` on; give the next pixel and the length of the list.

    Stops at the end of the row or when the list is full. Samples of backdrop are added up at once.
    """
    y = first_row + row
    width = states.shape[0]
    while column < width and n + 2 * n_samples * n_samples <= PLACES:
        state = states[column]
        if state > 0:
            sums[column, 0] = _0
            sums[column, 1] = _0
            sums[column, 2] = _0
        if state == 1:
            owners[n] = owner[row * n_samples, column * n_samples]
            points[0, n] = (column + 0.5) * n_samples
            points[1, n] = (y + 0.5) * n_samples
            points[2, n] = _1
            columns[n] = column
            n += 1
        elif state == 2:
            for r in range(row * n_samples, (row + 1) * n_samples):
                for c in range(column * n_samples, (column + 1) * n_samples):
                    if owner[r, c] < 0:
                        for k in range(3):
                            sums[column, k] += share * backdrop_at(column, y, backdrop, k)
                        continue
                    n_layers = 1
                    if has_glass and glass_owner[r, c] >= 0 and glass_nearest[r, c] > nearest[r, c] * 0.9999:
                        n_layers = 2
                    for layer in range(n_layers):
                        owners[n] = owner[r, c] if layer == 0 else glass_owner[r, c]
                        points[0, n] = c + 0.5
                        points[1, n] = first_row * n_samples + r + 0.5
                        points[2, n] = share
                        columns[n] = column
                        n += 1
        column += 1
    return column, n


@compiled(fastmath=True)
def shade_band(
    first_row: int,
    n_samples: int,
    screen: np.ndarray,
    attributes: np.ndarray,
    triangles: np.ndarray,
    triangle_material: np.ndarray,
    owner: np.ndarray,
    nearest: np.ndarray,
    glass_owner: np.ndarray,
    glass_nearest: np.ndarray,
    has_glass: bool,
    materials: np.ndarray,
    lights: np.ndarray,
    ambient: np.ndarray,
    ray: np.ndarray,
    key_screen: np.ndarray,
    key_map: np.ndarray,
    key_lift: np.ndarray,
    rest: np.ndarray,
    axes: np.ndarray,
    backdrop: np.ndarray,
    curve: np.ndarray,
    places: np.ndarray,
    owners: np.ndarray,
    points: np.ndarray,
    columns: np.ndarray,
    states: np.ndarray,
    sums: np.ndarray,
    picture: np.ndarray,
) -> None:
    """Write the bytes of a band of picture rows over a picture that holds the backdrop.

    A pixel whose samples all show one smooth surface is lit once, at its centre; where
    surfaces meet every sample is lit for itself, so edges stay sharp and smooth.
    """
    share = np.float32(1.0 / (n_samples * n_samples))
    width = picture.shape[1]
    for row in range(owner.shape[0] // n_samples):
        sort_row(
            row * n_samples, n_samples, owner, nearest, glass_owner, has_glass, triangle_material, states
        )
        column = 0
        while column < width:
            column, n = list_points(
                column,
                first_row,
                row,
                n_samples,
                0,
                states,
                share,
                owner,
                nearest,
                glass_owner,
                glass_nearest,
                has_glass,
                backdrop,
                owners,
                points,
                columns,
                sums,
            )
            gather_places(
                n,
                owners,
                points,
                screen,
                attributes,
                triangles,
                triangle_material,
                materials,
                ray,
                key_screen,
                key_map,
                key_lift,
                rest,
                axes,
                places,
            )
            light_places(n, lights, ambient, places)
            resolve_places(n, places, columns, sums)
        y = first_row + row
        for column in range(width):
            if states[column] > 0:
                for k in range(3):
                    picture[y, column, k] = byte_of(sums[column, k], column, y, curve)


@compiled(fastmath=True)
def planes_from_picture(picture: np.ndarray, planes: np.ndarray) -> None:
    """Write the planes of BT.709 video (limited range, 4:2:0), one above the other, from sRGB bytes.

    Chroma is the mean of two by two pixels.
    """
    height, width = picture.shape[0], picture.shape[1]
    for row in range(0, height, 2):
        for column in range(0, width, 2):
            total_r = 0.0
            total_g = 0.0
            total_b = 0.0
            for i in range(2):
                for j in range(2):
                    r = float(picture[row + i, column + j, 0])
                    g = float(picture[row + i, column + j, 1])
                    b = float(picture[row + i, column + j, 2])
                    total_r += r
                    total_g += g
                    total_b += b
                    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
                    planes[row + i, column + j] = np.uint8(16.5 + luma * (219.0 / 255.0))
            r, g, b = total_r * 0.25, total_g * 0.25, total_b * 0.25
            luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
            # The planes of chroma are half as wide: two of their rows share one row of the array.
            at = (row // 2) * (width // 2) + column // 2
            planes[height + at // width, at % width] = np.uint8(128.5 + (b - luma) / 1.8556 * (224.0 / 255.0))
            at += (height // 2) * (width // 2)
            planes[height + at // width, at % width] = np.uint8(128.5 + (r - luma) / 1.5748 * (224.0 / 255.0))
