"""The mouth as rules see it."""

import numpy as np
import pytest

from visemic.core.errors import RigError
from visemic.core.layout import ARKIT_61, Layout
from visemic.motion.mouth import READOUT_NAMES, Mouth, mouth_from_readouts, reference_mouth
from visemic.rig.readout import READOUTS, Readouts
from visemic.text.visemes import phone_table


def test_rules_and_rigs_name_the_same_readouts_in_the_same_order():
    assert READOUT_NAMES == READOUTS


@pytest.mark.parametrize("phone", [p for p in phone_table().weights if p not in {"P", "B", "M", "SIL"}])
def test_the_reference_head_shows_the_geometry_of_the_phone_table(phone):
    mouth, table = reference_mouth(), phone_table()
    row = np.zeros((1, len(ARKIT_61)))
    for channel, weight in table.weights[phone].items():
        row[0, ARKIT_61.index(channel)] = weight
    meant = table.geometry_mm[phone]
    assert mouth.measure_mm("lip_gap", row)[0] == pytest.approx(meant["lip_gap_mm"], abs=0.1)
    assert mouth.measure_mm("incisor_gap", row)[0] == pytest.approx(meant["incisor_gap_mm"], abs=0.3)
    width = mouth.measure_mm("mouth_width", row)[0] - mouth.rest_mm["mouth_width"]
    assert width == pytest.approx(meant["width_delta_mm"], abs=0.3)


def test_channels_that_a_head_lacks_do_nothing():
    slopes = np.full((2, len(READOUTS)), 3.0)
    readouts = Readouts(np.zeros(len(READOUTS)), slopes, Layout("small", ("jawOpen", "ownShape")))
    mouth = mouth_from_readouts(readouts)
    assert mouth.slope_mm("lip_gap", "jawOpen") == 3.0
    assert np.count_nonzero(mouth.slopes_mm["lip_gap"]) == 1


def test_a_mouth_without_a_readout_is_refused():
    with pytest.raises(RigError, match="no read-out 'lip_gap'"):
        Mouth({}, {})
