"""MeshTalk's guesses one frame after another, exactly, without doing any work twice.

What a layer gives for a head is a sum: bias, sound and past are the same for all heads of a
frame and are added up once; each head that is chosen then adds its own share to the heads after
it. One-hot inputs make the first layer a lookup. Nothing older than the layers reach is kept, so
an hour costs the memory of a second, and a stream may stop and go on anywhere.

Plain NumPy: the arithmetic of one frame is a few hundred small products, which a network library
only slows down.

Shape letters in comments: h heads, i and o channels of a head, d width of the code of sound.
"""

import numpy as np
from jaxtyping import Float32, Int16

from visemic.core.errors import InputError
from visemic.models.meshtalk_context import ContextModel, MaskedContextConvolution

_SLOPE = np.float32(0.2)
_TINY = 1e-10


class _Layer:
    """Parameters of a layer, cut so that each product reads what it needs in one piece."""

    def __init__(self, layer: MaskedContextConvolution) -> None:
        own = {name: value.detach().cpu().numpy() for name, value in layer.state_dict().items()}
        heads, ch_in, ch_out = layer.heads, layer.ch_in, layer.ch_out
        masked = (own["masked_linear.weight"] * own["mask"])[:, :, 0]
        self.bias = own["masked_linear.bias"].copy()
        self.of_sound = np.ascontiguousarray(own["unmasked_linear.weight"][:, :, 0].T)
        # What head g says to itself, where it may, and to the heads after it: (i, these heads times o).
        self.of_head = [
            np.ascontiguousarray(masked[g * ch_out :, g * ch_in : (g + 1) * ch_in].T) for g in range(heads)
        ]
        self.n_past = layer.n_past
        self.width_in = heads * ch_in
        if self.n_past:
            self.bias += own["unmasked_linear.bias"] + own["historic.bias"]
            older, last = own["historic.weight"][:, :, 0], own["historic.weight"][:, :, 1]
            self.of_past = np.ascontiguousarray(np.concatenate([older, last], axis=1))


class ContextSampler:
    """Draws classes from a context model whose parameters it has copied.

    Args:
        network: Trained; changes to it later are not seen.
    """

    def __init__(self, network: ContextModel) -> None:
        self.heads, self.classes = network.heads, network.classes
        self._embedding = _Layer(network.embedding)
        self._layers = [_Layer(layer) for layer in network.layers]
        self._logits = _Layer(network.logits)
        self._hidden = network.embedding.ch_out
        self._dim = self._logits.of_sound.shape[0]

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
                total[own.start :] += x @ layer.of_head[head]
                x = total[own]
                x = np.maximum(x, _SLOPE * x)
            first = head * net.classes
            logits[first:] += x @ net._logits.of_head[head]
            scores = logits[first : first + net.classes]
            if noise is not None:
                scores = scores + noise[head]
            label = int(scores.argmax())
            embedding[own.start :] += net._embedding.of_head[head][label]
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
