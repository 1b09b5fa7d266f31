"""The report of a comparison of both MeshTalks, as Markdown out of plain data."""

from collections.abc import Mapping
from typing import Any

from visemic.evaluation.report_table import table
from visemic.training.meshtalk_scale import FACEFORMER, FULL, LITE

PARAMETER_SHARE, SPEED_FACTOR, ERROR_FACTOR, LEAKAGE, MEMORY_MIB = 0.25, 4.0, 1.10, 0.15, 2048.0
"""Targets: of the light model against the full one, of its leakage and of its training's memory."""
_MOVES_MM = 0.01
"""A face that moves less stands still, and the ratio of two such is nothing."""


def meshtalk_markdown(result: Mapping[str, Any]) -> str:
    """Give the report.

    Args:
        result: As ``meshtalk_experiment`` writes it.
    """
    parts = [_head(result), _targets(result), _quality(result), _crossing(result), _costs(result)]
    parts += [_trainings(result), _pictures(result)]
    return "\n".join(line for part in parts for line in [*part, ""])


def _head(result: Mapping[str, Any]) -> list[str]:
    settings = result["settings"]
    return [
        "# MeshTalk, full against light",
        "",
        "Both were trained in this run on the same synthetic clips, one after the other, on one thread, each "
        f"for {settings['minutes']:g} minutes of processor time (the light one for fewer if its steps were "
        "done): the same time, not the same number of steps. The full one sees the 7,496 skin vertices "
        "of the built-in head, the light one 48 components of all of its 20,252. "
        f"Errors are those of skin vertices on {result['n_clips']} held-out clips of the same speakers. "
        "A corpus made by rules shows which model learns what; it says nothing of people.",
    ]


def _targets(result: Mapping[str, Any]) -> list[str]:
    full, lite, trainings = result["rows"][FULL], result["rows"][LITE], result["trainings"]
    step = {name: trainings[f"{name}-codes"] for name in (FULL, LITE)}
    crossing = lite["crossing"]
    share = lite["parameters"] / full["parameters"]
    by_step = step[FULL]["seconds"] / step[LITE]["seconds"]
    by_speech = _seconds(full) / _seconds(lite)
    lines = [
        ("parameters, light over full", share, PARAMETER_SHARE, share <= PARAMETER_SHARE),
        ("seconds a step, full over light", by_step, SPEED_FACTOR, by_step >= SPEED_FACTOR),
        ("seconds a second of speech, full over light", by_speech, SPEED_FACTOR, by_speech >= SPEED_FACTOR),
    ]
    for kind, name in (("own", "sound and expression"), ("heard", "sound alone")):
        ratio = lite[kind]["lip_mm"] / full[kind]["lip_mm"]
        lines.append((f"lip error from {name}, light over full", ratio, ERROR_FACTOR, ratio <= ERROR_FACTOR))
    memory = step[LITE]["peak_mib"]
    lines += [
        ("peak memory of the light training, MiB", memory, MEMORY_MIB, memory < MEMORY_MIB),
        ("leakage of the mouth, light", crossing["mouth"], LEAKAGE, crossing["mouth"] <= LEAKAGE),
        (
            "leakage of the upper face, light",
            crossing["upper_face"],
            LEAKAGE,
            crossing["upper_face"] <= LEAKAGE,
        ),
    ]
    rows = [[name, f"{value:.3g}", f"{limit:g}", "yes" if ok else "no"] for name, value, limit, ok in lines]
    return ["## Targets", "", *table(["", "measured", "wanted", "reached"], rows)]


def _seconds(row: Mapping[str, Any]) -> float:
    speech = row["speech"]
    return float(speech["hear_s"] + speech["guess_s"] + speech["draw_s"])


def _quality(result: Mapping[str, Any]) -> list[str]:
    rows = []
    names = {"own": "sound and expression", "heard": "sound, likeliest", "drawn": "sound, drawn"}
    for name, row in result["rows"].items():
        for kind, title in names.items():
            if kind not in row:
                continue
            q = row[kind]
            given = title if "own" in row else _given(name)
            rows.append(
                [
                    name,
                    given,
                    *(f"{q[key]:.2f}" for key in ("lip_mm", "lip_centred_mm", "mouth_mm", "upper_face_mm")),
                    f"{q['dynamics']:.2f}",
                ]
            )
    titles = ["", "from", "lips", "lips, centred", "mouth", "upper face", "liveliness"]
    return [
        "## Errors, millimetres",
        "",
        "Lips: the largest distance over the lips of a frame, mean over frames, as it is and with both lips "
        "centred. Mouth and upper face: mean distance. Liveliness: spread of the upper face's motion over "
        "that of the recording. The rules read the recording's phones, and the corpus was acted by them with "
        f"each speaker's manner; {FACEFORMER} hears with small ears that start from nothing.",
        "",
        *table(titles, rows),
    ]


def _given(name: str) -> str:
    return {FACEFORMER: "sound and speaker", "at rest": "nothing"}.get(name, "phones or sound")


def _crossing(result: Mapping[str, Any]) -> list[str]:
    rows = []
    for name in (FULL, LITE):
        c = result["rows"][name]["crossing"]
        rows.append(
            [
                name,
                f"{c['mouth_by_expression_mm']:.3f} / {c['mouth_by_sound_mm']:.3f}",
                _share(c["mouth_by_expression_mm"], c["mouth_by_sound_mm"]),
                f"{c['upper_by_sound_mm']:.3f} / {c['upper_by_expression_mm']:.3f}",
                _share(c["upper_by_sound_mm"], c["upper_by_expression_mm"]),
                f"{c['mouth_to_sound_giver_mm']:.2f} / {c['mouth_to_expression_giver_mm']:.2f}",
                f"{c['upper_to_expression_giver_mm']:.2f} / {c['upper_to_sound_giver_mm']:.2f}",
            ]
        )
    titles = [
        "",
        "mouth moves by expression / by sound, mm",
        "leakage",
        "upper face by sound / by expression, mm",
        "leakage",
        "swapped mouth to giver of sound / of expression, mm",
        "swapped upper face to giver of expression / of sound, mm",
    ]
    return [
        "## Who moves what",
        "",
        "Each clip is drawn again with the expression, and again with the sound, of the next clip.",
        "",
        *table(titles, rows),
    ]


def _share(wrong_mm: float, right_mm: float) -> str:
    """Give a leakage, unless nothing moves at all."""
    return f"{100 * wrong_mm / right_mm:.1f} %" if right_mm > _MOVES_MM else "still"


def _costs(result: Mapping[str, Any]) -> list[str]:
    rows = []
    for name in (FULL, LITE):
        row, step = result["rows"][name], result["trainings"][f"{name}-codes"]
        speech, context = row["speech"], result["trainings"][name]
        parts_s = " + ".join(f"{speech[key]:.3f}" for key in ("hear_s", "guess_s", "draw_s"))
        rows.append(
            [
                name,
                f"{row['parameters']:,}",
                f"{speech['multiply_adds'] / 1e9:.2f} G",
                f"{_seconds(row):.3f} ({parts_s})",
                f"{step['seconds']:.3f} and {context['seconds']:.3f}",
                f"{step['peak_mib']:.0f} ({step['rest_mib']:.0f} before)",
            ]
        )
    titles = [
        "",
        "parameters",
        "multiply-adds a second of speech",
        "seconds for it: hear, guess, draw",
        "seconds a step, both stages",
        "peak MiB of a training process at batch 8",
    ]
    parts = result["rows"]
    names = list(parts[FULL]["by_part"])
    by_part = [[name, *(f"{parts[name]['by_part'][part]:,}" for part in names)] for name in (FULL, LITE)]
    return [
        "## Costs",
        "",
        "Processor time on one thread, both with PyTorch.",
        "",
        *table(titles, rows),
        "",
        *table(["parameters", *names], by_part),
    ]


def _trainings(result: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, facts in result["trainings"].items():
        steps, took = facts["steps"], facts["steps"] * facts["seconds"] / 60
        rows.append([name, f"{steps}", f"{took:.1f}", f"{facts['validation']['loss']:.3g}"])
    lines = [
        "## Trainings",
        "",
        *table(["", "steps", "processor minutes of steps", "validation loss"], rows),
    ]
    full, lite = (result["trainings"][f"{name}-codes"]["curve"] for name in (FULL, LITE))
    if full and lite:
        near = min(lite, key=lambda at: abs(at["step"] - full[-1]["step"]))
        lines += [
            "",
            "At a like number of steps, on the first stage's own validation: "
            f"full {_at(full[-1])}; light {_at(near)}.",
        ]
    return lines


def _at(point: Mapping[str, float]) -> str:
    mouth, upper = point["own_mouth_mm"], point["own_upper_face_mm"]
    return f"after {point['step']:.0f} steps, mouth {mouth:.2f} mm and upper face {upper:.2f} mm"


def _pictures(result: Mapping[str, Any]) -> list[str]:
    titles = {
        "swap": "Sound and expression of two clips, crossed",
        "retarget": "The same classes on other faces",
        "edit": "One class held over a time",
        "chance": "The same sound, other seeds",
        "usage": "Classes of each head from the most used to the least; blue is never",
    }
    lines = ["## Pictures", ""]
    for name, title in titles.items():
        if name in result["pictures"]:
            lines += [f"{title}:", "", f"![{title}]({result['pictures'][name]})", ""]
    if "film" in result["pictures"]:
        lines.append(f"Film with sound A: [{result['pictures']['film']}]({result['pictures']['film']})")
    return lines
