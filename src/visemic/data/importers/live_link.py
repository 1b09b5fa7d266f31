"""Folders of takes of the Live Link Face app: a CSV and a video or sound each."""

from collections.abc import Iterator
from pathlib import Path

from visemic.core.clock import Rate
from visemic.core.errors import FormatError
from visemic.core.signals import Waveform
from visemic.data.importers.folder import (
    clip_id_of,
    clip_split,
    facts_for,
    files_of,
    piece_id,
    text_beside,
)
from visemic.data.importers.sound import check_lengths, sound_beside, sound_between, start_timecode
from visemic.data.importers.take import Take, read_take, take_motions
from visemic.data.recording import Recording
from visemic.export.live_link_csv import parse_timecode

_CALIBRATED = "_cal"
_VIDEO_SUFFIXES = (".mov", ".mp4")
_DAY_S = 86_400.0
_MAX_AHEAD_S = 2.0
"""Farther apart, two clocks were not set alike."""
_NO_TAKES = ("frame_log",)


class LiveLinkImporter:
    """Reads every take below a folder.

    The recorder writes a second file ``…_cal.csv`` when a neutral pose was calibrated: the
    speaker's rest is taken out of it. It is the one that is read when there is one, since a
    model must not learn how one person's face rests.
    """

    kind = "live-link"
    description = "takes of the Live Link Face app: CSV with mov or wav of the same name"

    def __init__(self, rate: Rate | None = None) -> None:
        """Take the clock of all clips; None keeps the usual rate nearest to each take's own."""
        self._rate = rate

    def recordings(self, source: Path) -> Iterator[Recording]:
        """Give the takes in the order of their paths; one cut by a long hole gives several clips.

        Raises:
            FormatError: A take cannot be read; see ``take.read_take``.
            ClockError: Sound and motion of a take differ in length by over half a second.
            AudioError: A sound cannot be read.
        """
        for path in _takes(source):
            yield from self._clips(path, source)

    def _clips(self, path: Path, source: Path) -> Iterator[Recording]:
        n_takes = sum(p.suffix.lower() == ".csv" and not _is_second(p) for p in path.parent.iterdir())
        facts = facts_for(path, source, n_take_folders=int(n_takes == 1 and path.parent != source))
        stem = path.stem.removesuffix(_CALIBRATED)
        take = read_take(path)
        motions = list(take_motions(take, self._rate))
        waveform: Waveform | None = None
        sound_notes: tuple[str, ...] = ()
        sound = sound_beside(path, stem)
        if sound is not None:
            from visemic.audio.io import read_waveform

            waveform, sound_notes = _on_clock_of(take, sound, read_waveform(sound))
            last_s, last, _ = motions[-1]
            check_lengths(str(sound), waveform, last.rate.tick_at(last_s) + last.n_frames, last.rate)
        whole_id = clip_id_of(path.with_name(stem + path.suffix), source)
        for number, (start_s, motion, notes) in enumerate(motions):
            part = waveform
            if waveform is not None and len(motions) > 1:
                part = sound_between(waveform, start_s, motion.duration_s)
            cut = (f"cut from {start_s:.2f} s of the take, a hole lies before or behind it",)
            yield Recording(
                clip_id=piece_id(whole_id, number, len(motions)),
                speaker=facts.speaker,
                split=clip_split(facts, whole_id),
                licence=facts.licence,
                source=self.kind,
                rate=motion.rate,
                motion=motion,
                waveform=part,
                text=text_beside(path.with_name(stem + ".txt")) if len(motions) == 1 else "",
                language=facts.language,
                emotion=facts.emotion,
                intensity=facts.intensity,
                notes=notes + sound_notes + (cut if len(motions) > 1 else ()),
            )


def _on_clock_of(take: Take, sound: Path, waveform: Waveform) -> tuple[Waveform, tuple[str, ...]]:
    """Move the sound of a video to the first row of its take, if both have a timecode and it is one.

    A video's timecode is as fine as its frames, so less than one frame is not moved.
    """
    begin = start_timecode(sound) if sound.suffix.lower() in _VIDEO_SUFFIXES else None
    if begin is None:
        return waveform, ()
    text, rate = begin
    ahead_s = (float(take.times_s[0]) - parse_timecode(text, rate) + _DAY_S / 2) % _DAY_S - _DAY_S / 2
    if abs(ahead_s) > _MAX_AHEAD_S:
        return waveform, ("the video's timecode is of another clock; both are taken to begin together",)
    if abs(ahead_s) < 1 / rate:
        return waveform, ()
    moved = sound_between(waveform, ahead_s, waveform.duration_s - ahead_s)
    return moved, (f"sound moved by {-ahead_s * 1000:.0f} ms to the timecode of the first row",)


def _is_second(path: Path) -> bool:
    """Tell the second files of a take from its first."""
    stem = path.stem.lower()
    return stem.endswith(_CALIBRATED) or any(name in stem for name in _NO_TAKES)


def _takes(source: Path) -> list[Path]:
    """Give one file a take: the calibrated one where there is one."""
    found: dict[Path, Path] = {}
    for path in files_of(source, [".csv"]):
        stem = path.stem
        if any(name in stem.lower() for name in _NO_TAKES):
            continue
        first = path.with_name(stem.removesuffix(_CALIBRATED))
        if first not in found or stem.endswith(_CALIBRATED):
            found[first] = path
    if not found:
        raise FormatError(f"source {str(source)!r} holds logs and no take; give the folder of the takes")
    return [found[key] for key in sorted(found)]
