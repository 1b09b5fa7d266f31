"""Speed and memory of the main job against its limits: ``make bench``.

Prints the machine, the commit and one row a figure; exits with 1 when a limit is missed.
``--minutes 1,10`` leaves the hour out. Stores and metrics run in processes of their own, so that
their memory is theirs; ``benchmarks/data.py`` alone has more rows.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SENTENCE = "Every good voice deserves a face that moves with it."
SCRIPT = (
    "The quick brown fox jumps over the lazy dog. ",
    "Pack my box with five dozen liquor jugs, please. ",
    "We met a farmer who grows plums, figs and very fine peppers. ",
    "She sells sea shells by the shore, and he judges cheese. ",
    "How vexingly quick daft zebras jump! ",
)


def machine() -> str:
    """Give cores, processor and memory."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {gib:.0f} GiB, Python {platform.python_version()}"


def commit() -> str:
    """Give the commit, with a mark when files differ from it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False).stdout.strip()

    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+" if git("status", "--porcelain") else "")


def timed(work: Callable[[], object], repeats: int) -> float:
    """Give the median seconds of a call."""
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return statistics.median(took)


def session_mib(session: int) -> float:
    """Give the resident memory of every process of a session together, pages they share counted twice."""
    page, total = os.sysconf("SC_PAGE_SIZE"), 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[3]) == session:
            total += int(fields[21]) * page
    return total / 2**20


def run_child(*words: str) -> tuple[float, float]:
    """Run a command to its end and give its seconds and its largest memory in MiB, helpers included."""
    start, largest = time.perf_counter(), 0.0
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True) as child:
        while child.poll() is None:
            largest = max(largest, session_mib(child.pid))
            time.sleep(0.005 if time.perf_counter() - start < 2 else 0.2)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)} failed with {child.returncode}")
    return time.perf_counter() - start, largest


class Table:
    """Rows of figures with their limits."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(self, name: str, value: float, limit: float | None, unit: str, *, at_least: bool = False) -> None:
        """Print a row and remember whether it keeps its limit."""
        good = limit is None or (value >= limit if at_least else value <= limit)
        sign = ">=" if at_least else "<="
        wanted = "" if limit is None else f"{sign} {limit:g}"
        self.take(
            {"name": name, "value": value, "unit": unit, "limit": limit, "wanted": wanted, "good": good}
        )

    def take(self, row: dict[str, object]) -> None:
        """Print a row that is already judged, and remember it."""
        mark = "ok  " if row["good"] else "MISS"
        print(f"{mark} {row['name']:52} {row['value']:10.4g} {row['unit']:8} {row['wanted']}", flush=True)
        self.rows.append(row)


def bench_command_line(table: Table, folder: Path) -> None:
    """Time cold processes."""
    visemic = str(Path(sys.executable).with_name("visemic"))
    table.add("visemic --help, cold process", timed(lambda: run_child(visemic, "--help"), 7), 0.4, "s")
    out = str(folder / "out.glb")
    speak = [visemic, "speak", SENTENCE, "-o", out, "--overwrite"]
    run_child(*speak)
    table.add("speak -o out.glb, cold process, warm caches", timed(lambda: run_child(*speak), 5), 3.0, "s")


def bench_engine(table: Table) -> None:
    """Time the parts inside a warm process."""
    import numpy as np

    import visemic
    from visemic.core.clock import Rate
    from visemic.features.prosody import extract_prosody
    from visemic.models.base import FaceControl
    from visemic.models.registry import load_model
    from visemic.rig.readout import fit_readouts
    from visemic.rig.registry import load_rig

    visemic.speak(SENTENCE)
    table.add("text to motion, 10 words, warm", timed(lambda: visemic.speak(SENTENCE), 15), 0.15, "s")
    clip = visemic.speak("".join(SCRIPT) * 4)
    model = load_model("viseme-rules", fit_readouts(load_rig("visemic")))
    prosody = extract_prosody(clip.waveform)

    def rules() -> object:
        return model.generate(clip.alignment, prosody, Rate.of(30), FaceControl(), np.random.default_rng(0))

    table.add("rule engine alone, real-time factor", timed(rules, 9) / clip.duration_s, 0.002, "x")
    took = timed(lambda: extract_prosody(clip.waveform), 5) / clip.duration_s
    table.add("prosody, real-time factor", took, None, "x")


def bench_picture(table: Table, folder: Path) -> None:
    """Time the renderer and the encoder."""
    import visemic

    clip = visemic.speak("".join(SCRIPT))
    path = folder / "movie.mp4"
    clip.save(path)
    start = time.perf_counter()
    clip.save(path, overwrite=True)
    speed = clip.motion.n_frames / (time.perf_counter() - start)
    table.add("mp4 512x512, frames a second", speed, 60.0, "1/s", at_least=True)
    size_mb = clip.save(folder / "head.glb").stat().st_size / 1e6
    table.add(f"glb of {clip.duration_s:.0f} s", size_mb, 3.0, "MB")


def make_speech(path: Path, minutes: float) -> None:
    """Write synthetic speech of a given length, streamed to disk."""
    import numpy as np
    import soundfile

    from visemic.voices.registry import load_voice

    voice = load_voice("espeak", "en-us")
    rng = np.random.default_rng(0)
    takes = [voice.speak(" ".join(rng.permutation(SCRIPT)), tempo=t).waveform for t in (0.85, 1.0, 1.15)]
    wanted = int(minutes * 60 * float(takes[0].rate))
    with soundfile.SoundFile(path, "w", int(takes[0].rate.hz), 1, "PCM_16") as file:
        while wanted > 0:
            samples = takes[rng.integers(len(takes))].samples[:wanted]
            file.write(samples)
            wanted -= len(samples)


def bench_long(table: Table, folder: Path, minutes: list[float]) -> None:
    """Time audio alone to CSV and watch its memory."""
    visemic = str(Path(sys.executable).with_name("visemic"))
    per_minute = []
    for length in minutes:
        wav = folder / "speech.wav"
        make_speech(wav, length)
        seconds, mib = run_child(visemic, "animate", str(wav), "-o", str(folder / "a.csv"), "--overwrite")
        per_minute.append(seconds / length)
        table.add(f"audio alone to csv, {length:g} min, real-time factor", seconds / (60 * length), 0.06, "x")
        table.add(f"audio alone to csv, {length:g} min, memory", mib, 1.2 * 1024, "MiB")
    if len(per_minute) > 1:
        table.add("time per minute, longest over shortest", per_minute[-1] / per_minute[0], 1.3, "x")


def bench_script(table: Table, folder: Path, name: str, *options: str) -> None:
    """Run another benchmark in a process of its own and take over its rows."""
    rows = folder / f"{name}.json"
    script = str(Path(__file__).with_name(f"{name}.py"))
    done = subprocess.run(
        [sys.executable, script, "--json", str(rows), *options], stdout=subprocess.DEVNULL, check=False
    )
    if not rows.exists():
        raise SystemExit(f"{script} failed with {done.returncode}")
    for row in json.loads(rows.read_text()):
        table.take(row)


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", default="1,10,60", help="lengths of the long-file run")
    parser.add_argument("--json", type=Path, help="also write the rows here")
    args = parser.parse_args()
    print(f"machine {machine()}\ncommit  {commit()}")
    table = Table()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench_command_line(table, folder)
        bench_engine(table)
        bench_picture(table, folder)
        bench_script(table, folder, "data", "--short", "--clips", "40")
        bench_script(table, folder, "metrics")
        bench_script(table, folder, "live")
        bench_script(table, folder, "voice", "--only", "speed")
        if importlib.util.find_spec("torch"):
            bench_script(table, folder, "avatron")
        bench_long(table, folder, [float(m) for m in args.minutes.split(",")])
    if args.json:
        args.json.write_text(
            json.dumps({"machine": machine(), "commit": commit(), "rows": table.rows}, indent=1)
        )
    if not all(row["good"] for row in table.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
