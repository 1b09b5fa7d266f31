"""Subtitles from timed words, as SubRip and WebVTT.

A subtitle has at most two lines of 42 characters. It ends at the end of a sentence, at a
pause over half a second, and when it is full; it stays for a second where the next one
leaves the time. Punctuation comes from the text as written, since words carry none.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from visemic.core.errors import FormatError
from visemic.core.signals import Alignment
from visemic.export.clip import ClipData, Progress, required_alignment
from visemic.export.manifest import manifest_line

MAX_LINE = 42
"""Characters a line, the width that broadcasters use."""
MAX_LINES = 2
PAUSE_S = 0.5
MIN_SHOWN_S = 1.0

_SENTENCE_ENDS = ".!?…。！？؟।"
_CLOSERS = "\"'”’»)]}"
_OPENERS = "\"'“‘«([{¿¡"
_ABBREVIATION = re.compile(r"(Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc|e\.g|i\.e|[^\W\d_])\.", re.IGNORECASE)
_SEARCH = 200
"""How far past the last word the next one is looked for, in characters."""


@dataclass(frozen=True, slots=True)
class Subtitle:
    """A text in time."""

    lines: tuple[str, ...]
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    """With a space before it where the text has one."""
    start_s: float
    end_s: float

    @property
    def ends_sentence(self) -> bool:
        bare = self.text.strip().rstrip(_CLOSERS)
        return bare.endswith(tuple(_SENTENCE_ENDS)) and not _ABBREVIATION.fullmatch(bare)


def subtitles(alignment: Alignment) -> tuple[Subtitle, ...]:
    """Give the words of a clip in readable portions."""
    groups: list[list[_Token]] = []
    for token in _tokens(alignment):
        last = groups[-1] if groups else []
        if (
            not last
            or last[-1].ends_sentence
            or token.start_s - last[-1].end_s > PAUSE_S
            or len(wrap([t.text for t in (*last, token)])) > MAX_LINES
        ):
            groups.append([token])
        else:
            last.append(token)
    shown = []
    for number, group in enumerate(groups):
        next_s = groups[number + 1][0].start_s if number + 1 < len(groups) else alignment.duration_s
        end_s = max(group[-1].end_s, min(group[0].start_s + MIN_SHOWN_S, next_s))
        shown.append(Subtitle(wrap([t.text for t in group]), group[0].start_s, end_s))
    return tuple(shown)


def wrap(words: list[str]) -> tuple[str, ...]:
    """Give words in lines of at most ``MAX_LINE`` characters, two lines about equally long.

    Args:
        words: Each with a space before it, unless it is written together with the last one.

    Example:
        >>> wrap("the| quick| brown| fox| jumps| over| the| lazy| dog| again".split("|"))
        ('the quick brown fox jumps', 'over the lazy dog again')
    """
    parts = [word[i : i + MAX_LINE] for word in words for i in range(0, len(word), MAX_LINE)]
    lines: list[str] = []
    for part in parts:
        if lines and len((lines[-1] + part).strip()) <= MAX_LINE:
            lines[-1] += part
        else:
            lines.append(part)
    if len(lines) != MAX_LINES:
        return tuple(line.strip() for line in lines)
    pairs = [("".join(parts[:i]).strip(), "".join(parts[i:]).strip()) for i in range(1, len(parts))]
    fitting = [pair for pair in pairs if max(map(len, pair)) <= MAX_LINE]
    return min(fitting, key=lambda pair: abs(len(pair[0]) - len(pair[1])))


def _tokens(alignment: Alignment) -> list[_Token]:
    """Give the words with the punctuation and the spaces that the text has around them."""
    text, position, tokens = alignment.text, 0, []
    for word in alignment.words:
        found = text.find(word.text, position, position + len(word.text) + _SEARCH) if word.text else -1
        if found < 0:
            shown = f" {word.text}"
        else:
            start = found
            while start > position and text[start - 1] in _OPENERS:
                start -= 1
            space = " " if start == 0 or text[position:start].strip() or text[start - 1].isspace() else ""
            position = _end_with_punctuation(text, found + len(word.text))
            shown = space + text[start:position]
        if shown.strip():
            tokens.append(_Token(shown, word.start_s, word.end_s))
    return tokens


def _end_with_punctuation(text: str, position: int) -> int:
    while position < len(text) and not (text[position].isalnum() or text[position].isspace()):
        if text[position] in _OPENERS and text[position] not in _CLOSERS:
            break
        position += 1
    return position


def _stamp(time_s: float, separator: str) -> str:
    milliseconds = int(time_s * 1_000 + 0.5)
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{separator}{rest:03d}"


def required_subtitles(clip: ClipData, suffix: str) -> tuple[Subtitle, ...]:
    """Give the clip's subtitles.

    Raises:
        FormatError: The clip has no words.
    """
    shown = subtitles(required_alignment(clip, suffix))
    if not shown:
        raise FormatError(
            f"a {suffix} file holds words and only sounds are known of this clip; give its text"
        )
    return shown


def write_srt(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write numbered SubRip subtitles.

    Raises:
        FormatError: The clip has no words.
    """
    blocks = [
        f"{number}\n{_stamp(s.start_s, ',')} --> {_stamp(s.end_s, ',')}\n"
        + "\n".join(s.lines).replace("-->", "→")
        + "\n"
        for number, s in enumerate(required_subtitles(clip, ".srt"), 1)
    ]
    path.write_text("\n".join(blocks), encoding="utf-8", newline="")


def write_vtt(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write WebVTT subtitles with the manifest in a note.

    Raises:
        FormatError: The clip has no words.
    """
    # An arrow would end the note, and JSON can spell it without one.
    note = "NOTE " + manifest_line(clip).replace(">", "\\u003e")
    blocks = [
        f"{_stamp(s.start_s, '.')} --> {_stamp(s.end_s, '.')}\n" + "\n".join(map(_escaped, s.lines)) + "\n"
        for s in required_subtitles(clip, ".vtt")
    ]
    path.write_text("\n".join(["WEBVTT\n", note + "\n", *blocks]), encoding="utf-8", newline="")


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
