"""How well an acting note says what a face does: emotion, strength, action units and their degrees."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from visemic.core.acting_grammar import parse_instruction, write_instruction
from visemic.core.acting_note import ActingNote, ActionPhrase, Span
from visemic.core.action_units import DEGREES
from visemic.data.captions import Caption
from visemic.evaluation.metrics_uncertainty import CONFIDENCE, Estimate
from visemic.models.instruction_words import plain_caption
from visemic.motion.emotion import LEVELS

N_DRAWS = 1_000


@dataclass(frozen=True)
class NoteCount:
    """What one clip's note gets right, as counts that may be added."""

    emotion: int = 0
    level: int = 0
    hits: int = 0
    """Action units that are both said and seen."""
    wrong: int = 0
    missed: int = 0
    same_degree: int = 0
    near_degree: int = 0
    """At most one word of degree away, among the hits."""
    gaze: int = 0
    head: int = 0


def caption_span(caption: Caption) -> Span:
    """Give all that a caption measures, within the limits of a plain sentence."""
    actions = tuple(ActionPhrase(unit, degree) for unit, degree in caption.units.items())
    span = Span(0.0, 0.0, caption.emotion, caption.intensity, actions, gaze=caption.gaze, head=caption.head)
    return parse_instruction(plain_caption(write_instruction(span)))


def main_span(note: ActingNote) -> Span:
    """Give the longest span of a note; a note that says nothing says neutral."""
    return max(note.spans, key=lambda span: span.end_s - span.start_s, default=Span(0.0, 0.0))


def count_note(said: Span, true: Span) -> NoteCount:
    """Compare what is said of a clip with its caption."""
    own, other = ({action.unit: action.degree for action in span.actions} for span in (said, true))
    both = own.keys() & other.keys()
    order = list(DEGREES)
    steps = [abs(order.index(own[unit]) - order.index(other[unit])) for unit in both]
    return NoteCount(
        emotion=int(said.emotion == true.emotion),
        level=int(_level(said) == _level(true)),
        hits=len(both),
        wrong=len(own.keys() - both),
        missed=len(other.keys() - both),
        same_degree=sum(step == 0 for step in steps),
        near_degree=sum(step <= 1 for step in steps),
        gaze=int(said.gaze == true.gaze),
        head=int(said.head == true.head),
    )


def _level(span: Span) -> int:
    return int(np.abs(np.array([0.0, *LEVELS.values()]) - span.intensity).argmin())


_Table = Mapping[str, Float[np.ndarray, "..."]]
FIGURES: dict[str, Callable[[_Table], Float[np.ndarray, "..."]]] = {
    "emotion": lambda t: t["emotion"] / t["clips"],
    "strength": lambda t: t["level"] / t["clips"],
    "unit_f1": lambda t: 2 * t["hits"] / np.maximum(1, 2 * t["hits"] + t["wrong"] + t["missed"]),
    "degree": lambda t: t["same_degree"] / np.maximum(1, t["hits"]),
    "degree_within_one": lambda t: t["near_degree"] / np.maximum(1, t["hits"]),
    "gaze": lambda t: t["gaze"] / t["clips"],
    "head": lambda t: t["head"] / t["clips"],
}
"""Figures by name, out of counts summed over clips."""


def note_figures(counts: Sequence[NoteCount], seed: int) -> dict[str, Estimate]:
    """Give every figure with the interval of clips drawn again."""
    names = [field.name for field in fields(NoteCount)]
    table = np.array([[getattr(count, name) for name in names] for count in counts], float)
    table = np.column_stack([table, np.ones(len(table))])
    whole = dict(zip([*names, "clips"], table.sum(0), strict=True))
    drawn = np.random.default_rng(seed).integers(len(table), size=(N_DRAWS, len(table)))
    again = dict(zip([*names, "clips"], table[drawn].sum(1).T, strict=True))
    tail = (1 - CONFIDENCE) / 2
    found = {}
    for name, figure in FIGURES.items():
        low, high = np.quantile(figure(again), (tail, 1 - tail))
        found[name] = Estimate(
            float(figure({k: np.asarray(v) for k, v in whole.items()})), float(low), float(high), len(table)
        )
    return found
