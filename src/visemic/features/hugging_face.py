"""wav2vec 2.0, HuBERT and WavLM through transformers: any checkpoint by name or folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import ArtifactError
from visemic.features.speech_encoder import MAY_BE_FRESH, EncoderConfig, SpeechEncoder


def load_encoder(
    checkpoint: "str | Path",
    config: EncoderConfig | None = None,
    *,
    device: str = "cpu",
    offline: bool = False,
) -> SpeechEncoder:
    """Load a frozen speech encoder.

    Parameters are read from safetensors where the checkpoint has them; an older PyTorch file is
    read with tensors allowed and nothing else, and no code of a checkpoint is run.

    Args:
        checkpoint: Name on the Hugging Face hub, such as ``facebook/wav2vec2-base-960h``, or a
            folder.
        config: None means all layers.
        device: Where it runs, as PyTorch names it.
        offline: Take only what earlier runs have kept.

    Raises:
        ArtifactError: transformers is not installed, or the checkpoint cannot be had, is no
            speech encoder or lacks parameters.
        InputError: It has not so many layers.
    """
    for module, title in (("torch", "PyTorch"), ("transformers", "transformers")):
        if find_spec(module) is None:
            raise ArtifactError(
                f"speech encoders need {title}; install it with: pip install 'visemic[train]'"
            )
    from transformers import AutoConfig, AutoModel

    where = str(checkpoint)
    with _quiet():
        settings = _found(AutoConfig, where, offline)
        if not hasattr(settings, "conv_stride") or not hasattr(settings, "num_hidden_layers"):
            raise ArtifactError(
                f"checkpoint {where!r} is of kind {settings.model_type!r} and hears no waveform; give one of "
                "wav2vec 2.0, HuBERT or WavLM"
            )
        network, report = _found(AutoModel, where, offline, config=settings, output_loading_info=True)
        is_normalised = _is_normalised(where, offline)
    lacking = [name for name in report["missing_keys"] if not name.endswith(MAY_BE_FRESH)]
    lacking += [entry[0] for entry in report["mismatched_keys"]]
    if lacking:
        raise ArtifactError(
            f"checkpoint {where!r} lacks parameter {min(lacking)!r} in the shape that its own configuration "
            "asks for; fetch it again"
        )
    network.requires_grad_(False).eval().to(device)
    licence = _licence(where, offline)
    return SpeechEncoder(
        network, Path(where).name, licence, is_normalised=is_normalised, config=config or EncoderConfig()
    )


def _found(kind: Any, where: str, offline: bool, **options: object) -> Any:
    try:
        return kind.from_pretrained(where, local_files_only=offline, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0][:160].rstrip(".")
        if Path(where).is_dir():
            raise ArtifactError(
                f"folder {where!r} is no checkpoint that transformers can read ({reason}); "
                "give one with config.json and model.safetensors"
            ) from error
        raise ArtifactError(
            f"checkpoint {where!r} is neither a folder nor kept from an earlier run, and the Hugging Face "
            "hub cannot be reached or does not have it; connect once, look at the spelling, or give the "
            "folder of a downloaded copy"
        ) from error


def _is_normalised(where: str, offline: bool) -> bool:
    """Give what the checkpoint's preprocessor says; without one, what all published ones say."""
    from transformers import AutoFeatureExtractor

    try:
        own = AutoFeatureExtractor.from_pretrained(where, local_files_only=offline)
    except (OSError, ValueError, KeyError):
        return True
    if own.sampling_rate != SPEECH_RATE.hz:
        raise ArtifactError(
            f"checkpoint {where!r} hears {own.sampling_rate} samples a second; give one that hears 16000"
        )
    return bool(own.do_normalize)


def _licence(where: str, offline: bool) -> str:
    """Give the licence that the card states in its head; a card that cannot be had states none."""
    card = Path(where) / "README.md"
    if not Path(where).is_dir():
        from huggingface_hub import hf_hub_download

        try:
            card = Path(hf_hub_download(where, "README.md", local_files_only=offline))
        except (OSError, ValueError):
            return "unknown"
    if not card.is_file():
        return "unknown"
    lines = card.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines[:1] == ["---"] and "---" in lines[1:]:
        for line in lines[1 : lines.index("---", 1)]:
            key, _, value = line.partition(":")
            if key == "license" and value.strip():
                return value.strip().strip("\"'")
    return "unknown"


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from writing to the terminal, and leave it as it was."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    had_bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bars:
            logging.enable_progress_bar()
