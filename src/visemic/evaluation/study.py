"""Viewing tests: from folders of clips to blind pages, with the key kept apart.

Three kinds: ``mos`` rates one clip from 1 to 5; ``smos`` rates how alike a clip is to a recording;
``pairwise`` is a knockout between all systems on one sentence. A study is a folder::

    study.json      what was shown to whom, and which system a blind name stands for
    site/           what participants see: pages, and clips under names that tell nothing
    answers.sqlite  made by the server

Only ``site/`` is served. Everything random comes from the seed.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from visemic.core.errors import ArtifactError, FormatError, InputError, OutputError

Kind = Literal["mos", "smos", "pairwise"]
KINDS: tuple[str, ...] = get_args(Kind)
STUDY_JSON, SITE, MEDIA = "study.json", "site", "m"
STUDY_VERSION = 1
SCALE = (1, 2, 3, 4, 5)
QUESTIONS: dict[str, str] = {
    "mos": "How natural is the motion of the face?",
    "smos": "How alike are the motions of the face in the clip and in the reference?",
    "pairwise": "Which face moves more naturally?",
}
MAX_SESSIONS, MAX_SYSTEMS = 500, 16


@dataclass(frozen=True)
class Trial:
    """One task of a participant."""

    trial_id: str
    stimulus: str
    """Sentence or take that all its clips show; empty for a check."""
    clips: tuple[str, ...]
    """Blind names: one to rate, or the bracket of a knockout."""
    flips: tuple[bool, ...] = ()
    """By match of a knockout: whether the pair changes sides."""
    reference: str = ""
    """Blind name of the recording to compare with."""
    wanted: str = ""
    """For an attention check: the answer that its instruction asks for, a number, left or right."""


@dataclass(frozen=True)
class Study:
    """A study with its key."""

    name: str
    kind: Kind
    question: str
    seed: int
    systems: tuple[str, ...]
    stimuli: tuple[str, ...]
    key: dict[str, tuple[str, str]]
    """System and stimulus of every blind name; the system of a reference is empty."""
    sessions: tuple[tuple[Trial, ...], ...]
    """One plan of trials for each participant in turn."""
    version: int = STUDY_VERSION

    def trial(self, session: int, trial_id: str) -> Trial | None:
        """Give a trial of a session, None when there is no such."""
        if not 0 <= session < len(self.sessions):
            return None
        return next((t for t in self.sessions[session] if t.trial_id == trial_id), None)


def new_study(
    folder: Path,
    systems: Mapping[str, Path],
    *,
    kind: Kind,
    reference: Path | None = None,
    question: str = "",
    n_sessions: int = 24,
    per_session: int = 6,
    n_checks: int = 2,
    seed: int = 0,
) -> Study:
    """Make the folder of a study from clips.

    Args:
        folder: To be made.
        systems: Folder of MP4 files by system; files of one name show one stimulus.
        kind: ``mos``, ``smos`` or ``pairwise``.
        reference: Folder of recordings of the same names, for ``smos``.
        question: Shown above every clip; empty takes the usual one.
        n_sessions: Plans to make; further participants start again with the first.
        per_session: Stimuli of a participant, at most as many as there are.
        n_checks: Attention checks of a participant.
        seed: Start of chance.

    Raises:
        InputError: Systems, stimuli or counts do not make a study.
        FormatError: A clip is not an MP4 file.
        OutputError: The folder exists or cannot be written.
    """
    stimuli = _check(systems, kind, reference, n_sessions, per_session, n_checks)
    if folder.exists():
        raise OutputError(f"study folder {str(folder)!r} exists; name a new one")
    if not folder.parent.is_dir():
        raise OutputError(f"output folder {str(folder.parent)!r} does not exist; create it first")
    sources = {(name, s): path / f"{s}.mp4" for name, path in systems.items() for s in stimuli}
    if kind == "smos":
        assert reference is not None
        sources |= {("", s): reference / f"{s}.mp4" for s in stimuli}
    blind = {_blind(seed, system, s): (system, s) for system, s in sources}
    study = Study(
        folder.name,
        kind,
        question or QUESTIONS[kind],
        seed,
        tuple(systems),
        tuple(stimuli),
        blind,
        plan_sessions(tuple(systems), stimuli, kind, seed, n_sessions, per_session, n_checks),
    )
    _write_folder(study, sources, folder)
    return study


def plan_sessions(
    systems: tuple[str, ...],
    stimuli: list[str],
    kind: Kind,
    seed: int,
    n_sessions: int,
    per_session: int,
    n_checks: int,
) -> tuple[tuple[Trial, ...], ...]:
    """Give the plan of every session: balanced over stimuli, in random order.

    Stimuli are dealt from shuffled decks, so that after any number of sessions each was shown as
    often as any other, give or take one. Within a session every system appears on every stimulus.
    """
    generator = np.random.default_rng(seed)
    deck: list[str] = []
    sessions = []
    for _ in range(n_sessions):
        chosen: list[str] = []
        while len(chosen) < min(per_session, len(stimuli)):
            if not deck:
                deck = [stimuli[i] for i in generator.permutation(len(stimuli))]
            # A fresh deck may begin with what was just dealt; that card goes back to the end.
            card = next(c for c in [*deck, *stimuli] if c not in chosen)
            if card in deck:
                deck.remove(card)
            chosen.append(card)
        sessions.append(_plan(systems, chosen, kind, seed, n_checks, generator))
    return tuple(sessions)


def read_study(folder: Path) -> Study:
    """Read a study.

    Raises:
        ArtifactError: The folder holds none, or one of another version.
    """
    path = folder / STUDY_JSON
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _from_plain(data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"folder {str(folder)!r} holds no readable study: {why_unreadable(error)}; "
            "make one with visemic study new"
        ) from error


def why_unreadable(error: Exception) -> str:
    """Give in words what is wrong with a file of a study."""
    if isinstance(error, FileNotFoundError):
        return f"there is no file {Path(str(error.filename)).name!r}"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0]!r}"
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON at line {error.lineno}"
    if isinstance(error, UnicodeDecodeError):
        return f"it is no UTF-8 at byte {error.start}"
    if isinstance(error, TypeError | AttributeError):
        return "it holds a value of a wrong kind"
    return str(error)


def copy_without_metadata(source: Path, target: Path) -> None:
    """Copy sound and picture of an MP4 file, without the tags that would name the model.

    Raises:
        FormatError: The file is not an MP4 file with a picture.
    """
    import av

    try:
        with av.open(str(source)) as clip, av.open(str(target), "w", format="mp4") as copy:
            streams = [s for s in clip.streams if s.type in ("video", "audio")]
            if not any(s.type == "video" for s in streams):
                raise FormatError(f"clip {str(source)!r} has no picture; give an MP4 file with one")
            twins = {s.index: copy.add_stream_from_template(s) for s in streams}
            for packet in clip.demux(streams):
                if packet.dts is not None:
                    packet.stream = twins[packet.stream.index]
                    copy.mux(packet)
    except (av.error.FFmpegError, ValueError) as error:
        raise FormatError(
            f"clip {str(source)!r} is not a readable MP4 file: {error}; encode it again"
        ) from error


def matches_of(n_clips: int) -> int:
    """Give the number of matches of a knockout: one fewer than its clips."""
    return n_clips - 1


def next_match(trial: Trial, winners: list[str]) -> tuple[str, str] | None:
    """Give the pair of the next match of a knockout, left first, from the winners so far; None at its end.

    Rounds pair neighbours; who has no partner goes on.
    """
    round_, at = list(trial.clips), 0
    while len(round_) > 1:
        following = []
        for first in range(0, len(round_) - 1, 2):
            pair = (round_[first], round_[first + 1])
            if at == len(winners):
                return (pair[1], pair[0]) if trial.flips[at] else pair
            following.append(winners[at])
            at += 1
        round_ = following + round_[len(round_) - len(round_) % 2 :]
    return None


def _check(
    systems: Mapping[str, Path], kind: str, reference: Path | None, n_sessions: int, per: int, n_checks: int
) -> list[str]:
    if kind not in KINDS:
        raise InputError(f"kind {kind!r} is none of {', '.join(KINDS)}; choose one")
    least = 2 if kind == "pairwise" else 1
    if not least <= len(systems) <= MAX_SYSTEMS:
        raise InputError(f"{len(systems)} systems do not make a {kind} study; give {least} to {MAX_SYSTEMS}")
    for value, name, low, high in (
        (n_sessions, "sessions", 1, MAX_SESSIONS),
        (per, "stimuli a session", 1, 100),
        (n_checks, "checks", 0, 10),
    ):
        if not low <= value <= high:
            raise InputError(f"{value} {name} cannot be planned; give {low} to {high}")
    if (kind == "smos") != (reference is not None):
        raise InputError("a study of kind smos needs a reference folder, and no other kind has one")
    folders = {**systems, **({} if reference is None else {"reference": reference})}
    names: dict[str, set[str]] = {}
    for name, folder in folders.items():
        if not folder.is_dir():
            raise InputError(f"system {name!r} has no folder {str(folder)!r}; name a folder of MP4 files")
        names[name] = {p.stem for p in folder.glob("*.mp4")}
    every = set().union(*names.values())
    if not every:
        raise InputError("the folders hold 0 MP4 files; render clips with visemic render first")
    for name, has in names.items():
        if has != every:
            missing = sorted(every - has)[0]
            raise InputError(
                f"{name!r} lacks clip {missing}.mp4 that another system has; render it or drop it"
            )
    return sorted(every)


def _plan(
    systems: tuple[str, ...],
    stimuli: list[str],
    kind: Kind,
    seed: int,
    n_checks: int,
    generator: np.random.Generator,
) -> tuple[Trial, ...]:
    trials = []
    for stimulus in stimuli:
        order = [_blind(seed, systems[i], stimulus) for i in generator.permutation(len(systems))]
        if kind == "pairwise":
            flips = tuple(bool(b) for b in generator.integers(2, size=matches_of(len(order))))
            trials.append(Trial("", stimulus, tuple(order), flips))
        else:
            reference = _blind(seed, "", stimulus) if kind == "smos" else ""
            trials += [Trial("", stimulus, (clip,), reference=reference) for clip in order]
    trials = [trials[i] for i in generator.permutation(len(trials))]
    for place in sorted(int(p) for p in generator.integers(len(trials) + 1, size=n_checks))[::-1]:
        model = trials[min(place, len(trials) - 1)]
        if kind == "pairwise":
            wanted = ("left", "right")[int(generator.integers(2))]
            check = Trial("", "", model.clips[:2], (False,), wanted=wanted)
        else:
            check = Trial(
                "", "", model.clips, reference=model.reference, wanted=str(generator.integers(1, 6))
            )
        trials.insert(place, check)
    return tuple(replace(t, trial_id=f"t{n + 1}") for n, t in enumerate(trials))


def _blind(seed: int, system: str, stimulus: str) -> str:
    return hashlib.sha256(f"{seed}\0{system}\0{stimulus}".encode()).hexdigest()[:16]


def _write_folder(study: Study, sources: Mapping[tuple[str, str], Path], folder: Path) -> None:
    """Write everything beside the folder and rename it at the end."""
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.partial")
    try:
        (partial / SITE / MEDIA).mkdir(parents=True)
        for name, pair in study.key.items():
            copy_without_metadata(sources[pair], partial / SITE / MEDIA / f"{name}.mp4")
        _write_site(study, partial / SITE)
        text = json.dumps(asdict(study), indent=1, ensure_ascii=False) + "\n"
        (partial / STUDY_JSON).write_text(text, encoding="utf-8")
        partial.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot make study {str(folder)!r}: {error.strerror or error}") from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial)


def _write_site(study: Study, site: Path) -> None:
    from visemic.evaluation.study_page import site_files

    for name, text in site_files(study).items():
        (site / name).write_text(text, encoding="utf-8")


def _from_plain(data: dict[str, Any]) -> Study:
    if data["version"] != STUDY_VERSION:
        raise ValueError(f"version {data['version']} is not {STUDY_VERSION}")
    sessions = tuple(
        tuple(Trial(**{**t, "clips": tuple(t["clips"]), "flips": tuple(t["flips"])}) for t in session)
        for session in data["sessions"]
    )
    key = {blind: (pair[0], pair[1]) for blind, pair in data["key"].items()}
    names = {n: tuple(data[n]) for n in ("systems", "stimuli")}
    return Study(**{**data, **names, "key": key, "sessions": sessions})
