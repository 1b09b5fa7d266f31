"""The voice alone, as a wav file with the manifest as its comment."""

from pathlib import Path

from visemic.core.errors import FormatError
from visemic.core.signals import Waveform
from visemic.export.clip import ClipData, Progress
from visemic.export.manifest import manifest_line


def required_sound(clip: ClipData, suffix: str) -> Waveform:
    """Give the clip's sound.

    Raises:
        FormatError: The clip has none.
    """
    if clip.waveform is None:
        raise FormatError(
            f"a {suffix} file holds sound and this clip has none; make the clip from text or sound"
        )
    return clip.waveform


def write_sound(clip: ClipData, path: Path, progress: Progress | None = None) -> None:
    """Write the clip's sound.

    Raises:
        FormatError: The clip has none.
    """
    from visemic.audio.io import write_wav

    write_wav(required_sound(clip, ".wav"), path, comment=manifest_line(clip))
    if progress:
        progress(clip.motion.n_frames, clip.motion.n_frames)
