"""The experiments as a report to read: our numbers, and the published ones beside them."""

from collections.abc import Mapping
from typing import Any

from visemic.evaluation.report_predictor import GROUND_TRUTH, PERMUTED, RULES, STATIC
from visemic.evaluation.report_table import table_head, table_row
from visemic.training.korzun_scale import BEST_SUBSET, MODELS, SUBSETS, run_name
from visemic.training.korzun_table import (
    CONFIDENCE,
    DISTANCE,
    L2,
    LMD,
    METRICS,
    MOUTH_ONLY,
    wrong_sound_name,
)

REPORT_MD = "report.md"

PUBLISHED = {
    "ff_avc": {
        L2: (2.79, 2.37, 2.62, 1.50),
        LMD: (0.590, 0.549, 0.543, 0.467),
        DISTANCE: (10.21, 9.89, 9.61, 9.24),
        CONFIDENCE: (3.71, 3.94, 4.15, 4.76),
    },
    "ff_w2v": {
        L2: (2.58, 2.14, 2.82, 0.77),
        LMD: (0.453, 0.450, 0.460, 0.356),
        DISTANCE: (9.17, 9.25, 8.89, 8.39),
        CONFIDENCE: (5.05, 4.85, 5.31, 5.65),
    },
    "s2s_avc": {
        L2: (2.17, 2.06, 2.24, 0.95),
        LMD: (0.546, 0.555, 0.506, 0.468),
        DISTANCE: (10.36, 10.61, 9.69, 9.12),
        CONFIDENCE: (3.37, 3.23, 4.25, 4.54),
    },
    "s2s_w2v": {
        L2: (2.28, 1.90, 2.54, 0.77),
        LMD: (0.462, 0.463, 0.500, 0.377),
        DISTANCE: (9.64, 9.54, 9.91, 8.54),
        CONFIDENCE: (4.43, 4.23, 4.21, 5.37),
    },
}
"""Korzun et al. 2022, by subset; distance and confidence are SyncNet's on rendered film."""
PUBLISHED_CONTROLS = {GROUND_TRUTH: (8.55, 5.69), MOUTH_ONLY: (8.58, 5.66), PERMUTED: (11.95, 2.34)}
"""SyncNet's distance and confidence of the recording: all 61 values, 33 of them, another clip's."""
PUBLISHED_VOICES = {
    "ff_avc": ((9.50, 3.30), (11.44, 3.14), (10.85, 4.26)),
    "ff_w2v": ((9.11, 3.82), (11.17, 3.61), (11.22, 4.13)),
    "s2s_avc": ((9.60, 3.06), (12.66, 1.83), (12.22, 2.67)),
    "s2s_w2v": ((8.88, 3.82), (10.96, 3.28), (11.24, 3.54)),
}
"""SyncNet's distance and confidence: a person, and the synthetic voices Alena and Dorofeev."""
PUBLISHED_VOTES = {
    "ff_w2v_subset1": (14, 36),
    "ff_avc_subset1": (13, 39),
    "ff_w2v_subset4": (8, 28),
    "s2s_w2v_subset4": (8, 26),
}
"""Absolute winner and pairwise wins among viewers."""

_TITLES = {L2: "L2", LMD: "LMD", DISTANCE: "sync distance", CONFIDENCE: "sync confidence"}
_DIGITS = {L2: 3, LMD: 4, DISTANCE: 3, CONFIDENCE: 3}
_BETTER = {L2: "lower", LMD: "lower", DISTANCE: "lower", CONFIDENCE: "higher"}


def experiment_markdown(result: Mapping[str, Any]) -> str:
    """Give the report as Markdown.

    Args:
        result: What the stages left.
    """
    parts = [
        *_head(result),
        *_models(result),
        *_controls(result),
        *_comparisons(result),
        *_voices(result),
        *_picture(result),
        *_study(result),
        *_runs(result),
    ]
    return "\n".join(parts) + "\n"


def _head(result: Mapping[str, Any]) -> list[str]:
    scale, tables = result["scale"], result["tables"]
    lines = [
        "# Speech to mouth: the experiments of Korzun et al. 2022",
        "",
        f"Scale `{scale['name']}`, seed {result['seed']}, visemic {result['version']}; "
        f"{tables['clips']} test clips, protocol `{tables['protocol']}`, "
        f"sync scored by `{result['sync_scorer']}`.",
        "",
        "**The corpus differs from the paper's.** Theirs is two people before a depth camera; ours is two "
        "synthetic speakers: espeak voices whose mouths are moved by rules. Published numbers stand in "
        "brackets to show which way things went there; the two columns share no unit of error and no scorer.",
        "",
        "What the models heard:",
        "",
    ]
    for column in ("w2v", "avc"):
        source = result["features"][column]
        lines.append(f"- `{column}`: `{source['source']}`, {source['description']}.{_caveat(column, source)}")
    if scale["name"] != "full":
        lines += [
            "",
            f"This is the {scale['name']} form: {scale['size']:g} of the paper's phrases, and training ends "
            "after a fixed number of steps, before it has converged. It shows that the machinery works and "
            "what features do, not which network is best.",
        ]
    return [*lines, ""]


def _caveat(column: str, source: Mapping[str, str]) -> str:
    if column == "w2v" and not source["source"].startswith("hf:"):
        said = " **Not wav2vec 2.0**: no checkpoint was given (`--w2v`)."
        if source["source"] == "phonetic":
            said += (
                " A tenth of what the encoder itself was trained on are manners of the same espeak voice, "
                "both speakers' among them, though not the new voices below."
            )
        return said
    if column == "avc" and not source["source"].startswith("autovc:"):
        return " **Not AutoVC's output**: no trained converter was given (`--avc`)."
    return ""


def _models(result: Mapping[str, Any]) -> list[str]:
    lines = ["## Models and subsets", ""]
    rows = result["tables"]["rows"]
    for metric in METRICS:
        lines += [f"### {_TITLES[metric]} ({_BETTER[metric]} is better)", ""]
        lines += table_head(["model", *(f"subset {subset}" for subset in SUBSETS)])
        for model in MODELS:
            cells = []
            for at, subset in enumerate(SUBSETS):
                published = PUBLISHED[model][metric][at]
                cells.append(f"{_value(rows[run_name(model, subset)][metric], metric)} [{published:g}]")
            lines.append(table_row([f"`{model}`", *cells]))
        lines.append("")
    return [*lines, "Each cell: mean, 95 % interval over clips, and in brackets the published number.", ""]


def _controls(result: Mapping[str, Any]) -> list[str]:
    rows, left_out = result["tables"]["rows"], result["tables"]["left_out"]
    lines = [
        "## Controls",
        "",
        "The recording with all its values, with the 33 mouth shapes only, and another clip's in its "
        "place; a face at rest; the rules, which know the phones; and the models of subset 4 on another "
        "clip's sound.",
        "",
        *table_head(["row", *(_TITLES[m] for m in METRICS)]),
    ]
    names = (GROUND_TRUTH, MOUTH_ONLY, PERMUTED, STATIC, RULES, *(wrong_sound_name(m) for m in MODELS))
    for name in names:
        cells = [_value(rows[name][metric], metric) for metric in METRICS]
        if name in PUBLISHED_CONTROLS:
            for at, published in zip((2, 3), PUBLISHED_CONTROLS[name], strict=True):
                cells[at] += f" [{published:g}]"
        lines.append(table_row([name, *cells]))
    lines += [
        "",
        "The scorer watches lips and jaw in millimetres, so brows, lids and head cannot move its score; a "
        "network that watches pictures, as in the paper, could see them.",
    ]
    if left_out:
        most = max(left_out.values())
        lines += [
            "",
            f"Up to {most} clips of a row have no sync score: they are too short for the lags that are "
            "tried.",
        ]
    return [*lines, ""]


def _comparisons(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "## What can be told apart",
        "",
        "First minus second, clip by clip; p from random signs, not adjusted for the number of tests.",
        "",
        *table_head(["first", "second", "metric", "difference", "p"]),
    ]
    for entry in result["tables"]["comparisons"]:
        digits = _DIGITS[entry["metric"]]
        away = _interval(entry["difference"], entry["low"], entry["high"], digits)
        second = f"`{entry['b']}`" if entry["b"] in result["runs"] else entry["b"]
        names = [f"`{entry['a']}`", second, _TITLES[entry["metric"]]]
        lines.append(table_row([*names, away, f"{entry['p']:.4f}"]))
    return [*lines, ""]


def _voices(result: Mapping[str, Any]) -> list[str]:
    table = result["voices"]
    training, *new = (f"`{voice}`" for voice in table["voices"])
    lines = [
        "## Voices that nobody trained on",
        "",
        f"{table['phrases']} long phrases by the models of subset {BEST_SUBSET}: in the training voice "
        f"({training}, where the paper has a person) and in {' and '.join(new)} (where it has two synthetic "
        "voices). Sync distance / confidence.",
        "",
        *table_head(["row", f"{training} (training)", *new]),
    ]
    for row, by_voice in table["rows"].items():
        cells = []
        for at, voice in enumerate(table["voices"]):
            both = [_mean(by_voice[voice][m], _DIGITS[m]) for m in (DISTANCE, CONFIDENCE)]
            cell = " / ".join(both)
            if row in PUBLISHED_VOICES:
                distance, confidence = PUBLISHED_VOICES[row][at]
                cell += f" [{distance:g} / {confidence:g}]"
            cells.append(cell)
        lines.append(table_row([f"`{row}`" if row in MODELS else row, *cells]))
    return [*lines, ""]


def _picture(result: Mapping[str, Any]) -> list[str]:
    found = result["picture"]
    return [
        "## Two speakers, the same phrases",
        "",
        f"![Features and mouth shapes of two speakers]({found['picture']})",
        "",
        f"t-SNE of {found['frames']} frames of {found['phrases']} phrases that both speakers say. Of a "
        f"frame's ten nearest neighbours in other phrases, {found['audio_same_speaker']:.0%} by features and "
        f"{found['shapes_same_speaker']:.0%} by mouth shapes are of the same speaker; 50 % is a perfect mix. "
        "The paper's finding is that wav2vec features mix and shapes do not.",
        "",
    ]


def _study(result: Mapping[str, Any]) -> list[str]:
    study = result["study"]
    lines = [
        "## Knockout between models",
        "",
        f"{study['films']} films of {len(study['texts'])} long phrases in the voice `{study['voice']}` are "
        f"set up as a pairwise study in `{study['folder']}/`: `visemic study serve {study['folder']}`. "
        "Nobody has voted yet; in brackets the paper's absolute winners / pairwise wins.",
        "",
    ]
    for name in study["systems"]:
        winners, wins = PUBLISHED_VOTES[name]
        lines.append(f"- `{name}` [{winners} / {wins}]")
    return [*lines, ""]


def _runs(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "## Trainings",
        "",
        *table_head(["run", "clips", "steps", "best at", "ended by", "validation MSE", "seconds"]),
    ]
    for name, run in result["runs"].items():
        clips = " + ".join(str(n) for n in run["clips"].values())
        cells = [clips, run["steps"], run["best_step"], run["stopped"]]
        loss = f"{run['validation']['loss']:.5f}"
        lines.append(table_row([f"`{name}`", *cells, loss, f"{run['duration_s']:.0f}"]))
    stages = sum(result[stage]["duration_s"] for stage in ("tables", "voices", "picture", "study"))
    total = sum(run["duration_s"] for run in result["runs"].values()) + stages
    return [*lines, "", f"All stages but the corpus took {total / 60:.1f} minutes.", ""]


def _value(estimate: Mapping[str, Any], metric: str) -> str:
    return _interval(estimate["mean"], estimate["low"], estimate["high"], _DIGITS[metric])


def _interval(mean: float | None, low: float | None, high: float | None, digits: int) -> str:
    if mean is None or low is None or high is None:
        return "–"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _mean(estimate: Mapping[str, Any], digits: int) -> str:
    return "–" if estimate["mean"] is None else f"{estimate['mean']:.{digits}f}"
