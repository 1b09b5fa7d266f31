"""Video of a talking head: H.264 and AAC in one mp4, both on the motion's clock."""

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8

from visemic.core.errors import ClockError, InputError
from visemic.core.signals import Motion, Waveform
from visemic.render.shot import MAX_CLOCK_GAP_S, Overlay, Shot
from visemic.render.stage import Poses, Stage
from visemic.rig.linear import Rig

AUDIO_RATE_HZ = 48_000
"""Rate of the sound in a video: every player and editor takes it as it is."""

_AUDIO_BITS_PER_SECOND = 128_000
_QUALITY = "18"


def _check_clocks(motion: Motion, waveform: Waveform | None) -> None:
    if motion.n_frames == 0:
        raise InputError("a motion of 0 frames makes no video; give at least one frame")
    if waveform is None:
        return
    gap_s = abs(motion.duration_s - waveform.duration_s)
    if gap_s > max(MAX_CLOCK_GAP_S, 2 / float(motion.rate.hz)):
        raise ClockError(
            f"the motion lasts {motion.duration_s:.2f} s and the sound {waveform.duration_s:.2f} s; "
            "cut or pad one of them to the other"
        )


def render_frames(
    rig: Rig,
    motion: Motion,
    *,
    width: int = 512,
    height: int = 512,
    view: str = "front",
    samples: int = 2,
    threads: int | None = None,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Give the pictures of a motion one after another, in bounded memory.

    Args:
        threads: Frames painted at once; None takes one a processor. The bytes do not depend on it.

    Raises:
        InputError: The motion is empty, or the size, the view or the samples cannot be drawn.
    """
    stage = Stage([Shot(rig, motion)], width=width, height=height, view=view, samples=samples)
    yield from _in_parallel(stage, threads, lambda picture: picture)


def _in_parallel(
    stage: Stage, threads: int | None, finish: Callable[[np.ndarray], np.ndarray]
) -> Iterator[np.ndarray]:
    n_threads = max(1, threads or os.cpu_count() or 1)
    spare: SimpleQueue[Any] = SimpleQueue()
    for _ in range(n_threads):
        spare.put(stage.new_buffers())

    def paint(number: int, poses: Poses) -> np.ndarray:
        buffers = spare.get()
        try:
            return finish(stage.paint(number, poses, buffers))
        finally:
            spare.put(buffers)

    waiting: deque[Future[np.ndarray]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="visemic-paint")
    try:
        for number, poses in enumerate(stage.poses()):
            waiting.append(pool.submit(paint, number, poses))
            if len(waiting) > 2 * n_threads + 2:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _sound_pieces(waveform: Waveform, n_samples: int) -> Iterator[Float32[np.ndarray, " samples"]]:
    """Give the sound at the video's rate, piece by piece, cut or padded to ``n_samples``."""
    import soxr

    given_hz = float(waveform.rate.hz)
    stream = soxr.ResampleStream(given_hz, AUDIO_RATE_HZ, 1, dtype="float32")
    piece = max(1, round(given_hz))
    left = n_samples
    for start in range(0, max(len(waveform.samples), 1), piece):
        part = np.clip(waveform.samples[start : start + piece], -1, 1)
        is_last = start + piece >= len(waveform.samples)
        made = stream.resample_chunk(np.ascontiguousarray(part), last=is_last)[:left]
        left -= len(made)
        if len(made):
            yield made
    while left > 0:
        yield np.zeros(min(left, AUDIO_RATE_HZ), np.float32)
        left -= min(left, AUDIO_RATE_HZ)


class _SoundTrack:
    """Feeds the sound into a container in step with the picture."""

    def __init__(self, container: Any, waveform: Waveform, motion: Motion) -> None:
        self._container = container
        self._stream = container.add_stream("aac", rate=AUDIO_RATE_HZ, layout="mono")
        self._stream.codec_context.bit_rate = _AUDIO_BITS_PER_SECOND
        self._n_samples = math.floor(motion.n_frames * AUDIO_RATE_HZ / motion.rate.hz + Fraction(1, 2))
        self._pieces = _sound_pieces(waveform, self._n_samples)
        self._sent = 0

    def feed(self, until_s: float) -> None:
        """Encode the sound up to a time."""
        import av

        while self._sent < min(until_s * AUDIO_RATE_HZ, self._n_samples):
            piece = next(self._pieces)
            frame = av.AudioFrame.from_ndarray(piece[None], format="fltp", layout="mono")
            frame.sample_rate = AUDIO_RATE_HZ
            frame.pts = self._sent
            frame.time_base = Fraction(1, AUDIO_RATE_HZ)
            self._sent += len(piece)
            self._container.mux(self._stream.encode(frame))

    def finish(self, duration_s: float) -> None:
        """Encode what is left."""
        self.feed(duration_s + 1)
        self._container.mux(self._stream.encode(None))


def _video_stream(container: Any, motion: Motion, width: int, height: int) -> Any:
    rate = motion.rate.hz
    # One thread and no macroblock tree: with either, the encoder's bytes differ now and then.
    # Painting takes longer than encoding anyway.
    options = {"crf": _QUALITY, "preset": "veryfast", "threads": "1", "mbtree": "0", "rc-lookahead": "0"}
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / rate
    context.gop_size = max(1, round(2 * rate))
    context.color_range, context.colorspace = 1, 1  # limited range, BT.709
    context.color_primaries, context.color_trc = 1, 13  # BT.709, sRGB
    return stream


def render_video(
    rig: Rig,
    motion: Motion,
    waveform: Waveform | None,
    path: Path,
    *,
    width: int = 512,
    height: int = 512,
    view: str = "front",
    metadata: dict[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
) -> None:
    """Write a video of a motion on a head, with its sound; see ``render_shots``."""
    render_shots(
        [Shot(rig, motion)],
        waveform,
        path,
        width=width,
        height=height,
        view=view,
        metadata=metadata,
        progress=progress,
        threads=threads,
    )


def render_shots(
    shots: Sequence[Shot],
    waveform: Waveform | None,
    path: Path,
    *,
    width: int = 512,
    height: int = 512,
    view: str = "front",
    overlay: Overlay | None = None,
    metadata: dict[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
) -> None:
    """Write a video of heads side by side, with the sound of the first.

    Every frame of the longest motion is one frame of the video, at exactly the motion's rate;
    a shorter one holds its last frame. The sound is cut or padded to end with the last frame.

    Args:
        waveform: Of the first shot; None writes no sound.
        path: Where to write, a temporary path of the caller's.
        width: Of each head, pixels.
        overlay: What is drawn over the heads; None draws nothing.
        metadata: Kept as JSON in the file's comment.
        progress: Called with frames done and frames in all.
        threads: Frames painted at once; None takes one a processor.

    Raises:
        InputError: A motion is empty, or the size, view or overlay cannot be drawn.
        ClockError: Sound and first motion differ in length by more than a tenth of a second,
            or two motions in rate.
        RigError: A comparison of heads whose vertices differ.
    """
    import av

    from visemic.render.frame import planes_of

    if shots:
        _check_clocks(shots[0].motion, waveform)
    stage = Stage(shots, width=width, height=height, view=view, overlay=overlay)
    motion = stage.motion
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        if metadata is not None:
            container.metadata["comment"] = json.dumps(metadata, ensure_ascii=False)
        stream = _video_stream(container, motion, stage.width, stage.height)
        sound = _SoundTrack(container, waveform, motion) if waveform is not None else None
        for number, planes in enumerate(_in_parallel(stage, threads, planes_of)):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, 1 / motion.rate.hz
            frame.color_range, frame.colorspace = 1, 1
            container.mux(stream.encode(frame))
            if sound is not None:
                sound.feed(motion.rate.time_of(number + 1))
            if progress is not None:
                progress(number + 1, motion.n_frames)
        container.mux(stream.encode(None))
        if sound is not None:
            sound.finish(motion.duration_s)
