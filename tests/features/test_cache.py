"""The cache of features."""

import os

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.signals import Features, Waveform
from visemic.features.cache import FeatureCache, waveform_sha256


class Extractor:
    """Counts its calls."""

    def __init__(self, n_steps: int = 5) -> None:
        self.calls = 0
        self.n_steps = n_steps

    def __call__(self, waveform: Waveform) -> Features:
        self.calls += 1
        values = np.full((self.n_steps, 3), waveform.samples.sum(), np.float32)
        return Features(values, Rate.of("62.5"), "sum", "2")


def sound(seed: int = 0, n_samples: int = 100) -> Waveform:
    samples = np.random.default_rng(seed).uniform(-1, 1, n_samples).astype(np.float32)
    return Waveform(samples, Rate.of(16_000))


def test_the_second_time_nothing_is_computed(tmp_path):
    cache, extract = FeatureCache(tmp_path), Extractor()
    made = cache.get(sound(), "sum", "2", extract)
    kept = cache.get(sound(), "sum", "2", extract)
    assert extract.calls == 1
    np.testing.assert_array_equal(made.values, kept.values)
    assert (kept.rate, kept.name, kept.version) == (made.rate, made.name, made.version)


@pytest.mark.parametrize(
    "other",
    [
        {"waveform": sound(1)},
        {"waveform": sound(0, 101)},
        {"waveform": Waveform(sound().samples, Rate.of(8_000))},
        {"name": "product"},
        {"version": "3"},
        {"options": {"layers": [1, 2]}},
    ],
)
def test_another_sound_extractor_version_or_option_is_another_entry(tmp_path, other):
    cache = FeatureCache(tmp_path)
    asked = {"waveform": sound(), "name": "sum", "version": "2", "options": {"layers": [1]}}
    assert cache.path_of(**asked) != cache.path_of(**{**asked, **other})
    assert cache.path_of(**asked) == cache.path_of(**asked)


def test_the_order_of_options_does_not_matter(tmp_path):
    cache = FeatureCache(tmp_path)
    a = cache.path_of(sound(), "sum", "2", {"x": 1, "y": 2})
    assert a == cache.path_of(sound(), "sum", "2", {"y": 2, "x": 1})


def test_sounds_that_are_equal_in_16_bits_are_one():
    a = sound()
    nudged = Waveform((np.round(a.samples * 32_767) / 32_767).astype(np.float32), a.rate)
    assert waveform_sha256(a) == waveform_sha256(nudged)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "flipped", "pickle"])
def test_a_damaged_entry_is_made_again(tmp_path, damage):
    cache, extract = FeatureCache(tmp_path), Extractor(n_steps=500)
    made = cache.get(sound(), "sum", "2", extract)
    path = cache.path_of(sound(), "sum", "2")
    data = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("not an archive")
    elif damage == "flipped":
        data[len(data) // 3] ^= 0xFF
        path.write_bytes(data)
    else:
        np.savez(path, values=np.array([{}], object), rate=np.array([1, 1]), name="", version="")
    again = cache.get(sound(), "sum", "2", extract)
    assert extract.calls == 2
    np.testing.assert_array_equal(again.values, made.values)
    cache.get(sound(), "sum", "2", extract)
    assert extract.calls == 2


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    extract = Extractor(n_steps=1_000)
    entry_bytes = 1_000 * 3 * 4 + 2_000
    cache = FeatureCache(tmp_path, max_bytes=2 * entry_bytes)
    cache.get(sound(0), "sum", "2", extract)
    cache.get(sound(1), "sum", "2", extract)
    for seed, age in ((0, 10), (1, 20)):  # the second was used longer ago
        path = cache.path_of(sound(seed), "sum", "2")
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))
    cache.get(sound(2), "sum", "2", extract)
    present = [cache.path_of(sound(seed), "sum", "2").is_file() for seed in range(3)]
    assert present == [True, False, True]


def test_an_entry_larger_than_the_limit_is_given_and_not_kept(tmp_path):
    cache, extract = FeatureCache(tmp_path, max_bytes=10), Extractor()
    cache.get(sound(), "sum", "2", extract)
    assert not list(tmp_path.rglob("*.npz"))
    with pytest.raises(InputError, match="-1 bytes"):
        FeatureCache(tmp_path, max_bytes=-1)


def test_the_user_says_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("VISEMIC_CACHE", str(tmp_path / "mine"))
    FeatureCache().get(sound(), "sum", "2", Extractor())
    assert len(list((tmp_path / "mine" / "features").rglob("*.npz"))) == 1
    assert not list(tmp_path.rglob("*.partial*"))


def test_one_step_and_none_come_back(tmp_path):
    cache = FeatureCache(tmp_path)
    for n_steps in (0, 1):
        cache.get(sound(n_steps), "sum", "2", Extractor(n_steps))
        assert cache.get(sound(n_steps), "sum", "2", Extractor(99)).values.shape == (n_steps, 3)
