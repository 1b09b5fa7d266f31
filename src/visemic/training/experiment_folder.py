"""The folder of an experiment that can be stopped: what was asked, and what each stage left."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from visemic.core.atomic import atomic_path
from visemic.core.config import first_difference
from visemic.core.errors import OutputError, TrainingError

SETTINGS_JSON, STAGES = "experiment.json", "stages"

ExperimentProgress = Callable[[str, int, int], None]
"""Called with the stage, work done in it and work in all."""


class ExperimentFolder:
    """Stages by name; one that left its file is not done again."""

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        """Make the folder, or see that it was begun with the same settings.

        Args:
            path: Folder to make, or to go on in; its parent must exist.
            facts: What moves a number.

        Raises:
            OutputError: The folder cannot be made or holds something else.
            TrainingError: It was begun with other settings.
        """
        self.path = path
        settings = path / SETTINGS_JSON
        if settings.is_file():
            begun = json.loads(settings.read_text(encoding="utf-8"))
            key = first_difference(begun, json.loads(json.dumps(facts)))
            if key is not None:
                raise TrainingError(
                    f"the experiment in {str(path)!r} was begun with another {key}; "
                    "give the settings it was begun with or another folder"
                )
            return
        if not path.parent.is_dir():
            raise OutputError(f"output folder {str(path.parent)!r} does not exist; create it first")
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise OutputError(f"output {str(path)!r} exists and holds no experiment; name a new folder")
        for folder in (path, path / STAGES):
            folder.mkdir(exist_ok=True)
        self.write(SETTINGS_JSON, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")

    def kept(self, stage: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Give what a stage left, or make and leave it, with the seconds it took."""
        path = self.path / STAGES / f"{stage.replace(' ', '-')}.json"
        if not path.is_file():
            begun = time.monotonic()
            made = make()
            made["duration_s"] = round(time.monotonic() - begun, 1)
            text = json.dumps(made, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            self.write(f"{STAGES}/{path.name}", text)
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept

    def write(self, name: str, text: str) -> Path:
        """Write a file of the folder, in the place of an earlier one."""
        path = self.path / name
        with atomic_path(path, overwrite=True) as partial:
            partial.write_text(text, encoding="utf-8")
        return path
