"""Importers by the kind of corpus that they read.

To add one: write its file with a class that keeps ``recording.Importer``, add one line to
``_IMPORTERS``, a data card and a test on a small file in the true format.
"""

import importlib

from visemic.core.errors import FormatError, unknown_name
from visemic.data.recording import Importer

_IMPORTERS: dict[str, tuple[str, str]] = {
    "live-link": ("live_link", "LiveLinkImporter"),
    "gltf": ("gltf", "GltfImporter"),
    "vertex-cache": ("vertex_cache", "VertexCacheImporter"),
    "flame": ("flame", "FlameImporter"),
    "grid": ("grid", "GridImporter"),
    "facegood": ("facegood", "FacegoodImporter"),
    "beat": ("beat", "BeatImporter"),
    "mead": ("mead", "MeadImporter"),
    "ravdess": ("ravdess", "RavdessImporter"),
    "vocaset": ("vocaset", "VocasetImporter"),
    "biwi": ("biwi", "BiwiImporter"),
    "multiface": ("multiface", "MultifaceImporter"),
    "meshtalk": ("meshtalk", "MeshtalkImporter"),
    "synthetic": ("visemic.data.synthetic", "SyntheticImporter"),
    "expressive": ("visemic.data.expressive", "ExpressiveImporter"),
    "expressive-speech": ("visemic.data.expressive_recorded", "ExpressiveSpeechImporter"),
}
"""Module and class by kind; modules are imported when asked for, those without a dot from here."""


def importer_kinds() -> tuple[str, ...]:
    """Give every kind that can be imported, those for own takes first."""
    return tuple(_IMPORTERS)


def load_importer(kind: str) -> Importer:
    """Give the importer of a kind.

    Raises:
        FormatError: There is no such kind.
    """
    if kind not in _IMPORTERS:
        raise FormatError(unknown_name("importer", kind, _IMPORTERS))
    module, name = _IMPORTERS[kind]
    path = module if "." in module else f"{__package__}.{module}"
    importer: Importer = getattr(importlib.import_module(path), name)()
    return importer
