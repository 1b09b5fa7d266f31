"""Critics of motion: does this stretch of movement come from a recorded face?

A critic sees movement through a fixed basis fitted to the training data, whitened, with its first
difference beside it, so that its size does not grow with the mesh. There is one for the whole
face and, if wanted, one for the lips and one for the upper face, and one that asks whether the
movement goes with what is said.

Shape letters: b clips, f video frames, n outputs, k codes, c channels, t steps after strides.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

_SLOPE = 0.2
_FEW_OUTPUTS = 256


@dataclass(frozen=True)
class CriticConfig:
    """Sizes of the critics."""

    codes: int = 128
    """Directions of movement that the critic of the whole face sees."""
    region_codes: int = 64
    """The same for lips and for the upper face."""
    widths: tuple[int, ...] = (128, 256, 512, 512)
    """Channels of the layers."""
    groups: tuple[int, ...] = (1, 4, 8, 8)
    scales: int = 3
    """Critics at full rate, half rate, and so on."""
    regions: bool = True
    """Have critics of lips and of the upper face."""
    sync: bool = False
    """Have a critic that knows what is said."""
    state_channels: int = 256
    """Width of the text embedding that the last one hears."""


class MotionCode(nn.Module):
    """Movement as whitened codes and their change; fixed, not learnt."""

    basis: Tensor
    mean: Tensor

    def __init__(self, basis: Float32[np.ndarray, "n k"], mean: Float32[np.ndarray, " n"]) -> None:
        super().__init__()
        self.register_buffer("basis", torch.from_numpy(basis.copy()))
        self.register_buffer("mean", torch.from_numpy(mean.copy()))

    def forward(self, motion: Float[Tensor, "b f n"]) -> Float[Tensor, "b k2 f"]:
        """Give codes over time with their first difference below them."""
        codes = ((motion - self.mean) @ self.basis).transpose(1, 2)
        change = functional.pad(codes[..., 1:] - codes[..., :-1], (1, 0))
        return torch.cat([codes, change], 1)


def fit_motion_code(
    motion: Float32[np.ndarray, "frames n"], n_codes: int, columns: np.ndarray | None = None
) -> MotionCode:
    """Fit the basis of a critic to recorded movement: principal directions scaled to unit spread.

    Args:
        motion: Frames of many clips, in the units the network gives.
        n_codes: Directions; fewer are taken where the data have no more.
        columns: Outputs of a region; None takes all.
    """
    n_outputs = motion.shape[1]
    chosen = np.arange(n_outputs) if columns is None else columns
    part = motion[:, chosen].astype(np.float64)
    mean = part.mean(0)
    deviation, directions = _principal(part - mean, n_codes)
    n_kept = max(1, min(n_codes, int((deviation > 1e-4 * max(deviation[0], 1e-12)).sum())))
    basis = np.zeros((n_outputs, n_kept), np.float32)
    basis[chosen] = (directions[:n_kept] / np.maximum(deviation[:n_kept, None], 1e-8)).T
    centre = np.zeros(n_outputs, np.float32)
    centre[chosen] = mean
    return MotionCode(basis, centre)


def _principal(
    centred: Float64[np.ndarray, "frames n"], n_codes: int
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, "k n"]]:
    """Give the largest deviations and their directions.

    A whole decomposition of thousands of frames of a mesh takes minutes; there, the smaller of the
    two square matrices is enough.
    """
    n_frames, n_outputs = centred.shape
    if n_outputs <= _FEW_OUTPUTS:
        _, spread, directions = np.linalg.svd(centred, full_matrices=False)
        return spread / np.sqrt(max(1, n_frames)), directions
    from scipy.linalg import eigh

    is_wide = n_outputs > n_frames
    square = centred @ centred.T if is_wide else centred.T @ centred
    first = max(0, len(square) - n_codes)
    values, vectors = eigh(square, subset_by_index=[first, len(square) - 1])
    spread = np.sqrt(np.maximum(values[::-1], 0.0))
    directions = vectors[:, ::-1].T
    if is_wide:
        directions = directions @ centred / np.maximum(spread[:, None], 1e-30)
    return spread / np.sqrt(max(1, n_frames)), directions


class PatchCritic(nn.Module):
    """Convolutions over time that judge patches.

    Deviation:
        The released code holds no critic of motion; this one follows the proportions of
        HiFi-GAN's and PatchGAN's, see docs/avatron.md.
    """

    def __init__(self, channels: int, config: CriticConfig) -> None:
        super().__init__()
        kernels = [5, *[5] * (len(config.widths) - 1)]
        strides = [1, *[2] * (len(config.widths) - 2), 1]
        widths = (channels, *config.widths)
        self.layers = nn.ModuleList()
        for place, (a, b) in enumerate(itertools.pairwise(widths)):
            layer = nn.Conv1d(
                a, b, kernels[place], strides[place], kernels[place] // 2, groups=config.groups[place]
            )
            self.layers.append(weight_norm(layer) if place else spectral_norm(layer))
        self.judge = weight_norm(nn.Conv1d(config.widths[-1], 1, 3, padding=1))

    def forward(self, x: Float[Tensor, "b c f"]) -> list[Tensor]:
        """Give the features of every layer, the verdict last."""
        features = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), _SLOPE)
            features.append(x)
        return [*features, self.judge(x)]


class SyncCritic(nn.Module):
    """Judges whether movement goes with the text embedding under it.

    Source:
        Miyato and Koyama 2018, "cGANs with Projection Discriminator".
    """

    def __init__(self, channels: int, config: CriticConfig) -> None:
        super().__init__()
        self.motion = PatchCritic(channels, config)
        self.text = nn.Linear(config.state_channels, config.widths[-1])

    def forward(self, x: Float[Tensor, "b c f"], states: Float[Tensor, "b f e"]) -> list[Tensor]:
        """Give features and verdict; the verdict has what text and movement share added."""
        *features, verdict = self.motion(x)
        steps = features[-1].shape[-1]
        heard = functional.adaptive_avg_pool1d(self.text(states).transpose(1, 2), steps)
        shared = (features[-1] * heard).mean(1, keepdim=True)
        return [*features, verdict + shared]


class MotionCritics(nn.Module):
    """All critics of a face."""

    def __init__(self, config: CriticConfig, codes: dict[str, MotionCode]) -> None:
        """Make the critics.

        Args:
            config: Sizes.
            codes: Bases: ``face`` and, with ``regions``, those of the regions.
        """
        super().__init__()
        self.config = config
        self.codes = nn.ModuleDict(codes)
        self.patches = nn.ModuleDict()
        for name, code in codes.items():
            for scale in range(config.scales):
                self.patches[f"{name}_{scale}"] = PatchCritic(2 * code.basis.shape[1], config)
        self.sync = SyncCritic(2 * codes["face"].basis.shape[1], config) if config.sync else None

    def forward(
        self, motion: Float[Tensor, "b f n"], states: Float[Tensor, "b f e"]
    ) -> dict[str, list[Tensor]]:
        """Give features and verdicts of every critic by name.

        Args:
            motion: Movement as the avatar gives it.
            states: Text embedding at the same frames; only the critic of sync hears it.
        """
        judged = {}
        for name, code in self.codes.items():
            x = code(motion)
            if self.sync is not None and name == "face":
                judged["sync"] = self.sync(x, states)
            for scale in range(self.config.scales):
                if scale:
                    x = functional.avg_pool1d(x, 4, 2, 1)
                judged[f"{name}_{scale}"] = self.patches[f"{name}_{scale}"](x)
        return judged


def critic_loss(real: dict[str, list[Tensor]], made: dict[str, list[Tensor]]) -> Float[Tensor, ""]:
    """Give how badly the critics tell recorded from made movement.

    Source:
        Mao et al. 2017, "Least Squares Generative Adversarial Networks".
    """
    total = real[next(iter(real))][-1].new_zeros(())
    for name in real:
        total = total + (1 - real[name][-1]).square().mean() + made[name][-1].square().mean()
    return total / len(real)


def generator_loss(made: dict[str, list[Tensor]]) -> Float[Tensor, ""]:
    """Give how badly made movement passes for recorded one."""
    return torch.stack([(1 - features[-1]).square().mean() for features in made.values()]).mean()


def feature_loss(real: dict[str, list[Tensor]], made: dict[str, list[Tensor]]) -> Float[Tensor, ""]:
    """Give how far the critics' features of made movement are from those of the recorded one.

    Source:
        Kong et al. 2020, "HiFi-GAN", feature matching.
    """
    parts = [
        functional.l1_loss(b, a.detach())
        for name in real
        for a, b in zip(real[name][:-1], made[name][:-1], strict=True)
    ]
    return torch.stack(parts).mean()


def gradient_penalty(judged: dict[str, list[Tensor]], motion: Float[Tensor, "b f n"]) -> Float[Tensor, ""]:
    """Give the squared slope of the verdicts at recorded movement.

    Source:
        Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", R1.
    """
    total = torch.stack([features[-1].sum() for features in judged.values()]).sum()
    (slope,) = torch.autograd.grad(total, motion, create_graph=True)
    return slope.square().sum((1, 2)).mean()
