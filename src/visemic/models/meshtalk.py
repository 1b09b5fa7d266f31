"""MeshTalk: a face as words of a small language, drawn from sound and from expression.

One encoder listens, one watches; together they choose a class in each of several heads, once a
frame. A decoder shaped like a U turns the chosen classes and a face at rest into the moving
face. Losses that swap sound or expression between clips make the sound answer for the mouth and
the expression for the upper face. What sound alone does not say is then guessed, class by class,
by the model of ``meshtalk_context``.

The networks see points. These are the vertices of a mesh, or triples of principal components
where a front (see ``meshtalk_front``) stands before them, so one set of classes is the published
model and the light one.

Shape letters: b clips, t frames, p points, n samples, d width of a code, h heads, c classes,
s layers of state.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import nn
from torch.nn import functional

from visemic.core.errors import InputError
from visemic.models.meshtalk_sound import AudioEncoder, SharedAudioEncoder

PUBLISHED_VERTICES = 6_172
_SLOPE = 0.2
_TINY = 1e-10
_LEAST_SPLIT = 2

State = tuple[torch.Tensor, torch.Tensor]
"""Hidden and cell state of a recurrent layer, so that a long clip can be taken in parts."""


@dataclass(frozen=True)
class MeshTalkConfig:
    """Sizes; the defaults are those of the published checkpoints."""

    n_points: int = PUBLISHED_VERTICES
    """Vertices, or a third of the components of a front."""
    heads: int = 16
    classes: int = 128
    """In each head."""
    audio: Literal["windows", "shared"] = "windows"
    """A spectrum for every frame, or one for the whole sound."""
    audio_channels: int = 128
    audio_dilations: tuple[int, ...] = (2, 4, 6, 2, 4, 6)
    audio_dim: int = 128
    """Width of the code of sound."""
    dropout: float = 0.2
    """In the encoder of sound."""
    expression_widths: tuple[int, ...] = (256, 128)
    expression_dim: int = 128
    """Width of the code of expression."""
    fusion_width: int = 256
    unet_widths: tuple[int, ...] = (512, 256, 128)
    """From the points inwards; the way out mirrors them."""
    unet_layers: int = 2
    """Recurrent layers in the middle."""
    fusion: Literal["joint", "split"] = "joint"
    """Whether both codes decide every head, or expression the first half of them and sound the rest."""
    context_hidden: int = 64
    """Channels of a head in the model that guesses."""
    context_dilations: tuple[int, ...] = (1, 2, 4, 8)
    context_sees_own: bool = False
    """Whether what is known of a head's predecessors reaches it through all layers; see
    ``ContextModel``."""

    def __post_init__(self) -> None:
        for name in ("n_points", "heads", "audio_channels", "audio_dim", "expression_dim", "fusion_width"):
            _check_size(name, getattr(self, name), 1)
        _check_size("classes", self.classes, 2)
        for name in ("unet_layers", "context_hidden"):
            _check_size(name, getattr(self, name), 1)
        for name in ("audio_dilations", "expression_widths", "unet_widths", "context_dilations"):
            if not getattr(self, name):
                raise InputError(f"model.{name} is empty; give at least one number")
            for value in getattr(self, name):
                _check_size(name, value, 1)
        if self.fusion == "split" and self.heads < _LEAST_SPLIT:
            raise InputError(f"model.heads is {self.heads} and cannot be split; give at least {_LEAST_SPLIT}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"model.dropout is {self.dropout:g}; give 0 to below 1")


def _check_size(name: str, value: int, least: int) -> None:
    if value < least:
        raise InputError(f"model.{name} holds {value}; give at least {least}")


class ExpressionEncoder(nn.Module):
    """A moving face to a code a frame, looking back only."""

    mean: torch.Tensor
    stddev: torch.Tensor

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        _register_statistics(self, config.n_points)
        widths = (3 * config.n_points, *config.expression_widths)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.lstm = nn.LSTM(widths[-1], widths[-1], batch_first=True)
        self.code = nn.Linear(widths[-1], config.expression_dim)

    def forward(
        self, points: Float[torch.Tensor, "b t p 3"], state: State | None = None
    ) -> tuple[Float[torch.Tensor, "b t d"], State]:
        """Give the codes and the state to go on with."""
        x = ((points - self.mean) / self.stddev).flatten(2)
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), _SLOPE)
        x, state = self.lstm(x, state)
        return self.code(x), state


class FusionMlp(nn.Module):
    """Both codes of a frame to the probabilities of every head's classes."""

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.heads, self.classes = config.heads, config.classes
        width = config.fusion_width
        self.mlp = nn.Sequential(
            nn.Linear(config.expression_dim + config.audio_dim, width),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(width, width),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(width, config.heads * config.classes),
        )

    def forward(
        self, expression_code: Float[torch.Tensor, "b t e"], audio_code: Float[torch.Tensor, "b t d"]
    ) -> Float[torch.Tensor, "b t h c"]:
        """Give log-probabilities."""
        x = self.mlp(torch.cat([expression_code, audio_code], dim=-1))
        return functional.log_softmax(x.unflatten(-1, (self.heads, self.classes)), dim=-1)


class SplitFusion(nn.Module):
    """Heads that follow expression alone, and after them heads that follow sound alone.

    Deviation:
        In the published form each code disturbs what the other chooses until both have learnt to
        keep away, which takes tens of thousands of steps. Here only the decoder has to learn it.
    """

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.classes = config.classes
        of_expression = config.heads // 2
        self.expression_mlp = self._mlp(config.expression_dim, config.fusion_width // 2, of_expression)
        self.sound_mlp = self._mlp(config.audio_dim, config.fusion_width // 2, config.heads - of_expression)

    def _mlp(self, width_in: int, width: int, heads: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Linear(width_in, width), nn.LeakyReLU(_SLOPE), nn.Linear(width, heads * self.classes)
        )

    def forward(
        self, expression_code: Float[torch.Tensor, "b t e"], audio_code: Float[torch.Tensor, "b t d"]
    ) -> Float[torch.Tensor, "b t h c"]:
        """Give log-probabilities."""
        both = torch.cat([self.expression_mlp(expression_code), self.sound_mlp(audio_code)], dim=-1)
        return functional.log_softmax(both.unflatten(-1, (-1, self.classes)), dim=-1)


class MultimodalEncoder(nn.Module):
    """The listener, the watcher and what joins them."""

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        kind = AudioEncoder if config.audio == "windows" else SharedAudioEncoder
        self.audio_encoder = kind(
            config.audio_channels, config.audio_dilations, config.audio_dim, config.dropout
        )
        self.expression_encoder = ExpressionEncoder(config)
        self.fusion_model = SplitFusion(config) if config.fusion == "split" else FusionMlp(config)

    def forward(
        self,
        points: Float[torch.Tensor, "b t p 3"],
        sound: Float[torch.Tensor, "b n"],
        starts: Int[torch.Tensor, "b t"],
    ) -> tuple[Float[torch.Tensor, "b t h c"], Float[torch.Tensor, "b t d"]]:
        """Give log-probabilities of all classes and the code of the sound."""
        audio_code = self.audio_encoder(sound, starts)
        expression_code, _ = self.expression_encoder(points)
        return self.fusion_model(expression_code, audio_code), audio_code


class VertexUnet(nn.Module):
    """Chosen classes and a face at rest to a moving face.

    Deviation:
        The face at rest is encoded once for a clip and not once for every frame, which gives the
        same numbers.
    """

    mean: torch.Tensor
    stddev: torch.Tensor

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        _register_statistics(self, config.n_points)
        widths = (3 * config.n_points, *config.unet_widths)
        inner = widths[-1]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.fusion = nn.Linear(config.heads * config.classes + inner, inner)
        self.temporal = nn.LSTM(inner, inner, num_layers=config.unet_layers, batch_first=True)
        outwards = widths[::-1]
        self.decoder = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(outwards))
        self.vertex_bias = nn.Parameter(torch.zeros(widths[0]))

    def forward(
        self,
        template: Float[torch.Tensor, "b p 3"],
        one_hot: Float[torch.Tensor, "b t h c"],
        state: State | None = None,
    ) -> tuple[Float[torch.Tensor, "b t p 3"], State]:
        """Give the points of every frame and the state to go on with."""
        flat, state = self.coordinates(template, one_hot, state)
        return flat.unflatten(-1, (-1, 3)), state

    def coordinates(
        self,
        template: Float[torch.Tensor, "b p 3"],
        one_hot: Float[torch.Tensor, "b t h c"],
        state: State | None = None,
    ) -> tuple[Float[torch.Tensor, "b t _"], State]:
        """Give the coordinates of a frame in one row; see ``forward``."""
        x = ((template[:, None] - self.mean) / self.stddev).flatten(2)
        skips = []
        for layer in self.encoder:
            skips.append(x)
            x = functional.leaky_relu(layer(x), _SLOPE)
        chosen = one_hot.flatten(2)
        x = torch.cat([x.expand(-1, chosen.shape[1], -1), chosen], dim=-1)
        x = functional.leaky_relu(self.fusion(x), _SLOPE)
        x, state = self.temporal(x, state)
        for layer, skip in zip(self.decoder, reversed(skips), strict=True):
            x = skip + functional.leaky_relu(layer(x), _SLOPE)
        x = (x + self.vertex_bias) * self.stddev.flatten(2) + self.mean.flatten(2)
        return x, state


def _register_statistics(module: nn.Module, n_points: int) -> None:
    """Give a module the mean and spread of points, which a training sets and a checkpoint holds."""
    module.register_buffer("mean", torch.zeros(1, 1, n_points, 3))
    module.register_buffer("stddev", torch.ones(1, 1, n_points, 3))


def quantise(
    logprobs: Float[torch.Tensor, "b t h c"],
    generator: torch.Generator | None = None,
    temperature: float = 1.0,
    noise: float = 1.0,
) -> tuple[Float[torch.Tensor, "b t h c"], Int[torch.Tensor, "b t h"]]:
    """Choose a class in every head; the gradient is that of the soft choice.

    Args:
        logprobs: Logarithms of probabilities.
        generator: Draws the classes by their probabilities; None takes the likeliest ones.
        temperature: Of the soft choice; low ones are nearer to the hard one.
        noise: Share of chance in what is drawn; 1 draws by the probabilities.

    Returns:
        One-hot codes, and the numbers of the classes.

    Source:
        Jang et al. 2017, "Categorical Reparameterization with Gumbel-Softmax" (ICLR), the
        straight-through estimator.
    """
    logits = logprobs
    if generator is not None:
        uniform = torch.rand(
            logprobs.shape, generator=generator, device=logprobs.device, dtype=logprobs.dtype
        )
        logits = logprobs - noise * torch.log(-torch.log(uniform.clamp(min=_TINY)))
    soft = torch.softmax(logits / temperature, dim=-1)
    labels = soft.argmax(dim=-1)
    hard = torch.zeros_like(soft).scatter_(-1, labels[..., None], 1.0)
    return hard - soft.detach() + soft, labels


def one_hot_codes(labels: Int[torch.Tensor, "*b h"], classes: int) -> Float[torch.Tensor, "*b h c"]:
    """Give the one-hot codes of class numbers."""
    return functional.one_hot(labels.long(), classes).to(torch.float32)


class MeshTalk(nn.Module):
    """Both halves of the first stage: what chooses classes and what draws them.

    Source:
        Richard et al. 2021, "MeshTalk: 3D Face Animation from Speech using Cross-Modality
        Disentanglement" (ICCV), sections 3.1 and 3.2; 16 heads as in the released code, where the
        paper has 64.
    """

    def __init__(self, config: MeshTalkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = MultimodalEncoder(config)
        self.vertex_unet = VertexUnet(config)

    def set_statistics(self, mean: Float[torch.Tensor, "p 3"], stddev: Float[torch.Tensor, "p 3"]) -> None:
        """Set mean and spread of the points.

        Deviation:
            The published table named standard deviation holds variances and is divided by all the
            same; a checkpoint keeps its own table, a new training sets the true spread.
        """
        for module in (self.encoder.expression_encoder, self.vertex_unet):
            module.mean.copy_(mean)
            module.stddev.copy_(stddev)

    def draw(
        self,
        template: Float[torch.Tensor, "b p 3"],
        expression_code: Float[torch.Tensor, "b t e"],
        audio_code: Float[torch.Tensor, "b t d"],
        generator: torch.Generator | None,
        noise: float = 1.0,
    ) -> Float[torch.Tensor, "b t p 3"]:
        """Give the face that two codes make together; None takes the likeliest classes."""
        logprobs = self.encoder.fusion_model(expression_code, audio_code)
        one_hot, _ = quantise(logprobs, generator, noise=noise)
        points, _ = self.vertex_unet(template, one_hot)
        return points


def n_parameters(*networks: nn.Module) -> int:
    """Give how many numbers training changes."""
    return sum(p.numel() for network in networks for p in network.parameters())
