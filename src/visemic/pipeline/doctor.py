"""Checks of the machine: what works, what is missing, and what to do about it."""

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

State = Literal["ok", "missing", "broken"]

EXTRAS = {"espeak": "espeakng-loader", "kokoro": "kokoro", "piper": "piper-tts", "usd": "usd-core"}
"""Optional extras and the distribution each brings."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    name: str
    state: State
    """``missing`` is optional; ``broken`` stops the main job."""
    detail: str


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _try(name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", work())
    except Exception as error:  # whatever a broken machine throws is the finding
        return Check(name, "broken", f"{type(error).__name__}: {error}")


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _head() -> str:
    from visemic.rig.registry import load_rig

    rig = load_rig("visemic")
    return f"{rig.n_vertices} vertices, {len(rig.layout)} shapes"


def _speech() -> str:
    from visemic.pipeline.speak import speak

    clip = speak("Hello.")
    return f"{clip.duration_s:.2f} s of voice {clip.provenance.voice}, {clip.motion.n_frames} frames"


def _can_speak() -> bool:
    from visemic.voices.registry import default_voice, voice_infos

    return any(info.installed for info in voice_infos() if info.name == default_voice("en-us"))


def _recogniser() -> str:
    import numpy as np

    from visemic.audio.decoder import recognise_pcm

    hum = np.random.default_rng(0).normal(0, 1_000, 16_000).astype(np.int16)
    return f"phone model loads and answers with {len(recognise_pcm(hum.tobytes()))} segments"


def _video() -> str:
    import av

    codecs = [name for name in ("libx264", "aac") if name not in av.codecs_available]
    if codecs:
        raise RuntimeError(f"PyAV has no {' and no '.join(codecs)}")
    from visemic.render.still import render_still
    from visemic.rig.registry import load_rig

    picture = render_still(load_rig("visemic"), width=64, height=64)
    return f"H.264 and AAC, renderer draws ({int(picture.max()) - int(picture.min())} levels)"


def run_checks() -> list[Check]:
    """Try every part of the main job and look for every extra."""
    checks = [Check("python", "ok" if sys.version_info >= (3, 11) else "broken", _python())]
    for extra, distribution in EXTRAS.items():
        version = _version(distribution)
        checks.append(
            Check(f"extra {extra}", "ok", f"{distribution} {version}")
            if version
            else Check(f"extra {extra}", "missing", f"pip install 'visemic[{extra}]'")
        )
    checks.append(_try("head", _head))
    checks.append(_try("phone recogniser", _recogniser))
    checks.append(_try("video", _video))
    if _can_speak():
        checks.append(_try("text to voice and face", _speech))
    return checks
