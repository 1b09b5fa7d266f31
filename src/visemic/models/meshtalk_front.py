"""What stands between a mesh and MeshTalk's networks: the vertices themselves, or few numbers for them.

The published networks take vertices, and their first and last matrix hold most of their
parameters. Behind principal components those matrices shrink to nothing: the networks see triples
of components as if they were vertices, and the face at rest, whatever its shape, is added again
at the end. Nothing is learnt here; a front is fitted once and kept with the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int

from visemic.core.errors import ArtifactError, InputError, RigError

_BLOCK_COORDINATES = 4_096
UNIT_M = 0.001
"""Points are millimetres, as published."""


@runtime_checkable
class Front(Protocol):
    """Turns positions into points and back."""

    @property
    def kind(self) -> str:
        """``vertices`` or ``components``."""
        ...

    @property
    def n_vertices(self) -> int:
        """Of the mesh."""
        ...

    @property
    def n_points(self) -> int:
        """Points that the networks see."""
        ...

    def points(
        self,
        vertices: Float32[np.ndarray, "frames vertices 3"],
        neutral: Float32[np.ndarray, "own_vertices 3"],
    ) -> Float32[np.ndarray, "frames points 3"]:
        """Give what the networks see of positions in metres, of a face that is ``neutral`` at rest."""
        ...

    def vertices(
        self,
        points: Float32[np.ndarray, "frames points 3"],
        neutral: Float32[np.ndarray, "vertices 3"],
    ) -> Float32[np.ndarray, "frames vertices 3"]:
        """Give positions in metres; what the networks do not see stays as in the face at rest."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Give what to store."""
        ...


@dataclass(frozen=True, eq=False)
class VertexFront:
    """The vertices themselves, all or some of a mesh."""

    n_vertices: int
    chosen: Int[np.ndarray, " chosen"]
    """Which vertices move, ascending."""
    kind: str = "vertices"

    def __post_init__(self) -> None:
        _check_chosen(self.chosen, self.n_vertices)

    @property
    def n_points(self) -> int:
        """Vertices that move."""
        return len(self.chosen)

    def points(
        self,
        vertices: Float32[np.ndarray, "frames vertices 3"],
        neutral: Float32[np.ndarray, "own_vertices 3"],
    ) -> Float32[np.ndarray, "frames points 3"]:
        """Give the chosen vertices in millimetres; whose face it is stays to be seen."""
        check_vertices(vertices.shape[1], self.n_vertices)
        return vertices[:, self.chosen] / np.float32(UNIT_M)

    def vertices(
        self,
        points: Float32[np.ndarray, "frames points 3"],
        neutral: Float32[np.ndarray, "vertices 3"],
    ) -> Float32[np.ndarray, "frames vertices 3"]:
        """Give the mesh in metres; vertices that were not chosen rest."""
        check_vertices(len(neutral), self.n_vertices)
        whole = np.repeat(neutral[None], len(points), axis=0)
        whole[:, self.chosen] = points * np.float32(UNIT_M)
        return whole

    def arrays(self) -> dict[str, np.ndarray]:
        """Give which vertices move."""
        return {"chosen": self.chosen.astype(np.int32)}


@dataclass(frozen=True, eq=False)
class ComponentFront:
    """Principal components of displacements.

    A face is seen as how far it has moved along the components from its own rest. People differ by
    far more along them than brows and lids move, so whose face it is would drown what it does. Any
    face of the mesh keeps its shape, and the networks do not see whose it is.
    """

    n_vertices: int
    chosen: Int[np.ndarray, " chosen"]
    """Which vertices move, ascending."""
    basis: Float32[np.ndarray, "components coordinates"]
    """Orthonormal but for the rounding to half precision, in which it is stored."""
    kind: str = "components"

    def __post_init__(self) -> None:
        _check_chosen(self.chosen, self.n_vertices)
        if len(self.basis) % 3:
            raise InputError(f"a front of {len(self.basis)} components is not made of triples; give 48 or 96")

    @property
    def n_points(self) -> int:
        """Triples of components."""
        return len(self.basis) // 3

    def points(
        self,
        vertices: Float32[np.ndarray, "frames vertices 3"],
        neutral: Float32[np.ndarray, "own_vertices 3"],
    ) -> Float32[np.ndarray, "frames points 3"]:
        """Give the movement along the components, in millimetres, three to a point."""
        check_vertices(vertices.shape[1], self.n_vertices)
        check_vertices(len(neutral), self.n_vertices)
        moved = (vertices[:, self.chosen] - neutral[self.chosen]) / np.float32(UNIT_M)
        return (moved.reshape(len(moved), -1) @ self.basis.T).reshape(len(moved), -1, 3)

    def vertices(
        self,
        points: Float32[np.ndarray, "frames points 3"],
        neutral: Float32[np.ndarray, "vertices 3"],
    ) -> Float32[np.ndarray, "frames vertices 3"]:
        """Give the mesh in metres: the face at rest, moved along the components."""
        check_vertices(len(neutral), self.n_vertices)
        moved = points.reshape(len(points), -1) @ self.basis
        whole = np.repeat(neutral[None], len(points), axis=0)
        whole[:, self.chosen] += (moved * np.float32(UNIT_M)).reshape(len(points), -1, 3)
        return whole

    def arrays(self) -> dict[str, np.ndarray]:
        """Give which vertices move and along what."""
        return {
            "chosen": self.chosen.astype(np.int32),
            "basis": self.basis.astype(np.float16),
        }


def front_from_arrays(kind: str, n_vertices: int, arrays: Mapping[str, np.ndarray]) -> Front:
    """Give the front that ``arrays`` and its kind were taken from.

    Raises:
        ArtifactError: The kind is unknown or an array is missing.
    """
    wanted = {"vertices": ("chosen",), "components": ("chosen", "basis")}.get(kind)
    if wanted is None or not set(wanted) <= set(arrays):
        raise ArtifactError(f"a front of kind {kind!r} with {sorted(arrays)} is not known; train it again")
    if kind == "vertices":
        return VertexFront(n_vertices, arrays["chosen"])
    basis = arrays["basis"].astype(np.float32)
    return ComponentFront(n_vertices, arrays["chosen"], basis)


def fit_components(
    displacements: Float32[np.ndarray, "frames coordinates"], n_components: int
) -> tuple[Float32[np.ndarray, "components coordinates"], float]:
    """Give the directions that hold most of the motion, and the share of it that they hold.

    Displacements are not centred: a face at rest is at 0 along every direction. Memory is that of
    the frames beside a square table of their products.

    Args:
        displacements: From the face at rest, millimetres, at least as many as components.
        n_components: A multiple of 3.

    Raises:
        InputError: There are too few frames, or less than that many directions move.
    """
    if n_components % 3 or not 3 <= n_components <= min(displacements.shape):
        raise InputError(
            f"{n_components} components cannot be fitted to {displacements.shape[0]} frames of "
            f"{displacements.shape[1]} coordinates; give a multiple of 3 that is no larger than both"
        )
    products = np.zeros((len(displacements), len(displacements)))
    for start in range(0, displacements.shape[1], _BLOCK_COORDINATES):
        # In double precision, or small directions drown in the rounding of large ones.
        part = displacements[:, start : start + _BLOCK_COORDINATES].astype(np.float64)
        products += part @ part.T
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1][:n_components], vectors[:, ::-1][:, :n_components]
    if values[-1] <= 1e-9 * values[0]:
        moving = int((values > 1e-9 * values[0]).sum())
        raise InputError(
            f"the frames move along {moving} directions and {n_components} components are asked for; "
            f"give {moving // 3 * 3} or fewer"
        )
    basis = (vectors / np.sqrt(values)).T.astype(np.float32) @ displacements
    held = float(values.sum() / np.trace(products))
    return basis.astype(np.float16).astype(np.float32), min(held, 1.0)


def check_vertices(found: int, wanted: int) -> None:
    """Refuse a mesh of another topology.

    Raises:
        RigError: The number of vertices is another.
    """
    if found != wanted:
        raise RigError(
            f"the mesh has {found} vertices and the model was made for one of {wanted}; "
            "give a face of its topology or train a model for yours"
        )


def _check_chosen(chosen: Int[np.ndarray, " chosen"], n_vertices: int) -> None:
    if not len(chosen) or chosen[0] < 0 or chosen[-1] >= n_vertices or (np.diff(chosen) <= 0).any():
        raise InputError(
            f"{len(chosen)} chosen vertices are no ascending choice of {n_vertices}; name some, each once"
        )
