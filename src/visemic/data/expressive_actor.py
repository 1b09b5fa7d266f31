"""Actors who show the same feeling in their own ways: habits drawn from a seed.

One smiles with the eyes, another with the lips only; one raises the brows on every stressed
word, another hardly moves them. What holds for an actor holds for all of the actor's clips,
so that a model can tell manner from feeling, and an unseen actor is really new.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visemic.core.errors import InputError
from visemic.core.layout import ARKIT_52
from visemic.data.expressive_voice import EMOTION_MANNERS, VoiceManner
from visemic.data.recording import Split
from visemic.motion.emotion import EMOTIONS

SIDES = ("Left", "Right")

_EXTRAS: Mapping[str, Mapping[str, float]] = {
    "neutral": {},
    "happy": {"browOuterUp": 0.25, "mouthUpperUp": 0.20, "browInnerUp": 0.25, "noseSneer": 0.15},
    "sad": {"mouthStretch": 0.20, "mouthPress": 0.25, "mouthShrugUpper": 0.20, "eyeBlink": 0.15},
    "surprised": {"mouthFunnel": 0.15, "mouthLowerDown": 0.20, "mouthStretch": 0.20, "mouthUpperUp": 0.15},
    "fear": {"mouthFrown": 0.25, "mouthPress": 0.20, "eyeSquint": 0.15, "mouthLowerDown": 0.20},
    "disgusted": {"mouthShrugLower": 0.30, "mouthStretch": 0.20, "mouthPress": 0.15, "eyeBlink": 0.12},
    "angry": {"mouthUpperUp": 0.25, "mouthShrugLower": 0.25, "mouthRollLower": 0.15, "mouthLowerDown": 0.25},
    "contempt": {"browDown": 0.20, "mouthShrugLower": 0.25, "eyeBlink": 0.18, "browOuterUp": 0.30},
}
"""Shapes that only some people add to an emotion, at their largest."""
_ONE_SIDED = {"contempt": ("browOuterUp", "mouthSmile", "mouthDimple", "cheekSquint")}
_RESTS = ("mouthSmile", "mouthFrown", "browDown", "browInnerUp", "eyeSquint", "mouthPress", "cheekSquint")
_EXTRA_CHANCE = 0.5
_TRACTS = (0.9, 1.08)
# fmt: off
_LOW_VOICES = (
    "m1", "m2", "m4", "m5", "m6", "m8", "Denis", "Diogo", "Gene", "Jacky", "Marco", "Mario", "Mike", "Hugo",
    "Henrique", "ed", "max", "paul", "rob", "Alex", "Andy", "Gene2", "Nguyen", "Reed", "adam", "antonio",
    "benjamin", "boris", "edward", "iven", "john", "kaukovalta", "klatt3", "klatt5", "marcelo", "michel",
    "miguel", "norbert", "pablo", "pedro", "sandro", "travis", "victor",
)
_HIGH_VOICES = (
    "f1", "f2", "f3", "f4", "Annie", "linda", "steph", "anika", "steph2", "aunty", "grandma", "shelby",
    "steph3",
)
# fmt: on
_UNSEEN_LOW_VOICES = ("m3", "m7", "Michael", "Lee")
_UNSEEN_HIGH_VOICES = ("f5", "Alicia", "Andrea", "belinda")
"""Manners of the espeak voice. Low and high ones take turns; the unseen speak in the test alone."""
_SPREAD = 0.35
"""Of the logarithm of a shape's share in an emotion, from actor to actor."""


@dataclass(frozen=True)
class ExpressiveActor:
    """One actor: a voice, a face's manners and the habits of every emotion."""

    name: str
    split: Split
    """``train`` for an actor of the training, ``test`` for one that no model shall know."""
    voice: str
    """Name of a voice, see ``visemic voices``."""
    tract: float
    """Factor on the formants and the pitch of the voice: above 1 a shorter vocal tract."""
    manner: VoiceManner
    """The actor's own way of speaking without any feeling."""
    voice_expression: Mapping[str, float]
    """How strongly each emotion is heard, about 1."""
    face_habits: Mapping[str, Mapping[str, float]]
    """Weights of ARKit shapes at intensity 1, by emotion and channel."""
    rest: Mapping[str, float]
    """Weights that the face never quite loses."""
    articulation: float
    """Factor on jaw and lower lip."""
    amplitude: float
    """Factor on the other shapes of speech."""
    asymmetry: float
    """How much stronger the left half is; the right is weaker by as much."""
    onset_s: float
    """Time in which a feeling reaches the face."""
    lag_s: Mapping[str, float]
    """How much later each part of the face comes: brow, eye, cheek, nose, mouth, jaw."""
    decay: float
    """What is left of a feeling at the end of a sentence, 0 to 1."""
    accent: float
    """Share of the expression that comes and goes with loud syllables, 0 to 1."""
    blink: float
    """Amplitudes of ``models.base.FaceControl``; so for the following."""
    brows: float
    head: float
    gaze: float
    side: int
    """1 turns and tilts to the own left, -1 to the right."""

    def manner_in(self, emotion: str, intensity: float) -> VoiceManner:
        """Give the actor's way of speaking in a feeling of some strength."""
        return self.manner.joined(EMOTION_MANNERS[emotion].scaled(intensity * self.voice_expression[emotion]))


def draw_actors(n_actors: int, n_test: int, seed: int) -> tuple[ExpressiveActor, ...]:
    """Give actors who differ in everything, the last of them kept for the test.

    Args:
        n_actors: At least 1; those who share a voice differ in their vocal tract and the rest. No
            actor of the test has a voice of the training.
        n_test: Last actors, whom no model shall know.
        seed: Start of chance; more actors begin with the same ones, but for their split and voice.

    Raises:
        InputError: There are fewer actors than those set aside, or none.

    Example:
        >>> [actor.split for actor in draw_actors(3, 1, 0)]
        ['train', 'train', 'test']
    """
    if n_actors < 1 or not 0 <= n_test <= n_actors:
        raise InputError(f"{n_actors} actors cannot give {n_test} for the test; give more actors")
    return tuple(_drawn_actor(number, n_actors - number <= n_test, seed) for number in range(n_actors))


def _drawn_actor(number: int, is_unseen: bool, seed: int) -> ExpressiveActor:
    chance = np.random.default_rng([seed, number])
    pairs = (_UNSEEN_LOW_VOICES, _UNSEEN_HIGH_VOICES) if is_unseen else (_LOW_VOICES, _HIGH_VOICES)
    voices = pairs[number % 2]
    manner = VoiceManner(
        pitch_st=_between(chance, -1.5, 1.5),
        melody=_between(chance, 0.8, 1.25),
        energy_db=_between(chance, -2.0, 2.0),
        tempo=_between(chance, 0.92, 1.1),
        breath=_between(chance, 0.0, 0.06),
        tilt_db=_between(chance, -0.6, 0.6),
    )
    tract = np.random.default_rng([seed, number, 1]).uniform(*np.log(_TRACTS))
    asymmetry = _between(chance, -0.15, 0.15)
    side = 1 if chance.random() < 0.5 else -1
    heard = {emotion: _between(chance, 0.8, 1.2) for emotion in EMOTION_MANNERS}
    habits = {emotion: _habits(emotion, side, asymmetry, chance) for emotion in EMOTIONS}
    rests = chance.choice(len(_RESTS), 2, replace=False)
    rest = {
        channel: float(weight)
        for index, weight in zip(rests, chance.uniform(0.01, 0.06, 2), strict=True)
        for channel in _channels(_RESTS[index])
    }
    return ExpressiveActor(
        name=f"actor_{number + 1:02d}",
        split="test" if is_unseen else "train",
        voice=f"espeak:{voices[number // 2 % len(voices)]}",
        tract=round(float(np.exp(tract)), 3),
        manner=manner,
        voice_expression=heard,
        face_habits=habits,
        rest=rest,
        articulation=_between(chance, 0.75, 1.25),
        amplitude=_between(chance, 0.8, 1.15),
        asymmetry=asymmetry,
        onset_s=_between(chance, 0.2, 0.7),
        lag_s={part: _between(chance, 0.0, 0.15) for part in _PARTS},
        decay=_between(chance, 0.6, 1.0),
        accent=_between(chance, 0.15, 0.4),
        blink=_between(chance, 0.5, 1.6),
        brows=_between(chance, 0.6, 1.5),
        head=_between(chance, 0.5, 1.6),
        gaze=_between(chance, 0.5, 1.4),
        side=side,
    )


_PARTS = ("brow", "eye", "cheek", "nose", "mouth", "jaw")


def part_of(channel: str) -> str:
    """Give the part of the face that a channel moves.

    Example:
        >>> part_of("browDownLeft")
        'brow'
    """
    return next((part for part in _PARTS if channel.startswith(part)), "mouth")


def _between(chance: np.random.Generator, low: float, high: float) -> float:
    return round(float(chance.uniform(low, high)), 3)


def _channels(shape: str) -> tuple[str, ...]:
    """Give the channels of a shape: both halves, or the one in the middle."""
    return (shape,) if shape in ARKIT_52 else tuple(f"{shape}{side}" for side in SIDES)


def _habits(emotion: str, side: int, asymmetry: float, chance: np.random.Generator) -> Mapping[str, float]:
    """Give an actor's weights of an emotion: the common ones by the actor's shares, and some extras."""
    strength = float(chance.uniform(0.8, 1.15))
    shares: dict[str, float] = {}
    weights: dict[str, float] = {}
    for channel, weight in EMOTIONS[emotion].items():
        shape = channel.removesuffix("Left").removesuffix("Right")
        if shape not in shares:
            shares[shape] = float(np.clip(np.exp(_SPREAD * chance.standard_normal()), 0.45, 1.6))
        weights[channel] = weight * strength * shares[shape]
    for shape, largest in _EXTRAS[emotion].items():
        amount = largest * float(chance.uniform(0.4, 1.0))
        if chance.random() < _EXTRA_CHANCE:
            for channel in _channels(shape):
                weights[channel] = weights.get(channel, 0.0) + amount
    uneven = {shape: asymmetry + float(0.07 * chance.standard_normal()) for shape in sorted(shares)}
    strong = SIDES[0] if side > 0 else SIDES[1]
    result: dict[str, float] = {}
    for channel, weight in weights.items():
        shape = channel.removesuffix("Left").removesuffix("Right")
        if shape in _ONE_SIDED.get(emotion, ()):
            # One half of the face: that of the actor, whichever the table names.
            result[f"{shape}{strong}"] = max(weight, result.get(f"{shape}{strong}", 0.0))
            continue
        factor = {"Left": 1.0, "Right": -1.0}.get(channel.removeprefix(shape), 0.0)
        result[channel] = weight * (1 + factor * uneven.get(shape, asymmetry))
    return {channel: round(float(np.clip(weight, 0.0, 1.0)), 4) for channel, weight in result.items()}
