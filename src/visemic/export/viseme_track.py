"""Mouth shapes as timed cues: the 15 Oculus visemes, and the shapes A to H and X of Rhubarb.

Cues follow one another without gaps from 0 to the end of the clip.

Oculus: the phone table's viseme of each phone, diphthongs in their parts, neighbours of the
same viseme joined.

Rhubarb, by these rules in this order:

1. P B M are A, F V are G, AA is D, AO ER OH are E, UH UW W OW are F, EH AE AH AX AY AW are C
   or D (rule 3), an L of at least 0.20 s is H, everything else is B.
2. AY, EY, AW and OY turn into their second sound (B, B, F, B) at 60 % of their time.
3. AH and AY open to D from 0.20 s on, AW from 0.30 s on; an ER under 0.07 s is B.
4. Silence under 0.12 s holds the shape before it, up to 0.35 s it relaxes that shape
   (D to C, C to B, E to C, F to B), longer silence is X.
5. A closure (A, G) under 0.08 s starts up to 0.06 s earlier; any other cue under 0.07 s
   goes to the one before it.
6. A D that meets A, B or X ends in 0.06 s of C; a C or D that meets F ends in 0.06 s of E.

Deviation:
    Rhubarb itself gives each phone a set of shapes and picks the path of least effort; these
    rules give each phone one shape.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from visemic.core.errors import FormatError, unknown_name
from visemic.core.signals import SILENCE, Alignment, Phone
from visemic.export.clip import ClipData, Progress, required_alignment
from visemic.export.manifest import manifest_of
from visemic.text.visemes import phone_table

RHUBARB_SHAPES = ("A", "B", "C", "D", "E", "F", "G", "H", "X")

_RHUBARB = {
    shape: phones.split()
    for shape, phones in {
        "A": "P B M", "G": "F V", "D": "AA", "E": "AO ER OH", "F": "UH UW W OW", "C": "EH AE AH AX AY AW EY",
    }.items()
}  # fmt: skip
_SHAPE_OF = {phone: shape for shape, phones in _RHUBARB.items() for phone in phones} | {"OY": "E"}
_SECOND = {"AY": "B", "EY": "B", "AW": "F", "OY": "B"}
_OPENS_FROM_S = {"AH": 0.20, "AY": 0.20, "AW": 0.30}
_RELAXED = {"D": "C", "C": "B", "E": "C", "F": "B"}
_BETWEEN = {("D", "A"): "C", ("D", "B"): "C", ("D", "X"): "C", ("C", "F"): "E", ("D", "F"): "E"}
_FIRST_SHARE = 0.6
_LONG_L_S = 0.20
_SHORT_ER_S = 0.07
_HOLD_S = 0.12
_RELAX_S = 0.35
_MIN_CLOSURE_S = 0.08
_EARLIER_S = 0.06
_MIN_CUE_S = 0.07
_BETWEEN_S = 0.06


@dataclass(frozen=True, slots=True)
class Cue:
    """A mouth shape in time."""

    shape: str
    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def oculus_cues(alignment: Alignment) -> tuple[Cue, ...]:
    """Give the clip as Oculus visemes.

    Raises:
        FormatError: A phone is not in the phone table.
    """
    table = phone_table()
    cues = []
    for phone in _gapless(alignment):
        if phone.label not in table.viseme:
            raise FormatError(unknown_name("phone", phone.label, table.phones))
        start_s = phone.start_s
        for part, share in table.diphthongs.get(phone.label, ((phone.label, 1.0),)):
            end_s = start_s + share * phone.duration_s
            cues.append(Cue(table.viseme[part], start_s, end_s))
            start_s = end_s
    return _joined(cues)


def rhubarb_cues(alignment: Alignment) -> tuple[Cue, ...]:
    """Give the clip as the mouth shapes of Rhubarb, by the rules at the top of this module."""
    cues: list[Cue] = []
    for phone in _gapless(alignment):
        cues += _shapes(phone, cues[-1].shape if cues else "X")
    return _joined(_with_shapes_between(_without_flicker(list(_joined(cues)))))


def _gapless(alignment: Alignment) -> list[Phone]:
    """Fill gaps with silence and drop phones without time."""
    phones, end_s = [], 0.0
    for phone in (*alignment.phones, Phone(SILENCE, alignment.duration_s, alignment.duration_s)):
        if phone.start_s > end_s + 1e-6:
            phones.append(Phone(SILENCE, end_s, phone.start_s))
        if phone.duration_s > 0:
            phones.append(replace(phone, start_s=end_s) if phone.start_s < end_s + 1e-6 else phone)
        end_s = max(end_s, phone.end_s)
    return phones


def _shapes(phone: Phone, before: str) -> list[Cue]:
    if phone.label == SILENCE:
        if phone.duration_s < _HOLD_S:
            shape = before
        elif phone.duration_s <= _RELAX_S:
            shape = _RELAXED.get(before, before)
        else:
            shape = "X"
        return [Cue(shape, phone.start_s, phone.end_s)]
    shape = _SHAPE_OF.get(phone.label, "B")
    if phone.duration_s >= _OPENS_FROM_S.get(phone.label, float("inf")) - 1e-9:
        shape = "D"
    if phone.label == "L" and phone.duration_s >= _LONG_L_S - 1e-9:
        shape = "H"
    if phone.label == "ER" and phone.duration_s < _SHORT_ER_S:
        shape = "B"
    if phone.label not in _SECOND:
        return [Cue(shape, phone.start_s, phone.end_s)]
    turn_s = phone.start_s + _FIRST_SHARE * phone.duration_s
    return [Cue(shape, phone.start_s, turn_s), Cue(_SECOND[phone.label], turn_s, phone.end_s)]


def _joined(cues: list[Cue]) -> tuple[Cue, ...]:
    joined: list[Cue] = []
    for cue in cues:
        if joined and joined[-1].shape == cue.shape:
            joined[-1] = replace(joined[-1], end_s=cue.end_s)
        else:
            joined.append(cue)
    return tuple(joined)


def _without_flicker(cues: list[Cue]) -> list[Cue]:
    kept: list[Cue] = []
    for cue in cues:
        if cue.shape in "AG":
            if cue.duration_s < _MIN_CLOSURE_S and kept and kept[-1].duration_s > _EARLIER_S:
                earlier_s = min(_EARLIER_S, _MIN_CLOSURE_S - cue.duration_s, kept[-1].duration_s - _EARLIER_S)
                kept[-1] = replace(kept[-1], end_s=kept[-1].end_s - earlier_s)
                cue = replace(cue, start_s=cue.start_s - earlier_s)
            kept.append(cue)
        elif kept and cue.duration_s < _MIN_CUE_S and kept[-1].shape not in "AGX":
            kept[-1] = replace(kept[-1], end_s=cue.end_s)
        else:
            kept.append(cue)
    return kept


def _with_shapes_between(cues: list[Cue]) -> list[Cue]:
    full: list[Cue] = []
    for cue in cues:
        between = _BETWEEN.get((full[-1].shape, cue.shape)) if full else None
        if between and full[-1].duration_s > 2 * _BETWEEN_S:
            turn_s = full[-1].end_s - _BETWEEN_S
            full[-1] = replace(full[-1], end_s=turn_s)
            full.append(Cue(between, turn_s, cue.start_s))
        full.append(cue)
    return full


def required_oculus(clip: ClipData, suffix: str) -> tuple[Cue, ...]:
    """Give the cues of a clip's Oculus track.

    Raises:
        FormatError: It is not known what is said when, or a phone is unknown.
    """
    return tuple(oculus_cues(required_alignment(clip, suffix)))


def required_rhubarb(clip: ClipData, suffix: str) -> tuple[Cue, ...]:
    """Give the cues of a clip's Rhubarb track.

    Raises:
        FormatError: It is not known what is said when, or a phone is unknown.
    """
    return tuple(rhubarb_cues(required_alignment(clip, suffix)))


def write_oculus_tsv(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write ``start_s``, ``end_s`` and ``viseme`` in columns under a header."""
    cues = oculus_cues(required_alignment(clip, ".visemes.tsv"))
    rows = [f"{cue.start_s:.3f}\t{cue.end_s:.3f}\t{cue.shape}\n" for cue in cues]
    path.write_text("start_s\tend_s\tviseme\n" + "".join(rows), encoding="ascii", newline="")


def write_oculus_json(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write the cues as objects with ``start_s``, ``end_s`` and ``viseme``."""
    alignment = required_alignment(clip, ".visemes.json")
    data: dict[str, object] = {
        "format": "visemic-visemes",
        "format_version": 1,
        "set": "oculus-15",
        "manifest": manifest_of(clip),
        "duration_s": round(alignment.duration_s, 3),
        "text": alignment.text,
        "cues": [
            {"start_s": round(cue.start_s, 3), "end_s": round(cue.end_s, 3), "viseme": cue.shape}
            for cue in oculus_cues(alignment)
        ],
    }
    _write_json(data, path)


def write_rhubarb_tsv(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write start and shape a line, hundredths of a second, and the end as a last X."""
    alignment = required_alignment(clip, ".rhubarb.tsv")
    rows = [f"{cue.start_s:.2f}\t{cue.shape}\n" for cue in rhubarb_cues(alignment)]
    path.write_text("".join(rows) + f"{alignment.duration_s:.2f}\tX\n", encoding="ascii", newline="")


def write_rhubarb_json(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write the keys that readers of Rhubarb's JSON expect, and the manifest."""
    alignment = required_alignment(clip, ".rhubarb.json")
    data: dict[str, object] = {
        "metadata": {"soundFile": "", "duration": round(alignment.duration_s, 2)},
        "mouthCues": [
            {"start": round(cue.start_s, 2), "end": round(cue.end_s, 2), "value": cue.shape}
            for cue in rhubarb_cues(alignment)
        ],
        "manifest": manifest_of(clip),
    }
    _write_json(data, path)


def _write_json(data: dict[str, object], path: Path) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="")
