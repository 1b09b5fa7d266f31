"""MeshTalk run by torch, as it is trained and as published checkpoints are read."""

import numpy as np
import torch
from jaxtyping import Float32, Int64

from visemic.models.meshtalk import MeshTalk, one_hot_codes
from visemic.models.meshtalk_context import ContextModel, context_tables
from visemic.models.meshtalk_front import Front
from visemic.models.meshtalk_motion import Codes, Labels, MeshTalkModel, State
from visemic.models.meshtalk_sampler import ContextSampler
from visemic.models.meshtalk_window import Samples


class MeshTalkNetworks(MeshTalkModel):
    """Networks in evaluation mode.

    Args:
        network: The first stage.
        context: The guesses; later changes to it are not seen.
        front: See ``MeshTalkModel``; so for the others.
        topology: Name of the mesh.
        offset_samples: How much later it listens.
    """

    def __init__(
        self,
        network: MeshTalk,
        context: ContextModel,
        front: Front,
        topology: str,
        offset_samples: int = 0,
    ) -> None:
        super().__init__(front, ContextSampler(context_tables(context)), topology, offset_samples)
        self.network, self.context = network, context

    def hear(self, samples: Samples, starts: Int64[np.ndarray, " frames"]) -> Codes:
        """Give the codes of the sound of frames."""
        return hear_with(self.network, samples, starts)

    def watch(self, points: Float32[np.ndarray, "frames points 3"], state: State) -> tuple[Codes, State]:
        """Give the codes of a part of a moving face."""
        return watch_with(self.network, points, state)

    def choose(
        self, expression: Float32[np.ndarray, "frames a"], sound: Float32[np.ndarray, "frames b"]
    ) -> Float32[np.ndarray, "frames heads classes"]:
        """Give log-probabilities of the classes."""
        return choose_with(self.network, expression, sound)

    def draw_part(
        self, template: Float32[np.ndarray, "points 3"], labels: Labels, state: State
    ) -> tuple[Float32[np.ndarray, "frames points 3"], State]:
        """Give the points of a part of a clip."""
        one_hot = one_hot_codes(torch.from_numpy(labels), self.classes)
        with torch.no_grad():
            points, state = self.network.vertex_unet(torch.from_numpy(template)[None], one_hot[None], state)
        return points[0].numpy(), state


def hear_with(network: MeshTalk, samples: Samples, starts: Int64[np.ndarray, " frames"]) -> Codes:
    """Give the codes of the sound of frames by a first stage in evaluation mode."""
    with torch.no_grad():
        codes = network.encoder.audio_encoder(torch.from_numpy(samples)[None], torch.from_numpy(starts)[None])
    found: np.ndarray = codes[0].numpy()
    return found


def watch_with(
    network: MeshTalk, points: Float32[np.ndarray, "frames points 3"], state: State
) -> tuple[Codes, State]:
    """Give the codes of a part of a moving face by a first stage in evaluation mode."""
    with torch.no_grad():
        codes, state = network.encoder.expression_encoder(torch.from_numpy(points)[None], state)
    return codes[0].numpy(), state


def choose_with(
    network: MeshTalk, expression: Float32[np.ndarray, "frames a"], sound: Float32[np.ndarray, "frames b"]
) -> Float32[np.ndarray, "frames heads classes"]:
    """Give log-probabilities of the classes by a first stage in evaluation mode."""
    with torch.no_grad():
        logprobs = network.encoder.fusion_model(
            torch.from_numpy(expression)[None], torch.from_numpy(sound)[None]
        )
    found: np.ndarray = logprobs[0].numpy()
    return found
