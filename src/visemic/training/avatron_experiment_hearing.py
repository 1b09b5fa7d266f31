"""A FaceFormer whose encoder starts from nothing, and therefore learns its convolutions too."""

from torch import nn

from visemic.models.faceformer import FaceFormer
from visemic.training.faceformer import FaceFormerTask


class FreshFaceFormerTask(FaceFormerTask):
    """FaceFormer where there is no wav2vec 2.0 to start from.

    Deviation:
        The published model never trains the convolutions, for they come trained. Random ones that
        stayed random would hear less than they could.
    """

    def network(self) -> nn.Module:
        """Give a network that leaves the face at rest, all of it to be trained."""
        network = super().network()
        assert isinstance(network, FaceFormer)
        network.audio_encoder.feature_extractor.requires_grad_(True)
        return network
