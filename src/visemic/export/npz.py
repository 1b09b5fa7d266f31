"""A clip as NumPy arrays: exact, and readable without pickle.

``values`` float32 [frames, channels], ``channels``, ``rate_hz``, ``rate`` [numerator,
denominator], ``layout``, ``phones``, ``phone_times_s`` [n, 2], ``phone_stress`` (-1 for none),
``phone_ipa``, ``words``, ``word_times_s`` [n, 2], ``word_spoken``, ``audio`` float32,
``audio_rate_hz``, ``text``, ``language``, ``alignment_source``, ``duration_s``, ``manifest``
(JSON). What a clip lacks is an empty array; ``audio_rate_hz`` is then 0.
"""

import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, VisemicError
from visemic.core.signals import Alignment, Motion, Phone, Waveform, Word
from visemic.export.clip import ClipData, Progress, exportable_motion
from visemic.export.manifest import manifest_line, provenance_from
from visemic.export.motion_json import layout_from

_REQUIRED = ("values", "channels", "rate_hz")


def _texts(items: Iterable[str]) -> np.ndarray:
    listed = list(items)
    return np.array(listed, dtype=np.str_) if listed else np.zeros(0, "<U1")


def _times_s(items: "Iterable[Phone | Word]") -> np.ndarray:
    return np.array([(item.start_s, item.end_s) for item in items], dtype=np.float64).reshape(-1, 2)


def write_npz(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write motion, alignment, sound and manifest as named arrays, the same bytes each time."""
    motion, alignment, waveform = exportable_motion(clip.motion), clip.alignment, clip.waveform
    phones = alignment.phones if alignment else ()
    words = alignment.words if alignment else ()
    hz = motion.rate.hz
    arrays: dict[str, np.ndarray] = {
        "values": np.ascontiguousarray(motion.values),
        "channels": _texts(motion.layout.names),
        "rate_hz": np.array(float(hz)),
        "rate": np.array([hz.numerator, hz.denominator], np.int64),
        "layout": np.array(motion.layout.name),
        "phones": _texts(p.label for p in phones),
        "phone_times_s": _times_s(phones),
        "phone_stress": np.array([-1 if p.stress is None else p.stress for p in phones], np.int8),
        "phone_ipa": _texts(p.ipa for p in phones),
        "words": _texts(w.text for w in words),
        "word_times_s": _times_s(words),
        "word_spoken": _texts(w.spoken for w in words),
        "audio": waveform.samples if waveform else np.zeros(0, np.float32),
        "audio_rate_hz": np.array(float(waveform.rate) if waveform else 0.0),
        "text": np.array(alignment.text if alignment else ""),
        "language": np.array(alignment.language if alignment else ""),
        "alignment_source": np.array(alignment.source if alignment else ""),
        "duration_s": np.array(alignment.duration_s if alignment else motion.duration_s, np.float64),
        "manifest": np.array(manifest_line(clip)),
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    if progress:
        progress(motion.n_frames, motion.n_frames)


def read_npz(path: Path) -> ClipData:
    """Read a clip from arrays; only ``values``, ``channels`` and ``rate_hz`` must be there.

    Raises:
        FormatError: It is not an NPZ file, lacks an array, or its arrays do not fit together.
    """
    try:
        # numpy leaves the file open when it is damaged, so it is opened here.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            arrays = dict(loaded) if isinstance(loaded, Mapping) else {}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"file {str(path)!r} is not a complete npz file of plain arrays") from error
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise FormatError(f"file {str(path)!r} has no array {missing[0]!r}; it needs {', '.join(_REQUIRED)}")
    try:
        manifest = json.loads(str(arrays.get("manifest", "{}")))
        return ClipData(
            _waveform(arrays), _alignment(arrays), _motion(arrays, path), None, provenance_from(manifest)
        )
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, VisemicError) as error:
        reason = str(error).split("\n")[0]
        raise FormatError(f"the arrays of {str(path)!r} do not fit together: {reason}") from error


def _motion(arrays: dict[str, np.ndarray], path: Path) -> Motion:
    with np.errstate(over="ignore"):  # the sentence below says it
        values = np.asarray(arrays["values"], dtype=np.float32)
    if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all():
        raise FormatError(
            f"the values of {str(path)!r} are not a table of finite numbers, frames by channels"
        )
    names = [str(name) for name in arrays["channels"]]
    rate = arrays.get("rate")
    hz = f"{int(rate[0])}/{int(rate[1])}" if rate is not None else float(arrays["rate_hz"])
    return Motion(values, layout_from(str(arrays.get("layout", "file")), names), Rate.of(hz))


def _waveform(arrays: dict[str, np.ndarray]) -> Waveform | None:
    audio = arrays.get("audio")
    if audio is None or audio.size == 0:
        return None
    return Waveform(np.asarray(audio, np.float32).reshape(-1), Rate.of(float(arrays["audio_rate_hz"])))


def _alignment(arrays: dict[str, np.ndarray]) -> Alignment | None:
    source = str(arrays.get("alignment_source", ""))
    if not source:
        return None
    none = np.zeros(0, "<U1")
    stress = arrays.get("phone_stress", np.full(len(arrays["phones"]), -1))
    ipa = arrays.get("phone_ipa", np.full(len(arrays["phones"]), ""))
    spoken = arrays.get("word_spoken", np.full(len(arrays.get("words", none)), ""))
    return Alignment(
        phones=tuple(
            Phone(str(label), float(start), float(end), None if mark < 0 else int(mark), str(symbol))
            for label, (start, end), mark, symbol in zip(
                arrays["phones"], arrays["phone_times_s"], stress, ipa, strict=True
            )
        ),
        words=tuple(
            Word(str(word), float(start), float(end), str(said))
            for word, (start, end), said in zip(arrays["words"], arrays["word_times_s"], spoken, strict=True)
        ),
        text=str(arrays.get("text", "")),
        duration_s=float(arrays["duration_s"]),
        language=str(arrays.get("language", "")),
        source=source,
    )
