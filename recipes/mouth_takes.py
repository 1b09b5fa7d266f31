"""Turn recorded mouths into the takes that the mouth model learns from.

    python recipes/mouth_takes.py OUT grid=CORPUS facegood=CORPUS --takes 3

Any importer of ``visemic data kinds`` serves that gives weights and sound.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from visemic.data.importers.registry import load_importer
from visemic.data.recording import Recording
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.mouth_data import prepare_mouths


def _recordings(sources: list[str]) -> Iterator[Recording]:
    for item in sources:
        kind, _, path = item.partition("=")
        yield from load_importer(kind).recordings(Path(path))


def main() -> None:
    """Prepare takes."""
    parser = argparse.ArgumentParser(description="Turn recorded mouths into takes.")
    parser.add_argument("out", type=Path)
    parser.add_argument("sources", nargs="+", help="kind=folder")
    parser.add_argument("--takes", type=int, default=3, help="takes of a training clip, the first unchanged")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    readouts = fit_readouts(load_rig("visemic"))
    takes = prepare_mouths(
        _recordings(options.sources), options.out, readouts, takes=options.takes, seed=options.seed
    )
    for line in takes:
        print(line, flush=True)


if __name__ == "__main__":
    main()
