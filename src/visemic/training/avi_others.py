"""Models that need PyTorch as rows beside expressive speech: Korzun's feed-forward ones and FaceFormer."""

from collections.abc import Callable
from pathlib import Path

from visemic.core.artifact import read_info
from visemic.core.errors import ArtifactError
from visemic.core.signals import Motion
from visemic.data.recording import Recording
from visemic.training.faceformer_motion import load_faceformer
from visemic.training.korzun_predictor import load_predictor

KINDS = ("korzun", "faceformer")


def load_mover(folder: Path) -> Callable[[Recording], Motion]:
    """Give a model that moves a clip's face from its sound.

    Args:
        folder: Of a model of one of ``KINDS``. FaceFormer moves in the mean of the manners that
            it knows, since the clips' speakers are not among them.

    Raises:
        ArtifactError: The folder holds none of these, or what it hears with is not to be had.
    """
    kind = read_info(folder)[0].kind
    if kind == "korzun":
        return load_predictor(folder)
    if kind != "faceformer":
        raise ArtifactError(f"model {str(folder)!r} is of kind {kind!r}; give one of {' or '.join(KINDS)}")
    model = load_faceformer(folder)
    manner = dict.fromkeys(model.styles, 1.0 / len(model.styles))

    def move(clip: Recording) -> Motion:
        if clip.waveform is None:
            raise ArtifactError(f"clip {clip.clip_id} has no sound and FaceFormer takes nothing else")
        return model.motion(clip.waveform, manner)

    return move
