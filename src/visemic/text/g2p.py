"""Letters to sounds for words that no dictionary has.

A small network looks at each letter with six neighbours on both sides and at the last
three answers, and says which phones the letter stands for: none (the *gh* of *night*),
one, or two (the *x* of *box*). A beam keeps the best readings of the whole word. The
network is trained by ``recipes/g2p.py`` and stored as 8-bit integers in ``g2p.npz``; run
time is NumPy only, about a millisecond a word.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from visemic.core.errors import ArtifactError, TextError

ALPHABET = "abcdefghijklmnopqrstuvwxyz"
SIDE = 6
"""Letters seen on each side."""
HISTORY = 3
"""Answers remembered."""
BEAM = 6
"""Readings kept at every letter."""
MAX_LETTERS = 64
"""Longest word that is read in one piece; longer ones are cut."""

ARTIFACT = Path(__file__).with_name("g2p.npz")
_TENSORS = ("letters", "answers", "w1", "b1", "w2", "b2", "w3", "b3")


@dataclass(frozen=True, eq=False)
class Network:
    """The parameters, and what its answers mean."""

    units: tuple[tuple[str, ...], ...]
    """Phones of each answer; the history has one more row, for "nothing yet"."""
    letters: Float32[np.ndarray, "symbols embedding"]
    answers: Float32[np.ndarray, "history_symbols embedding"]
    w1: Float32[np.ndarray, "inputs hidden"]
    b1: Float32[np.ndarray, " hidden"]
    w2: Float32[np.ndarray, "hidden hidden"]
    b2: Float32[np.ndarray, " hidden"]
    w3: Float32[np.ndarray, "hidden units"]
    b3: Float32[np.ndarray, " units"]

    def log_probabilities(
        self, windows: Int[np.ndarray, "rows window"], history: Int[np.ndarray, "rows past"]
    ) -> Float32[np.ndarray, "rows units"]:
        """Give the log-probability of every answer for letters in their windows."""
        rows = len(windows)
        x = np.concatenate(
            [self.letters[windows].reshape(rows, -1), self.answers[history].reshape(rows, -1)], axis=1
        )
        x = np.maximum(x @ self.w1 + self.b1, 0)
        x = np.maximum(x @ self.w2 + self.b2, 0)
        scores = x @ self.w3 + self.b3
        scores -= scores.max(axis=1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


def letter_windows(word: str) -> Int[np.ndarray, "letters window"]:
    """Give each letter with its neighbours as numbers: 0 beyond the ends, 1 for a."""
    numbers = np.array([ALPHABET.index(c) + 1 for c in word], np.int64)
    padded = np.concatenate([np.zeros(SIDE, np.int64), numbers, np.zeros(SIDE, np.int64)])
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * SIDE + 1)


def pack(network: Network) -> dict[str, np.ndarray]:
    """Give the arrays to store: 8-bit integers with one step size a column."""
    arrays: dict[str, np.ndarray] = {"units": np.array([" ".join(unit) for unit in network.units])}
    for name in _TENSORS:
        tensor = getattr(network, name)
        if tensor.ndim == 1:
            arrays[name] = tensor.astype(np.float32)
            continue
        step = np.maximum(np.abs(tensor).max(axis=0), 1e-12) / 127
        arrays[name] = np.rint(tensor / step).astype(np.int8)
        arrays[f"{name}_step"] = step.astype(np.float32)
    return arrays


def unpack(arrays: dict[str, np.ndarray]) -> Network:
    """Give the network that ``pack`` stored.

    Raises:
        ArtifactError: A tensor is missing or one too many is there.
    """
    expected = {"units", *_TENSORS, *(f"{name}_step" for name in _TENSORS if name[0] != "b")}
    if set(arrays) != expected:
        odd = sorted(set(arrays) ^ expected)
        raise ArtifactError(
            f"letter-to-sound model has other tensors than expected: {odd}; install visemic again"
        )
    tensors = {}
    for name in _TENSORS:
        tensors[name] = arrays[name].astype(np.float32)
        if f"{name}_step" in arrays:
            tensors[name] = tensors[name] * arrays[f"{name}_step"]
    return Network(units=tuple(tuple(str(unit).split()) for unit in arrays["units"]), **tensors)


@lru_cache(maxsize=1)
def default_network() -> Network:
    """Give the network that ships with visemic, read once."""
    with np.load(ARTIFACT, allow_pickle=False) as stored:
        return unpack({name: stored[name] for name in stored.files})


def read_word(word: str, network: Network | None = None) -> tuple[str, ...]:
    """Read a word by its letters.

    Args:
        word: Letters a to z, lower case, at least one.
        network: The parameters; None takes the ones that ship with visemic.

    Returns:
        ARPAbet phones without stress, at least one.

    Raises:
        TextError: The word is empty or has other characters.

    Example:
        >>> read_word("blick")
        ('B', 'L', 'IH', 'K')
    """
    if not word or any(c not in ALPHABET for c in word):
        raise TextError(f"cannot read {word!r} by its letters; give one or more of a to z")
    network = network or default_network()
    phones: list[str] = []
    for start in range(0, len(word), MAX_LETTERS):
        phones += _beam_search(word[start : start + MAX_LETTERS], network)
    return tuple(phones) or ("AH",)


def _beam_search(word: str, network: Network) -> list[str]:
    windows = letter_windows(word)
    nothing = len(network.units)
    scores = np.zeros(1, np.float32)
    readings = np.full((1, HISTORY), nothing, np.int64)
    for window in windows:
        here = np.broadcast_to(window, (len(readings), len(window)))
        total = scores[:, None] + network.log_probabilities(here, readings[:, -HISTORY:])
        best = np.argsort(-total, axis=None, kind="stable")[:BEAM]
        source, unit = np.unravel_index(best, total.shape)
        scores = total[source, unit]
        readings = np.concatenate([readings[source], unit[:, None]], axis=1)
    for reading in readings:
        phones = [phone for unit in reading[HISTORY:] for phone in network.units[unit]]
        if phones:
            return phones
    return []
