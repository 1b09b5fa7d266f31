import numpy as np
import pytest

from visemic.motion.heard_contacts import N_CURVES, QUIET, VOWEL, ContactGate, HeardTiming, heard_windows
from visemic.text.phone_posterior import PHONES


def _posteriors(labels: list[str], certainty: float = 0.95) -> np.ndarray:
    rest = (1 - certainty) / (len(PHONES) - 1)
    out = np.full((len(labels), len(PHONES)), rest, np.float32)
    for step, label in enumerate(labels):
        out[step, PHONES.index(label)] = certainty
    return out


@pytest.mark.parametrize("phone", ["P", "B", "M"])
def test_a_heard_bilabial_seals_as_long_as_it_is_heard(phone: str) -> None:
    openness = ContactGate().push(_posteriors(["AA"] * 5 + [phone] * 3 + ["AA"] * 8))
    assert (openness[:, 0] > 0.999).sum() == 3
    assert openness[5, 0] > 0.999
    assert openness[0, 0] == 0
    assert openness[-1, 0] == 0


@pytest.mark.parametrize("phone", ["F", "V"])
def test_a_heard_labiodental_brings_the_lip_to_the_teeth_and_seals_nothing(phone: str) -> None:
    openness = ContactGate().push(_posteriors(["AA"] * 3 + [phone] * 4 + ["AA"] * 8))
    assert openness[:, 1].max() > 0.999
    assert openness[:, 0].max() == 0


def test_a_doubtful_bilabial_is_no_contact() -> None:
    openness = ContactGate().push(_posteriors(["AA"] * 3 + ["M"] * 3 + ["AA"] * 3, certainty=0.25))
    assert openness[:, 0].max() == 0


def test_step_by_step_is_the_same_as_all_at_once() -> None:
    rng = np.random.default_rng(0)
    phones = rng.dirichlet(np.full(len(PHONES), 0.05), 200).astype(np.float32)
    whole = ContactGate().push(phones)
    gate = ContactGate()
    parts = np.concatenate([gate.push(phones[i : i + 1]) for i in range(len(phones))])
    np.testing.assert_allclose(parts, whole, atol=1e-12)


def test_a_contact_closes_no_faster_than_lips_do() -> None:
    timing = HeardTiming()
    openness = ContactGate(timing).push(_posteriors(["M"] * 4 + ["AA"] * 10))[:, 0]
    assert (-np.diff(openness)).max() <= 1 / timing.release_steps + 1e-9


def test_vowels_part_the_lips_only_where_no_contact_is() -> None:
    openness = ContactGate().push(_posteriors(["M"] * 3 + ["AA"] * 12))
    assert openness[0, VOWEL] == 0
    assert openness[-1, VOWEL] == 1
    assert (openness[:, VOWEL] + openness[:, 0] <= 1 + 1e-9).all()


def test_two_contacts_of_the_lips_share_a_frame_by_giving_way() -> None:
    both = np.zeros((3, N_CURVES))
    both[:, :2] = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]
    windows = heard_windows(both)
    assert windows.openness["seal"].tolist()[0] == 1
    assert windows.openness["labiodental"].tolist()[0] == 0
    assert (windows.openness["seal"] + windows.openness["labiodental"] <= 1 + 1e-9).all()


def test_silence_asks_for_nothing() -> None:
    assert ContactGate().push(_posteriors(["SIL"] * 20))[:, :QUIET].max() == 0


def test_the_mouth_rests_after_a_long_pause_and_wakes_at_once() -> None:
    timing = HeardTiming()
    n = round(timing.rest_steps)
    quiet = ContactGate(timing).push(_posteriors(["AA"] * 5 + ["SIL"] * 2 * n + ["AA"] * 6))[:, QUIET]
    assert (quiet[:5] == 0).all()
    assert 0 < quiet[5 + n // 2] < 1
    assert quiet[4 + 2 * n] == 1
    assert quiet[-1] == 0
