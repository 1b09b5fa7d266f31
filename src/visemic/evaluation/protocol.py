"""What was measured: a frozen description that makes two numbers comparable.

Clips, split, channels, landmarks, masks, metrics and seeds stand in one file. Its fingerprint
goes into every report, so that two tables are of one protocol or visibly are not.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from visemic.core.atomic import atomic_path
from visemic.core.errors import ArtifactError
from visemic.core.layout import MOUTH_33
from visemic.data.recording import SPLITS
from visemic.evaluation.metrics import MOUTH_LANDMARKS

PROTOCOL_VERSION = 2
ALL_SPLITS = "all"
"""Every clip of a corpus: for predictors that were trained on none of it."""
MAX_TAKES = 100
_HINT = "make a new protocol with visemic evaluate --save-protocol"


@dataclass(frozen=True)
class Mask:
    """A named set of vertices of a named topology."""

    name: str
    """``lips``, ``upper_face``, ``eyes`` … or the published set it is."""
    topology: str
    vertices: tuple[int, ...]

    def indices(self) -> Int[np.ndarray, " chosen"]:
        """Give the vertices as an array."""
        return np.array(self.vertices, dtype=np.int64)


@dataclass(frozen=True)
class Protocol:
    """Everything that moves a number besides the predictor."""

    name: str
    clip_ids: tuple[str, ...]
    """In the order of the tables; numbers of other clips are other numbers."""
    split: str
    """``train``, ``validation`` or ``test``: where the clips come from; or ``all``."""
    metrics: tuple[str, ...]
    """Names of ``report_metric``, in the order of the tables."""
    channels: tuple[str, ...] = MOUTH_33.names
    """Channels of the coefficient metrics."""
    landmarks: tuple[str, ...] = MOUTH_LANDMARKS
    """Vertices of the landmark metrics, by name; the mouth corners first and second."""
    masks: tuple[Mask, ...] = ()
    """Sets of vertices for mesh corpora; a head with blendshapes brings its own regions."""
    seed: int = 0
    """Start of all chance: permutation, redrawn clips, subsets, mixtures."""
    n_draws: int = 2_000
    """Redrawn sets of clips."""
    n_takes: int = 1
    """Predictions a clip of models with chance; the first one is in the tables."""
    scorers: tuple[str, ...] = ("lag",)
    """Scorer of sound against motion, and ``syncnet`` after it when pictures are scored too."""
    version: int = PROTOCOL_VERSION

    def __post_init__(self) -> None:
        if self.version != PROTOCOL_VERSION:
            raise ArtifactError(
                f"protocol {self.name!r} has version {self.version}, this program measures by version "
                f"{PROTOCOL_VERSION}; {_HINT}"
            )
        if self.split not in (*SPLITS, ALL_SPLITS):
            known = ", ".join((*SPLITS, ALL_SPLITS))
            raise ArtifactError(f"split {self.split!r} is none of {known}; choose one")
        if not 1 <= self.n_takes <= MAX_TAKES:
            raise ArtifactError(f"{self.n_takes} takes a clip cannot be measured; choose 1 to {MAX_TAKES}")
        for kind, values in (("clip", self.clip_ids), ("metric", self.metrics)):
            if not values:
                raise ArtifactError(f"protocol {self.name!r} names 0 {kind}s; name at least one")
            if len(set(values)) != len(values):
                twice = next(v for v in values if values.count(v) > 1)
                raise ArtifactError(f"protocol {self.name!r} names {kind} {twice!r} twice; drop one")

    @property
    def fingerprint(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of everything but the name."""
        data = {key: value for key, value in asdict(self).items() if key != "name"}
        return hashlib.sha256(_canonical(data)).hexdigest()[:16]

    def mask(self, name: str, topology: str) -> Mask | None:
        """Give a mask of a topology, None if there is none."""
        return next((m for m in self.masks if (m.name, m.topology) == (name, topology)), None)


def write_protocol(protocol: Protocol, path: Path, *, overwrite: bool = False) -> None:
    """Write a protocol as JSON.

    Raises:
        OutputError: The file exists or cannot be written.
    """
    with atomic_path(path, overwrite=overwrite) as partial:
        partial.write_text(protocol_text(protocol), encoding="utf-8")


def protocol_text(protocol: Protocol) -> str:
    """Give a protocol as JSON with its fingerprint."""
    data = {**asdict(protocol), "fingerprint": protocol.fingerprint}
    return json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def read_protocol(path: Path) -> Protocol:
    """Read a protocol strictly.

    Raises:
        ArtifactError: The file cannot be read, lacks or adds a key, is of another version, or was
            changed without its fingerprint.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"protocol {str(path)!r} cannot be read: {error}; {_HINT}") from error
    known = {f.name for f in fields(Protocol)} | {"fingerprint"}
    if not isinstance(data, dict) or set(data) != known:
        odd = sorted(set(data) ^ known) if isinstance(data, dict) else ["an object"]
        raise ArtifactError(f"protocol {str(path)!r} lacks or adds {odd[0]!r}; {_HINT}")
    fingerprint = data.pop("fingerprint")
    try:
        protocol = _from_plain(data)
    except (TypeError, ValueError, KeyError) as error:
        raise ArtifactError(
            f"protocol {str(path)!r} holds a value of a wrong kind: {error}; {_HINT}"
        ) from error
    if protocol.fingerprint != fingerprint:
        raise ArtifactError(
            f"protocol {str(path)!r} says {fingerprint!r} and is {protocol.fingerprint!r}: it was changed "
            f"by hand; {_HINT}"
        )
    return protocol


def _from_plain(data: dict[str, Any]) -> Protocol:
    plain = dict(data)
    for key in ("clip_ids", "metrics", "channels", "landmarks", "scorers"):
        plain[key] = _names(plain[key])
    plain["masks"] = tuple(
        Mask(str(m["name"]), str(m["topology"]), tuple(int(v) for v in m["vertices"])) for m in plain["masks"]
    )
    for key in ("seed", "n_draws", "n_takes", "version"):
        if not isinstance(plain[key], int):
            raise TypeError(f"{key} is {plain[key]!r}")
    return Protocol(**plain)


def _names(values: Iterable[object]) -> tuple[str, ...]:
    if isinstance(values, str) or not all(isinstance(v, str) for v in values):
        raise TypeError(f"{values!r} is no list of names")
    return tuple(str(v) for v in values)


def _canonical(data: dict[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
