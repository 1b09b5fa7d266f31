"""A report to read: one Markdown text with tables, differences, what was left out, and pictures."""

import math
from collections.abc import Sequence

from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.report_floor import Floor
from visemic.evaluation.report_metric import LSE_METRICS, SET_METRICS, SYNC_METRICS, metric_facts
from visemic.evaluation.report_predictor import ALWAYS, RULES
from visemic.evaluation.report_result import Extras, Film, Report, Row

_ARROWS = {"lower": "↓", "higher": "↑", "one": "→ 1", "zero": "→ 0", "none": ""}
_ABOUT = """
Rows above the line are always there: the recording itself (floor of a metric), another clip's motion
(chance), a face at rest, and the rules. Cells are the mean over clips with the 95 % interval of redrawn
{unit}; `n` is given where it is not the number of clips. Lip and upper-face metrics are on the head's
own regions, without head and eye rotation, unless the protocol names masks. Weights are clip lengths
where the published metric pools frames, and counts of phones for contacts.
""".strip()
_TAKES = (
    "Takes: {n} a clip of models with chance; the first stands in all other columns. A row without chance "
    "has a multimodality of 0 by definition, and its two errors are the published LVE."
)
_FILMS = (
    "From left to right the recording and two rows. Colours show how far a vertex is from the recording: "
    "blue small, red large, one scale for all films of this report. Heads are held level; blinks and brows "
    "count, as in the mesh errors."
)
_LSE_TITLES = dict(
    zip(
        LSE_METRICS,
        ("LSE-D in place by syncnet", "LSE-D by syncnet", "LSE-C by syncnet", "offset by syncnet"),
        strict=True,
    )
)


def report_markdown(report: Report, version: str, plots: list[str], extras: Extras | None = None) -> str:
    """Give a report to read.

    Args:
        report: What was measured.
        version: Of the program.
        plots: Files of pictures in the same folder.
        extras: Floors, films and notes; None adds none.
    """
    extras = extras or Extras()
    protocol, shown = report.protocol, shown_metrics(report)
    n_speakers = len(set(report.speakers))
    lines = [
        f"# Evaluation: {protocol.name}",
        "",
        f"Protocol `{protocol.fingerprint}` version {protocol.version}, split {protocol.split}, "
        f"{len(protocol.clip_ids)} clips of {n_speakers} speaker{'s' * (n_speakers != 1)}, "
        f"head `{report.rig}`, "
        f"sync by {', '.join(protocol.scorers)}, seed {protocol.seed}, visemic {version}.",
        "",
        _ABOUT.format(unit="speakers" if report.by_speaker else "clips"),
        "",
    ]
    if protocol.n_takes > 1:
        lines += [_TAKES.format(n=protocol.n_takes), ""]
    lines += [f"Note: {note}." for note in extras.notes] + [""] * bool(extras.notes)
    for start in range(0, len(shown), 4):
        lines += [*_table(report, shown[start : start + 4], extras.floors), ""]
    lines += _set_table(report, extras.floors)
    if extras.floors:
        lines += ["## Published floors", "", "Measured by others, on their clips, without intervals.", ""]
        lines += [*(f"- *{_cell(f.name)}*: {_cell(f.source)}" for f in extras.floors), ""]
    lines += _comparison_lines(report, shown)
    lines += _failure_lines(report)
    lines += _film_lines(extras.films)
    lines += ["## Data", "", *(f"- {_cell(entry)}" for entry in report.licences), ""]
    if plots:
        lines += ["## Plots", "", "Recording blue, prediction orange.", ""]
        lines += [*(f"![{name[:-4]}]({name})" for name in plots), ""]
    return "\n".join(lines)


def metric_title(report: Report, metric: str) -> str:
    """Give a metric as a table names it: what a scorer says carries its name."""
    if metric in SYNC_METRICS:
        return f"{metric} by {report.protocol.scorers[0]}"
    return _LSE_TITLES.get(metric, metric)


def _failure_lines(report: Report) -> list[str]:
    lines = []
    for title, found in (
        ("Left out", [(row.name, row.failures) for row in report.rows]),
        ("Without a score of sound against motion", [(row.name, row.unscored) for row in report.rows]),
    ):
        told = [f"- {name}, {clip}: {why}" for name, reasons in found for clip, why in reasons.items()]
        if told:
            lines += [f"## {title}: {len(told)}", "", *told[:20]]
            lines += [f"- … and {len(told) - 20} more in report.json"] if len(told) > 20 else []
            lines.append("")
    return lines


def _film_lines(films: Sequence[Film]) -> list[str]:
    if not films:
        return []
    lines = ["## Error colours", "", _FILMS, ""]
    for film in films:
        lines += [
            f"[![{film.stem}]({film.stem}.png)]({film.stem}.mp4)",
            "",
            f"[{film.stem}.mp4]({film.stem}.mp4): {_cell(film.caption)}",
            "",
        ]
    return lines


def _table(report: Report, metrics: list[str], floors: Sequence[Floor]) -> list[str]:
    heads = []
    for metric in metrics:
        facts = metric_facts(metric)
        unit = "" if facts.unit == "1" else f"[{facts.unit}]"
        heads.append(" ".join(filter(None, (metric_title(report, metric), unit, _ARROWS[facts.better]))))
    lines = ["| row | " + " | ".join(heads) + " |", "|---" * (len(metrics) + 1) + "|"]
    for number, row in enumerate(report.rows):
        if number == len(ALWAYS):
            lines.append("| | " + " | ".join("" for _ in metrics) + " |")
        cells = [
            _estimate_cell(report.estimate(row, m), metric_facts(m).scale, len(report.speakers))
            for m in metrics
        ]
        lines.append(f"| {_cell(row.name)} | " + " | ".join(cells) + " |")
    return [*lines, *_floor_rows(metrics, [metric_facts(m).scale for m in metrics], floors)]


def _floor_rows(metrics: Sequence[str], scales: Sequence[float], floors: Sequence[Floor]) -> list[str]:
    rows = []
    for floor in floors:
        if any(metric in floor.values for metric in metrics):
            values = [floor.values.get(m, math.nan) * scale for m, scale in zip(metrics, scales, strict=True)]
            rows.append(f"| *{_cell(floor.name)}* | " + " | ".join(map(_number, values)) + " |")
    return ["| | " + " | ".join("" for _ in metrics) + " |", *rows] if rows else []


def _set_table(report: Report, floors: Sequence[Floor]) -> list[str]:
    wanted = [m for m in SET_METRICS if any(m in row.set_values for row in report.rows)]
    if not wanted:
        return []
    lines = [
        "## All clips together",
        "",
        "Features: channels and their change ten times a second, first principal components of the "
        "recordings. The recording's row compares every other clip with the rest: the floor of each metric. "
        "The permuted track is the same set of motion, which these metrics cannot tell apart; a row of these "
        "very clips can fall below 0 by KID, which takes the two sets as independent.",
        "",
        "| row | " + " | ".join(wanted) + " |",
        "|---" * (len(wanted) + 1) + "|",
    ]
    for row in report.rows:
        cells = [_number(row.set_values.get(m, math.nan)) for m in wanted]
        lines.append(f"| {_cell(row.name)} | " + " | ".join(cells) + " |")
    return [*lines, *_floor_rows(wanted, [1.0] * len(wanted), floors), ""]


def _comparison_lines(report: Report, metrics: list[str]) -> list[str]:
    lines = []
    for metric in metrics:
        facts = metric_facts(metric)
        scale, shown_unit = facts.scale, "" if facts.unit == "1" else f" {facts.unit}"
        adjusted = report.adjusted_p(metric)
        for (a, b), result in report.comparisons(metric).items():
            lines.append(
                f"| {metric_title(report, metric)} | {_cell(a)} − {_cell(b)} "
                f"| {_number(result.difference * scale)} "
                f"({_number(result.low * scale)} to {_number(result.high * scale)}){shown_unit} "
                f"| {_p(adjusted[a, b])} | {_p(result.p_wilcoxon)} | {result.n} |"
            )
    if not lines:
        return []
    head = [
        f"## Differences, paired by clip (against `{RULES}` and one another)",
        "",
        "p by permuted signs, adjusted by Holm over the pairs of a metric; the other by signed ranks. They "
        "ask whether a difference exists, not whether it is seen.",
        "",
        "| metric | pair | difference (95 %) | p | p, ranks | n |",
        "|---|---|---|---|---|---|",
    ]
    return [*head, *lines, ""]


def shown_metrics(report: Report) -> list[str]:
    """Give the clip metrics for which any row has a value."""
    return [
        m
        for m in report.protocol.metrics
        if m in report.rows[0].values and any(_has(row, m) for row in report.rows)
    ]


def _has(row: Row, metric: str) -> bool:
    return bool((row.weights[metric] > 0).any())


def _estimate_cell(estimate: Estimate, scale: float, n_clips: int) -> str:
    if estimate.n == 0:
        return "–"
    values = (estimate.mean * scale, estimate.low * scale, estimate.high * scale)
    count = "" if estimate.n == n_clips else f", n {estimate.n}"
    return f"{_number(values[0])} ({_number(values[1])} to {_number(values[2])}{count})"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    # What is 0 in closed form comes out of sums as 1e-17.
    if abs(value) < 1e-9:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
