"""Pickles of data come in, programs do not."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

from visemic.core.errors import FormatError
from visemic.data.importers.unpickle import read_pickle

PYTHON_2_ARRAY = (
    b"\x80\x02}q\x00U\x01aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q\x04"
    b"U\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tU\x02f4q\nK\x00K\x01\x87q\x0bRq\x0c("
    b"K\x03U\x01<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89U\x08\x00\x00\x80?\x00\x00\x00@q\x0f"
    b"tq\x10bs."
)
"""What Python 2.7 writes for ``{"a": numpy.array([1, 2], "f4")}``."""


class RunsCode:
    """Writes a file when it is read the usual way."""

    def __init__(self, call, *arguments):
        self._what = call, arguments

    def __reduce__(self):
        return self._what


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_numbers_and_containers_come_back(tmp_path, protocol):
    data = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "objects": np.array([np.zeros(2), np.ones(3)], dtype=object),
        "n": np.float64(2.5),
        "list": [1, 2.5, "text", b"bytes", None, True, (1,), {3}],
        "ordered": OrderedDict(x=1),
    }
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(data, protocol))
    got = read_pickle(path)
    for key in ("a", "f"):
        np.testing.assert_array_equal(got[key], data[key])
        assert got[key].dtype == data[key].dtype
    np.testing.assert_array_equal(got["objects"][1], np.ones(3))
    assert got["n"] == 2.5
    assert got["list"] == data["list"]
    assert got["ordered"] == data["ordered"]


def test_a_pickle_of_python_2_is_read_as_latin_1(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(PYTHON_2_ARRAY)
    np.testing.assert_array_equal(read_pickle(path)["a"], np.array([1, 2], np.float32))


@pytest.mark.parametrize(
    "call",
    [
        lambda target: RunsCode(os.system, f"touch {target}"),
        lambda target: RunsCode(eval, f"open({str(target)!r}, 'w').close()"),
        lambda target: RunsCode(open, str(target), "w"),
        lambda target: RunsCode(getattr, "text", "upper"),
        lambda target: RunsCode(np.save, str(target), np.zeros(1)),
    ],
    ids=["system", "eval", "open", "getattr", "numpy-function"],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_code_is_refused_and_nothing_happens(tmp_path, call, protocol):
    target = tmp_path / "ran"
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"x": [call(target)]}, protocol))
    with pytest.raises(FormatError, match=r"bad\.pkl.* asks for .* refused"):
        read_pickle(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.pkl"]


def test_no_dotted_name_leads_out_of_numpy(tmp_path):
    path = tmp_path / "bad.pkl"
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x12ndarray.__reduce__\x93.")
    with pytest.raises(FormatError, match=r"refused"):
        read_pickle(path)


def test_a_pickle_cannot_change_the_reader(tmp_path):
    path = tmp_path / "bad.pkl"
    # scalar, then its state (None, {"__defaults__": (1,)}) by BUILD
    path.write_bytes(
        b"\x80\x04\x8c\x15numpy.core.multiarray\x8c\x06scalar\x93N}\x8c\x0c__defaults__K\x01\x85s\x86b."
    )
    with pytest.raises(FormatError, match=r"bad\.pkl"):
        read_pickle(path)
    path.write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93K\x09\x85R.")
    with pytest.raises(FormatError, match=r"bad\.pkl"):
        read_pickle(path)


def test_references_out_of_the_file_are_refused(tmp_path):
    path = tmp_path / "bad.pkl"
    path.write_bytes(b"\x80\x02X\x01\x00\x00\x00aQ.")
    with pytest.raises(FormatError, match=r"outside itself"):
        read_pickle(path)


@pytest.mark.parametrize("data", [b"", b"hello", pickle.dumps({"a": np.zeros(9)})[:-20]])
def test_a_damaged_pickle_is_named(tmp_path, data):
    path = tmp_path / "cut.pkl"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"cut\.pkl"):
        read_pickle(path)
