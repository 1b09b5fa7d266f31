"""Prepare speech with timed phones for the recipes that learn from sound.

Every source becomes a folder of three files: ``audio.i16`` (16 kHz samples of all clips, one
after another), ``clips.jsonl`` (one clip a line: id, speaker, split, licence, first sample,
number of samples, text, phones with start and end in seconds) and ``source.json``. Real speech
is aligned with its transcript; synthetic voices tell their phones' times themselves.

    python recipes/speech_corpus.py speechocean762 CORPUS OUT
    python recipes/speech_corpus.py grid CORPUS OUT
    python recipes/speech_corpus.py ljspeech CORPUS OUT      # also vctk
    python recipes/speech_corpus.py flite SENTENCES.tsv OUT --clips 900
    python recipes/speech_corpus.py slt SENTENCES.tsv OUT --clips 3000
    python recipes/speech_corpus.py festival SENTENCES.tsv OUT --clips 300
    python recipes/speech_corpus.py espeak SENTENCES.tsv OUT --clips 900

The commands ``flite`` and ``festival`` are Debian packages of those names (with
``festvox-kallpc16k``, ``festvox-kdlpc16k`` and ``festvox-us-slt-hts``); ``espeak`` is the
plugin of visemic. Deterministic: the same sources give the same files.
"""

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visemic.audio.align import align_words
from visemic.audio.io import read_waveform
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import VisemicError
from visemic.core.signals import Alignment, Waveform
from visemic.data.importers.split import split_of
from visemic.data.synthetic_config import VOICES
from visemic.pipeline.transcript import read_transcript

SEED = 5
MAX_CHARACTERS = 130
FLITE_VOICES = ("slt", "rms", "awb", "kal16")
FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")

_NEAREST = {
    "AX": ("AH",), "AXR": ("ER",), "IX": ("IH",), "EL": ("AH", "L"), "EM": ("AH", "M"), "EN": ("AH", "N"),
    "DX": ("D",), "NX": ("N",), "HV": ("HH",), "PAU": ("SIL",), "H#": ("SIL",), "BRTH": ("SIL",),
    "SSIL": ("SIL",), "OH": ("AA",),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Clip:
    """One utterance with timed phones."""

    clip_id: str
    speaker: str
    split: str
    licence: str
    text: str
    samples: np.ndarray
    phones: tuple[tuple[str, float, float], ...]


def speechocean762(source: Path, _clips: int) -> Iterator[Clip]:
    """Give 5,000 utterances of 250 speakers, aligned with their canonical phones."""
    for line in (source / "utterances.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        words = [
            (text, [tuple(re.sub(r"_[BIES]$", "", phone) for phone in phones)])
            for text, phones in zip(row["text"].split(), row["phones"], strict=True)
        ]
        waveform = read_waveform(source / "audio" / f"{row['id']}.ogg")
        yield from _aligned(
            row["id"], f"so-{row['speaker']}", row["split"], "free for any use (speechocean762)",
            row["text"].lower(), waveform, words,
        )  # fmt: skip


def grid(source: Path, _clips: int) -> Iterator[Clip]:
    """Give the clips of one talker, split by name like the importer of the motion."""
    for clip in json.loads((source / "clips.json").read_text(encoding="utf-8"))["clips"]:
        text = " ".join(word for _, _, word in clip["words"] if word not in ("sil", "sp"))
        split = split_of(str(clip["id"]), validation=0.05, test=0.1)
        waveform = read_waveform(source / "audio" / f"{clip['id']}.ogg")
        words = [
            (word, [("EY",)] if word == "a" else list(choices))
            for word, choices in read_transcript(text, "en-us").words
        ]
        yield from _aligned(clip["id"], "grid-s1", split, "CC-BY-4.0", text, waveform, words)


def ljspeech(source: Path, _clips: int) -> Iterator[Clip]:
    """Give a few clips of one reader, for validation."""
    yield from _read(source, "public domain", lambda _: "lj")


def vctk(source: Path, _clips: int) -> Iterator[Clip]:
    """Give a few clips of four readers, for validation."""
    yield from _read(source, "CC-BY-4.0", lambda name: f"vctk-{name.split('_')[0]}")


def flite(source: Path, clips: int) -> Iterator[Clip]:
    """Give four voices of flite, each reading its own sentences at its own tempos."""
    sentences = _sentences(source)
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(sentences))[: clips * len(FLITE_VOICES)]
    with tempfile.TemporaryDirectory() as folder:
        for number, pick in enumerate(order):
            voice = FLITE_VOICES[number % len(FLITE_VOICES)]
            stretch = float(np.exp(rng.normal(0.0, 0.12)))
            yield _flite(voice, sentences[pick], number, stretch, Path(folder))


def _flite(voice: str, text: str, number: int, stretch: float, folder: Path) -> Clip:
    script, sound = folder / "text.txt", folder / "sound.wav"
    script.write_text(text, encoding="ascii")
    shown = subprocess.run(
        ["flite", "-voice", voice, "-f", str(script), "-o", str(sound), "-psdur",
         "--setf", f"duration_stretch={stretch:.3f}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    phones = _ends_to_phones([(p, float(end)) for p, _, end in _pairs(shown)])
    return _clip(f"flite-{voice}-{number:05d}", f"flite-{voice}", "CMU (BSD-like)", text,
                 read_waveform(sound), phones, number)  # fmt: skip


def slt(source: Path, clips: int) -> Iterator[Clip]:
    """Give one voice of flite at its own tempo: the teacher of our voice."""
    sentences = _sentences(source)
    order = np.random.default_rng(SEED + 3).permutation(len(sentences))[:clips]
    with tempfile.TemporaryDirectory() as folder:
        for number, pick in enumerate(order):
            yield _flite("slt", sentences[pick], number, 1.0, Path(folder))


def festival(source: Path, clips: int) -> Iterator[Clip]:
    """Give three voices of festival, each reading its own sentences."""
    sentences = _sentences(source)
    order = np.random.default_rng(SEED + 1).permutation(len(sentences))[: clips * len(FESTIVAL_VOICES)]
    for number, pick in enumerate(order):
        voice = FESTIVAL_VOICES[number % len(FESTIVAL_VOICES)]
        with tempfile.TemporaryDirectory() as folder:
            sound, segments, script = (Path(folder) / n for n in ("a.wav", "a.lab", "a.scm"))
            text = sentences[pick].replace("\\", "").replace('"', "")
            script.write_text(
                f'(voice_{voice})\n(set! u (SynthText "{text}"))\n'
                f'(utt.save.wave u "{sound}" (quote riff))\n(utt.save.segs u "{segments}")\n',
                encoding="ascii",
            )
            subprocess.run(["festival", "--batch", str(script)], check=True, capture_output=True)
            rows = [line.split() for line in segments.read_text().splitlines()]
            phones = _ends_to_phones([(r[2], float(r[0])) for r in rows if len(r) >= 3])
            waveform = read_waveform(sound)
        yield _clip(f"festival-{voice}-{number:05d}", f"festival-{voice}", "festival (X11-like)", text,
                    waveform, phones, number)  # fmt: skip


def espeak(source: Path, clips: int) -> Iterator[Clip]:
    """Give the manners of espeak-ng, each at its own tempo."""
    from visemic.voices.registry import load_voice

    sentences = _sentences(source)
    rng = np.random.default_rng(SEED + 2)
    for number, pick in enumerate(rng.permutation(len(sentences))[:clips]):
        manner = VOICES[number % len(VOICES)]
        tempo = float(np.clip(np.exp(rng.normal(-0.1, 0.15)), 0.6, 1.5))
        language = ("en-us", "en-gb")[number // len(VOICES) % 2]
        try:
            speech = load_voice(f"espeak:{manner}").speak(sentences[pick], language=language, tempo=tempo)
        except VisemicError:
            continue
        phones = tuple((p.label, p.start_s, p.end_s) for p in speech.alignment.phones)
        yield _clip(f"espeak-{manner}-{number:05d}", f"espeak-{manner}", "output of espeak-ng",
                    sentences[pick], speech.waveform, _known(phones), number)  # fmt: skip


def _read(source: Path, licence: str, speaker_of) -> Iterator[Clip]:
    for line in (source / "metadata.csv").read_text(encoding="utf-8").splitlines():
        name, *_, text = line.split("|")
        path = source / f"{name}.ogg"
        if path.exists():
            words = list(read_transcript(text, "en-us").words)
            yield from _aligned(
                name, speaker_of(name), "validation", licence, text, read_waveform(path), words
            )


def _aligned(clip_id, speaker, split, licence, text, waveform, words) -> Iterator[Clip]:
    try:
        aligned = align_words(waveform, words)
    except VisemicError as error:
        print(f"{clip_id} left out: {error}")
        return
    if aligned.note:
        print(f"{clip_id} left out: {aligned.note}")
        return
    phones = _phones(aligned.alignment)
    yield Clip(clip_id, speaker, split, licence, text, _int16(waveform), phones)


def _phones(alignment: Alignment) -> tuple[tuple[str, float, float], ...]:
    return tuple((p.label, p.start_s, p.end_s) for p in alignment.phones)


def _clip(clip_id, speaker, licence, text, waveform, phones, number) -> Clip:
    split = "validation" if number % 25 == 24 else "train"
    return Clip(clip_id, speaker, split, licence, text, _int16(waveform), phones)


def _int16(waveform: Waveform) -> np.ndarray:
    from visemic.audio.resample import resample

    samples = resample(waveform, SPEECH_RATE).samples
    return np.clip(np.round(samples * 32_767), -32_768, 32_767).astype(np.int16)


def _pairs(shown: str) -> list[tuple[str, str, str]]:
    return [item.rpartition(":") for item in shown.split()]


def _ends_to_phones(ends: list[tuple[str, float]]) -> tuple[tuple[str, float, float], ...]:
    start, phones = 0.0, []
    for label, end in ends:
        if end > start:
            phones.append((label.upper(), start, end))
            start = end
    return _known(tuple(phones))


def _known(phones: tuple[tuple[str, float, float], ...]) -> tuple[tuple[str, float, float], ...]:
    known: list[tuple[str, float, float]] = []
    for label, start, end in phones:
        parts = _NEAREST.get(label, (label,))
        step = (end - start) / len(parts)
        known += [(part, start + i * step, start + (i + 1) * step) for i, part in enumerate(parts)]
    return tuple(known)


def _sentences(path: Path) -> list[str]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("\t")[-1].strip()
        if 20 <= len(text) <= MAX_CHARACTERS and text.isascii():
            found.append(text)
    return found


def write(clips: Iterator[Clip], out: Path, kind: str) -> None:
    """Write the clips of a source; nothing under the final name until all is there."""
    if out.exists():
        raise SystemExit(f"{out} exists; choose another folder or remove it")
    partial = out.with_name(f".{out.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    first = 0
    seconds: dict[str, float] = {}
    with (partial / "audio.i16").open("wb") as audio, (partial / "clips.jsonl").open("w") as rows:
        for clip in clips:
            clip.samples.tofile(audio)
            row = {
                "id": clip.clip_id, "speaker": clip.speaker, "split": clip.split, "licence": clip.licence,
                "first": first, "samples": len(clip.samples), "text": clip.text,
                "phones": [[label, round(a, 4), round(b, 4)] for label, a, b in clip.phones],
            }  # fmt: skip
            rows.write(json.dumps(row) + "\n")
            first += len(clip.samples)
            seconds[clip.split] = seconds.get(clip.split, 0.0) + len(clip.samples) / 16_000
    hours = {split: round(s / 3600, 3) for split, s in sorted(seconds.items())}
    (partial / "source.json").write_text(json.dumps({"kind": kind, "rate": 16_000, "hours": hours}) + "\n")
    partial.rename(out)
    print(f"{kind}: hours {hours}")


SOURCES = {f.__name__: f for f in (speechocean762, grid, ljspeech, vctk, flite, slt, festival, espeak)}


def main() -> None:
    """Prepare one source."""
    parser = argparse.ArgumentParser(description="Prepare speech with timed phones.")
    parser.add_argument("kind", choices=sorted(SOURCES))
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=900, help="clips a voice (espeak: in all)")
    options = parser.parse_args()
    write(SOURCES[options.kind](options.source, options.clips), options.out / options.kind, options.kind)


if __name__ == "__main__":
    main()
