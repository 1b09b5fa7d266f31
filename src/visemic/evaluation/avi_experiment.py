"""The evaluation of expressive speech in one run: rows, distances, lips, words, pictures, pages.

Everything is measured on the same clips of actors whom no training met. What is not there to be
measured, because a model was not given, is left out and named in the report.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from visemic.core.acting_note import Span
from visemic.core.artifact import Artifact
from visemic.core.atomic import atomic_path
from visemic.core.errors import InputError, OutputError, VisemicError
from visemic.core.signals import Motion
from visemic.data.recording import Recording
from visemic.evaluation.avi_clip import JudgedSet, read_judged
from visemic.evaluation.avi_feature import WindowSpace
from visemic.evaluation.avi_measure import (
    Judge,
    judge_styles,
    performed,
    speed,
    strong_contacts,
    takes_diversity,
)
from visemic.evaluation.avi_note import caption_span, count_note, main_span, note_figures
from visemic.evaluation.avi_performer import (
    AVI,
    AVI_AT_REST,
    AVI_TRUE,
    CALM,
    RECORDING,
    RULES,
    Cast,
    Row,
    other_row,
    recorded_rows,
    ruled,
)
from visemic.evaluation.avi_picture import (
    emotion_motions,
    make_studies,
    shown_clip,
    write_film,
    write_sheet,
)
from visemic.evaluation.avi_report import AT_REST, HEARD, avi_markdown, plots
from visemic.evaluation.metrics_uncertainty import Estimate
from visemic.evaluation.motion_sync import MotionSyncScorer
from visemic.evaluation.report_file import REPORT_JSON, REPORT_MD
from visemic.evaluation.sync import SyncScorer
from visemic.models.instructor import Instructor
from visemic.rig.linear import Rig
from visemic.rig.readout import fit_readouts

Show = Callable[[str, int, int], None]
SHEET, FILM = "emotions.jpg", "emotions.mp4"
_STUDIED = (RECORDING, AVI, AVI_TRUE, RULES, CALM)


@dataclass(frozen=True)
class AviSettings:
    """How much is measured and drawn."""

    n_clips: int = 96
    """Judged clips."""
    n_pool: int = 100
    """Clips among which an instruction must find its own."""
    n_trained: int = 400
    """Clips of the training that fix the space of features."""
    n_varied: int = 24
    """Clips that are performed ten times."""
    n_strong: int = 12
    """Clips in which lips are watched at intensity 1."""
    n_filmed: int = 4
    """Clips on the pages for people; 0 draws no film, page or sheet."""
    tile_px: int = 176
    film_px: int = 320
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n_clips < 4:
            raise InputError(f"{self.n_clips} clips say nothing of a distribution; judge at least 4")
        if not 0 <= self.n_filmed <= self.n_clips:
            raise InputError(
                f"{self.n_filmed} clips cannot be filmed out of {self.n_clips}; film some that are judged"
            )


QUICK = AviSettings(
    n_clips=8, n_pool=16, n_trained=60, n_varied=2, n_strong=2, n_filmed=1, tile_px=96, film_px=96
)
"""To see that everything works."""


@dataclass(frozen=True, eq=False)
class AviModels:
    """What is compared."""

    style: Artifact | None = None
    instructor: Instructor | None = None
    others: Mapping[str, Callable[[Recording], Motion]] | None = None
    """Further models by the name of their row."""
    syncnet: SyncScorer | None = None
    left_out: tuple[str, ...] = ()
    """What the report shall say is missing."""


def run_avi_evaluation(
    out: Path,
    store: Path,
    rig: Rig,
    models: AviModels,
    settings: AviSettings,
    *,
    progress: Show | None = None,
) -> Path:
    """Measure expressive speech and give the report.

    Args:
        out: Folder to make; films that are there are kept.
        store: A store with captions beside its manifest.
        rig: The head that plays everything.
        models: What is compared.
        settings: How much.
        progress: Called with a stage, work done and work in all.

    Raises:
        ArtifactError: The store or its captions cannot be read.
        InputError: Too few clips can be judged.
        OutputError: The folder cannot be made.
    """
    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"folder {str(out)!r} cannot be made: {error.strerror or error}") from error
    run = _Run(store, rig, models, settings, progress or (lambda stage, done, total: None))
    result = run.measure()
    if settings.n_filmed:
        result["files"] |= run.draw(out)
    for name, svg in plots(result).items():
        with atomic_path(out / name, overwrite=True) as partial:
            partial.write_text(svg, encoding="utf-8")
    with atomic_path(out / REPORT_JSON, overwrite=True) as partial:
        partial.write_text(json.dumps(_plain(result), indent=1) + "\n", encoding="utf-8")
    with atomic_path(out / REPORT_MD, overwrite=True) as partial:
        partial.write_text(avi_markdown(result), encoding="utf-8")
    return out / REPORT_MD


class _Run:
    """One evaluation."""

    def __init__(self, store: Path, rig: Rig, models: AviModels, settings: AviSettings, show: Show) -> None:
        self.store, self.rig, self.models, self.settings, self.show = store, rig, models, settings, show
        self.judged: JudgedSet = read_judged(
            store,
            n_clips=settings.n_clips,
            n_pool=settings.n_pool,
            n_trained=settings.n_trained,
            seed=settings.seed,
        )
        readouts = fit_readouts(rig)
        self.cast = Cast(readouts, models.style, models.instructor)
        scorers: dict[str, SyncScorer] = {"motion-sync": MotionSyncScorer(readouts)}
        if models.syncnet is not None:
            scorers["syncnet"] = models.syncnet
        face = None if self.cast.acting is None else self.cast.acting.face
        space = WindowSpace(self.judged.trained)
        self.judge = Judge(self.judged, space, readouts, scorers, face, settings.seed)
        others = [other_row(name, move) for name, move in (models.others or {}).items()]
        self.rows: list[Row] = [*recorded_rows(self.judged), *self.cast.rows(), *others]

    def measure(self) -> dict[str, Any]:
        """Measure everything."""
        settings, clips = self.settings, self.judged.clips
        rows: dict[str, Any] = {}
        left_out = list(self.models.left_out)
        for row in self.rows:
            try:
                motions = performed(row, clips, settings.seed, self._stage(row.name))
            except VisemicError as error:
                if row.name not in (self.models.others or {}):
                    raise
                # Hours of other rows shall not fall with a model that was only asked to stand beside them.
                left_out.append(str(error))
                continue
            rows[row.name] = self.judge.row(row, motions)
            if row.name != AVI_AT_REST:
                rows[row.name]["diversity"] = 0.0
            if row.is_drawn:
                stage = self._stage(f"{row.name}, ten times")
                rows[row.name]["diversity"] = takes_diversity(
                    self.judge, row, clips[: settings.n_varied], stage
                )
        styles: dict[str, Any] = {}
        if self.judge.face is not None:
            styles = judge_styles(self.judge.face, self.judged, settings.seed, self._stage("styles"))
        return {
            "facts": self._facts(),
            "settings": asdict(settings),
            "rows": rows,
            "real_halves": self.judge.real_halves(),
            "instructions": self._instructions(),
            "styles": styles,
            "strong": strong_contacts(self.cast, self.judge, settings.n_strong, self._stage("intensity 1")),
            "speed": speed(self.cast, max(clips, key=lambda clip: clip.waveform.duration_s)),
            "left_out": left_out,
            "files": {},
        }

    def draw(self, out: Path) -> dict[str, str]:
        """Draw the sheet, the film and the pages."""
        settings, clips = self.settings, self.judged.clips
        clip = shown_clip(clips)
        move = self.cast.with_words if self.cast.acting is not None else self.cast.rules_with_words
        motions = emotion_motions(clip, move, settings.seed)
        who = "by AVI-Talking" if self.cast.acting is not None else "by the acting layer over the rules"
        what = f"{clip.recording.text!r} in eight emotions and three strengths, {who}"
        write_sheet(out / SHEET, self.rig, clip, motions, settings.tile_px)
        write_film(out / FILM, self.rig, clip, motions, settings.tile_px, self._stage("film"))
        step = max(1, len(clips) // settings.n_filmed)
        filmed = clips[::step][: settings.n_filmed]
        rows = [row for row in self.rows if row.name in _STUDIED]
        names = make_studies(
            out, self.rig, rows, filmed, settings.film_px, settings.seed, self._stage("pages")
        )
        return {
            SHEET: f"{what}; a closure and the widest mouth",
            FILM: f"{what}, with sound",
            **{name: f"pages for viewers: visemic study serve {name}" for name in names},
        }

    def _instructions(self) -> dict[str, dict[str, Estimate]]:
        clips, seed = self.judged.clips, self.settings.seed
        true = [caption_span(clip.caption) for clip in clips]
        said: dict[str, list[Span]] = {}
        if self.cast.instructor is not None:
            show = self._stage("instructions")
            said[HEARD] = [main_span(self.cast.instructed(clip)) for clip in clips]
            said[AT_REST] = []
            for number, clip in enumerate(clips):
                said[AT_REST].append(main_span(self.cast.instructed(clip, at_rest=True)))
                show(number + 1, len(clips))
        said["rules"] = [main_span(ruled(clip)) for clip in clips]
        said["always neutral"] = [Span(0.0, 0.0) for _ in clips]
        twins = [clip.twin for clip in clips]
        if all(twins):
            said["caption of another actor"] = [caption_span(twin) for twin in twins if twin is not None]
        return {
            way: note_figures([count_note(a, b) for a, b in zip(spans, true, strict=True)], seed)
            for way, spans in said.items()
        }

    def _facts(self) -> dict[str, Any]:
        judged = self.judged
        style, instructor = self.models.style, self.models.instructor
        return {
            "store": self.store.name,
            "clips": len(judged.clips),
            "actors": len({clip.recording.speaker for clip in judged.clips}),
            "others": len(judged.others),
            "windows": len(self.judge.reference),
            "channels": judged.clips[0].motion.values.shape[1],
            "explained": self.judge.space.explained,
            "strong_clips": min(self.settings.n_strong, len(judged.clips)),
            "style": None if style is None else style.info.name,
            "instruction": None if instructor is None else instructor.name,
            "clip_ids": [clip.clip_id for clip in judged.clips],
        }

    def _stage(self, name: str) -> Callable[[int, int], None]:
        return lambda done, total: self.show(name, done, total)


def _plain(data: Any) -> Any:
    """Give data for JSON; NaN becomes null."""
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    if is_dataclass(data) and not isinstance(data, type):
        return _plain(asdict(data))
    if isinstance(data, float):
        return data if data == data and abs(data) != float("inf") else None
    return data
