"""The MeshTalk topology: 6,172 of Multiface's 7,306 vertices, and caches in it.

The owner's assets are not ours to ship: a user puts ``face_template.obj`` and, to cut
Multiface's heads down, ``kept_vertices.txt`` (or ``.npy``; the numbers of the vertices that
stay, in order) into the corpus's folder.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from visemic.core.errors import FormatError
from visemic.data.importers.array_file import read_npy
from visemic.data.importers.mesh_file import read_mesh
from visemic.data.importers.vertex_cache import VertexCacheImporter
from visemic.data.recording import Recording

TEMPLATE_FILE = "face_template.obj"
LICENCE = "CC-BY-NC-4.0"
_KEPT_FILES = ("kept_vertices.txt", "kept_vertices.npy")


@dataclass(frozen=True, eq=False)
class KeptVertices:
    """Which vertices of a larger topology stay, and how they are joined."""

    name: str
    numbers: Int[np.ndarray, " kept"]
    triangles: Int[np.ndarray, "triangles 3"]

    def of(self, vertices: Float32[np.ndarray, "all 3"], name: str) -> Float32[np.ndarray, "kept 3"]:
        """Give the vertices that stay.

        Raises:
            FormatError: The list names a vertex that is not there.
        """
        if len(self.numbers) and int(self.numbers.max()) >= len(vertices):
            raise FormatError(
                f"kept vertex {int(self.numbers.max())} is not among the {len(vertices)} of {name!r}; "
                "is the list for another topology"
            )
        return np.ascontiguousarray(vertices[self.numbers])


def kept_vertices_in(source: Path) -> KeptVertices | None:
    """Give the reduction that a folder's files state, None when it has none.

    Raises:
        FormatError: The list is damaged or does not fit the template.
    """
    path = next((source / name for name in _KEPT_FILES if (source / name).is_file()), None)
    if path is None:
        return None
    try:
        numbers = read_npy(path) if path.suffix == ".npy" else np.loadtxt(path, ndmin=1)
    except (ValueError, OSError) as error:
        raise FormatError(
            f"file {str(path)!r} is no list of vertex numbers; write one number a line"
        ) from error
    whole = np.asarray(numbers).reshape(-1)
    if (
        not len(whole)
        or not np.isfinite(whole).all()
        or (whole < 0).any()
        or (whole != np.round(whole)).any()
    ):
        raise FormatError(f"file {str(path)!r} is no list of vertex numbers; write one number a line")
    template = source / TEMPLATE_FILE
    if not template.is_file():
        raise FormatError(f"file {str(template)!r} is missing; {path.name} needs it for the triangles")
    vertices, topology = read_mesh(template)
    if len(vertices) != len(whole):
        raise FormatError(
            f"file {str(path)!r} keeps {len(whole)} vertices and {TEMPLATE_FILE} has {len(vertices)}; "
            "they must be the same"
        )
    return KeptVertices(f"meshtalk-{len(whole)}", whole.astype(np.int64), topology.triangles)


class MeshtalkImporter(VertexCacheImporter):
    """Reads caches of ``face_template.obj``'s topology in millimetres at 30 frames a second."""

    kind = "meshtalk"
    description = "vertex caches in MeshTalk's topology beside its face_template.obj"

    def __init__(self) -> None:
        super().__init__(rate=30, unit_m=0.001, licence=LICENCE)

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the caches in the order of their paths.

        Raises:
            FormatError: The template is missing, or a cache is not of its topology.
            ClockError: Sound and motion differ in length by over half a second.
        """
        if not (source / TEMPLATE_FILE).is_file():
            raise FormatError(f"file {str(source / TEMPLATE_FILE)!r} is missing; it holds the topology")
        yield from super().recordings(source)
