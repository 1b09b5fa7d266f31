"""FaceFormer: speech to a moving face, each frame from the frames that the model gave before.

A wav2vec 2.0 encoder hears the sound; between its convolutions and its transformer the steps
are brought to the frames, so that every frame has states of its own. The motion half stands
in ``models.faceformer_decode``. What a frame is made of, vertices or channels, is a width and
nothing more. Parameters carry the published names.

Shape letters: b clips, l samples, e steps of the convolutions, f their channels, t frames,
s states, d width, c numbers a frame, n styles.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import nn
from torch.nn import functional

from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ClockError, InputError
from visemic.core.extra import require_train
from visemic.models.checkpoint import load_parameters, read_parameters
from visemic.models.faceformer_decode import MotionDecoder

_RENAMED = (
    ("conv.weight_g", "conv.parametrizations.weight.original0"),
    ("conv.weight_v", "conv.parametrizations.weight.original1"),
)
"""What PyTorch called the halves of a normed weight before 2.0, and what it calls them now."""
_INSIDE_CTC = "wav2vec2."


@dataclass(frozen=True)
class HearingConfig:
    """Sizes of the wav2vec 2.0 encoder; the defaults are those of wav2vec2-base."""

    conv_channels: tuple[int, ...] = (512,) * 7
    conv_kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    width: int = 768
    n_layers: int = 12
    n_heads: int = 12
    n_inner: int = 3072
    position_kernel: int = 128
    position_groups: int = 16
    dropout: float = 0.1
    layer_drop: float = 0.1
    masked_share: float = 0.05
    """Of the states that are hidden in training, in spans; 0 hides none."""
    masked_span: int = 10
    masked_least: int = 2
    """Fewest spans."""

    def __post_init__(self) -> None:
        if not len(self.conv_channels) == len(self.conv_kernels) == len(self.conv_strides) > 0:
            raise InputError(
                f"conv_channels, conv_kernels and conv_strides have {len(self.conv_channels)}, "
                f"{len(self.conv_kernels)} and {len(self.conv_strides)} values; give as many of each"
            )
        if self.width % self.n_heads:
            raise InputError(f"width {self.width} does not divide among {self.n_heads} heads; choose others")

    @property
    def stride(self) -> int:
        """Samples a step."""
        return math.prod(self.conv_strides)

    @property
    def field(self) -> int:
        """Samples that one step hears: no sound may be shorter."""
        before = [math.prod(self.conv_strides[:i]) for i in range(len(self.conv_strides))]
        return 1 + sum((k - 1) * b for k, b in zip(self.conv_kernels, before, strict=True))


@dataclass(frozen=True)
class FaceFormerConfig:
    """Sizes of a model."""

    n_channels: int
    """Numbers a frame: three a vertex, or one a channel."""
    n_styles: int
    """Speakers it is trained on."""
    width: int = 64
    period: int = 30
    """Frames after which positions repeat."""
    n_heads: int = 4
    dropout: float = 0.1
    states_per_frame: int = 1
    """States of the audio that belong to a frame."""
    is_interpolated: bool = True
    """Steps are interpolated to the frames; otherwise a frame takes so many of them as they come."""
    frame_rate_hz: float = 30.0
    hearing: HearingConfig = field(default_factory=HearingConfig)

    def __post_init__(self) -> None:
        for name in ("n_channels", "n_styles", "width", "period", "n_heads", "states_per_frame"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 1")
        if self.n_heads & (self.n_heads - 1) or self.width % (2 * self.n_heads):
            raise InputError(
                f"width {self.width} with {self.n_heads} heads cannot be used; give a power of two of heads "
                "and an even number of values for each"
            )
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout:g}; give 0 or more and less than 1")
        steps_hz = float(SPEECH_RATE) / self.hearing.stride
        if not self.is_interpolated and not math.isclose(
            self.frame_rate_hz * self.states_per_frame, steps_hz, rel_tol=1e-6
        ):
            raise ClockError(
                f"{self.states_per_frame} steps a frame at {self.frame_rate_hz:g} frames a second are not "
                f"the {steps_hz:g} steps a second there are; interpolate them"
            )


PUBLISHED_SIZES = {
    "vocaset": FaceFormerConfig(n_channels=5_023 * 3, n_styles=8),
    "biwi": FaceFormerConfig(
        n_channels=23_370 * 3,
        n_styles=6,
        width=128,
        period=25,
        states_per_frame=2,
        is_interpolated=False,
        frame_rate_hz=25.0,
    ),
}
"""Sizes of the two published checkpoints."""


class FaceFormer(MotionDecoder):
    """Sound to displacements from the face at rest.

    Source:
        Fan et al. 2022, "FaceFormer: Speech-driven 3D facial animation with transformers".

    Deviation:
        Displacements come out and the face at rest is added outside. Any number of clips at once.
        Hidden spans are drawn from torch's generator. No frame limit but in ``decode_naive``.
    """

    def __init__(self, config: FaceFormerConfig) -> None:
        """Make a network with fresh parameters; the head's are zero, so it gives a face at rest.

        Raises:
            ArtifactError: PyTorch or transformers is not installed.
        """
        require_train()
        super().__init__(
            n_channels=config.n_channels,
            n_styles=config.n_styles,
            width=config.width,
            period=config.period,
            n_heads=config.n_heads,
            states_per_frame=config.states_per_frame,
            dropout=config.dropout,
        )
        self.config = config
        self.audio_encoder = _new_encoder(config.hearing)
        self.audio_feature_map = nn.Linear(config.hearing.width, config.width)

    def forward(
        self,
        audio: Float[torch.Tensor, "b l"],
        style: Float[torch.Tensor, "b n"],
        target: Float[torch.Tensor, "b t c"],
    ) -> Float[torch.Tensor, "b u c"]:
        """Give every frame from the true ones before it; fewer than asked if the sound ends early."""
        memory, n_frames = self.hear(audio, target.shape[1])
        return self.decode_taught(memory, style, target[:, :n_frames])

    def own_frames(
        self,
        audio: Float[torch.Tensor, "b l"],
        style: Float[torch.Tensor, "b n"],
        n_frames: int | None = None,
        *,
        is_naive: bool = False,
    ) -> Float[torch.Tensor, "b t c"]:
        """Give every frame from the model's own before it, with gradients if they are on.

        Args:
            audio: At 16 kHz, mean 0 and variance 1.
            style: One-hot, or any mixture.
            n_frames: As many, or fewer if the sound ends early; None gives as many as the
                published rule.
            is_naive: Decode as published, up to 600 frames.

        Raises:
            InputError: The sound is too short for a frame, or naive decoding meets its limit.
        """
        memory, n_frames = self.hear(audio, n_frames)
        decode = self.decode_naive if is_naive else self.decode
        return decode(memory, style, n_frames)

    def hear(
        self, audio: Float[torch.Tensor, "b l"], n_frames: int | None = None
    ) -> tuple[Float[torch.Tensor, "b s d"], int]:
        """Give the states of the sound, and how many frames they are for.

        Raises:
            InputError: The sound is too short for a frame.
        """
        if audio.shape[1] < self.config.hearing.field:
            raise self._too_short(audio)
        steps = self.audio_encoder.feature_extractor(audio).mT
        states, n_frames = self._on_frames(steps, n_frames)
        if n_frames < 1:
            raise self._too_short(audio)
        projected = self.audio_encoder.feature_projection(states)
        if isinstance(projected, tuple):
            # All but the oldest transformers give the normed input along with it.
            projected = projected[0]
        heard = self.audio_encoder.encoder(self._with_gaps(projected))[0]
        return self.audio_feature_map(heard), n_frames

    def _on_frames(
        self, steps: Float[torch.Tensor, "b e f"], n_frames: int | None
    ) -> tuple[Float[torch.Tensor, "b s f"], int]:
        config, n_steps = self.config, steps.shape[1]
        per_frame = config.states_per_frame
        if not config.is_interpolated:
            there = n_steps // per_frame
            n_frames = there if n_frames is None else min(n_frames, there)
            return steps[:, : n_frames * per_frame], n_frames
        if n_frames is None:
            # In this order, for the published rule rounds down and a product may fall just short.
            n_frames = int(n_steps / (float(SPEECH_RATE) / config.hearing.stride) * config.frame_rate_hz)
        if n_frames < 1:
            return steps[:, :0], 0
        onto = functional.interpolate(steps.mT, size=n_frames * per_frame, mode="linear", align_corners=True)
        return onto.mT, n_frames

    def _with_gaps(self, states: Float[torch.Tensor, "b s g"]) -> Float[torch.Tensor, "b s g"]:
        """Hide spans of the states in training, as wav2vec 2.0 is fine-tuned."""
        hearing = self.config.hearing
        if not self.training or hearing.masked_share == 0:
            return states
        hidden = hidden_spans(
            len(states), states.shape[1], hearing.masked_share, hearing.masked_span, hearing.masked_least
        )
        return torch.where(hidden[..., None].to(states.device), self.audio_encoder.masked_spec_embed, states)

    def _too_short(self, audio: Float[torch.Tensor, "b l"]) -> InputError:
        return InputError(
            f"{audio.shape[1]} samples of sound are too few for a frame; give at least "
            f"{self.config.hearing.field}, and enough for a frame at {self.config.frame_rate_hz:g} Hz"
        )


def hidden_spans(
    n_clips: int, n_states: int, share: float, span: int, least: int
) -> Bool[torch.Tensor, "b s"]:
    """Draw which states are hidden, from torch's own generator: spans that may overlap.

    Args:
        n_clips: Number of rows.
        n_states: Number of columns.
        share: Of the states, were no spans to overlap.
        span: Length of a span; shorter where there are few states.
        least: Fewest spans.
    """
    n_spans = max(least, int(share * n_states / span + float(torch.rand(()))))
    span = min(span, n_states - n_spans - 1)
    hidden = torch.zeros(n_clips, n_states, dtype=torch.bool)
    if span < 1:
        return hidden
    starts = torch.rand(n_clips, n_states - span).argsort(1)[:, :n_spans]
    return hidden.scatter(1, (starts[..., None] + torch.arange(span)).flatten(1), True)


def _new_encoder(hearing: HearingConfig) -> Any:
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    encoder = Wav2Vec2Model(
        Wav2Vec2Config(
            conv_dim=list(hearing.conv_channels),
            conv_kernel=list(hearing.conv_kernels),
            conv_stride=list(hearing.conv_strides),
            hidden_size=hearing.width,
            num_hidden_layers=hearing.n_layers,
            num_attention_heads=hearing.n_heads,
            intermediate_size=hearing.n_inner,
            num_conv_pos_embeddings=hearing.position_kernel,
            num_conv_pos_embedding_groups=hearing.position_groups,
            hidden_dropout=hearing.dropout,
            attention_dropout=hearing.dropout,
            activation_dropout=hearing.dropout,
            feat_proj_dropout=hearing.dropout,
            layerdrop=hearing.layer_drop,
            # Only so that the embedding of a hidden state exists, as it does in checkpoints.
            mask_time_prob=0.05,
        )
    )
    encoder.feature_extractor._freeze_parameters()
    return encoder


def load_published(network: FaceFormer, path: Path) -> None:
    """Fill a network with a published checkpoint, or one of any PyTorch and transformers.

    Raises:
        ArtifactError: The file cannot be read as plain tensors, or a parameter is missing, has
            another shape or is not known; names the first.
    """
    load_parameters(network, renamed(read_parameters(path), network), path.name)


def load_hearing(network: FaceFormer, path: Path) -> None:
    """Fill the audio encoder with a wav2vec 2.0 checkpoint, such as that of wav2vec2-base-960h.

    Args:
        network: Its other parameters stay.
        path: The file, or the folder with ``model.safetensors`` or ``pytorch_model.bin``.

    Raises:
        ArtifactError: As with ``load_published``.
    """
    if path.is_dir():
        path = next(
            (p for p in (path / "model.safetensors", path / "pytorch_model.bin") if p.is_file()), path
        )
    found = read_parameters(path)
    inside = {
        name.removeprefix(_INSIDE_CTC): value for name, value in found.items() if name.startswith(_INSIDE_CTC)
    }
    encoder = network.audio_encoder
    parameters = renamed(inside or found, encoder)
    # Checkpoints that were not fine-tuned with hidden spans lack it.
    parameters.setdefault("masked_spec_embed", encoder.masked_spec_embed.detach())
    load_parameters(encoder, parameters, path.name)


def renamed(parameters: Mapping[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """Give parameters under the names that this network has for them, whichever PyTorch wrote them."""
    own = network.state_dict().keys()
    result = {}
    for name, value in parameters.items():
        for old, new in _RENAMED:
            for one, other in ((old, new), (new, old)):
                if name not in own and name.endswith(one) and name.removesuffix(one) + other in own:
                    name = name.removesuffix(one) + other
        result[name] = value
    return result
