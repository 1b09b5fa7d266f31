import json

import av
import numpy as np
import pytest
from PIL import Image

from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Motion, Phone, Provenance, Word
from visemic.pipeline.clip import Clip
from visemic.rig.registry import load_rig

SMALL = ("--width", "96", "--height", "96")


@pytest.fixture
def take(tmp_path):
    """Give a maker of motion files with words."""

    def make(name, n_frames=6, level=0.3, rate=30):
        values = np.zeros((n_frames, len(ARKIT_61)), np.float32)
        values[:, ARKIT_61.index("jawOpen")] = level
        end_s = n_frames / rate
        said = Alignment((Phone("AA", 0.0, end_s),), (Word("Ah", 0.0, end_s),), "Ah.", end_s)
        origin = Provenance("0", "test", 0, "recording", "viseme-rules", "visemic")
        clip = Clip(None, said, Motion(values, ARKIT_61, Rate.of(rate)), load_rig("visemic"), origin)
        clip.save(tmp_path / name)
        return name

    return make


def picture(path):
    return np.asarray(Image.open(path)).astype(int)


@pytest.mark.parametrize("flag", ["--subtitles", "--labels", "--curves", "--wireframe"])
def test_each_overlay_is_drawn_on_a_still(run, take, flag):
    take("a.npz")
    assert run("render", "a.npz", "-o", "plain.png", *SMALL).code == 0
    assert run("render", "a.npz", "-o", "shown.png", flag, *SMALL).code == 0
    plain, shown = picture("plain.png"), picture("shown.png")
    assert plain.shape == shown.shape
    assert np.any(plain != shown)


def test_two_motions_stand_side_by_side_for_as_long_as_the_longer(run, take):
    take("a.npz", 4)
    take("b.npz", 9, level=0.6)
    assert run("render", "a.npz", "-o", "both.mp4", "--beside", "b.npz", *SMALL).code == 0
    with av.open("both.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (192, 96, 9)


def test_a_motion_of_another_rate_is_resampled_beside(run, take):
    take("a.npz", 6)
    take("b.npz", 12, rate=60)
    assert run("render", "a.npz", "-o", "both.png", "--beside", "b.npz", *SMALL).code == 0
    assert picture("both.png").shape == (96, 192, 3)


def test_errors_are_coloured_by_their_scale(run, take):
    take("a.npz", level=0.3)
    take("b.npz", level=0.35)
    red = []
    for limit in ("0.5", "500"):
        done = run(
            "render", "a.npz", "-o", f"{limit}.png", "--errors", "b.npz", "--error-max-mm", limit, "--view",
            "mouth", *SMALL,
        )  # fmt: skip
        assert done.code == 0
        shown = picture(f"{limit}.png")[48:]
        red.append((shown[..., 0] > shown[..., 2] + 40).sum())
    assert red[0] > 500 > red[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--errors", "b.npz"), "compared motions last"),
        (("--errors", "a.npz", "--error-max-mm", "0"), "error scale of 0 mm"),
        (("--beside", "none.npz"), "none.npz"),
        (("--beside", "a.npz", "--width", "4000"), "width of 8000"),
        (("--view", "mooth"), "did you mean 'mouth'"),
        (("--frame", "99"), "no frame 99"),
    ],
)
def test_bad_input_is_one_sentence(run, take, words, said):
    take("a.npz", 6)
    take("b.npz", 30)
    result = run("render", "a.npz", "-o", "out.png", *words)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1


def test_subtitles_of_a_motion_without_words_are_refused(run, take, tmp_path):
    take("a.npz")
    assert run("convert", "a.npz", "a.csv").code == 0
    for other in tmp_path.glob("a*.json"):
        other.unlink()
    result = run("render", "a.csv", "-o", "out.png", "--subtitles")
    assert result.code == 2
    assert "no words are known" in result.err


def test_subtitles_of_a_recording_need_its_text(run, buzz):
    result = run("animate", buzz, "-o", "out.mp4", "--subtitles")
    assert result.code == 2
    assert "--text" in result.err


def test_a_chart_in_an_unknown_view_is_refused(run):
    result = run("chart", "emotions", "-o", "a.png", "--view", "feet")
    assert result.code == 2
    assert "view 'feet'" in result.err


@pytest.mark.slow
def test_every_chart_is_a_picture(run):
    for kind in ("shapes", "visemes", "emotions"):
        result = run("chart", kind, "-o", f"{kind}.png", "--json")
        assert result.code == 0
        assert json.loads(result.out) == {"outputs": [f"{kind}.png"]}
        assert picture(f"{kind}.png").shape[1] > 1000
