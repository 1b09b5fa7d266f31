"""Neutral heads and topologies from OBJ and PLY files.

Only positions and faces are read; polygons become fans of triangles. Nothing is scaled: see
``metres_per_unit``.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int

from visemic.core.errors import FormatError
from visemic.core.signals import Topology

_HEAD_M = (0.1, 0.6)
"""Heights that a head with or without neck and shoulders may have."""
_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2",
    "ushort": "u2", "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4",
    "float": "f4", "float32": "f4", "double": "f8", "float64": "f8",
}  # fmt: skip


def read_mesh(path: Path) -> tuple[Float32[np.ndarray, "vertices 3"], Topology]:
    """Read positions and triangles of an ``.obj`` or ``.ply`` file.

    Raises:
        FormatError: It is neither, is damaged, or a face names a vertex that is not there.
    """
    try:
        data = path.read_bytes()
        vertices, faces = _read_ply(data) if data[:3] == b"ply" else parse_obj(data)
    except OSError as error:
        raise FormatError(f"mesh {str(path)!r} cannot be read: {error.strerror or error}") from error
    except (ValueError, IndexError, KeyError) as error:
        raise FormatError(f"mesh {str(path)!r} is damaged: {str(error)[:80].rstrip('.')}") from error
    if not len(vertices) or not len(faces):
        raise FormatError(
            f"mesh {str(path)!r} has {len(vertices)} vertices and {len(faces)} triangles; both are needed"
        )
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise FormatError(
            f"mesh {str(path)!r} has a face with vertex {int(faces.max())} of {len(vertices)}; mend it"
        )
    if not np.isfinite(vertices).all():
        row = int(np.argwhere(~np.isfinite(vertices))[0, 0])
        raise FormatError(f"vertex {row} of mesh {str(path)!r} is not finite; export it again")
    return vertices, Topology(path.stem, faces)


def parse_obj(data: bytes) -> tuple[Float32[np.ndarray, "vertices 3"], Int[np.ndarray, "triangles 3"]]:
    """Give positions and triangles of an OBJ file's bytes; errors are those of Python.

    Example:
        >>> parse_obj(b"v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nf 1/1 2/2 3/3\\n")[1].tolist()
        [[0, 1, 2]]
    """
    vertices: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    for line in data.decode("utf-8", "replace").splitlines():
        parts = line.split()
        if not parts:
            continue
        if parts[0] == "v":
            vertices.append([float(x) for x in parts[1:4]])
        elif parts[0] == "f":
            numbers = [int(part.split("/")[0]) for part in parts[1:]]
            corners = [n - 1 if n > 0 else len(vertices) + n for n in numbers]
            faces += [(corners[0], b, c) for b, c in pairwise(corners[1:])]
    return np.array(vertices, np.float32).reshape(-1, 3), np.array(faces, np.int64).reshape(-1, 3)


def _read_ply(data: bytes) -> tuple[Float32[np.ndarray, "vertices 3"], Int[np.ndarray, "triangles 3"]]:
    end = data.index(b"end_header")
    body = data.index(b"\n", end) + 1
    lines = data[:end].decode("ascii", "replace").split("\n")
    order = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}[lines[1].split()[1]]
    elements: list[tuple[str, int, list[list[str]]]] = []
    for line in lines:
        parts = line.split()
        if parts[:1] == ["element"]:
            elements.append((parts[1], int(parts[2]), []))
        elif parts[:1] == ["property"]:
            elements[-1][2].append(parts[1:])
    values = _PlyValues(data, body, order)
    vertices, faces = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    for name, count, properties in elements:
        if name == "vertex":
            vertices = values.table(count, properties)
        elif name == "face":
            faces = values.fans(count, properties)
        else:
            break  # what follows the faces is not needed
    return vertices, faces


class _PlyValues:
    """The body of a PLY file, element after element."""

    def __init__(self, data: bytes, start: int, order: str) -> None:
        self._data, self._at, self._order = data, start, order
        self._words = data[start:].split() if not order else []
        if not order:
            self._at = 0

    def table(self, count: int, properties: list[list[str]]) -> Float32[np.ndarray, "vertices 3"]:
        names = [p[-1] for p in properties]
        columns = [names.index(axis) for axis in "xyz"]
        if not self._order:
            size = count * len(names)
            rows = np.array(self._words[self._at : self._at + size], float).reshape(count, len(names))
            self._at += size
            return rows[:, columns].astype(np.float32)
        dtype = np.dtype([(p[-1], self._order + _PLY_TYPES[p[0]]) for p in properties])
        table = np.frombuffer(self._data, dtype, count, self._at)
        self._at += dtype.itemsize * count
        return np.stack([table[axis] for axis in "xyz"], axis=1).astype(np.float32)

    def fans(self, count: int, properties: list[list[str]]) -> Int[np.ndarray, "triangles 3"]:
        faces: list[tuple[int, int, int]] = []
        for _ in range(count):
            corners: list[int] = []
            for kind in properties:
                got = self._some(kind)
                corners = got if kind[0] == "list" and kind[-1].startswith("vertex") else corners
            faces += [(corners[0], b, c) for b, c in pairwise(corners[1:])]
        return np.array(faces, np.int64).reshape(-1, 3)

    def _some(self, kind: list[str]) -> list[int]:
        if kind[0] != "list":
            return [int(x) for x in self._take(1, kind[0])]
        n = int(self._take(1, kind[1])[0])
        return [int(x) for x in self._take(n, kind[2])]

    def _take(self, n: int, type_name: str) -> list[float]:
        if not self._order:
            words = self._words[self._at : self._at + n]
            self._at += n
            if len(words) < n:
                raise ValueError("the file ends too early")
            return [float(w) for w in words]
        dtype = np.dtype(self._order + _PLY_TYPES[type_name])
        values = np.frombuffer(self._data, dtype, n, self._at)
        self._at += n * dtype.itemsize
        return values.tolist()


def metres_per_unit(
    neutral: Float[np.ndarray, "vertices 3"], name: str, unit_m: float | None = None
) -> float:
    """Give the scale of a head in an unstated unit: a head is 0.1 to 0.6 m high.

    Args:
        name: Of the file, for the sentence.
        unit_m: The scale when it is stated; checked against the size of a head.

    Raises:
        FormatError: No unit makes it the size of a head.
    """
    height = float(np.ptp(neutral[:, 1]))
    for scale in (1.0, 0.01, 0.001) if unit_m is None else (unit_m,):
        if _HEAD_M[0] <= height * scale <= _HEAD_M[1]:
            return scale
    raise FormatError(
        f"mesh {name!r} is {height:g} units high, no head in m, cm or mm; write its unit into corpus.json"
        if unit_m is None
        else f"mesh {name!r} is {height * unit_m:g} m high and a head has 0.1 to 0.6 m; is the unit another"
    )


def mesh_with(source: Path, n_vertices: int) -> tuple[Float32[np.ndarray, "vertices 3"], Topology]:
    """Give the mesh of a folder that has a number of vertices.

    Raises:
        FormatError: There is none, so that the topology is unknown.
    """
    counts: list[str] = []
    for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in (".obj", ".ply")):
        vertices, topology = read_mesh(path)
        if len(vertices) == n_vertices:
            return vertices, topology
        counts.append(f"{path.name} {len(vertices)}")
    found = ", ".join(counts[:4]) or "none"
    raise FormatError(
        f"unknown topology: the frames in {str(source)!r} have {n_vertices} vertices and the meshes beside "
        f"them: {found}; put an .obj or .ply of the same vertices there"
    )
