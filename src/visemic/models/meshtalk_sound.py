"""What MeshTalk hears: for every frame, the second of sound around it as a log-mel spectrum.

Two encoders of sound stand behind one signature. The published one makes a spectrum of every
window on its own, so thirty spectra a second overlap almost wholly. The shared one makes a single
spectrum of the clip, runs the same kind of convolutions over it once and picks what each frame
needs, which costs a fifteenth.

Shape letters: b clips, n samples, t frames, c channels, d width of a code, m mels, k steps.
"""

import torch
from jaxtyping import Float, Int
from torch import nn
from torch.nn import functional

from visemic.models.meshtalk_window import (
    HANN_SAMPLES,
    HOP_SAMPLES,
    KERNEL,
    LOG_FLOOR,
    N_FFT,
    N_MELS,
    WINDOW_SAMPLES,
    mel_bank,
)

LEVEL_MEAN, LEVEL_SPREAD = -8.0, 5.0
"""Of log-mel powers at the level of the training, roughly."""
_SLOPE = 0.2


class _Spectrogram(nn.Module):
    window: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(HANN_SAMPLES))


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
            N_FFT,
            HOP_SAMPLES,
            HANN_SAMPLES,
            window=self.spectrogram.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        power = spectrum.real.square() + spectrum.imag.square()
        mels = (power.transpose(1, 2) @ self.mel_scale.fb).transpose(1, 2)
        return mels.clamp(min=LOG_FLOOR).log().reshape(*sound.shape[:-1], *mels.shape[1:])


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
        self.convert_dimensions = nn.Conv1d(N_MELS, width, KERNEL)
        self.convs = nn.ModuleList(
            nn.Conv1d(width, width, KERNEL, dilation=dilation) for dilation in dilations
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
        return KERNEL + sum((KERNEL - 1) * conv.dilation[0] for conv in self._layers())

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
        The outputs of the middle step are taken, not their mean over what the window leaves, and the
        spectrum is brought to about mean 0 and spread 1 first. Codes are normalised: without the noise
        of the choice nothing else keeps them from growing until every choice is certain and stays.
    """

    def forward(
        self, sound: Float[torch.Tensor, "b n"], starts: Int[torch.Tensor, "b t"]
    ) -> Float[torch.Tensor, "b t d"]:
        """Give the code of every frame; see ``AudioEncoder``."""
        codes = self.of_mel(self.melspec(sound))
        # Output j lies in the middle of the steps j to j + n_steps - 1.
        place = (starts + WINDOW_SAMPLES // 2) / HOP_SAMPLES - (self.n_steps - 1) / 2
        place = place.clamp(0, codes.shape[1] - 1)
        below = place.floor().long()
        share = (place - below)[..., None]
        above = (below + 1).clamp(max=codes.shape[1] - 1)
        width = codes.shape[2]
        first = codes.gather(1, below[..., None].expand(-1, -1, width))
        second = codes.gather(1, above[..., None].expand(-1, -1, width))
        return torch.lerp(first, second, share.to(codes.dtype))

    def of_mel(self, mel: Float[torch.Tensor, "b m k"]) -> Float[torch.Tensor, "b _ d"]:
        """Give the code of every step that the convolutions see whole."""
        level = (mel - LEVEL_MEAN) / LEVEL_SPREAD
        code: torch.Tensor = self.code(self._convolved(level).transpose(1, 2))
        return functional.layer_norm(code, code.shape[-1:])
