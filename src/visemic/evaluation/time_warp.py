"""Two renditions of one sentence brought onto one clock: dynamic time warping of their spectra.

A voice that chooses its own durations says the same words at other times. Before its face is
compared with the recorded one, every recorded frame must know its twin.
"""

import numpy as np
from jaxtyping import Float, Int

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.signals import MeshMotion

_LEAST_SPREAD = 1e-3


def warped_places(
    target: Float[np.ndarray, "steps bands"], other: Float[np.ndarray, "other_steps other_bands"]
) -> Float[np.ndarray, " steps"]:
    """Give for every step of one spectrum its place in another one of the same words.

    Every band of both is brought to mean 0 and spread 1 first, so that another voice, louder or
    duller, is no further away. Places never fall.

    Raises:
        InputError: One is empty, or their bands differ.

    Source:
        Sakoe and Chiba 1978, "Dynamic programming algorithm optimization for spoken word recognition",
        the symmetric form.
    """
    if not len(target) or not len(other) or target.shape[1] != other.shape[1]:
        raise InputError(
            f"{len(target)} steps of {target.shape[1]} bands cannot be laid over {len(other)} of "
            f"{other.shape[1]}; give both at least one step and the same bands"
        )
    a, b = _levelled(target), _levelled(other)
    squares = np.square(a).sum(1)[:, None] + np.square(b).sum(1)[None] - 2 * a @ b.T
    path = _best_path(np.sqrt(np.maximum(squares, 0.0)))
    count = np.bincount(path[:, 0], minlength=len(a))
    return np.bincount(path[:, 0], path[:, 1], minlength=len(a)) / count


def on_clock(mesh: MeshMotion, places_s: Float[np.ndarray, " frames"], rate: Rate) -> MeshMotion:
    """Give a moving mesh as it is at other times, straight between its frames.

    Args:
        mesh: The movement.
        places_s: When to look, seconds; beyond its ends it stands still.
        rate: Of the frames that come out.
    """
    at = np.clip(places_s * float(mesh.rate), 0, len(mesh.vertices) - 1)
    before = np.floor(at).astype(np.int64)
    after = np.minimum(before + 1, len(mesh.vertices) - 1)
    share = (at - before).astype(np.float32)[:, None, None]
    vertices = mesh.vertices[before] * (1 - share) + mesh.vertices[after] * share
    return MeshMotion(vertices.astype(np.float32), mesh.topology, rate)


def _levelled(values: Float[np.ndarray, "steps bands"]) -> Float[np.ndarray, "steps bands"]:
    x = values.astype(np.float64)
    x = x - x.mean(0)
    levelled: Float[np.ndarray, "steps bands"] = x / np.maximum(x.std(0), _LEAST_SPREAD)
    return levelled


def _best_path(away: Float[np.ndarray, "m n"]) -> Int[np.ndarray, "path 2"]:
    """Give the cheapest way from corner to corner; a step in both counts twice, as two steps would."""
    m, n = away.shape
    total = np.full((m + 1, n + 1), np.inf)
    total[0, 0] = 0.0
    for diagonal in range(m + n - 1):
        i = np.arange(max(0, diagonal - n + 1), min(m, diagonal + 1))
        j = diagonal - i
        here = away[i, j]
        both = total[i, j] + 2 * here
        total[i + 1, j + 1] = np.minimum(both, np.minimum(total[i, j + 1], total[i + 1, j]) + here)
    path = [(m - 1, n - 1)]
    while path[-1] != (0, 0):
        i, j = path[-1]
        ways = {
            (i - 1, j - 1): total[i, j] + 2 * away[i, j],
            (i - 1, j): total[i, j + 1] + away[i, j],
            (i, j - 1): total[i + 1, j] + away[i, j],
        }
        path.append(min((w for w in ways if min(w) >= 0), key=lambda w: ways[w]))
    return np.array(path[::-1], np.int64)
