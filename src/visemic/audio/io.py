"""Sound in and out: files of any kind to one mono waveform, and a waveform to a wav file.

Files are decoded, mixed to mono, checked and resampled block by block, so that an hour of
48 kHz stereo costs the memory of its 16 kHz result.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Num

from visemic.audio.decode import SoundStream, open_sound
from visemic.audio.resample import resample, resample_blocks, resampled_length
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.errors import AudioError
from visemic.core.signals import Waveform

__all__ = [
    "SoundInfo",
    "clipping_note",
    "probe",
    "read_waveform",
    "require_speech",
    "resample",
    "waveform_from_array",
    "write_wav",
]

MIN_DURATION_S = 0.1
MAX_DURATION_S = 7_200.0
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
SILENCE_DB = -60.0
"""Peak level in dB below full scale under which nobody can be heard."""

_TRUNCATION_S = 0.1
"""Encoders pad and cut by less than this."""
_GROWTH = 1.5
_LOUDEST = 32.0
"""Mixing may go over 1 by some decibels; beyond 30 dB the floats are unscaled integers."""
_OVERSHOOT = 1.1
"""Peak that decoding and resampling give to sound within full scale."""


@dataclass(frozen=True, slots=True)
class SoundInfo:
    """What the header of a file says of its sound."""

    duration_s: float | None
    """None when only reading it all can tell."""
    rate: Rate
    n_channels: int


def probe(path: Path) -> SoundInfo:
    """Tell length, rate and channels of a file's sound without reading it all.

    Raises:
        AudioError: There is no such file, or no sound in it that can be read.
    """
    with open_sound(path) as stream:
        return SoundInfo(stream.promised_s, Rate.of(stream.rate_hz), stream.n_channels)


def read_waveform(path: Path, rate: Rate = SPEECH_RATE) -> Waveform:
    """Read the sound of an audio or video file as one mono waveform.

    The channels are averaged. Memory grows with the result only, not with the file.

    Args:
        path: wav, flac, ogg, mp3, m4a, mp4, mov, mkv and others; 8 to 192 kHz.
        rate: Rate of the result.

    Raises:
        AudioError: The file is missing, not sound, damaged or truncated, holds samples that
            are not numbers or far beyond 1, lasts less than 0.1 s or more than 2 h, or its rate is out
            of range.

    Example:
        >>> read_waveform(Path("speech.mp3")).duration_s  # doctest: +SKIP
        2.4
    """
    with open_sound(path) as stream:
        if not stream.n_channels:
            raise AudioError(f"{str(path)!r} has 0 channels of sound; give a file with at least one")
        _check_rate(float(stream.rate_hz), repr(str(path)))
        if stream.promised_s is not None:
            _check_duration(stream.promised_s, repr(str(path)), at_least_s=0.0)
        source_rate = Rate.of(stream.rate_hz)
        n_expected = math.ceil((stream.promised_s or 60.0) * stream.rate_hz) + 64
        blocks = resample_blocks(_checked_blocks(path, stream), source_rate, rate)
        samples = _collect(blocks, resampled_length(n_expected, source_rate, rate))
    waveform = Waveform(samples, rate)
    _check_duration(waveform.duration_s, repr(str(path)))
    return waveform


def waveform_from_array(samples: Num[np.ndarray, "..."], rate: Rate) -> Waveform:
    """Give samples that are in memory as a checked mono waveform of the same rate.

    Args:
        samples: One axis, or two with the channels on the shorter. Floats run from -1 to 1;
            integers are scaled by the range of their type.
        rate: Samples a second, 8 to 192 kHz.

    Raises:
        AudioError: The shape is another, a sample is not a number or far beyond 1, the sound
            is shorter than 0.1 s or longer than 2 h, or the rate is out of range.

    Example:
        >>> waveform_from_array(np.full((2, 1600), 16384, np.int16), SPEECH_RATE).samples[0]
        np.float32(0.5)
    """
    _check_rate(float(rate.hz), "sound")
    if samples.ndim not in (1, 2) or samples.size == 0 or np.iscomplexobj(samples):
        raise AudioError(
            f"samples of shape {samples.shape} and type {samples.dtype} are not sound; give real "
            "numbers with one axis, or with two for samples and channels"
        )
    with np.errstate(over="ignore"):
        scaled = _scaled(samples)
        mono = scaled if samples.ndim == 1 else scaled.mean(axis=int(np.argmin(samples.shape)))
        mono = mono.astype(np.float32)
    _check_finite(mono, 0, float(rate.hz), "sound")
    _check_peak(mono, "sound")
    waveform = Waveform(mono, rate)
    _check_duration(waveform.duration_s, "sound")
    return waveform


def require_speech(waveform: Waveform) -> None:
    """Refuse sound in which nobody can be heard speaking.

    Raises:
        AudioError: The sound is shorter than 0.1 s or longer than 2 h, holds samples that are
            not numbers, or its peak stays below -60 dB of full scale.
    """
    _check_duration(waveform.duration_s, "sound")
    samples = waveform.samples
    _check_finite(samples, 0, float(waveform.rate.hz), "sound")
    peak = _peak(samples)
    peak_db = 20.0 * math.log10(peak) if peak > 0.0 else -math.inf
    if peak_db < SILENCE_DB:
        raise AudioError(
            f"the sound is silent: its peak is {peak_db:.0f} dB of full scale and speech needs at least "
            f"{SILENCE_DB:.0f} dB; check the file or the microphone"
        )


def clipping_note(waveform: Waveform) -> str:
    """Give the sentence on sound that is louder than 16 bit can hold; empty where it is not."""
    peak = _peak(waveform.samples)
    if peak <= _OVERSHOOT:
        return ""
    return f"the sound reaches {peak:.3g} of full scale 1; what lies beyond is cut off in wav and mp4"


def write_wav(waveform: Waveform, path: Path, *, comment: str | None = None) -> None:
    """Write a wav file of 16 bit; what lies beyond -1 to 1 is clipped.

    Args:
        waveform: Sound whose rate is a whole number of hertz.
        path: The file, replaced when it exists; guard it with ``core.atomic``.
        comment: Text for the file's metadata, None for none.

    Raises:
        AudioError: The rate is not a whole number.
    """
    import soundfile

    if waveform.rate.hz.denominator != 1:
        raise AudioError(
            f"a wav file cannot hold sound at {waveform.rate}; resample it to a whole number of Hz"
        )
    with soundfile.SoundFile(path, "w", int(waveform.rate.hz), 1, "PCM_16", format="WAV") as file:
        if comment:
            file.comment = comment
        file.write(waveform.samples)


def _scaled(samples: Num[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Give numbers of any type on the scale from -1 to 1."""
    if samples.dtype.kind == "f":
        return samples
    half = 2.0 ** (8 * samples.dtype.itemsize - 1)
    return samples / half - (1.0 if samples.dtype.kind == "u" else 0.0)


def _checked_blocks(path: Path, stream: SoundStream) -> Iterator[Float32[np.ndarray, " _"]]:
    """Give a stream's blocks, refusing what is no number, too long, or less than was promised."""
    name = repr(str(path))
    n_samples = 0
    for block in stream.blocks:
        _check_finite(block, n_samples, float(stream.rate_hz), name)
        _check_peak(block, name)
        n_samples += len(block)
        if n_samples > MAX_DURATION_S * stream.rate_hz:
            _check_duration(n_samples / stream.rate_hz, name, is_all=False)
        yield block
    read_s = n_samples / stream.rate_hz
    if stream.promised_s is not None and read_s < stream.promised_s - _TRUNCATION_S:
        raise AudioError(
            f"{name} is truncated: {read_s:.2f} s can be read of the {stream.promised_s:.2f} s that its "
            "header promises; copy or record it again"
        )


def _collect(blocks: Iterable[Float32[np.ndarray, " _"]], n_expected: int) -> Float32[np.ndarray, " _"]:
    """Join blocks in one array that grows when there is more than expected."""
    samples = np.empty(max(n_expected, 1), np.float32)
    n_samples = 0
    for block in blocks:
        if n_samples + len(block) > len(samples):
            samples.resize(int((n_samples + len(block)) * _GROWTH), refcheck=False)
        samples[n_samples : n_samples + len(block)] = block
        n_samples += len(block)
    samples.resize(n_samples, refcheck=False)
    return samples


def _check_rate(rate_hz: float, name: str) -> None:
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"{name} at {rate_hz:g} Hz cannot be used; its rate must lie between {MIN_RATE_HZ} and "
            f"{MAX_RATE_HZ} Hz, resample it first"
        )


def _check_duration(
    duration_s: float, name: str, *, at_least_s: float = MIN_DURATION_S, is_all: bool = True
) -> None:
    if duration_s > MAX_DURATION_S:
        raise AudioError(
            f"{name} lasts {'' if is_all else 'over '}{_clock(duration_s)}, at most "
            f"{_clock(MAX_DURATION_S)} can be used; split it"
        )
    if duration_s < at_least_s:
        # Cut, not rounded: 1,599 samples do not last as long as is needed.
        lasts_s = math.floor(1000 * duration_s) / 1000
        raise AudioError(
            f"{name} lasts {lasts_s:.3f} s and at least {at_least_s:g} s is needed; give longer sound"
        )


def _check_finite(block: Float32[np.ndarray, " _"], n_before: int, rate_hz: float, name: str) -> None:
    # The sum is not finite when one sample is not; only then is the sample looked for.
    with np.errstate(over="ignore", invalid="ignore"):
        if math.isfinite(float(block.sum())):
            return
    wrong = np.flatnonzero(~np.isfinite(block))
    if len(wrong):
        raise AudioError(
            f"{name} holds a sample that is not a finite number at "
            f"{(n_before + int(wrong[0])) / rate_hz:.3f} s; export it again"
        )


def _peak(samples: Float32[np.ndarray, " _"]) -> float:
    # Two reductions in place of one array of absolute values: an hour of it is 230 MB.
    return max(float(samples.max(initial=0.0)), -float(samples.min(initial=0.0)))


def _check_peak(samples: Float32[np.ndarray, " _"], name: str) -> None:
    if (peak := _peak(samples)) > _LOUDEST:
        raise AudioError(
            f"{name} reaches {peak:g} and samples must lie between -1 and 1; divide them by their full scale"
        )


def _clock(duration_s: float) -> str:
    """Give seconds as ``h:mm:ss``."""
    seconds = math.floor(duration_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
