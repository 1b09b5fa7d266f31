"""The binary side of a glTF file: arrays in, accessor numbers out.

pygltflib is imported when a file is built, not before.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Float32

ARRAY_BUFFER = 34962
ELEMENT_ARRAY_BUFFER = 34963
MAX_SHORT_INDEX = 65_535
"""Above this an index needs four bytes; the number itself is the restart value."""

_COMPONENT = {"u1": 5121, "u2": 5123, "u4": 5125, "f4": 5126}
_TYPE = {1: "SCALAR", 3: "VEC3", 2: "VEC2", 4: "VEC4", 16: "MAT4"}


def index_type(n_vertices: int) -> str:
    """Give the smallest integer type that can number so many vertices."""
    return "<u2" if n_vertices <= MAX_SHORT_INDEX else "<u4"


class GltfBuffer:
    """Collects arrays for one glTF file and hands out the numbers of their accessors."""

    def __init__(self) -> None:
        self.accessors: list[Any] = []
        self.views: list[Any] = []
        self._bytes = bytearray()
        self._zeros: dict[int, int] = {}

    @property
    def blob(self) -> bytes:
        """Everything collected so far."""
        return bytes(self._bytes)

    def _view(self, data: np.ndarray, target: int | None) -> int:
        from pygltflib import BufferView

        self._bytes += b"\0" * (-len(self._bytes) % 4)
        view = BufferView(buffer=0, byteOffset=len(self._bytes), byteLength=data.nbytes, target=target)
        self._bytes += data.tobytes()
        self.views.append(view)
        return len(self.views) - 1

    def _add(self, accessor: Any) -> int:
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def add(
        self, data: np.ndarray, *, target: int | None = None, bounded: bool = False, normalized: bool = False
    ) -> int:
        """Store an array: rows of numbers, vectors or matrices.

        Args:
            target: What a vertex array is for; None for other data.
            bounded: Whether to state the least and the greatest value of each component.
            normalized: Whether integers stand for 0 to 1.
        """
        from pygltflib import Accessor

        data = np.ascontiguousarray(data)
        rows = data.reshape(len(data), -1)
        accessor = Accessor(
            bufferView=self._view(data, target),
            byteOffset=0,
            componentType=_COMPONENT[data.dtype.str[1:]],
            normalized=normalized,
            count=len(rows),
            type=_TYPE[rows.shape[1]],
        )
        if bounded:
            accessor.min, accessor.max = _bounds(rows)
        return self._add(accessor)

    def add_offsets(self, offsets_m: Float32[np.ndarray, "vertices 3"], threshold_m: float) -> int:
        """Store a shape's offsets, only where they move a vertex by at least ``threshold_m``."""
        from pygltflib import Accessor, AccessorSparseIndices, AccessorSparseValues, Sparse

        n_vertices = len(offsets_m)
        moved = np.flatnonzero(np.abs(offsets_m).max(axis=1) >= threshold_m)
        if len(moved) == 0:
            return self._add_zeros(n_vertices)
        values = np.ascontiguousarray(offsets_m[moved], "<f4")
        indices = moved.astype(index_type(n_vertices))
        # The bounds are those of the whole field, the still vertices included.
        whole = np.vstack([values, np.zeros((1, 3), np.float32)]) if len(moved) < n_vertices else values
        low, high = _bounds(whole)
        # pygltflib would write an offset into a buffer that a sparse accessor does not have.
        return self._add(
            Accessor(
                bufferView=None,
                byteOffset=None,
                componentType=_COMPONENT["f4"],
                count=n_vertices,
                type="VEC3",
                min=low,
                max=high,
                sparse=Sparse(
                    count=len(moved),
                    indices=AccessorSparseIndices(
                        bufferView=self._view(indices, None),
                        byteOffset=0,
                        componentType=_COMPONENT[indices.dtype.str[1:]],
                    ),
                    values=AccessorSparseValues(bufferView=self._view(values, None), byteOffset=0),
                ),
            )
        )

    def _add_zeros(self, n_vertices: int) -> int:
        from pygltflib import Accessor

        if n_vertices not in self._zeros:
            zero = [0.0, 0.0, 0.0]
            self._zeros[n_vertices] = self._add(
                Accessor(
                    bufferView=None,
                    byteOffset=None,
                    componentType=_COMPONENT["f4"],
                    count=n_vertices,
                    type="VEC3",
                    min=zero,
                    max=zero,
                )
            )
        return self._zeros[n_vertices]


def _bounds(rows: Float[np.ndarray, "rows components"]) -> tuple[list[float], list[float]]:
    return [float(v) for v in rows.min(axis=0)], [float(v) for v in rows.max(axis=0)]
