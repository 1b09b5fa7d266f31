"""What MeshTalk hears: for every frame, the second of sound around it as a log-mel spectrum.

Two encoders of sound stand behind one signature. The published one makes a spectrum of every
window on its own, so thirty spectra a second overlap almost wholly. The shared one makes a single
spectrum of the clip, runs the same kind of convolutions over it once and picks what each frame
needs, which costs a fifteenth.

Windows begin at exact times: frame ``i`` has its middle at ``i`` divided by the frame rate, to
half a sample, however long the clip. The published loop steps by 533 samples instead of 533⅓ and
is 37 ms early after a minute.

Shape letters: b clips, n samples, t frames, c channels, d width of a code, m mels, k steps.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int64
from torch import nn
from torch.nn import functional

from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError

WINDOW_SAMPLES = 16_000
"""A second at 16 kHz."""
PUBLISHED_OFFSET_SAMPLES = 267
"""The published loop hears around the middle of a frame's time, not around its beginning."""
MEAN_LEVEL = 0.01
"""Mean of the absolute samples that the published model was trained on."""
N_MELS = 80

_N_FFT, _HOP, _HANN = 2_048, 160, 800
_FLOOR = 1e-10
_KERNEL = 5
_SLOPE = 0.2
_BREAK_HZ, _MELS_A_DECADE = 700.0, 2_595.0


def window_starts(n_frames: int, rate: Rate, *, offset_samples: int = 0) -> Int64[np.ndarray, " frames"]:
    """Give where each frame's second of sound begins, in samples, the clip's first sample at 0.

    Args:
        n_frames: Number of frames, the first at 0 s.
        rate: Frames a second.
        offset_samples: How much later to listen: 0 around the frame's own time,
            ``PUBLISHED_OFFSET_SAMPLES`` as the published model was driven.

    Returns:
        Negative before half a second: the sound is to be filled with zeros.

    Example:
        >>> window_starts(4, Rate.of(30)).tolist()
        [-8000, -7467, -6933, -6400]
    """
    samples_a_frame = SPEECH_RATE.hz / rate.hz
    up, down = samples_a_frame.numerator, samples_a_frame.denominator
    centres = (2 * np.arange(n_frames, dtype=np.int64) * up + down) // (2 * down)
    return centres + (offset_samples - WINDOW_SAMPLES // 2)


def leveled(samples: Float32[np.ndarray, " samples"]) -> Float32[np.ndarray, " samples"]:
    """Give the sound at the level that the model was trained on; silence stays silence.

    Raises:
        AudioError: There is no sample.
    """
    if len(samples) == 0:
        raise AudioError("the waveform has 0 samples; give at least one")
    mean = float(np.abs(samples).mean(dtype=np.float64))
    return (samples * np.float32(MEAN_LEVEL / mean if mean > 0 else 1.0)).astype(np.float32)


def mel_bank(n_mels: int = N_MELS) -> Float32[np.ndarray, "bins mels"]:
    """Give triangles of height 1 between 0 and 8 kHz on the logarithmic mel scale.

    Source:
        O'Shaughnessy 1987, "Speech Communication", the mel scale with its break at 700 Hz; no
        area normalisation, as the published checkpoint's own table has none.
    """
    top_mel = _MELS_A_DECADE * np.log10(1.0 + float(SPEECH_RATE) / 2 / _BREAK_HZ)
    feet_mel = np.linspace(0.0, top_mel, n_mels + 2)
    feet = _BREAK_HZ * (10.0 ** (feet_mel / _MELS_A_DECADE) - 1.0)
    bins = np.linspace(0.0, float(SPEECH_RATE) / 2, _N_FFT // 2 + 1)[:, None]
    rise = (bins - feet[:-2]) / np.diff(feet)[:-1]
    fall = (feet[2:] - bins) / np.diff(feet)[1:]
    return np.maximum(0.0, np.minimum(rise, fall)).astype(np.float32)


class _Spectrogram(nn.Module):
    window: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(_HANN))


class _MelScale(nn.Module):
    fb: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("fb", torch.from_numpy(mel_bank()))


class LogMel(nn.Module):
    """Log-mel powers, a step every 10 ms; tables under the names of published checkpoints."""

    def __init__(self) -> None:
        super().__init__()
        self.spectrogram = _Spectrogram()
        self.mel_scale = _MelScale()

    def forward(self, sound: Float[torch.Tensor, "*b n"]) -> Float[torch.Tensor, "*b m k"]:
        """Give the spectrum; step ``k`` has its middle at sample ``160 k``, the ends are mirrored."""
        spectrum = torch.stft(
            sound.flatten(0, -2) if sound.ndim > 1 else sound[None],
            _N_FFT,
            _HOP,
            _HANN,
            window=self.spectrogram.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        mels = (power.transpose(1, 2) @ self.mel_scale.fb).transpose(1, 2)
        return mels.clamp(min=_FLOOR).log().reshape(*sound.shape[:-1], *mels.shape[1:])


class AudioEncoder(nn.Module):
    """Dilated convolutions over each frame's own spectrum, averaged over what is left.

    Source:
        Richard et al. 2021, "MeshTalk: 3D Face Animation from Speech using Cross-Modality
        Disentanglement" (ICCV), the audio encoder; sizes as published.
    """

    def __init__(self, width: int, dilations: tuple[int, ...], code_width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.melspec = LogMel()
        self.convert_dimensions = nn.Conv1d(N_MELS, width, _KERNEL)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, _KERNEL, dilation=dilation) for dilation in dilations
        )
        self.code = nn.Linear(width, code_width)
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None
                nn.init.constant_(module.bias, 0.01)

    @property
    def n_steps(self) -> int:
        """Steps of the spectrum behind one output of the convolutions."""
        return _KERNEL + sum((_KERNEL - 1) * conv.dilation[0] for conv in self._layers())

    def _layers(self) -> list[nn.Conv1d]:
        return [conv for conv in self.convs if isinstance(conv, nn.Conv1d)]

    def forward(
        self, sound: Float[torch.Tensor, "b n"], starts: Int[torch.Tensor, "b t"]
    ) -> Float[torch.Tensor, "b t d"]:
        """Give the code of every frame.

        Args:
            sound: At 16 kHz and at ``MEAN_LEVEL``; must hold every window whole.
            starts: First sample of each frame's window.
        """
        places = starts[:, :, None] + torch.arange(WINDOW_SAMPLES, device=sound.device)
        windows = sound.gather(1, places.flatten(1)).view(places.shape)
        heard = self._convolved(self.melspec(windows).flatten(0, 1))
        code: torch.Tensor = self.code(heard.mean(-1))
        return code.unflatten(0, starts.shape)

    def _convolved(self, mels: Float[torch.Tensor, "b m k"]) -> Float[torch.Tensor, "b c _"]:
        x = functional.leaky_relu(self.convert_dimensions(mels), _SLOPE)
        for conv in self._layers():
            new = functional.dropout(
                functional.leaky_relu(conv(x), _SLOPE), self.dropout, training=self.training
            )
            cut = (x.shape[2] - new.shape[2]) // 2
            x = (x[:, :, cut:-cut] + new) / 2
        return x


class SharedAudioEncoder(AudioEncoder):
    """The same convolutions over one spectrum of the whole sound.

    Deviation:
        A window's spectrum is cut from the clip's, so its ends are what was really heard and not
        mirrored; a frame between two steps of 10 ms takes the straight line between both codes.
        The outputs of the middle step are taken, not their mean over what the window leaves.
    """

    def forward(
        self, sound: Float[torch.Tensor, "b n"], starts: Int[torch.Tensor, "b t"]
    ) -> Float[torch.Tensor, "b t d"]:
        """Give the code of every frame; see ``AudioEncoder``."""
        codes = self.code(self._convolved(self.melspec(sound)).transpose(1, 2))
        # Output j lies in the middle of the steps j to j + n_steps - 1.
        place = (starts + WINDOW_SAMPLES // 2) / _HOP - (self.n_steps - 1) / 2
        place = place.clamp(0, codes.shape[1] - 1)
        below = place.floor().long()
        share = (place - below)[..., None]
        above = (below + 1).clamp(max=codes.shape[1] - 1)
        width = codes.shape[2]
        first = codes.gather(1, below[..., None].expand(-1, -1, width))
        second = codes.gather(1, above[..., None].expand(-1, -1, width))
        return torch.lerp(first, second, share.to(codes.dtype))
