"""Our voice beside its teacher in one run: words that a recogniser gets wrong, mel, speed.

Speed on one core and on two: real-time factor of the whole chain from text to sound, its parts, and
the time until a stream's first sound for sentences of growing length. With ``--corpus``, a folder of
``recipes/speech_corpus.py`` (its validation sentences were not trained on), or with ``--texts`` and
the command ``flite``: word errors of pocketsphinx on the teacher, on the teacher's mel sounded by
our vocoder, on our voice with the teacher's durations, and on our voice as it speaks, with 95 %
intervals over sentences; and how far our mel is from the teacher's.

    python benchmarks/voice.py                                              # speed only
    python benchmarks/voice.py --corpus SPEECH/slt --sentences 100
    python benchmarks/voice.py --voice-folder runs/voice/model --vocoder-folder runs/vocoder/model \\
        --corpus SPEECH/slt --only words
    python benchmarks/voice.py --texts SENTENCES.tsv --skip 3000            # flite reads them now
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from bench import Table

from visemic.audio.io import read_waveform
from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import VisemicError
from visemic.core.signals import Phone, Waveform
from visemic.features.voice_mel import voice_mel
from visemic.models.avatron_text import Utterance, frames_of_phones, read_script, symbols_of_phones
from visemic.models.vocoder_session import waveform_from_mel
from visemic.text.normalize import split_sentences
from visemic.voices.avatron import NAME, NeuralVoice, load_neural_voice

MAX_RTF = 0.10
MAX_FIRST_SOUND_S = 0.15
MAX_WER_RISE = 3.0
"""Percentage points above the teacher."""
MAX_MEGABYTES = 25.0
MAX_PARAMETERS = 12e6
SCRIPT = (
    "Hello there.",
    "Every good voice deserves a face that moves with it.",
    "We met a farmer who grows plums, figs and very fine peppers, and he asked us to stay for supper.",
    "It is true that the great windows of the thirteenth century, with their deep colours and their strange "
    "faces, were made by men who could hardly read, and who had never seen a book in all their lives.",
    "But when the rain had stopped at last and the wind had gone round to the west, the old captain came up "
    "from his cabin, looked for a long while at the grey water and at the clouds above it, said nothing at "
    "all to anybody, and walked up and down the deck until the cook called him to his breakfast at eight.",
)
N_DRAWS = 2_000
_TEACHER = "slt"


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence as the teacher reads it."""

    text: str
    samples: np.ndarray
    phones: tuple[Phone, ...]


def corpus_sentences(folder: Path, n: int) -> list[Sentence]:
    """Give validation sentences of a prepared corpus."""
    sound = np.memmap(folder / "audio.i16", np.int16, mode="r")
    found = []
    for line in (folder / "clips.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["split"] == "validation" and len(found) < n:
            samples = np.asarray(sound[row["first"] : row["first"] + row["samples"]]) / np.float32(32_768)
            phones = tuple(Phone(label, start, end) for label, start, end in row["phones"])
            found.append(Sentence(row["text"], samples.astype(np.float32), phones))
    return found


def flite_sentences(path: Path, skip: int, n: int) -> list[Sentence]:
    """Let the teacher read sentences of a file now; no phone times."""
    if shutil.which("flite") is None:
        raise SystemExit("--texts needs the command flite (a Debian package of that name); or give --corpus")
    texts = [line.split("\t")[-1].strip() for line in path.read_text("utf-8").splitlines()]
    texts = [text for text in texts if 20 <= len(text) <= 130 and text.isascii()][skip : skip + n]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        script, wav = Path(folder) / "text.txt", Path(folder) / "sound.wav"
        for text in texts:
            script.write_text(text, encoding="ascii")
            subprocess.run(["flite", "-voice", _TEACHER, "-f", script, "-o", wav], check=True)
            found.append(Sentence(text, resample(read_waveform(wav), SPEECH_RATE).samples, ()))
    return found


# --- words -----------------------------------------------------------------------------------------


def words_of(text: str) -> list[str]:
    """Give the words that are said, as a recogniser writes them."""
    return [w for s in split_sentences(text) for token in s.tokens for w in token.spoken]


def heard_words(samples: np.ndarray) -> list[str]:
    """Give what pocketsphinx hears with its own dictionary and language model."""
    import pocketsphinx

    decoder = pocketsphinx.Decoder(samprate=16_000, loglevel="FATAL")
    quiet = np.zeros(4_000, np.int16)
    pcm = np.concatenate(
        [quiet, np.clip(np.round(samples * 32_767), -32_768, 32_767).astype(np.int16), quiet]
    )
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return [re.sub(r"[.]|\(\d+\)", "", w) for w in heard.hypstr.split()] if heard else []


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Give the fewest substitutions, insertions and deletions between two rows of words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def bench_words(table: Table, voice: NeuralVoice, sentences: list[Sentence], *, short: bool) -> None:
    """Count word errors of teacher and pupil on the same sentences."""
    said = [words_of(s.text) for s in sentences]
    ways: dict[str, Callable[[Sentence], np.ndarray]] = {
        "teacher": lambda s: s.samples,
        "teacher's mel, our vocoder": lambda s: (
            waveform_from_mel(voice.vocoder, voice_mel(s.samples)).samples
        ),
    }
    if sentences[0].phones:
        ways["our voice, teacher's durations"] = lambda s: (
            waveform_from_mel(voice.vocoder, guided_mel(voice, s)).samples
        )
    ways["our voice"] = lambda s: voice.speak(s.text).waveform.samples
    n_words = np.array([len(words) for words in said])
    drawn = np.random.default_rng(0).integers(0, len(said), (N_DRAWS, len(said)))
    errors: dict[str, np.ndarray] = {}
    if short:
        ways = {name: ways[name] for name in ("teacher", "our voice")}
    for name, sound in ways.items():
        errors[name] = np.array(
            [word_errors(words, heard_words(sound(s))) for words, s in zip(said, sentences, strict=True)]
        )
        rates = 100 * errors[name][drawn].sum(1) / n_words[drawn].sum(1)
        low, high = np.quantile(rates, (0.025, 0.975))
        rate = 100 * errors[name].sum() / n_words.sum()
        table.add(f"word errors, {name} ({low:.1f} to {high:.1f})", rate, None, "%")
    rise = 100 * (errors["our voice"] - errors["teacher"])
    low, high = np.quantile(rise[drawn].sum(1) / n_words[drawn].sum(1), (0.025, 0.975))
    shown = f"word errors above the teacher ({low:+.1f} to {high:+.1f})"
    table.add(shown, rise.sum() / n_words.sum(), MAX_WER_RISE, "points")
    print(f"     {len(sentences)} sentences, {n_words.sum()} words", flush=True)


# --- mel -------------------------------------------------------------------------------------------


def guided_mel(voice: NeuralVoice, sentence: Sentence) -> np.ndarray:
    """Give our mel of a sentence in the teacher's own phones and durations."""
    symbols = symbols_of_phones(sentence.phones, sentence.text)
    n = len(symbols)
    utterance = Utterance(symbols, (), (-1,) * n, (1.0,) * n, (None,) * n)
    (plan,) = voice.speech.plan([utterance])
    frames = frames_of_phones(sentence.phones, len(sentence.samples) // 200 + 1)
    return voice.speech.render(replace(plan, frames=frames)).mel


def cepstra(mel: np.ndarray) -> np.ndarray:
    """Give cepstral coefficients 1 to 13 of natural log-mel, scaled so that distances are in dB."""
    from scipy.fft import dct

    return 10 / np.log(10) * np.sqrt(2) * dct(mel, axis=1, norm="ortho")[:, 1:14] * np.sqrt(2 / mel.shape[1])


def warped_distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Give the mean distance of frames along the best monotonic path."""
    cost = np.sqrt(np.maximum(((ours[:, None] - theirs[None]) ** 2).sum(-1), 0.0))
    totals: list[tuple[float, int]] = []
    for row in cost.tolist():
        before, totals = totals, []
        for j, here in enumerate(row):
            ways = [*before[max(0, j - 1) : j + 1], *totals[-1:]]
            best, n_steps = min(ways) if ways else (0.0, 0)
            totals.append((best + here, n_steps + 1))
    return totals[-1][0] / totals[-1][1]


def bench_mel(table: Table, voice: NeuralVoice, sentences: list[Sentence]) -> None:
    """Compare our mel with the teacher's, frame by frame in its durations and warped in ours."""
    gaps, distances, warped, lengths = [], [], [], []
    for s in sentences:
        theirs = voice_mel(s.samples)
        if s.phones:
            ours = guided_mel(voice, s)
            n = min(len(ours), len(theirs))
            gaps.append(np.abs(ours[:n] - theirs[:n]).mean())
            distances.append(np.sqrt(((cepstra(ours[:n]) - cepstra(theirs[:n])) ** 2).sum(1)).mean())
        plans = voice.speech.plan(read_script(s.text))
        free = np.concatenate([voice.speech.render(plan).mel for plan in plans])
        warped.append(warped_distance(cepstra(free), cepstra(theirs)))
        lengths.append(len(free) / len(theirs))
    if gaps:
        table.add("mel, teacher's durations, mean distance", float(np.mean(gaps)), None, "nats")
        table.add("mel cepstra 1-13, teacher's durations", float(np.mean(distances)), None, "dB")
    table.add("mel cepstra 1-13, our durations, warped", float(np.mean(warped)), None, "dB")
    table.add("length, ours over the teacher's, median", float(np.median(lengths)), None, "x")


# --- speed -----------------------------------------------------------------------------------------


def bench_speed(table: Table, voice: NeuralVoice, cores: int) -> None:
    """Time the chain and a stream's first sound on so many cores."""
    own = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if own:
        os.sched_setaffinity(0, own[:cores])
    text = " ".join(SCRIPT)
    voice.speak(text)
    walls, busy, seconds = [], [], 0.0
    for _ in range(5):
        begin, work = time.perf_counter(), time.process_time()
        seconds = voice.speak(text).waveform.duration_s
        walls.append((time.perf_counter() - begin) / seconds)
        busy.append((time.process_time() - work) / seconds)
    here = f"{cores} core{'s' * (cores > 1)}"
    table.add(f"text to sound, {here}, real-time factor", min(walls), MAX_RTF, "x")
    table.add(f"text to sound, {here}, computing a second", min(busy), None, "s")
    for sentence in SCRIPT:
        waits, works, lasts = [], [], voice.speak(sentence).waveform.duration_s
        for _ in range(9):
            begin, work = time.perf_counter(), time.process_time()
            next(piece for piece in voice.stream(sentence) if len(piece.samples))
            waits.append(time.perf_counter() - begin)
            works.append(time.process_time() - work)
        name = f"first sound, sentence of {lasts:.1f} s, {here}"
        table.add(f"{name}, median", float(np.median(waits)), MAX_FIRST_SOUND_S, "s")
        table.add(f"{name}, computing", float(np.median(works)), None, "s")
    if own:
        os.sched_setaffinity(0, own)


def bench_size(table: Table, *folders: Path) -> None:
    """Add the parameters and the bytes of what speaks."""
    n_parameters = n_bytes = 0
    for folder in folders:
        n_parameters += json.loads((folder / "artefact.json").read_text())["n_parameters"]
        n_bytes += sum(path.stat().st_size for path in folder.glob("*.onnx"))
    table.add("parameters of voice and vocoder", n_parameters / 1e6, MAX_PARAMETERS / 1e6, "M")
    table.add("networks of voice and vocoder", n_bytes / 1e6, MAX_MEGABYTES, "MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voice-folder", default=NAME, help="folder of a trained voice; the one that ships")
    parser.add_argument("--vocoder-folder", help="folder of its vocoder; the one that ships")
    parser.add_argument("--corpus", type=Path, help="prepared corpus of the teacher")
    parser.add_argument("--texts", type=Path, help="sentences for the command flite, one a line")
    parser.add_argument("--skip", type=int, default=0, help="sentences of --texts to leave out")
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--only", choices=("words", "mel", "speed"), help="measure this alone")
    parser.add_argument("--short", action="store_true", help="words of the teacher and our voice alone")
    parser.add_argument("--save", type=Path, help="write ten sentences of our voice into this folder")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    table = Table()
    try:
        voice = load_neural_voice(options.voice_folder, options.vocoder_folder)
    except VisemicError as error:
        raise SystemExit(f"{error}") from None
    sentences: list[Sentence] = []
    if options.corpus:
        sentences = corpus_sentences(options.corpus, options.sentences)
    elif options.texts:
        sentences = flite_sentences(options.texts, options.skip, options.sentences)
    if options.only in (None, "speed"):
        for folder in (options.voice_folder, options.vocoder_folder):
            if folder is None or not Path(folder).is_dir():
                break
        else:
            bench_size(table, Path(options.voice_folder), Path(options.vocoder_folder))
        for cores in (1, 2):
            bench_speed(table, voice, cores)
    if sentences and options.only in (None, "mel"):
        bench_mel(table, voice, sentences)
    if sentences and options.only in (None, "words"):
        bench_words(table, voice, sentences, short=options.short)
    if options.save:
        save(voice, sentences, options.save)
    if options.json:
        options.json.write_text(json.dumps(table.rows, indent=1))
    if not all(row["good"] for row in table.rows):
        sys.exit(1)


def save(voice: NeuralVoice, sentences: list[Sentence], folder: Path) -> None:
    """Write sounds to listen to."""
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate([s.text for s in sentences[:10]] or SCRIPT):
        spoken: Waveform = voice.speak(text).waveform
        soundfile.write(folder / f"{number:02d}.wav", spoken.samples, 16_000)


if __name__ == "__main__":
    main()
