"""Put a trained model into the package: the networks as ONNX, the full card, nothing over 15 MB.

    python recipes/ship.py runs/trunk-mouth/model            # src/visemic/models/weights/trunk-mouth
    python recipes/ship.py runs/phonetic/model --keep-tensors
    python recipes/ship.py runs/avatron/model --half         # parameters stored with 16 bits

Parameters as safetensors stay out unless asked for: training again gives them, and they double the
size. An artefact that is there is replaced only with ``--overwrite``.
"""

import argparse
import shutil
from pathlib import Path

from visemic.core.artifact import CARD, MANIFEST, TENSORS, load_artifact, save_artifact
from visemic.training.onnx_file import without_traces
from visemic.training.onnx_half import with_half_weights

ROOT = Path(__file__).parent.parent
MAX_BYTES = 15_000_000


def main() -> None:
    """Copy what is needed and check its size."""
    parser = argparse.ArgumentParser(description="Put a trained model into the package.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--keep-tensors", action="store_true")
    parser.add_argument("--half", action="store_true", help="store parameters with 16 bits")
    parser.add_argument("--overwrite", action="store_true")
    options = parser.parse_args()
    trained = load_artifact(options.model)
    name = trained.info.name
    left_out = {MANIFEST, CARD} | (set() if options.keep_tensors else {TENSORS})
    files = {
        path.name: _network(path, options.half) if path.suffix == ".onnx" else path.read_bytes()
        for path in sorted(options.model.iterdir())
        if path.name not in left_out and path.name != TENSORS
    }
    card = (ROOT / "docs" / "models" / f"{name}.md").read_text(encoding="utf-8")
    out = ROOT / "src" / "visemic" / "models" / "weights" / name
    partial = out.with_name(f".{name}.partial")
    if out.exists() and not options.overwrite:
        raise SystemExit(f"{out} exists; give --overwrite to replace it")
    tensors = trained.tensors() if options.keep_tensors else None
    shipped = save_artifact(partial, trained.info, card=card, tensors=tensors, files=files)
    if shipped.n_bytes > MAX_BYTES:
        shutil.rmtree(partial)
        raise SystemExit(f"{name} would be {shipped.n_bytes / 1e6:.1f} MB, at most {MAX_BYTES / 1e6:g} ship")
    if out.exists():
        shutil.rmtree(out)
    partial.rename(out)
    print(f"{name}: {shipped.n_bytes / 1e6:.1f} MB in {out.relative_to(ROOT)}")


def _network(path: Path, is_half: bool) -> bytes:
    content = without_traces(path.read_bytes())
    return with_half_weights(content) if is_half else content


if __name__ == "__main__":
    main()
