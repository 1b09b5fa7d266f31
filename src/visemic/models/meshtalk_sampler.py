"""MeshTalk's guesses one frame after another, exactly, without doing any work twice.

What a layer gives for a head is a sum: bias, sound and past are the same for all heads of a
frame and are added up once; each head that is chosen then adds its own share to the heads after
it. One-hot inputs make the first layer a lookup. Nothing older than the layers reach is kept, so
an hour costs the memory of a second, and a stream may stop and go on anywhere.

Plain NumPy: the arithmetic of one frame is a few hundred small products, which a network library
only slows down.

Shape letters in comments: h heads, i and o channels of a head, d width of the code of sound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int16

from visemic.core.errors import ArtifactError, InputError

_SLOPE = np.float32(0.2)
_TINY = 1e-10


@dataclass(frozen=True, eq=False)
class LayerTable:
    """Numbers of one layer, cut so that each product reads what it needs in one piece."""

    bias: Float32[np.ndarray, " all_out"]
    """Of bias, sound and past together."""
    of_heads: tuple[Float32[np.ndarray, "_ _"], ...]
    """What each head says to itself, where it may, and to the heads after it: (i, these heads times o)."""
    of_sound: Float32[np.ndarray, "width all_out"] | None = None
    """None where nothing is heard."""
    of_past: Float32[np.ndarray, "all_out both_in"] | None = None
    """The older frame before the last one; None where nothing is remembered."""
    n_past: int = 0
    """Frames back that the layer reaches."""

    @property
    def width_in(self) -> int:
        """Channels of all heads that come in."""
        return len(self.of_heads) * self.of_heads[0].shape[0]


@dataclass(frozen=True, eq=False)
class ContextTables:
    """A context model as plain numbers."""

    embedding: LayerTable
    layers: tuple[LayerTable, ...]
    logits: LayerTable

    def arrays(self) -> dict[str, np.ndarray]:
        """Give what to store, by name."""
        found: dict[str, np.ndarray] = {}
        for name, layer in zip(
            _names(len(self.layers)), (self.embedding, *self.layers, self.logits), strict=True
        ):
            found[f"{name}.bias"] = layer.bias
            found[f"{name}.of_heads"] = np.concatenate([part.reshape(-1) for part in layer.of_heads])
            for key, value in (("of_sound", layer.of_sound), ("of_past", layer.of_past)):
                if value is not None:
                    found[f"{name}.{key}"] = value
        return found


def _names(n_layers: int) -> list[str]:
    return ["embedding", *(f"layers.{number}" for number in range(n_layers)), "logits"]


def tables_from_arrays(
    arrays: Mapping[str, np.ndarray], heads: int, classes: int, hidden: int, dilations: Sequence[int]
) -> ContextTables:
    """Give the tables that ``ContextTables.arrays`` was taken from; half precision is widened.

    Raises:
        ArtifactError: An array is missing or of another size.
    """
    sizes = [(classes, hidden), *((hidden, hidden) for _ in dilations), (hidden, classes)]
    layers = []
    for name, (ch_in, ch_out), dilation in zip(
        _names(len(dilations)), sizes, (0, *dilations, 0), strict=True
    ):
        wide = {
            key: np.ascontiguousarray(value, np.float32)
            for key, value in arrays.items()
            if key.startswith(f"{name}.")
        }
        ends = np.cumsum([ch_in * (heads - g) * ch_out for g in range(heads)])
        wanted = {"bias", "of_heads", *(("of_sound", "of_past") if dilation else ())}
        if {key.removeprefix(f"{name}.") for key in wide} != wanted or len(wide[f"{name}.of_heads"]) != ends[
            -1
        ]:
            raise ArtifactError(
                f"the guesses' layer {name!r} is not whole; fetch the model again or train it"
            )
        parts = np.split(wide[f"{name}.of_heads"], ends[:-1])
        layers.append(
            LayerTable(
                wide[f"{name}.bias"],
                tuple(part.reshape(ch_in, -1) for part in parts),
                wide.get(f"{name}.of_sound"),
                wide.get(f"{name}.of_past"),
                dilation + 1 if dilation else 0,
            )
        )
    return ContextTables(layers[0], tuple(layers[1:-1]), layers[-1])


class ContextSampler:
    """Draws classes by a context model's numbers.

    Args:
        tables: See ``meshtalk_context.context_tables``.
    """

    def __init__(self, tables: ContextTables) -> None:
        self.heads, self.classes = len(tables.embedding.of_heads), tables.embedding.of_heads[0].shape[0]
        self._embedding, self._layers, self._logits = tables.embedding, tables.layers, tables.logits
        self._hidden = tables.logits.of_heads[0].shape[0]
        heard = tables.layers[0].of_sound
        assert heard is not None
        self._dim = heard.shape[0]

    def sample(
        self, audio_code: Float32[np.ndarray, "frames width"], *, temperature: float = 1.0, seed: int = 0
    ) -> Int16[np.ndarray, "frames heads"]:
        """Give the classes of a whole clip; see ``ContextStream``."""
        return self.open_stream(temperature=temperature, seed=seed).push(audio_code)

    def open_stream(self, *, temperature: float = 1.0, seed: int = 0) -> "ContextStream":
        """Give a stream before its first frame.

        Raises:
            InputError: The temperature is negative or no number.
        """
        if not 0 <= temperature < np.inf:
            raise InputError(
                f"a temperature of {temperature:g} cannot be used; give 0 for the likeliest classes, "
                "1 for chance as trained"
            )
        return ContextStream(self, temperature, seed)


class ContextStream:
    """The guesses of one clip, in as many parts as one likes.

    With temperature 0 each class is the likeliest one; else classes are drawn, at 1 with the
    probabilities that were learnt, above with more chance. The same seed draws the same classes,
    however the clip is cut.
    """

    def __init__(self, sampler: ContextSampler, temperature: float, seed: int) -> None:
        self._net, self._temperature = sampler, np.float32(temperature)
        self._rng = np.random.default_rng(seed)
        self._past = [np.zeros((layer.n_past, layer.width_in), np.float32) for layer in sampler._layers]
        self._n_frames = 0

    def push(self, audio_code: Float32[np.ndarray, "frames width"]) -> Int16[np.ndarray, "frames heads"]:
        """Give the classes of further frames.

        Raises:
            InputError: The codes are not as wide as those that the model was trained on.
        """
        net = self._net
        if audio_code.shape[1] != net._dim:
            raise InputError(
                f"codes of sound have {audio_code.shape[1]} numbers and the model takes {net._dim}; "
                "use the encoder that it was trained with"
            )
        heard = [audio_code @ layer.of_sound + layer.bias for layer in net._layers]
        labels = np.zeros((len(audio_code), net.heads), np.int16)
        for frame in range(len(audio_code)):
            sums = [own[frame] for own in heard]
            labels[frame] = self._frame(sums)
            self._n_frames += 1
        return labels

    def _frame(self, sums: list[np.ndarray]) -> Int16[np.ndarray, " heads"]:
        """Choose the heads of a frame.

        Args:
            sums: What each layer gives without past and heads; is added to.
        """
        net, hidden = self._net, self._net._hidden
        for layer, past, total in zip(net._layers, self._past, sums, strict=True):
            older = past[self._n_frames % layer.n_past]
            last = past[(self._n_frames - 1) % layer.n_past]
            total += layer.of_past @ np.concatenate([older, last])
        embedding, logits = net._embedding.bias.copy(), net._logits.bias.copy()
        inputs = [np.empty(layer.width_in, np.float32) for layer in net._layers]
        chain = list(zip(net._layers, inputs, sums, strict=True))
        noise = self._noise()
        labels = np.zeros(net.heads, np.int16)
        for head in range(net.heads):
            own = slice(head * hidden, (head + 1) * hidden)
            x = embedding[own]
            for layer, kept, total in chain:
                kept[own] = x
                total[own.start :] += x @ layer.of_heads[head]
                x = total[own]
                x = np.maximum(x, _SLOPE * x)
            first = head * net.classes
            logits[first:] += x @ net._logits.of_heads[head]
            scores = logits[first : first + net.classes]
            if noise is not None:
                scores = scores + noise[head]
            label = int(scores.argmax())
            embedding[own.start :] += net._embedding.of_heads[head][label]
            labels[head] = label
        for layer, past, x in zip(net._layers, self._past, inputs, strict=True):
            past[self._n_frames % layer.n_past] = x
        return labels

    def _noise(self) -> np.ndarray | None:
        if self._temperature == 0:
            return None
        uniform = self._rng.random((self._net.heads, self._net.classes))
        drawn = -np.log(-np.log(np.maximum(uniform, _TINY)))
        return self._temperature * drawn.astype(np.float32)
