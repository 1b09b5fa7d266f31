"""The second half of a face's training: on from what reconstruction has reached, with critics or without.

Runs that differ in their critics alone start from the same parameters and see the same clips in the
same order, so that what sets them apart is the critics.
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from visemic.core.artifact import ArtifactInfo, load_artifact, load_parameters, save_artifact
from visemic.core.errors import ArtifactError
from visemic.models.avatron_speech import KIND
from visemic.training.avatron_avatar import AvatronFaceTask, FaceNetwork
from visemic.training.recipe import Recipe

CONTINUED_KIND = "avatron-face-parameters"
START = "start"
"""Name of the face to go on from among the data paths."""
AVATAR = "avatar."
"""What parameters of a face are called in an artefact."""


class ContinuedFaceTask(AvatronFaceTask):
    """A face that goes on learning.

    The last network is kept and not that of the least error: critics are not there to make the
    error small, and the first network after their start would win.
    """

    def __init__(self, recipe: Recipe, data_paths: Mapping[str, Path]) -> None:
        """Read the settings; nothing is loaded yet.

        Raises:
            InputError: A setting is unknown.
            ArtifactError: No voice was given, or no face to start from.
        """
        super().__init__(recipe, data_paths)
        if START not in data_paths:
            raise ArtifactError(f"a face that goes on needs data {START!r}; give a trained face")
        self._start = data_paths[START]

    def network(self) -> FaceNetwork:
        """Give the face as it was left, with fresh critics unless they are ablated."""
        network = super().network()
        artifact = load_artifact(self._start, kind=KIND)
        load_parameters(network.avatar, avatar_parameters(artifact.tensors()), artifact.info.name)
        return network

    def loss(
        self, network: nn.Module, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Give all parts, and count the step."""
        assert isinstance(network, FaceNetwork)
        parts = super().loss(network, batch, generator)
        if network.critics is None and network.training:
            network.n_steps += 1  # with critics it was counted
        return parts

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Judge unseen clips; what is watched falls with every step, so that the last is the best."""
        assert isinstance(network, FaceNetwork)
        figures = super().validate(network)
        return {**figures, "reconstruction": figures["loss"], "loss": 1 / (1 + int(network.n_steps))}

    def save(self, network: nn.Module, folder: Path, metrics: Mapping[str, float]) -> None:
        """Write the face's parameters; its voice and ONNX are those of the face it started from."""
        assert isinstance(network, FaceNetwork)
        corpus = self.corpus
        info = ArtifactInfo(
            name=self.recipe.name,
            kind=CONTINUED_KIND,
            licence="that of its training data",
            description=self.recipe.description,
            config=asdict(network.avatar.config),
            rates_hz={"motion": float(corpus.rate)},
            normaliser={"motion_scale": self._scale, "face_styles": list(self.data.styles) or ["default"]},
            data_licences=corpus.licences,
            metrics=dict(metrics),
        )
        card = f"# {self.recipe.name}\n\n{self.recipe.description}.\n"
        save_artifact(folder, info, card=card, tensors=network.avatar.state_dict())


def avatar_parameters(tensors: Mapping[str, object]) -> dict[str, object]:
    """Give the parameters of the face alone, of an artefact with its voice or without."""
    if not any(name.startswith(AVATAR) for name in tensors):
        return dict(tensors)
    return {name.removeprefix(AVATAR): value for name, value in tensors.items() if name.startswith(AVATAR)}
