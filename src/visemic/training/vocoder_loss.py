"""What a vocoder is judged by: spectra of what it says, and its critics.

Shape letters: b clips, s samples, m mels, f windows.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from visemic.features.voice_mel import (
    VOICE_FLOOR,
    VOICE_HOP_SAMPLES,
    VOICE_N_FFT,
    VOICE_WINDOW_SAMPLES,
    voice_mel_filters,
)
from visemic.models.vocoder_critic import Seen, magnitudes

RESOLUTIONS = ((128, 32), (512, 120), (1024, 240), (2048, 480))
"""Windows and hops in samples; the shortest hears single pulses of a voice."""
_QUIET = 1e-3
"""Added before logarithms: differences far below the voice do not count."""


@cache
def _filters() -> Tensor:
    return torch.from_numpy(voice_mel_filters().T).float()


def log_mel(sound: Float[Tensor, "b s"]) -> Float[Tensor, "b f m"]:
    """Give the mel of ``features.voice_mel`` of whole windows only, with a gradient."""
    window = torch.hann_window(VOICE_WINDOW_SAMPLES, dtype=sound.dtype, device=sound.device)
    edge = (VOICE_N_FFT - VOICE_WINDOW_SAMPLES) // 2
    spectrum = torch.stft(
        sound,
        VOICE_N_FFT,
        hop_length=VOICE_HOP_SAMPLES,
        window=functional.pad(window, (edge, edge)),
        center=False,
        return_complex=True,
    )
    strength = (spectrum.real**2 + spectrum.imag**2 + 1e-12).sqrt().transpose(1, 2)
    return (strength @ _filters().to(sound)).clamp_min(VOICE_FLOOR).log()


def mel_distance(predicted: Float[Tensor, "b s"], target: Float[Tensor, "b s"]) -> Float[Tensor, ""]:
    """Give the mean absolute difference of log-mels."""
    return functional.l1_loss(log_mel(predicted), log_mel(target))


def spectrum_distance(predicted: Float[Tensor, "b s"], target: Float[Tensor, "b s"]) -> Float[Tensor, ""]:
    """Give how far magnitudes are apart: relative and in logarithms, over all resolutions.

    Source:
        Yamamoto et al. 2020, "Parallel WaveGAN", section 2.2, equations 4 to 6.
    """
    total = predicted.new_zeros(())
    for window, hop in RESOLUTIONS:
        found, wanted = magnitudes(predicted, window, hop), magnitudes(target, window, hop)
        relative = (wanted - found).norm() / wanted.norm().clamp_min(1e-6)
        logarithmic = functional.l1_loss((found + _QUIET).log(), (wanted + _QUIET).log())
        total = total + relative + logarithmic
    return total / len(RESOLUTIONS)


def critic_loss(recorded: Sequence[Tensor], made: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Give what critics minimise: 1 for recordings, 0 for what was made.

    Source:
        Mao et al. 2017, "Least squares generative adversarial networks", equation 2.
    """
    return torch.stack(
        [((1 - real) ** 2).mean() + (fake**2).mean() for real, fake in zip(recorded, made, strict=True)]
    ).sum()


def fooling_loss(made: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Give what the generator minimises: what it made is taken for a recording."""
    return torch.stack([((1 - fake) ** 2).mean() for fake in made]).sum()


def feature_loss(recorded: Sequence[Seen], made: Sequence[Seen]) -> Float[Tensor, ""]:
    """Give how differently critics see a recording and what was made of its mel, layer by layer.

    Source:
        Kumar et al. 2019, "MelGAN", section 2.3, feature matching.
    """
    layers = [
        functional.l1_loss(fake, real.detach())
        for seen, other in zip(made, recorded, strict=True)
        for fake, real in zip(seen, other, strict=True)
    ]
    return torch.stack(layers).sum()
