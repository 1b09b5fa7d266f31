"""The heads that can be asked for by name."""

from dataclasses import dataclass

from visemic.core.errors import RigError, unknown_name
from visemic.rig.linear import Rig


@dataclass(frozen=True)
class RigInfo:
    """What a list of heads shows of one."""

    name: str
    licence: str
    description: str


_INFOS = (
    RigInfo(
        "visemic", "Apache-2.0", "the built-in head: an adult with 52 ARKit shapes, teeth, tongue and eyes"
    ),
)

RIGS = tuple(info.name for info in _INFOS)
"""Names that ``load_rig`` knows."""


def rig_infos() -> tuple[RigInfo, ...]:
    """Describe every head without loading one."""
    return _INFOS


def load_rig(name: str) -> Rig:
    """Give the head of a name.

    Raises:
        RigError: There is no head of that name.
    """
    if name not in RIGS:
        raise RigError(unknown_name("rig", name, RIGS))
    from visemic.rig.head_store import load_head

    return load_head()
