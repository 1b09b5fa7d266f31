import builtins
import dataclasses
import json

import numpy as np
import pytest

from visemic.core.errors import FormatError
from visemic.core.layout import ARKIT_52
from visemic.export.usd import write_usd
from visemic.rig.linear import pose_motion


@pytest.fixture
def pxr():
    return pytest.importorskip("pxr")


@pytest.mark.parametrize("suffix", [".usd", ".usda", ".usdc"])
def test_usd_core_reads_shapes_weights_and_clock(pxr, clip, tmp_path, suffix):
    from pxr import Usd, UsdGeom, UsdSkel

    write_usd(clip, tmp_path / f"a{suffix}")
    stage = Usd.Stage.Open(str(tmp_path / f"a{suffix}"))
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert (stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (30, 19)
    assert json.loads(stage.GetRootLayer().customLayerData["manifest"])["seed"] == 4
    root = stage.GetDefaultPrim()
    animation = UsdSkel.Animation(stage.GetPrimAtPath(root.GetPath().AppendChild("speech")))
    assert list(animation.GetBlendShapesAttr().Get()) == list(ARKIT_52.names)
    weights = np.array([animation.GetBlendShapeWeightsAttr().Get(frame) for frame in range(20)])
    np.testing.assert_allclose(weights, clip.motion.values[:, :52], atol=1e-6)
    mesh = stage.GetPrimAtPath(root.GetPath().AppendChild("face"))
    assert list(UsdSkel.BindingAPI(mesh).GetBlendShapesAttr().Get()) == list(ARKIT_52.names)
    shape = UsdSkel.BlendShape(mesh.GetChild("jawOpen"))
    moved = np.array(shape.GetPointIndicesAttr().Get())
    offsets = clip.rig.offsets[ARKIT_52.index("jawOpen")]
    assert len(moved) == 12
    np.testing.assert_array_equal(np.array(shape.GetOffsetsAttr().Get()), offsets[moved])


@pytest.mark.parametrize("has_head", [True, False])
def test_usd_shows_the_vertices_that_the_rig_poses(pxr, clip, tmp_path, has_head):
    from pxr import Usd, UsdGeom, UsdSkel

    if not has_head:
        clip = dataclasses.replace(clip, rig=dataclasses.replace(clip.rig, head=None, head_follow=None))
    write_usd(clip, tmp_path / "a.usdc")
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    root = stage.GetDefaultPrim()
    UsdSkel.BakeSkinning(UsdSkel.Root(root))
    points = UsdGeom.Mesh(root.GetChild("face")).GetPointsAttr()
    posed = pose_motion(clip.rig, clip.motion).vertices
    for frame in (0, 11):
        np.testing.assert_allclose(np.array(points.Get(frame)), posed[frame], atol=1e-6)


def test_materials_cover_every_triangle(pxr, clip, tmp_path):
    from pxr import Usd, UsdGeom

    write_usd(clip, tmp_path / "a.usda")
    stage = Usd.Stage.Open(str(tmp_path / "a.usda"))
    mesh = UsdGeom.Mesh(stage.GetDefaultPrim().GetChild("face"))
    subsets = UsdGeom.Subset.GetAllGeomSubsets(mesh)
    faces = np.concatenate([np.array(s.GetIndicesAttr().Get()) for s in subsets])
    assert sorted(faces) == list(range(len(clip.rig.triangles)))


def test_without_usd_core_the_sentence_says_how_to_get_it(clip, tmp_path, monkeypatch):
    true_import = builtins.__import__

    def without_pxr(name, *args, **kwargs):
        if name == "pxr":
            raise ImportError(name)
        return true_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pxr)
    with pytest.raises(FormatError, match=r"pip install 'visemic\[usd\]'"):
        write_usd(clip, tmp_path / "a.usd")
