"""Answers of participants: checked against the plan, kept in SQLite, written as CSV.

An answer arrives once: the same one sent again changes nothing, so that a page may repeat what
it is not sure has arrived.
"""

import csv
import json
import re
import secrets
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType

from visemic.core.atomic import atomic_path
from visemic.core.errors import ArtifactError, InputError
from visemic.evaluation.study import SCALE, Study, Trial, matches_of, next_match, why_unreadable

ANSWERS = "answers.sqlite"
_PARTICIPANT = re.compile(r"[0-9a-f]{16}")
_MAX_SECONDS, _MAX_PLAYS = 86_400.0, 10_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS participants (
  participant TEXT PRIMARY KEY, session INTEGER NOT NULL, sound TEXT NOT NULL,
  begun_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE IF NOT EXISTS answers (
  participant TEXT NOT NULL, session INTEGER NOT NULL, trial TEXT NOT NULL, match INTEGER NOT NULL,
  shown TEXT NOT NULL, choice TEXT NOT NULL, seconds REAL NOT NULL, plays INTEGER NOT NULL,
  broken INTEGER NOT NULL, sound TEXT NOT NULL, received_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (participant, session, trial, match)
);
"""


@dataclass(frozen=True)
class Answer:
    """What a participant chose in one task or one match."""

    participant: str
    """Sixteen hexadecimal digits drawn at random."""
    session: int
    trial: str
    match: int
    """Number of the match in a knockout, 0 otherwise."""
    shown: tuple[str, ...]
    """Blind names, left first."""
    choice: str
    """A rating as a digit, or the blind name of the better clip."""
    seconds: float
    plays: int
    broken: bool
    """Whether a clip could not be played."""
    sound: str
    """``on`` or ``off``."""


def check_answer(study: Study, data: Mapping[str, object]) -> Answer:
    """Give an answer from what a page sent.

    Raises:
        InputError: A value is missing, of a wrong kind, or does not belong to the plan.
    """
    names = {f.name for f in fields(Answer)}
    if set(data) != names:
        odd = sorted(set(data) ^ names)[0]
        raise InputError(f"an answer lacks or adds {odd!r}; send what the page sends")
    shown = data["shown"]
    whole = (
        isinstance(data["session"], int) and isinstance(data["match"], int) and isinstance(data["plays"], int)
    )
    if not (
        whole
        and isinstance(shown, list)
        and all(isinstance(s, str) for s in shown)
        and isinstance(data["seconds"], int | float)
        and isinstance(data["broken"], bool)
        and all(isinstance(data[k], str) for k in ("participant", "trial", "choice", "sound"))
    ):
        raise InputError("an answer holds a value of a wrong kind; send what the page sends")
    answer = Answer(**{**data, "shown": tuple(shown)})  # type: ignore[arg-type]
    if not _PARTICIPANT.fullmatch(answer.participant):
        raise InputError(f"participant {answer.participant[:32]!r} is no 16 hexadecimal digits; begin again")
    if answer.sound not in ("on", "off"):
        raise InputError(f"sound is {answer.sound[:8]!r}; send on or off")
    if not 0 <= answer.seconds <= _MAX_SECONDS or not 0 <= answer.plays <= _MAX_PLAYS:
        raise InputError("an answer took longer than a day or more than 10000 plays; begin again")
    trial = study.trial(answer.session, answer.trial)
    if trial is None:
        raise InputError(f"session {answer.session} has no task {answer.trial[:16]!r}; begin again")
    _check_choice(study, trial, answer)
    return answer


def _check_choice(study: Study, trial: Trial, answer: Answer) -> None:
    if study.kind == "pairwise":
        fits = (
            len(answer.shown) == 2
            and set(answer.shown) <= set(trial.clips)
            and answer.choice in answer.shown
            and 0 <= answer.match < matches_of(len(trial.clips))
        )
    else:
        fits = (
            answer.shown == trial.clips
            and answer.choice in {str(value) for value in SCALE}
            and answer.match == 0
        )
    if not fits:
        raise InputError(f"choice {answer.choice[:32]!r} does not fit task {answer.trial!r}; begin again")


class AnswerStore:
    """The database of a study; may be used from several threads."""

    def __init__(self, folder: Path) -> None:
        """Open or make it.

        Raises:
            ArtifactError: The file is not such a database.
        """
        self._lock = threading.Lock()
        try:
            self._file = sqlite3.connect(folder / ANSWERS, check_same_thread=False, timeout=10)
            with self._file:
                self._file.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise ArtifactError(f"{str(folder / ANSWERS)!r} cannot be used: {error}; move it away") from error

    def begin(self, n_sessions: int, sound: str) -> tuple[str, int]:
        """Give a new participant's name and the session that was begun least often.

        Raises:
            InputError: Sound is neither on nor off.
        """
        if sound not in ("on", "off"):
            raise InputError(f"sound is {sound[:8]!r}; send on or off")
        participant = secrets.token_hex(8)
        with self._lock, self._file:
            rows = self._file.execute("SELECT session, COUNT(*) FROM participants GROUP BY session")
            used = dict(rows.fetchall())
            session = min(range(n_sessions), key=lambda s: (used.get(s, 0), s))
            self._file.execute(
                "INSERT INTO participants (participant, session, sound) VALUES (?, ?, ?)",
                (participant, session, sound),
            )
        return participant, session

    def add(self, answer: Answer) -> bool:
        """Keep an answer; False if one to the same task was there."""
        row = (
            answer.participant,
            answer.session,
            answer.trial,
            answer.match,
            json.dumps(answer.shown),
            answer.choice,
            answer.seconds,
            answer.plays,
            int(answer.broken),
            answer.sound,
        )
        with self._lock, self._file:
            done = self._file.execute(
                "INSERT OR IGNORE INTO answers (participant, session, trial, match, shown, choice, seconds, "
                "plays, broken, sound) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            return done.rowcount == 1

    def answers(self) -> list[Answer]:
        """Give all answers, ordered by participant and task."""
        with self._lock:
            rows = self._file.execute(
                "SELECT participant, session, trial, match, shown, choice, seconds, plays, broken, sound "
                "FROM answers ORDER BY participant, session, CAST(SUBSTR(trial, 2) AS INTEGER), match"
            ).fetchall()
        return [
            Answer(r[0], r[1], r[2], r[3], tuple(json.loads(r[4])), r[5], r[6], r[7], bool(r[8]), r[9])
            for r in rows
        ]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "AnswerStore":
        """Give itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()


def import_answers(study: Study, store: AnswerStore, path: Path) -> int:
    """Add the answers of a file that a page saved without a server.

    Returns:
        How many were new.

    Raises:
        InputError: The file does not hold answers to this study.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        rows = [{k: v for k, v in row.items() if k != "sent"} for row in data["answers"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = why_unreadable(error)
        raise InputError(f"{str(path)!r} holds no answers: {reason}; give a file saved by a study") from error
    checked = [check_answer(study, row) for row in rows]
    return sum(store.add(answer) for answer in checked)


def failed_checks(study: Study, answers: list[Answer]) -> dict[str, int]:
    """Give how many attention checks each participant failed."""
    failed: dict[str, int] = {}
    for answer in answers:
        failed.setdefault(answer.participant, 0)
        trial = study.trial(answer.session, answer.trial)
        if trial is not None and trial.wanted and _given(answer) != trial.wanted:
            failed[answer.participant] += 1
    return failed


def follows_plan(trial: Trial, answers: list[Answer]) -> bool:
    """Say whether the matches of a knockout are those of its bracket, in order and complete."""
    winners: list[str] = []
    for answer in sorted(answers, key=lambda a: a.match):
        if answer.match != len(winners) or next_match(trial, winners) != answer.shown:
            return False
        winners.append(answer.choice)
    return len(winners) == matches_of(len(trial.clips))


def write_answers_csv(study: Study, answers: list[Answer], path: Path, *, overwrite: bool = False) -> None:
    """Write every answer with the systems' names.

    Raises:
        OutputError: The file exists or cannot be written.
    """
    failed = failed_checks(study, answers)
    with (
        atomic_path(path, overwrite=overwrite) as partial,
        partial.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(
            [
                "participant",
                "session",
                "trial",
                "match",
                "stimulus",
                "is_check",
                "first",
                "second",
                "choice",
                "seconds",
                "plays",
                "broken",
                "sound",
                "failed_checks",
            ]
        )
        for answer in answers:
            trial = study.trial(answer.session, answer.trial)
            assert trial is not None
            shown = [study.key[name][0] for name in answer.shown] + [""]
            choice = study.key[answer.choice][0] if study.kind == "pairwise" else answer.choice
            writer.writerow(
                [
                    answer.participant,
                    answer.session + 1,
                    answer.trial,
                    answer.match + 1,
                    trial.stimulus,
                    int(bool(trial.wanted)),
                    *shown[:2],
                    choice,
                    f"{answer.seconds:.3f}",
                    answer.plays,
                    int(answer.broken),
                    answer.sound,
                    failed[answer.participant],
                ]
            )


def _given(answer: Answer) -> str:
    if len(answer.shown) == 2:
        return ("left", "right")[answer.shown.index(answer.choice)]
    return answer.choice
