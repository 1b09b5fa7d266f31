"""FLAME parameters in ``.npz`` files: expression, jaw, neck and head, a take each.

FLAME's mesh is not ours to ship, so the parameters stay what they are: channels
``expression000`` … in the model's own units and rotation vectors ``jawX`` ``jawY`` ``jawZ``,
``neckX`` …, ``headX`` … in radians. A retarget step turns them into shapes of a head.
"""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.layout import Layout
from visemic.data.importers.clip import ClipFacts, motion_recordings
from visemic.data.importers.folder import (
    FolderFacts,
    clip_id_of,
    clip_split,
    facts_for,
    files_of,
    text_beside,
)
from visemic.data.importers.sound import read_sound, sound_beside
from visemic.data.recording import Recording

_ALIASES = {
    "expression": ("expression", "expressions", "expr", "exp", "exp_code", "expcode"),
    "jaw": ("jaw", "jaw_pose", "jawpose"),
    "neck": ("neck", "neck_pose"),
    "head": ("global_orient", "global_pose", "global", "rot", "rotation", "head_pose"),
    "pose": ("pose", "posecode"),
    "rate": ("fps", "rate", "mocap_frame_rate", "frame_rate"),
}
_MAX_EXPRESSIONS = 100


class FlameImporter:
    """Reads every ``.npz`` below a folder that holds expression and jaw parameters."""

    kind = "flame"
    description = "FLAME parameters: .npz with expression and jaw_pose (or pose) and a rate"

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the takes in the order of their paths.

        Raises:
            FormatError: A file is damaged, lacks expression, jaw or rate, or a row is not finite.
            ClockError: Sound and motion differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        for path in files_of(source, [".npz"]):
            facts = facts_for(path, source)
            arrays = _arrays(path)
            rate = _rate(arrays, facts, path)
            values, layout = _channels(arrays, path)
            sound = sound_beside(path)
            clip_id = clip_id_of(path, source)
            known = ClipFacts(
                clip_id,
                facts.speaker,
                clip_split(facts, clip_id),
                facts.licence,
                self.kind,
                text_beside(path),
                facts.language,
                facts.emotion,
                facts.intensity,
                read_sound(sound, len(values), rate) if sound else None,
                notes=() if sound else ("no sound beside it",),
            )
            yield from motion_recordings(known, rate.times_s(len(values)), values, layout, rate)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            by_name = {name.lower(): name for name in file.files}
            found = {}
            for key, aliases in _ALIASES.items():
                name = next((by_name[a] for a in aliases if a in by_name), None)
                if name is not None:
                    found[key] = file[name]
            return found
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise FormatError(f"file {str(path)!r} is no complete npz of numbers; export it again") from error


def _rate(arrays: Mapping[str, np.ndarray], facts: FolderFacts, path: Path) -> Rate:
    if "rate" in arrays and arrays["rate"].size == 1:
        return Rate.of(float(arrays["rate"].reshape(-1)[0]))
    if facts.rate is None:
        raise FormatError(
            f'file {str(path)!r} has no fps and no corpus.json; write {{"rate": 25}} or another there'
        )
    return facts.rate


def _channels(
    arrays: Mapping[str, np.ndarray], path: Path
) -> tuple[Float32[np.ndarray, "frames channels"], Layout]:
    if "expression" not in arrays:
        raise FormatError(f"file {str(path)!r} holds no expression parameters; give expression or exp")
    n_frames = arrays["expression"].shape[0] if arrays["expression"].ndim else 0
    parts = {"expression": _table(arrays["expression"], "expression", n_frames, path)}
    pose = _table(arrays["pose"], "pose", n_frames, path) if "pose" in arrays else None
    if pose is not None and pose.shape[1] == 6:
        parts["head"], parts["jaw"] = pose[:, :3], pose[:, 3:]
    for name in ("jaw", "neck", "head"):
        if name in arrays:
            table = _table(arrays[name], name, n_frames, path)
            parts[name] = np.pad(table, ((0, 0), (0, 2))) if table.shape[1] == 1 else table
    if "jaw" not in parts:
        raise FormatError(f"file {str(path)!r} holds no jaw parameters; give jaw_pose, or pose of 6 columns")
    if parts["expression"].shape[1] > _MAX_EXPRESSIONS or any(
        parts[name].shape[1] != 3 for name in parts if name != "expression"
    ):
        shapes = {name: table.shape for name, table in parts.items()}
        raise FormatError(
            f"file {str(path)!r} has shapes {shapes}; rotations need 3 columns, expressions up to 100"
        )
    names = [f"expression{i:03d}" for i in range(parts["expression"].shape[1])]
    tables = [parts["expression"]]
    for name in ("jaw", "neck", "head"):
        if name in parts:
            names += [f"{name}{axis}" for axis in "XYZ"]
            tables.append(parts[name])
    values = np.concatenate(tables, axis=1).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise FormatError(
            f"row {bad[0]} of {str(path)!r} holds a parameter that is not finite; export it again"
        )
    return values, Layout(f"flame-{len(names)}", tuple(names))


def _table(array: np.ndarray, name: str, n_frames: int, path: Path) -> Float[np.ndarray, "frames columns"]:
    if array.dtype.kind != "f" or array.ndim < 1 or array.shape[0] != n_frames or not array.size:
        raise FormatError(
            f"file {str(path)!r} has {name} of shape {array.shape} and type {array.dtype}; {n_frames} "
            "rows of floats are needed"
        )
    return array.reshape(n_frames, -1)
