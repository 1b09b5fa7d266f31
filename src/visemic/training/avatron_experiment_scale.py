"""How large the comparison is, who is trained how, and on which face: sizes, corpus and recipes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from visemic.core.errors import InputError
from visemic.core.signals import Motion
from visemic.data.recording import Recording
from visemic.data.synthetic import speaker_rig, synthetic_recordings
from visemic.data.synthetic_config import SyntheticConfig, SyntheticSpeaker
from visemic.geometry.thin import thinned
from visemic.rig.linear import Material, MaterialGroup, Rig, pose_motion
from visemic.rig.readout import READOUT_LANDMARKS
from visemic.rig.registry import load_rig
from visemic.training.recipe import Optimiser, Recipe, Schedule

BASE, WITHOUT_GAN, FACEFORMER = "avatron-base", "avatron-without-gan", "faceformer"
"""``BASE`` is the half of the training that all runs of Avatron share."""
GAN = "avatron-gan"
"""Start of the names of the adversarial runs; the scale of the critics' loss follows."""
FACE = "visemic-face"
"""Topology of the synthetic corpus: the front of the built-in head, thinned."""
_HEAD = "visemic"
_BOX_M = ((-0.08, 0.08), (-0.106, 0.07), (0.005, 1.0))
"""Which part of the head is the face: sides, chin to hair, front."""
_LIPS_FINER, _LIDS_FINER = 2.0, 0.5
_MORE_LANDMARKS = (
    "chin",
    "nose_tip",
    "nasion",
    "brow_inner_left",
    "brow_inner_right",
    "lid_upper_left",
    "lid_upper_right",
    "lid_lower_left",
    "lid_lower_right",
)
_CONTINUED_TASK = "visemic.training.avatron_experiment_face:ContinuedFaceTask"
_FRESH_TASK = "visemic.training.avatron_experiment_hearing:FreshFaceFormerTask"
_FEATURES_SHARE = 0.5
"""Scale of the features' likeness over that of the critics' verdict. What no text tells of, such as a blink,
cannot be alike, and pulling it towards what was recorded makes it fade."""
_SKIN = Material("skin", (0.62, 0.44, 0.36))


@dataclass(frozen=True)
class Rounds:
    """How long a network trains."""

    max_steps: int
    batch_size: int
    validate_every: int
    learning_rate: float


@dataclass(frozen=True)
class AvatronScale:
    """Sizes of one comparison."""

    name: str
    n_phrases: int
    """Phrases of each speaker of the synthetic corpus; a fifth of them is held out."""
    n_vertices: int
    """Of the face of the synthetic corpus."""
    base: Rounds
    """Avatron's face by reconstruction, which all its runs start from."""
    avatron: Rounds
    """With critics, and without."""
    faceformer: Rounds
    adversarial: tuple[float, ...]
    """Scales of the critics' loss that are tried; validation clips choose among them."""
    n_validation: int
    """Validation clips of each speaker that the training of FaceFormer watches; that of Avatron takes all."""
    n_judged: int
    """Validation clips, and test clips, that are measured at most."""
    n_films: int
    film_px: int
    avatar: Mapping[str, object] = field(default_factory=dict)
    """Sizes of Avatron's face; empty takes the published ones."""
    critic: Mapping[str, object] = field(default_factory=dict)
    hearing: Mapping[str, object] = field(default_factory=dict)
    """Sizes of FaceFormer's encoder; empty takes those of wav2vec2-base."""

    def __post_init__(self) -> None:
        for name in ("n_validation", "n_judged", "n_films"):
            if getattr(self, name) < 2:
                raise InputError(f"{name} is {getattr(self, name)}; give at least 2")
        if not self.adversarial or min(self.adversarial) <= 0:
            raise InputError(f"scales of the critics are {self.adversarial}; give one or more above 0")


_SMALL_HEARING: dict[str, object] = {
    "conv_channels": [64] * 7,
    "width": 96,
    "n_layers": 3,
    "n_heads": 4,
    "n_inner": 256,
    "position_kernel": 32,
    "position_groups": 4,
    "layer_drop": 0.0,
}

FULL = AvatronScale(
    "full",
    n_phrases=500,
    n_vertices=5_000,
    base=Rounds(15_000, 1, 1_000, 1e-4),
    avatron=Rounds(45_000, 1, 1_000, 1e-4),
    faceformer=Rounds(60_000, 1, 1_000, 1e-4),
    adversarial=(0.5, 1.0, 2.0, 4.0),
    n_validation=24,
    n_judged=100,
    n_films=6,
    film_px=384,
)
"""Published sizes and schedules, for a GPU."""

REDUCED = AvatronScale(
    "reduced",
    n_phrases=110,
    n_vertices=700,
    base=Rounds(800, 8, 200, 2e-3),
    avatron=Rounds(400, 8, 100, 1e-3),
    faceformer=Rounds(400, 8, 100, 1e-3),
    adversarial=(1.0, 3.0),
    n_validation=6,
    n_judged=44,
    n_films=3,
    film_px=256,
    avatar={"channels": 96, "hidden": 256, "recurrent": 64},
    critic={"codes": 12, "region_codes": 8, "widths": [48, 64, 96, 96], "groups": [1, 4, 4, 4]},
    hearing=_SMALL_HEARING,
)
"""For two processor cores: small networks, minutes of speech, and training ends before it has converged."""

QUICK = AvatronScale(
    "quick",
    n_phrases=10,
    n_vertices=300,
    base=Rounds(2, 2, 1, 1e-3),
    avatron=Rounds(2, 2, 1, 1e-3),
    faceformer=Rounds(2, 2, 1, 1e-3),
    adversarial=(1.0,),
    n_validation=2,
    n_judged=2,
    n_films=2,
    film_px=64,
    avatar={"channels": 16, "hidden": 16, "recurrent": 8, "heads": 2},
    critic={
        "codes": 4,
        "region_codes": 4,
        "widths": [8, 8, 8, 8],
        "groups": [1, 2, 2, 2],
        "scales": 1,
    },
    hearing={**_SMALL_HEARING, "conv_channels": [8] * 7, "width": 16, "n_layers": 1, "n_inner": 16},
)
"""Shows in seconds that every stage works; its numbers mean nothing."""

SCALES = {scale.name: scale for scale in (REDUCED, FULL, QUICK)}


def experiment_corpus(scale: AvatronScale) -> SyntheticConfig:
    """Give the speakers: four voices on four heads, each with a manner, reading without feeling.

    A synthetic voice does not sound happy when its face is, and no text says so, so a feeling would
    be noise that no model can know of.
    """

    def speaker(name: str, voice: str, **manner: float) -> SyntheticSpeaker:
        heads = {"anna": 0.97, "ben": 1.03, "cara": 0.95, "dan": 1.05}
        return SyntheticSpeaker(
            name,
            scale.n_phrases,
            voice=voice,
            emotional_share=0.0,
            head_scale=(heads[name], heads[name] + 0.01, 1.0),
            **manner,  # type: ignore[arg-type]
        )

    return SyntheticConfig(
        (
            speaker("anna", "espeak:f2", tempo=0.95, articulation=0.9, brows=1.4),
            speaker("ben", "espeak:m3", tempo=1.05, articulation=1.15, asymmetry=0.06),
            speaker("cara", "espeak:f5", tempo=1.0, articulation=0.75, amplitude=0.9, brows=1.2),
            speaker("dan", "espeak:m7", tempo=0.92, articulation=1.05, amplitude=1.1, asymmetry=-0.08),
        ),
        held_out_every=5,
    )


def face_recordings(scale: AvatronScale, seed: int) -> Iterator[Recording]:
    """Give the clips of the synthetic corpus as meshes of the thinned face.

    Every fifth clip is held out, for validation and for the test in turn.

    Args:
        scale: How many.
        seed: Of the corpus.
    """
    config = experiment_corpus(scale)
    rigs = {s.name: face_of(speaker_rig(s), scale.n_vertices) for s in config.speakers}
    n_held: dict[str, int] = {}
    for recording in synthetic_recordings(config, seed):
        rig, motion = rigs[recording.speaker], recording.motion
        assert motion is not None
        split = recording.split
        if split == "validation":
            n_held[recording.speaker] = n_held.get(recording.speaker, -1) + 1
            split = "test" if n_held[recording.speaker] % 2 else "validation"
        mesh = pose_motion(rig, Motion(motion.values, motion.layout, motion.rate))
        yield replace(recording, motion=None, mesh=mesh, neutral=rig.neutral, split=split)


def face_rig(n_vertices: int) -> Rig:
    """Give the built-in head's face with about so many of its vertices, finer at lips and lids."""
    return face_of(load_rig(_HEAD), n_vertices)


def face_of(rig: Rig, n_vertices: int) -> Rig:
    """Give the same vertices of a head of the built-in topology."""
    kept, triangles = _thin_face(n_vertices)
    place = np.full(rig.n_vertices, -1)
    place[kept] = np.arange(len(kept))
    correctives = []
    for one in rig.correctives:
        here = place[one.vertices] >= 0
        correctives.append(
            replace(one, vertices=place[one.vertices[here]], offsets=np.ascontiguousarray(one.offsets[here]))
        )
    return Rig(
        FACE,
        np.ascontiguousarray(rig.neutral[kept]),
        triangles,
        rig.layout,
        np.ascontiguousarray(rig.offsets[:, kept]),
        (MaterialGroup(_SKIN, 0, len(triangles)),),
        {name: int(place[v]) for name, v in rig.landmarks.items() if place[v] >= 0},
        {name: np.ascontiguousarray(soft[kept]) for name, soft in rig.regions.items()},
        correctives=tuple(correctives),
        licence=rig.licence,
    )


@lru_cache(maxsize=4)
def _thin_face(n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    rig = load_rig(_HEAD)
    surface = max(g.stop for g in rig.groups if g.material.name in ("skin", "lips"))
    triangles = rig.triangles[:surface]
    inside = np.ones(rig.n_vertices, bool)
    for axis, (low, high) in enumerate(_BOX_M):
        inside &= (rig.neutral[:, axis] > low) & (rig.neutral[:, axis] < high)
    fineness = 1.0 + _LIPS_FINER * rig.regions["lips"] + _LIDS_FINER * rig.regions["eyelids"]
    locked = [rig.landmarks[name] for name in (*READOUT_LANDMARKS, *_MORE_LANDMARKS)]
    thin = thinned(
        rig.neutral,
        triangles[inside[triangles].all(1)],
        n_vertices,
        locked=locked,
        fineness=fineness.astype(np.float64),
    )
    return thin.kept, thin.triangles


def gan_name(adversarial: float) -> str:
    """Give the name of an adversarial run."""
    return f"{GAN}-{adversarial:g}"


def run_recipes(
    scale: AvatronScale,
    *,
    speakers: Sequence[str],
    lip_vertices: tuple[int, ...],
    unit_m: float,
    minutes: float,
    seed: int,
    is_base_hearing: bool = False,
) -> dict[str, Recipe]:
    """Give the recipes of all runs by name.

    Args:
        scale: Sizes.
        speakers: Of the training clips, each a style.
        lip_vertices: Inner upper and lower lip; without them lips are not made to close.
        unit_m: Spread of the displacements, metres: the unit in which FaceFormer's are learnt.
        minutes: Most minutes of each; 0 leaves the steps alone to decide.
        seed: Start of chance.
        is_base_hearing: Whether a wav2vec2-base checkpoint is there for FaceFormer.
    """
    data: dict[str, object] = {
        "stores": ["faces"],
        "layout": "",
        "styles": list(speakers),
        "validation_clips": 0,
        "lip_vertices": list(lip_vertices),
    }

    def avatron(name: str, rounds: Rounds, loss: dict[str, object], task: str = _CONTINUED_TASK) -> Recipe:
        return Recipe(
            name,
            task,
            seed,
            f"Avatron's face, {name}, scale {scale.name}",
            data=dict(data),
            model=dict(scale.avatar),
            loss=loss if lip_vertices else {"closure": 0.0, **loss},
            optimiser=Optimiser("adam", rounds.learning_rate, (0.5, 0.9), 0.0, 20, "cosine", 1.0),
            schedule=_schedule(rounds, minutes),
        )

    runs = {
        BASE: avatron(BASE, scale.base, {"gan": False}, "avatron-face"),
        WITHOUT_GAN: avatron(WITHOUT_GAN, scale.avatron, {"gan": False}),
    }
    for adversarial in scale.adversarial:
        loss = {
            "adversarial": adversarial,
            "features": _FEATURES_SHARE * adversarial,
            "crop_frames": 64,
            "critic": dict(scale.critic),
        }
        runs[gan_name(adversarial)] = avatron(gan_name(adversarial), scale.avatron, loss)
    is_fresh = bool(scale.hearing) and not is_base_hearing
    runs[FACEFORMER] = _faceformer(scale, unit_m, minutes, seed, is_fresh=is_fresh)
    return runs


def _faceformer(scale: AvatronScale, unit_m: float, minutes: float, seed: int, *, is_fresh: bool) -> Recipe:
    return Recipe(
        FACEFORMER,
        _FRESH_TASK if is_fresh else "faceformer",
        seed,
        f"FaceFormer, scale {scale.name}",
        data={"target": "mesh", "scale": round(1 / unit_m, 1), "n_validation": scale.n_validation},
        model={"hearing": dict(scale.hearing)} if is_fresh else {},
        loss={"feedback": "own"},
        optimiser=Optimiser("adam", scale.faceformer.learning_rate, (0.9, 0.999), 0.0, 20, "cosine", 1.0),
        schedule=_schedule(scale.faceformer, minutes),
    )


def _schedule(rounds: Rounds, minutes: float) -> Schedule:
    return Schedule(
        max_steps=rounds.max_steps,
        batch_size=rounds.batch_size,
        validate_every=rounds.validate_every,
        checkpoint_every=rounds.validate_every,
        max_minutes=minutes,
        log_every=min(25, rounds.validate_every),
    )
