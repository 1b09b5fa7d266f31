"""``visemic data``: corpora into stores, and what is in a store."""

import json as jsonlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from visemic.cli.options import Json, Overwrite, Quiet, RigName
from visemic.core.errors import ArtifactError, FormatError

if TYPE_CHECKING:
    from visemic.data.loader import ClipStore
    from visemic.data.show import StoreSummary

app = typer.Typer(
    help="Bring corpora into stores; check and show stores.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SHOW_EVERY_S = 0.2
_MEGA = 1e6

Store = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a store.", show_default=False)]
OnlySplit = Annotated[
    str | None, typer.Option("--split", help="Only train, validation or test.", show_default=False)
]
OnlySpeakers = Annotated[
    list[str], typer.Option("--speaker", help="Only this speaker; repeat for several.", show_default=False)
]


@contextmanager
def _counter(verb: str, *, quiet: bool) -> Iterator[Callable[[int, object], None]]:
    """Give a callback that keeps one line of a terminal up to date."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, rest: None
        return
    shown_at = 0.0

    def show(done: int, rest: object) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at > _SHOW_EVERY_S:
            shown_at = time.monotonic()
            typer.echo(f"\r{verb} {done} {str(rest)[:50]}\x1b[K", err=True, nl=False)

    try:
        yield show
    finally:
        typer.echo("\r\x1b[K", err=True, nl=False)


@app.command("import")
def import_corpus(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="See visemic data kinds.", show_default=False)],
    source: Annotated[
        Path, typer.Argument(metavar="SRC", help="Folder or file of the corpus.", show_default=False)
    ],
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Folder of the store, new or begun.", show_default=False)
    ],
    step_um: Annotated[
        float, typer.Option("--step-um", help="Step of a new store's vertices in micrometres.")
    ] = 10.0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Import a corpus; the same command again goes on where it was stopped.

    \b
    Examples:
      visemic data import live-link takes/ corpus
      visemic data import synthetic default corpus
      visemic data import synthetic speakers.toml corpus
    """
    from visemic.data.convert import convert
    from visemic.data.importers.registry import load_importer

    importer = load_importer(kind)
    started = time.monotonic()
    with _counter("clip", quiet=quiet or json) as show:
        report = convert(importer.recordings(source), store, step_m=step_um / _MEGA, progress=show)
    seconds = time.monotonic() - started
    if json:
        typer.echo(
            jsonlib.dumps(
                {
                    "store": str(store),
                    "added": report.n_added,
                    "kept": report.n_kept,
                    "bytes": report.n_bytes,
                    "duration_s": round(report.duration_s, 6),
                    "seconds": round(seconds, 3),
                }
            )
        )
    elif not quiet:
        speed = report.n_bytes / _MEGA / max(seconds, 1e-9)
        typer.echo(
            f"{report.n_added} clips, {report.duration_s:.1f} s, added; {report.n_kept} kept; "
            f"{report.n_bytes / _MEGA:.1f} MB at {speed:.0f} MB/s"
        )


def kinds(json: Json = False) -> None:
    """List the corpora that can be imported.

    \b
    Examples:
      visemic data kinds
    """
    from visemic.data.importers.registry import importer_kinds, load_importer

    rows = [{"kind": name, "description": load_importer(name).description} for name in importer_kinds()]
    if json:
        typer.echo(jsonlib.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row['kind']}\n  {row['description']}")


def check(store: Store, quiet: Quiet = False, json: Json = False) -> None:
    """Compare every byte of a store with its hashes.

    \b
    Examples:
      visemic data check corpus
    """
    from visemic.data.check import check_store

    with _counter("clip", quiet=quiet or json) as show:
        report = check_store(store, progress=show)
    if json:
        typer.echo(
            jsonlib.dumps(
                {
                    "store": str(store),
                    "clips": report.n_clips,
                    "bytes": report.n_bytes,
                    "is_whole": report.is_whole,
                    "problems": list(report.problems),
                    "notes": list(report.notes),
                },
                ensure_ascii=False,
            )
        )
    elif not quiet:
        for note in report.notes:
            typer.echo(f"note: {note}", err=True)
        for problem in report.problems:
            typer.echo(problem, err=True)
    if not report.is_whole:
        n_faults = len(report.problems)
        raise ArtifactError(
            f"store {str(store)!r} has {n_faults} fault{'s' * (n_faults != 1)} in {report.n_clips} clips; "
            "restore its files or import the corpus again"
        )
    if not (quiet or json):
        typer.echo(f"{report.n_clips} clips, {report.n_bytes / _MEGA:.1f} MB, all as written")


def show(
    store: Store,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Contact sheet as PNG.", show_default=False),
    ] = None,
    split: OnlySplit = None,
    speaker: OnlySpeakers = [],  # noqa: B006
    pictures: Annotated[int, typer.Option(help="Pictures on the sheet.")] = 24,
    columns: Annotated[int, typer.Option(help="Pictures in a row.")] = 6,
    tile: Annotated[int, typer.Option(help="Side of a picture in pixels, even.")] = 192,
    view: Annotated[
        str, typer.Option("--view", help="Camera: front, three_quarter, profile, face or mouth.")
    ] = "face",
    rig: RigName = "visemic",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Show what is in a store: figures, and with -o a sheet of its faces.

    \b
    Examples:
      visemic data show corpus
      visemic data show corpus -o sheet.png --split test
      visemic data show corpus --json
    """
    from visemic.core.atomic import check_writable
    from visemic.data.show import summarise

    if out is not None:
        if out.suffix.lower() != ".png":
            raise FormatError(f"sheet {str(out)!r} does not end in .png; sheets are pictures")
        check_writable(out, overwrite=overwrite)
    chosen = _chosen(store, split, speaker)
    with _counter("clip", quiet=quiet or json) as count:
        summary = summarise(chosen, progress=count)
    if out is not None:
        _write_sheet(
            chosen,
            out,
            rig=rig,
            pictures=pictures,
            columns=columns,
            tile=tile,
            view=view,
            overwrite=overwrite,
        )
    if json:
        typer.echo(jsonlib.dumps({"store": str(store), **summary.to_dict()}, ensure_ascii=False))
    elif not quiet:
        _print_summary(summary)
        if out is not None:
            typer.echo(f"  {out}")


def takes(
    store: Store,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the takes go.", show_default=False)],
    split: OnlySplit = None,
    speaker: OnlySpeakers = [],  # noqa: B006
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Write the clips of a store as Live Link Face takes: CSV, wav and text.

    \b
    Examples:
      visemic data takes corpus takes
      visemic data takes corpus takes --split test --speaker anna
    """
    from visemic.data.synthetic_take import write_takes

    chosen = _chosen(store, split, speaker)
    with _counter("take", quiet=quiet or json) as count:
        n_takes = write_takes(chosen, folder, overwrite=overwrite, progress=count)
    if json:
        typer.echo(jsonlib.dumps({"folder": str(folder), "takes": n_takes}))
    elif not quiet:
        typer.echo(f"{n_takes} takes in {folder}")


def caption(store: Store, overwrite: Overwrite = False, quiet: Quiet = False, json: Json = False) -> None:
    """Write captions of a corpus of emotions from what its faces measurably do.

    \b
    Examples:
      visemic data caption corpus
      visemic data caption corpus --overwrite
    """
    from visemic.data.captions import CAPTIONS, write_captions

    with _counter("clip", quiet=quiet or json) as count:
        captions = write_captions(store, overwrite=overwrite, progress=count)
    n_texts = sum(len(c.texts) for c in captions)
    if json:
        typer.echo(
            jsonlib.dumps({"captions": str(store / CAPTIONS), "clips": len(captions), "texts": n_texts})
        )
    elif not quiet:
        typer.echo(f"{len(captions)} clips, {n_texts} texts in {store / CAPTIONS}")


for _command in (check, show, takes, caption, kinds):
    app.command()(_command)


def _chosen(store: Path, split: str | None, speakers: list[str]) -> "ClipStore":
    from visemic.data.loader import ClipStore

    whole = ClipStore(store)
    if split is None and not speakers:
        return whole
    return whole.select(split=split, speakers=tuple(speakers) or None)


def _write_sheet(
    store: "ClipStore",
    out: Path,
    *,
    rig: str,
    pictures: int,
    columns: int,
    tile: int,
    view: str,
    overwrite: bool,
) -> None:
    from visemic.core.atomic import atomic_path
    from visemic.data.show import contact_sheet_of
    from visemic.render.still import save_png
    from visemic.rig.registry import load_rig

    sheet = contact_sheet_of(store, load_rig(rig), n_pictures=pictures, columns=columns, tile=tile, view=view)
    with atomic_path(out, overwrite=overwrite) as partial:
        save_png(
            sheet, partial, {"store": store.path.name, "licences": sorted({e.licence for e in store.entries})}
        )


def _print_summary(summary: "StoreSummary") -> None:
    typer.echo(
        f"{summary.n_clips} clips, {summary.hours:.3f} h, {summary.has_sound} with sound, "
        f"{summary.has_text} with text, {summary.has_alignment} with phones"
    )
    for group in summary.groups:
        typer.echo(
            f"  {group.split:<10} {group.speaker:<20} {group.n_clips:>6} clips {group.n_frames:>8} frames "
            f"{group.hours:>8.3f} h"
        )
    named = {
        "licences": summary.licences,
        "sources": summary.sources,
        "rates": summary.rates,
        "languages": summary.languages,
        "emotions": summary.emotions,
        "topologies": summary.topologies,
        "repairs": summary.notes,
    }
    for title, counts in named.items():
        if counts:
            typer.echo(f"{title}: " + ", ".join(f"{name} ({count})" for name, count in counts.items()))
    if summary.channels:
        typer.echo(f"{'channel':<22} {'least':>8} {'mean':>8} {'largest':>8}")
        for row in summary.channels:
            typer.echo(f"  {row.channel:<20} {row.least:>8.3f} {row.mean:>8.3f} {row.largest:>8.3f}")
