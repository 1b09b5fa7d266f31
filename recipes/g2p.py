"""Train the letter-to-sound network of ``visemic.text.g2p`` from the CMU dictionary.

Takes the dictionary out of the pocketsphinx wheel, aligns letters with phones by
expectation-maximisation (a letter makes zero, one or two phones), trains the network with
Adam on 95 % of the words, and reports phone and word error on the other 5 %.

    python recipes/g2p.py                       # writes src/visemic/text/g2p.npz
    python recipes/g2p.py --epochs 1 --out x.npz

Deterministic: the same seed and the same NumPy give the same file.
"""

import argparse
import re
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from visemic.text import g2p
from visemic.text.lexicon import dictionary_path

SEED = 20
HELD_OUT = 0.05
ALIGNMENT_ROUNDS = 8
RARE_UNIT = 40
"""A pair of phones that fewer letters than this make is dropped, with its words."""
EMBEDDING = 16
HIDDEN = 416
DROPOUT = 0.15
BATCH = 1024
LEARNING_RATE = 3e-3

PHONES = [
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY",
    "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y",
    "Z", "ZH",
]  # fmt: skip
NUMBER = {phone: i for i, phone in enumerate(PHONES)}
N_PHONES = len(PHONES)

Entries = dict[str, list[tuple[str, ...]]]


def read_dictionary() -> Entries:
    """Give all pronunciations by word, for words of two or more letters a to z."""
    entries: Entries = defaultdict(list)
    for line in dictionary_path().read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        word = re.sub(r"\(\d+\)$", "", word)
        if re.fullmatch(r"[a-z]{2,}", word):
            entries[word].append(tuple(phones))
    return dict(entries)


class Aligner:
    """Letters to phones, with one probability a letter and unit.

    Unit 0 is nothing, then one phone each, then ordered pairs of phones.
    """

    def __init__(self, pairs: list[tuple[str, tuple[str, ...]]]) -> None:
        self.groups: dict[tuple[int, int], list[int]] = defaultdict(list)
        self.pairs = pairs
        for i, (word, phones) in enumerate(pairs):
            if len(phones) <= 2 * len(word):
                self.groups[len(word), len(phones)].append(i)
        self.table = np.full((26, 1 + N_PHONES + N_PHONES**2), 1.0)
        self.table[:, 0] = 0.3
        self.table[:, 1 + N_PHONES :] = 0.003
        self._normalise()

    def _normalise(self) -> None:
        self.table /= self.table.sum(axis=1, keepdims=True)

    def _lattice(self, rows: list[int]) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        letters = np.array([[ord(c) - 97 for c in self.pairs[i][0]] for i in rows])
        phones = np.array([[NUMBER[p] for p in self.pairs[i][1]] for i in rows])
        m = phones.shape[1]
        units = [
            np.zeros((len(rows), m + 1), int),
            1 + phones,
            1 + N_PHONES + phones[:, :-1] * N_PHONES + phones[:, 1:],
        ]
        weights = [
            self.table[letters[:, :, None], unit[:, None, : m + 1 - k]] for k, unit in enumerate(units)
        ]
        return letters, units, weights

    def round(self) -> float:
        """Re-estimate the table once; gives the mean log-likelihood of a word."""
        counts = np.full_like(self.table, 1e-6)
        total, n_words = 0.0, 0
        for rows in self.groups.values():
            letters, units, weights = self._lattice(rows)
            b, n = letters.shape
            m = weights[0].shape[2] - 1
            forward = np.zeros((n + 1, b, m + 1))
            backward = np.zeros((n + 1, b, m + 1))
            forward[0, :, 0] = backward[n, :, m] = 1.0
            for i in range(n):
                for k in range(min(2, m) + 1):
                    forward[i + 1, :, k:] += forward[i, :, : m + 1 - k] * weights[k][:, i]
                    back = n - 1 - i
                    backward[back, :, : m + 1 - k] += backward[back + 1, :, k:] * weights[k][:, back]
            likelihood = forward[n, :, m]
            possible = likelihood > 0
            share = np.where(possible, 1 / np.where(possible, likelihood, 1), 0)[:, None]
            for i in range(n):
                for k in range(min(2, m) + 1):
                    posterior = forward[i, :, : m + 1 - k] * weights[k][:, i] * backward[i + 1, :, k:] * share
                    at = np.broadcast_to(letters[:, i, None], posterior.shape)
                    np.add.at(counts, (at, units[k][:, : m + 1 - k]), posterior)
            total += float(np.log(likelihood[possible]).sum())
            n_words += int(possible.sum())
        self.table = counts
        self._normalise()
        return total / n_words

    def best(self) -> dict[int, list[tuple[str, ...]]]:
        """Give the likeliest unit of every letter, by row of the training pairs."""
        found: dict[int, list[tuple[str, ...]]] = {}
        for rows in self.groups.values():
            letters, _, weights = self._lattice(rows)
            b, n = letters.shape
            m = weights[0].shape[2] - 1
            score = np.full((b, m + 1), -np.inf)
            score[:, 0] = 0.0
            choice = np.zeros((n, b, m + 1), int)
            with np.errstate(divide="ignore"):
                logs = [np.log(w) for w in weights]
            for i in range(n):
                options = np.full((3, b, m + 1), -np.inf)
                for k in range(min(2, m) + 1):
                    options[k, :, k:] = score[:, : m + 1 - k] + logs[k][:, i]
                choice[i] = options.argmax(axis=0)
                score = options.max(axis=0)
            for r, row in enumerate(rows):
                if np.isfinite(score[r, m]):
                    found[row] = self._trace(choice[:, r], self.pairs[row][1])
        return found

    @staticmethod
    def _trace(choice: np.ndarray, phones: tuple[str, ...]) -> list[tuple[str, ...]]:
        units, j = [], len(phones)
        for i in range(len(choice) - 1, -1, -1):
            k = int(choice[i, j])
            units.append(phones[j - k : j])
            j -= k
        return units[::-1]


def training_rows(aligned: list[tuple[str, list[tuple[str, ...]]]]) -> tuple[np.ndarray, ...]:
    """Give windows, histories and answers of all letters, and the list of units."""
    usage = Counter(unit for _, units in aligned for unit in units)
    units = sorted(unit for unit, count in usage.items() if count >= RARE_UNIT or len(unit) < 2)
    number = {unit: i for i, unit in enumerate(units)}
    windows, histories, answers = [], [], []
    for word, letters in aligned:
        if any(unit not in number for unit in letters):
            continue
        answer = [number[unit] for unit in letters]
        padded = [len(units)] * g2p.HISTORY + answer
        windows.append(g2p.letter_windows(word))
        histories.append([padded[i : i + g2p.HISTORY] for i in range(len(word))])
        answers += answer
    return np.concatenate(windows), np.concatenate(histories), np.array(answers), units


def initial(rng: np.random.Generator, n_units: int) -> dict[str, np.ndarray]:
    """Give random parameters."""
    inputs = EMBEDDING * (2 * g2p.SIDE + 1 + g2p.HISTORY)
    shapes = {
        "letters": (27, EMBEDDING), "answers": (n_units + 1, EMBEDDING),
        "w1": (inputs, HIDDEN), "w2": (HIDDEN, HIDDEN), "w3": (HIDDEN, n_units),
    }  # fmt: skip
    parameters = {
        name: rng.standard_normal(shape) * (0.3 if name[0] != "w" else np.sqrt(2 / shape[0]))
        for name, shape in shapes.items()
    }
    parameters |= {"b1": np.zeros(HIDDEN), "b2": np.zeros(HIDDEN), "b3": np.zeros(n_units)}
    return {name: value.astype(np.float32) for name, value in parameters.items()}


def gradients(
    p: dict[str, np.ndarray],
    window: np.ndarray,
    history: np.ndarray,
    answer: np.ndarray,
    rng: np.random.Generator,
) -> tuple[float, dict[str, np.ndarray]]:
    """Give the mean cross-entropy of a batch and its gradient."""
    rows = len(window)
    kept = (rng.random((2, rows, HIDDEN), np.float32) >= DROPOUT) / np.float32(1 - DROPOUT)
    x0 = np.concatenate([p["letters"][window].reshape(rows, -1), p["answers"][history].reshape(rows, -1)], 1)
    x1 = np.maximum(x0 @ p["w1"] + p["b1"], 0) * kept[0]
    x2 = np.maximum(x1 @ p["w2"] + p["b2"], 0) * kept[1]
    scores = x2 @ p["w3"] + p["b3"]
    scores -= scores.max(axis=1, keepdims=True)
    d3 = np.exp(scores)
    normaliser = d3.sum(axis=1, keepdims=True)
    loss = float(np.mean(np.log(normaliser[:, 0]) - scores[np.arange(rows), answer]))
    d3 /= normaliser
    d3[np.arange(rows), answer] -= 1
    d3 /= rows
    d2 = (d3 @ p["w3"].T) * (x2 > 0) * kept[1]
    d1 = (d2 @ p["w2"].T) * (x1 > 0) * kept[0]
    d0 = d1 @ p["w1"].T
    split = EMBEDDING * window.shape[1]
    gradient = {
        "w3": x2.T @ d3, "b3": d3.sum(0), "w2": x1.T @ d2, "b2": d2.sum(0), "w1": x0.T @ d1, "b1": d1.sum(0),
    }  # fmt: skip
    for name, numbers, part in (("letters", window, d0[:, :split]), ("answers", history, d0[:, split:])):
        one_hot = (numbers.reshape(-1, 1) == np.arange(len(p[name]))).astype(np.float32)
        gradient[name] = one_hot.T @ part.reshape(-1, EMBEDDING)
    return loss, gradient


def train(rows: tuple[np.ndarray, ...], epochs: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Train with Adam, the rate falling to zero along a half cosine."""
    windows, histories, answers, units = rows
    parameters = initial(rng, len(units))
    first = {name: np.zeros_like(value) for name, value in parameters.items()}
    second = {name: np.zeros_like(value) for name, value in parameters.items()}
    steps_per_epoch = len(answers) // BATCH
    step, n_steps = 0, epochs * steps_per_epoch
    for epoch in range(epochs):
        order, losses, started = rng.permutation(len(answers)), [], time.perf_counter()
        for at in range(steps_per_epoch):
            batch = order[at * BATCH : (at + 1) * BATCH]
            # A forgotten answer now and then keeps the network from trusting its own errors.
            history = np.where(rng.random((BATCH, g2p.HISTORY)) < 0.1, len(units), histories[batch])
            loss, gradient = gradients(parameters, windows[batch], history, answers[batch], rng)
            losses.append(loss)
            step += 1
            warm = min(1.0, step / 200)
            rate = LEARNING_RATE * warm * 0.5 * (1 + np.cos(np.pi * step / n_steps))
            for name, value in gradient.items():
                first[name] += 0.1 * (value - first[name])
                second[name] += 0.01 * (value * value - second[name])
                debiased = first[name] / (1 - 0.9**step)
                spread = np.sqrt(second[name] / (1 - 0.99**step)) + 1e-8
                parameters[name] -= (rate * debiased / spread).astype(np.float32)
        seconds = time.perf_counter() - started
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {seconds:.0f} s", flush=True)
    return parameters


def edit_distance(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """Count insertions, deletions and replacements."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def evaluate(network: g2p.Network, entries: Entries, words: list[str]) -> tuple[float, float]:
    """Give phone and word error in percent against the nearest pronunciation."""
    errors, phones, wrong = 0, 0, 0
    for word in words:
        answer = g2p.read_word(word, network)
        distance, length = min((edit_distance(answer, p), len(p)) for p in entries[word])
        errors, phones, wrong = errors + distance, phones + length, wrong + (distance > 0)
    return 100 * errors / phones, 100 * wrong / len(words)


def main() -> None:
    """Train, report and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=g2p.ARTIFACT)
    parser.add_argument("--evaluate-only", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    entries = read_dictionary()
    words = sorted(entries)
    held = set(rng.choice(len(words), int(HELD_OUT * len(words)), replace=False).tolist())
    test_words = [word for i, word in enumerate(words) if i in held]
    if not options.evaluate_only:
        pairs = [(word, entries[word][0]) for i, word in enumerate(words) if i not in held]
        aligner = Aligner(pairs)
        for number in range(ALIGNMENT_ROUNDS):
            print(f"alignment round {number + 1}: log-likelihood {aligner.round():.3f} a word", flush=True)
        aligned = [(pairs[row][0], units) for row, units in sorted(aligner.best().items())]
        rows = training_rows(aligned)
        print(f"{len(aligned)} words, {len(rows[2])} letters, {len(rows[3])} units", flush=True)
        network = g2p.Network(units=tuple(rows[3]), **train(rows, options.epochs, rng))
        np.savez_compressed(options.out, **g2p.pack(network))
    with np.load(options.out, allow_pickle=False) as stored:
        network = g2p.unpack({name: stored[name] for name in stored.files})
    phone_error, word_error = evaluate(network, entries, test_words)
    size = options.out.stat().st_size / 1000
    print(f"{len(test_words)} held-out words: phone error {phone_error:.2f} %, word error {word_error:.2f} %")
    print(f"{options.out}: {size:.0f} kB")


if __name__ == "__main__":
    main()
