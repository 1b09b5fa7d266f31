"""Which vertices are mouth, upper face and eyelids: masks that MeshTalk's losses need, for any mesh.

A head that knows its regions gives them; for other meshes they are read from text files of one
number a vertex, under our names or those of the published assets.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int

from visemic.core.errors import ArtifactError, FormatError, RigError, unknown_name
from visemic.rig.linear import Rig

_FILES = {
    "mouth": ("mouth.txt", "weighted_mouth_mask.txt"),
    "upper_face": ("upper_face.txt", "weighted_eye_mask.txt"),
    "eyelids": ("eyelids.txt", "eye_keypoints.txt"),
}
_MOUTH_MATERIALS = frozenset(("lips", "mouth_cavity", "teeth", "gums", "tongue"))
_UPPER_MATERIALS = frozenset(("pupil", "iris", "sclera", "cornea", "brow", "lash"))


@dataclass(frozen=True, eq=False)
class FaceMasks:
    """Soft masks, 0 to 1, a number a vertex."""

    mouth: Float32[np.ndarray, " vertices"]
    """What the sound answers for."""
    upper_face: Float32[np.ndarray, " as_many_vertices"]
    """What the expression answers for."""
    eyelids: Float32[np.ndarray, " and_as_many"]
    """Small and quick, therefore counted once more."""

    def __post_init__(self) -> None:
        sizes = {name: len(getattr(self, name)) for name in _FILES}
        if len(set(sizes.values())) > 1:
            stated = ", ".join(f"{name} {size}" for name, size in sizes.items())
            raise FormatError(f"masks are for meshes of different sizes ({stated}); give masks of one mesh")
        for name in _FILES:
            mask = getattr(self, name)
            if not (np.isfinite(mask).all() and mask.min(initial=0) >= 0 and mask.max(initial=0) > 0):
                raise FormatError(
                    f"mask {name!r} is empty or holds numbers below 0; give numbers from 0 to 1"
                )

    @property
    def n_vertices(self) -> int:
        """Of the mesh."""
        return len(self.mouth)

    def of(self, chosen: Int[np.ndarray, " chosen"]) -> "FaceMasks":
        """Give the masks of some of the vertices."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in _FILES})


def masks_from_rig(rig: Rig) -> FaceMasks:
    """Give the masks of a head's own regions; teeth and tongue count as mouth, eyes as upper face.

    Deviation:
        The published masks were painted by hand. Here the mouth takes in the chin as far as the
        head's ``lower_face`` goes, for the jaw follows the sound.

    Raises:
        RigError: The head lacks a region.
    """
    mouth = _region(rig, "mouth")
    if "lower_face" in rig.regions:
        mouth = np.maximum(mouth, rig.regions["lower_face"])
    mouth = np.maximum(mouth, vertices_of(rig, _MOUTH_MATERIALS))
    upper = np.maximum(_region(rig, "upper_face"), vertices_of(rig, _UPPER_MATERIALS))
    upper = np.minimum(upper, 1 - mouth)
    return FaceMasks(mouth.astype(np.float32), upper.astype(np.float32), _region(rig, "eyelids"))


def still_mask(masks: FaceMasks) -> Float32[np.ndarray, " vertices"]:
    """Give how far a vertex may be smoothed over time: fully where neither lips nor lids move."""
    upper = masks.upper_face * (1 - np.minimum(masks.eyelids, 1))
    return np.clip(np.maximum(upper, 1 - masks.upper_face) * (1 - masks.mouth), 0, 1).astype(np.float32)


def read_masks(folder: Path) -> FaceMasks:
    """Read masks from a folder of text files, one number a vertex.

    Raises:
        ArtifactError: A file is missing.
        FormatError: A file holds no numbers, or the files are of different meshes.
    """
    found = {}
    for name, files in _FILES.items():
        path = next((folder / file for file in files if (folder / file).is_file()), None)
        if path is None:
            raise ArtifactError(
                f"folder {str(folder)!r} has no mask of the {name.replace('_', ' ')}; "
                f"give {files[0]} with one number a vertex"
            )
        try:
            found[name] = np.loadtxt(path, dtype=np.float32, ndmin=1).reshape(-1)
        except (ValueError, OSError) as error:
            raise FormatError(f"mask {str(path)!r} holds no numbers; give one a vertex") from error
    return FaceMasks(**found)


def vertices_of(rig: Rig, materials: frozenset[str]) -> Bool[np.ndarray, " vertices"]:
    """Give which vertices wear one of some materials."""
    worn = np.zeros(rig.n_vertices, bool)
    for group in rig.groups:
        if group.material.name in materials:
            worn[rig.triangles[group.start : group.stop].reshape(-1)] = True
    return worn


def _region(rig: Rig, name: str) -> Float32[np.ndarray, " vertices"]:
    if name not in rig.regions:
        raise RigError(unknown_name("region", name, rig.regions))
    return rig.regions[name].astype(np.float32)
