"""A report on disk: ``report.md`` to read, ``report.json`` to compute with, plots as SVG.

Every file is written whole or not at all; ``report.json`` comes last and lists the others, so
a folder with it is complete.
"""

import json
import math
import re
from pathlib import Path

from visemic.core.atomic import atomic_path, check_writable
from visemic.core.errors import OutputError
from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.protocol import protocol_text
from visemic.evaluation.report import Report, Row
from visemic.evaluation.report_metric import CLIP_METRICS, SET_METRICS, SYNC_BETTER, SYNC_METRICS
from visemic.evaluation.report_plot import curves_svg, intervals_svg
from visemic.evaluation.report_predictor import ALWAYS, RULES

REPORT_JSON, REPORT_MD, PROTOCOL_JSON = "report.json", "report.md", "protocol.json"

_ARROWS = {"lower": "↓", "higher": "↑", "one": "→ 1", "zero": "→ 0", "none": ""}
_ABOUT = """
Rows above the line are always there: the recording itself (floor of a metric), another clip's motion
(chance), a face at rest, and the rules. Cells are the mean over clips with the 95 % interval of redrawn
{unit}; `n` is given where it is not the number of clips. Lip and upper-face metrics are on the head's
own regions, without head and eye rotation, unless the protocol names masks. Weights are clip lengths
where the published metric pools frames, and counts of phones for contacts.
""".strip()


def check_report_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder before any work is spent on it.

    Raises:
        OutputError: It is a file, its parent is missing, or it holds a report.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"output {str(folder)!r} is a file; name a folder")
    if not folder.exists() and not folder.parent.is_dir():
        raise OutputError(f"output folder {str(folder.parent)!r} does not exist; create it first")
    if folder.is_dir():
        for name in (REPORT_JSON, REPORT_MD, PROTOCOL_JSON):
            check_writable(folder / name, overwrite=overwrite)


def write_report(report: Report, folder: Path, *, version: str, overwrite: bool = False) -> list[Path]:
    """Write a report into a folder, which is made if needed.

    Args:
        report: What was measured.
        folder: Where to.
        version: Of the program, kept in the file.
        overwrite: Replace files of an earlier report.

    Returns:
        The files, ``report.json`` last.

    Raises:
        OutputError: A file exists or cannot be written.
    """
    check_report_folder(folder, overwrite=overwrite)
    folder.mkdir(exist_ok=True)
    texts = {PROTOCOL_JSON: protocol_text(report.protocol)}
    for metric in _shown(report):
        name, unit, scale, _ = _metric_facts(metric)
        rows = [(row.name, report.estimate(row, metric)) for row in report.rows]
        texts[f"interval_{name}.svg"] = intervals_svg(name, unit, rows, scale)
    for sample in report.samples:
        for row in sample.predicted:
            texts[f"curves_{_file_name(sample.clip_id)}_{_file_name(row)}.svg"] = curves_svg(sample, row)
    texts[REPORT_MD] = report_markdown(report, version, sorted(n for n in texts if n.endswith(".svg")))
    plain = {**report_data(report, version), "files": sorted(texts)}
    texts[REPORT_JSON] = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    paths = []
    for name, text in texts.items():
        with atomic_path(folder / name, overwrite=overwrite) as partial:
            partial.write_text(text, encoding="utf-8")
        paths.append(folder / name)
    return paths


def report_data(report: Report, version: str) -> dict[str, object]:
    """Give a report as plain data; NaN becomes None."""
    shown = _shown(report)
    return {
        "generator": "visemic",
        "version": version,
        "protocol": json.loads(protocol_text(report.protocol)),
        "rig": report.rig,
        "sync_scorer": report.scorer,
        "licences": list(report.licences),
        "redrawn": "speakers" if report.by_speaker else "clips",
        "rows": [
            {
                "name": row.name,
                "metrics": {m: _estimate_data(report.estimate(row, m)) for m in shown},
                "set_metrics": {m: _plain(v) for m, v in row.set_values.items()},
                "clips": {
                    m: dict(zip(report.protocol.clip_ids, map(_plain, row.values[m]), strict=True))
                    for m in shown
                },
                "failures": row.failures,
            }
            for row in report.rows
        ],
        "comparisons": _comparison_data(report, shown),
    }


def report_markdown(report: Report, version: str, plots: list[str]) -> str:
    """Give a report to read."""
    protocol, shown = report.protocol, _shown(report)
    lines = [
        f"# Evaluation: {protocol.name}",
        "",
        f"Protocol `{protocol.fingerprint}` version {protocol.version}, split {protocol.split}, "
        f"{len(protocol.clip_ids)} clips of {len(set(report.speakers))} speakers, head `{report.rig}`, "
        f"seed {protocol.seed}, visemic {version}.",
        "",
        _ABOUT.format(unit="speakers" if report.by_speaker else "clips"),
        "",
    ]
    for start in range(0, len(shown), 4):
        lines += [*_table(report, shown[start : start + 4]), ""]
    lines += _set_table(report)
    lines += _comparison_lines(report, shown)
    failures = [(row.name, clip, why) for row in report.rows for clip, why in row.failures.items()]
    if failures:
        lines += [f"## Left out: {len(failures)}", ""]
        lines += [f"- {name}, {clip}: {why}" for name, clip, why in failures[:20]]
        lines += [f"- … and {len(failures) - 20} more in report.json"] if len(failures) > 20 else []
        lines.append("")
    lines += ["## Data", "", *(f"- {_cell(entry)}" for entry in report.licences), ""]
    if plots:
        lines += ["## Plots", "", *(f"![{name[:-4]}]({name})" for name in plots), ""]
    return "\n".join(lines)


def _table(report: Report, metrics: list[str]) -> list[str]:
    heads = []
    for metric in metrics:
        name, unit, _, better = _metric_facts(metric)
        heads.append(" ".join(filter(None, (name, "" if unit == "1" else f"[{unit}]", better))))
    lines = ["| row | " + " | ".join(heads) + " |", "|---" * (len(metrics) + 1) + "|"]
    for number, row in enumerate(report.rows):
        if number == len(ALWAYS):
            lines.append("| | " + " | ".join("" for _ in metrics) + " |")
        cells = []
        for metric in metrics:
            estimate = report.estimate(row, metric)
            cells.append(_estimate_cell(estimate, _metric_facts(metric)[2], len(report.speakers)))
        lines.append(f"| {_cell(row.name)} | " + " | ".join(cells) + " |")
    return lines


def _set_table(report: Report) -> list[str]:
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
    return [*lines, ""]


def _comparison_lines(report: Report, metrics: list[str]) -> list[str]:
    lines = []
    for metric in metrics:
        name, unit, scale, _ = _metric_facts(metric)
        shown_unit = "" if unit == "1" else f" {unit}"
        adjusted = report.adjusted_p(metric)
        for (a, b), result in report.comparisons(metric).items():
            lines.append(
                f"| {name} | {_cell(a)} − {_cell(b)} | {_number(result.difference * scale)} "
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


def _comparison_data(report: Report, metrics: list[str]) -> list[dict[str, object]]:
    out = []
    for metric in metrics:
        adjusted = report.adjusted_p(metric)
        for (a, b), result in report.comparisons(metric).items():
            entry = {k: _plain(v) for k, v in vars(result).items()}
            out.append({"metric": metric, "a": a, "b": b, **entry, "p_holm": _plain(adjusted[a, b])})
    return out


def _shown(report: Report) -> list[str]:
    """Give the clip metrics for which any row has a value."""
    return [
        m
        for m in report.protocol.metrics
        if m in report.rows[0].values and any(_has(row, m) for row in report.rows)
    ]


def _has(row: Row, metric: str) -> bool:
    return bool((row.weights[metric] > 0).any())


def _metric_facts(name: str) -> tuple[str, str, float, str]:
    """Give name, printed unit, factor and arrow."""
    if name in SYNC_METRICS:
        return name, "ms" if name.endswith("_ms") else "1", 1.0, _ARROWS[SYNC_BETTER[name]]
    metric = next(m for m in CLIP_METRICS if m.name == name)
    return name, metric.printed or metric.unit, metric.scale, _ARROWS[metric.better]


def _estimate_cell(estimate: Estimate, scale: float, n_clips: int) -> str:
    if estimate.n == 0:
        return "–"
    values = (estimate.mean * scale, estimate.low * scale, estimate.high * scale)
    count = "" if estimate.n == n_clips else f", n {estimate.n}"
    return f"{_number(values[0])} ({_number(values[1])} to {_number(values[2])}{count})"


def _estimate_data(estimate: Estimate) -> dict[str, object]:
    return {k: _plain(v) for k, v in vars(estimate).items()}


def _plain(value: object) -> object:
    if isinstance(value, int):
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "unnamed"
