"""Loops that light places on a head.

Places are gathered one by one, then lit all together in loops without branches, then added
up into pixels. The tables:

- ``attributes``, one row a vertex: 0-2 normal in the camera's axes, 3 openness to the
  surroundings, 4-6 colour, 7 share of the rim light that arrives.
- ``materials``: 0-2 colour, 3 roughness, 4 reflectance at right angles, 5 subsurface, 6 kind,
  7 how far openness gates the key, 8 share of the light that reaches its back,
  9 strength of its strands, 10 z of the crown they run from.
- ``lights``, key, fill and rim: 0-2 direction towards it in the camera's axes, 3-5 colour,
  6 cosine of its reflected edge, 7 brightness of its reflection in a wet surface.
"""

import math

import numpy as np

from visemic.render.jit import compiled

KIND_PLAIN, KIND_WET, KIND_GLASS = 0, 1, 2
"""Opaque; opaque with a clear wet coat; nothing but a clear wet coat."""

PLACES = 2064
"""Places that are lit at once. A constant, so that the compiler sees that fields never overlap, and
no power of two, so that they do not fight for the same lines of the cache."""

FIELDS = 22
"""Fields of a place, each ``PLACES`` long; their numbers stand below."""

_NX, _NY, _NZ, _VX, _VY, _VZ, _FACING = 0, 1, 2, 3, 4, 5, 6
_OPEN, _KEY, _RED, _GREEN, _BLUE = 7, 8, 9, 10, 11
_ROUGH, _F0, _BLEED, _WET, _GLASS = 12, 13, 14, 15, 16
_OUT_R, _OUT_G, _OUT_B, _SHARE, _RIM = 17, 18, 19, 20, 21

# Numbers of half the size fit twice as many to an instruction; plain literals would be doubles.
_0, _1, _2, _3, _4 = np.float32(0), np.float32(1), np.float32(2), np.float32(3), np.float32(4)
_HALF, _QUARTER = np.float32(0.5), np.float32(0.25)
_WRAP_R, _WRAP_G, _WRAP_B = np.float32(0.50), np.float32(0.36), np.float32(0.30)
_SOFT = np.float32(0.5)
_EDGE_R, _EDGE_G = np.float32(0.40), np.float32(0.10)
_KNEE, _REST = np.float32(0.6), np.float32(0.4)
_CLEAR_M, _TURN = np.float32(0.010), np.float32(1 / 0.35)
_MOST_AWAY, _FIFTH = np.float32(-0.5), np.float32(0.2)
_LEAST = np.float32(0.02)
_TINY = np.float32(1e-20)
_TENTH = np.float32(0.1)
_SHARPNESS = np.float32(90)
_GRAZING_GLOSS = np.float32(0.6)
_POCKET_KEY = np.float32(0.4)
_BOUNCE = np.float32(0.8)
_STRETCH = np.float32(1 / 1.5)
_COAT = np.float32(0.5)


@compiled(fastmath=True)
def bell(away: np.float32) -> np.float32:
    """Give the cubic B-spline, stretched to reach three texels, up to a factor."""
    x = abs(away) * _STRETCH
    near = max(_1 - x, _0)
    far = max(_2 - x, _0)
    return far * far * far - _4 * near * near * near


@compiled(fastmath=True)
def soft_test(
    column: np.float32,
    row: np.float32,
    limit: np.float32,
    per_column: np.float32,
    per_row: np.float32,
    depth_map: np.ndarray,
) -> np.float32:
    """Give the share of the key light at a place of its map: 36 tests, blurred by a B-spline.

    Args:
        limit: What is nearer to the key than this stands in its way.
        per_column: How the limit grows from one texel to the next: the surface is a slope.
        per_row: The same down the map.
    """
    left, top = int(column), int(row)
    u, w = column - np.float32(left), row - np.float32(top)
    # Where the four in the middle and the four at the corners agree, the others hardly count.
    n_open = 0
    for i in range(2):
        middle = limit + (np.float32(i) - w) * per_row - u * per_column
        n_open += depth_map[top + i, left] <= middle
        n_open += depth_map[top + i, left + 1] <= middle + per_column
        corner = limit + (np.float32(5 * i - 2) - w) * per_row - (u + _2) * per_column
        n_open += depth_map[top + 5 * i - 2, left - 2] <= corner
        n_open += depth_map[top + 5 * i - 2, left + 3] <= corner + np.float32(5) * per_column
    if n_open == 8:
        return _1
    if n_open == 0:
        return _0
    bells = (bell(_2 + u), bell(_1 + u), bell(u), bell(_1 - u), bell(_2 - u), bell(_3 - u))
    whole = bells[0] + bells[1] + bells[2] + bells[3] + bells[4] + bells[5]
    total = _0
    sum_down = _0
    for i in range(6):
        away = np.float32(i - 2) - w
        here = limit + away * per_row - (u + _2) * per_column
        line = _0
        for j in range(6):
            line += bells[j] if depth_map[top + i - 2, left + j - 2] <= here else _0
            here += per_column
        down = bell(away)
        sum_down += down
        total += down * line
    return total / (whole * sum_down)


@compiled()
def _scramble(k: np.uint32) -> float:
    """Give a number from 0 to 1 that looks random, always the same for the same ``k``."""
    k = np.uint32(k ^ (k >> np.uint32(16)))
    k = np.uint32(k * np.uint32(0x7FEB352D))
    k = np.uint32(k ^ (k >> np.uint32(15)))
    k = np.uint32(k * np.uint32(0x846CA68B))
    return float(np.uint32(k ^ (k >> np.uint32(16)))) / 4294967295.0


@compiled(fastmath=True)
def ripple(x: float) -> tuple[float, float]:
    """Give smooth noise along a line, 0 to 1 with a new value at every whole number, and its slope."""
    cell = math.floor(x)
    t = x - cell
    k = np.uint32(int(cell) + 4096)
    here = _scramble(k)
    step = _scramble(k + np.uint32(1)) - here
    return here + step * t * t * (3.0 - 2.0 * t), step * 6.0 * t * (1.0 - t)


@compiled(fastmath=True)
def gather_places(
    n: int,
    owners: np.ndarray,
    points: np.ndarray,
    screen: np.ndarray,
    attributes: np.ndarray,
    triangles: np.ndarray,
    triangle_material: np.ndarray,
    materials: np.ndarray,
    ray: np.ndarray,
    key_screen: np.ndarray,
    key_map: np.ndarray,
    key_lift: np.ndarray,
    rest: np.ndarray,
    axes: np.ndarray,
    places: np.ndarray,
) -> None:
    """Write what is needed to light the first ``n`` points of the screen."""
    last = np.float32(key_map.shape[0] - 4)
    for p in range(n):
        t = owners[p]
        m = triangle_material[t]
        column, row = points[0, p], points[1, p]
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay = screen[a, 0], screen[a, 1]
        bx, by = screen[b, 0] - ax, screen[b, 1] - ay
        cx, cy = screen[c, 0] - ax, screen[c, 1] - ay
        px, py = column - ax, row - ay
        area = bx * cy - by * cx
        inverse = _1 / area if area != _0 else _0
        # The middle of a pixel may lie a little outside: the nearest point of the triangle stands in.
        wb = min(max((px * cy - py * cx) * inverse, _0), _1)
        wc = min(max((bx * py - by * px) * inverse, _0), _1)
        # Weights on the screen become weights on the surface when divided by the distance.
        wa = max(_1 - wb - wc, _0) * screen[a, 2]
        wb *= screen[b, 2]
        wc *= screen[c, 2]
        scale = _1 / (wa + wb + wc)
        wa *= scale
        wb *= scale
        wc *= scale
        nx = wa * attributes[a, 0] + wb * attributes[b, 0] + wc * attributes[c, 0]
        ny = wa * attributes[a, 1] + wb * attributes[b, 1] + wc * attributes[c, 1]
        nz = wa * attributes[a, 2] + wb * attributes[b, 2] + wc * attributes[c, 2]
        openness = wa * attributes[a, 3] + wb * attributes[b, 3] + wc * attributes[c, 3]
        # Rows run down the picture, so a triangle that faces the viewer has a negative area.
        scale = _1 / math.sqrt(nx * nx + ny * ny + nz * nz + _TINY)
        if area > _0:
            scale = -scale
        nx *= scale
        ny *= scale
        nz *= scale
        tint = _1
        if materials[m, 9] > _0:
            # Strands run down from the crown: ripples around it, in the neutral so that they stay put.
            rx = wa * rest[a, 0] + wb * rest[b, 0] + wc * rest[c, 0]
            ry = wa * rest[a, 1] + wb * rest[b, 1] + wc * rest[c, 1]
            rz = wa * rest[a, 2] + wb * rest[b, 2] + wc * rest[c, 2] - materials[m, 10]
            away = math.sqrt(rx * rx + rz * rz) + 1e-6
            turn = math.atan2(rx, rz) + 0.05 * ripple(ry * 45.0 + 9.0)[0]
            wide, wide_slope = ripple(turn * 20.0 + 50.0)
            fine, fine_slope = ripple(turn * 55.0 + ry * 25.0 + 300.0)
            strength = materials[m, 9] * min(away * 25.0, 1.0)
            tint = np.float32(1.0 + strength * (0.7 * wide + 0.5 * fine - 0.6))
            bend = np.float32(-strength * (0.0040 * wide_slope * 20.0 + 0.0016 * fine_slope * 55.0))
            ex, ez = np.float32(rz / away), np.float32(-rx / away)
            nx += bend * (axes[0, 0] * ex + axes[0, 2] * ez)
            ny += bend * (axes[1, 0] * ex + axes[1, 2] * ez)
            nz += bend * (axes[2, 0] * ex + axes[2, 2] * ez)
            scale = _1 / math.sqrt(nx * nx + ny * ny + nz * nz + _TINY)
            nx *= scale
            ny *= scale
            nz *= scale
        vx, vy = (ray[0] - column) * ray[2], (row - ray[1]) * ray[2]
        vz = _1 / math.sqrt(vx * vx + vy * vy + _1)
        vx *= vz
        vy *= vz
        facing = nx * vx + ny * vy + nz * vz
        if facing < _LEAST:  # a smooth normal may look away where its triangle does not
            push = _LEAST - facing
            nx += push * vx
            ny += push * vy
            nz += push * vz
            facing = _LEAST
        # The point is lifted along its normal before it asks for the key, against shadow on itself.
        lift = nx * key_lift[6] + ny * key_lift[7] + nz * key_lift[8]
        toward = lift * key_lift[10]
        lit = _0
        if toward > _MOST_AWAY:
            x = wa * key_screen[a, 0] + wb * key_screen[b, 0] + wc * key_screen[c, 0] - _HALF
            y = wa * key_screen[a, 1] + wb * key_screen[b, 1] + wc * key_screen[c, 1] - _HALF
            along = nx * key_lift[0] + ny * key_lift[1] + nz * key_lift[2]
            down = nx * key_lift[3] + ny * key_lift[4] + nz * key_lift[5]
            x += along
            y += down
            steep = key_lift[9] / max(toward, _FIFTH)
            limit = wa * key_screen[a, 2] + wb * key_screen[b, 2] + wc * key_screen[c, 2]
            limit += max(lift, _0) + _HALF * steep
            # Where the surface turns away from the key its own curve ends the light; only what
            # stands clear of it casts a shadow there.
            turned = max(_1 - toward * _TURN, _0)
            limit += _CLEAR_M * turned * turned
            per_column, per_row = -along * steep, -down * steep
            lit = _1
            if x >= _2 and y >= _2 and x < last and y < last:
                lit = soft_test(x, y, limit, per_column, per_row, key_map)
        # In the pockets of eyes and mouth the map of the whole head is too coarse, and a lamp as
        # large as this one reaches around a lip.
        pocket = openness * (_POCKET_KEY + (_1 - _POCKET_KEY) * lit)
        lit += materials[m, 7] * (pocket - lit)
        if area > _0:  # the inside of a closed skin is dark
            openness *= materials[m, 8]
            lit *= materials[m, 8]
        places[_NX * PLACES + p] = nx
        places[_NY * PLACES + p] = ny
        places[_NZ * PLACES + p] = nz
        places[_VX * PLACES + p] = vx
        places[_VY * PLACES + p] = vy
        places[_VZ * PLACES + p] = vz
        places[_FACING * PLACES + p] = facing
        places[_OPEN * PLACES + p] = openness
        places[_KEY * PLACES + p] = lit
        rim = wa * attributes[a, 7] + wb * attributes[b, 7] + wc * attributes[c, 7]
        places[_RIM * PLACES + p] = rim * openness
        for k in range(3):
            colour = wa * attributes[a, 4 + k] + wb * attributes[b, 4 + k] + wc * attributes[c, 4 + k]
            places[(_RED + k) * PLACES + p] = colour * materials[m, k] * tint
        places[_ROUGH * PLACES + p] = materials[m, 3]
        places[_F0 * PLACES + p] = materials[m, 4]
        places[_BLEED * PLACES + p] = materials[m, 5]
        places[_WET * PLACES + p] = _1 if materials[m, 6] != _0 else _0
        places[_GLASS * PLACES + p] = _1 if materials[m, 6] == _2 else _0
        places[_SHARE * PLACES + p] = points[2, p]


@compiled(fastmath=True)
def warm_openness(openness: np.float32, colour: np.float32) -> np.float32:
    """Give openness with the light that its own walls throw back: more, the brighter they are.

    Light that has met skin several times is red, so creases of skin are not grey.
    """
    returned = _BOUNCE * colour * (_1 - openness) * openness
    return openness + returned


@compiled(fastmath=True)
def wrapped(toward: np.float32, wrap: np.float32) -> np.float32:
    """Give the cosine law reaching past the terminator by ``wrap``, where it ends without a kink."""
    share = max(toward + wrap, _0) / (_1 + wrap)
    soft = _SOFT * wrap
    return share * share * (_1 + soft) / (share + soft + _TINY)


@compiled(fastmath=True)
def light_places(n: int, lights: np.ndarray, ambient: np.ndarray, places: np.ndarray) -> None:
    """Write the light that leaves each of the first ``n`` places towards the viewer."""
    low_r, low_g, low_b = ambient[0], ambient[1], ambient[2]
    rise_r, rise_g, rise_b = ambient[3] - low_r, ambient[4] - low_g, ambient[5] - low_b
    room_r, room_g, room_b = ambient[6], ambient[7], ambient[8]
    for p in range(n):
        # Light from all around: bright above, warm and dim below, and none in a closed place.
        ny, facing = places[_NY * PLACES + p], places[_FACING * PLACES + p]
        openness, f0 = places[_OPEN * PLACES + p], places[_F0 * PLACES + p]
        above = _HALF + _HALF * ny
        grazing = _1 - facing
        grazing2 = grazing * grazing
        fresnel = grazing2 * grazing2 * grazing
        mirrored = _HALF + _HALF * (_2 * facing * ny - places[_VY * PLACES + p])
        room = f0 + (_1 - places[_ROUGH * PLACES + p]) * fresnel * _GRAZING_GLOSS
        room *= openness * openness * (_QUARTER + (_1 - _QUARTER) * mirrored * mirrored)
        red, green, blue = places[_RED * PLACES + p], places[_GREEN * PLACES + p], places[_BLUE * PLACES + p]
        light_r = warm_openness(openness, red) * (low_r + above * rise_r)
        light_g = warm_openness(openness, green) * (low_g + above * rise_g)
        light_b = warm_openness(openness, blue) * (low_b + above * rise_b)
        places[_OUT_R * PLACES + p] = light_r * red + room * room_r
        places[_OUT_G * PLACES + p] = light_g * green + room * room_g
        places[_OUT_B * PLACES + p] = light_b * blue + room * room_b
    for i in range(lights.shape[0]):
        lx, ly, lz = lights[i, 0], lights[i, 1], lights[i, 2]
        light_r, light_g, light_b = lights[i, 3], lights[i, 4], lights[i, 5]
        reflected_edge, reflected = lights[i, 6], lights[i, 7]
        is_key = _1 if i == 0 else _0
        is_fill = _1 if i == 1 else _0
        for p in range(n):
            nx, ny, nz = places[_NX * PLACES + p], places[_NY * PLACES + p], places[_NZ * PLACES + p]
            vx, vy, vz = places[_VX * PLACES + p], places[_VY * PLACES + p], places[_VZ * PLACES + p]
            facing, openness = places[_FACING * PLACES + p], places[_OPEN * PLACES + p]
            rough, f0, bleed = (
                places[_ROUGH * PLACES + p],
                places[_F0 * PLACES + p],
                places[_BLEED * PLACES + p],
            )
            toward = nx * lx + ny * ly + nz * lz
            arrives = is_key * places[_KEY * PLACES + p] + is_fill * openness
            arrives += (_1 - is_key - is_fill) * places[_RIM * PLACES + p]
            # Light bleeds through skin past the terminator and into the edge of a shadow, red farthest.
            edge = arrives * (_1 - arrives) * bleed
            wrap_r, wrap_g, wrap_b = _WRAP_R * bleed, _WRAP_G * bleed, _WRAP_B * bleed
            red = wrapped(toward, wrap_r) * min(arrives + _EDGE_R * edge, _1)
            green = wrapped(toward, wrap_g) * min(arrives + _EDGE_G * edge, _1)
            blue = wrapped(toward, wrap_b) * arrives
            # Microfacets: the normal distribution of Trowbridge and Reitz.
            hx, hy, hz = lx + vx, ly + vy, lz + vz
            scale = _1 / math.sqrt(hx * hx + hy * hy + hz * hz + _TINY)
            nh = (nx * hx + ny * hy + nz * hz) * scale
            lh = (lx * hx + ly * hy + lz * hz) * scale
            squared = rough * rough
            squared *= squared
            spread = nh * nh * (squared - _1) + _1
            shine = squared / (_4 * spread * spread * max(lh * lh, _TENTH) * (rough + _HALF))
            at_edge = _1 - lh
            at_edge2 = at_edge * at_edge
            shine *= f0 + (_1 - f0) * at_edge2 * at_edge2 * at_edge
            shine = min(shine * max(toward, _0), _4) * arrives * openness
            # A wet coat mirrors the lamp itself, with a sharp edge: the catch-light of an eye.
            mirror = _2 * facing * toward - (vx * lx + vy * ly + vz * lz)
            inside = min(max((mirror - reflected_edge) * _SHARPNESS + _HALF, _0), _1)
            shine += inside * reflected * places[_WET * PLACES + p] * arrives
            places[_OUT_R * PLACES + p] += (red * places[_RED * PLACES + p] + shine) * light_r
            places[_OUT_G * PLACES + p] += (green * places[_GREEN * PLACES + p] + shine) * light_g
            places[_OUT_B * PLACES + p] += (blue * places[_BLUE * PLACES + p] + shine) * light_b


@compiled(fastmath=True)
def resolve_places(n: int, places: np.ndarray, columns: np.ndarray, sums: np.ndarray) -> None:
    """Add the first ``n`` places to the sums of their pixels; glass covers the place before it."""
    for p in range(n):
        if places[_GLASS * PLACES + p] > _0:
            grazing = _1 - places[_FACING * PLACES + p]
            through = _1 - _COAT * grazing * grazing * grazing
            for k in range(3):
                field = (_OUT_R + k) * PLACES
                places[field + p] += places[field + p - 1] * through
            places[_SHARE * PLACES + p - 1] = _0
    for k in range(3):
        field = (_OUT_R + k) * PLACES
        for p in range(n):
            # Bend what is brighter than the knee so that highlights roll off towards 1.
            value = places[field + p]
            above = max(value - _KNEE, _0)
            places[field + p] = min(value, _KNEE) + _REST * above / (above + _REST)
    for p in range(n):
        for k in range(3):
            sums[columns[p], k] += places[_SHARE * PLACES + p] * places[(_OUT_R + k) * PLACES + p]
