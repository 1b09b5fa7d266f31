"""Models that lie elsewhere: in the package, in a folder, on the Hugging Face hub.

A model of the hub is fetched only when that is asked for by name; everything else reads what
is on this machine. What comes from there is compared with the hashes it states.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from visemic.core.artifact import MANIFEST, SUFFIXES, Artifact, ArtifactInfo, load_artifact, read_info
from visemic.core.cache import cache_folder
from visemic.core.errors import ArtifactError, unknown_name
from visemic.core.extra import require_hub

HUB = "hf:"
"""What a name on the Hugging Face hub starts with: ``hf:owner/name`` or ``hf:owner/name@revision``."""


def package_weights() -> Path:
    """Give the folder of the models that ship with visemic, one folder each."""
    return Path(str(files("visemic"))) / "models" / "weights"


def packaged_models() -> tuple[str, ...]:
    """Give the names of the models that ship with visemic."""
    return tuple(sorted(path.parent.name for path in package_weights().glob(f"*/{MANIFEST}")))


def find_artifact(name: str, *, kind: str | None = None) -> Artifact:
    """Give a model by the name of one that ships, by its folder, or by the hub it was fetched from.

    Args:
        name: Such as ``"trunk-mouth"``, ``"runs/mine/model"`` or ``"hf:owner/name@revision"``.
        kind: Refuse any other kind; None takes all.

    Raises:
        ArtifactError: There is no such model here, or it is not what it says.
    """
    folder, origin = _folder_of(name)
    return load_artifact(folder, kind=kind, origin=origin)


def stated_info(name: str) -> ArtifactInfo:
    """Give what a model says of itself, without reading and comparing its files; see ``find_artifact``.

    Raises:
        ArtifactError: There is no such model here, or its manifest cannot be used.
    """
    return read_info(_folder_of(name)[0])[0]


def _folder_of(name: str) -> tuple[Path, str]:
    """Give where a model lies, and where that comes from."""
    if name.startswith(HUB):
        return _snapshot(name, is_local=True), name
    if name in packaged_models():
        return package_weights() / name, "package"
    if Path(name).is_dir():
        return Path(name), "folder"
    raise ArtifactError(
        f"{unknown_name('model', name, packaged_models())}; or give a folder or hf:owner/name"
    )


def peek_artifact(name: str) -> tuple[ArtifactInfo, dict[str, str]]:
    """Fetch only what a model on the hub says of itself: its licence and the hash of every file.

    Raises:
        ArtifactError: There is no such model, or the hub cannot be reached.
    """
    return read_info(_snapshot(name, is_local=False, patterns=[MANIFEST]))


def fetch_artifact(name: str) -> Artifact:
    """Fetch a model from the hub into the cache and compare it with its hashes.

    Raises:
        ArtifactError: There is no such model, the hub cannot be reached, or a file is not what
            its manifest says.
    """
    return load_artifact(_snapshot(name, is_local=False), origin=name)


def _snapshot(name: str, *, is_local: bool, patterns: list[str] | None = None) -> Path:
    """Give the folder of a revision in the cache, brought there unless only what is there is asked."""
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", name)
    if match is None:
        raise ArtifactError(f"{name!r} is no name on the hub; write hf:owner/name or hf:owner/name@revision")
    require_hub()
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        with _quiet_hub():
            folder = huggingface_hub.snapshot_download(
                match[1],
                revision=match[2],
                cache_dir=cache_folder() / "hub",
                allow_patterns=patterns or [f"*{suffix}" for suffix in SUFFIXES],
                local_files_only=is_local,
                tqdm_class=_silent_bar(),
            )
    except LocalEntryNotFoundError as error:
        if is_local:
            raise ArtifactError(
                f"model {name!r} is not on this machine; get it with: visemic models fetch {name}"
            ) from error
        raise ArtifactError(f"model {name!r} cannot be fetched: the hub cannot be reached") from error
    except (OSError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ArtifactError(f"model {name!r} cannot be fetched: {said[0].rstrip('.')}") from error
    return Path(str(folder))


def _silent_bar() -> Any:
    """Give a progress bar that shows nothing."""
    from huggingface_hub.utils import tqdm

    class SilentBar(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*args, **{**options, "disable": True})

    return SilentBar


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Keep the hub's advice off the terminal."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
