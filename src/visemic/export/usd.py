"""A talking head as USD: a UsdSkel mesh with blend shapes and one skeletal animation.

One mesh holds the whole head; joints ``body``, head and eyes turn it, with the same
weights as ``rig.linear``. Metres, y up, one time code a frame.
"""

import errno
from pathlib import Path
from typing import Any

import numpy as np

from visemic.core.errors import FormatError
from visemic.core.layout import Layout
from visemic.core.signals import Motion
from visemic.export.clip import ClipData, Progress, required_rig
from visemic.export.manifest import manifest_line
from visemic.export.mesh_part import (
    follow_of,
    head_motion,
    opacity_of,
    shown_colours,
    target_names,
    target_offsets,
    unit_normals,
)
from visemic.export.rotation import quaternions_from_angles
from visemic.rig.linear import Joint, Rig, joint_angles

MIN_OFFSET_M = 1e-6
UNSAVED = "USD could not save it; is the disk full?"
INSTALL_HINT = "pip install 'visemic[usd]'"

_PROGRESS_EVERY = 256


def required_usd(clip: ClipData, suffix: str) -> None:
    """Refuse to write USD without its package.

    Raises:
        FormatError: usd-core is not installed.
    """
    try:
        import pxr  # noqa: F401
    except ImportError as error:
        raise FormatError(f"a {suffix} file needs the package usd-core; {INSTALL_HINT}") from error


def write_usd(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write head, blend shapes and animation as ``.usd``, ``.usda`` or ``.usdc``.

    Raises:
        FormatError: The clip has no head, or usd-core is not installed.
        OSError: The file cannot be written, for example on a full disk.
    """
    required_usd(clip, path.suffix)
    from pxr import Tf, Usd, UsdGeom, UsdSkel

    rig = required_rig(clip, path.suffix)
    motion = head_motion(clip, path.suffix)
    try:
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        stage.SetTimeCodesPerSecond(float(motion.rate))
        stage.SetFramesPerSecond(float(motion.rate))
        stage.SetStartTimeCode(0)
        stage.SetEndTimeCode(motion.n_frames - 1)
        layer = stage.GetRootLayer()
        layer.customLayerData = {"manifest": manifest_line(clip)}
        root = UsdSkel.Root.Define(stage, "/" + Tf.MakeValidIdentifier(rig.name))
        stage.SetDefaultPrim(root.GetPrim())
        _add_head(stage, str(root.GetPath()), rig)
        _add_animation(stage, str(root.GetPath()), rig, motion, progress)
        if not layer.Save():
            raise OSError(errno.EIO, UNSAVED)
    except Tf.ErrorException as error:
        raise OSError(errno.EIO, UNSAVED) from error


def _joints(rig: Rig) -> list[tuple[str, Joint | None, np.ndarray, int]]:
    """Give path, joint, world position and number of the parent, in the skeleton's order."""
    from pxr import Tf

    joints: list[tuple[str, Joint | None, np.ndarray, int]] = [("body", None, np.zeros(3), -1)]
    if rig.head is not None:
        joints.append(
            (f"body/{Tf.MakeValidIdentifier(rig.head.name)}", rig.head, np.array(rig.head.pivot_m), 0)
        )
    parent = len(joints) - 1
    for eye in rig.eyes:
        name = f"{joints[parent][0]}/{Tf.MakeValidIdentifier(eye.name)}"
        joints.append((name, eye, np.array(eye.pivot_m), parent))
    return joints


def _add_head(stage: Any, root: str, rig: Rig) -> None:
    from pxr import Gf, UsdGeom, UsdSkel, Vt

    skeleton = UsdSkel.Skeleton.Define(stage, f"{root}/skeleton")
    joints = _joints(rig)
    skeleton.CreateJointsAttr([name for name, *_ in joints])
    at = [position for _, _, position, _ in joints]
    local = [p - (at[parent] if parent >= 0 else 0) for (_, _, p, parent) in joints]
    skeleton.CreateBindTransformsAttr([Gf.Matrix4d().SetTranslate(Gf.Vec3d(*map(float, p))) for p in at])
    skeleton.CreateRestTransformsAttr([Gf.Matrix4d().SetTranslate(Gf.Vec3d(*map(float, p))) for p in local])

    mesh = UsdGeom.Mesh.Define(stage, f"{root}/face")
    mesh.CreatePointsAttr(_vectors(rig.neutral))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(rig.triangles), 3, np.int32)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(rig.triangles.astype(np.int32).ravel()))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateNormalsAttr(_vectors(unit_normals(rig)))
    mesh.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    mesh.CreateExtentAttr(_vectors(np.stack([rig.neutral.min(axis=0), rig.neutral.max(axis=0)])))
    _bind(mesh, skeleton, rig)
    _add_shapes(stage, mesh, rig)
    _add_materials(stage, root, mesh, rig)


def _vectors(values: np.ndarray) -> Any:
    from pxr import Vt

    return Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(values, np.float32))


def _bind(mesh: Any, skeleton: Any, rig: Rig) -> None:
    from pxr import Gf, UsdSkel, Vt

    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    binding.CreateGeomBindTransformAttr(Gf.Matrix4d(1))
    joints = np.zeros((rig.n_vertices, 2), np.int32)
    weights = np.zeros((rig.n_vertices, 2), np.float32)
    joints[:, 0], weights[:, 0] = (0, 1) if rig.head is None else (1, follow_of(rig))
    weights[:, 1] = 1 - weights[:, 0]
    if rig.eye_of_vertex is not None:
        first_eye = 1 if rig.head is None else 2
        for number in range(len(rig.eyes)):
            mine = rig.eye_of_vertex == number
            joints[mine], weights[mine] = (first_eye + number, 0), (1, 0)
    binding.CreateJointIndicesPrimvar(False, 2).Set(Vt.IntArray.FromNumpy(joints.ravel()))
    binding.CreateJointWeightsPrimvar(False, 2).Set(Vt.FloatArray.FromNumpy(weights.ravel()))


def _shape_names(rig: Rig) -> list[str]:
    from pxr import Tf

    return [Tf.MakeValidIdentifier(name) for name in target_names(rig)]


def _add_shapes(stage: Any, mesh: Any, rig: Rig) -> None:
    from pxr import UsdSkel, Vt

    paths = []
    for name, safe in zip(target_names(rig), _shape_names(rig), strict=True):
        offsets = target_offsets(rig, name)
        moved = np.flatnonzero(np.abs(offsets).max(axis=1) >= MIN_OFFSET_M)
        shape = UsdSkel.BlendShape.Define(stage, f"{mesh.GetPath()}/{safe}")
        shape.CreateOffsetsAttr(_vectors(offsets[moved]))
        shape.CreatePointIndicesAttr(Vt.IntArray.FromNumpy(moved.astype(np.int32)))
        paths.append(shape.GetPath())
    binding = UsdSkel.BindingAPI(mesh.GetPrim())
    binding.CreateBlendShapesAttr(_shape_names(rig))
    binding.CreateBlendShapeTargetsRel().SetTargets(paths)


def _add_materials(stage: Any, root: str, mesh: Any, rig: Rig) -> None:
    from pxr import Gf, Sdf, Tf, UsdGeom, UsdShade, Vt

    corner = np.ones((len(rig.triangles), 3, 3), np.float32)
    colours = shown_colours(rig)
    if colours is not None:
        corner = colours[rig.triangles]
    bound = UsdShade.MaterialBindingAPI.Apply(mesh.GetPrim())
    for number, group in enumerate(rig.groups):
        corner[group.start : group.stop] *= np.array(group.material.colour, np.float32)
        name = f"{Tf.MakeValidIdentifier(group.material.name)}_{number}"
        material = UsdShade.Material.Define(stage, f"{root}/materials/{name}")
        shader = UsdShade.Shader.Define(stage, f"{material.GetPath()}/surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(float(group.material.roughness))
        shader.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(0.0)
        shader.CreateInput("opacity", Sdf.ValueTypeNames.Float).Set(opacity_of(group.material))
        colour = shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f)
        if colours is None:
            colour.Set(Gf.Vec3f(*map(float, group.material.colour)))
        else:
            reader = UsdShade.Shader.Define(stage, f"{material.GetPath()}/colour")
            reader.CreateIdAttr("UsdPrimvarReader_float3")
            reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("displayColor")
            colour.ConnectToSource(reader.CreateOutput("result", Sdf.ValueTypeNames.Float3))
        surface = shader.CreateOutput("surface", Sdf.ValueTypeNames.Token)
        material.CreateSurfaceOutput().ConnectToSource(surface)
        faces = Vt.IntArray.FromNumpy(np.arange(group.start, group.stop, dtype=np.int32))
        subset = bound.CreateMaterialBindSubset(name, faces)
        UsdShade.MaterialBindingAPI.Apply(subset.GetPrim()).Bind(material)
    shown = mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.faceVarying)
    shown.Set(_vectors(corner.reshape(-1, 3)))


def _add_animation(stage: Any, root: str, rig: Rig, motion: Motion, progress: Progress | None) -> None:
    from pxr import Gf, UsdSkel, Vt

    animation = UsdSkel.Animation.Define(stage, f"{root}/speech")
    skeleton = UsdSkel.BindingAPI.Apply(stage.GetPrimAtPath(f"{root}/skeleton"))
    skeleton.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    joints = _joints(rig)
    at = [position for _, _, position, _ in joints]
    local = np.array([p - (at[parent] if parent >= 0 else 0) for (_, _, p, parent) in joints])
    animation.CreateJointsAttr([name for name, *_ in joints])
    animation.CreateTranslationsAttr(_vectors(local))
    animation.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(joints)))
    animation.CreateBlendShapesAttr(_shape_names(rig))
    weights_attr = animation.CreateBlendShapeWeightsAttr()
    rotations_attr = animation.CreateRotationsAttr()
    weights = motion.to_layout(Layout("targets", target_names(rig))).values
    still = np.tile([0.0, 0.0, 0.0, 1.0], (motion.n_frames, 1))
    turns = np.stack(
        [still if j is None else quaternions_from_angles(joint_angles(motion, j)) for _, j, *_ in joints],
        axis=1,
    )
    for frame in range(motion.n_frames):
        weights_attr.Set(Vt.FloatArray.FromNumpy(np.ascontiguousarray(weights[frame])), frame)
        rotations_attr.Set(
            Vt.QuatfArray([Gf.Quatf(w, x, y, z) for x, y, z, w in turns[frame].tolist()]), frame
        )
        if progress and (frame % _PROGRESS_EVERY == 0 or frame == motion.n_frames - 1):
            progress(frame + 1, motion.n_frames)
