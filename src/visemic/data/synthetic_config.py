"""Who speaks in a synthetic corpus, and how: frozen data, read strictly."""

from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args, get_origin

import numpy as np

from visemic.core.clock import Rate
from visemic.core.errors import FormatError, InputError, VisemicError, unknown_name
from visemic.data.recording import Split
from visemic.motion.emotion import EMOTIONS

CORPUS = "visemic synthetic"
LICENCE = "CC0-1.0, made by visemic with the voice of espeak-ng"

Form = Literal["weights", "meshes", "both"]

VOICES = (
    *(
        "m1",
        "f1",
        "m2",
        "f2",
        "m3",
        "f3",
        "m4",
        "f4",
        "m5",
        "f5",
        "m6",
        "Annie",
        "m7",
        "Alicia",
        "m8",
        "Andrea",
    ),
    *("Denis", "linda", "Diogo", "steph", "Gene", "belinda", "Jacky", "anika", "Lee", "Marco", "Mario"),
    *("Michael", "Mike", "Hugo", "Henrique", "ed", "max", "paul", "rob", "steph2"),
)
"""Manners of the espeak voice that sound like different people."""

_NAMES = {str: "string", int: "whole number", float: "number"}


@dataclass(frozen=True)
class SyntheticSpeaker:
    """One speaker."""

    name: str
    n_phrases: int
    held_out: Split = "validation"
    """Split of every tenth clip."""
    split: Split = "train"
    """Split of the others; the same as ``held_out`` for a speaker whom no model shall know."""
    voice: str = "espeak"
    """Name of a voice, see ``visemic voices``."""
    language: str = "en-us"
    tempo: float = 1.0
    """0.6 to 1.7; each phrase differs a little from it."""
    articulation: float = 1.0
    """Factor on the jaw: 0.3 to 2."""
    amplitude: float = 1.0
    """Factor on the other shapes of mouth, brows, cheeks and nose: 0.3 to 1.5."""
    asymmetry: float = 0.0
    """How much stronger the left half is, -0.3 to 0.3; the right is weaker by as much."""
    head_scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Width, height and depth of the head against the built-in one, 0.8 to 1.25."""
    emotional_share: float = 0.3
    """Share of phrases that are spoken with a feeling, 0 to 1."""
    blink: float = 1.0
    """Amplitudes of ``models.base.FaceControl``; so for the following."""
    brows: float = 1.0
    head: float = 1.0
    gaze: float = 1.0
    upper_face: float = 0.0
    """How much brows, lids and cheeks move on their own, apart from what is said: 0 to 3, 1 begins
    a gesture every 0.7 s."""

    def __post_init__(self) -> None:
        if self.n_phrases < 1:
            raise InputError(f"speaker {self.name!r} has {self.n_phrases} phrases; give at least 1")
        limits = {
            "tempo": (0.6, 1.7),
            "articulation": (0.3, 2.0),
            "amplitude": (0.3, 1.5),
            "asymmetry": (-0.3, 0.3),
            "emotional_share": (0.0, 1.0),
            "upper_face": (0.0, 3.0),
        }
        values = {name: getattr(self, name) for name in limits}
        for axis, scale in zip(("width", "height", "depth"), self.head_scale, strict=True):
            values[f"head_scale {axis}"], limits[f"head_scale {axis}"] = scale, (0.8, 1.25)
        for name, (low, high) in limits.items():
            if not low <= values[name] <= high:
                raise InputError(
                    f"{name} of speaker {self.name!r} is {values[name]:g}; give {low:g} to {high:g}"
                )


@dataclass(frozen=True)
class _Varied:
    """Arguments of ``varied_speakers`` in a file."""

    n_speakers: int
    n_phrases: int
    n_validation: int = 0
    n_test: int = 0
    upper_face: float = 0.0


@dataclass(frozen=True)
class SyntheticConfig:
    """A corpus."""

    speakers: tuple[SyntheticSpeaker, ...]
    rate: float = 30.0
    """Frames a second of the clips."""
    acting_rate: float = 60.0
    """Frames a second at which phrases are acted."""
    form: Form = "weights"
    """What moves: weights, the vertices of the speaker's head, or both."""
    held_out_every: int = 10
    """Every so many-th clip is held out of training."""
    tempo_spread: float = 0.08
    """Phrases are up to this share quicker or slower than the speaker's tempo, 0 to 0.15."""
    emotions: tuple[str, ...] = ("happy", "sad", "surprised", "fear", "disgusted", "angry", "contempt")
    """Feelings, see ``motion.emotion``."""

    def __post_init__(self) -> None:
        if not self.speakers:
            raise InputError("a corpus of 0 speakers cannot be made; give at least one")
        names = [speaker.name for speaker in self.speakers]
        if len(set(names)) < len(names):
            raise InputError(f"two speakers share a name among {', '.join(names)}; rename one")
        for rate in (self.rate, self.acting_rate):
            Rate.of(rate)
        if self.held_out_every < 2:
            raise InputError(f"held_out_every is {self.held_out_every}; give at least 2")
        if not 0 <= self.tempo_spread <= 0.15:
            raise InputError(f"tempo_spread is {self.tempo_spread:g}; give 0 to 0.15")
        if not self.emotions:
            raise InputError("a corpus needs at least one emotion; set emotional_share to 0 to show none")
        for emotion in self.emotions:
            if emotion not in EMOTIONS:
                raise InputError(unknown_name("emotion", emotion, EMOTIONS))


def korzun_config(*, size: float = 1.0, form: Form = "weights") -> SyntheticConfig:
    """Give the corpus of the blendshape paper: two speakers of 2,000 and 500 phrases.

    Every tenth clip of the first is for validation, every tenth of the second for the test.

    Args:
        size: Factor on the number of phrases; at least ten a speaker are made.
        form: What moves.

    Raises:
        InputError: The size is not above 0.

    Source:
        Korzun et al. 2022, "Speaker-agnostic mouth blendshape prediction from speech", data.
    Deviation:
        Speakers are voices and rules, not people, so nothing that is learnt here is a figure of
        the paper; the upper face moves as well.
    """
    if not size > 0:
        raise InputError(f"a size of {size:g} makes no corpus; give a factor above 0")
    return SyntheticConfig(
        (
            SyntheticSpeaker(
                "speaker_1",
                max(10, round(2_000 * size)),
                "validation",
                voice="espeak:m3",
                tempo=1.05,
                articulation=1.1,
                amplitude=1.05,
                asymmetry=0.06,
                head_scale=(1.02, 1.03, 1.0),
                brows=1.2,
            ),
            SyntheticSpeaker(
                "speaker_2",
                max(10, round(500 * size)),
                "test",
                voice="espeak:f2",
                tempo=0.92,
                articulation=0.75,
                amplitude=0.85,
                asymmetry=-0.12,
                head_scale=(0.94, 0.93, 0.96),
                head=0.7,
            ),
        ),
        form=form,
    )


def varied_speakers(
    n_speakers: int,
    n_phrases: int,
    seed: int,
    *,
    n_validation: int = 0,
    n_test: int = 0,
    upper_face: float = 0.0,
) -> tuple[SyntheticSpeaker, ...]:
    """Give speakers who differ in everything, the last of them unknown to training.

    Args:
        n_speakers: At least 1; those beyond the 36 voices share one and differ in the rest.
        n_phrases: Of each.
        seed: Start of chance; more speakers begin with the same ones, but for their split.
        n_validation: Speakers before the last ``n_test`` whose clips are all for validation.
        n_test: Last speakers, whose clips are all for the test.
        upper_face: How much the upper face of each moves on its own, see ``SyntheticSpeaker``.

    Raises:
        InputError: There are fewer speakers than those set aside, or none.
    """
    if n_speakers < max(1, n_validation + n_test) or min(n_validation, n_test) < 0:
        raise InputError(
            f"{n_speakers} speakers cannot give {n_validation} for validation and {n_test} for the test; "
            "give more speakers"
        )
    speakers = []
    for number in range(n_speakers):
        chance = np.random.default_rng([seed, number])
        from_end = n_speakers - number
        own: Split | None = "test" if from_end <= n_test else None
        if own is None and from_end <= n_test + n_validation:
            own = "validation"
        speakers.append(
            SyntheticSpeaker(
                f"speaker_{number + 1:03d}",
                n_phrases,
                own or "validation",
                own or "train",
                voice=f"espeak:{VOICES[number % len(VOICES)]}",
                tempo=_drawn(chance, 0.8, 1.3),
                articulation=_drawn(chance, 0.6, 1.4),
                amplitude=_drawn(chance, 0.7, 1.2),
                asymmetry=_drawn(chance, -0.15, 0.15),
                head_scale=(_drawn(chance, 0.9, 1.1), _drawn(chance, 0.9, 1.1), _drawn(chance, 0.93, 1.07)),
                emotional_share=_drawn(chance, 0.1, 0.5),
                blink=_drawn(chance, 0.5, 1.5),
                brows=_drawn(chance, 0.4, 1.6),
                head=_drawn(chance, 0.4, 1.6),
                gaze=_drawn(chance, 0.5, 1.5),
                upper_face=upper_face,
            )
        )
    return tuple(speakers)


def _drawn(chance: np.random.Generator, low: float, high: float) -> float:
    return round(float(chance.uniform(low, high)), 3)


def config_from_toml(data: dict[str, Any], source: str) -> tuple[int, SyntheticConfig]:
    """Give seed and corpus of a TOML file; a key that is not known is refused.

    Args:
        data: The file's tables: ``seed``, the fields of ``SyntheticConfig``, and either
            ``[[speakers]]`` with the fields of ``SyntheticSpeaker`` or ``[varied]`` with the
            arguments of ``varied_speakers`` but the seed.
        source: Name of the file for the sentence of an error.

    Raises:
        FormatError: A key is unknown or missing, or a value is of the wrong kind or out of range.
    """
    rest = dict(data)
    seed = rest.pop("seed", 0)
    if type(seed) is not int or seed < 0:
        raise FormatError(f"seed of {source!r} is {seed!r}; give a whole number of at least 0")
    rows = rest.pop("speakers", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FormatError(f"speakers of {source!r} are not tables; write [[speakers]] before each")
    varied = rest.pop("varied", None)
    if varied is not None and (rows or not isinstance(varied, dict)):
        raise FormatError(f"file {source!r} has speakers and varied; keep one table [varied] or [[speakers]]")
    try:
        if varied is not None:
            speakers = varied_speakers(seed=seed, **_checked(_Varied, varied, source))
        else:
            speakers = tuple(SyntheticSpeaker(**_checked(SyntheticSpeaker, row, source)) for row in rows)
        return seed, SyntheticConfig(speakers, **_checked(SyntheticConfig, rest, source))
    except FormatError:
        raise
    except VisemicError as error:
        raise FormatError(f"file {source!r} cannot be used: {error}") from error


def _checked(kind: type, row: dict[str, Any], source: str) -> dict[str, Any]:
    known = {field.name: field for field in fields(kind) if field.name != "speakers"}
    for name, field in known.items():
        if field.default is MISSING and name not in row:
            raise FormatError(f"a table of {source!r} lacks the key {name!r}; add it")
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key not in known:
            raise FormatError(f"in {source!r} there is {unknown_name('key', key, known)}")
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(value, known[key].type):
            raise FormatError(f"key {key!r} of {source!r} is {value!r}, {_wanted(known[key].type)}")
        values[key] = value
    return values


def _fits(value: object, kind: Any) -> bool:
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if not isinstance(value, tuple):
            return False
        if kinds[-1] is ...:
            return all(_fits(item, kinds[0]) for item in value)
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is kind


def _wanted(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"it must be one of {', '.join(get_args(kind))}"
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        count = "a list of" if kinds[-1] is ... else f"a list of {len(kinds)}"
        return f"it must be {count} {_NAMES[kinds[0]]}s"
    return f"it must be a {_NAMES[kind]}"
