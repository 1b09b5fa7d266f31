import numpy as np
import pytest

from visemic.voices.espeak_library import PhonemeEvent, Utterance, WordEvent
from visemic.voices.espeak_phones import segments_of

HZ = 22_050


def utterance(*events, n_samples=22_050, silent=()):
    """Give an utterance that sounds everywhere but in the silent spans."""
    samples = np.full(n_samples, 0.1, np.float32)
    for start, end in silent:
        samples[start:end] = 0
    return Utterance(samples, HZ, events)


def segments(said, starts=(0,), is_english=True, count=lambda tokens: (1,) * len(tokens)):
    return segments_of(said, starts, is_english=is_english, count=count)


def labels(found):
    return [s.label for s in found]


def test_a_phone_ends_where_the_next_begins():
    found = segments(utterance(PhonemeEvent(100, "m"), PhonemeEvent(2_000, "ˈiː"), PhonemeEvent(5_000, "n")))
    assert [(s.label, s.start, s.end) for s in found] == [
        ("M", 100, 2_000),
        ("IY", 2_000, 5_000),
        ("N", 5_000, 22_050),
    ]


def test_stress_marks_become_numbers_on_vowels_only():
    found = segments(
        utterance(
            PhonemeEvent(0, "ˈæ"),
            PhonemeEvent(4_000, "n"),
            PhonemeEvent(8_000, "ˌoʊ"),
            PhonemeEvent(12_000, "ə"),
        )
    )
    assert [(s.label, s.stress) for s in found] == [("AE", 1), ("N", None), ("OW", 2), ("AX", 0)]
    assert found[0].ipa == "ˈæ"


@pytest.mark.parametrize(
    ("ipa", "wanted"),
    [
        ("əl", ["AX", "L"]),
        ("ˈɔːɹ", ["AO", "R"]),
        ("ˈaɪɚ", ["AY", "ER"]),
        ("tʃ", ["CH"]),
        ("ˈaɪ", ["AY"]),
        ("n̩", ["N"]),
        ("ˈɜː", ["ER"]),
        ("ɐ", ["AX"]),
        ("ʔ", ["T"]),
        ("ɾ", ["D"]),
    ],
)
def test_symbols_of_english(ipa, wanted):
    assert labels(segments(utterance(PhonemeEvent(0, ipa)))) == wanted


def test_two_segments_share_the_time_of_one_symbol():
    first, second = segments(utterance(PhonemeEvent(0, "ˈɪɹ"), n_samples=10_000))
    assert (first.start, first.end, second.start, second.end) == (0, 6_000, 6_000, 10_000)
    assert (first.stress, second.stress) == (1, None)


def test_silence_is_a_pause_between_phones_and_nothing_around_them():
    found = segments(
        utterance(
            PhonemeEvent(0, ""),
            PhonemeEvent(1_000, "m"),
            PhonemeEvent(3_000, ""),
            PhonemeEvent(6_000, ""),
            PhonemeEvent(9_000, "n"),
            PhonemeEvent(12_000, ""),
            silent=[(0, 1_000), (3_000, 9_000), (12_000, 22_050)],
        )
    )
    assert [(s.label, s.start, s.end) for s in found] == [
        ("M", 1_000, 3_000),
        ("SIL", 3_000, 9_000),
        ("N", 9_000, 12_000),
    ]


def test_a_link_that_sounds_is_no_pause():
    found = segments(utterance(PhonemeEvent(0, "i"), PhonemeEvent(3_000, ""), PhonemeEvent(5_000, "æ")))
    assert [(s.label, s.end) for s in found] == [("IY", 5_000), ("AE", 22_050)]


def test_a_stop_begins_with_the_silence_of_its_closure():
    said = utterance(PhonemeEvent(0, "ˈʌ"), PhonemeEvent(5_000, "p"), silent=[(3_500, 5_000)])
    assert [(s.label, s.start) for s in segments(said)] == [("AH", 0), ("P", 3_500)]


def test_a_closure_is_not_a_share_of_a_symbol_with_two_segments():
    said = utterance(PhonemeEvent(0, "əl"), PhonemeEvent(8_000, "p"), silent=[(5_000, 8_000)])
    assert [(s.label, s.start) for s in segments(said)] == [("AX", 0), ("L", 3_000), ("P", 5_000)]


@pytest.mark.parametrize("silence", [0, 500])
def test_a_phone_without_sound_of_its_own_is_part_of_the_one_before(silence):
    said = utterance(
        PhonemeEvent(0, "ˈɔː"),
        PhonemeEvent(10_000, "l"),
        PhonemeEvent(10_000 + silence, ""),
        silent=[(10_000, 22_050)],
    )
    assert [(s.label, s.start, s.end) for s in segments(said)] == [
        ("AO", 0, 6_000),
        ("L", 6_000, 10_000 + silence),
    ]


def test_the_silence_after_a_phone_without_sound_is_the_closure_of_the_next_stop():
    said = utterance(
        PhonemeEvent(0, "ˈɛ"), PhonemeEvent(11_000, "l"), PhonemeEvent(11_500, "p"), silent=[(10_000, 11_500)]
    )
    assert [(s.label, s.start) for s in segments(said)] == [("EH", 0), ("L", 6_600), ("P", 10_000)]


def test_a_fricative_leaves_the_silence_where_it_is():
    said = utterance(PhonemeEvent(0, "ˈʌ"), PhonemeEvent(5_000, "s"), silent=[(3_500, 5_000)])
    assert [(s.label, s.start) for s in segments(said)] == [("AH", 0), ("S", 5_000)]


def test_phones_too_short_to_see_are_given_to_their_neighbour():
    found = segments(
        utterance(
            PhonemeEvent(0, "t"), PhonemeEvent(50, "m"), PhonemeEvent(4_000, "d"), PhonemeEvent(4_060, "iː")
        )
    )
    assert [(s.label, s.start, s.end) for s in found] == [("M", 0, 4_060), ("IY", 4_060, 22_050)]


def test_a_change_of_language_is_not_spoken():
    found = segments(
        utterance(PhonemeEvent(0, "l"), PhonemeEvent(2_000, "(en)"), PhonemeEvent(2_000, "w")),
        is_english=False,
    )
    assert labels(found) == ["L", "W"]


def test_words_own_their_phones():
    found = segments(
        utterance(
            WordEvent(0, 0),
            PhonemeEvent(0, "m"),
            PhonemeEvent(3_000, "iː"),
            WordEvent(6_000, 5),
            PhonemeEvent(6_000, "n"),
        ),
        starts=(0, 5),
    )
    assert [s.token for s in found] == [0, 0, 1]


def test_words_run_together_share_their_phones_by_count():
    said = utterance(
        WordEvent(0, 0),
        *(PhonemeEvent(4_000 * k, ipa) for k, ipa in enumerate(["ʃ", "ʊ", "d", "b", "iː"])),
    )
    found = segments(said, starts=(0, 7), count=lambda tokens: (3, 2))
    assert [s.token for s in found] == [0, 0, 0, 1, 1]


def test_a_mark_gets_no_phones():
    said = utterance(WordEvent(0, 0), PhonemeEvent(0, "ʃ"), PhonemeEvent(5_000, "iː"))
    assert {s.token for s in segments(said, starts=(0, 4), count=lambda tokens: (2, 0))} == {0}


def test_phones_never_leave_the_sound():
    found = segments(utterance(PhonemeEvent(0, "m"), PhonemeEvent(99_999, "n"), n_samples=4_000))
    assert found[-1].end == 4_000


def test_nothing_spoken_gives_nothing():
    assert segments(utterance()) == []
    assert segments(utterance(PhonemeEvent(0, ""), n_samples=9_000, silent=[(0, 9_000)])) == []
