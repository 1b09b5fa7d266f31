"""Networks that hear sound two frames at a time and carry their own past, run by ONNX Runtime.

The file's inputs are ``mel`` and one state a convolution, its outputs named curves and the new
states. A recording is a stream pushed in large pieces: there is one path, so live and offline
cannot differ but by the rounding of matrix products.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.onnx_session import open_session
from visemic.core.signals import Waveform
from visemic.features.speech_mel import N_MELS, SpeechMelStream

STATE, NEW_STATE = "state_", "new_state_"
_BLOCK_FRAMES = 2_000
_BLOCK_SAMPLES = 20 * 16_000

Curves = dict[str, Float32[np.ndarray, "steps _"]]


@dataclass(frozen=True, eq=False)
class StepNetwork:
    """A loaded network; any number of streams may run on it."""

    session: Any
    delay_steps: int
    """Steps by which its outputs come later than what they speak of."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of its curves."""
        names = [o.name for o in self.session.get_outputs()]
        return tuple(name for name in names if not name.startswith(NEW_STATE))

    def first_state(self) -> dict[str, np.ndarray]:
        """Give the state before any sound: zeros."""
        return {
            i.name: np.zeros((1, *i.shape[1:]), np.float32)
            for i in self.session.get_inputs()
            if i.name.startswith(STATE)
        }

    def open_stream(self) -> "StepStream":
        """Start listening."""
        return StepStream(self)

    def whole(self, waveform: Waveform, names: tuple[str, ...] | None = None) -> Curves:
        """Give curves of a whole sound of any rate: one step for every begun 20 ms.

        Args:
            waveform: The sound.
            names: Which of ``outputs``; None gives all. An hour of the embedding is 180 MB.
        """
        stream = self.open_stream()
        sound = resample(waveform, SPEECH_RATE).samples
        parts = [
            stream.push(sound[first : first + _BLOCK_SAMPLES])
            for first in range(0, len(sound), _BLOCK_SAMPLES)
        ]
        parts.append(stream.close())
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}


def load_step_network(path: Path, delay_steps: int, threads: int = 1) -> StepNetwork:
    """Read a network; it runs on so many threads."""
    return StepNetwork(open_session(path, threads), delay_steps)


class StepStream:
    """One listener: sound in, curves out as soon as they are known."""

    def __init__(self, network: StepNetwork) -> None:
        self._network = network
        self._mel = SpeechMelStream()
        self._state = network.first_state()
        self._waiting = np.zeros((0, N_MELS), np.float32)
        self._late = network.delay_steps

    def push(self, samples: Float32[np.ndarray, " samples"]) -> Curves:
        """Take samples at 16 kHz and give the steps that they complete."""
        return self._run(self._mel.push(samples))

    def close(self) -> Curves:
        """Give the steps of the end."""
        rest = self._mel.close()
        odd = (len(self._waiting) + len(rest)) % 2
        quiet = np.zeros((2 * self._network.delay_steps + odd, N_MELS), np.float32)
        return self._run(np.concatenate([rest, quiet]))

    def _run(self, frames: Float32[np.ndarray, "frames mels"]) -> Curves:
        frames = np.concatenate([self._waiting, frames])
        n_even = len(frames) // 2 * 2
        self._waiting = frames[n_even:]
        parts: list[Curves] = []
        for first in range(0, n_even, _BLOCK_FRAMES):
            parts.append(self._step(frames[first : min(n_even, first + _BLOCK_FRAMES)]))
        if not parts:
            sizes = {o.name: o.shape[-1] for o in self._network.session.get_outputs()}
            return {name: np.zeros((0, sizes[name]), np.float32) for name in self._network.outputs}
        joined = {name: np.concatenate([part[name] for part in parts]) for name in self._network.outputs}
        dropped = min(self._late, len(next(iter(joined.values()))))
        self._late -= dropped
        return {name: curve[dropped:] for name, curve in joined.items()}

    def _step(self, frames: Float32[np.ndarray, "frames mels"]) -> Curves:
        session = self._network.session
        values = session.run(None, {"mel": frames[None], **self._state})
        found = {o.name: v for o, v in zip(session.get_outputs(), values, strict=True)}
        self._state = {name: found[NEW_STATE + name.removeprefix(STATE)] for name in self._state}
        return {name: found[name][0] for name in self._network.outputs}
