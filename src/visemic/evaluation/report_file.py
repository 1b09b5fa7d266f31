"""A report on disk: ``report.md`` to read, ``report.json`` to compute with, plots and films.

Every file is written whole or not at all; ``report.json`` comes last and lists the others, so
a folder with it is complete. A report that fails half-way takes its new files away again.
"""

import json
import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from visemic.core.atomic import atomic_path, check_writable
from visemic.core.errors import OutputError
from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.protocol import protocol_text
from visemic.evaluation.report_markdown import metric_title, report_markdown, shown_metrics
from visemic.evaluation.report_metric import metric_facts
from visemic.evaluation.report_plot import curves_svg, intervals_svg
from visemic.evaluation.report_result import Extras, Report

REPORT_JSON, REPORT_MD, PROTOCOL_JSON = "report.json", "report.md", "protocol.json"


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


def write_report(
    report: Report, folder: Path, *, version: str, overwrite: bool = False, extras: Extras | None = None
) -> list[Path]:
    """Write a report into a folder, which is made if needed.

    Args:
        report: What was measured.
        folder: Where to.
        version: Of the program, kept in the file.
        overwrite: Replace files of an earlier report.
        extras: Floors, films and notes; None adds none.

    Returns:
        The files, ``report.json`` last.

    Raises:
        OutputError: A file exists or cannot be written.
    """
    extras = extras or Extras()
    check_report_folder(folder, overwrite=overwrite)
    writers: dict[str, Callable[[Path], None]] = {}
    for name, text in _texts(report, version, extras).items():
        writers[name] = partial(_write_text, text)
    for film in extras.films:
        writers[f"{film.stem}.mp4"], writers[f"{film.stem}.png"] = film.write_video, film.write_still
    plain = {**report_data(report, version, extras), "files": sorted(writers)}
    data = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return _write_all({**writers, REPORT_JSON: partial(_write_text, data)}, folder, overwrite=overwrite)


def _texts(report: Report, version: str, extras: Extras) -> dict[str, str]:
    texts = {PROTOCOL_JSON: protocol_text(report.protocol)}
    for metric in shown_metrics(report):
        facts = metric_facts(metric)
        rows = [(row.name, report.estimate(row, metric)) for row in report.rows]
        texts[f"interval_{metric}.svg"] = intervals_svg(
            metric_title(report, metric), facts.unit, rows, facts.scale
        )
    for sample in report.samples:
        for row in sample.predicted:
            texts[f"curves_{file_name(sample.clip_id)}_{file_name(row)}.svg"] = curves_svg(sample, row)
    plots = sorted(name for name in texts if name.endswith(".svg"))
    texts[REPORT_MD] = report_markdown(report, version, plots, extras)
    return texts


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _write_all(writers: dict[str, Callable[[Path], None]], folder: Path, *, overwrite: bool) -> list[Path]:
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    paths: list[Path] = []
    before = {path.name for path in folder.iterdir()}
    try:
        for name, write in writers.items():
            with atomic_path(folder / name, overwrite=overwrite) as partial_path:
                write(partial_path)
            paths.append(folder / name)
    except BaseException:
        for path in paths:
            if path.name not in before:
                path.unlink(missing_ok=True)
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise
    return paths


def report_data(report: Report, version: str, extras: Extras | None = None) -> dict[str, object]:
    """Give a report as plain data; NaN becomes None."""
    extras = extras or Extras()
    shown = shown_metrics(report)
    return {
        "generator": "visemic",
        "version": version,
        "protocol": json.loads(protocol_text(report.protocol)),
        "rig": report.rig,
        "sync_scorer": report.protocol.scorers[0],
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
                "unscored": row.unscored,
            }
            for row in report.rows
        ],
        "comparisons": _comparison_data(report, shown),
        "floors": [{"name": f.name, "source": f.source, "metrics": dict(f.values)} for f in extras.floors],
        "films": [{"video": f"{f.stem}.mp4", "caption": f.caption} for f in extras.films],
        "notes": list(extras.notes),
    }


def _comparison_data(report: Report, metrics: list[str]) -> list[dict[str, object]]:
    out = []
    for metric in metrics:
        adjusted = report.adjusted_p(metric)
        for (a, b), result in report.comparisons(metric).items():
            entry = {k: _plain(v) for k, v in vars(result).items()}
            out.append({"metric": metric, "a": a, "b": b, **entry, "p_holm": _plain(adjusted[a, b])})
    return out


def _estimate_data(estimate: Estimate) -> dict[str, object]:
    return {k: _plain(v) for k, v in vars(estimate).items()}


def _plain(value: object) -> object:
    if isinstance(value, int):
        return value
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def file_name(name: str) -> str:
    """Give a name without what file systems refuse."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "unnamed"
