"""Do lips and teeth meet when they should, and only then?

The report counts, over the phones of an alignment, how many P B M seal, how many F V touch the
teeth, how many sibilants close the teeth, and how often a vowel is closed that should be open.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Float

from visemic.core.signals import Alignment, Motion
from visemic.rig.readout import Readouts, readout_index
from visemic.text.visemes import BILABIALS, LABIODENTALS, SIBILANTS, VOWELS

SEALED_MM = 0.3
"""Largest lip gap that is seen as closed."""
TOUCHING_GAP_MM, TOUCHING_DEPTH_MM = 0.3, 2.0
"""Lower lip this near to the upper incisors' edge, in height and in depth, is seen as touching."""
CLOSED_TEETH_MM = 2.5
"""Largest gap between the incisors in a sibilant."""
VOWEL_CENTRE = 0.6
"""Share of a vowel, around its middle, in which lips must be open."""


@dataclass(frozen=True)
class ContactReport:
    """Counts of contacts; add two to merge them."""

    n_bilabials: int = 0
    n_sealed: int = 0
    worst_lip_gap_mm: float = -np.inf
    """Largest of the smallest lip gaps of P, B and M."""
    n_labiodentals: int = 0
    n_touching: int = 0
    worst_labiodental_mm: float = -np.inf
    """Largest height of teeth above the lip over F and V, at the best frame of each."""
    n_sibilants: int = 0
    n_teeth_closed: int = 0
    worst_incisor_gap_mm: float = -np.inf
    """Largest of the smallest incisor gaps of sibilants."""
    n_vowel_frames: int = 0
    n_vowel_frames_closed: int = 0

    @property
    def sealed_rate(self) -> float:
        """Share of P, B and M that seal, 1 if there are none."""
        return self.n_sealed / self.n_bilabials if self.n_bilabials else 1.0

    @property
    def touching_rate(self) -> float:
        """Share of F and V that touch the teeth, 1 if there are none."""
        return self.n_touching / self.n_labiodentals if self.n_labiodentals else 1.0

    @property
    def teeth_closed_rate(self) -> float:
        """Share of sibilants that close the teeth, 1 if there are none."""
        return self.n_teeth_closed / self.n_sibilants if self.n_sibilants else 1.0

    @property
    def false_closure_rate(self) -> float:
        """Share of frames in the centres of vowels with closed lips, 0 if there are none."""
        return self.n_vowel_frames_closed / self.n_vowel_frames if self.n_vowel_frames else 0.0

    def __add__(self, other: "ContactReport") -> "ContactReport":
        """Merge with the report of another clip."""
        return ContactReport(
            self.n_bilabials + other.n_bilabials,
            self.n_sealed + other.n_sealed,
            max(self.worst_lip_gap_mm, other.worst_lip_gap_mm),
            self.n_labiodentals + other.n_labiodentals,
            self.n_touching + other.n_touching,
            max(self.worst_labiodental_mm, other.worst_labiodental_mm),
            self.n_sibilants + other.n_sibilants,
            self.n_teeth_closed + other.n_teeth_closed,
            max(self.worst_incisor_gap_mm, other.worst_incisor_gap_mm),
            self.n_vowel_frames + other.n_vowel_frames,
            self.n_vowel_frames_closed + other.n_vowel_frames_closed,
        )


def contact_report(motion: Motion, alignment: Alignment, readouts: Readouts) -> ContactReport:
    """Count the contacts of one clip.

    A contact counts when one frame of the phone, or one just before or after it, shows it: a
    phone may be shorter than a frame.

    Args:
        motion: The clip's motion, in any layout.
        alignment: Its phones.
        readouts: Of the head that would play it.
    """
    curves = readouts.measure_mm(motion.to_layout(readouts.layout).values.astype(float))
    lip, incisor, gap, depth = (
        curves[:, readout_index(name)]
        for name in ("lip_gap", "incisor_gap", "labiodental_gap", "labiodental_depth")
    )
    # How far a frame is from touching: both distances within their limits is at most 0.
    touch = np.maximum(gap - TOUCHING_GAP_MM, depth - TOUCHING_DEPTH_MM)
    hz = float(motion.rate)

    def best(phones: frozenset[str], curve: Float[np.ndarray, " frames"]) -> Float[np.ndarray, " phones"]:
        spans = [
            (max(int(np.ceil(p.start_s * hz - 1e-6)) - 1, 0), int(np.floor(p.end_s * hz + 1e-6)) + 2)
            for p in alignment.phones
            if p.label in phones
        ]
        return np.array([curve[first:stop].min() for first, stop in spans if first < len(curve)])

    sealed, touched = best(BILABIALS, lip), best(LABIODENTALS, touch)
    teeth = best(SIBILANTS, incisor)
    centre = _vowel_centres(alignment, motion.times_s)
    return ContactReport(
        len(sealed),
        int((sealed <= SEALED_MM).sum()),
        float(sealed.max(initial=-np.inf)),
        len(touched),
        int((touched <= 0).sum()),
        float(touched.max(initial=-np.inf)) + TOUCHING_GAP_MM,
        len(teeth),
        int((teeth <= CLOSED_TEETH_MM).sum()),
        float(teeth.max(initial=-np.inf)),
        int(centre.sum()),
        int((centre & (lip <= SEALED_MM)).sum()),
    )


def merge_reports(reports: list[ContactReport]) -> ContactReport:
    """Merge the reports of many clips."""
    return reduce(ContactReport.__add__, reports, ContactReport())


def _vowel_centres(alignment: Alignment, times_s: Float[np.ndarray, " frames"]) -> np.ndarray:
    """Give True for frames in the central part of a vowel."""
    inside = np.zeros(len(times_s), bool)
    for phone in alignment.phones:
        if phone.label in VOWELS:
            margin_s = 0.5 * (1.0 - VOWEL_CENTRE) * phone.duration_s
            first, stop = np.searchsorted(times_s, [phone.start_s + margin_s, phone.end_s - margin_s])
            inside[first:stop] = True
    return inside
