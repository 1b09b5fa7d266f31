"""Tables become frozen data, or are refused by the key that is wrong."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from visemic.core.config import check_keys, config_from_dict, first_difference
from visemic.core.errors import InputError, shown, unknown_name


@dataclass(frozen=True)
class Head:
    depth: int = 1


@dataclass(frozen=True)
class Config:
    width: int
    rate: float = 1.0
    is_causal: bool = False
    name: str = "a"
    kind: Literal["conv", "gru"] = "conv"
    kernels: tuple[int, ...] = (3,)
    pair: tuple[float, float] = (0.0, 1.0)
    head: Head = Head()
    limit: int | None = None
    where: Path = Path("x")
    heads: tuple[Head, ...] = ()
    factors: dict[str, float] = field(default_factory=dict)
    free: dict = field(default_factory=dict)


def test_every_kind_of_field_is_filled():
    table = {
        "width": 8,
        "rate": 2,
        "is_causal": True,
        "kind": "gru",
        "kernels": [5, 7],
        "pair": [1, 2.5],
        "head": {"depth": 3},
        "limit": 4,
        "where": "y/z",
        "heads": [{"depth": 1}, {}],
        "factors": {"velocity": 2},
        "free": {"any": ["thing"]},
    }
    config = config_from_dict(Config, table, "model")
    assert config == Config(
        8, 2.0, True, "a", "gru", (5, 7), (1.0, 2.5), Head(3), 4, Path("y/z"), (Head(), Head()),
        {"velocity": 2.0}, {"any": ["thing"]},
    )  # fmt: skip
    assert isinstance(config.rate, float)
    assert isinstance(config.factors["velocity"], float)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"widht": 3}, r"unknown key model\.widht; did you mean model\.width\?"),
        (
            {"width": 3, "head": {"dept": 1}},
            r"unknown key model\.head\.dept; did you mean model\.head\.depth\?",
        ),
        ({"width": 3, "zzz": 1}, r"unknown key model\.zzz; known here are width, rate"),
        ({}, r"key model\.width is missing"),
        ({"width": 3.0}, r"model\.width is 3\.0; give a whole number"),
        ({"width": True}, r"model\.width is True; give a whole number"),
        ({"width": 3, "rate": True}, r"model\.rate is True; give a number"),
        ({"width": 3, "rate": "1"}, r"model\.rate is '1'; give a number"),
        ({"width": 3, "is_causal": 1}, r"model\.is_causal is 1; give true or false"),
        ({"width": 3, "name": 1}, r"model\.name is 1; give text"),
        ({"width": 3, "kind": "cnn"}, r"model\.kind is 'cnn'; give one of 'conv', 'gru'"),
        ({"width": 3, "kernels": 5}, r"model\.kernels is 5; give a list"),
        ({"width": 3, "kernels": [5, "a"]}, r"model\.kernels\[1\] is 'a'; give a whole number"),
        ({"width": 3, "pair": [1]}, r"model\.pair has 1 values; give 2"),
        ({"width": 3, "head": 2}, r"model\.head is 2; give a table"),
        ({"width": 3, "limit": "a"}, r"model\.limit is 'a'; give a whole number"),
        ({"width": 3, "factors": {"a": "b"}}, r"model\.factors\.a is 'b'; give a number"),
        ({"width": 3, "free": []}, r"model\.free is \[\]; give a table"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_full_key(table, sentence):
    with pytest.raises(InputError, match=sentence):
        config_from_dict(Config, table, "model")


def test_none_is_taken_where_it_is_meant():
    assert config_from_dict(Config, {"width": 1, "limit": None}, "").limit is None


def test_the_first_difference_is_named_in_order():
    a = {"x": 1, "y": {"z": [1, 2], "w": 0}}
    assert first_difference(a, {"x": 1, "y": {"z": [1, 2], "w": 0}}) is None
    assert first_difference(a, {"x": 1, "y": {"z": [1, 3], "w": 5}}) == "y.z"
    assert first_difference(a, {"x": 1, "y": {"z": [1, 2]}}) == "y.w"
    assert first_difference(a, {**a, "v": 0}) == "v"
    assert first_difference({"x": True}, {"x": 1}) == "x"


@pytest.mark.parametrize("name", ["k" * 50_000, "\x1b[31mred\nline", "\u202eevil"])
def test_names_in_messages_are_short_and_printable(name):
    for refuse in (
        lambda: check_keys({name: 1}, ["width"], "model"),
        lambda: config_from_dict(Config, {"width": name}, "model"),
    ):
        with pytest.raises(InputError) as caught:
            refuse()
        assert len(str(caught.value)) < 200
        assert str(caught.value).isprintable()
    assert len(unknown_name("channel", name, ["jawOpen"])) < 120


def test_values_too_large_to_show_are_named():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    assert shown(nested) == "list too large to show"
    assert shown(10**5000) == "int too large to show"
