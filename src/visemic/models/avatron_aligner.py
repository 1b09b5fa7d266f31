"""The aligner: which symbol is heard in which mel frame, learnt from both without any times.

Soft alignments come from distances between projections of text and sound; the hard one is the
best path through them that never goes back and skips no symbol. Only training needs either.

Shape letters: b sentences, s symbols, t mel frames, c channels, m mels.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor, nn
from torch.nn import functional

from visemic.core.errors import InputError

BLANK_LOG_PROBABILITY = -1.0
"""What standing still at no symbol costs in the forward sum."""
_FAR = -1e4


class Aligner(nn.Module):
    """Distances of mel frames to symbols.

    Source:
        Badlani et al. 2022, "One TTS Alignment To Rule Them All"; sizes of the Avatron release.
    """

    def __init__(self, channels: int, n_mels: int) -> None:
        super().__init__()
        self.text = nn.Sequential(
            nn.Conv1d(channels, 2 * channels, 3, padding=1), nn.ReLU(), nn.Conv1d(2 * channels, n_mels, 1)
        )
        self.sound = nn.Sequential(
            nn.Conv1d(n_mels, 2 * n_mels, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv1d(2 * n_mels, n_mels, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv1d(n_mels, n_mels, 1),
        )

    def forward(
        self,
        states: Float[Tensor, "b s c"],
        symbol_valid: Bool[Tensor, "b s"],
        mel: Float[Tensor, "b t m"],
    ) -> Float[Tensor, "b t s"]:
        """Give the log of how likely each frame belongs to each symbol."""
        text = self.text(states.transpose(1, 2)).transpose(1, 2)
        sound = self.sound(mel.transpose(1, 2)).transpose(1, 2)
        # Written out: the slope of a distance has no value where it is 0.
        square = (sound[:, :, None] - text[:, None]).square().sum(-1)
        distance = torch.sqrt(square + 1e-8)
        return (-distance).masked_fill(~symbol_valid[:, None], _FAR).log_softmax(-1)


def forward_sum_loss(
    log_soft: Float[Tensor, "b t s"],
    n_symbols: Int64[Tensor, " b"],
    n_frames: Int64[Tensor, " b"],
    blank: float = BLANK_LOG_PROBABILITY,
) -> Float[Tensor, ""]:
    """Give how unlikely all monotonic alignments together are, per symbol.

    Source:
        Shih et al. 2021, "RAD-TTS", the alignment objective by connectionist temporal
        classification with one label a symbol.
    """
    scores = functional.pad(log_soft, (1, 0), value=blank)
    beyond = torch.arange(scores.shape[-1], device=scores.device) > n_symbols[:, None]
    log_probabilities = scores.masked_fill(beyond[:, None], _FAR).log_softmax(-1)
    labels = torch.arange(1, log_soft.shape[-1] + 1, device=scores.device).expand(len(scores), -1)
    return functional.ctc_loss(
        log_probabilities.transpose(0, 1), labels, n_frames, n_symbols, zero_infinity=True
    )


def binarisation_loss(
    log_soft: Float[Tensor, "b t s"], symbol_of_frame: Int64[Tensor, "b t"], valid: Bool[Tensor, "b t"]
) -> Float[Tensor, ""]:
    """Give how far the soft alignment is from the hard one: the mean of its log on the path, negated."""
    on_path = log_soft.gather(2, symbol_of_frame[..., None])[..., 0]
    return -(on_path * valid).sum() / valid.sum()


def guide_loss(
    log_soft: Float[Tensor, "b t s"],
    n_symbols: Int64[Tensor, " b"],
    n_frames: Int64[Tensor, " b"],
    sharpness: float = 3.125,
) -> Float[Tensor, ""]:
    """Give how much of the soft alignment lies off the diagonal.

    Source:
        Tachibana et al. 2018, "Guided Attention"; sharpness of the Avatron release.
    """
    t = torch.arange(log_soft.shape[1], device=log_soft.device)[None, :, None] / n_frames[:, None, None]
    s = torch.arange(log_soft.shape[2], device=log_soft.device)[None, None] / n_symbols[:, None, None]
    off = 1 - torch.exp(-sharpness * (t - s).square())
    valid = (t < 1) & (s < 1)
    return (log_soft.exp() * off * valid).sum() / (t < 1).sum()


def hard_alignment(log_soft: Float32[np.ndarray, "t s"]) -> Int64[np.ndarray, " s"]:
    """Give the frames of every symbol on the best path: it starts at the first symbol, ends at the
    last, never goes back and skips none.

    Args:
        log_soft: Log probability of each symbol at each frame.

    Raises:
        InputError: There are fewer frames than symbols, or none.

    Source:
        Kim et al. 2020, "Glow-TTS", monotonic alignment search.

    Deviation:
        The release searches over probabilities, whose sum favours a few sure frames; here log
        probabilities are added, which is the most likely path.
    """
    n_frames, n_symbols = log_soft.shape
    if n_symbols == 0 or n_frames < n_symbols:
        raise InputError(
            f"{n_symbols} symbols cannot be aligned with {n_frames} frames; every symbol needs one"
        )
    best = np.full(n_symbols, -np.inf)
    best[0] = log_soft[0, 0]
    stepped = np.zeros((n_frames, n_symbols), bool)
    for frame in range(1, n_frames):
        moved = np.concatenate([[-np.inf], best[:-1]])
        stepped[frame] = moved > best
        best = np.maximum(moved, best) + log_soft[frame]
    frames = np.zeros(n_symbols, np.int64)
    symbol = n_symbols - 1
    for frame in range(n_frames - 1, -1, -1):
        frames[symbol] += 1
        if stepped[frame, symbol]:
            symbol -= 1
    return frames
