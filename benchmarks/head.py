"""Report on a head: does it pass through itself, mirror, have an adult's proportions, add up?

Ends with status 1 when a target is missed. docs/head.md explains every number.

Run: python benchmarks/head.py [--rig visemic] [--all] [--json]
"""

import argparse
import json
import sys
import time
from collections import defaultdict

from visemic.evaluation.head_intersection import COMBINATIONS, Meeting
from visemic.evaluation.head_report import HeadReport, missed_targets, report_head, report_values
from visemic.rig.registry import load_rig


def place(at_mm: tuple[float, float, float]) -> str:
    """Write a place in millimetres."""
    return "({:.0f}, {:.0f}, {:.0f})".format(*at_mm)


def print_meetings(report: HeadReport, *, everything: bool) -> None:
    """Print where the head passes through itself: by parts, then by pose."""
    wrong: dict[tuple[str, str], list[tuple[str, Meeting]]] = defaultdict(list)
    other: dict[tuple[str, tuple[str, str]], list[tuple[str, Meeting]]] = defaultdict(list)
    for pose in report.meetings:
        for meeting in pose.meetings:
            if meeting.kind == "wrong":
                wrong[meeting.parts].append((pose.pose, meeting))
            else:
                other[(meeting.kind, meeting.parts)].append((pose.pose, meeting))
    print(f"\nintersections in {len(report.meetings)} poses: pairs of triangles, depth and place in mm")
    print(f"{'parts':<28}{'poses':>6}{'at rest':>9}{'most':>6}{'depth':>7}  deepest in, at")
    for parts, found in sorted(wrong.items(), key=lambda item: -max(m.depth_mm for _, m in item[1])):
        name, worst = max(found, key=lambda item: item[1].depth_mm)
        rest = sum(m.n_pairs for pose, m in found if pose == "rest")
        most = max(m.n_pairs for _, m in found)
        print(f"{' x '.join(parts):<28}{len(found):>6}{rest:>9}{most:>6}{worst.depth_mm:>7.2f}  "
              f"{name}, {place(worst.place_mm)}")  # fmt: skip
    if not wrong:
        print("none")
    if everything:
        print("\nby construction, and soft contacts within their depth")
        for (kind, parts), found in sorted(other.items()):
            most = max(m.n_pairs for _, m in found)
            print(f"{kind:<8}{' x '.join(parts):<28}{len(found):>6} poses{most:>6} pairs")
        print("\nby pose")
        for pose in report.meetings:
            for m in pose.meetings:
                if m.kind == "wrong":
                    print(f"{pose.pose:<24}{' x '.join(m.parts):<28}{m.n_pairs:>6}{m.depth_mm:>7.2f}  "
                          f"{place(m.place_mm)}")  # fmt: skip


def print_shapes(report: HeadReport, *, everything: bool) -> None:
    """Print what sums of shapes do to lids, lips and skin."""
    print("\nsums of shapes: height of eyeball seen, upper lip over lower, folds, stretch of edges, teeth")
    print(f"{'pose':<24}{'eyes mm':>11}{'lips mm':>9}{'folds':>7}{'hidden':>8}"
          f"{'longest':>9}{'shortest':>9}{'teeth':>8}")  # fmt: skip
    for s in report.shapes:
        if everything or s.pose in COMBINATIONS or s.pose in {"rest", "eyeBlinkLeft", "jawOpen"}:
            eyes = "/".join(f"{h:.1f}" for h in s.eye_height_mm)
            print(f"{s.pose:<24}{eyes:>11}{s.lip_order_mm:>9.2f}{s.n_folds:>7}{s.n_hidden_folds:>8}{s.longest:>9.2f}"
                  f"{s.shortest:>9.2f}{s.teeth_strain:>8.1%}")  # fmt: skip


def print_views(report: HeadReport, *, everything: bool) -> None:
    """Print what is seen in the mouth."""
    parts = tuple(report.views[0].areas_mm2)
    print(f"\nseen in the mouth from the front, mm2\n{'pose':<24}" + "".join(f"{p:>14}" for p in parts))
    for view in report.views:
        if everything or view.pose == "rest" or view.pose.startswith("phone "):
            print(f"{view.pose:<24}" + "".join(f"{view.areas_mm2[p]:>14.1f}" for p in parts))


def print_report(report: HeadReport, *, everything: bool) -> None:
    """Print all tables."""
    print(f"head {report.name}: {report.n_vertices} vertices, {report.n_triangles} triangles")
    print(", ".join(f"{part} {count}" for part, count in report.parts.items()))
    print_meetings(report, everything=everything)
    print_shapes(report, everything=everything)
    print_views(report, everything=everything)
    m = report.mirror
    print(f"\nmirror: rest {m.neutral_mm:.5f} mm, worst of {len(m.shapes_mm)} shapes "
          f"{m.shapes_mm.get(m.worst_shape, 0.0):.5f} mm ({m.worst_shape})")  # fmt: skip
    print(f"68 landmarks: {report.landmarks.n_distinct} vertices, "
          f"{report.landmarks.asymmetry_mm:.3f} mm from mirroring")  # fmt: skip
    print(f"\nproportions\n{'measure':<18}{'here':>8}{'adults':>16}")
    for p in report.proportions:
        verdict = "" if p.is_good else "  MISSED"
        print(f"{p.name:<18}{p.value:>8.4g}{f'{p.low:g} - {p.high:g}':>16}  {p.meaning}{verdict}")


def main() -> int:
    """Print the report; give 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rig", default="visemic", help="a head by name")
    parser.add_argument(
        "--all", action="store_true", help="every pose, and what is in each other by construction"
    )
    parser.add_argument("--json", action="store_true", help="all values as JSON instead of tables")
    options = parser.parse_args()
    rig = load_rig(options.rig)
    started = time.perf_counter()
    report = report_head(rig)
    missed = missed_targets(report)
    if options.json:
        print(json.dumps(report_values(report), indent=1))
        return 1 if missed else 0
    print_report(report, everything=options.all)
    print(f"\n{len(report.meetings)} poses measured in {time.perf_counter() - started:.1f} s")
    for sentence in missed:
        print(f"missed: {sentence}")
    if not missed:
        print("all targets met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
