"""Speed and memory of reading, speech detection and phone recognition by length.

    python benchmarks/speech_front_end.py [FOLDER] [--minutes 1,10,60]

FOLDER holds recordings of speech, which are repeated until a length is reached. Without it
the espeak plugin speaks, and without that plugin vowels and hisses stand in for speech. Each
length runs in a process of its own, so that its memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4"}
TEXT = (
    "The old farmer keeps seven brown sheep in a field behind his house. Every morning his "
    "daughter brings them fresh water and some bread, and asks about the weather. "
)
RATE_HZ = 48_000


def speech(folder: Path | None) -> tuple[np.ndarray, str]:
    """Give about a minute of sound at 16 kHz, and where it comes from."""
    from visemic.audio.io import read_waveform, resample
    from visemic.core.clock import SPEECH_RATE

    if folder is not None:
        found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)[:20]
        if not found:
            sys.exit(f"no recordings in {folder}")
        return np.concatenate([read_waveform(p).samples for p in found]), f"{len(found)} recordings"
    try:
        from visemic.voices.registry import load_voice

        spoken = load_voice("espeak", "en-us").speak(TEXT * 5, language="en-us").waveform
        return resample(spoken, SPEECH_RATE).samples, "the espeak voice"
    except Exception as error:  # any voice that cannot speak is a reason for the stand-in
        return synthetic(), f"vowels and hisses ({error})"


def synthetic() -> np.ndarray:
    """Give a minute of pulses through resonances, with hiss and pauses between."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(0)
    parts = []
    for _ in range(200):
        n_samples = int(rng.uniform(0.08, 0.25) * 16_000)
        sound = np.diff(np.floor(np.cumsum(np.full(n_samples, rng.uniform(90, 200) / 16_000))), prepend=0.0)
        for hz in (rng.uniform(300, 800), rng.uniform(900, 2_300), 2_700.0):
            radius = np.exp(-np.pi * 90 / 16_000)
            turn = 2 * np.pi * hz / 16_000
            sound = lfilter([1.0], [1.0, -2 * radius * np.cos(turn), radius**2], sound)
        parts.append(0.3 * sound / np.abs(sound).max())
        parts.append(np.diff(rng.normal(0, 0.02, int(rng.uniform(0.05, 0.1) * 16_000))))
        if rng.random() < 0.1:
            parts.append(np.zeros(8_000))
    return np.concatenate(parts).astype(np.float32)


def write_long(path: Path, samples: np.ndarray, minutes: float) -> None:
    """Write stereo of a length, the sound repeated with a breath of silence between."""
    import soundfile
    import soxr

    once = soxr.resample(np.concatenate([samples, np.zeros(4_800, np.float32)]), 16_000, RATE_HZ)
    stereo = np.stack([once, once], axis=1)
    left = int(minutes * 60 * RATE_HZ)
    with soundfile.SoundFile(path, "w", RATE_HZ, 2, format="FLAC") as file:
        while left > 0:
            file.write(stereo[:left])
            left -= len(stereo)


def measure(path: Path) -> dict[str, float]:
    """Run the front end once and give seconds of each part and the memory of all."""
    from visemic.audio.activity import detect_speech
    from visemic.audio.io import read_waveform, require_speech
    from visemic.audio.recognise import recognise_phones

    start = time.perf_counter()
    waveform = read_waveform(path)
    read = time.perf_counter()
    require_speech(waveform)
    segments = detect_speech(waveform)
    judged = time.perf_counter()
    phones = recognise_phones(waveform).phones
    done = time.perf_counter()
    return {
        "duration_s": waveform.duration_s,
        "speech_share": sum(s.duration_s for s in segments) / waveform.duration_s,
        "read_s": read - start,
        "detect_s": judged - read,
        "recognise_s": done - judged,
        "phones": len(phones),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "helper_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }


def main() -> None:
    """Print one row a length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="recordings of speech")
    parser.add_argument("--minutes", default="1,10,60", help="lengths, separated by commas")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    samples, source = speech(options.folder)
    print(f"speech from {source}; real-time factor = seconds of computing per second of sound")
    columns = ("read", "detect", "phones", "all")
    print(
        f"{'minutes':>8} {'speech':>7} " + " ".join(f"{c:>7}" for c in columns) + f" {'MiB':>6} {'helper':>7}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for minutes in map(float, options.minutes.split(",")):
            path = Path(folder) / "long.flac"
            write_long(path, samples, minutes)
            child = [sys.executable, __file__, "--one", str(path)]
            row = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
            rtf = {k: row[f"{k}_s"] / row["duration_s"] for k in ("read", "detect", "recognise")}
            print(
                f"{minutes:8g} {row['speech_share']:7.0%} {rtf['read']:7.4f} {rtf['detect']:7.4f} "
                f"{rtf['recognise']:7.4f} {sum(rtf.values()):7.4f} {row['peak_mib']:6.0f} "
                f"{row['helper_mib']:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
