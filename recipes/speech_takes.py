"""Turn prepared speech into the takes that the phonetic encoder and the mouth learn from.

    python recipes/speech_takes.py OUT SPEECH/speechocean762 SPEECH/grid SPEECH/flite ... --takes 2

``SPEECH`` is what ``recipes/speech_corpus.py`` wrote. Deterministic by ``--seed``.
"""

import argparse
from pathlib import Path

from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.speech_data import prepare_speech


def main() -> None:
    """Prepare takes."""
    parser = argparse.ArgumentParser(description="Turn prepared speech into takes.")
    parser.add_argument("out", type=Path)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--takes", type=int, default=2, help="takes of a training clip, the first unchanged")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    rules = VisemeRules(VisemeRulesConfig(), fit_readouts(load_rig("visemic")))
    for line in prepare_speech(options.sources, options.out, rules, takes=options.takes, seed=options.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
