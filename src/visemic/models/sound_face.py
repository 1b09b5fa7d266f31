"""A whole face from sound: the heard mouth, and rules for what sound does not tell.

Blinks, brows, nods and glances follow pauses, loudness and pitch, as the rule engine makes them.
"""

from dataclasses import dataclass

import numpy as np

from visemic.core.artifact import Artifact
from visemic.core.clock import Rate
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import Alignment, Features, Motion, Waveform
from visemic.models.base import FaceControl
from visemic.models.heard_phones import hear_phones
from visemic.models.live_mouth import MouthModel, load_live_mouth
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.motion.compose import compose
from visemic.rig.readout import Readouts

HEARD = "recognised"
"""Source of an alignment that nobody wrote: its phones are not trusted with contacts."""


@dataclass(frozen=True, eq=False)
class SoundFace:
    """A model of the mouth with the rules' upper face, ready for one head."""

    mouth: MouthModel
    rules: VisemeRules

    def hear(self, waveform: Waveform) -> Alignment:
        """Give the phones that the model itself hears."""
        return hear_phones(waveform, self.mouth.network)

    def generate(
        self,
        waveform: Waveform,
        alignment: Alignment,
        prosody: Features | None,
        rate: Rate,
        control: FaceControl,
        generator: np.random.Generator,
    ) -> Motion:
        """Give the motion of a clip over the 52 shapes and the rotations of head and eyes.

        Args:
            waveform: The sound.
            alignment: Its phones: pauses move the eyes, and phones of a transcript or a voice say
                where lips touch. Contacts of heard phones come from their likelihoods instead.
            prosody: ``features.prosody`` of the same sound, or None.
            rate: Frames a second.
            control: Amplitudes of the upper face.
            generator: Source of chance.

        Returns:
            ``rate.count(alignment.duration_s)`` frames.
        """
        is_heard = alignment.source == HEARD or not alignment.phones
        motion = self.mouth.generate(waveform, rate, contacts=is_heard)
        n = rate.count(alignment.duration_s)
        rows = np.minimum(np.arange(n), motion.n_frames - 1)
        spoken = {name: motion.channel(name)[rows].astype(float) for name in MOUTH_33.names}
        upper = self.rules.upper_face(alignment, prosody, rate.times_s(n), control, generator)
        whole = compose([spoken, *upper], ARKIT_61, rate, n)
        return whole if is_heard else self.rules.with_contacts(whole, alignment)


def load_sound_face(artifact: Artifact, readouts: Readouts) -> SoundFace:
    """Give the model of an artefact, ready for a head."""
    return SoundFace(load_live_mouth(artifact, readouts), VisemeRules(VisemeRulesConfig(), readouts))
