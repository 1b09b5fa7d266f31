"""What eight emotions do to a face, as ARKit weights over the speech.

Brows and lids may speak up; the mouth is moderate on purpose: a pose is added to speech, and
a mouth that smiles must still close for a P. The classes are the eight of acted recordings.
"""

from collections.abc import Mapping
from types import MappingProxyType

from visemic.core.errors import InputError, unknown_name

_BOTH = {
    "neutral": {},
    # Cheek raiser and lip corner puller, AU 6 + 12.
    "happy": {"mouthSmile": 0.62, "cheekSquint": 0.60, "eyeSquint": 0.28, "mouthDimple": 0.12},
    # Inner brow raiser, brow lowerer, lip corner depressor, chin raiser, AU 1 + 4 + 15 + 17.
    "sad": {
        "browDown": 0.15, "eyeBlink": 0.12, "eyeSquint": 0.20, "eyeLookDown": 0.12, "mouthFrown": 0.55,
    },
    # Inner and outer brow raiser, upper lid raiser, jaw drop, AU 1 + 2 + 5 + 26.
    "surprised": {"browOuterUp": 0.85, "eyeWide": 0.75},
    # AU 1 + 2 + 4 + 5 with the lip stretcher, AU 20.
    "fear": {"browOuterUp": 0.35, "browDown": 0.35, "eyeWide": 0.65, "mouthStretch": 0.45},
    # Nose wrinkler and upper lip raiser with the corners down, AU 9 + 10 + 15.
    "disgusted": {
        "browDown": 0.50, "eyeSquint": 0.30, "cheekSquint": 0.50, "noseSneer": 0.85, "mouthUpperUp": 0.25,
        "mouthFrown": 0.25,
    },
    # Brow lowerer, upper lid raiser, lid tightener, lip pressor, AU 4 + 5 + 7 + 24.
    "angry": {
        "browDown": 0.95, "eyeWide": 0.15, "eyeSquint": 0.45, "noseSneer": 0.35, "mouthPress": 0.40,
        "mouthFrown": 0.15,
    },
    # One corner tightened and pulled, AU 12 + 14 on one side.
    "contempt": {"eyeSquint": 0.12, "mouthPress": 0.15},
}  # fmt: skip
_MIDDLE = {
    "sad": {"browInnerUp": 0.85, "mouthShrugLower": 0.25},
    "surprised": {"browInnerUp": 0.75, "jawOpen": 0.16},
    "fear": {"browInnerUp": 0.85, "jawOpen": 0.05},
    "angry": {"jawForward": 0.15},
    "contempt": {"mouthSmileLeft": 0.38, "mouthDimpleLeft": 0.45, "cheekSquintLeft": 0.15},
}


def _pose(name: str) -> dict[str, float]:
    pose = {f"{shape}{side}": w for shape, w in _BOTH[name].items() for side in ("Left", "Right")}
    return {**pose, **_MIDDLE.get(name, {})}


EMOTIONS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {name: MappingProxyType(_pose(name)) for name in _BOTH}
)
"""Weights of ARKit shapes at intensity 1 for each emotion."""

LEVELS: Mapping[str, float] = MappingProxyType({"slight": 0.35, "clear": 0.65, "strong": 1.0})
"""Three intensities by name."""


def emotion_weights(name: str, intensity: float = 1.0) -> dict[str, float]:
    """Give the ARKit weights of an emotion, to be added to those of speech.

    Args:
        name: One of ``EMOTIONS``.
        intensity: 0 nothing, 1 strong; ``LEVELS`` names three.

    Returns:
        Weights by channel, 0 to 1; channels at rest are left out.

    Raises:
        InputError: The emotion is unknown or the intensity is not between 0 and 1.

    Source:
        Ekman & Friesen 1978, "Facial Action Coding System", and their prototypes of emotions
        (EMFACS, 1983), for which action units belong to which emotion.
    Deviation:
        The weights are ours: ARKit shapes are not action units, and speech needs room.
        Surprise keeps the jaw nearly shut and fear the lips, since the mouth is speaking.

    Example:
        >>> emotion_weights("happy", 0.5)["mouthSmileLeft"]
        0.31
    """
    if name not in EMOTIONS:
        raise InputError(unknown_name("emotion", name, EMOTIONS))
    if not 0 <= intensity <= 1:
        raise InputError(f"an intensity of {intensity:g} cannot be posed; choose 0 to 1")
    return {channel: weight * intensity for channel, weight in EMOTIONS[name].items() if intensity > 0}
