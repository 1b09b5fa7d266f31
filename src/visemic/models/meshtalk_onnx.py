"""MeshTalk without torch: ONNX Runtime for the networks, NumPy for the spectrum and the guesses."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from visemic.core.artifact import Artifact
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.core.onnx_session import open_session
from visemic.models.meshtalk_front import front_from_arrays
from visemic.models.meshtalk_motion import Codes, Labels, MeshTalkModel, State
from visemic.models.meshtalk_sampler import ContextSampler, tables_from_arrays
from visemic.models.meshtalk_window import HOP_SAMPLES, KERNEL, WINDOW_SAMPLES, Samples, log_mel

KIND = "meshtalk"
HEAR_FILE, WATCH_FILE, CHOOSE_FILE, DRAW_FILE = "hear.onnx", "watch.onnx", "choose.onnx", "draw.onnx"
TABLES_FILE = "tables.safetensors"
_FRONT, _CONTEXT = "front.", "context."


@dataclass(frozen=True)
class PortableSizes:
    """What the manifest says of a model that runs without torch."""

    heads: int
    classes: int
    audio_dilations: tuple[int, ...]
    context_hidden: int
    context_dilations: tuple[int, ...]
    expression_width: int
    unet_width: int
    unet_layers: int
    front: str
    n_vertices: int
    topology: str
    offset_samples: int = 0


class MeshTalkOnnx(MeshTalkModel):
    """A light model as it ships.

    Args:
        artifact: Of kind ``meshtalk`` with its portable files.
        threads: Threads of each network.

    Raises:
        ArtifactError: It is of another kind, was saved without those files, or is not whole.
    """

    def __init__(self, artifact: Artifact, *, threads: int = 1) -> None:
        info = artifact.info
        if info.kind != KIND or "portable" not in info.normaliser:
            raise ArtifactError(
                f"model {info.name!r} of kind {info.kind!r} does not run without PyTorch; "
                "give a light MeshTalk"
            )
        try:
            portable = info.normaliser["portable"]
            assert isinstance(portable, dict)
            self.sizes = sizes = config_from_dict(PortableSizes, portable, "portable")
            arrays = artifact.tensors(TABLES_FILE)
            front = front_from_arrays(sizes.front, sizes.n_vertices, _under(arrays, _FRONT))
        except InputError as error:
            raise ArtifactError(f"model {info.name!r} cannot be used: {error}; train it again") from error
        tables = tables_from_arrays(
            _under(arrays, _CONTEXT),
            sizes.heads,
            sizes.classes,
            sizes.context_hidden,
            sizes.context_dilations,
        )
        super().__init__(front, ContextSampler(tables), sizes.topology, sizes.offset_samples)
        self._hear, self._watch, self._choose, self._draw = (
            open_session(artifact.file(name), threads)
            for name in (HEAR_FILE, WATCH_FILE, CHOOSE_FILE, DRAW_FILE)
        )
        # Output j of the convolutions lies in the middle of so many steps of the spectrum.
        self._n_steps = KERNEL + (KERNEL - 1) * sum(sizes.audio_dilations)

    def hear(self, samples: Samples, starts: Int64[np.ndarray, " frames"]) -> Codes:
        """Give the codes of the sound of frames: straight lines between steps of 10 ms."""
        (codes,) = self._hear.run(None, {"mel": log_mel(samples)[None]})
        place = (starts + WINDOW_SAMPLES // 2) / HOP_SAMPLES - (self._n_steps - 1) / 2
        place = np.clip(place, 0, codes.shape[1] - 1)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, codes.shape[1] - 1)
        share = (place - below).astype(np.float32)[:, None]
        found: np.ndarray = codes[0, below] + share * (codes[0, above] - codes[0, below])
        return found

    def watch(self, points: Float32[np.ndarray, "frames points 3"], state: State) -> tuple[Codes, State]:
        """Give the codes of a part of a moving face."""
        hidden, cell = state or _zeros(1, self.sizes.expression_width)
        codes, *new = self._watch.run(None, {"points": points[None], "hidden": hidden, "cell": cell})
        return codes[0], tuple(new)

    def choose(
        self, expression: Float32[np.ndarray, "frames a"], sound: Float32[np.ndarray, "frames b"]
    ) -> Float32[np.ndarray, "frames heads classes"]:
        """Give log-probabilities of the classes."""
        (logprobs,) = self._choose.run(None, {"expression": expression[None], "sound": sound[None]})
        found: np.ndarray = logprobs[0]
        return found

    def draw_part(
        self, template: Float32[np.ndarray, "points 3"], labels: Labels, state: State
    ) -> tuple[Float32[np.ndarray, "frames points 3"], State]:
        """Give the points of a part of a clip."""
        hidden, cell = state or _zeros(self.sizes.unet_layers, self.sizes.unet_width)
        one_hot = np.eye(self.classes, dtype=np.float32)[labels].reshape(1, len(labels), 1, -1)
        points, *new = self._draw.run(
            None, {"template": template[None], "one_hot": one_hot, "hidden": hidden, "cell": cell}
        )
        return points[0].reshape(len(labels), -1, 3), tuple(new)


def _zeros(layers: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((layers, 1, width), np.float32), np.zeros((layers, 1, width), np.float32)


def _under(tensors: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
