"""What a phonetic encoder says, step by step: which phones, which visemes, at which times."""

from functools import cache

import numpy as np
from jaxtyping import Float, Int

from visemic.core.clock import Rate
from visemic.text.visemes import OCULUS_VISEMES, phone_table

STEP_RATE = Rate.of(50)
STEP_S = 0.02
FIRST_STEP_S = 0.01
"""Step ``j`` speaks of ``j / 50 + 0.01`` s, the middle of its two frames of sound."""
LOOKAHEAD_S = 0.0725
"""How much later sound a step has heard: 60 ms of network and 12.5 ms of the mel window."""

PHONES = (
    "SIL", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH",
    "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W",
    "Y", "Z", "ZH",
)  # fmt: skip
"""Columns of the posteriors."""


@cache
def viseme_of_phone() -> Int[np.ndarray, " phones"]:
    """Give for each of ``PHONES`` the number of its Oculus viseme."""
    table = phone_table()
    return np.array([0 if p == "SIL" else OCULUS_VISEMES.index(table.viseme[p]) for p in PHONES])


def viseme_posteriors(phones: Float[np.ndarray, "*steps phones"]) -> Float[np.ndarray, "*steps visemes"]:
    """Give how likely each viseme is: the sum over its phones."""
    out = np.zeros((*phones.shape[:-1], len(OCULUS_VISEMES)), phones.dtype)
    for phone, viseme in enumerate(viseme_of_phone()):
        out[..., viseme] += phones[..., phone]
    return out
