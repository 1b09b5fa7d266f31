"""Every phone has a mouth, and every IPA letter is a phone."""

import pytest

from visemic.core.errors import TextError
from visemic.core.layout import ARKIT_52
from visemic.text import visemes
from visemic.text.visemes import arpabet_from_ipa, phone_from_ipa, phone_table, phones_from_ipa, split_ipa

NAMES = "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH"
ARPABET = set(NAMES.split())
IPA_LETTERS = (
    "pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟʘǀǃǂǁɓɗʄɠʛʍwɥʜʢʡɕʑɺɧ"
    "iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒɚɝ"
)


def test_every_arpabet_phone_has_a_shape_or_parts():
    table = phone_table()
    for phone in ARPABET:
        assert all(part in table.weights for part, _ in table.parts(phone))


def test_weights_are_arkit_channels_between_zero_and_one():
    table = phone_table()
    for weights in (*table.weights.values(), *table.visemes.values()):
        for name, weight in weights.items():
            assert name in ARKIT_52
            assert 0 < weight <= 1


def test_silence_is_the_resting_mouth():
    assert phone_table().weights["SIL"] == {}
    assert phone_table().viseme["SIL"] == "sil"


def test_shares_of_diphthongs_sum_to_one():
    table = phone_table()
    assert set(table.diphthongs) == visemes.DIPHTHONGS
    for parts in table.diphthongs.values():
        assert sum(share for _, share in parts) == pytest.approx(1)


def test_there_are_fifteen_visemes_and_every_phone_has_one():
    table = phone_table()
    assert len(table.visemes) == 15
    assert set(table.viseme.values()) <= set(table.visemes)


def test_lips_close_for_bilabials_and_nothing_else():
    gaps = {phone: row["lip_gap_mm"] for phone, row in phone_table().geometry_mm.items()}
    assert {phone for phone, gap in gaps.items() if gap < 0} == visemes.BILABIALS


def test_classes_are_made_of_known_phones():
    known = set(phone_table().phones)
    for name in ("VOWELS", "BILABIALS", "LABIODENTALS", "DENTALS", "SIBILANTS", "PLOSIVES", "NASALS"):
        assert getattr(visemes, name) <= known


def test_unknown_phones_are_refused():
    with pytest.raises(TextError, match="no phone 'QQ' among"):
        phone_table().parts("QQ")


def test_every_ipa_letter_is_a_phone():
    assert {phone_from_ipa(letter) for letter in IPA_LETTERS} <= set(phone_table().phones) - {"SIL"}


@pytest.mark.parametrize("mark", ["ː", "ʲ", "ʰ", "ʷ", "\u0303", "\u0325", "\u0329", "\u032a"])
def test_marks_do_not_change_the_phone(mark):
    for letter in IPA_LETTERS:
        assert phone_from_ipa("ˈ" + letter + mark) == phone_from_ipa(letter)


@pytest.mark.parametrize(
    ("symbol", "phone"),
    [
        ("ɓ", "B"),
        ("ʙ", "B"),
        ("ʘ", "B"),
        ("ⱱ", "V"),
        ("ɗ", "D"),
        ("ɰ", "G"),
        ("ʜ", "HH"),
        ("ɧ", "SH"),
        ("ᵻ", "IH"),
    ],
)
def test_letters_outside_the_table_go_by_their_features(symbol, phone):
    assert symbol not in phone_table().ipa
    assert phone_from_ipa(symbol) == phone


@pytest.mark.parametrize(
    "height", ["close", "near-close", "close-mid", "mid", "open-mid", "near-open", "open"]
)
def test_rounded_vowels_have_rounded_phones_and_others_not(height):
    rounded = visemes.phone_from_features(f"{height} back rounded")
    unrounded = visemes.phone_from_features(f"{height} front unrounded")
    assert rounded in visemes.ROUNDED
    assert unrounded not in visemes.ROUNDED


def test_features_that_do_not_exist_are_refused():
    with pytest.raises(TextError, match="no phone has the features"):
        visemes.phone_from_features("lunar stop")


def test_what_is_no_letter_is_silence_and_a_foreign_letter_is_a_schwa():
    assert phone_from_ipa("") == phone_from_ipa("ː") == phone_from_ipa("ˈ") == "SIL"
    assert phone_from_ipa("漢") == "AX"


@pytest.mark.parametrize(
    ("ipa", "segments"),
    [
        ("həlˈoʊ", ("h", "ə", "l", "ˈoʊ")),
        ("t͡ʃaɪ.nə", ("t͡ʃ", "aɪ", "n", "ə")),
        ("bɔ̃ʒˈuʁ", ("b", "ɔ̃", "ʒ", "ˈu", "ʁ")),
        ("ni2χˈɑu5", ("n", "i2", "χ", "ˈɑu5")),
        ("n̩ ː ˈ", ("n̩",)),
        ("", ()),
    ],
)
def test_ipa_is_cut_into_segments(ipa, segments):
    assert split_ipa(ipa) == segments


def test_english_ipa_is_what_the_dictionary_writes():
    assert arpabet_from_ipa("nˈɜːs") == ("N", "ER", "S")
    assert arpabet_from_ipa("kˈæts") == ("K", "AE", "T", "S")
    assert arpabet_from_ipa("ʃˈɔːɹt") == ("SH", "AO", "R", "T")
    assert arpabet_from_ipa("əbˈaʊt") == ("AH", "B", "AW", "T")


def test_other_languages_keep_schwa_and_plain_o():
    assert phones_from_ipa("tsˈoːnə") == ("S", "OH", "N", "AX")
