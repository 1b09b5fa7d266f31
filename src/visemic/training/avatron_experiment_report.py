"""The comparison as a report to read."""

from collections.abc import Mapping
from typing import Any

from visemic.evaluation.report_predictor import GROUND_TRUTH, PERMUTED, RULES, STATIC
from visemic.evaluation.report_table import table_head, table_row
from visemic.training.avatron_experiment_scale import BASE, FACEFORMER, WITHOUT_GAN
from visemic.training.avatron_experiment_table import (
    FDD,
    FDD_ABSOLUTE,
    KID_LIPS,
    KID_UPPER,
    LVE,
    LVE_MM,
    MVE,
    NVME,
    OPENING,
    OWN,
    TAUGHT,
)

REPORT_MD = "report.md"
_SHOWN = {
    NVME: ("NVME, 1e-3 face sizes", 1e3, 3),
    LVE: ("LVE, 1e-5 m²", 1e5, 3),
    LVE_MM: ("LVE, mm", 1.0, 2),
    MVE: ("MVE, mm", 1.0, 3),
    FDD: ("FDD, 1e-7 m²", 1e7, 2),
    FDD_ABSOLUTE: ("\\|FDD\\|, 1e-7 m²", 1e7, 2),
    OPENING: ("lip opening, mm", 1.0, 2),
    KID_LIPS: ("KID lips", 1.0, 3),
    KID_UPPER: ("KID upper face", 1.0, 3),
}
"""Title, factor and digits of each metric."""


def comparison_markdown(result: Mapping[str, Any]) -> str:
    """Give the report as Markdown.

    Args:
        result: What the stages left.
    """
    parts = [
        *_head(result),
        *_tables(result),
        *_targets(result),
        *_choice(result),
        *_films(result),
        *_costs(result),
        *_runs(result),
    ]
    return "\n".join(parts) + "\n"


def _head(result: Mapping[str, Any]) -> list[str]:
    scale, corpus = result["scale"], result["corpus"]
    lines = [
        "# Text to face: Avatron, Avatron without critics, FaceFormer",
        "",
        f"Scale `{scale['name']}`, seed {result['seed']}, visemic {result['version']}; "
        f"{corpus['clips']['train']} clips to learn from, {corpus['clips']['validation']} to choose by, "
        f"{result[TAUGHT]['clips']} test clips, protocol `{result[TAUGHT]['protocol']}`; "
        f"topology `{corpus['topology']}`, {corpus['vertices']} vertices at {corpus['rate_hz']:g} Hz.",
        "",
    ]
    if corpus["is_synthetic"]:
        lines += [
            "The corpus is synthetic: four espeak voices read our own phrases, and rules move four heads, "
            "each in a manner of its own. What is learnt is the front of the built-in head, thinned to "
            f"{corpus['vertices']} of its own vertices, finer at lips and lids; displacements in metres. "
            "Numbers cannot be set beside those of VOCASET or BIWI.",
            "",
        ]
    lines += [
        f"- The faces of Avatron hear the text embedding of the voice `{result['voice']}` and nothing else.",
        f"- FaceFormer hears sound through {result['hearing']}. Given the same clips.",
        f"- Sound for predicted durations: {result['vocoder']}.",
    ]
    if scale["name"] != "full":
        lines.append(
            "- Networks are small and training ends before it has converged: what holds here is who is "
            "nearer under equal means, not how near each can get."
        )
    return [*lines, ""]


def _tables(result: Mapping[str, Any]) -> list[str]:
    lines: list[str] = []
    said = {
        TAUGHT: "The recording says when each phone is spoken (the protocol of similarity scores). "
        "FaceFormer hears the recording.",
        OWN: "The voice reads the text and says when (the protocol of opinion scores); FaceFormer hears "
        "the voice. Every recorded frame is compared with its twin, found by dynamic time warping of the "
        f"two log-mels. The voice takes {result['own times']['length_ratio']:.2f} times as long as the "
        f"recording; {result['own times']['visemes_met']:.0%} of frames meet their own viseme in the twin.",
    }
    for protocol, text in said.items():
        table = result[protocol]
        shown = [m for m in _SHOWN if m in table["metrics"]]
        lines += [f"## {protocol.capitalize()}", "", text, ""]
        lines += table_head(["row", *(_SHOWN[m][0] for m in shown)])
        order = [result["chosen"], WITHOUT_GAN, FACEFORMER, RULES, STATIC, PERMUTED, GROUND_TRUTH]
        for name in [n for n in order if n in table["rows"] and n not in table["left_out"]]:
            row = table["rows"][name]
            lines.append(table_row([_name(name, result), *(_cell(row.get(m), m) for m in shown)]))
        lines.append("")
    lines += [
        "Each cell: mean and 95 % interval over clips. Below is better; FDD has a sign, above 0 is too "
        "still. KID in the row of the recording is that of two halves of it. The rules are the generator "
        "of the corpus itself in its plain manner, with chance of its own: what is left of them is manner, "
        "blinks and brows. Regions: the head's own lips and upper face."
        if result["corpus"]["is_synthetic"]
        else "Each cell: mean and 95 % interval over clips. Below is better; FDD has a sign, above 0 is "
        "too still.",
        "",
        *table_head(["first", "second", "metric", "difference", "p"]),
    ]
    for entry in result[TAUGHT]["comparisons"]:
        if entry["metric"] in (NVME, LVE_MM, FDD_ABSOLUTE):
            title, factor, digits = _SHOWN[entry["metric"]]
            away = _interval(entry, factor, digits, key="difference")
            lines.append(
                table_row(
                    [_name(entry["a"], result), _name(entry["b"], result), title, away, f"{entry['p']:.4f}"]
                )
            )
    return [
        *lines,
        "",
        "First minus second, clip by clip, teacher durations; p from random signs, not adjusted.",
        "",
    ]


def _targets(result: Mapping[str, Any]) -> list[str]:
    rows = result[TAUGHT]["rows"]
    ours, plain, theirs = rows[result["chosen"]], rows[WITHOUT_GAN], rows[FACEFORMER]
    checks = [
        ("NVME of Avatron below FaceFormer's", ours[NVME]["mean"], theirs[NVME]["mean"], 1.0),
        ("NVME with critics at most 5 % above that without", ours[NVME]["mean"], plain[NVME]["mean"], 1.05),
    ]
    for metric, title in (
        (FDD_ABSOLUTE, "\\|FDD\\| of the upper face nearer with critics"),
        (KID_UPPER, "KID of the upper face nearer with critics"),
        (KID_LIPS, "KID of the lips nearer with critics"),
    ):
        if metric in ours:
            checks.append((title, ours[metric]["mean"], plain[metric]["mean"], 1.0))
    lines = ["## What was to be shown", "", *table_head(["claim", "first", "second", "ratio", "holds"])]
    for title, first, second, limit in checks:
        if first is None or second is None:
            continue
        holds = "yes" if first < limit * second else "**no**"
        ratio = f"{first / second:.3f}" if second else "–"
        lines.append(table_row([title, f"{first:.4g}", f"{second:.4g}", ratio, holds]))
    return [*lines, ""]


def _choice(result: Mapping[str, Any]) -> list[str]:
    table = result["choice"]
    shown = [m for m in (NVME, FDD, FDD_ABSOLUTE, KID_LIPS, KID_UPPER) if m in table["metrics"]]
    lines = [
        "## Critics",
        "",
        f"Scales of the critics' loss were tried on {table['clips']} validation clips; chosen is the run "
        "whose upper face is nearest in \\|FDD\\| among those that lose at most 5 % of NVME there. Test "
        "clips were measured once, after.",
        "",
        *table_head(["run", *(_SHOWN[m][0] for m in shown)]),
    ]
    for name in (WITHOUT_GAN, *result["adversarial"]):
        row = table["rows"][name]
        mark = " (chosen)" if name == result["chosen"] else ""
        lines.append(table_row([f"`{name}`{mark}", *(_cell(row.get(m), m) for m in shown)]))
    lines += [
        "",
        f"![Curves of the trainings]({result['curves']['picture']})",
        "",
        "Thick: verdict on recorded motion; thin: on made motion.",
    ]
    return [*lines, ""]


def _films(result: Mapping[str, Any]) -> list[str]:
    films = result["films"]
    lines = [
        "## Films and pages",
        "",
        f"Recorded, then {', '.join(_name(n, result) for n in films['faces'])}; blue agrees, red is "
        f"{films['limit_mm']:g} mm away or more; the still is the worst frame.",
        "",
    ]
    for still, film, clip_id in zip(films["stills"], films["films"], films["clips"], strict=True):
        lines += [f"![{clip_id}]({still})", "", f"[{clip_id}]({film})", ""]
    for name, study in result["studies"].items():
        if name == "duration_s":
            continue
        lines.append(f"- `visemic study serve {name}`: {study['question']} Nobody has answered yet.")
    return [*lines, ""]


def _costs(result: Mapping[str, Any]) -> list[str]:
    costs = result["costs"]
    published = costs["published"]
    chain = sum(published[n] for n in published if not n.startswith("faceformer"))
    lines = [
        "## Costs",
        "",
        f"Networks of this run over {costs['spoken_s']:g} s, {costs['threads']} thread(s); per second of "
        "speech.",
        "",
        *table_head(["network", "parameters", "multiply-adds", "seconds"]),
    ]
    for name, row in costs["rows"].items():
        lines.append(
            table_row(
                [
                    name,
                    f"{row['parameters']:,}",
                    f"{row['multiply_adds'] / 1e6:,.1f} M",
                    f"{row['seconds']:.5f}",
                ]
            )
        )
    lines += [
        "",
        "Published sizes for VOCASET, parameters:",
        "",
        *table_head(["network", "parameters"]),
        *(table_row([name, f"{count:,}"]) for name, count in published.items()),
        table_row(["text to wave to mesh", f"{chain:,}"]),
        "",
        f"The whole chain is {chain / published['faceformer, trained']:.1%} of what FaceFormer trains.",
    ]
    return [*lines, ""]


def _runs(result: Mapping[str, Any]) -> list[str]:
    lines = [
        "## Trainings",
        "",
        *table_head(["run", "steps", "kept", "ended by", "validation error", "seconds"]),
    ]
    for name, run in result["runs"].items():
        found = run["validation"]
        loss = f"{found.get('reconstruction', found['loss']):.5f}"
        cells = [run["steps"], run["best_step"], run["stopped"], loss]
        lines.append(table_row([f"`{name}`", *cells, f"{run['duration_s']:.0f}"]))
    return [
        *lines,
        "",
        f"All runs of Avatron go on from `{BASE}`, which learnt by reconstruction; of them the last network "
        "is kept, of the others that of the least error. Errors are mean squares in spreads of displacement. "
        "Seconds are of the wall, on a machine that may have had other work.",
        "",
        f"    {result['command']}",
        "",
    ]


def _name(name: str, result: Mapping[str, Any]) -> str:
    said = {
        result["chosen"]: "Avatron",
        WITHOUT_GAN: "Avatron without GAN",
        FACEFORMER: "FaceFormer",
        RULES: "rules (the corpus's generator)",
        STATIC: "static face",
        PERMUTED: "another clip's motion",
        GROUND_TRUTH: "recording",
    }
    return said.get(name, name)


def _cell(estimate: Mapping[str, Any] | None, metric: str) -> str:
    if estimate is None:
        return "–"
    _, factor, digits = _SHOWN[metric]
    return _interval(estimate, factor, digits)


def _interval(entry: Mapping[str, Any], factor: float, digits: int, *, key: str = "mean") -> str:
    if any(entry[name] is None for name in (key, "low", "high")):
        return "–"
    mean, low, high = (factor * entry[name] for name in (key, "low", "high"))
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
