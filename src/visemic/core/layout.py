"""Named channels in a stated order.

A column of motion has a name; its number is nobody's business. Four orders of the ARKit
shapes are in use by shipped tools, and files that are read by index come out with the
mouth mirrored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from visemic.core.errors import LayoutError, unknown_name


@dataclass(frozen=True)
class Layout:
    """An ordered list of channel names."""

    name: str
    """Short name of the layout, kept in files."""
    names: tuple[str, ...]
    """Channel names, in order, without repeats."""

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            repeated = sorted({n for n in self.names if self.names.count(n) > 1})
            raise LayoutError(f"layout {self.name!r} names {repeated[0]!r} twice; drop one")

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Give the column of a channel.

        Raises:
            LayoutError: The layout has no such channel.
        """
        try:
            return self._position[name]
        except KeyError:
            raise LayoutError(unknown_name("channel", name, self.names)) from None

    def indices(self, names: Iterable[str]) -> list[int]:
        """Give the columns of several channels, in the order asked."""
        return [self.index(name) for name in names]

    def __contains__(self, name: object) -> bool:
        return name in self._position

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)


_RECORDER_ORDER = """
eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft
eyeWideLeft eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight
eyeSquintRight eyeWideRight jawForward jawRight jawLeft jawOpen mouthClose mouthFunnel
mouthPucker mouthRight mouthLeft mouthSmileLeft mouthSmileRight mouthFrownLeft
mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft mouthStretchRight
mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft
mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight
browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff
cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut
"""

ARKIT_52 = Layout("arkit-52", tuple(_RECORDER_ORDER.split()))
"""The 52 ARKit shapes in the order of the Live Link Face recorder (jaw and mouth right before left)."""

ROTATIONS = Layout(
    "rotations-9",
    (
        "headYaw",
        "headPitch",
        "headRoll",
        "leftEyeYaw",
        "leftEyePitch",
        "leftEyeRoll",
        "rightEyeYaw",
        "rightEyePitch",
        "rightEyeRoll",
    ),
)
"""Head and eye rotations in radians, right-handed about y (yaw), x (pitch) and z (roll)."""

ARKIT_61 = Layout("arkit-61", ARKIT_52.names + ROTATIONS.names)
"""The 52 shapes and the nine rotations: the default layout, and the columns of a Live Link take."""

MOUTH_33 = Layout(
    "mouth-33",
    tuple(
        name
        for name in ARKIT_52.names
        if name.startswith(("jaw", "mouth", "cheek", "noseSneer")) or name == "tongueOut"
    ),
)
"""The lower face: the 33 of the 61 columns of a Live Link take that speech moves.

The count is Korzun et al.'s; they print no list, and this is the only closed set of that size."""

TONGUE = Layout("tongue-2", ("tongueTipUp", "tongueBackUp"))
"""Tongue shapes that ARKit lacks: the tip behind the upper teeth (T D N L), the back at the palate
(K G NG). Files of plain ARKit shapes (CSV, GLB, USD) leave them out."""

FACE_63 = Layout("face-63", ARKIT_61.names + TONGUE.names)
"""What ``speak`` and ``animate`` give: the default layout and the tongue."""

KNOWN_LAYOUTS = (FACE_63, ARKIT_61, ARKIT_52)
"""Layouts that files name."""

EYE_LOOK_YAW_RAD = 0.5235987755982988
"""Turn of an eyeball at weight 1 of ``eyeLookIn`` or ``eyeLookOut``: 30 degrees."""
EYE_LOOK_PITCH_RAD = 0.4363323129985824
"""Turn of an eyeball at weight 1 of ``eyeLookUp`` or ``eyeLookDown``: 25 degrees."""
