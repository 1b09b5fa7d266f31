"""What people look at: one sentence in every feeling and strength, and pages on which to judge films."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from visemic.core.acting_note import ActingNote, whole_note
from visemic.core.action_units import EMOTION_NAMES
from visemic.core.atomic import atomic_path
from visemic.core.clock import Rate
from visemic.core.signals import Motion
from visemic.evaluation.avi_clip import JudgedClip
from visemic.evaluation.avi_performer import Row
from visemic.evaluation.study import new_study
from visemic.motion.emotion import LEVELS
from visemic.render.contact_sheet import contact_sheet
from visemic.render.video import render_frames, render_video
from visemic.rig.linear import Rig
from visemic.text.visemes import BILABIALS

QUESTIONS = {
    "lip-sync": "How well do the lips follow what is heard?",
    "expressiveness": "How expressive are the movements of the face?",
    "consistency": "How well does the expression fit the voice, all the way through?",
}
"""What people are asked, by the name of the study."""
_VIEW = "face"
_JPEG_QUALITY = 84
Move = Callable[[JudgedClip, ActingNote, int], Motion]
Show = Callable[[int, int], None]


def shown_clip(clips: Sequence[JudgedClip]) -> JudgedClip:
    """Choose the clip for the sheet: calm if there is one, with many closures."""
    return max(clips, key=lambda c: (c.caption.emotion == "neutral", len(_closures_s(c)), c.clip_id))


def emotion_motions(clip: JudgedClip, move: Move, seed: int) -> dict[str, Motion]:
    """Give one sentence in eight emotions and three strengths, by label."""
    return {
        f"{emotion}, {level} {intensity:g}": move(
            clip, whole_note(clip.motion.duration_s, emotion, intensity), seed
        )
        for emotion in EMOTION_NAMES
        for level, intensity in LEVELS.items()
    }


def write_sheet(path: Path, rig: Rig, clip: JudgedClip, motions: Mapping[str, Motion], tile: int) -> None:
    """Draw two frames of each motion: lips closed, and the mouth as open as it gets.

    Args:
        path: A picture to write.
        rig: The head.
        clip: The sentence.
        motions: Of the sentence, by label.
        tile: Side of a frame, pixels.
    """
    from PIL import Image

    first = next(iter(motions.values()))
    lids = first.channel("eyeBlinkLeft")
    closures = [min(first.rate.tick_at(at_s), first.n_frames - 1) for at_s in _closures_s(clip)] or [0]
    frames = [min(closures, key=lambda frame: lids[frame]), int(np.argmax(first.channel("jawOpen") - lids))]
    pictures = []
    for motion in motions.values():
        part = Motion(motion.values[frames], motion.layout, motion.rate)
        drawn = list(render_frames(rig, part, width=tile, height=tile, view=_VIEW))
        pictures.append(np.concatenate(drawn, axis=1))
    sheet = contact_sheet(pictures, list(motions), len(LEVELS))
    with atomic_path(path, overwrite=True) as partial:
        Image.fromarray(sheet).save(partial, format="jpeg", quality=_JPEG_QUALITY)


def write_film(
    path: Path, rig: Rig, clip: JudgedClip, motions: Mapping[str, Motion], tile: int, show: Show
) -> None:
    """Film all motions of a sentence beside each other, every second frame, with its sound."""
    import av

    films = []
    for number, motion in enumerate(motions.values()):
        part = Motion(motion.values[::2], motion.layout, Rate(motion.rate.hz / 2))
        films.append(list(render_frames(rig, part, width=tile, height=tile, view=_VIEW)))
        show(number + 1, len(motions))
    labels = [label.rsplit(" ", 1)[0] for label in motions]
    rate = next(iter(motions.values())).rate.hz / 2
    sheets = (contact_sheet([film[n] for film in films], labels, 6) for n in range(len(films[0])))
    with atomic_path(path, overwrite=True) as partial, av.open(str(partial), "w", format="mp4") as container:
        picture = sound = None
        for sheet in sheets:
            if picture is None:
                picture = container.add_stream("libx264", rate=rate, options={"crf": "23"})
                picture.width, picture.height = sheet.shape[1] // 2 * 2, sheet.shape[0] // 2 * 2
                picture.pix_fmt = "yuv420p"
                sound_hz = round(float(clip.waveform.rate))
                sound = container.add_stream("aac", rate=sound_hz, layout="mono")
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(sheet[: picture.height, : picture.width]), format="rgb24"
            )
            container.mux(picture.encode(frame))
        assert picture is not None
        assert sound is not None
        container.mux(picture.encode(None))
        samples = av.AudioFrame.from_ndarray(clip.waveform.samples[None], format="fltp", layout="mono")
        samples.sample_rate = sound_hz
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))


def make_studies(
    out: Path,
    rig: Rig,
    rows: Sequence[Row],
    clips: Sequence[JudgedClip],
    tile: int,
    seed: int,
    show: Show,
) -> list[str]:
    """Film some clips by every row, and set up a page for each question.

    Films lie in ``films/<row>/``; those that are there are kept.

    Returns:
        Names of the folders of studies, below ``out``.
    """
    systems = {row.name: out / "films" / _plain(row.name) for row in rows}
    done, total = 0, len(rows) * len(clips)
    for row in rows:
        systems[row.name].mkdir(parents=True, exist_ok=True)
        for number, clip in enumerate(clips):
            film = systems[row.name] / f"{_plain(clip.clip_id)}.mp4"
            if not film.is_file():
                motion = row.perform(clip, seed + number)
                with atomic_path(film, overwrite=False) as partial:
                    render_video(rig, motion, clip.waveform, partial, width=tile, height=tile, view=_VIEW)
            done += 1
            show(done, total)
    names = []
    for name, question in QUESTIONS.items():
        folder = out / f"study-{name}"
        if not folder.is_dir():
            new_study(
                folder,
                systems,
                kind="mos",
                question=question,
                per_session=min(5, len(clips)),
                seed=seed,
            )
        names.append(folder.name)
    return names


def _closures_s(clip: JudgedClip) -> list[float]:
    return [(p.start_s + p.end_s) / 2 for p in clip.alignment.phones if p.label in BILABIALS]


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)
