"""Recorded mouths as training reads them: log-mel and read-outs in millimetres, in memory maps.

A recording's weights are measured on the head as four read-outs: how far the lips part, how
wide the mouth is, how far the upper lip stands out, how far the teeth part. That is what a
video shows; which shapes make it is the rules' affair. Speakers differ in how wide they open,
so each read-out is scaled to the rule engine's spread, speaker by speaker.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, UInt8

from visemic.audio.resample import resample
from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError
from visemic.core.signals import Motion
from visemic.data.recording import Recording
from visemic.features.speech_mel import HOP_SAMPLES, N_MELS, WINDOW_SAMPLES, log_power
from visemic.models.live_mouth import FIRST_MOUTH_S
from visemic.rig.readout import Readouts, readout_index
from visemic.text.phone_posterior import STEP_S
from visemic.training.speech_data import changed_sound, phone_numbers, read_takes

VERSION = 2
UNKNOWN_PHONE = 255
MEASURES = ("lip_gap", "mouth_width", "upper_lip_protrusion", "incisor_gap")
SCALED_FROM_REST = ("lip_gap", "incisor_gap")
"""Opening starts at 0 for everybody: these are scaled, the others are shifted too."""
_SPREAD = (0.02, 0.98)


def step_times_s(n_steps: int) -> Float[np.ndarray, " steps"]:
    """Give the times of which the steps' mouths are."""
    return FIRST_MOUTH_S + STEP_S * np.arange(n_steps)


def measured_mm(
    motion: Motion, readouts: Readouts, times_s: Float[np.ndarray, " steps"]
) -> Float32[np.ndarray, "steps measures"]:
    """Give ``MEASURES`` at some times, the first and the last frame held."""
    all_mm = readouts.measure_mm(motion.to_layout(readouts.layout).values.astype(float))
    columns = [readout_index(name) for name in MEASURES]
    curves = [np.interp(times_s, motion.times_s, all_mm[:, c]) for c in columns]
    return np.stack(curves, axis=1).astype(np.float32)


def prepare_mouths(
    recordings: Iterable[Recording], out: Path, readouts: Readouts, *, takes: int, seed: int
) -> Iterator[str]:
    """Write takes of recordings that have sound and weights; gives a line of progress now and then.

    Raises:
        ArtifactError: ``out`` exists.
    """
    if out.exists():
        raise ArtifactError(f"folder {str(out)!r} exists; choose another or remove it")
    partial = out.with_name(f".{out.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    first = 0
    with (
        (partial / "mel.f16").open("wb") as mel,
        (partial / "measures.f32").open("wb") as measures,
        (partial / "phones.u8").open("wb") as phones,
        (partial / "takes.jsonl").open("w", encoding="utf-8") as rows,
    ):
        for number, recording in enumerate(recordings):
            if recording.waveform is None or recording.motion is None:
                continue
            sound = resample(recording.waveform, SPEECH_RATE).samples
            for take in range(takes if recording.split == "train" else 1):
                rng = np.random.default_rng([seed, number, take]) if take else None
                samples = changed_sound(sound, rng) if rng is not None else sound
                scale = len(samples) / len(sound)
                n = max(1, len(samples) // (2 * HOP_SAMPLES))
                padded = np.pad(samples, (WINDOW_SAMPLES // 2, WINDOW_SAMPLES)).astype(np.float32)
                log_power(padded, 2 * n).astype(np.float16).tofile(mel)
                measured_mm(recording.motion, readouts, step_times_s(n) / scale).tofile(measures)
                _phones(recording, scale, n).tofile(phones)
                row = {
                    "id": recording.clip_id, "speaker": recording.speaker, "split": recording.split,
                    "source": recording.source, "licence": recording.licence, "take": take,
                    "first": first, "steps": n,
                }  # fmt: skip
                rows.write(json.dumps(row) + "\n")
                first += n
            if number % 200 == 0:
                yield f"{number} recordings, {first * STEP_S / 60:.1f} min so far"
    (partial / "mouth.json").write_text(json.dumps({"version": VERSION, "steps": first}) + "\n", "utf-8")
    partial.rename(out)


def _phones(recording: Recording, scale: float, n_steps: int) -> UInt8[np.ndarray, " steps"]:
    """Give the phones where they are known in time, ``UNKNOWN_PHONE`` where they are not."""
    if recording.alignment is None or not recording.alignment.phones:
        return np.full(n_steps, UNKNOWN_PHONE, np.uint8)
    timed = [(p.label, p.start_s * scale, p.end_s * scale) for p in recording.alignment.phones]
    return phone_numbers(timed, n_steps)


class MouthTakes:
    """Prepared recordings, read from memory maps."""

    def __init__(self, folder: Path) -> None:
        """Read the list of takes.

        Raises:
            ArtifactError: The folder holds none, or of another version.
        """
        self.folder = folder
        self.rows, n = read_takes(folder, "mouth", VERSION)
        self.log_mel = np.memmap(folder / "mel.f16", np.float16, "r", shape=(2 * n, N_MELS))
        self.phones = np.memmap(folder / "phones.u8", np.uint8, "r", shape=(n,))
        self.measures_mm = np.memmap(folder / "measures.f32", np.float32, "r", shape=(n, len(MEASURES)))

    def spread(self, speaker: str) -> Float[np.ndarray, "2 measures"]:
        """Give how low and how high a speaker's measures go in training takes."""
        parts = [
            self.measures_mm[row["first"] : row["first"] + row["steps"]]
            for row in self.rows
            if row["speaker"] == speaker and row["split"] == "train" and row["take"] == 0
        ]
        return np.quantile(np.concatenate(parts).astype(float), _SPREAD, axis=0)


def speaker_affine(
    theirs: Float[np.ndarray, "2 measures"],
    ours: Float[np.ndarray, "2 measures"],
    rest_mm: Float[np.ndarray, " measures"],
) -> tuple[Float[np.ndarray, " measures"], Float[np.ndarray, " measures"]]:
    """Give factor and shift that bring a speaker's measures to the rules' spread.

    Args:
        theirs: Low and high of the speaker.
        ours: Low and high of the rule engine.
        rest_mm: The head at rest, which opening starts from.
    """
    factor, shift = np.ones(len(MEASURES)), np.zeros(len(MEASURES))
    for i, name in enumerate(MEASURES):
        if name in SCALED_FROM_REST:
            zero = 0.0 if name == "lip_gap" else float(rest_mm[i])
            factor[i] = (ours[1, i] - zero) / max(theirs[1, i] - zero, 1e-3)
            shift[i] = zero - factor[i] * zero
        else:
            factor[i] = (ours[1, i] - ours[0, i]) / max(theirs[1, i] - theirs[0, i], 1e-3)
            shift[i] = ours.mean(axis=0)[i] - factor[i] * theirs.mean(axis=0)[i]
    return factor, shift
