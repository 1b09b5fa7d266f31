"""Speech to a face's mouth, live or from a file: network, contacts, frames on any clock.

Sound goes in as it comes; frames come out 77.5 ms later at most. The network's shapes and the
openness of its contacts are steps of 20 ms; frames lie on straight lines between them, and
contacts are solved on every frame in millimetres, on the very head that is moved. A file is
the stream pushed in large pieces.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32

from visemic.audio.resample import resample
from visemic.core.artifact import Artifact
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.config import config_from_dict
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import Motion, Waveform
from visemic.models.heard_phones import phonetic_network
from visemic.models.step_network import StepNetwork
from visemic.motion.calibrate import calibrate_mouth
from visemic.motion.contacts import impose_windows
from visemic.motion.heard_contacts import (
    N_CURVES,
    OWNERS,
    QUIET,
    VOWEL,
    ContactGate,
    HeardTiming,
    heard_windows,
)
from visemic.motion.mouth import Mouth, mouth_from_readouts
from visemic.rig.readout import Readouts
from visemic.text.phone_posterior import FIRST_STEP_S, LOOKAHEAD_S, STEP_S

MOTION_LEAD_S = 0.015
"""A step's mouth is of so much later than what its phones speak of."""
FIRST_MOUTH_S = FIRST_STEP_S + MOTION_LEAD_S
TOTAL_LOOKAHEAD_S = LOOKAHEAD_S + STEP_S - MOTION_LEAD_S
"""How much later sound a frame may need: 77.5 ms."""

_COLUMNS = ARKIT_61.indices(MOUTH_33.names)
_BLOCK_SAMPLES = 20 * 16_000


@dataclass(frozen=True, eq=False)
class MouthModel:
    """A network ready for one head."""

    network: StepNetwork
    mouth: Mouth
    postures: Mapping[str, Mapping[str, float]]
    timing: HeardTiming
    gain: float = 1.0
    """Factor on the network's shapes: what is learnt as a mean moves less than mouths do."""

    def open_stream(self, rate: Rate, *, contacts: bool = True) -> "MouthStream":
        """Start a stream of frames at a rate; each listener has its own past.

        Args:
            rate: Frames a second.
            contacts: Close lips where P, B, M, F and V are heard; without, those who know the
                phones do it (``VisemeRules.with_contacts``).
        """
        return MouthStream(self, rate, contacts)

    def with_heard_contacts(
        self,
        values: Float32[np.ndarray, "frames channels"],
        openness: Float[np.ndarray, "frames curves"],
    ) -> Float32[np.ndarray, "frames channels"]:
        """Give frames over the default layout with lips and teeth together where that is heard.

        Args:
            values: The frames.
            openness: Of the same frames, from ``motion.heard_contacts.ContactGate``.
        """
        return impose_windows(
            values, heard_windows(openness), OWNERS, openness[:, VOWEL], self.mouth, self.postures
        )

    def generate(self, waveform: Waveform, rate: Rate, *, contacts: bool = True) -> Motion:
        """Give the mouth for a whole sound of any sample rate; the upper face is at rest.

        Returns:
            ``rate.count(waveform.duration_s)`` frames over the default layout.
        """
        stream = self.open_stream(rate, contacts=contacts)
        sound = resample(waveform, SPEECH_RATE).samples
        parts = [
            stream.push(sound[first : first + _BLOCK_SAMPLES])
            for first in range(0, len(sound), _BLOCK_SAMPLES)
        ]
        parts.append(stream.close())
        return Motion(np.concatenate([part.values for part in parts]), ARKIT_61, rate)


class MouthStream:
    """Sound in, frames out as soon as they are known."""

    def __init__(self, model: MouthModel, rate: Rate, contacts: bool) -> None:
        self._model = model
        self._contacts = contacts
        self._rate = rate
        self._steps = model.network.open_stream()
        self._gate = ContactGate(model.timing)
        self._curves = np.zeros((0, len(MOUTH_33) + N_CURVES))
        self._first_step = 0
        self._n_frames = 0
        self._n_samples = 0

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Motion:
        """Take samples at 16 kHz and give the frames that they complete, often none."""
        self._n_samples += len(samples)
        self._take(self._steps.push(samples))
        known_s = FIRST_MOUTH_S + STEP_S * (self._first_step + len(self._curves) - 1)
        n = 0
        if len(self._curves):
            # A frame is known when a step at or after it is.
            n = max(0, self._ticks_until(known_s) - self._n_frames)
        return self._frames(n)

    def close(self) -> Motion:
        """Give the frames up to the end of the sound; the last step is held."""
        self._take(self._steps.close())
        n = self._rate.count(self._n_samples / 16_000)
        return self._frames(max(0, n - self._n_frames))

    def _ticks_until(self, time_s: float) -> int:
        n = int(time_s * float(self._rate)) + 1
        while n and self._rate.time_of(n - 1) > time_s - 1e-9:
            n -= 1
        return n

    def _take(self, found: Mapping[str, Float32[np.ndarray, "steps _"]]) -> None:
        if not len(found["phones"]):
            return
        rows = np.concatenate([found["shapes"].astype(float), self._gate.push(found["phones"])], axis=1)
        self._curves = np.concatenate([self._curves, rows])

    def _frames(self, n: int) -> Motion:
        values = np.zeros((n, len(ARKIT_61)), np.float32)
        if n and len(self._curves):
            times_s = np.array([self._rate.time_of(self._n_frames + i) for i in range(n)])
            rows = self._between_steps(times_s)
            openness = np.clip(rows[:, len(MOUTH_33) :], 0.0, 1.0)
            model = self._model
            awake = 1.0 - openness[:, QUIET, None]
            values[:, _COLUMNS] = np.clip(rows[:, : len(MOUTH_33)] * model.gain, 0.0, 1.0) * awake
            openness = openness * float(self._contacts)
            values = model.with_heard_contacts(values, openness)
            self._n_frames += n
            self._forget()
        return Motion(values, ARKIT_61, self._rate)

    def _between_steps(self, times_s: Float[np.ndarray, " frames"]) -> Float[np.ndarray, "frames curves"]:
        place = (times_s - FIRST_MOUTH_S) / STEP_S - self._first_step
        place = np.clip(place, 0.0, len(self._curves) - 1)
        low = np.minimum(place.astype(np.int64), max(0, len(self._curves) - 2))
        part = (place - low)[:, None]
        high = np.minimum(low + 1, len(self._curves) - 1)
        return self._curves[low] * (1 - part) + self._curves[high] * part

    def _forget(self) -> None:
        """Drop the steps that no later frame lies after."""
        next_s = self._rate.time_of(self._n_frames)
        past = int((next_s - FIRST_MOUTH_S) / STEP_S) - 1 - self._first_step
        if past > 0:
            past = min(past, len(self._curves) - 1)
            self._curves = self._curves[past:]
            self._first_step += past


def load_live_mouth(artifact: Artifact, readouts: Readouts) -> MouthModel:
    """Give the model of an artefact, ready for a head."""
    timing = artifact.info.normaliser.get("timing")
    mouth = mouth_from_readouts(readouts)
    return MouthModel(
        phonetic_network(artifact),
        mouth,
        calibrate_mouth(mouth),
        config_from_dict(HeardTiming, timing, "timing") if isinstance(timing, dict) else HeardTiming(),
        float(str(artifact.info.normaliser.get("gain", 1.0))),
    )
