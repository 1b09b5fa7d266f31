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


_INFOS = tuple(
    RigInfo(name, "Apache-2.0", f"{text}; 52 ARKit shapes, teeth, tongue and eyes")
    for name, text in (
        ("visemic", "the built-in head: a woman of 30"),
        ("otto", "a man of 45 with a broad jaw and stubble"),
        ("amara", "a woman of 28 with dark skin and short curls"),
        ("kenji", "a man of 35 with black hair"),
        ("greta", "a woman of 70 with silver hair"),
        ("noor", "a woman of 22 with olive skin"),
    )
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

    return load_head(name)
