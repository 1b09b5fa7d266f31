"""The built-in head kept in a cache folder, so that it loads in milliseconds.

The file is named by a hash of the code that makes the head and holds plain arrays, never
pickles. A file that cannot be read, or is not what it says, is built anew; a folder that
cannot be written to costs time and nothing else.
"""

import hashlib
import json
import os
import secrets
import zipfile
from pathlib import Path

import numpy as np

from visemic.core.cache import cache_folder
from visemic.core.layout import Layout
from visemic.rig.linear import Corrective, Joint, Material, MaterialGroup, Rig

_FORMAT = 3
_SOURCES = ("head*.py", "linear.py", "../geometry/isosurface.py", "../geometry/mesh.py")


def source_hash() -> str:
    """Give a hash of the code that makes the head."""
    here = Path(__file__).parent
    digest = hashlib.sha256(f"{_FORMAT} {np.__version__}".encode())
    for pattern in _SOURCES:
        for path in sorted(here.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:20]


def load_head(name: str = "visemic") -> Rig:
    """Give the head of an identity, from the cache when it is there.

    Raises:
        RigError: There is no such identity.
    """
    path = cache_folder() / f"head-{name}-{source_hash()}.npz"
    cached = _read(path)
    if cached is not None:
        return cached
    from visemic.rig.head import build_head
    from visemic.rig.head_identity import find_identity

    rig = build_head(find_identity(name))
    if _write(path, rig):
        _prune(path, name)
    return rig


def _prune(kept: Path, name: str) -> None:
    """Drop files of the same head that other versions of the code left."""
    for path in kept.parent.glob(f"head-{name}-*.npz"):
        if path != kept:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue


def _joint_row(joint: Joint) -> list[object]:
    return [joint.name, list(joint.pivot_m), list(joint.rotation_channels)]


def _write(path: Path, rig: Rig) -> bool:
    """Store a rig and tell whether that worked; a folder may refuse to be written to."""
    about = {
        "format": _FORMAT,
        "name": rig.name,
        "channels": list(rig.layout.names),
        "groups": [
            [
                g.material.name,
                list(g.material.colour),
                g.material.roughness,
                g.material.specular,
                g.material.subsurface,
                g.start,
                g.stop,
            ]
            for g in rig.groups
        ],
        "landmarks": dict(rig.landmarks),
        "regions": list(rig.regions),
        "eyes": [_joint_row(j) for j in rig.eyes],
        "head": None if rig.head is None else _joint_row(rig.head),
        "correctives": [[c.name, list(c.drivers), list(c.full_at)] for c in rig.correctives],
    }
    moving = [np.flatnonzero(np.any(o != 0, axis=1)).astype(np.int32) for o in rig.offsets]
    arrays = {
        "neutral": rig.neutral, "triangles": rig.triangles, "uv": rig.uv,
        "vertex_colours": rig.vertex_colours, "occlusion": rig.occlusion,
        "eye_of_vertex": rig.eye_of_vertex, "head_follow": rig.head_follow,
        "regions": np.stack(list(rig.regions.values())),
        "moving": np.concatenate(moving), "moving_counts": np.array([len(m) for m in moving], np.int32),
        "moved": np.concatenate([o[m] for o, m in zip(rig.offsets, moving, strict=True)]),
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }  # fmt: skip
    for number, extra in enumerate(rig.correctives):
        arrays[f"corrected_{number}"] = extra.vertices
        arrays[f"correction_{number}"] = extra.offsets
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as out:
            np.savez(out, **arrays)  # type: ignore[arg-type]
        os.replace(partial, path)
    except OSError:
        try:
            partial.unlink(missing_ok=True)
        except OSError:
            return False
        return False
    return True


def _read(path: Path) -> Rig | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            data = {name: stored[name] for name in stored.files}
        return _rig(data, json.loads(data["about"].tobytes()))
    except (OSError, ValueError, KeyError, IndexError, TypeError, zipfile.BadZipFile, EOFError):
        return None


def _joint(row: list) -> Joint:
    name, pivot, channels = row
    return Joint(name, (pivot[0], pivot[1], pivot[2]), (channels[0], channels[1], channels[2]))


def _rig(data: dict[str, np.ndarray], about: dict) -> Rig:
    count = len(data["neutral"])
    offsets = np.zeros((len(about["channels"]), count, 3), np.float32)
    start = 0
    for channel, size in enumerate(data["moving_counts"]):
        stop = start + int(size)
        offsets[channel, data["moving"][start:stop]] = data["moved"][start:stop]
        start = stop
    if data["triangles"].max() >= count or len(data["moving_counts"]) != len(about["channels"]):
        raise ValueError("the stored head does not fit this version")
    groups = tuple(
        MaterialGroup(Material(row[0], (row[1][0], row[1][1], row[1][2]), *row[2:5]), row[5], row[6])
        for row in about["groups"]
    )
    return Rig(
        name=about["name"],
        neutral=data["neutral"],
        triangles=data["triangles"],
        layout=Layout("visemic-head", tuple(about["channels"])),
        offsets=offsets,
        groups=groups,
        landmarks=about["landmarks"],
        regions=dict(zip(about["regions"], data["regions"], strict=True)),
        uv=data["uv"],
        vertex_colours=data["vertex_colours"],
        occlusion=data["occlusion"],
        eyes=tuple(_joint(row) for row in about["eyes"]),
        eye_of_vertex=data["eye_of_vertex"],
        head=None if about["head"] is None else _joint(about["head"]),
        head_follow=data["head_follow"],
        correctives=tuple(
            Corrective(row[0], tuple(row[1]), tuple(row[2]), data[f"corrected_{k}"], data[f"correction_{k}"])
            for k, row in enumerate(about["correctives"])
        ),
    )
