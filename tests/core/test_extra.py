"""What was not installed is named with the line that installs it."""

import pytest

from visemic.core import extra
from visemic.core.errors import ArtifactError


@pytest.mark.parametrize(
    ("need", "title"), [(extra.require_train, "PyTorch"), (extra.require_hub, "huggingface_hub")]
)
def test_a_missing_library_is_one_sentence(monkeypatch, need, title):
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    with pytest.raises(
        ArtifactError, match=rf"needs {title}; install it with: pip install 'visemic\[train\]'"
    ):
        need()
