"""The rule engine as a whole."""

import hashlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_52, ARKIT_61
from visemic.core.signals import Alignment, Phone, Waveform, Word
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.registry import load_model
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig

OFF = FaceControl(blink=0.0, brows=0.0, head=0.0, gaze=0.0)
UPPER = [n for n in ARKIT_61 if n.startswith(("eye", "brow", "head", "left", "right"))]


@pytest.fixture(scope="module")
def model(readouts) -> VisemeRules:
    return load_model("viseme-rules", readouts)


def clip(*phones: str, length_s: float = 0.1, stress: int | None = None, pad_s: float = 0.4) -> Alignment:
    """Phones of equal length between two silences."""
    made, at_s = [Phone("SIL", 0.0, pad_s)], pad_s
    for label in phones:
        made.append(Phone(label, at_s, at_s + length_s, stress))
        at_s += length_s
    made.append(Phone("SIL", at_s, at_s + pad_s))
    words = (Word("word", pad_s, at_s),)
    return Alignment(tuple(made), words, "word", at_s + pad_s)


def generate(model, alignment, fps=30, control=OFF, seed=0, prosody=None):
    return model.generate(alignment, prosody, Rate.of(fps), control, np.random.default_rng(seed))


def gap_mm(model, motion):
    return model.mouth.measure_mm("lip_gap", motion.values.astype(float))


HELLO = clip("HH", "AH", "L", "OW", "M", "AY", "F", "R", "EH", "N", "D", "Z", "SIL", "B", "UW", "S", "T")


@pytest.mark.parametrize("fps", [12, 23.976, 24, 25, 29.97, 30, 48, 60, 120])
def test_motion_has_the_clips_frames_and_valid_weights(model, fps):
    motion = generate(model, HELLO, fps, FaceControl(), 3)
    assert motion.n_frames == Rate.of(fps).count(HELLO.duration_s)
    assert np.isfinite(motion.values).all()
    weights = motion.to_layout(ARKIT_52).values
    assert weights.min() >= 0.0
    assert weights.max() <= 1.0
    assert (motion.channel("mouthClose") <= motion.channel("jawOpen") + 0.03 + 1e-6).all()


def test_one_seed_gives_the_same_bytes_and_another_other_ones(model):
    one, two = (generate(model, HELLO, 30, FaceControl(), 7).values.tobytes() for _ in range(2))
    assert one == two
    assert one != generate(model, HELLO, 30, FaceControl(), 8).values.tobytes()


@pytest.mark.slow
def test_another_process_gives_the_same_bytes(model):
    code = """
        import hashlib, numpy as np
        from visemic.core.clock import Rate
        from visemic.core.layout import ARKIT_61
        from visemic.core.signals import Alignment, Phone
        from visemic.models.base import FaceControl
        from visemic.models.registry import load_model
        from visemic.motion.mouth import READOUT_NAMES, reference_mouth
        from visemic.rig.readout import Readouts
        mouth = reference_mouth()
        rest = np.array([mouth.rest_mm[name] for name in READOUT_NAMES])
        slopes = np.stack([mouth.slopes_mm[name] for name in READOUT_NAMES], axis=1)
        model = load_model("viseme-rules", Readouts(rest, slopes, ARKIT_61))
        clip = Alignment((Phone("M", 0.2, 0.3), Phone("AY", 0.3, 0.6)), (), "", 1.0)
        motion = model.generate(clip, None, Rate.of(30), FaceControl(), np.random.default_rng(5))
        print(hashlib.sha256(motion.values.tobytes()).hexdigest())
    """
    answers = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    }
    alignment = Alignment((Phone("M", 0.2, 0.3), Phone("AY", 0.3, 0.6)), (), "", 1.0)
    here = hashlib.sha256(generate(model, alignment, 30, FaceControl(), 5).values.tobytes()).hexdigest()
    assert answers == {here}


def test_silence_keeps_the_mouth_shut(model):
    silent = Alignment((), (), "", 2.0)
    assert not generate(model, silent).values.any()


def test_half_a_second_into_a_pause_the_mouth_is_exactly_at_rest(model):
    pause = Alignment((Phone("AA", 0.2, 0.5), Phone("SIL", 0.5, 2.0), Phone("IY", 2.0, 2.3)), (), "", 2.8)
    motion = generate(model, pause, 100)
    assert not motion.values[100:185].any()
    assert motion.values[45].any()


def test_speech_is_anticipated_by_a_tenth_of_a_second_and_no_more(model):
    jaw = generate(model, clip("AA", length_s=0.3, pad_s=1.0), 100).channel("jawOpen")
    assert jaw[95] > 0.005
    assert not jaw[:87].any()


@pytest.mark.parametrize("last", ["AA", "M", "F", "S", "UW"])
def test_the_clip_ends_closed_even_without_a_final_silence(model, last):
    abrupt = Alignment((Phone("T", 0.0, 0.1), Phone(last, 0.1, 0.4)), (), "", 0.4)
    for fps in (24, 30, 60):
        closed_mm = gap_mm(model, generate(model, abrupt, fps))[-1]
        assert closed_mm <= model.mouth.rest_mm["lip_gap"] + 0.1


def test_open_vowels_open_the_jaw_in_the_order_of_the_table(model):
    def peak(vowel: str) -> float:
        return float(gap_mm(model, generate(model, clip("T", vowel, "T", length_s=0.15), 60)).max())

    gaps = [peak(v) for v in ("AA", "AE", "EH", "IH", "UW")]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 10


def test_rounding_spreads_to_the_consonants_before_it(model):
    round_before = generate(model, clip("T", "S", "T", "UW"), 100).channel("mouthPucker")[65:75]
    spread_before = generate(model, clip("T", "S", "T", "IY"), 100).channel("mouthPucker")[65:75]
    assert round_before.min() > 0.2
    assert not spread_before.any()


def test_tongue_sounds_leave_the_lips_to_the_vowels(model):
    pucker = generate(model, clip("UW", "T", "UW"), 100).channel("mouthPucker")
    assert pucker[50:60].min() > 0.7 * pucker.max()


def test_stress_and_loudness_open_the_jaw(model):
    def jaw(stress, prosody=None, alignment=None):
        made = alignment or clip("T", "AA", "T", "AA", "T", stress=stress)
        return generate(model, made, 60, prosody=prosody).channel("jawOpen")

    assert jaw(1).max() > jaw(None).max() > jaw(0).max()
    alignment = clip("T", "AA", "T", "AA", "T", length_s=0.2)
    t = np.arange(int(alignment.duration_s * 16_000)) / 16_000
    level = np.where(t > 0.9, 0.5, 0.05)
    sound = Waveform((level * np.sin(2 * np.pi * 150 * t)).astype(np.float32), Rate.of(16_000))
    curve = jaw(None, extract_prosody(sound), alignment)
    assert curve[66:78].max() > 1.15 * curve[42:54].max()


def test_articulation_scales_the_jaw(readouts):
    wide, small = (
        generate(VisemeRules(VisemeRulesConfig(articulation=a), readouts), HELLO).channel("jawOpen").max()
        for a in (1.3, 0.6)
    )
    assert wide > 1.5 * small


@pytest.mark.parametrize("name", ["blink", "brows", "head", "gaze"])
def test_an_amplitude_of_zero_switches_exactly_its_part_off(model, name):
    prefixes = {
        "blink": ("eyeBlink",),
        "brows": ("brow",),
        "head": ("head",),
        "gaze": ("eyeLook", "left", "right"),
    }
    alignment = clip(*["T", "AA"] * 30, stress=1)
    on = generate(model, alignment, 30, FaceControl(), 2)
    off = generate(model, alignment, 30, FaceControl(**{name: 0.0}), 2)
    mine = [n for n in UPPER if n.startswith(prefixes[name])]
    for channel in mine:
        assert not off.channel(channel).any()
    assert any(on.channel(channel).any() for channel in mine)
    # Eyes answer to the head, and lids to the eyes.
    follow = {"head": ("eyeLook", "eyeWide", "left", "right"), "gaze": ("eyeWide",)}.get(name, ())
    others = [n for n in UPPER if n not in mine and not (follow and n.startswith(follow))]
    for channel in others:
        np.testing.assert_array_equal(on.channel(channel), off.channel(channel))


def test_one_seed_gives_one_curve_at_two_rates(model):
    fine, coarse = (generate(model, clip("T", "AA", "L", "IY"), fps, FaceControl(), 4) for fps in (60, 30))
    n_frames = coarse.n_frames - 6
    np.testing.assert_allclose(fine.values[::2][:n_frames], coarse.values[:n_frames], atol=2e-3)


def test_ipa_labels_are_understood_and_nonsense_is_refused(model):
    french = Alignment((Phone("ʁ", 0.1, 0.2), Phone("y", 0.2, 0.4, ipa="y")), (), "", 0.8)
    assert generate(model, french).channel("mouthPucker").max() > 0.3
    stressed = Alignment((Phone("AA1", 0.1, 0.4),), (), "", 0.8)
    assert generate(model, stressed).channel("jawOpen").max() > 0.2
    for nonsense in ("?", "QX"):
        with pytest.raises(InputError, match="no phone"):
            generate(model, Alignment((Phone(nonsense, 0.1, 0.2),), (), "", 0.4))


def test_a_clip_beyond_the_limit_is_refused(model):
    with pytest.raises(InputError, match="at most 21600 s"):
        generate(model, Alignment((), (), "", 30_000.0))


@pytest.mark.parametrize("duration_s", [0.0, 0.001, 0.03])
def test_the_shortest_clips_have_one_frame_at_rest(model, duration_s):
    motion = generate(model, Alignment((), (), "", duration_s), 30, FaceControl(), 1)
    assert motion.n_frames == 1
    assert not motion.to_layout(ARKIT_52).values.any()


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="articulation is 9"):
        VisemeRulesConfig(articulation=9.0)
    with pytest.raises(InputError, match="contact_attack_s is 0"):
        VisemeRulesConfig(contact_attack_s=0.0)


def test_diphthongs_move_from_their_first_vowel_to_their_second(model):
    motion = generate(model, clip("AY", length_s=0.4), 100)
    stretch, jaw = motion.channel("mouthStretchLeft"), motion.channel("jawOpen")
    assert jaw[55] > jaw[75]
    assert stretch[75] > stretch[55]


@pytest.mark.slow
def test_an_hour_takes_at_most_two_thousandths_of_its_length(model):
    import time

    phones, at_s = [], 0.5
    chance = np.random.default_rng(1)
    while at_s < 3590:
        for label in ("M", "AA", "S", "T", "IY", "F", "UW", "SIL"):
            length_s = float(chance.uniform(0.05, 0.15)) * (4 if label == "SIL" else 1)
            phones.append(Phone(label, at_s, at_s + length_s, 1 if label == "AA" else None))
            at_s += length_s
    hour = Alignment(tuple(phones), (), "", 3600.0)
    start_s = time.perf_counter()
    motion = generate(model, hour, 30, FaceControl())
    assert time.perf_counter() - start_s < 0.002 * 3600
    assert motion.n_frames == 108_000
    assert not motion.values[-1, model.mouth.lip_columns].any()
