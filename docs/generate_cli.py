"""Write docs/cli.md from the command line's own help: ``make docs``."""

import os
from pathlib import Path

os.environ["COLUMNS"] = "88"

PAGE = Path(__file__).parent / "cli.md"
INTRO = """# Command line

Made by `make docs` from the help texts; a test compares them. Shell completion:
`visemic --install-completion`.
"""


def page() -> str:
    """Give the page as it should be."""
    from typer.testing import CliRunner

    from visemic.cli.main import app

    def said(*words: str) -> str:
        text = CliRunner().invoke(app, [*words, "--help"], prog_name="visemic").output
        return "\n".join(line.rstrip() for line in text.strip().splitlines())

    def names(commands: list) -> list[str]:
        return [c.name or c.callback.__name__ for c in commands if c.callback]

    commands = [(name,) for name in names(app.registered_commands)]
    for group in app.registered_groups:
        commands += [(str(group.name), name) for name in names(group.typer_instance.registered_commands)]
    parts = [INTRO, "## visemic\n\n```text\n" + said() + "\n```\n"]
    parts += [f"## visemic {' '.join(words)}\n\n```text\n{said(*words)}\n```\n" for words in commands]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
