"""Our small vocoder: log-mel to pitch, magnitudes and phases, and by an inverse transform to sound.

A network that runs eighty times a second says what a voice does: how fast the vocal folds
open, and how pulses and breath are coloured, bin by bin, twice a frame. Pulses at that pitch
and noise are cut into windows, coloured in the frequency domain, turned back and overlapped.
Phases of voiced sound thus run on from window to window by construction, which networks that
guess every phase have to learn. The network is written the way it runs live: every convolution
takes the last rows of what it saw before from a state that goes in and comes out. A zero is
silence in the mel it hears.

Shape letters: b clips, m mels, t frames, c channels, k rows kept, q row of outputs, h bins,
w windows (two a frame), n samples of a window, s samples.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import InputError
from visemic.models.source_filter import (
    LOUDEST,
    MIDDLE_HZ,
    NEAR_PULSE,
    OVERLAP,
    PITCH_RANGE,
    WINDOW_SUM,
    WINDOWS_PER_FRAME,
)

LATE_FRAMES = 3
"""Frames that must be known beyond a frame before its samples are whole."""


@dataclass(frozen=True)
class SpectralVocoderConfig:
    """Sizes of the network."""

    n_mels: int = 80
    channels: int = 192
    """Width of the trunk."""
    expansion: int = 3
    """Width inside a block over the trunk's."""
    kernel: int = 7
    """Frames that a convolution sees."""
    lookaheads: tuple[int, ...] = (3, 1, 1, 1, 0, 0, 0, 0)
    """Frames that the first convolution and that of each block see ahead."""
    hop_length: int = 200
    """Samples of a frame, a multiple of 2; windows are twice as long."""

    def __post_init__(self) -> None:
        for name in ("n_mels", "channels", "expansion", "kernel", "hop_length"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.hop_length % WINDOWS_PER_FRAME:
            raise InputError(f"hop_length is {self.hop_length}; give a multiple of {WINDOWS_PER_FRAME}")
        if len(self.lookaheads) < 2 or not all(0 <= ahead < self.kernel for ahead in self.lookaheads):
            raise InputError(
                f"lookaheads are {self.lookaheads}; give two or more, each from 0 to {self.kernel - 1}"
            )

    @property
    def delay_frames(self) -> int:
        """Frames by which outputs come later than the mel they belong to."""
        return sum(self.lookaheads)

    @property
    def kept_mel(self) -> int:
        """Frames of mel that the state holds: what the first convolution or the envelope needs."""
        return max(self.kernel - 1, self.delay_frames)

    @property
    def past_frames(self) -> int:
        """Frames back that an output depends on."""
        return len(self.lookaheads) * (self.kernel - 1) - self.delay_frames

    @property
    def n_fft(self) -> int:
        """Samples of a window."""
        return OVERLAP * self.hop_length // WINDOWS_PER_FRAME

    @property
    def n_bins(self) -> int:
        """Frequencies of a spectrum."""
        return self.n_fft // 2 + 1

    @property
    def row(self) -> int:
        """Numbers that the network gives for a frame: pitch, and three for each bin of each window."""
        return 1 + 3 * WINDOWS_PER_FRAME * self.n_bins


class Voicing(NamedTuple):
    """What the network says, taken apart."""

    log_pitch: Float[Tensor, "b t"]
    """Natural logarithm of hertz."""
    pulses: Float[Tensor, "b w h"]
    """Natural logarithm of how strong pulses are."""
    phase: Float[Tensor, "b w h"]
    """Radians beside the phase that goes with the strength."""
    noise: Float[Tensor, "b w h"]
    """Natural logarithm of how strong noise is."""


class _Block(nn.Module):
    """Depthwise convolution in time, then a small network over channels, around a shortcut."""

    def __init__(self, config: SpectralVocoderConfig, lookahead: int) -> None:
        super().__init__()
        width = config.channels
        self.kept, self.lookahead = config.kernel - 1, lookahead
        self.depthwise = nn.Conv1d(width, width, config.kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, config.expansion * width)
        self.narrow = nn.Linear(config.expansion * width, width)
        n_blocks = len(config.lookaheads) - 1
        self.layer_scale = nn.Parameter(torch.full((width,), 1.0 / n_blocks))

    def forward(
        self, x: Float[Tensor, "b t c"], past: Float[Tensor, "b k c"]
    ) -> tuple[Float[Tensor, "b t c"], Float[Tensor, "b k c"]]:
        """Give as many frames as come in, ``lookahead`` frames late, and the new past."""
        seen = torch.cat([past, x], dim=1)
        mixed = self.depthwise(seen.transpose(1, 2)).transpose(1, 2)
        inner = self.narrow(functional.gelu(self.widen(self.norm(mixed))))
        centre = self.kept - self.lookahead
        shortcut = seen[:, centre : centre + x.shape[1]]
        return shortcut + self.layer_scale * inner, seen[:, seen.shape[1] - self.kept :]


class SpectralVocoder(nn.Module):
    """Scaled log-mel in, a row for every frame out.

    What colours pulses and noise is a linear map of the frame's own mel, plus what the trunk says.

    Source:
        Siuzdak 2023, "Vocos: closing the gap between time-domain and Fourier-based neural
        vocoders", the trunk at the rate of frames and the inverse transform at the end; Liu et
        al. 2020, "Neural homomorphic vocoder", pulses and noise coloured by what a network says.

    Deviation:
        Convolutions look back, but for a few frames ahead, with states that are inputs and
        outputs; pitch is found by the network itself, so that a mel is all it takes.
    """

    def __init__(self, config: SpectralVocoderConfig) -> None:
        super().__init__()
        self.config = config
        self.front = nn.Conv1d(config.n_mels, config.channels, config.kernel)
        self.front_norm = nn.LayerNorm(config.channels)
        self.blocks = nn.ModuleList(_Block(config, ahead) for ahead in config.lookaheads[1:])
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, config.row)
        self.envelope = nn.Linear(config.n_mels, config.n_bins)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv1d) and module.bias is not None:
                nn.init.trunc_normal_(module.weight, std=0.02)
                module.bias.data.zero_()
        n = WINDOWS_PER_FRAME * config.n_bins
        self.head.weight.data[1 + n : 1 + 2 * n] = 0.0

    def first_state(self, n_clips: int) -> list[Tensor]:
        """Give the state before any sound: zeros."""
        kept, new = self.config.kernel - 1, self.front.weight.new_zeros
        past = [new(n_clips, kept, self.config.channels) for _ in self.blocks]
        return [new(n_clips, self.config.kept_mel, self.config.n_mels), *past]

    def forward(
        self, mel: Float[Tensor, "b t m"], state: list[Tensor]
    ) -> tuple[Float[Tensor, "b t q"], list[Tensor]]:
        """Give a row for every frame, ``delay_frames`` late, and the new state."""
        kept, kernel, n_frames = self.config.kept_mel, self.config.kernel, mel.shape[1]
        seen = torch.cat([state[0], mel], dim=1)
        new_state = [seen[:, seen.shape[1] - kept :]]
        x = self.front_norm(self.front(seen[:, kept - kernel + 1 :].transpose(1, 2)).transpose(1, 2))
        for block, past in zip(self.blocks, state[1:], strict=True):
            x, rows = block(x, past)
            new_state.append(rows)
        late = kept - self.config.delay_frames
        envelope = self.envelope(seen[:, late : late + n_frames])
        silent = torch.zeros_like(envelope[..., :1])
        both = torch.cat([envelope] * WINDOWS_PER_FRAME, dim=-1)
        return self.head(self.norm(x)) + torch.cat(
            [silent, both, torch.zeros_like(both), both], dim=-1
        ), new_state


def voicing_of(rows: Float[Tensor, "b t q"]) -> Voicing:
    """Take rows apart."""
    pitch = PITCH_RANGE * torch.tanh(rows[..., 0]) + math.log(MIDDLE_HZ)
    pulses, phase, noise = rows[..., 1:].chunk(3, dim=-1)

    def each(part: Tensor) -> Tensor:
        return part.unflatten(-1, (WINDOWS_PER_FRAME, -1)).flatten(1, 2)

    return Voicing(pitch, each(pulses).clamp(max=LOUDEST), each(phase), each(noise).clamp(max=LOUDEST))


def pulse_train(
    pitch_hz: Float[Tensor, "b t"], first_phase: Float64[Tensor, " b"], hop_length: int, rate_hz: float
) -> Float[Tensor, "b s"]:
    """Give pulses of power 1 from the first frame's centre to the last's, all harmonics alike.

    Args:
        pitch_hz: At the centres of frames; in between it runs straight.
        first_phase: Cycles at the first sample.
        hop_length: Samples of a frame.
        rate_hz: Samples a second.
    """
    share = torch.arange(hop_length, dtype=torch.float64, device=pitch_hz.device) / hop_length
    known = pitch_hz.double()
    step = (known[:, :-1, None] + (known[:, 1:] - known[:, :-1])[..., None] * share).flatten(1) / rate_hz
    cycles = first_phase[:, None] + step.cumsum(1) - step
    angle = 2 * math.pi * (cycles - cycles.floor())
    harmonics = 0.5 / step
    whole = harmonics.floor()
    below = torch.sin(angle / 2)
    is_pulse = below.abs() < NEAR_PULSE
    # The sum of cosines in closed form; where it is 0 / 0 every cosine is 1.
    total = torch.sin((whole + 0.5) * angle) / (2 * torch.where(is_pulse, 1.0, below)) - 0.5
    total = torch.where(is_pulse, whole, total) + (harmonics - whole) * torch.cos((whole + 1) * angle)
    return (total * (2 / harmonics).sqrt()).to(pitch_hz.dtype)


def smallest_phase(log_magnitude: Float[Tensor, "b w h"]) -> Float[Tensor, "b w h"]:
    """Give the phase of the filter that has these magnitudes and answers soonest.

    Source:
        Oppenheim and Schafer, "Discrete-time signal processing", minimum phase by folding the
        real cepstrum.
    """
    n_fft = 2 * (log_magnitude.shape[-1] - 1)
    cepstrum = torch.fft.irfft(log_magnitude, n_fft)
    middle = n_fft // 2
    folded = functional.pad(2 * cepstrum[..., 1:middle], (0, middle - 1))
    ends = torch.cat([cepstrum[..., :1], folded[..., : middle - 1], cepstrum[..., middle : middle + 1]], -1)
    return torch.fft.rfft(functional.pad(ends, (0, middle - 1)), n_fft).imag


def synthesise(
    voicing: Voicing, pulses: Float[Tensor, "b s"], noise: Float[Tensor, "b s"]
) -> Float[Tensor, "b z"]:
    """Colour pulses and noise and add the windows up where all four that share a sample are there.

    Args:
        voicing: Of ``t`` frames; its pitch is not used.
        pulses: From the first frame's centre to the last's.
        noise: Likewise, of power 1.

    Returns:
        Samples from half a frame after the first frame's centre to one and a half frames before the
        last's.
    """
    n_fft = 2 * (voicing.pulses.shape[-1] - 1)
    hop, half = n_fft // OVERLAP, n_fft // 2
    window = torch.hann_window(n_fft, dtype=pulses.dtype, device=pulses.device)
    sources = functional.pad(torch.stack([pulses, noise]), (half, 0)).unfold(-1, n_fft, hop)
    n_windows = sources.shape[2]
    spectra = torch.fft.rfft(sources * window)
    strength, breath = voicing.pulses[:, :n_windows], voicing.noise[:, :n_windows]
    angle = smallest_phase(strength) + voicing.phase[:, :n_windows]
    spectrum = spectra[0] * torch.polar(strength.exp(), angle) + spectra[1] * breath.exp()
    parts = (torch.fft.irfft(spectrum, n_fft) * (window / WINDOW_SUM)).unflatten(-1, (OVERLAP, hop))
    n_whole = max(0, n_windows - OVERLAP + 1)
    total = torch.stack([parts[:, i : i + n_whole, OVERLAP - 1 - i] for i in range(OVERLAP)]).sum(0)
    return total.flatten(1)
