"""Action units of a face, in words and in ARKit shapes: the vocabulary of acting.

An action unit is one muscle's doing, numbered as in the Facial Action Coding System. People
write ``very lowered brows``; a head has ``browDownLeft``; here the two meet.
"""

from collections.abc import Mapping
from types import MappingProxyType

EMOTION_NAMES = ("neutral", "happy", "sad", "surprised", "fear", "disgusted", "angry", "contempt")
"""The eight classes of acted recordings, in their usual order."""

EMOTION_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "neutral": ("neutral", "calm", "composed"),
        "happy": ("happy", "joyful", "cheerful"),
        "sad": ("sad", "sorrowful", "unhappy"),
        "surprised": ("surprised", "astonished", "amazed"),
        "fear": ("fearful", "afraid", "frightened"),
        "disgusted": ("disgusted", "repelled", "revolted"),
        "angry": ("angry", "furious", "enraged"),
        "contempt": ("contemptuous", "scornful", "disdainful"),
    }
)
"""Adjectives of a person in each emotion, the one that is written first."""

DEGREES: Mapping[str, float] = MappingProxyType(
    {"slightly": 0.25, "mildly": 0.35, "fairly": 0.50, "quite": 0.65, "very": 0.80, "extremely": 1.0}
)
"""Gain of each degree word."""
DEGREE_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "slightly": ("slightly", "faintly"),
        "mildly": ("mildly", "somewhat"),
        "fairly": ("fairly", "moderately"),
        "quite": ("quite", "rather"),
        "very": ("very", "strongly"),
        "extremely": ("extremely", "intensely"),
    }
)
"""Words for each degree, the one that is written first."""
PLAIN_DEGREE = "quite"
"""Degree of what is named without one: ``lowered brows``."""

_UNITS: dict[int, tuple[tuple[str, ...], dict[str, float]]] = {
    1: (("raised inner brows", "lifted inner brows"), {"browInnerUp": 1.0}),
    2: (("raised outer brows", "arched brows"), {"browOuterUp": 1.0}),
    4: (("lowered brows", "furrowed brows", "knitted brows"), {"browDown": 1.0}),
    5: (("widened eyes", "wide eyes"), {"eyeWide": 1.0}),
    6: (("raised cheeks", "lifted cheeks"), {"cheekSquint": 1.0, "eyeSquint": 0.3}),
    7: (("tightened lids", "squinted eyes"), {"eyeSquint": 1.0}),
    9: (("a wrinkled nose", "a crinkled nose"), {"noseSneer": 1.0}),
    10: (("a raised upper lip", "a lifted upper lip"), {"mouthUpperUp": 1.0}),
    12: (("raised lip corners", "smiling lips"), {"mouthSmile": 1.0}),
    14: (("dimpled lip corners", "dimpled cheeks"), {"mouthDimple": 1.0}),
    15: (("lowered lip corners", "drooping lip corners"), {"mouthFrown": 1.0}),
    16: (("a lowered lower lip", "a depressed lower lip"), {"mouthLowerDown": 1.0}),
    17: (("a raised chin", "a pushed up chin"), {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.3}),
    18: (("puckered lips", "pursed lips"), {"mouthPucker": 1.0}),
    20: (("stretched lips", "drawn back lips"), {"mouthStretch": 1.0}),
    22: (("funneled lips", "flared lips"), {"mouthFunnel": 1.0}),
    23: (
        ("tightened lips", "narrowed lips"),
        {"mouthPress": 0.5, "mouthRollUpper": 0.3, "mouthRollLower": 0.3},
    ),
    24: (("pressed lips", "compressed lips"), {"mouthPress": 1.0}),
    25: (("parted lips", "separated lips"), {"mouthLowerDown": 0.3}),
    26: (("a dropped jaw", "a lowered jaw"), {"jawOpen": 0.35}),
    27: (("a stretched mouth", "an open mouth"), {"jawOpen": 0.8}),
    28: (("sucked lips", "rolled in lips"), {"mouthRollUpper": 1.0, "mouthRollLower": 1.0}),
    29: (("a thrust jaw", "a jutting jaw"), {"jawForward": 1.0}),
    30: (("a sideways jaw", "a shifted jaw"), {"jawLeft": 1.0}),
    33: (("blown cheeks", "inflated cheeks"), {"cheekPuff": 1.0}),
    34: (("puffed cheeks", "bulging cheeks"), {"cheekPuff": 1.0}),
    43: (("closed eyes", "shut eyes"), {"eyeBlink": 1.0}),
    45: (("fluttering lids", "fluttering lashes"), {"eyeBlink": 1.0}),
}

_PAIRED = (
    "browDown", "browOuterUp", "eyeWide", "eyeSquint", "eyeBlink", "cheekSquint", "noseSneer",
    "mouthUpperUp", "mouthLowerDown", "mouthSmile", "mouthDimple", "mouthFrown", "mouthStretch",
    "mouthPress",
)  # fmt: skip


def _sides(weights: Mapping[str, float]) -> Mapping[str, float]:
    channels = {
        f"{shape}{side}": weight
        for shape, weight in weights.items()
        for side in (("Left", "Right") if shape in _PAIRED else ("",))
    }
    return MappingProxyType(channels)


AU_PHRASES: Mapping[int, str] = MappingProxyType({unit: words[0] for unit, (words, _) in _UNITS.items()})
"""The words that are written for each action unit; some begin with an article, and the degree follows
it: ``a very wrinkled nose``."""
AU_SYNONYMS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {unit: words for unit, (words, _) in _UNITS.items()}
)
"""All words that are read for each action unit, the written ones first."""
AU_CHANNELS: Mapping[int, Mapping[str, float]] = MappingProxyType(
    {unit: _sides(weights) for unit, (_, weights) in _UNITS.items()}
)
"""ARKit weights of each action unit at gain 1.

Source:
    Ekman & Friesen 1978, "Facial Action Coding System", for what each unit does.
Deviation:
    The weights are ours. Unit 30 goes to the face's own left; unit 45 is a blink, not a pose."""

OPPOSITES: tuple[tuple[int, int], ...] = ((5, 43), (24, 25), (24, 27), (28, 25), (28, 27))
"""Units that one face cannot do at once. Raised inner and lowered brows are none: fear and grief do both."""


def nearest_degree(gain: float) -> str:
    """Give the degree word whose gain is nearest.

    Args:
        gain: 0 to 1.

    Example:
        >>> nearest_degree(0.7)
        'quite'
    """
    return min(DEGREES, key=lambda word: abs(DEGREES[word] - gain))
