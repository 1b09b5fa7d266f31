"""One sentence in eight emotions and three intensities: a contact sheet and a video to look at.

With two notes it also draws where an edited note moves a face, channel by channel.

Run: python benchmarks/emotions.py OUT_FOLDER [--text "..."] [--model viseme-rules] [--video]
     python benchmarks/emotions.py OUT_FOLDER --edit
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import visemic
from visemic.core.acting_note import ActingNote, ActionPhrase, Span, whole_note
from visemic.core.action_units import EMOTION_NAMES
from visemic.motion.emotion import LEVELS
from visemic.pipeline.clip import Clip
from visemic.render.contact_sheet import contact_sheet
from visemic.render.video import render_frames

TEXT = "My mother made a big pot of soup."
PAPER, INK, GRID = (24, 25, 28), (222, 224, 228), (70, 72, 78)


def frames_of(clip: Clip, frames: list[int], tile: int) -> list[np.ndarray]:
    """Give pictures of some frames."""
    motion = replace(clip.motion, values=clip.motion.values[frames])
    return list(render_frames(clip.rig, motion, width=tile, height=tile, view="face"))


def shown_frames(clip: Clip) -> list[int]:
    """Give two frames to show: lips closed in an M or B, and a mouth as open as it gets."""
    assert clip.alignment is not None
    closed = next(p for p in clip.alignment.phones if p.label == "B")
    rate = float(clip.motion.rate)
    frame = round((closed.start_s + closed.end_s) / 2 * rate)
    return [frame, int(np.argmax(clip.motion.channel("jawOpen")))]


def sheet(clip: Clip, options: argparse.Namespace, folder: Path) -> None:
    """Draw every emotion at every level, two frames each."""
    tiles, labels = [], []
    frames = shown_frames(clip)
    for emotion in EMOTION_NAMES:
        for level, intensity in LEVELS.items():
            acted = _clip(options, whole_note(clip.duration_s, emotion, intensity))
            tiles.append(np.concatenate(frames_of(acted, frames, options.tile), axis=1))
            labels.append(f"{emotion}, {level} {intensity:g}")
    picture = contact_sheet(tiles, labels, 3)
    Image.fromarray(picture).save(folder / "emotions.jpg", quality=82)


def video(clip: Clip, options: argparse.Namespace, folder: Path) -> None:
    """Write one video of all emotions at all levels, with the sound."""
    import av

    every = list(range(clip.motion.n_frames))
    labels, films = [], []
    for emotion in EMOTION_NAMES:
        for level, intensity in LEVELS.items():
            labels.append(f"{emotion}, {level}")
            films.append(
                frames_of(_clip(options, whole_note(clip.duration_s, emotion, intensity)), every, 160)
            )
    assert clip.waveform is not None
    with av.open(str(folder / "emotions.mp4"), "w") as container:
        first = contact_sheet([film[0] for film in films], labels, 6)
        picture = container.add_stream("libx264", rate=clip.motion.rate.hz)
        picture.width, picture.height = first.shape[1] // 2 * 2, first.shape[0] // 2 * 2
        picture.pix_fmt = "yuv420p"
        sound = container.add_stream("aac", rate=round(float(clip.waveform.rate)), layout="mono")
        for number in every:
            sheet = contact_sheet([film[number] for film in films], labels, 6)
            frame = av.VideoFrame.from_ndarray(sheet[: picture.height, : picture.width], format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        samples = av.AudioFrame.from_ndarray(clip.waveform.samples[None], format="fltp", layout="mono")
        samples.sample_rate = round(float(clip.waveform.rate))
        container.mux(sound.encode(samples))
        container.mux(sound.encode(None))


def difference(before: Clip, after: Clip, spans: tuple[Span, ...], path: Path) -> None:
    """Draw how far every channel moved between two clips, and the spans that were edited."""
    change = np.abs(after.motion.values - before.motion.values)
    moved = np.argsort(-change.max(axis=0))[:12]
    width, row, left = 900, 26, 190
    image = Image.new("RGB", (left + width + 20, 60 + row * len(moved)), PAPER)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=13)
    scale = width / before.motion.duration_s
    for span in spans:
        box = (left + span.start_s * scale, 28, left + span.end_s * scale, 32 + row * len(moved))
        draw.rectangle(box, fill=(46, 52, 66))
    outside = np.ones(len(change), bool)
    for span in spans:
        outside &= (before.motion.times_s < span.start_s) | (before.motion.times_s > span.end_s)
    title = f"edited span shaded; largest change outside it: {change[outside].max():g}"
    draw.text((left, 6), title, fill=INK, font=font)
    for place, column in enumerate(moved):
        bottom = 30 + row * (place + 1)
        draw.text((8, bottom - row + 6), before.motion.layout.names[column], fill=INK, font=font)
        draw.line((left, bottom, left + width, bottom), fill=GRID)
        heights = change[:, column] / max(float(change[:, column].max()), 1e-9) * (row - 6)
        points = [(left + t * scale, bottom - h) for t, h in zip(before.motion.times_s, heights, strict=True)]
        draw.line(points, fill=(120, 190, 255), width=2)
    draw.text((left, 36 + row * len(moved)), "0 s", fill=INK, font=font)
    draw.text(
        (left + width, 36 + row * len(moved)), f"{before.duration_s:.2f} s", fill=INK, font=font, anchor="ra"
    )
    image.save(path, optimize=True)


def edit(clip: Clip, options: argparse.Namespace, folder: Path) -> None:
    """Edit the middle span of a note and draw what moved."""
    third = clip.duration_s / 3
    spans = [Span(i * third, (i + 1) * third, "happy", 0.65) for i in range(3)]
    edited = replace(
        spans[1], emotion="angry", intensity=1.0, actions=(ActionPhrase(9, "very"),), gaze="down"
    )
    old, new = ActingNote(tuple(spans)), ActingNote((spans[0], edited, spans[2]))
    before, after = _clip(options, old), _clip(options, new, since=old)
    difference(before, after, (edited,), folder / "edited-note.png")


def _clip(options: argparse.Namespace, note: ActingNote | None, since: ActingNote | None = None) -> Clip:
    return visemic.speak(options.text, voice=options.voice, model=options.model, note=note, since=since)


def main() -> int:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--voice", default="espeak")
    parser.add_argument("--model", default="viseme-rules")
    parser.add_argument("--tile", type=int, default=192)
    parser.add_argument("--video", action="store_true")
    parser.add_argument("--edit", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    clip = _clip(options, None)
    if options.edit:
        edit(clip, options, options.folder)
    else:
        sheet(clip, options, options.folder)
        if options.video:
            video(clip, options, options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
