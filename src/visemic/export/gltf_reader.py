"""Motion from a GLB file, ours or another tool's that names its morph targets."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, VisemicError
from visemic.core.layout import ARKIT_52, ARKIT_61, Layout
from visemic.core.signals import Motion
from visemic.export.clip import ClipData
from visemic.export.manifest import provenance_from, rate_from_pair
from visemic.export.rotation import angles_from_quaternions
from visemic.export.time_grid import fit_rate, nearest_rate, resample_rows

DEFAULT_RATE = Rate.of(30)
"""Rate of a file with one key and no manifest."""

_TIME_TOLERANCE_S = 1e-4
_TIME_TOLERANCE_SHARE = 5e-7
_DTYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


@dataclass(frozen=True, eq=False)
class _Curves:
    """Values of some channels at key times."""

    names: list[str]
    times_s: Float[np.ndarray, " keys"]
    values: Float[np.ndarray, "keys channels"]


def read_glb(path: Path) -> ClipData:
    """Read the weights, and the turns of head and eyes of a file of ours, from its animation.

    Targets are matched by name, those of ARKit in any case. Keys on an exact clock are kept,
    others are resampled. Turns are read only where a node says which channels they are:
    bones of other tools have axes of their own.

    Raises:
        FormatError: It is no GLB file, is incomplete, or animates no named target.
    """
    try:
        document, blob = _chunks(path.read_bytes(), path)
        manifest = document.get("asset", {}).get("extras", {}).get("manifest", {})
        curves = list(_curves(document, blob))
        if not curves:
            raise FormatError(
                f"file {str(path)!r} animates no named morph target; export it with targetNames"
            )
        motion = _motion(curves, rate_from_pair(manifest.get("rate")))
        return ClipData(None, None, motion, None, provenance_from(manifest))
    except FormatError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, struct.error, VisemicError) as error:
        raise FormatError(f"file {str(path)!r} is a damaged glb file; export it again") from error


def _chunks(data: bytes, path: Path) -> tuple[dict[str, Any], bytes]:
    if len(data) < 20 or data[:4] != b"glTF":
        raise FormatError(f"file {str(path)!r} is not a glb file; does it have the right suffix?")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2 or length > len(data):
        raise FormatError(
            f"file {str(path)!r} has {len(data)} bytes of {length} and glTF version {version}; "
            "a complete file of version 2 is needed"
        )
    found: dict[bytes, bytes] = {}
    position = 12
    while position + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, position)
        found.setdefault(kind, data[position + 8 : position + 8 + size])
        position += 8 + size
    return json.loads(found[b"JSON"]), found.get(b"BIN\0", b"")


def _array(document: dict[str, Any], blob: bytes, number: int) -> np.ndarray:
    accessor = document["accessors"][number]
    width, count = _WIDTHS[accessor["type"]], int(accessor["count"])
    dtype = np.dtype(_DTYPES[accessor["componentType"]])
    if "bufferView" not in accessor:
        return np.zeros((count, width))
    view = document["bufferViews"][accessor["bufferView"]]
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", dtype.itemsize * width)
    rows = np.ndarray((count, width), dtype, blob, start, (stride, dtype.itemsize)).astype(float)
    if accessor.get("normalized"):
        rows = np.maximum(rows / np.iinfo(dtype).max, -1)
    return rows


def _curves(document: dict[str, Any], blob: bytes) -> Iterator[_Curves]:
    for animation in document.get("animations", []):
        found = False
        for channel in animation["channels"]:
            names = _channel_names(document, channel["target"])
            if not names:
                continue
            sampler = animation["samplers"][channel["sampler"]]
            times_s = _array(document, blob, sampler["input"])[:, 0]
            values = _array(document, blob, sampler["output"])
            if channel["target"]["path"] == "weights":
                values = values.reshape(-1, len(names))
            if sampler.get("interpolation") == "CUBICSPLINE":
                values = values[1::3]  # tangent in, value, tangent out
            if len(values) != len(times_s) or len(times_s) == 0:
                raise ValueError("as many keys as times are needed")
            if channel["target"]["path"] == "rotation":
                values = angles_from_quaternions(values).T
            found = True
            yield _Curves(names, times_s, values)
        if found:
            return  # one take a file: later animations are variants of it


def _channel_names(document: dict[str, Any], target: dict[str, Any]) -> list[str]:
    """Give the channels that an animated property holds; none for one that is not ours to read."""
    if "node" not in target:
        return []
    node = document["nodes"][target["node"]]
    if target["path"] == "rotation":
        return [str(name) for name in (node.get("extras") or {}).get("rotation_channels", [])]
    if target["path"] != "weights" or "mesh" not in node:
        return []
    mesh = document["meshes"][node["mesh"]]
    for holder in (mesh, *mesh["primitives"]):
        names = (holder.get("extras") or {}).get("targetNames")
        if names:
            return [_usual_name(str(name)) for name in names]
    return []


_USUAL = {name.lower(): name for name in ARKIT_52}


def _usual_name(name: str) -> str:
    return _USUAL.get(name.lower(), name)


def _motion(curves: list[_Curves], known: Rate | None) -> Motion:
    times_s = np.unique(np.concatenate([c.times_s for c in curves]))
    by_name: dict[str, np.ndarray] = {}
    for part in curves:
        for column, name in enumerate(part.names):
            if name not in by_name:
                by_name[name] = np.interp(times_s, part.times_s, part.values[:, column])
    names = tuple(by_name)
    if any(name in ARKIT_61 for name in names):
        names = ARKIT_61.names + tuple(name for name in names if name not in ARKIT_61)
    layout = ARKIT_61 if names == ARKIT_61.names else Layout("glb", names)
    zero = np.zeros(len(times_s))
    values = np.stack([by_name.get(name, zero) for name in names], axis=1).astype(np.float32)
    if not np.isfinite(values).all() or not np.isfinite(times_s).all():
        raise ValueError("values must be finite")
    tolerance_s = max(_TIME_TOLERANCE_S, _TIME_TOLERANCE_SHARE * float(times_s[-1]))
    rate = fit_rate(times_s, tolerance_s, known)
    if rate is not None:
        return Motion(values, layout, rate)
    if len(times_s) < 2:
        return Motion(values, layout, DEFAULT_RATE)
    rate = nearest_rate(times_s)
    return Motion(resample_rows(times_s, values, rate), layout, rate)
