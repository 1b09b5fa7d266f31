"""Documents tell the truth: snippets run, the command line's page is the help itself."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _generator():
    spec = importlib.util.spec_from_file_location("generate_cli", ROOT / "docs" / "generate_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _said(page: str) -> list[list[str]]:
    """The words of each section; how they are wrapped is the library's business."""
    return [re.findall(r"[\w.,:;'-]+", section) for section in page.split("\n## ")]


def test_the_command_line_page_is_the_help(monkeypatch):
    monkeypatch.setenv("COLUMNS", "88")
    generator = _generator()
    assert _said(generator.page()) == _said(generator.PAGE.read_text(encoding="utf-8")), "run make docs"


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=lambda p: p.name
)
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("docs/decisions/*.md")), ids=lambda p: p.name)
def test_a_decision_has_its_four_parts(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    for part in ("**Context.**", "**Decision.**", "**What we gave up.**", "**When to look again.**"):
        assert part in text


def test_every_format_in_the_readme_is_known_and_the_other_way_round():
    from visemic.pipeline.clip import output_suffixes

    table = README.split("## Formats")[1].split("##")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\.[^`]+)`", " ".join(rows))) == set(output_suffixes())


@pytest.mark.slow
def test_the_readme_snippets_run(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"```python\n(.*?)```", README, re.S):
        exec(compile(code, "README.md", "exec"), {})
    assert (tmp_path / "peter.glb").exists()


@pytest.mark.slow
def test_the_readme_commands_run(tmp_path, monkeypatch):
    pytest.importorskip("espeakng_loader", reason="the espeak extra is not installed")
    import sys

    import visemic
    from visemic.cli.main import app

    monkeypatch.chdir(tmp_path)
    clip = visemic.speak("What was said.", fps=12)
    clip.save("speech.wav")
    clip.save("interview.mp4")
    clip.save("hello.npz")
    visemic.speak("What was said.", fps=12, seed=1).save("other.npz")
    (tmp_path / "takes").mkdir()
    (tmp_path / "takes" / "corpus.json").write_text('{"split": "test", "speaker": "mia"}')
    for number in range(3):
        take = visemic.speak(f"This is take {number} of three, all of them spoken by one voice.", seed=number)
        take.save(f"takes/take_{number}.csv")
        take.save(f"takes/take_{number}.wav")
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", README, re.S)
        for line in block.splitlines()
        if line.startswith("visemic ")
    ]
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        monkeypatch.setattr(sys, "argv", words)
        app(words[1:], standalone_mode=False)
