"""Sets of vertices for mesh corpora: read from files, or taken from a head's own regions.

Papers choose their lips differently and numbers of two sets do not compare, therefore a mesh
corpus has no lips until somebody names them, and the names go into the protocol.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from visemic.core.errors import FormatError, InputError, unknown_name
from visemic.evaluation.metrics_mesh import region_vertices
from visemic.evaluation.protocol import Mask
from visemic.rig.linear import Rig

LIPS, UPPER_FACE, LANDMARKS, LIP_PAIR = "lips", "upper_face", "landmarks", "lip_pair"
MASK_NAMES = (LIPS, UPPER_FACE, LANDMARKS, LIP_PAIR)
"""``landmarks`` starts with the two mouth corners; ``lip_pair`` is the upper and the lower inner lip."""

_PAIR = ("upper_lip_inner", "lower_lip_inner")


def corpus_topologies(clips: Iterable[object]) -> dict[str, int]:
    """Give the number of vertices of every topology among clips; empty for a corpus of weights.

    A store knows both from its manifest, without reading a clip.
    """
    found: dict[str, int] = {}
    for clip in getattr(clips, "entries", clips):
        mesh = getattr(clip, "mesh", None)
        name = mesh.topology.name if mesh is not None else getattr(clip, "topology", "")
        if name:
            found[name] = mesh.vertices.shape[1] if mesh is not None else getattr(clip, "n_vertices", 0)
    return found


def read_mask(name: str, path: Path, topologies: Mapping[str, int]) -> Mask:
    """Read a set of vertices.

    Args:
        name: One of ``MASK_NAMES``.
        path: JSON, either a list of vertex numbers or an object with ``topology`` and
            ``vertices``; or text with numbers between blanks, commas or lines, ``#`` for remarks.
        topologies: Number of vertices by topology of the corpus. A file that names none is for
            the only one.

    Raises:
        InputError: The name is none of a mask, the corpus has no mesh, or the file names no
            topology and there are several.
        FormatError: The file cannot be read, or names a topology or a vertex that is not there.
    """
    if name not in MASK_NAMES:
        raise InputError(unknown_name("mask", name, MASK_NAMES))
    if not topologies:
        raise InputError(
            f"mask {name!r} is for meshes and the corpus holds weights, which are measured on the head's "
            "own regions; leave the mask out"
        )
    topology, vertices = _numbers(path)
    if not topology and len(topologies) > 1:
        raise InputError(
            f"mask file {str(path)!r} names no topology and the corpus has {', '.join(topologies)}; "
            'write {"topology": "…", "vertices": […]}'
        )
    topology = topology or next(iter(topologies))
    if topology not in topologies:
        raise FormatError(f"mask file {str(path)!r}: {unknown_name('topology', topology, topologies)}")
    _check(name, path, vertices, topology, topologies[topology])
    return Mask(name, topology, tuple(vertices))


def read_masks(entries: Sequence[str], topologies: Mapping[str, int]) -> tuple[Mask, ...]:
    """Read masks that are named as ``NAME=FILE``.

    Raises:
        InputError: An entry is not of this form, or a mask is named twice; else as ``read_mask``.
        FormatError: As ``read_mask``.
    """
    masks: dict[tuple[str, str], Mask] = {}
    for entry in entries:
        name, equals, file = entry.partition("=")
        if not (name and equals and file):
            raise InputError(f"mask {entry!r} is no NAME=FILE; write for example lips=lips.json")
        mask = read_mask(name, Path(file), topologies)
        if (mask.name, mask.topology) in masks:
            raise InputError(f"mask {name!r} of topology {mask.topology!r} is named twice; drop one")
        masks[mask.name, mask.topology] = mask
    return tuple(masks.values())


def rig_masks(rig: Rig, landmarks: Sequence[str]) -> tuple[Mask, ...]:
    """Give the masks that a head's own regions and landmarks make on its own mesh.

    Args:
        rig: The head.
        landmarks: Names, the mouth corners first; left out when the head lacks one.
    """
    topology = rig.topology.name
    masks = [
        Mask(name, topology, tuple(int(v) for v in region_vertices(rig, name)))
        for name in (LIPS, UPPER_FACE)
        if name in rig.regions
    ]
    for name, points in ((LANDMARKS, landmarks), (LIP_PAIR, _PAIR)):
        if all(point in rig.landmarks for point in points):
            masks.append(Mask(name, topology, tuple(int(rig.landmarks[point]) for point in points)))
    return tuple(masks)


def _numbers(path: Path) -> tuple[str, list[int]]:
    """Give the topology that a file names, or nothing, and its vertices."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FormatError(f"mask file {str(path)!r} cannot be read: {reason}; give vertex numbers") from error
    topology = ""
    if path.suffix.lower() == ".json":
        try:
            data = json.loads(text)
        except ValueError as error:
            raise FormatError(f"mask file {str(path)!r} is not JSON: {error}") from error
        if isinstance(data, dict):
            if set(data) != {"topology", "vertices"}:
                raise FormatError(
                    f"mask file {str(path)!r} has the keys {sorted(data)}; topology and vertices are needed"
                )
            topology, data = str(data["topology"]), data["vertices"]
        items = data if isinstance(data, list) else [data]
    else:
        lines = (line.partition("#")[0] for line in text.splitlines())
        items = [word for line in lines for word in line.replace(",", " ").split()]
    return topology, [_whole(item, path) for item in items]


def _whole(item: object, path: Path) -> int:
    is_number = isinstance(item, int) and not isinstance(item, bool)
    if not is_number and not (isinstance(item, str) and item.lstrip("-").isdecimal()):
        raise FormatError(f"mask file {str(path)!r} holds {item!r}, which is no vertex number; counts from 0")
    return int(item)  # type: ignore[call-overload]


def _check(name: str, path: Path, vertices: Sequence[int], topology: str, n_vertices: int) -> None:
    least = 2 if name in (LANDMARKS, LIP_PAIR) else 1
    if len(vertices) < least or (name == LIP_PAIR and len(vertices) != least):
        wanted = {LANDMARKS: "the two mouth corners and more", LIP_PAIR: "upper and lower inner lip"}
        raise FormatError(
            f"mask file {str(path)!r} names {len(vertices)} vertices for {name!r}; "
            f"name {wanted.get(name, 'at least one')}"
        )
    beyond = next((v for v in vertices if not 0 <= v < n_vertices), None)
    if beyond is not None:
        raise FormatError(
            f"mask file {str(path)!r} names vertex {beyond} of topology {topology!r}, which has "
            f"{n_vertices}; they count from 0"
        )
    numbers, counts = np.unique(np.asarray(vertices), return_counts=True)
    if (counts > 1).any():
        raise FormatError(
            f"mask file {str(path)!r} names vertex {int(numbers[counts > 1][0])} twice; drop one"
        )
