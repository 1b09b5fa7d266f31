import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_52, Layout
from visemic.core.signals import Alignment, Motion, Phone
from visemic.render.curve_strip import CHANNELS, WINDOW_S, CurveStrip, shown_channels, strip_height


def motion_of(n_frames=120, names=ARKIT_52.names, **curves):
    layout = Layout("test", tuple(names))
    values = np.zeros((n_frames, len(layout)), np.float32)
    for name, curve in curves.items():
        values[:, layout.index(name)] = curve
    return Motion(values, layout, Rate.of(30))


def test_usual_channels_are_shown_in_their_order():
    assert shown_channels(motion_of()) == CHANNELS


def test_a_motion_of_other_channels_shows_its_first():
    assert shown_channels(motion_of(names=("a", "b"))) == ("a", "b")


@pytest.mark.parametrize("height", [16, 64, 256, 512, 1080, 4096])
def test_a_strip_is_even_and_leaves_two_thirds_to_the_head(height):
    rows = strip_height(height, 5)
    assert rows % 2 == 0
    assert 0 <= rows <= height / 3


def test_an_impulse_passes_the_playhead_at_its_frame():
    curve = np.zeros(120, np.float32)
    curve[60] = 1.0
    strip = CurveStrip(motion_of(jawOpen=curve), 512, 512)
    rest = CurveStrip(motion_of(), 512, 512)
    lane = slice(3, 10)

    def where(frame):
        changed = (strip.draw(frame)[lane].astype(int) != rest.draw(frame)[lane]).any((0, 2))
        return np.flatnonzero(changed[:470]).mean()

    left = strip._left
    middle = left + (512 - left) / 2
    per_second = (512 - left) / (2 * WINDOW_S)
    assert where(60) == pytest.approx(middle, abs=3)
    assert where(45) == pytest.approx(middle + 0.5 * per_second, abs=3)
    assert where(75) == pytest.approx(middle - 0.5 * per_second, abs=3)


def test_a_higher_curve_is_drawn_higher():
    def top_row(level):
        curve = np.full(120, 0.5, np.float32)
        curve[0] = 1.0  # the same scale for both
        curve[40:] = level
        picture = CurveStrip(motion_of(jawOpen=curve), 512, 512).draw(80).astype(int)
        return np.argmax((picture[2:18, 200] - picture[2:18, 200].min(0)).sum(1))

    assert top_row(0.8) < top_row(0.2)


def test_phones_begin_at_faint_lines():
    phones = (Phone("AA", 0.5, 1.2), Phone("B", 1.2, 2.0))
    alignment = Alignment(phones, (), "", 4.0)
    with_phones = CurveStrip(motion_of(), 512, 512, alignment).draw(30)
    without = CurveStrip(motion_of(), 512, 512).draw(30)
    assert (with_phones != without).any((0, 2)).sum() == 2


def test_the_ends_of_a_motion_are_drawn_as_rest():
    strip = CurveStrip(motion_of(1, jawOpen=np.ones(1, np.float32)), 256, 256)
    assert strip.draw(0).shape == (strip.height, 256, 3)


def test_a_motion_without_channels_has_no_curves():
    with pytest.raises(InputError, match="0 channels"):
        CurveStrip(motion_of(names=()), 256, 256)
