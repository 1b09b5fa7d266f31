import dataclasses

import numpy as np
import pytest

from visemic.core.errors import OutputError
from visemic.core.layout import ARKIT_61, Layout
from visemic.core.signals import Motion
from visemic.export.clip import exportable_motion


def test_weights_are_clipped_and_rotations_are_not(motion):
    values = np.full((2, 61), 1.5, np.float32)
    values[1] = -1.5
    exported = exportable_motion(dataclasses.replace(motion, values=values)).values
    assert (exported[0, :52] == 1).all()
    assert (exported[1, :52] == 0).all()
    np.testing.assert_array_equal(exported[:, 52:], values[:, 52:])
    assert values.max() == 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_by_name_and_frame(motion, bad):
    values = motion.values.copy()
    values[7, ARKIT_61.index("jawOpen")] = bad
    with pytest.raises(OutputError, match="'jawOpen' at frame 7"):
        exportable_motion(dataclasses.replace(motion, values=values))


def test_motion_without_frames_or_channels_is_refused(motion):
    with pytest.raises(OutputError, match="0 frames"):
        exportable_motion(Motion(motion.values[:0], ARKIT_61, motion.rate))
    with pytest.raises(OutputError, match="0 channels"):
        exportable_motion(Motion(motion.values[:, :0], Layout("none", ()), motion.rate))
