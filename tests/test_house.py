"""House rules that matter, as tests, each with a case in which it fires."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "visemic"

FLOORS = [
    {"core"},
    {"audio", "text", "geometry"},
    {"features", "motion", "rig"},
    {"models"},
    {"voices"},
    {"render", "export"},
    {"data"},
    {"evaluation"},
    {"training"},
    {"pipeline"},
    {"serve", "batch"},
    {"cli"},
]
FLOOR_OF = {package: number for number, floor in enumerate(FLOORS) for package in floor}
MAX_FILE_LINES = 420
MAX_FUNCTION_LINES = 80
HEAVY = (
    "torch",
    "numba",
    "scipy",
    "av",
    "pocketsphinx",
    "pygltflib",
    "pxr",
    "PIL",
    "soundfile",
    "soxr",
    "espeakng_loader",
)


def python_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def uphill_imports(package: str, code: str) -> list[str]:
    """Give the imports of a module that go to a higher floor or to a neighbour."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{'.' * node.level}{node.module or ''}"]
        else:
            continue
        for name in names:
            if name.startswith("."):
                found.append(name)
                continue
            parts = name.split(".")
            if parts[0] != "visemic" or len(parts) < 2:
                continue
            other = parts[1]
            if other != package and FLOOR_OF[other] >= FLOOR_OF[package]:
                found.append(name)
    return found


def test_every_package_has_a_floor():
    packages = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert packages <= set(FLOOR_OF)


@pytest.mark.parametrize(
    "path", [p for p in python_files() if p.parent != SOURCE], ids=lambda p: str(p.relative_to(SOURCE))
)
def test_water_flows_downhill(path):
    assert uphill_imports(path.relative_to(SOURCE).parts[0], path.read_text()) == []


def test_the_layer_rule_fires():
    assert uphill_imports("core", "from visemic.rig.linear import Rig") == ["visemic.rig.linear"]
    assert uphill_imports("audio", "import visemic.text.normalize") == ["visemic.text.normalize"]
    assert uphill_imports("rig", "from . import linear") == ["."]
    assert uphill_imports("cli", "def f():\n    from visemic.pipeline import speak") == []


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_a_file_reads_in_one_sitting(path):
    code = path.read_text()
    assert len(code.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef) and not path.stem.endswith("kernels"):
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, f"{node.name} is too long"


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_loose_ends(path):
    code = path.read_text()
    assert not re.search(
        r"NotImplementedError|except\s*:|# *(TODO|FIXME|XXX)|from __future__ import annotations", code
    )
    if path.relative_to(SOURCE).parts[0] != "cli":
        assert not re.search(r"^\s*print\(", code, re.M), "only the command line prints"


@pytest.mark.parametrize("path", python_files(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_modules_and_public_names_say_what_they_are(path):
    tree = ast.parse(path.read_text())
    if path.stem != "__init__":
        assert ast.get_docstring(tree), "a module starts with its idea"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_importing_visemic_pulls_in_nothing_heavy():
    code = f"import sys, visemic, visemic.cli.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_the_network_is_refused():
    import socket

    with pytest.raises(AssertionError, match="offline"):
        socket.create_connection(("127.0.0.1", 9), timeout=0.1)


def test_no_file_names_a_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    for name in filter(None, listed):
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".toml", ".json", ".mjs", ""}
            and path.is_file()
            and path.name != "test_house.py"
        ):
            text = path.read_text(errors="ignore")
            assert not re.search(r"(^|[\s\"'(=])/(work|tmp|root)/", text), f"{name} names a machine's path"
