"""A learned mean of a speech encoder's layers.

Which layer knows most of a phone differs from encoder to encoder, so a model that owns this
small network finds out: one score a layer, made shares by softmax. Shape letters: ``b`` batch,
``t`` steps, ``f`` numbers of one layer.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from visemic.core.errors import ArtifactError


class LayerMix(nn.Module):
    """Mixes layers that lie side by side; before training all count the same."""

    def __init__(self, n_layers: int) -> None:
        super().__init__()
        self.n_layers = n_layers
        self.scores = nn.Parameter(torch.zeros(n_layers))

    def forward(self, states: Float[Tensor, "b t layers_f"]) -> Float[Tensor, "b t f"]:
        """Give one layer's worth of numbers from those of all.

        Raises:
            ArtifactError: The numbers do not come out even over the layers.
        """
        if states.shape[-1] % self.n_layers:
            raise ArtifactError(
                f"{states.shape[-1]} numbers a step are not {self.n_layers} layers side by side; "
                "take features with the layers that the model was made for"
            )
        layers = states.unflatten(-1, (self.n_layers, -1))
        return torch.einsum("btlf,l->btf", layers, self.shares())

    def shares(self) -> Float[Tensor, " layers"]:
        """Give the share of each layer, 0 to 1, together 1."""
        return self.scores.softmax(dim=0)
