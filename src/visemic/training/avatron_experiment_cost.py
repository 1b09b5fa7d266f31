"""What a network costs: parameters, multiply-adds and seconds for each second of speech."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

SPOKEN_S = 10.0
"""Speech over which costs are taken."""
_REPEATS = 3


@dataclass(frozen=True)
class Cost:
    """What a second of speech takes."""

    parameters: int
    multiply_adds: float
    """Of a second of speech."""
    seconds: float
    """Of computing for a second of speech, the best of three runs, on the threads that torch has."""


def cost_of(network: nn.Module, work: Callable[[], object], spoken_s: float = SPOKEN_S) -> Cost:
    """Give the cost of work that a network does for so many seconds of speech.

    Args:
        network: Whose parameters are counted.
        work: Runs it once.
        spoken_s: Seconds of speech that the work is for.
    """
    with torch.no_grad():
        work()
        took = []
        for _ in range(_REPEATS):
            begun = time.perf_counter()
            work()
            took.append(time.perf_counter() - begun)
        total = multiply_adds(work)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    return Cost(n_parameters, total / spoken_s, min(took) / spoken_s)


def multiply_adds(work: Callable[[], object]) -> float:
    """Count the multiplications of products, convolutions, attention and recurrence of some work.

    What works element by element is left out, as is usual.
    """
    from torch.utils.flop_counter import FlopCounterMode

    # With oneDNN a recurrence is one operator, which the counter does not know.
    with torch.no_grad(), warnings.catch_warnings():
        # Restoring its settings, torch says that they would do more on other hardware.
        warnings.simplefilter("ignore", UserWarning)
        plain = torch.backends.mkldnn.flags(enabled=False)
        with plain, FlopCounterMode(display=False) as counter:
            work()
    known: dict[Any, int] = counter.get_flop_counts().get("Global", {})
    return sum(known.values()) / 2
