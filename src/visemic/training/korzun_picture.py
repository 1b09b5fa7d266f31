"""Two speakers saying the same phrases: do their features lie together, and do their mouths?

Korzun et al. show by t-SNE that wav2vec features of two people overlap while their blendshapes
lie apart. A picture can be read either way, so a number stands beside it: among the nearest
neighbours of a frame in other phrases, the share that is of the same speaker; one half where
speakers are mixed, 1 where they lie apart.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

from visemic.core.atomic import atomic_path
from visemic.core.errors import InputError
from visemic.core.signals import SILENCE, Alignment
from visemic.data.synthetic import synthetic_recordings
from visemic.features.cache import FeatureCache
from visemic.features.sample import at_rate
from visemic.models.korzun_motion import KORZUN_RATE
from visemic.training.korzun_data import mouth_clip
from visemic.training.korzun_scale import KorzunScale, experiment_corpus, one_speaker
from visemic.training.korzun_source import FeatureSource

N_NEIGHBOURS = 10
PERPLEXITY = 30.0

_SEED_OFFSET = 1_000
"""Phrases of another seed than the corpus's: nobody trained on them."""
_MOST_POINTS = 800
"""Frames of a speaker that are drawn."""
_PANEL_PX, _HEAD_PX, _MARGIN_PX, _FINER = 460, 56, 18, 3
_COLOURS = ((31, 95, 191), (224, 123, 0))
_PAPER, _BAND, _INK = (255, 255, 255), (243, 244, 246), (35, 38, 43)


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames of speech of both speakers."""

    audio: Float[np.ndarray, "frames features"]
    shapes: Float[np.ndarray, "frames channels"]
    speaker: Int[np.ndarray, " frames"]
    phrase: Int[np.ndarray, " frames"]


def same_phrase_picture(
    source: FeatureSource, cache: FeatureCache, scale: KorzunScale, seed: int, path: Path
) -> dict[str, Any]:
    """Draw the picture and give its numbers.

    Args:
        source: What the models named w2v hear.
        cache: Of features.
        scale: How many phrases.
        seed: Start of chance.
        path: PNG to write; an earlier one is replaced.
    """
    from sklearn.manifold import TSNE

    from visemic.render.still import save_png

    frames = spoken_frames(source, cache, scale, seed)
    panels, result = [], {"picture": path.name, "phrases": scale.n_same, "frames": len(frames.speaker)}
    for what, values in (("audio", standardised(frames.audio)), ("shapes", frames.shapes)):
        share = same_speaker_share(values, frames.speaker, frames.phrase)
        place = TSNE(init="pca", perplexity=PERPLEXITY, random_state=seed).fit_transform(values)
        title = {"audio": source.name, "shapes": "33 mouth shapes"}[what]
        panels.append((f"{title}: {share:.0%} of neighbours of the same speaker", place))
        result[f"{what}_same_speaker"] = round(share, 4)
    names = [speaker.name for speaker in experiment_corpus(scale).speakers]
    image = draw_panels(panels, frames.speaker, names)
    with atomic_path(path, overwrite=True) as partial:
        save_png(image, partial)
    return result


def spoken_frames(source: FeatureSource, cache: FeatureCache, scale: KorzunScale, seed: int) -> Frames:
    """Give frames in which both speakers speak, of the same phrases, features beside shapes."""
    audio, shapes, speakers, numbers = [], [], [], []
    for number, speaker in enumerate(experiment_corpus(scale).speakers):
        config = one_speaker(speaker, scale.n_same)
        for phrase, recording in enumerate(synthetic_recordings(config, seed + _SEED_OFFSET)):
            clip = mouth_clip(recording, source, cache)
            heard = at_rate(clip.features, KORZUN_RATE, len(clip.target), source.start_s).values
            assert recording.alignment is not None
            rows = np.flatnonzero(_is_speech(recording.alignment, len(clip.target)))
            audio.append(heard[rows])
            shapes.append(clip.target[rows])
            speakers.append(np.full(len(rows), number))
            numbers.append(np.full(len(rows), phrase))
    every = Frames(*(np.concatenate(parts) for parts in (audio, shapes, speakers, numbers)))
    kept = np.concatenate([_thinned(np.flatnonzero(every.speaker == s)) for s in (0, 1)])
    return Frames(*(getattr(every, name)[kept] for name in ("audio", "shapes", "speaker", "phrase")))


def _is_speech(alignment: Alignment, n_frames: int) -> np.ndarray:
    times_s = KORZUN_RATE.times_s(n_frames)
    spoken = [(p.start_s, p.end_s) for p in alignment.phones if p.label != SILENCE]
    return np.any([(times_s >= start) & (times_s < end) for start, end in spoken], axis=0)


def _thinned(rows: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " kept"]:
    if len(rows) <= _MOST_POINTS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, _MOST_POINTS).round().astype(int)]


def standardised(values: Float[np.ndarray, "frames features"]) -> Float[np.ndarray, "frames features"]:
    """Give every feature mean 0 and spread 1; one that stands still is 0."""
    spread = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def same_speaker_share(
    values: Float[np.ndarray, "frames features"],
    speaker: Int[np.ndarray, " frames"],
    phrase: Int[np.ndarray, " frames"],
    n_neighbours: int = N_NEIGHBOURS,
) -> float:
    """Give the share of a frame's nearest neighbours in other phrases that are of its own speaker.

    Within a phrase, the frame before and the frame after are always near and of the same speaker.

    Args:
        values: One row a frame.
        speaker: Whose frame it is.
        phrase: Which phrase it is of.
        n_neighbours: Neighbours of a frame.

    Raises:
        InputError: There are too few frames of other phrases.
    """
    others = phrase[:, None] != phrase[None, :]
    if others.sum(axis=1).min(initial=len(values)) < n_neighbours:
        raise InputError(f"a frame has fewer than {n_neighbours} others in other phrases; give more phrases")
    squares = np.square(values).sum(axis=1)
    away = squares[:, None] + squares[None, :] - 2 * values @ values.T
    away[~others] = np.inf
    nearest = np.argpartition(away, n_neighbours - 1, axis=1)[:, :n_neighbours]
    return float((speaker[nearest] == speaker[:, None]).mean())


def draw_panels(
    panels: list[tuple[str, Float[np.ndarray, "frames 2"]]],
    speaker: Int[np.ndarray, " frames"],
    names: list[str],
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw clouds of points side by side, a colour a speaker.

    Args:
        panels: Title and places.
        speaker: Of every point, 0 or 1.
        names: Of the speakers.
    """
    from PIL import Image, ImageDraw

    from visemic.render.letter import font_for

    width, height = len(panels) * _PANEL_PX, _PANEL_PX + _HEAD_PX
    picture = Image.new("RGB", (width * _FINER, height * _FINER), _PAPER)
    draw = ImageDraw.Draw(picture)
    radius = 2.2 * _FINER
    for number, (_, places) in enumerate(panels):
        left, top = number * _PANEL_PX + _MARGIN_PX, _HEAD_PX
        side = _PANEL_PX - 2 * _MARGIN_PX
        draw.rectangle([_FINER * v for v in (left, top, left + side, top + side)], fill=_BAND)
        low, high = places.min(axis=0), places.max(axis=0)
        unit = (places - low) / np.maximum(high - low, 1e-9)
        spots = (np.array([left, top]) + 10 + unit * (side - 20)) * _FINER
        # Points of both speakers take turns, so that neither lies on top of the other.
        for at in np.random.default_rng(0).permutation(len(spots)):
            x, y = spots[at]
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_COLOURS[int(speaker[at])])
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for number, (title, _) in enumerate(panels):
        draw.text((number * _PANEL_PX + _MARGIN_PX, 10), title, fill=_INK, font=font_for(title, 15))
    x = _MARGIN_PX
    for name, colour in zip(names, _COLOURS, strict=True):
        draw.ellipse((x, 35, x + 10, 45), fill=colour)
        draw.text((x + 15, 32), name, fill=_INK, font=font_for(name, 13))
        x += 110
    return np.array(picture, np.uint8)
