"""Settings of every test: shapes are checked, the network is refused, chance is seeded."""

import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import install_import_hook

SOURCE = Path(__file__).parent.parent / "src" / "visemic"


def _checked_modules() -> list[str]:
    """Every module but the numba kernels, whose functions must stay plain for the compiler."""
    modules = []
    for path in sorted(SOURCE.rglob("*.py")):
        if path.stem == "__init__" or path.stem.endswith("kernels"):
            continue
        modules.append(".".join(("visemic", *path.relative_to(SOURCE).with_suffix("").parts)))
    return modules


sys.path.insert(0, str(Path(__file__).parent))
_hook = install_import_hook(_checked_modules(), "shape_check.checked")


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded chance."""
    return np.random.default_rng(20_260)


@pytest.fixture(autouse=True)
def _refuse_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        self.close()
        raise AssertionError(f"a test tried to connect to {address!r}; tests run offline")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def pytest_report_header() -> str:
    return f"shape checks on {len(_checked_modules())} modules, python {sys.version.split()[0]}"
