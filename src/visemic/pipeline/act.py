"""Notes over motion: where a note comes from, and how it reaches a face."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from visemic.core.acting_json import (
    MAX_NOTE_BYTES,
    note_from_json,
    note_from_text,
    note_to_json,
    note_to_text,
)
from visemic.core.acting_note import ActingNote, EditedNote, edited_note
from visemic.core.atomic import atomic_path
from visemic.core.errors import FormatError, InputError, shown
from visemic.core.signals import Alignment, Motion, Waveform
from visemic.features.prosody import extract_prosody
from visemic.models.registry import RULES_MODEL, load_model
from visemic.models.viseme_accents import vocal_effort
from visemic.models.viseme_segments import known_phones
from visemic.motion.acting import act, changed_spans, only_changed
from visemic.pipeline.instruct import check_writer, heard_speech, write_note
from visemic.pipeline.motion import performed_motion
from visemic.pipeline.options import FaceOptions
from visemic.rig.linear import Rig
from visemic.rig.readout import fit_readouts

NOTE_SUFFIXES = (".json", ".txt")
_MAX_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Acted:
    """A motion and the note that was acted."""

    motion: Motion
    note: ActingNote | None = None
    """None when nobody asked for one."""
    remarks: tuple[str, ...] = ()
    """What a user should know of it."""


def act_motion(
    motion: Motion, waveform: Waveform, alignment: Alignment, options: FaceOptions, rig: Rig
) -> Acted:
    """Lay the note that the options ask for over a motion, whatever model made it.

    Args:
        motion: Of the clip, with its contacts.
        waveform: Its sound.
        alignment: Its phones.
        options: Say which note: one that is given, an emotion for all, or one to be written.
        rig: The head whose lips must close.

    Raises:
        InputError: A span lies outside the clip.
    """
    if not options.is_acted:
        return Acted(motion)
    prosody = extract_prosody(waveform)
    note, remarks = options.note, tuple[str, ...]()
    if options.act:
        rest = heard_speech(options.at_rest) if options.at_rest else None
        note, remarks = write_note(
            waveform, alignment, options.act, prosody=prosody, at_rest=rest, seed=options.seed
        )
    elif options.emotion:
        note = options.emotion_note(waveform.duration_s)
    assert note is not None
    rules = load_model(RULES_MODEL, fit_readouts(rig))
    effort = vocal_effort(alignment, prosody, motion.times_s)
    known = known_phones(alignment) if alignment.phones else alignment

    def over(asked: ActingNote) -> Motion:
        one = asked.on_frames(waveform.duration_s, motion.duration_s)
        performed = performed_motion(waveform, alignment, one, options, rig)
        if performed is not None:
            return performed
        return act(motion, one, rules.mouth, rules.weights, known, effort=effort, seed=options.seed)

    earlier = options.since.before if isinstance(options.since, EditedNote) else ()
    edits = [*earlier, *([options.since] if options.since is not None else []), note]
    acted = over(edits[0])
    for before, after in itertools.pairwise(edits):
        spans = changed_spans(before, after)
        on_frames = ActingNote(spans).on_frames(waveform.duration_s, motion.duration_s)
        acted = only_changed(acted, over(after), on_frames.spans)
    return Acted(acted, note, (*remarks, *note_remarks(note)))


def read_note(path: "str | Path") -> ActingNote:
    """Read a note from JSON, or from lines of text.

    Raises:
        FormatError: The file cannot be read, or its suffix is neither ``.json`` nor ``.txt``.
        InputError: The note is contradictory, or says what is not known.
    """
    path = Path(path)
    check_note_name(path)
    try:
        if path.stat().st_size > MAX_NOTE_BYTES:
            raise FormatError(f"note {str(path)!r} has more than {MAX_NOTE_BYTES} bytes; give a note")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"cannot read note {str(path)!r}: {error.strerror}; give a file") from error
    except UnicodeDecodeError as error:
        raise FormatError(
            f"note {str(path)!r} is not UTF-8 text at byte {error.start}; save it so"
        ) from error
    try:
        return note_from_json(text) if path.suffix.lower() == ".json" else note_from_text(text)
    except InputError as error:
        raise type(error)(f"note {str(path)!r}: {error}") from None


def save_note(note: ActingNote, path: "str | Path", *, overwrite: bool = False) -> Path:
    """Write a note as JSON, or as lines of text for ``.txt``; whole or not at all.

    Raises:
        FormatError: The suffix is neither.
        OutputError: The file exists, or its folder is missing.
    """
    path = Path(path)
    check_note_name(path)
    text = note_to_json(note) if path.suffix.lower() == ".json" else note_to_text(note)
    with atomic_path(path, overwrite=overwrite) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def check_note_name(path: Path) -> None:
    """Refuse a name that no note has.

    Raises:
        FormatError: Its suffix is neither ``.json`` nor ``.txt``.
    """
    if path.suffix.lower() not in NOTE_SUFFIXES:
        raise FormatError(f"note {str(path)!r} has no known suffix; there are {' '.join(NOTE_SUFFIXES)}")


def unknown_remark(note: ActingNote) -> tuple[str, ...]:
    """Give the sentence that names words of a note that nobody understands, if there are any."""
    if not note.unknown:
        return ()
    some = ", ".join(shown(word) for word in note.unknown[:_MAX_SHOWN])
    more = f" and {len(note.unknown) - _MAX_SHOWN} more" if len(note.unknown) > _MAX_SHOWN else ""
    return (f"the note says {some}{more}, which no face can follow; these are kept and change nothing",)


def note_remarks(note: ActingNote) -> tuple[str, ...]:
    """Give a sentence for each thing that a note says and no face follows."""
    remarks = list(unknown_remark(note))
    idle = [span for span in note.spans if span.emotion == "neutral" and span.intensity > 0]
    if idle:
        remarks.append(
            f"{idle[0].where} is neutral with intensity {idle[0].intensity:g}, which changes nothing; "
            "name an emotion or leave the intensity out"
        )
    if any(span.tempo not in (None, 1.0) for span in note.spans):
        remarks.append("the note asks for a tempo, which is for speak with --note; here it changes nothing")
    return tuple(remarks)


def earlier_notes(paths: Sequence[Path]) -> ActingNote | None:
    """Give the notes of earlier runs as one that knows its past; None where there is none.

    Args:
        paths: Files, oldest first, each edited from the one before.

    Raises:
        FormatError: A file cannot be read, or is no note by its suffix.
        InputError: A note is contradictory, or says what is not known.
    """
    return edited_note([read_note(path) for path in paths]) if paths else None


def checked_options(
    options: FaceOptions,
    note: "ActingNote | str | Path | None",
    since: "ActingNote | str | Path | None",
) -> FaceOptions:
    """Give options with their notes read, everything refused that can be before any work.

    Raises:
        InputError: An option is out of range, or a note cannot be used.
        ArtifactError: There is no such writer of notes.
    """
    options = replace(options, note=note_from(note), since=note_from(since))
    options.check()
    if options.act:
        check_writer(options.act)
    return options


def note_from(note: "ActingNote | str | Path | None") -> ActingNote | None:
    """Give a note, or the one in a file."""
    return note if note is None or isinstance(note, ActingNote) else read_note(note)
