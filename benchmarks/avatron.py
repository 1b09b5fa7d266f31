"""Text to face against FaceFormer, in one run: ``python benchmarks/avatron.py``.

At the published sizes for VOCASET with random parameters, ten seconds, as many threads as
``--threads`` says: Avatron's face; FaceFormer decoded as published and incrementally, alone and
with its encoder; parameters of the chain from text to wave to mesh, and of the chain that ships.
Runs take turns, so that what else the machine does meets all of them. Exits with 1 when a limit
is missed.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from bench import Table, commit, machine

from visemic.core.artifact import TENSORS, Artifact
from visemic.core.hub import find_artifact, packaged_models
from visemic.models.avatron_avatar import AvatronAvatar, AvatronAvatarConfig
from visemic.models.avatron_speech import KIND, VOICE_KIND
from visemic.models.faceformer import PUBLISHED_SIZES, FaceFormer
from visemic.models.vocoder_session import HIFI_GAN, SPECTRAL
from visemic.training.avatron_experiment_table import published_parameters

SECONDS, RATE_HZ, SAMPLE_RATE_HZ = 10.0, 30, 16_000
SYMBOLS_A_SECOND = 13
HEAD_SPREAD = 0.02
"""Spread of FaceFormer's random head: it starts at 0, and zeros cannot differ."""
MOST_CHAIN, MOST_SHIPPED = 44.7e6, 12e6
LEAST_AVATRON, LEAST_INCREMENTAL, MOST_DIFFERENCE = 20.0, 5.0, 1e-6


def networks() -> tuple[AvatronAvatar, FaceFormer]:
    """Make both at the published sizes for VOCASET."""
    torch.manual_seed(0)
    sizes = PUBLISHED_SIZES["vocaset"]
    avatar = AvatronAvatar(AvatronAvatarConfig(n_outputs=sizes.n_channels))
    faceformer = FaceFormer(sizes)
    torch.nn.init.normal_(avatar.head.weight, std=HEAD_SPREAD)
    torch.nn.init.normal_(faceformer.vertice_map_r.weight, std=HEAD_SPREAD)
    return avatar.eval(), faceformer.eval()


def medians(works: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Give the median seconds of each, all run in turn."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn:  # the first is to warm up
                took[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in took.items()}


def bench_speed(table: Table, repeats: int) -> None:
    """Time both faces and both ways to decode."""
    avatar, faceformer = networks()
    n_frames = round(SECONDS * RATE_HZ)
    n_symbols = round(SECONDS * SYMBOLS_A_SECOND)
    owner = (torch.arange(n_frames) * n_symbols // n_frames)[None]
    said = (
        torch.randn(1, n_symbols, avatar.config.state_channels),
        torch.zeros(1, n_symbols, dtype=torch.int64),
        torch.eye(avatar.config.n_styles)[:1],
        owner,
        owner,
        torch.zeros(1, n_frames),
        torch.tensor([n_frames]),
    )
    sound = torch.randn(1, round(SECONDS * SAMPLE_RATE_HZ))
    style = torch.eye(faceformer.config.n_styles)[:1]
    with torch.no_grad():
        memory, _ = faceformer.hear(sound, n_frames)
        took = medians(
            {
                "avatron": lambda: avatar(*said),
                "encoder": lambda: faceformer.hear(sound, n_frames),
                "incremental": lambda: faceformer.decode(memory, style, n_frames),
                "naive": lambda: faceformer.decode_naive(memory, style, n_frames),
            },
            repeats,
        )
        away = faceformer.decode(memory, style, n_frames) - faceformer.decode_naive(memory, style, n_frames)
        largest = float(faceformer.decode(memory, style, n_frames).abs().max())
    for name, seconds in took.items():
        table.add(f"{name}, {SECONDS:g} s of speech", seconds, None, "s")
    whole, fast = took["encoder"] + took["naive"], took["encoder"] + took["incremental"]
    table.add(
        "naive decoding over Avatron's face",
        took["naive"] / took["avatron"],
        LEAST_AVATRON,
        "x",
        at_least=True,
    )
    table.add("naive decoding with encoder over Avatron's face", whole / took["avatron"], None, "x")
    table.add(
        "naive over incremental, decoding alone",
        took["naive"] / took["incremental"],
        LEAST_INCREMENTAL,
        "x",
        at_least=True,
    )
    table.add("naive over incremental, with the encoder", whole / fast, None, "x")
    table.add(
        f"largest difference, outputs up to {largest:.2f}", float(away.abs().max()), MOST_DIFFERENCE, ""
    )


def bench_parameters(table: Table) -> None:
    """Count the chain at published sizes, and the one that ships."""
    published = published_parameters()
    for name, count in published.items():
        table.add(f"{name}, published size", count / 1e6, None, "M")
    chain = sum(count for name, count in published.items() if name.startswith(("avatron", "vocoder")))
    table.add("text to wave to VOCASET mesh", chain / 1e6, MOST_CHAIN / 1e6, "M")
    kinds = {"voice and face": (KIND,), "voice": (VOICE_KIND,), "vocoder": (SPECTRAL, HIFI_GAN)}
    shipped = [find_artifact(name) for name in packaged_models()]
    found = {
        what: max((parameters_of(a) for a in shipped if a.info.kind in own), default=0)
        for what, own in kinds.items()
    }
    speaking = found["voice and face"] or found["voice"]
    if not (speaking and found["vocoder"]):
        print("no voice or no vocoder ships here: the shipped chain is not counted")
        return
    table.add("shipped: text to wave and face", (speaking + found["vocoder"]) / 1e6, MOST_SHIPPED / 1e6, "M")


def parameters_of(artifact: Artifact) -> int:
    """Give the parameters of an artefact as it states them, or those of its ONNX files."""
    if artifact.info.n_parameters or TENSORS in artifact.sha256:
        return artifact.info.n_parameters
    import onnx

    total = 0
    for name in artifact.sha256:
        if name.endswith(".onnx"):
            graph = onnx.load(artifact.file(name)).graph
            total += sum(int(torch.Size(t.dims).numel()) for t in graph.initializer)
    return total


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the rows here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"machine {machine()}\ncommit  {commit()}\nthreads {options.threads}")
    table = Table()
    bench_speed(table, options.repeats)
    bench_parameters(table)
    if options.json:
        options.json.write_text(json.dumps(table.rows, indent=1))
    if not all(row["good"] for row in table.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
