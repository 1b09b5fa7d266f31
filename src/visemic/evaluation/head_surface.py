"""What the triangles of a head belong to, and which parts of it are rooted in each other.

Material groups say skin, lips or teeth; checks need more: upper and lower lip, the lids, each
arch, the ears. Parts are found from groups, connected shells, named landmarks and the jaw's
shape, so any rig with these can be checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from visemic.core.clock import Rate
from visemic.core.signals import Motion
from visemic.geometry.intersection import depths_behind
from visemic.rig.linear import Rig, pose_motion

EYE_MATERIALS = frozenset({"sclera", "iris", "pupil", "cornea"})
HAIR_PARTS = frozenset({"hair", "brow", "lash"})
_LIP_SEEDS = {"upper lip": "upper_lip_", "lower lip": "lower_lip_"}

ROOTED: dict[frozenset[str], str] = {
    frozenset({"upper teeth", "upper gums"}): "necks of the teeth",
    frozenset({"lower teeth", "lower gums"}): "necks of the teeth",
    frozenset({"upper roots", "upper gums"}): "roots of the teeth",
    frozenset({"lower roots", "lower gums"}): "roots of the teeth",
    frozenset({"upper roots", "mouth cavity"}): "roots of the teeth",
    frozenset({"lower roots", "mouth cavity"}): "roots of the teeth",
    frozenset({"upper roots"}): "roots of the teeth",
    frozenset({"lower roots"}): "roots of the teeth",
    frozenset({"upper roots", "upper teeth"}): "roots of the teeth",
    frozenset({"lower roots", "lower teeth"}): "roots of the teeth",
    frozenset({"upper teeth"}): "contact points of neighbouring teeth",
    frozenset({"lower teeth"}): "contact points of neighbouring teeth",
    frozenset({"upper gums", "mouth cavity"}): "gums grow out of the lining",
    frozenset({"lower gums", "mouth cavity"}): "gums grow out of the lining",
    frozenset({"tongue", "mouth cavity"}): "root of the tongue in the floor of the mouth",
    frozenset({"hair", "skin"}): "hair grows out of the scalp",
    frozenset({"hair", "ear"}): "hair lies on the ears",
    frozenset({"hair"}): "strands lie in one another",
    frozenset({"hair", "brow"}): "hairs cross",
    frozenset({"brow", "skin"}): "brows grow out of the skin",
    frozenset({"brow", "lid"}): "brows grow out of the skin",
    frozenset({"brow"}): "hairs cross",
    frozenset({"brow", "lash"}): "hairs cross",
    frozenset({"lash", "lid"}): "lashes grow out of the lids",
    frozenset({"lash", "skin"}): "lashes grow out of the lids",
    frozenset({"lash"}): "lashes of both lids pass between each other",
    frozenset({"ear", "skin"}): "ears are rooted in the head",
}
"""Parts that are in each other by construction, with the reason; nothing else may be."""
SOCKET = frozenset({"eyeball"})
"""Behind its centre an eyeball may be in anything: there it is in the socket, which nobody sees."""


@dataclass(frozen=True, eq=False)
class Surface:
    """The triangles of a head sorted by part."""

    parts: tuple[str, ...]
    part_of_triangle: Int[np.ndarray, " triangles"]
    names: Int[np.ndarray, " vertices"]
    """Equal for vertices that are always in one place."""

    def triangles_of(self, part: str) -> Int[np.ndarray, " some"]:
        """Give the numbers of a part's triangles, none for a part that the head lacks."""
        if part not in self.parts:
            return np.zeros(0, int)
        return np.flatnonzero(self.part_of_triangle == self.parts.index(part))

    def vertices_of(self, rig: Rig, *parts: str) -> Int[np.ndarray, " some"]:
        """Give the vertices of parts."""
        return np.unique(
            np.concatenate([rig.triangles[self.triangles_of(p)].ravel() for p in parts]).astype(int)
        )


def posed(rig: Rig, weights: Mapping[str, float]) -> Float[np.ndarray, "vertices 3"]:
    """Give the head in one pose, metres; eyeLook shapes turn the eyes along.

    A name without its side stands for both sides.

    Raises:
        LayoutError: The rig has no such shape.
    """
    values = np.zeros((1, len(rig.layout)), np.float32)
    for name, weight in weights.items():
        sides = (name,) if name in rig.layout else (name + "Left", name + "Right")
        for side in sides:
            values[0, rig.layout.index(side)] = weight
    return pose_motion(rig, Motion(values, rig.layout, Rate.of(30))).vertices[0].astype(float)


def sort_surface(rig: Rig) -> Surface:
    """Sort a head's triangles by part."""
    names = vertex_names(rig)
    material = np.empty(len(rig.triangles), dtype=object)
    for group in rig.groups:
        material[group.start : group.stop] = group.material.name
    shell = _shells(names, rig.triangles)
    part = np.array([_plain(m) for m in material], dtype=object)
    skin = part == "skin"
    if skin.any():
        face = np.argmax(np.bincount(shell[skin]))
        part[skin & (shell != face)] = "ear"
        if "eyelids" in rig.regions:
            at_lid = rig.regions["eyelids"][rig.triangles].min(axis=1) > 0.5
            part[(part == "skin") & at_lid] = "lid"
    _split_lips(rig, names, part)
    lower = _follows_jaw(rig)
    for kind in ("teeth", "gums"):
        mine = part == kind
        for number in np.unique(shell[mine]):
            here = mine & (shell == number)
            is_lower = bool(np.mean(lower[np.unique(rig.triangles[here])]) > 0.5)
            part[here] = f"{'lower' if is_lower else 'upper'} {kind}"
    for arch in ("upper", "lower"):
        _bury_roots(rig, part, arch)
    kinds = tuple(sorted(set(part.tolist())))
    return Surface(kinds, np.array([kinds.index(p) for p in part], dtype=int), names)


def _bury_roots(rig: Rig, part: np.ndarray, arch: str) -> None:
    """Call what lies in the gums at rest a root."""
    teeth, gums = np.flatnonzero(part == f"{arch} teeth"), np.flatnonzero(part == f"{arch} gums")
    if len(teeth) == 0 or len(gums) == 0:
        return
    points = rig.neutral.astype(float)
    own = np.unique(rig.triangles[teeth])
    buried = np.zeros(rig.n_vertices, bool)
    buried[own] = depths_behind(points[own], points[rig.triangles[gums]]) > 0
    part[teeth[buried[rig.triangles[teeth]].all(axis=1)]] = f"{arch} roots"


def _plain(material: str) -> str:
    return "eyeball" if material in EYE_MATERIALS else material.replace("_", " ")


def vertex_names(rig: Rig) -> Int[np.ndarray, " vertices"]:
    """Give one number to vertices that are in one place in the neutral and in every shape."""
    rng = np.random.default_rng(0)
    mix = np.einsum("c,cvx->vx", rng.standard_normal(len(rig.offsets)), rig.offsets.astype(float))
    keys = np.concatenate([rig.neutral.astype(float), mix], axis=1).round(9)
    _, names = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(names, dtype=int).ravel()


def _shells(names: np.ndarray, triangles: np.ndarray) -> Int[np.ndarray, " triangles"]:
    """Number the connected pieces of the surface."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    corner = names[triangles]
    links = (np.ones(2 * len(corner)), (corner[:, [0, 1]].ravel(), corner[:, [1, 2]].ravel()))
    count = int(names.max()) + 1
    _, label = connected_components(coo_matrix(links, (count, count)), directed=False)
    return np.asarray(label[corner[:, 0]], dtype=int)


def _follows_jaw(rig: Rig) -> Bool[np.ndarray, " vertices"]:
    """Tell which vertices go along with the jaw: more than half the way of the lower incisors."""
    if "jawOpen" not in rig.layout or "lower_incisor_edge" not in rig.landmarks:
        return np.zeros(rig.n_vertices, bool)
    way = np.linalg.norm(rig.offsets[rig.layout.index("jawOpen")], axis=1)
    return way > 0.3 * way[rig.landmark("lower_incisor_edge")]


def _split_lips(rig: Rig, names: np.ndarray, part: np.ndarray) -> None:
    """Divide the lips at their corners: each triangle goes to the lip whose landmarks are nearer along it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    lips = np.flatnonzero(part == "lips")
    seeds = {
        lip: [rig.landmarks[n] for n in rig.landmarks if n.startswith(p)] for lip, p in _LIP_SEEDS.items()
    }
    if len(lips) == 0 or not all(seeds.values()):
        return
    corner = names[rig.triangles[lips]]
    place = np.zeros((int(names.max()) + 1, 3))
    place[names] = rig.neutral
    ends = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    ends = np.unique(np.sort(ends, axis=1), axis=0)
    length = np.linalg.norm(place[ends[:, 0]] - place[ends[:, 1]], axis=1) + 1e-9
    graph = coo_matrix((length, (ends[:, 0], ends[:, 1])), (len(place), len(place))).tocsr()
    away = {
        lip: dijkstra(graph, directed=False, indices=names[np.array(seed)], min_only=True)
        for lip, seed in seeds.items()
    }
    upper = away["upper lip"][corner].mean(axis=1) <= away["lower lip"][corner].mean(axis=1)
    part[lips] = np.where(upper, "upper lip", "lower lip")
