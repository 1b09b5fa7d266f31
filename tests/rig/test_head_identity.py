import numpy as np
import pytest

from visemic.core.errors import RigError
from visemic.rig.head import CHANNELS, build_head
from visemic.rig.head_identity import IDENTITIES, apply_identity, find_identity, identities, warp
from visemic.rig.linear import Rig, pose
from visemic.rig.readout import fit_readouts, readout_index
from visemic.rig.registry import RIGS

FLIP = np.array([-1.0, 1.0, 1.0])
OTHERS = tuple(name for name in IDENTITIES if name != "visemic")


@pytest.fixture(scope="module")
def default() -> Rig:
    return build_head()


@pytest.fixture(scope="module")
def heads(default: Rig) -> dict[str, Rig]:
    """Every identity's geometry on the default head: colours and hair need no second build."""
    return {name: apply_identity(default, find_identity(name)) for name in OTHERS}


def _closed(rig: Rig, **values: float) -> np.ndarray:
    weights = np.zeros((1, len(CHANNELS)), np.float32)
    for name, value in values.items():
        weights[0, CHANNELS.index(name)] = value
    return weights


def test_the_registry_lists_every_identity_in_order() -> None:
    assert RIGS == IDENTITIES
    assert len(set(IDENTITIES)) == len(identities()) >= 6


def test_a_name_that_is_not_there_is_refused() -> None:
    with pytest.raises(RigError, match="rig"):
        find_identity("nobody")


@pytest.mark.parametrize("name", OTHERS)
def test_identities_share_triangles_landmarks_and_channels(
    default: Rig, heads: dict[str, Rig], name: str
) -> None:
    rig = heads[name]
    assert rig.name == name
    np.testing.assert_array_equal(rig.triangles, default.triangles)
    assert dict(rig.landmarks) == dict(default.landmarks)
    assert rig.layout == default.layout
    assert rig.neutral.dtype == rig.offsets.dtype == np.float32
    assert np.isfinite(rig.neutral).all()
    assert np.isfinite(rig.offsets).all()
    assert 0.002 < np.abs(rig.neutral - default.neutral).max() < 0.05


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_warp_mirrors_exactly_and_keeps_the_midline(name: str) -> None:
    points = np.random.default_rng(5).uniform(-12, 12, (500, 3))
    points[:40, 0] = 0.0
    there = warp(points, find_identity(name))
    np.testing.assert_array_equal(warp(points * FLIP, find_identity(name)), there * FLIP)
    assert not there[:40, 0].any()


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_warp_never_folds_space(name: str) -> None:
    axes = [np.linspace(*limits, 24) for limits in ((-9.0, 9.0), (-16.0, 12.0), (-9.0, 11.0))]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    identity, h = find_identity(name), 0.01
    columns = [(warp(grid + h * e, identity) - warp(grid - h * e, identity)) / (2 * h) for e in np.eye(3)]
    assert np.linalg.det(np.stack(columns, -1)).min() > 0.25


@pytest.mark.parametrize("name", OTHERS)
def test_eyeballs_stay_the_same_spheres_about_their_joints(
    default: Rig, heads: dict[str, Rig], name: str
) -> None:
    size = find_identity(name).size
    for eye in (0, 1):
        mine = default.eye_of_vertex == eye
        was = np.linalg.norm(default.neutral[mine] - np.array(default.eyes[eye].pivot_m), axis=1)
        now = np.linalg.norm(heads[name].neutral[mine] - np.array(heads[name].eyes[eye].pivot_m), axis=1)
        np.testing.assert_allclose(now, was * size, atol=2e-6)


@pytest.mark.parametrize("name", OTHERS)
def test_lips_rest_sealed_and_the_corrective_still_closes_them(heads: dict[str, Rig], name: str) -> None:
    readouts = fit_readouts(heads[name])
    gap = readout_index("lip_gap")
    assert -0.1 <= readouts.rest_mm[gap] <= 0.2
    closed = readouts.measure_mm(_closed(heads[name], jawOpen=0.6, mouthClose=0.6))[0, gap]
    assert abs(closed - readouts.rest_mm[gap]) <= 0.15
    assert 26 <= readouts.slope_mm("jawOpen", "lip_gap") <= 40


@pytest.mark.parametrize("name", OTHERS)
def test_a_full_blink_closes_what_is_left_of_the_opening(
    default: Rig, heads: dict[str, Rig], name: str
) -> None:
    def gap(rig: Rig, weight: float) -> float:
        there = pose(rig.neutral, rig.offsets, _closed(rig, eyeBlinkLeft=weight))[0]
        return float(there[rig.landmark("lid_upper_left"), 1] - there[rig.landmark("lid_lower_left"), 1])

    rig, identity = heads[name], find_identity(name)
    assert gap(rig, 1.0) == pytest.approx(gap(default, 1.0) * identity.size, abs=1e-4)
    share = gap(rig, 0.0) / (gap(default, 0.0) * identity.size)
    assert share == pytest.approx(1.0 - identity.lids, abs=0.03)


def test_shapes_that_move_nothing_somewhere_still_move_nothing_there(
    default: Rig, heads: dict[str, Rig]
) -> None:
    for rig in heads.values():
        still = ~default.offsets.any(axis=2)
        assert not rig.offsets[still].any()


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_a_built_identity_is_mirrored_and_has_its_own_colours(default: Rig, name: str) -> None:
    rig = build_head(find_identity(name))
    np.testing.assert_array_equal(rig.triangles, default.triangles)
    rows = {row.tobytes() for row in rig.neutral + np.float32(0)}
    assert {row.tobytes() for row in rig.neutral * FLIP.astype(np.float32) + np.float32(0)} == rows
    colours = {g.material.name: g.material.colour for g in rig.groups}
    assert colours["skin"] == find_identity(name).skin
    assert rig.vertex_colours is not None
    assert 0.0 <= rig.vertex_colours.min() <= rig.vertex_colours.max() <= 1.0
