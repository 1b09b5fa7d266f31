"""Motion at another frame rate."""

import numpy as np

from visemic.core.clock import Rate
from visemic.core.signals import Motion


def resample(motion: Motion, rate: Rate) -> Motion:
    """Give the motion at another rate, linear in time between its frames.

    A contact that falls between two new frames is lost: impose contacts again with
    ``motion.contacts`` where an alignment is at hand, or generate at the wanted rate.

    Args:
        motion: At least one frame.
        rate: Frames a second of the result.

    Returns:
        The same duration to the nearest frame; past the last frame its values hold.
    """
    if rate == motion.rate:
        return motion
    n_frames = max(1, rate.count(motion.duration_s))
    old_s, new_s = motion.times_s, rate.times_s(n_frames)
    values = np.empty((n_frames, len(motion.layout)), np.float32)
    for channel in range(len(motion.layout)):
        values[:, channel] = np.interp(new_s, old_s, motion.values[:, channel])
    return Motion(values, motion.layout, rate)
