"""The tables of the experiments as plain data: errors and sync on test clips, controls, new voices."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from visemic.core.errors import VisemicError
from visemic.core.layout import MOUTH_33
from visemic.core.signals import Motion
from visemic.data.recording import Recording
from visemic.data.synthetic_text import phrases
from visemic.evaluation.metrics_uncertainty import bootstrap_mean
from visemic.evaluation.report import evaluate_predictors
from visemic.evaluation.report_clip import recorded
from visemic.evaluation.report_predictor import (
    GROUND_TRUTH,
    PERMUTED,
    RULES,
    STATIC,
    Clips,
    Predictor,
    lenders,
)
from visemic.evaluation.report_protocol import clip_numbers, make_protocol
from visemic.evaluation.report_result import Report
from visemic.evaluation.sync import SyncScorer
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.korzun_motion import KORZUN_RATE
from visemic.models.registry import load_model
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.training.experiment_table import number_of, paired_comparisons, plain
from visemic.training.korzun_predictor import KorzunPredictor, WrongSound
from visemic.training.korzun_scale import (
    BEST_SUBSET,
    MODELS,
    NEW_VOICES,
    KorzunScale,
    experiment_corpus,
    run_name,
)
from visemic.voices.base import Speech
from visemic.voices.registry import load_voice

L2, LMD = "coefficient_l2", "landmark_distance"
DISTANCE, CONFIDENCE = "sync_distance", "sync_confidence"
METRICS = (L2, LMD, DISTANCE, CONFIDENCE)
MOUTH_ONLY = "ground-truth, 33 shapes"
ALWAYS_SHOWN = (GROUND_TRUTH, MOUTH_ONLY, PERMUTED, STATIC, RULES)

Show = Callable[[str, int, int], None]
_LONG_CHANCE = 77
_PHRASES_OF_A_LONG_ONE = 3
_DRAWS = 2_000


def wrong_sound_name(model: str) -> str:
    """Give the row of a model that hears another clip."""
    return f"{model}, wrong sound"


def mouth_only(recording: Recording) -> Motion:
    """Give what was recorded of the mouth and nothing else."""
    motion = recorded(recording)
    assert isinstance(motion, Motion)
    return motion.to_layout(MOUTH_33)


def error_tables(
    clips: Clips, predictors: Mapping[str, KorzunPredictor], scorer: SyncScorer, seed: int, show: Show
) -> dict[str, Any]:
    """Measure every run on the test clips, with the controls.

    Args:
        clips: The corpus.
        predictors: The sixteen runs by name.
        scorer: Of sound against motion.
        seed: Start of chance of intervals and permutations.
        show: Called with clips done.
    """
    protocol = make_protocol(
        clips, name="korzun", split="test", metrics=METRICS, seed=seed, scorers=(scorer.name,)
    )
    numbers = clip_numbers(clips, protocol)
    order = lenders(len(numbers), seed)
    lender = {clip_id: numbers[order[at]] for at, clip_id in enumerate(protocol.clip_ids)}
    rows: dict[str, Predictor] = {MOUTH_ONLY: mouth_only, **predictors}
    for model in MODELS:
        best = predictors[run_name(model, BEST_SUBSET)]
        rows[wrong_sound_name(model)] = WrongSound(best, clips, lender)
    report = evaluate_predictors(
        rows,
        clips,
        protocol,
        load_rig("visemic"),
        scorer=scorer,
        progress=lambda done, total: show("tables", done, total),
    )
    return {
        "protocol": protocol.fingerprint,
        "clips": len(protocol.clip_ids),
        "rows": {row.name: {m: plain(report.estimate(row, m)) for m in METRICS} for row in report.rows},
        "by_clip": {
            row.name: {m: [number_of(v) for v in row.values[m]] for m in METRICS} for row in report.rows
        },
        "left_out": {row.name: len(row.failures) for row in report.rows if row.failures},
        "comparisons": _comparisons(report, seed),
    }


def _comparisons(report: Report, seed: int) -> list[dict[str, Any]]:
    """Compare, clip by clip, what the paper compares by eye."""
    pairs = [
        (run_name("ff_w2v", BEST_SUBSET), run_name("ff_avc", BEST_SUBSET)),
        (run_name("s2s_w2v", BEST_SUBSET), run_name("s2s_avc", BEST_SUBSET)),
        (run_name("ff_w2v", BEST_SUBSET), run_name("s2s_w2v", BEST_SUBSET)),
        (run_name("ff_avc", BEST_SUBSET), run_name("s2s_avc", BEST_SUBSET)),
        *((run_name(model, 3), run_name(model, 1)) for model in MODELS),
        *((run_name(model, BEST_SUBSET), run_name(model, 3)) for model in MODELS),
        *((run_name(model, BEST_SUBSET), wrong_sound_name(model)) for model in MODELS),
    ]
    return paired_comparisons(report, pairs, (L2, LMD), seed)


def long_phrases(n_phrases: int, seed: int) -> list[str]:
    """Give texts of three phrases each."""
    texts = phrases(_PHRASES_OF_A_LONG_ONE * n_phrases, np.random.default_rng([seed, _LONG_CHANCE]))
    step = _PHRASES_OF_A_LONG_ONE
    return [" ".join(texts[at : at + step]) for at in range(0, len(texts), step)]


def voices_of(scale: KorzunScale) -> tuple[str, ...]:
    """Give the training voice and two that no model has heard."""
    return (experiment_corpus(scale).speakers[0].voice, *NEW_VOICES)


def voice_table(
    predictors: Mapping[str, KorzunPredictor],
    scorer: SyncScorer,
    scale: KorzunScale,
    seed: int,
    show: Show,
) -> dict[str, Any]:
    """Score the sync of the best runs on long phrases in the training voice and in new ones.

    The rules, which know the phones, are the row to compare with.

    Args:
        predictors: The runs by name.
        scorer: Of sound against motion.
        scale: How many phrases.
        seed: Start of chance.
        show: Called with phrases done.
    """
    rules = load_model("viseme-rules", fit_readouts(load_rig("visemic")))
    texts, voices = long_phrases(scale.n_long, seed), voices_of(scale)
    rows = (*MODELS, RULES)
    scores: dict[str, dict[str, list[tuple[float, float]]]] = {row: {v: [] for v in voices} for row in rows}
    done, total = 0, len(texts) * len(voices)
    left_out = 0
    for voice in voices:
        speaker = load_voice(voice, "en-us")
        for text in texts:
            speech: Speech = speaker.speak(text)
            motions = {
                model: predictors[run_name(model, BEST_SUBSET)].of_sound(speech.waveform) for model in MODELS
            }
            motions[RULES] = rules.generate(
                speech.alignment,
                extract_prosody(speech.waveform),
                KORZUN_RATE,
                FaceControl(),
                np.random.default_rng(seed),
            )
            for row, motion in motions.items():
                try:
                    score = scorer.score(motion, speech.waveform)
                except VisemicError:
                    left_out += 1
                    continue
                scores[row][voice].append((score.distance, score.confidence))
            done += 1
            show("voices", done, total)
    return {
        "voices": list(voices),
        "phrases": len(texts),
        "left_out": left_out,
        "rows": {
            row: {
                voice: {
                    DISTANCE: _mean([d for d, _ in pairs], seed),
                    CONFIDENCE: _mean([c for _, c in pairs], seed),
                }
                for voice, pairs in by_voice.items()
            }
            for row, by_voice in scores.items()
        },
    }


def _mean(values: list[float], seed: int) -> dict[str, Any]:
    return plain(bootstrap_mean(np.array(values, float), seed, n_draws=_DRAWS))
