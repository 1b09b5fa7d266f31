"""The rule engine: from timed phones to a face that speaks, without learned parameters.

In order: the phone table is calibrated to the head; phones become segments with targets;
segments compete for the articulators (coarticulation); blinks, brows, head and eyes are added
from the voice's accents; and last, contacts are imposed so that lips really close.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_61
from visemic.core.signals import Alignment, Features, Motion
from visemic.models.base import FaceControl
from visemic.models.viseme_accents import loudness_curve, speech_events
from visemic.models.viseme_dominance import blend
from visemic.models.viseme_segments import known_phones, segments_from_alignment, target_rows
from visemic.motion.blink import blink_curves
from visemic.motion.brow import brow_curves
from visemic.motion.calibrate import SHAPES, calibrate_mouth
from visemic.motion.compose import compose
from visemic.motion.contact_windows import ContactTiming
from visemic.motion.contacts import apply_contacts
from visemic.motion.gaze import gaze_curves
from visemic.motion.head import head_curves
from visemic.motion.mouth import mouth_from_readouts, sides_of
from visemic.rig.readout import Readouts

MAX_DURATION_S = 6 * 3600.0


@dataclass(frozen=True)
class VisemeRulesConfig:
    """What can be changed about the rules."""

    articulation: float = 1.0
    """Factor on the jaw of vowels: below 1 mumbles, above 1 over-articulates; 0.3 to 2."""
    contact_attack_s: float = 0.055
    """Seconds from open lips to a contact."""
    contact_release_s: float = 0.045
    """Seconds from a contact to open lips."""

    def __post_init__(self) -> None:
        if not 0.3 <= self.articulation <= 2.0:
            raise InputError(
                f"articulation is {self.articulation:g}; give a factor from 0.3 to 2, 1 is natural"
            )
        for name in ("contact_attack_s", "contact_release_s"):
            if not 0.01 <= getattr(self, name) <= 0.2:
                raise InputError(f"{name} is {getattr(self, name):g}; give 0.01 to 0.2 seconds")


class VisemeRules:
    """The rule engine for one head.

    Example:
        >>> from visemic.models.registry import model_infos
        >>> model_infos()[0].name
        'viseme-rules'
    """

    config_class = VisemeRulesConfig

    def __init__(self, config: VisemeRulesConfig, readouts: Readouts) -> None:
        """Calibrate the phone table to a head.

        Args:
            config: Settings of the rules.
            readouts: The head's linear read-outs (``rig.readout.fit_readouts``).
        """
        self.config = config
        self.mouth = mouth_from_readouts(readouts)
        self.weights = calibrate_mouth(self.mouth)
        """ARKit weights by simple phone, calibrated to the head."""
        self._targets = target_rows(self.weights)

    def generate(
        self,
        alignment: Alignment,
        prosody: Features | None,
        rate: Rate,
        control: FaceControl,
        generator: np.random.Generator,
    ) -> Motion:
        """Give the motion of a clip over the 52 shapes and the rotations of head and eyes.

        Args:
            alignment: Phones, words and their times.
            prosody: ``features.prosody`` of the same clip, or None: then loudness and pitch
                play no part.
            rate: Frames a second.
            control: Amplitudes of the upper face.
            generator: Source of chance; the same seed gives the same curves at any frame rate.

        Returns:
            ``rate.count(alignment.duration_s)`` frames. The mouth is at rest in pauses and on the
            last frame.

        Raises:
            InputError: A phone is not in the phone table, or the clip is longer than six hours.
        """
        alignment = known_phones(alignment)
        speech = self._speech_curves(alignment, prosody, rate)
        times_s = rate.times_s(rate.count(alignment.duration_s))
        upper = self.upper_face(alignment, prosody, times_s, control, generator)
        motion = compose([speech, *upper], ARKIT_61, rate, len(times_s))
        return self.with_contacts(motion, alignment)

    def with_contacts(self, motion: Motion, alignment: Alignment) -> Motion:
        """Impose the contacts of an alignment on any motion over the default layout."""
        timing = ContactTiming(self.config.contact_attack_s, self.config.contact_release_s)
        return apply_contacts(motion, known_phones(alignment), self.mouth, self.weights, timing)

    def articulate(self, alignment: Alignment, prosody: Features | None, rate: Rate) -> Motion:
        """Give the mouth's motion before any contact, the upper face at rest.

        Raises:
            InputError: A phone is not in the phone table, or the clip is longer than six hours.
        """
        alignment = known_phones(alignment)
        curves = self._speech_curves(alignment, prosody, rate)
        return compose([curves], ARKIT_61, rate, rate.count(alignment.duration_s))

    def _speech_curves(
        self, alignment: Alignment, prosody: Features | None, rate: Rate
    ) -> Mapping[str, Float[np.ndarray, " frames"]]:
        if alignment.duration_s > MAX_DURATION_S:
            raise InputError(
                f"the clip lasts {alignment.duration_s:.0f} s and at most {MAX_DURATION_S:.0f} s can be "
                "animated at once; cut it"
            )
        times_s = rate.times_s(rate.count(alignment.duration_s))
        segments = segments_from_alignment(alignment, prosody, self._targets, self.config.articulation)
        weights = blend(segments, times_s, end_s=float(times_s[-1]))
        return {side: weights[:, column] for column, shape in enumerate(SHAPES) for side in sides_of(shape)}

    @staticmethod
    def upper_face(
        alignment: Alignment,
        prosody: Features | None,
        times_s: Float[np.ndarray, " frames"],
        control: FaceControl,
        generator: np.random.Generator,
    ) -> list[Mapping[str, Float[np.ndarray, " frames"]]]:
        """Give blinks, brows, head and gaze at some times.

        Each has its own chance, so that one does not move another.
        """
        for_events, for_blink, for_brows, for_head, for_gaze = generator.spawn(5)
        events = speech_events(alignment, prosody, for_events)
        loudness = loudness_curve(alignment, prosody)
        head = head_curves(times_s, events, control.head, for_head)
        return [
            blink_curves(times_s, events, control.blink, for_blink),
            brow_curves(times_s, events, loudness, control.brows, for_brows),
            head,
            gaze_curves(times_s, events, head, control.gaze, for_gaze),
        ]
