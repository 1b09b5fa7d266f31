"""MeshTalk's losses: the face as it was, and the face with half of its codes from another clip.

Whatever the sound of another clip does to the upper face, and its expression to the mouth, is an
error: that is what parts speech from expression. Squares are averaged over frames and weighted
coordinates, in square millimetres.

Shape letters: b clips, t frames, p points, v vertices, k components, d and e widths of codes.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import nn

from visemic.core.errors import InputError, TrainingError
from visemic.models.meshtalk import MeshTalk
from visemic.models.meshtalk_front import ComponentFront, Front
from visemic.models.meshtalk_region import FaceMasks

REGIONS = ("whole", "mouth", "upper_face", "eyelids")


@dataclass(frozen=True)
class MeshTalkLoss:
    """Scales of the terms; all at 1 is the published loss.

    The loss of the simplified model has three terms: ``reconstruction`` is 0.
    """

    reconstruction: float = 1.0
    """Whole face from its own sound and expression."""
    eyelids: float = 1.0
    """Eyelids of the same face, once more."""
    mouth: float = 1.0
    """Mouth from its own sound and the expression of another clip."""
    upper_face: float = 1.0
    """Upper face from its own expression and the sound of another clip."""
    separate: bool = False
    """Let the encoder of sound follow the mouth alone and that of expression the upper face and
    the eyelids alone, each with an optimiser of its own; the rest follows the sum."""
    noise: float = 1.0
    """Share of chance in the classes that training takes: 1 draws them by their probabilities, as
    published, 0 takes the likeliest."""
    unet_decay: float = 0.001
    """Pull of the decoder's parameters towards 0, as Adam's weight decay on the decoder alone."""

    def __post_init__(self) -> None:
        for name in ("reconstruction", "eyelids", "mouth", "upper_face", "noise", "unet_decay"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InputError(f"loss.{name} is {getattr(self, name):g}; give 0 or more")
        if self.separate and not (self.mouth and self.upper_face + self.eyelids):
            raise InputError(
                "loss.separate needs terms for both encoders; give loss.mouth and loss.upper_face above 0"
            )


@runtime_checkable
class Measure(Protocol):
    """Mean squares of a difference of points, by region."""

    def squares(self, difference: Float[torch.Tensor, "b t p 3"], region: str) -> Float[torch.Tensor, "b t"]:
        """Give a number a frame, square millimetres a coordinate."""
        ...


class VertexMeasure:
    """Of vertices: weighted by the region's mask."""

    def __init__(self, masks: FaceMasks) -> None:
        whole = np.ones(masks.n_vertices, np.float32)
        self._weights = {"whole": torch.from_numpy(whole / (3 * whole.sum()))}
        for name in REGIONS[1:]:
            mask = getattr(masks, name)
            self._weights[name] = torch.from_numpy(mask / (3 * mask.sum()))

    def squares(self, difference: Float[torch.Tensor, "b t p 3"], region: str) -> Float[torch.Tensor, "b t"]:
        """Give a number a frame, square millimetres a coordinate."""
        return difference.square().sum(-1) @ _here(self._weights, region, difference)


class ComponentMeasure:
    """Of components: what the same mask would measure on the vertices that they stand for.

    A weighted sum of squares over vertices is a quadratic form of the components, whose root is
    small and is found once. Nothing as wide as the mesh is ever made in training.

    Deviation:
        The target is what the components can say; what they leave out moves no parameter.
    """

    def __init__(self, basis: Float[np.ndarray, "k coordinates"], masks: FaceMasks) -> None:
        self._roots = {}
        for name in REGIONS:
            mask = np.ones(masks.n_vertices) if name == "whole" else getattr(masks, name).astype(float)
            weights = np.repeat(mask / (3 * mask.sum()), 3)
            values, vectors = np.linalg.eigh((basis * weights) @ basis.T)
            root = vectors * np.sqrt(np.maximum(values, 0.0))
            self._roots[name] = torch.from_numpy(root.astype(np.float32))

    def squares(self, difference: Float[torch.Tensor, "b t p 3"], region: str) -> Float[torch.Tensor, "b t"]:
        """Give a number a frame, square millimetres a coordinate."""
        return (difference.flatten(2) @ _here(self._roots, region, difference)).square().sum(-1)


def measure_for(front: Front, masks: FaceMasks) -> Measure:
    """Give the measure behind a front.

    Args:
        front: Of the training.
        masks: Of the whole mesh.

    Raises:
        TrainingError: A mask is 0 on all vertices that move.
    """
    try:
        own = masks.of(front.arrays()["chosen"])
    except InputError as error:
        raise TrainingError(f"of the vertices that move: {error}") from error
    return ComponentMeasure(front.basis, own) if isinstance(front, ComponentFront) else VertexMeasure(own)


def _here(tensors: dict[str, torch.Tensor], name: str, like: torch.Tensor) -> torch.Tensor:
    """Give a tensor on the device of another; it is moved there once."""
    if tensors[name].device != like.device:
        tensors[name] = tensors[name].to(like.device)
    return tensors[name]


def shifted(n_clips: int, generator: torch.Generator) -> Int[torch.Tensor, " b"]:
    """Give another clip of the batch for each, all by the same step round.

    Raises:
        TrainingError: There is one clip only.
    """
    if n_clips < 2:
        raise TrainingError(
            f"a batch of {n_clips} clip has no other to swap with; give schedule.batch_size of 2 or more "
            "for every device"
        )
    device = generator.device
    step = torch.randint(1, n_clips, (1,), generator=generator, device=device)
    return (torch.arange(n_clips, device=device) + step) % n_clips


@dataclass(frozen=True, eq=False)
class Crossing:
    """What a batch was and what was made of it."""

    target: Float[torch.Tensor, "b t p 3"]
    own: Float[torch.Tensor, "b t p 3"]
    """From its own sound and expression."""
    other_expression: Float[torch.Tensor, "b t p 3"]
    """From its own sound and another clip's expression."""
    other_sound: Float[torch.Tensor, "b t p 3"]
    """From its own expression and another clip's sound."""
    valid: Bool[torch.Tensor, "b t"]
    """Frames that are real."""


def crossing_terms(made: Crossing, measure: Measure) -> dict[str, torch.Tensor]:
    """Give the terms by name, not scaled.

    Source:
        Richard et al. 2021, "MeshTalk: 3D Face Animation from Speech using Cross-Modality
        Disentanglement" (ICCV), equations 4 to 6; means as in the released code, not sums.
    """
    faces = {
        "reconstruction": (made.own, "whole"),
        "eyelids": (made.own, "eyelids"),
        "mouth": (made.other_expression, "mouth"),
        "upper_face": (made.other_sound, "upper_face"),
    }
    return {
        name: measure.squares(face - made.target, region)[made.valid].mean()
        for name, (face, region) in faces.items()
    }


def scaled_losses(
    terms: dict[str, torch.Tensor], network: MeshTalk, scales: MeshTalkLoss
) -> dict[str, torch.Tensor]:
    """Give the losses that optimisers follow, and the terms.

    Deviation:
        The published training gives every module an Adam of its own and one loss for all; since
        Adam treats every number on its own, one Adam makes the same steps. Weight decay of the
        decoder enters as its gradient, half the sum of squares, which is what Adam's is.
    """
    scaled = {name: getattr(scales, name) * value for name, value in terms.items()}
    decay: torch.Tensor = sum(
        (p.square().sum() for p in network.vertex_unet.parameters()), start=scaled["mouth"].new_zeros(())
    )
    losses = {"loss": torch.stack(list(scaled.values())).sum() + 0.5 * scales.unet_decay * decay}
    if scales.separate:
        losses["of_sound"] = scaled["mouth"]
        losses["of_expression"] = scaled["upper_face"] + scaled["eyelids"]
    return losses | terms


def parameter_groups(network: MeshTalk, scales: MeshTalkLoss) -> list[tuple[list[nn.Parameter], str]]:
    """Give groups of parameters with the loss that each follows."""
    if not scales.separate:
        return [(list(network.parameters()), "loss")]
    encoder = network.encoder
    rest = [*encoder.fusion_model.parameters(), *network.vertex_unet.parameters()]
    return [
        (rest, "loss"),
        (list(encoder.audio_encoder.parameters()), "of_sound"),
        (list(encoder.expression_encoder.parameters()), "of_expression"),
    ]
