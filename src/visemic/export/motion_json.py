"""A clip as JSON, to be read by people and by any language.

Schema, format_version 1:

- ``format``: ``"visemic-motion"``; ``format_version``: 1.
- ``manifest``: where it comes from, see ``export/manifest.py``.
- ``rate``: frames a second as ``[numerator, denominator]``; ``rate_hz``: the same as a number.
- ``layout``: name of the order of channels; ``channels``: their names, one a column.
- ``n_frames``; ``duration_s``; ``language``; ``text``: what is said, as written.
- ``alignment_source``: what the times come from, null when there are none.
- ``phones``: objects with ``label``, ``start_s``, ``end_s``, ``stress`` (or null), ``ipa``.
- ``words``: objects with ``text``, ``start_s``, ``end_s``, ``spoken``.
- ``frames``: last, one array a frame, weights 0 to 1 and rotations in radians, frame ``i``
  at ``i / rate`` seconds.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, VisemicError
from visemic.core.layout import KNOWN_LAYOUTS, Layout
from visemic.core.signals import Alignment, Motion, Phone, Word
from visemic.export.clip import ClipData, Progress, exportable_motion
from visemic.export.manifest import manifest_of, parse_json, provenance_from, rate_from_pair

FORMAT = "visemic-motion"
FORMAT_VERSION = 1

_DECIMALS = 6
_ROWS_AT_ONCE = 1_024


def write_json(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write motion, phones, words and manifest; frames are streamed, one line each."""
    motion = exportable_motion(clip.motion)
    head = json.dumps(_head(clip, motion), ensure_ascii=False, indent=1, allow_nan=False)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(head.removesuffix("\n}") + ',\n "frames": [\n')
        for start in range(0, motion.n_frames, _ROWS_AT_ONCE):
            rows = np.round(motion.values[start : start + _ROWS_AT_ONCE].astype(float), _DECIMALS) + 0.0
            last = start + len(rows) == motion.n_frames
            lines = [json.dumps(row, separators=(",", ":")) for row in rows.tolist()]
            file.write(",\n".join(lines) + ("\n" if last else ",\n"))
            if progress:
                progress(start + len(rows), motion.n_frames)
        file.write(" ]\n}\n")


def _head(clip: ClipData, motion: Motion) -> dict[str, object]:
    alignment = clip.alignment
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "manifest": manifest_of(clip),
        "rate": [motion.rate.hz.numerator, motion.rate.hz.denominator],
        "rate_hz": float(motion.rate),
        "layout": motion.layout.name,
        "channels": list(motion.layout.names),
        "n_frames": motion.n_frames,
        "duration_s": _rounded(alignment.duration_s if alignment else motion.duration_s),
        "language": alignment.language if alignment else "",
        "text": alignment.text if alignment else "",
        "alignment_source": alignment.source if alignment else None,
        "phones": [_timed(p) for p in alignment.phones] if alignment else [],
        "words": [_timed(w) for w in alignment.words] if alignment else [],
    }


def _timed(item: Phone | Word) -> dict[str, object]:
    return asdict(item) | {"start_s": _rounded(item.start_s), "end_s": _rounded(item.end_s)}


def _rounded(seconds: float) -> float:
    return round(float(seconds), _DECIMALS)


def read_json(path: Path) -> ClipData:
    """Read a clip that ``write_json`` wrote.

    Raises:
        FormatError: It is not JSON, not this format, of a newer version, or inconsistent.
    """
    try:
        data = parse_json(path.read_text(encoding="utf-8-sig"))
    except UnicodeEncodeError as error:
        raise FormatError(f"file {str(path)!r} holds half a character in a text; export it again") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"file {str(path)!r} is not JSON; is it complete?") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FormatError(f"file {str(path)!r} is JSON but not a {FORMAT} file; export it with visemic")
    if data.get("format_version") != FORMAT_VERSION:
        raise FormatError(
            f"file {str(path)!r} has format version {data.get('format_version')!r} and this visemic reads "
            f"{FORMAT_VERSION}; update visemic"
        )
    try:
        rate = rate_from_pair(data["rate"]) or Rate.of(data["rate_hz"])
        layout = layout_from(str(data.get("layout", "file")), [str(name) for name in data["channels"]])
        with np.errstate(over="ignore"):  # the sentence below says it
            values = np.asarray(data["frames"], dtype=np.float32).reshape(len(data["frames"]), len(layout))
        if not (len(layout) and len(values) and np.isfinite(values).all()):
            raise FormatError(f"file {str(path)!r} has no frame, no channel or a value that is not finite")
        motion = Motion(values, layout, rate)
        return ClipData(None, _alignment(data), motion, None, provenance_from(data.get("manifest", {})))
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, VisemicError) as error:
        raise FormatError(f"file {str(path)!r} is a damaged {FORMAT} file: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}"
    return str(error).split("\n")[0]


def layout_from(name: str, names: list[str]) -> Layout:
    """Give the standard layout when the names are its, else one of the file's own."""
    for layout in KNOWN_LAYOUTS:
        if tuple(names) == layout.names:
            return layout
    return Layout(name, tuple(names))


def _alignment(data: dict[str, Any]) -> Alignment | None:
    if data.get("alignment_source") is None:
        return None
    return Alignment(
        phones=tuple(Phone(**_with_floats(phone)) for phone in data["phones"]),
        words=tuple(Word(**_with_floats(word)) for word in data["words"]),
        text=data["text"],
        duration_s=float(data["duration_s"]),
        language=data["language"],
        source=data["alignment_source"],
    )


def _with_floats(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"start_s": float(item["start_s"]), "end_s": float(item["end_s"])}
