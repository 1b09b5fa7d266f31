"""Parts that are only there when they were asked for at installation."""

from importlib.util import find_spec

from visemic.core.errors import ArtifactError


def require_train() -> None:
    """Refuse with one sentence where the libraries of training are not installed.

    Raises:
        ArtifactError: PyTorch or Lightning is missing.
    """
    for module, title in (("torch", "PyTorch"), ("lightning", "Lightning")):
        if find_spec(module) is None:
            raise ArtifactError(f"training needs {title}; install it with: pip install 'visemic[train]'")


def require_hub() -> None:
    """Refuse with one sentence where models cannot be fetched from the Hugging Face hub.

    Raises:
        ArtifactError: huggingface_hub is missing.
    """
    if find_spec("huggingface_hub") is None:
        raise ArtifactError(
            "fetching a model needs huggingface_hub; install it with: pip install 'visemic[train]'"
        )
