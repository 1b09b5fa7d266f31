"""Which clips of a corpus are measured, by what: from options to a frozen protocol, and back to clips."""

from collections.abc import Sequence

from visemic.core.errors import ArtifactError, InputError
from visemic.evaluation.metrics import MOUTH_LANDMARKS
from visemic.evaluation.protocol import ALL_SPLITS, Mask, Protocol
from visemic.evaluation.protocol_mask import corpus_topologies, rig_masks
from visemic.evaluation.report_metric import (
    LSE_METRICS,
    MASK_OF_METRIC,
    TAKE_METRICS,
    check_metrics,
    metric_names,
)
from visemic.evaluation.report_predictor import Clips
from visemic.rig.linear import Rig

SYNCNET = "syncnet"
"""Name of the second scorer in a protocol: the one that watches pictures."""


def make_protocol(
    clips: Clips,
    *,
    name: str = "default",
    split: str = "test",
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    limit: int | None = None,
    masks: Sequence[Mask] = (),
    rig: Rig | None = None,
    n_takes: int = 1,
    scorers: tuple[str, ...] = ("lag",),
) -> Protocol:
    """Freeze what is to be measured on a corpus: all its clips of a split, or the first ``limit``.

    Args:
        clips: The corpus.
        name: Printed above the tables.
        split: ``all`` takes every clip.
        metrics: Names; None takes all that takes, masks and scorers allow.
        seed: Start of chance.
        limit: Most clips.
        masks: Sets of vertices for a mesh corpus.
        rig: A head whose own regions serve clips of its mesh for which no mask is given.
        n_takes: Predictions a clip of models with chance.
        scorers: Of sound against motion.

    Raises:
        InputError: The corpus has fewer than two clips of the split, or a metric is unknown or
            was asked for and lacks a mask, takes or a scorer.
    """
    topologies = corpus_topologies(clips)
    given = {(m.name, m.topology) for m in masks}
    if rig is not None and topologies.get(rig.topology.name) == rig.n_vertices:
        own = [m for m in rig_masks(rig, MOUTH_LANDMARKS) if (m.name, m.topology) not in given]
        masks = (*masks, *own)
    if metrics is None:
        names = tuple(
            m
            for m in metric_names()
            if (n_takes > 1 or m not in TAKE_METRICS) and (SYNCNET in scorers or m not in LSE_METRICS)
        )
    else:
        names = tuple(metrics)
        check_metrics(names)
        _check_needs(names, masks, list(topologies), n_takes, scorers)
    found = [i for i, s in _ids_and_splits(clips) if split in (s, ALL_SPLITS)][:limit]
    if len(found) < 2:
        raise InputError(
            f"the corpus has {len(found)} clips of split {split!r} and a report needs 2; choose another split"
        )
    return Protocol(
        name,
        tuple(found),
        split,
        names,
        masks=tuple(masks),
        seed=seed,
        n_takes=n_takes,
        scorers=scorers,
    )


def missing_masks(clips: Clips, protocol: Protocol) -> tuple[str, ...]:
    """Give the masks without which rows of a mesh corpus stay empty, in the order of the metrics."""
    topologies = corpus_topologies(clips)
    names = dict.fromkeys(MASK_OF_METRIC[m] for m in protocol.metrics if m in MASK_OF_METRIC)
    return tuple(n for n in names if any(protocol.mask(n, t) is None for t in topologies))


def clip_numbers(clips: Clips, protocol: Protocol) -> list[int]:
    """Give the place of every clip of a protocol in a corpus.

    Raises:
        ArtifactError: A clip is not in the corpus.
    """
    place = {clip_id: number for number, (clip_id, _) in enumerate(_ids_and_splits(clips))}
    for clip_id in protocol.clip_ids:
        if clip_id not in place:
            raise ArtifactError(
                f"clip {clip_id!r} of protocol {protocol.name!r} is not among the corpus's {len(place)}; "
                "use the corpus that it was made for"
            )
    return [place[clip_id] for clip_id in protocol.clip_ids]


def _check_needs(
    names: Sequence[str],
    masks: Sequence[Mask],
    topologies: Sequence[str],
    n_takes: int,
    scorers: Sequence[str],
) -> None:
    given = {(m.name, m.topology) for m in masks}
    for name in names:
        mask = MASK_OF_METRIC.get(name)
        lacking = next((t for t in topologies if mask is not None and (mask, t) not in given), None)
        if lacking is not None:
            raise InputError(
                f"metric {name!r} needs the mask {mask!r} of topology {lacking!r}; "
                f"give it with --mask {mask}=FILE or leave the metric out"
            )
        if name in TAKE_METRICS and n_takes < 2:
            raise InputError(f"metric {name!r} needs 2 takes or more and 1 is made; raise --takes")
        if name in LSE_METRICS and SYNCNET not in scorers:
            raise InputError(f"metric {name!r} needs SyncNet's weights; give them with --syncnet FILE")


def _ids_and_splits(clips: Clips) -> list[tuple[str, str]]:
    # A store knows both from its manifest, without reading a clip.
    return [(c.clip_id, c.split) for c in getattr(clips, "entries", clips)]
