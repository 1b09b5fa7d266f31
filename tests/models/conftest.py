"""A head for the rule engine: the one for which the phone table was drawn."""

import numpy as np
import pytest

from visemic.core.layout import ARKIT_61
from visemic.motion.mouth import READOUT_NAMES, reference_mouth
from visemic.rig.readout import Readouts


@pytest.fixture(scope="session")
def readouts() -> Readouts:
    """Read-outs of the reference head."""
    mouth = reference_mouth()
    rest = np.array([mouth.rest_mm[name] for name in READOUT_NAMES])
    slopes = np.stack([mouth.slopes_mm[name] for name in READOUT_NAMES], axis=1)
    return Readouts(rest, slopes, ARKIT_61)
