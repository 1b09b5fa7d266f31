"""Change of sample rate, in one piece or block by block with the same result."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from jaxtyping import Float32

from visemic.core.clock import Rate
from visemic.core.signals import Waveform

_QUALITY = "HQ"
"""20 bits of precision: below the noise of any recording."""


def resampled_length(n_samples: int, rate: Rate, new_rate: Rate) -> int:
    """Give how many samples ``n_samples`` become at another rate: the nearest number.

    Example:
        >>> resampled_length(44_100, Rate.of(44_100), Rate.of(16_000))
        16000
    """
    return int(Fraction(n_samples) * new_rate.hz / rate.hz + Fraction(1, 2))


def resample(waveform: Waveform, rate: Rate) -> Waveform:
    """Give the sound at another rate; the first sample stays at 0 s.

    Args:
        waveform: Sound of any rate and length, also none.
        rate: The new rate; content above half of it is filtered away.

    Returns:
        ``resampled_length`` samples, the input itself when it has that rate already.
    """
    if waveform.rate == rate:
        return waveform
    blocks = list(resample_blocks([waveform.samples], waveform.rate, rate))
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Waveform(samples, rate)


def resample_blocks(
    blocks: Iterable[Float32[np.ndarray, " _"]], rate: Rate, new_rate: Rate
) -> Iterator[Float32[np.ndarray, " _"]]:
    """Give blocks at another rate, holding no more than one of them.

    The blocks joined are what ``resample`` gives for the input joined, up to rounding.

    Args:
        blocks: Consecutive pieces of one sound.
        rate: Their rate.
        new_rate: Rate of what is given.
    """
    if rate == new_rate:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(float(rate.hz), float(new_rate.hz), 1, dtype="float32", quality=_QUALITY)
    n_in = n_out = 0
    for block in blocks:
        n_in += len(block)
        out = stream.resample_chunk(np.ascontiguousarray(block))
        n_out += len(out)
        if len(out):
            yield out
    # The stream rounds the length in its own way; the clock's way is the law here.
    missing = resampled_length(n_in, rate, new_rate) - n_out
    tail = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    if missing > 0:
        yield np.concatenate([tail, np.zeros(max(0, missing - len(tail)), np.float32)])[:missing]
