"""What a study found: means of ratings, wins of knockouts, with intervals and who was left out.

Participants who failed an attention check are left out unless asked otherwise. Intervals of
ratings redraw participants, since the answers of one person are not independent.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visemic.core.errors import InputError
from visemic.evaluation.metrics_uncertainty import Estimate, bootstrap_mean, holm, wilson_interval
from visemic.evaluation.study import Study
from visemic.evaluation.study_answer import Answer, failed_checks, follows_plan

Sound = Literal["all", "on", "off"]


@dataclass(frozen=True)
class SystemResult:
    """How one system did."""

    system: str
    rating: Estimate | None = None
    """Mean of the ratings, redrawn by participant; None in a pairwise study."""
    n_matches: int = 0
    n_wins: int = 0
    win_interval: tuple[float, float] = (0.0, 1.0)
    """Wilson interval of the share of matches won."""
    n_tournaments: int = 0
    n_absolute: int = 0
    """Knockouts won as a whole."""
    absolute_interval: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class StudyResult:
    """What a study found."""

    study: Study
    systems: tuple[SystemResult, ...]
    wins: dict[tuple[str, str], int]
    """How often the first beat the second."""
    p_values: dict[tuple[str, str], float]
    """Of every pair against even chances, adjusted by Holm for their number."""
    n_participants: int
    """That count."""
    left_out: dict[str, int]
    """Failed checks of every participant that does not count."""
    n_answers: int
    n_broken: int
    """Answers to clips that could not be played, which do not count."""
    n_out_of_order: int
    """Knockouts that do not follow their bracket or were not finished, left out as absolute wins."""


def summarise(
    study: Study, answers: list[Answer], *, keep_failed: bool = False, sound: Sound = "all"
) -> StudyResult:
    """Count the answers of a study.

    Args:
        study: With its key.
        answers: Of all participants.
        keep_failed: Count participants who failed an attention check, too.
        sound: Count only those who watched with, or without, sound.

    Raises:
        InputError: There is no answer that counts.
    """
    failed = failed_checks(study, answers)
    left_out = {} if keep_failed else {p: n for p, n in failed.items() if n}
    counted, n_broken = [], 0
    for answer in answers:
        trial = study.trial(answer.session, answer.trial)
        if trial is None or trial.wanted or answer.participant in left_out:
            continue
        if sound != "all" and answer.sound != sound:
            continue
        if answer.broken:
            n_broken += 1
        else:
            counted.append(answer)
    if not counted:
        raise InputError(
            f"none of {len(answers)} answers counts, {len(left_out)} participants failed a check; "
            "collect more or keep the failed"
        )
    participants = len({a.participant for a in counted})
    facts = (participants, left_out, len(counted), n_broken)
    return _pairwise(study, counted, *facts) if study.kind == "pairwise" else _ratings(study, counted, *facts)


def _ratings(
    study: Study,
    answers: list[Answer],
    n_participants: int,
    left_out: dict[str, int],
    n_answers: int,
    n_broken: int,
) -> StudyResult:
    results = []
    for system in study.systems:
        mine = [a for a in answers if study.key[a.shown[0]][0] == system]
        values = np.array([float(a.choice) for a in mine])
        rating = bootstrap_mean(values, study.seed, groups=[a.participant for a in mine])
        results.append(SystemResult(system, rating))
    return StudyResult(study, tuple(results), {}, {}, n_participants, left_out, n_answers, n_broken, 0)


def _pairwise(
    study: Study,
    answers: list[Answer],
    n_participants: int,
    left_out: dict[str, int],
    n_answers: int,
    n_broken: int,
) -> StudyResult:
    wins: dict[tuple[str, str], int] = defaultdict(int)
    knockouts: dict[tuple[str, int, str], list[Answer]] = defaultdict(list)
    for answer in answers:
        loser = next(name for name in answer.shown if name != answer.choice)
        wins[study.key[answer.choice][0], study.key[loser][0]] += 1
        knockouts[answer.participant, answer.session, answer.trial].append(answer)
    absolute: dict[str, int] = defaultdict(int)
    finished = 0
    for (_, session, name), matches in knockouts.items():
        trial = study.trial(session, name)
        if trial is not None and follows_plan(trial, matches):
            finished += 1
            absolute[study.key[max(matches, key=lambda a: a.match).choice][0]] += 1
    results = []
    for system in study.systems:
        won = sum(n for (a, _), n in wins.items() if a == system)
        played = won + sum(n for (_, b), n in wins.items() if b == system)
        results.append(
            SystemResult(
                system,
                None,
                played,
                won,
                wilson_interval(won, played),
                finished,
                absolute[system],
                wilson_interval(absolute[system], finished),
            )
        )
    return StudyResult(
        study,
        tuple(results),
        dict(wins),
        _even_chances(study.systems, wins),
        n_participants,
        left_out,
        n_answers,
        n_broken,
        len(knockouts) - finished,
    )


def _even_chances(systems: tuple[str, ...], wins: dict[tuple[str, str], int]) -> dict[tuple[str, str], float]:
    pairs, values = [], []
    for number, a in enumerate(systems):
        for b in systems[number + 1 :]:
            ours, theirs = wins.get((a, b), 0), wins.get((b, a), 0)
            if ours + theirs:
                pairs.append((a, b))
                values.append(sign_p(ours, ours + theirs))
    return dict(zip(pairs, holm(values), strict=True))


def sign_p(n_wins: int, n_trials: int) -> float:
    """Give how often even chances lead to a result at least as uneven; exact.

    Source:
        Dixon & Mood 1946, "The statistical sign test".
    """
    fewer = min(n_wins, n_trials - n_wins)
    tail = sum(math.comb(n_trials, k) for k in range(fewer + 1)) / 2**n_trials
    return min(1.0, 2 * tail)


def result_data(result: StudyResult) -> dict[str, object]:
    """Give a result as plain data."""
    return {
        "study": result.study.name,
        "kind": result.study.kind,
        "question": result.study.question,
        "participants": result.n_participants,
        "participants_left_out": len(result.left_out),
        "answers": result.n_answers,
        "answers_broken": result.n_broken,
        "knockouts_left_out": result.n_out_of_order,
        "systems": [
            {**vars(s), "rating": None if s.rating is None else vars(s.rating)} for s in result.systems
        ],
        "wins": [{"winner": a, "loser": b, "n": n} for (a, b), n in sorted(result.wins.items())],
        "pairs": [{"a": a, "b": b, "p_holm": p} for (a, b), p in result.p_values.items()],
    }


def result_markdown(result: StudyResult) -> str:
    """Give a result to read."""
    study = result.study
    lines = [
        f"# Study: {study.name}",
        "",
        f"Kind {study.kind}. “{study.question}” {result.n_participants} participants, "
        f"{result.n_answers} answers; left out: {len(result.left_out)} participants who failed a check, "
        f"{result.n_broken} answers to clips that could not be played.",
        "",
    ]
    lines += _rating_lines(result) if study.kind != "pairwise" else _pairwise_lines(result)
    return "\n".join([*lines, ""])


def _rating_lines(result: StudyResult) -> list[str]:
    lines = ["| system | mean, 1 to 5 | 95 %, participants redrawn | ratings |", "|---|---|---|---|"]
    for system in sorted(result.systems, key=lambda s: -(s.rating.mean if s.rating and s.rating.n else 0)):
        rating = system.rating
        if rating is None or rating.n == 0:
            lines.append(f"| {system.system} | – | – | 0 |")
        else:
            interval = f"{rating.low:.2f} to {rating.high:.2f}"
            lines.append(f"| {system.system} | {rating.mean:.2f} | {interval} | {rating.n} |")
    return lines


def _pairwise_lines(result: StudyResult) -> list[str]:
    lines = [
        "Intervals are Wilson's, 95 %; they take answers as independent, although a person gives several.",
        "",
        "| system | matches won | share (95 %) | knockouts won | share (95 %) |",
        "|---|---|---|---|---|",
    ]
    for s in sorted(result.systems, key=lambda s: (-s.n_absolute, -s.n_wins)):
        matches = _share(s.n_wins, s.n_matches, s.win_interval)
        knockouts = _share(s.n_absolute, s.n_tournaments, s.absolute_interval)
        lines.append(
            f"| {s.system} | {s.n_wins} of {s.n_matches} | {matches} | "
            f"{s.n_absolute} of {s.n_tournaments} | {knockouts} |"
        )
    names = result.study.systems
    lines += ["", "Wins of the row over the column:", "", "| | " + " | ".join(names) + " |"]
    lines.append("|---" * (len(names) + 1) + "|")
    for a in names:
        cells = ["–" if a == b else str(result.wins.get((a, b), 0)) for b in names]
        lines.append(f"| {a} | " + " | ".join(cells) + " |")
    if result.p_values:
        lines += ["", "| pair | p against even chances, adjusted by Holm |", "|---|---|"]
        lines += [f"| {a}, {b} | {p:.3f} |" for (a, b), p in result.p_values.items()]
    return lines


def _share(n: int, of: int, interval: tuple[float, float]) -> str:
    return "–" if of == 0 else f"{n / of:.0%} ({interval[0]:.0%} to {interval[1]:.0%})"
