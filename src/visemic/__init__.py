"""Voice and 3D facial animation from text or speech, on one clock.

``visemic.speak(text)`` and ``visemic.animate(recording)`` give a ``Clip``; ``clip.save(path)``
writes it in the format that the suffix names.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Clip", "VisemicError", "Waveform", "__version__", "animate", "load_clip", "speak"]

if TYPE_CHECKING:
    from visemic.core.errors import VisemicError
    from visemic.core.signals import Waveform
    from visemic.pipeline.animate import animate
    from visemic.pipeline.clip import Clip, load_clip
    from visemic.pipeline.speak import speak

_HOMES = {
    "Clip": "visemic.pipeline.clip",
    "VisemicError": "visemic.core.errors",
    "Waveform": "visemic.core.signals",
    "animate": "visemic.pipeline.animate",
    "load_clip": "visemic.pipeline.clip",
    "speak": "visemic.pipeline.speak",
}


def __getattr__(name: str) -> object:
    # Imported when asked for: ``import visemic`` costs nothing and needs no library.
    if name not in _HOMES:
        raise AttributeError(f"module 'visemic' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
