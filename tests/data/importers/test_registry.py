"""Every importer by name, and what they share."""

from pathlib import Path

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.signals import Waveform
from visemic.data.importers.array_file import NpzRows
from visemic.data.importers.folder import clean_id
from visemic.data.importers.mesh_file import metres_per_unit, read_mesh
from visemic.data.importers.piece import pieces
from visemic.data.importers.registry import importer_kinds, load_importer
from visemic.data.importers.sound import sound_beside, sound_between
from visemic.data.importers.split import split_of
from visemic.data.recording import Importer

CARDS = Path(__file__).parents[3] / "docs" / "datasets"


@pytest.mark.parametrize("kind", importer_kinds())
def test_every_importer_keeps_the_contract_and_has_a_data_card(kind):
    importer = load_importer(kind)
    assert isinstance(importer, Importer)
    assert importer.kind == kind
    card = (CARDS / f"{kind}.md").read_text(encoding="utf-8")
    for part in (
        "**Owner",
        "**Terms",
        "**What we may publish",
        "**Units",
        "**Rate",
        "**Split",
        "**Faults found",
    ):
        assert part in card, f"{part} is missing in the card of {kind}"


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(FormatError, match=r"did you mean 'vocaset'"):
        load_importer("vocasett")


def test_a_source_that_does_not_exist_is_refused_by_every_importer(tmp_path):
    for kind in importer_kinds():
        with pytest.raises(FormatError):
            list(load_importer(kind).recordings(tmp_path / "nowhere"))


def test_parts_are_fixed_by_name_and_have_their_share():
    splits = [split_of(f"clip-{i}") for i in range(3_000)]
    assert 0.08 < splits.count("test") / 3_000 < 0.12
    assert 0.08 < splits.count("validation") / 3_000 < 0.12
    assert [split_of(f"clip-{i}") for i in range(50)] == splits[:50]


def test_names_keep_only_what_a_clip_may_be_called():
    assert clean_id("Ann's take (2)/x") == "Ann-s-take-2-/x"
    assert clean_id("…") == "clip"


def test_rows_of_an_archive_are_read_in_order_without_the_rest(tmp_path, rng):
    table = rng.random((50, 3, 2))
    np.savez_compressed(tmp_path / "a.npz", table=table, other=np.zeros(3))
    with NpzRows(tmp_path / "a.npz", "table") as rows:
        np.testing.assert_array_equal(rows.read(5, 9), table[5:9])
        np.testing.assert_array_equal(rows.read(20, 50), table[20:])
        with pytest.raises(FormatError, match=r"50 are read"):
            rows.read(3, 4)
    with pytest.raises(FormatError, match=r"no array 'missing'"):
        NpzRows(tmp_path / "a.npz", "missing")


def test_pieces_of_straight_lines_are_those_lines(rng):
    times_s = np.sort(rng.choice(np.arange(400), 350, replace=False)) / 60
    values = np.stack([times_s, 1 - times_s], 1).astype(np.float32)
    for piece in pieces(times_s, values, Rate.of(60)):
        at_s = piece.start_s + np.arange(len(piece.values)) / 60
        np.testing.assert_allclose(piece.values[:, 0], at_s, atol=1e-5)
    whole = list(pieces(np.array([0.0]), values[:1], Rate.of(60), exact=True))
    assert len(whole) == 1
    assert list(pieces(np.zeros(0), np.zeros((0, 2), np.float32), Rate.of(60))) == []


def test_sound_outside_a_recording_is_silence():
    waveform = Waveform(np.ones(1_600, np.float32), Rate.of(16_000))
    part = sound_between(waveform, -0.05, 0.2)
    np.testing.assert_array_equal(part.samples[:800], 0)
    np.testing.assert_array_equal(part.samples[800:2_400], 1)
    np.testing.assert_array_equal(part.samples[2_400:], 0)
    assert len(sound_between(waveform, 5.0, 0.1).samples) == 1_600


def test_sound_goes_before_video(tmp_path):
    for name in ("a.mov", "a.WAV", "a.csv", "b.wav"):
        (tmp_path / name).touch()
    assert sound_beside(tmp_path / "a.csv") == tmp_path / "a.WAV"
    assert sound_beside(tmp_path / "c.csv") is None


@pytest.mark.parametrize("form", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_files_of_all_forms_are_one_mesh(tmp_path, form):
    header = (
        f"ply\nformat {form} 1.0\ncomment made by hand\nelement vertex 4\n"
        "property float x\nproperty float y\nproperty float z\nproperty uchar red\n"
        "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    )
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]], np.float32)
    if form == "ascii":
        rows = [*(f"{x} {y} {z} 7" for x, y, z in points.tolist()), "3 0 1 2", "4 0 1 2 3", ""]
        data = header.encode() + "\n".join(rows).encode()
    else:
        order = "<" if "little" in form else ">"
        table = np.zeros(4, [("p", order + "f4", 3), ("c", "u1")])
        table["p"], table["c"] = points, 7
        faces = [bytes([len(f)]) + np.array(f, order + "i4").tobytes() for f in ([0, 1, 2], [0, 1, 2, 3])]
        data = header.encode() + table.tobytes() + b"".join(faces)
    path = tmp_path / "a.ply"
    path.write_bytes(data)
    vertices, topology = read_mesh(path)
    np.testing.assert_array_equal(vertices, points)
    assert topology.triangles.tolist() == [[0, 1, 2], [0, 1, 2], [0, 2, 3]]
    path.write_bytes(data[: len(data) - 6])
    with pytest.raises(FormatError, match=r"a\.ply"):
        read_mesh(path)


def test_damaged_meshes_are_named(tmp_path):
    path = tmp_path / "a.obj"
    for text in ("v 0 0\nf 1 1 1\n", "v 0 0 0\nf 1 2 3\n", "hello\n", "v 0 0 nan\nf 1 1 1\n", "v 0 0 x\n"):
        path.write_text(text)
        with pytest.raises(FormatError, match=r"a\.obj"):
            read_mesh(path)


def test_the_unit_of_a_head_is_told_by_its_size():
    head = np.array([[0, -0.1, 0], [0, 0.1, 0]], np.float32)
    assert metres_per_unit(head, "a") == 1.0
    assert metres_per_unit(head * 100, "a") == 0.01
    assert metres_per_unit(head * 1000, "a") == 0.001
    with pytest.raises(FormatError, match=r"0.0002 m high"):
        metres_per_unit(head, "a", 0.001)
