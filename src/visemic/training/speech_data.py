"""Speech with timed phones as training reads it: mel, phones and mouth shapes in memory maps.

``recipes/speech_corpus.py`` gives sound and phones; ``prepare_speech`` here makes of every clip
one or more *takes*: the first as recorded, the others faster or slower, higher or lower, in a
room, through a telephone or a codec. A take is rows of unnormalised log-mel, of phone numbers
and of the rule engine's mouth. Noise, tilt, level and the length of the vocal tract are varied
later, batch by batch, in the mel domain, where they cost nothing.

Steps are those of ``models.phonetic``: step ``j`` at ``20 j + 10`` ms; mouth shapes are of
``20 j + 25`` ms, see ``models.live_mouth``.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from visemic.audio.resample import resample
from visemic.audio.stretch import stretch
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import ArtifactError
from visemic.core.layout import MOUTH_33
from visemic.core.signals import SILENCE, Alignment, Phone, Waveform
from visemic.data.prepared_speech import read_clips, read_samples
from visemic.features.prosody import extract_prosody
from visemic.features.speech_mel import HOP_SAMPLES, N_MELS, WINDOW_SAMPLES, log_power
from visemic.models.live_mouth import FIRST_MOUTH_S
from visemic.models.viseme_rules import VisemeRules
from visemic.text.phone_posterior import FIRST_STEP_S, PHONES, STEP_S

VERSION = 1
_TEMPO, _PITCH = (0.82, 1.2), (0.84, 1.2)
_ROOM_S = (0.08, 0.5)
_NUMBER = {phone: i for i, phone in enumerate(PHONES)}


@dataclass(frozen=True, eq=False)
class Take:
    """One way a clip may have sounded."""

    log_mel: Float32[np.ndarray, "frames mels"]
    """Of an even number of frames."""
    phones: UInt8[np.ndarray, " steps"]
    """Row of ``models.phonetic.PHONES`` at each step."""
    mouth: Float32[np.ndarray, "steps 33"]
    """The rule engine's mouth."""


def make_take(
    samples: Float32[np.ndarray, " samples"],
    phones: tuple[tuple[str, float, float], ...],
    rules: VisemeRules,
    rng: np.random.Generator | None,
) -> Take:
    """Give a take of a clip.

    Args:
        samples: At 16 kHz.
        phones: Label, start and end in seconds.
        rules: Gives the mouth.
        rng: Varies voice, tempo, room and channel; None takes the clip as it is.
    """
    scale = 1.0
    if rng is not None:
        before = len(samples)
        samples = changed_sound(samples, rng)
        scale = len(samples) / before
    n_steps = max(1, len(samples) // (2 * HOP_SAMPLES))
    padded = np.pad(samples, (WINDOW_SAMPLES // 2, WINDOW_SAMPLES))
    log_mel = log_power(padded.astype(np.float32), 2 * n_steps)
    timed = [(p, a * scale, b * scale) for p, a, b in phones]
    return Take(log_mel, phone_numbers(timed, n_steps), _mouth(samples, timed, n_steps, rules))


def changed_sound(
    samples: Float32[np.ndarray, " samples"], rng: np.random.Generator
) -> Float32[np.ndarray, " changed"]:
    """Give the sound as another voice in another place through another channel; all times scale alike."""
    return _channel(_room(_varied(samples, rng), rng), rng)


def phone_numbers(phones: list[tuple[str, float, float]], n_steps: int) -> UInt8[np.ndarray, " steps"]:
    """Give the row of ``PHONES`` at each step, silence where no phone is."""
    labels = np.zeros(n_steps, np.uint8)
    for phone, start_s, end_s in phones:
        first = int(np.ceil((start_s - FIRST_STEP_S) / STEP_S - 1e-6))
        end = int(np.ceil((end_s - FIRST_STEP_S) / STEP_S - 1e-6))
        labels[max(0, first) : max(0, end)] = _NUMBER[phone]
    return labels


def _mouth(
    samples: Float32[np.ndarray, " samples"],
    phones: list[tuple[str, float, float]],
    n_steps: int,
    rules: VisemeRules,
) -> Float32[np.ndarray, "steps 33"]:
    """Give the mouth at the times of the steps: a clip that starts later by the first step's time."""
    start_s = FIRST_MOUTH_S
    length_s = n_steps * STEP_S
    moved: list[Phone] = []
    end_before = 0.0
    for label, begin, end in phones:
        a, b = max(end_before, begin - start_s), min(length_s, end - start_s)
        if b > a:
            if a > end_before + 1e-6:
                moved.append(Phone(SILENCE, end_before, a))
            moved.append(Phone(label, a, b))
            end_before = b
    if length_s > end_before + 1e-6:
        moved.append(Phone(SILENCE, end_before, length_s))
    alignment = Alignment(tuple(moved), (), "", length_s, source="file")
    late = samples[round(start_s * 16_000) :]
    prosody = extract_prosody(Waveform(np.pad(late, (0, len(samples) - len(late))), SPEECH_RATE))
    motion = rules.with_contacts(rules.articulate(alignment, prosody, Rate.of(50)), alignment)
    values = motion.to_layout(MOUTH_33).values[:n_steps]
    return np.pad(values, ((0, n_steps - len(values)), (0, 0)), mode="edge")


def _varied(
    samples: Float32[np.ndarray, " samples"], rng: np.random.Generator
) -> Float32[np.ndarray, " varied"]:
    """Change pitch with the vocal tract by resampling, then tempo by overlap-add."""
    pitch = float(np.exp(rng.uniform(*np.log(_PITCH)))) if rng.random() < 0.7 else 1.0
    tempo = float(np.exp(rng.uniform(*np.log(_TEMPO)))) if rng.random() < 0.5 else 1.0
    if pitch != 1.0:
        played_hz = round(16_000 * pitch)
        samples = resample(Waveform(samples, Rate.of(played_hz)), SPEECH_RATE).samples
    if tempo != 1.0:
        samples = stretch(Waveform(samples, SPEECH_RATE), 1 / tempo).samples
    return samples


def _room(
    samples: Float32[np.ndarray, " samples"], rng: np.random.Generator
) -> Float32[np.ndarray, " samples"]:
    """Add the decaying echo of a room to a third of the takes; the direct sound keeps its time."""
    if rng.random() > 0.35:
        return samples
    from scipy.signal import fftconvolve

    decay_s = float(np.exp(rng.uniform(*np.log(_ROOM_S))))
    n = round(decay_s * 16_000)
    echo = rng.normal(size=n) * np.exp(-6.9 * np.arange(n) / n)
    echo[: int(rng.integers(16, 160))] = 0.0
    echo *= 10 ** (rng.uniform(-14, 0) / 20) / np.sqrt(np.sum(echo**2) + 1e-12)
    echo[0] = 1.0
    return fftconvolve(samples, echo)[: len(samples)].astype(np.float32)


def _channel(
    samples: Float32[np.ndarray, " samples"], rng: np.random.Generator
) -> Float32[np.ndarray, " samples"]:
    """Send some takes through a telephone's band or a codec."""
    kind = rng.random()
    if kind < 0.12:
        from scipy.signal import butter, sosfilt

        band = butter(4, (rng.uniform(150, 350), rng.uniform(3_000, 3_900)), "band", fs=16_000, output="sos")
        quiet = sosfilt(band, samples)
        shaped = np.sign(quiet) * np.log1p(255 * np.abs(np.clip(quiet, -1, 1))) / np.log(256)
        coded = np.round(shaped * 127) / 127
        return (np.sign(coded) * np.expm1(np.abs(coded) * np.log(256)) / 255).astype(np.float32)
    if kind < 0.4:
        return _coded(samples, ("OGG", "OPUS") if rng.random() < 0.6 else ("MP3", "MPEG_LAYER_III"), rng)
    return samples


def _coded(
    samples: Float32[np.ndarray, " samples"], form: tuple[str, str], rng: np.random.Generator
) -> Float32[np.ndarray, " samples"]:
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file, np.clip(samples, -1, 1), 16_000, format=form[0], subtype=form[1],
        compression_level=float(rng.uniform(0.7, 0.98)),
    )  # fmt: skip
    file.seek(0)
    heard, _ = soundfile.read(file, dtype="float32")
    return np.pad(heard, (0, max(0, len(samples) - len(heard))))[: len(samples)]


def prepare_speech(
    sources: list[Path], out: Path, rules: VisemeRules, *, takes: int, seed: int
) -> Iterator[str]:
    """Write the takes of all clips of several sources; gives a line of progress now and then.

    Args:
        sources: Folders of prepared speech.
        out: Where the takes go.
        rules: Gives the mouths.
        takes: Of every training clip, the first as recorded.
        seed: Start of chance.

    Raises:
        ArtifactError: A folder holds no prepared speech, or ``out`` exists.
    """
    if out.exists():
        raise ArtifactError(f"folder {str(out)!r} exists; choose another or remove it")
    partial = out.with_name(f".{out.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    first = 0
    with (
        (partial / "mel.f16").open("wb") as mel,
        (partial / "phones.u8").open("wb") as phones,
        (partial / "mouth.f16").open("wb") as mouth,
        (partial / "takes.jsonl").open("w", encoding="utf-8") as rows,
    ):
        for number, source in enumerate(sources):
            for count, clip in enumerate(read_clips(source)):
                samples = read_samples(source, clip)
                for take_number in range(takes if clip.split == "train" else 1):
                    rng = np.random.default_rng([seed, number, count, take_number]) if take_number else None
                    take = make_take(samples, clip.phones, rules, rng)
                    take.log_mel.astype(np.float16).tofile(mel)
                    take.phones.tofile(phones)
                    take.mouth.astype(np.float16).tofile(mouth)
                    row = {
                        "id": clip.clip_id, "speaker": clip.speaker, "split": clip.split,
                        "source": source.name, "licence": clip.licence, "take": take_number, "first": first,
                        "steps": len(take.phones),
                    }  # fmt: skip
                    rows.write(json.dumps(row) + "\n")
                    first += len(take.phones)
                if count % 500 == 0:
                    yield f"{source.name}: {count} clips, {first * STEP_S / 3600:.2f} h so far"
    facts = json.dumps({"version": VERSION, "steps": first}) + "\n"
    (partial / "speech.json").write_text(facts, encoding="utf-8")
    partial.rename(out)


def read_takes(folder: Path, kind: str, version: int) -> tuple[list[dict[str, Any]], int]:
    """Give the list of takes of a prepared folder, and how many steps they have in all.

    Args:
        folder: Holds ``takes.jsonl`` and ``<kind>.json``.
        kind: ``speech`` or ``mouth``, as in the name of the recipe that makes it.
        version: Of the format that is understood.

    Raises:
        ArtifactError: The folder holds none, or of another version.
    """
    made_by = f"make them {{}}with recipes/{kind}_takes.py"
    try:
        facts = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
        lines = (folder / "takes.jsonl").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"folder {str(folder)!r} holds no prepared takes: {error}; {made_by.format('')}"
        ) from error
    if facts["version"] != version:
        raise ArtifactError(
            f"folder {str(folder)!r} has takes of version {facts['version']}, this program reads "
            f"{version}; {made_by.format('again ')}"
        )
    return [json.loads(line) for line in lines], int(facts["steps"])


class SpeechTakes:
    """Prepared takes, read from memory maps that each process opens by itself."""

    def __init__(self, folder: Path) -> None:
        """Read the list of takes.

        Raises:
            ArtifactError: The folder holds none, or of another version.
        """
        self.folder = folder
        self.rows, n = read_takes(folder, "speech", VERSION)
        self.log_mel = np.memmap(folder / "mel.f16", np.float16, "r", shape=(2 * n, N_MELS))
        self.phones = np.memmap(folder / "phones.u8", np.uint8, "r", shape=(n,))
        self.mouth = np.memmap(folder / "mouth.f16", np.float16, "r", shape=(n, len(MOUTH_33)))
