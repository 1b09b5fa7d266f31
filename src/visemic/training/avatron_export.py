"""Avatron as ONNX in three pieces: text to durations, durations to mel, durations to motion.

Between the two stands the plan of ``models.avatron_timing``: tempo, pauses and target lengths
are whole frames, which no network decides.
"""

from typing import Any

import torch
from torch import nn

from visemic.models.avatron import AvatronVoice
from visemic.models.avatron_avatar import AvatronAvatar
from visemic.training.onnx_file import onnx_model, without_traces

_DYNAMIC = torch.export.Dim.DYNAMIC


class TextPiece(nn.Module):
    """Symbols and manner in; durations, pitch, energy and states out."""

    def __init__(self, voice: AvatronVoice) -> None:
        super().__init__()
        self.voice = voice

    def forward(self, symbols: torch.Tensor, style: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Give frames (fractional, at least 0), pitch, energy, states."""
        valid = torch.ones_like(symbols, dtype=torch.bool)
        states = self.voice.encode(symbols, valid)
        prosody = self.voice.predict(states, style, valid)
        return (prosody.log_durations.exp() - 1).clamp(min=0), prosody.pitch, prosody.energy, states


class MelPiece(nn.Module):
    """States and frames in, mel out."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, voice: AvatronVoice, mean: torch.Tensor, spread: torch.Tensor) -> None:
        super().__init__()
        self.voice = voice
        self.register_buffer("mean", mean)
        self.register_buffer("spread", spread)

    def forward(
        self,
        states: torch.Tensor,
        style: torch.Tensor,
        pitch: torch.Tensor,
        energy: torch.Tensor,
        symbol_of_frame: torch.Tensor,
    ) -> tuple[torch.Tensor]:
        """Give the log-mel in its own unit."""
        valid = torch.ones_like(symbol_of_frame, dtype=torch.bool)
        mel = self.voice.decode(states, style, pitch, energy, symbol_of_frame, valid)
        return (mel * self.spread + self.mean,)


class FacePiece(nn.Module):
    """States and frames in, motion out."""

    scale: torch.Tensor

    def __init__(self, avatar: AvatronAvatar, scale: float) -> None:
        super().__init__()
        self.avatar = avatar
        self.register_buffer("scale", torch.tensor(scale))

    def forward(
        self,
        states: torch.Tensor,
        classes: torch.Tensor,
        face_style: torch.Tensor,
        before: torch.Tensor,
        after: torch.Tensor,
        share: torch.Tensor,
    ) -> tuple[torch.Tensor]:
        """Give weights or metres of every video frame."""
        n_frames = torch.full((1,), before.shape[1], dtype=torch.int64)
        moved = self.avatar(states, classes, face_style, before, after, share, n_frames)
        return (moved * self.scale,)


def text_onnx(voice: AvatronVoice) -> bytes:
    """Give the first piece; the number of symbols is free."""
    example = (torch.ones(1, 7, dtype=torch.int64), torch.zeros(1, voice.config.channels))
    names = ["frames", "pitch", "energy", "states"]
    return _exported(TextPiece(voice), example, ({1: _DYNAMIC}, {}), ["symbols", "style"], names)


def frames_onnx(voice: AvatronVoice, mel_mean: torch.Tensor, mel_spread: torch.Tensor) -> bytes:
    """Give the second piece.

    Args:
        voice: The acoustic model.
        mel_mean: Mean of every mel of the training data.
        mel_spread: Their spread.
    """
    channels = voice.config.channels
    example = (
        torch.zeros(1, 7, channels),
        torch.zeros(1, channels),
        torch.zeros(1, 7),
        torch.zeros(1, 7),
        torch.arange(23)[None] // 4,
    )
    shapes: tuple[dict[int, Any], ...] = (
        {1: _DYNAMIC},
        {},
        {1: _DYNAMIC},
        {1: _DYNAMIC},
        {1: _DYNAMIC},
    )
    names = ["states", "style", "pitch", "energy", "symbol_of_frame"]
    return _exported(MelPiece(voice, mel_mean, mel_spread), example, shapes, names, ["mel"])


def face_onnx(avatar: AvatronAvatar, motion_scale: float = 1.0) -> bytes:
    """Give the third piece: symbols before and after each video frame in, motion out.

    Args:
        avatar: The face.
        motion_scale: Unit of its numbers, in weights or metres.
    """
    places = torch.arange(11)[None] // 2
    example = (
        torch.zeros(1, 7, avatar.config.state_channels),
        torch.zeros(1, 7, dtype=torch.int64),
        torch.zeros(1, avatar.config.n_styles),
        places,
        places + 1,
        torch.zeros(1, 11),
    )
    shapes: tuple[dict[int, Any], ...] = (
        {1: _DYNAMIC},
        {1: _DYNAMIC},
        {},
        {1: _DYNAMIC},
        {1: _DYNAMIC},
        {1: _DYNAMIC},
    )
    names = ["states", "classes", "face_style", "before", "after", "share"]
    return _exported(FacePiece(avatar, motion_scale), example, shapes, names, ["motion"])


def _exported(
    piece: nn.Module,
    example: tuple[torch.Tensor, ...],
    shapes: tuple[dict[int, Any], ...],
    inputs: list[str],
    outputs: list[str],
) -> bytes:
    model = onnx_model(
        piece.eval().cpu(), example, input_names=inputs, output_names=outputs, dynamic_shapes=shapes
    )
    # The exporter notes the example's length for what follows a recurrence; any length is right.
    del model.graph.value_info[:]
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"length_{output.name}"
    return without_traces(model.SerializeToString())
