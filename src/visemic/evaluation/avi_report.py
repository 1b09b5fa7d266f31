"""The report of expressive speech, as Markdown and plots out of plain data."""

import math
from collections.abc import Mapping
from typing import Any

from visemic.evaluation.avi_feature import HOP_S, N_DIRECTIONS, WINDOW_S
from visemic.evaluation.avi_performer import AVI_MEAN, AVI_TRUE, RECORDING
from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.report_plot import intervals_svg
from visemic.evaluation.report_table import table

EMOTION, UNIT_F1, TOP_5, SEALED, BROWS = 0.85, 0.75, 0.60, 0.99, 0.3
INSTRUCT_S, RTF = 1.0, 0.05
"""Targets: shares, a correlation, seconds for a clip and processor time over sound."""

HEARD, AT_REST = "speech alone", "speech, and the voice at rest"
REAL_HALVES = "real against real"
COLUMNS: dict[str, tuple[str, float, int]] = {
    "fid": ("FID", 1.0, 2),
    "kid": ("KID x 1000", 1000.0, 1),
    "likeness": ("style likeness", 1.0, 3),
    "pose": ("pose error", 1.0, 3),
    "motion-sync_d": ("LSE-D, motion", 1.0, 3),
    "motion-sync_c": ("LSE-C, motion", 1.0, 3),
    "syncnet_d": ("LSE-D, SyncNet", 1.0, 2),
    "syncnet_c": ("LSE-C, SyncNet", 1.0, 2),
    "sealed": ("P B M sealed, %", 100.0, 1),
    "brows": ("brows by loudness", 1.0, 2),
    "diversity": ("diversity", 1.0, 3),
}
"""Title, factor and digits by the name of a figure."""
_UNITS = {
    "fid": "smaller is nearer to the actors' other clips",
    "kid": "smaller is nearer to the actors' other clips",
    "likeness": "cosine of the styles of performance and recording, by the encoder of stage two",
    "pose": "distance of mean poses over the 52 shapes",
    "motion-sync_d": "distance of sound and mouth, smaller is better",
    "motion-sync_c": "larger is better",
    "syncnet_d": "drawn, smaller is better",
    "syncnet_c": "drawn, larger is better",
    "sealed": "share of P, B and M with lips within 0.3 mm",
    "brows": "correlation within a clip",
    "diversity": "mean distance of ten performances in the space of windows",
}


def plots(result: Mapping[str, Any]) -> dict[str, str]:
    """Give an SVG plot for every column that has values, by file name."""
    found = {}
    for key, (title, factor, _) in COLUMNS.items():
        rows = [
            (_short(name), row[key])
            for name, row in result["rows"].items()
            if isinstance(row.get(key), Estimate) and math.isfinite(row[key].mean)
        ]
        if rows:
            found[f"{key}.svg"] = intervals_svg(title, _UNITS[key], rows, factor)
    return found


_SHORTER = {
    ", true instruction": " (true)",
    ", voice at rest known": ", at rest",
    " + acting layer": " acted",
    ", no emotion": ", calm",
}


def _short(name: str) -> str:
    """Give a name of a row that fits beside a plot."""
    for long, short in _SHORTER.items():
        name = name.replace(long, short)
    return name


def avi_markdown(result: Mapping[str, Any]) -> str:
    """Give the report.

    Args:
        result: As ``avi_experiment`` collects it.
    """
    parts = [_head(result), _targets(result), _table_of_rows(result), _instructions(result), _styles(result)]
    parts += [_strong(result), _shown(result)]
    return "\n".join(line for part in parts if part for line in [*part, ""])


def _head(result: Mapping[str, Any]) -> list[str]:
    facts = result["facts"]
    lines = [
        "# From speech to an expressive face",
        "",
        f"{facts['clips']} clips of {facts['actors']} actors whom no training met, spread evenly over "
        f"feelings and strengths, from {facts['store']!r}. Brackets hold 95 % intervals: of clips drawn "
        "again for means, of leaving out one clip at a time for FID and KID.",
        "",
        f"FID and KID compare windows of {WINDOW_S:g} s, every {HOP_S:g} s, with the {facts['others']} other "
        f"clips of the same actors ({facts['windows']} windows). Features: mean, spread and speed of all "
        f"{facts['channels']} channels in {N_DIRECTIONS} principal directions of the training's actors, "
        f"which keep {100 * facts['explained']:.0f} % of the variance. The row {REAL_HALVES!r} parts those "
        f"other clips in two halves. What the actors did in the judged clips is {RECORDING!r}.",
        "",
        "Models that take sound hear the phones themselves, unless the table says that words are known. "
        "The generator was trained beside a frozen critic of lip sync; where that was the motion-sync "
        "network, its judgement of these rows is not independent.",
    ]
    lines += ["", *[f"- Left out: {text}" for text in result["left_out"]]] if result["left_out"] else []
    return lines


def _targets(result: Mapping[str, Any]) -> list[str]:
    rows: list[list[str]] = []

    def add(name: str, value: float, target: float, *, most: bool = False, percent: bool = True) -> None:
        if not math.isfinite(value):
            return
        factor, sign = (100.0, " %") if percent else (1.0, "")
        met = value <= target if most else value >= target
        shown = f"{factor * value:.1f}{sign}" if percent else f"{value:.3g}"
        rows.append(
            [
                name,
                shown,
                f"{'at most' if most else 'at least'} {factor * target:g}{sign}",
                "yes" if met else "no",
            ]
        )

    for way in (HEARD, AT_REST):
        if way in result["instructions"]:
            figures = result["instructions"][way]
            add(f"emotion, {way}", figures["emotion"].mean, EMOTION)
            add(f"F1 of action units, {way}", figures["unit_f1"].mean, UNIT_F1, percent=False)
    if result["styles"]:
        add(f"style among the first 5 of {result['styles']['pool']}", result["styles"]["top_5"].mean, TOP_5)
    if AVI_TRUE in result["rows"]:
        own, mean = result["rows"][AVI_TRUE], result["rows"][AVI_MEAN]
        add("diversity over ten noises", own["diversity"].mean, 0.001, percent=False)
        add(
            "KID, at most that of the mean style", own["kid"].mean, mean["kid"].mean, most=True, percent=False
        )
        add("brows by loudness", own["brows"].mean, BROWS, percent=False)
    for name in ("AVI-Talking", "acting layer"):
        rates = [ways[name].mean for ways in result["strong"].values() if name in ways]
        if rates:
            add(f"P B M sealed at intensity 1, worst emotion, {name}", min(rates), SEALED)
    took = result["speed"]
    if "instruct_s" in took:
        add(
            f"instruction of {took['duration_s']:.1f} s, processor seconds",
            took["instruct_s"],
            INSTRUCT_S,
            most=True,
            percent=False,
        )
    if "prior_s" in took:
        rtf = (took["prior_s"] + 2 * took["generator_s"]) / took["duration_s"]
        add("prior and generator, processor time over sound", rtf, RTF, most=True, percent=False)
    return ["## Targets", "", *table(["", "measured", "wanted", "reached"], rows)] if rows else []


def _table_of_rows(result: Mapping[str, Any]) -> list[str]:
    rows = {REAL_HALVES: result["real_halves"], **result["rows"]}
    keys = [key for key in COLUMNS if any(key in row for row in rows.values())]
    lines = [
        [name, row.get("given", ""), *(_cell(row.get(key), *COLUMNS[key][1:]) for key in keys)]
        for name, row in rows.items()
    ]
    return [
        "## All rows",
        "",
        "Given: what a row is told. Style likeness: the cosine between the style of the performance and that "
        "of the recording, by stage two's own encoder, which its generator was trained with. Pose error: "
        "distance of the mean poses over the 52 shapes, which no row was trained on. Diversity: mean "
        "distance of ten performances of one clip in the space of FID; 0 by definition without chance.",
        "",
        *table(["", "given", *(COLUMNS[key][0] for key in keys)], lines),
    ]


def _instructions(result: Mapping[str, Any]) -> list[str]:
    if not result["instructions"]:
        return []
    names = list(next(iter(result["instructions"].values())))
    titles = {"unit_f1": "F1 of action units", "degree": "degree, exactly", "degree_within_one": "within one"}
    lines = [
        [way, *(_cell(figures[name], 100.0 if name != "unit_f1" else 1.0, 1 + 2 * (name == "unit_f1"))
                for name in names)]
        for way, figures in result["instructions"].items()
    ]  # fmt: skip
    return [
        "## What the instructions say",
        "",
        "Against the captions, which are measured from the faces; shares in %. Degrees are judged on the "
        "units that are both said and seen. A caption of another actor of the same feeling and strength is "
        "what somebody would score who hears the feeling without fail and nothing of the actor.",
        "",
        *table(["", *(titles.get(name, name) for name in names)], lines),
    ]


def _styles(result: Mapping[str, Any]) -> list[str]:
    styles = result["styles"]
    if not styles:
        return []
    line = [_cell(styles["top_1"], 100, 1), _cell(styles["top_5"], 100, 1), _cell(styles["diversity"], 1, 3)]
    return [
        "## From an instruction to its performance",
        "",
        f"The fullest sentence of each of {styles['pool']} clips asks, by the mean of ten drawn styles, for "
        "its own clip among all of them. Diversity is the published one: the mean distance of the ten "
        "styles, each of length 1.",
        "",
        *table(["first, %", "among the first five, %", "diversity of styles"], [line]),
    ]


def _strong(result: Mapping[str, Any]) -> list[str]:
    if not result["strong"]:
        return []
    names = list(next(iter(result["strong"].values())))
    lines = [
        [emotion, *(_cell(ways[name], 100, 1) for name in names)]
        for emotion, ways in result["strong"].items()
    ]
    return [
        "## Lips at intensity 1",
        "",
        f"Sealed P, B and M in the {result['facts']['strong_clips']} clips with the most of them, %, the "
        "words being known.",
        "",
        *table(["", *names], lines),
    ]


def _shown(result: Mapping[str, Any]) -> list[str]:
    lines = [f"- [{path}]({path}): {text}" for path, text in result["files"].items()]
    return ["## To look at and to judge", "", *lines] if lines else []


def _cell(value: Any, factor: float, digits: int) -> str:
    if not isinstance(value, Estimate) or not math.isfinite(value.mean):
        return "0" if value == 0 and value is not None else "-"
    mean, low, high = (f"{factor * v:.{digits}f}" for v in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}]"
