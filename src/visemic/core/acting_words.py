"""Words of the acting grammar beside those of emotions, degrees and action units."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Manner:
    """What gaze, head, blinks, brows or the voice should do."""

    name: str
    """Field of a span."""
    value: str | float


SKELETONS: tuple[tuple[str, str], ...] = (
    ("{ae} person speaks with {l}{m}.", "{ae} person speaks{m}."),
    ("{ae} speaker talks with {l}{m}.", "{ae} speaker talks{m}."),
    ("the speaker looks {e} and has {l}{m}.", "the speaker looks {e}{m}."),
    ("with {l}, {ae} person is speaking{m}.", "{ae} person is speaking{m}."),
    ("someone {e} speaks and shows {l}{m}.", "someone {e} speaks{m}."),
    ("the person seems {e}; the face shows {l}{m}.", "the person seems {e}{m}."),
    ("in {ae} mood, the person speaks with {l}{m}.", "in {ae} mood, the person speaks{m}."),
    ("the face is {e}, with {l}{m}.", "the face is {e}{m}."),
    ("{e}, with {l}{m}.", "{e}{m}."),
    ("there is {ae} speaker who has {l}{m}.", "there is {ae} speaker{m}."),
    ("{ae} face talks: {l}{m}.", "{ae} face talks{m}."),
    ("the speech is {e} while the face has {l}{m}.", "the speech is {e}{m}."),
)
"""Builds of a sentence, with actions and without: e the emotion, ae with its article, l the actions,
m the manner."""

MANNERS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "gaze": {
            "ahead": ("looking ahead", "gazing ahead", "eyes ahead"),
            "down": ("looking down", "gazing down", "eyes down"),
            "up": ("looking up", "gazing up", "eyes up"),
            "left": ("looking left", "gazing left", "looking to the left"),
            "right": ("looking right", "gazing right", "looking to the right"),
            "away": ("looking away", "gazing away", "eyes away"),
        },
        "head": {
            "nod": ("nodding", "nodding the head"),
            "shake": ("shaking the head", "shaking head"),
            "tilt": ("tilting the head", "tilting head"),
            "still": ("keeping the head still", "holding the head still"),
            "lively": ("moving the head a lot", "moving the head lively"),
        },
        "blink": {
            "0": ("never blinking", "not blinking"),
            "0.5": ("rarely blinking", "seldom blinking"),
            "1": ("blinking naturally", "naturally blinking"),
            "2": ("often blinking", "blinking often"),
            "3": ("constantly blinking", "blinking constantly"),
        },
        "brows": {
            "0": ("with still brows", "still brows"),
            "0.5": ("with quiet brows", "quiet brows"),
            "1": ("with natural brows", "natural brows"),
            "2": ("with lively brows", "lively brows"),
            "3": ("with restless brows", "restless brows"),
        },
        "tempo": {
            "0.6": ("speaking very slowly", "very slowly"),
            "0.8": ("speaking slowly", "slowly"),
            "1": ("speaking evenly", "evenly"),
            "1.25": ("speaking fast", "fast"),
            "1.6": ("speaking very fast", "very fast"),
        },
    }
)
"""Phrases by field of a span and value, the one that is written first."""
NUMBERS = ("blink", "brows", "tempo")
"""Manners whose values are numbers."""

READ_EMOTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "neutral": ("neutrally", "calmly"),
        "happy": ("happily", "happiness", "joy", "glad", "merry"),
        "sad": ("sadly", "sadness", "sorrow", "grief"),
        "surprised": ("surprise", "astonishment"),
        "fear": ("fear", "scared", "anxious", "fearfully"),
        "disgusted": ("disgust", "revulsion"),
        "angry": ("angrily", "anger", "rage", "mad"),
        "contempt": ("contempt", "scorn", "disdain"),
    }
)
"""Words that are read for an emotion and never written."""

INNER_DOWN = "lowered inner brows"
READ_UNITS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "raised brows": (1, 2),
        "raised eyebrows": (1, 2),
        "lowered eyebrows": (4,),
        INNER_DOWN: (4,),
        "smiling": (12,),
        "smile": (12,),
        "frowning": (4,),
        "frown": (4,),
        "open jaw": (26,),
        "wide open mouth": (27,),
        "squinting": (7,),
        "pouting": (17, 18),
    }
)
"""Phrases that are read for action units and never written."""

NEGATIONS = (
    "not", "no", "without", "nor", "neither", "never", "hardly", "barely", "cannot", "none", "nothing",
    "no longer", "no sign of", "free of", "far from", "lacks", "lacking", "stop", "stops",
    "isnt", "arent", "wasnt", "werent", "doesnt", "dont", "didnt", "cant", "wont", "wouldnt", "shouldnt",
)  # fmt: skip
"""Words that deny what comes next; so does every word that ends in ``NOT``."""
NOT = "n't"
STOPS = ",.;:!?…"
"""Marks up to which a negation reaches."""
TURNS = ("but", "and")
"""Words up to which a negation reaches."""
OR = "or"
"""Carries a negation on: ``not happy or sad``."""
_FILLERS = """
a an and the person speaker someone speech face speaks talks speaking talking looks is has shows seems
with in mood there who while of to but his her their its he she they it are be voice expression head
as on at this that showing having looking sounding sounds
"""
FILLERS = tuple(_FILLERS.split())
"""Words that carry nothing."""
