"""Judge stage two of acting on actors that no training met: retrieval, performances, lips, speed.

    python benchmarks/style.py STORE --encoder runs/style-encoder/model --prior runs/style-prior/model \
      --model runs/avi-style/model

Needs the train extra. KID compares statistics of whole clips (mean, spread and speed of every channel,
32 principal directions of the real training clips); the real row compares two halves of the real clips.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from visemic.core.acting_note import ActingNote, Span
from visemic.core.artifact import load_artifact
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.layout import ARKIT_61, MOUTH_33
from visemic.core.signals import Motion, Waveform
from visemic.evaluation.distribution import kernel_distance, multimodality
from visemic.evaluation.motion_sync import MotionSyncScorer
from visemic.features.prosody import extract_prosody
from visemic.models.base import FaceControl
from visemic.models.expressive_face import ExpressiveFace
from visemic.models.expressive_sound import ExpressiveSoundFace, load_expressive_face
from visemic.motion.emotion import EMOTIONS
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig
from visemic.text.visemes import BILABIALS
from visemic.training.style_data import StyleClips, load_style_clips
from visemic.training.style_encoder import clip_styles, load_style_encoder, neighbours
from visemic.training.style_prior import InstructionPrior, drawn_styles, load_instruction_prior, retrieval

RATE = Rate.of(30)
SEALED_MM = 0.3


def main() -> None:
    """Print figures as JSON."""
    parser = argparse.ArgumentParser(description="Judge stage two of acting.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--prior", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int, default=80, help="clips whose performances are made")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    clips = load_style_clips(options.store)
    encoder = load_style_encoder(options.encoder)
    rows = clips.need(options.split)
    styles = clip_styles(encoder, clips, rows)
    found: dict[str, object] = {"encoder": neighbours(styles, styles, clips, rows, rows)}
    network, words = load_instruction_prior(options.prior)
    found["prior"] = judge_prior(network, words, clips, rows, styles)
    if options.model:
        rng = np.random.default_rng(0)
        chosen = [rows[i] for i in np.sort(rng.permutation(len(rows))[: options.clips])]
        acting = load_expressive_face(load_artifact(options.model), fit_readouts(load_rig("visemic")))
        found["performances"] = judge_performances(acting, clips, chosen, options.seeds)
        found["contacts"] = judge_contacts(acting, clips, chosen[:40])
        found["heard_contacts"] = judge_heard_contacts(acting, clips, chosen[:40])
        found["speed"] = judge_speed(acting)
    print(json.dumps(found, indent=1))


def judge_prior(network: InstructionPrior, words, clips: StyleClips, rows, styles) -> dict[str, float]:
    """Retrieval by the aligned embedding and by drawn styles; diversity over ten noises."""
    texts = torch.from_numpy(
        words.encode([clips.rows[n].texts[0] for n in rows], network.config.text.max_words)
    )
    with torch.no_grad():
        condition, projected = network.text(texts)
    asked = torch.nn.functional.normalize(projected, dim=-1).numpy()
    drawn = drawn_styles(network, condition, n_draws=10, seed=0)
    rng = np.random.default_rng(0)
    first, among = retrieval(asked @ styles.T, rng)
    by_prior = retrieval(drawn.mean(1) @ styles.T, rng)
    return {
        "top_1": first,
        "top_5": among,
        "top_1_by_prior": by_prior[0],
        "top_5_by_prior": by_prior[1],
        "diversity_of_styles": multimodality(drawn.astype(float)),
        "likeness_of_a_draw": float(np.mean(np.einsum("nds,ns->nd", drawn, styles))),
    }


def judge_performances(
    acting: ExpressiveSoundFace, clips: StyleClips, rows, n_seeds: int
) -> dict[str, object]:
    """KID and diversity of performances, and of one mean performance, against what the actors did."""
    train = clips.need("train")
    features = Features([clips.motion[clips.rows[n].span] for n in train])
    real = features.of([clips.motion[clips.rows[n].span] for n in rows])
    scorer = MotionSyncScorer(fit_readouts(load_rig("visemic")))
    made: dict[str, list[np.ndarray]] = {"drawn": [], "own_mouth": [], "mean": [], "calm": []}
    takes, extra, sync = [], [], {name: [] for name in (*made, "real")}
    for n in rows:
        recording = clips.store[clips.rows[n].number]
        waveform, alignment = recording.waveform, recording.alignment
        prosody = extract_prosody(waveform)
        note = note_of(clips.rows[n].texts[0], recording.duration_s)
        mine = []
        for seed in range(n * n_seeds, (n + 1) * n_seeds):
            mine.append(perform(acting, note, waveform, alignment, prosody, seed))
        made["drawn"].append(mine[0].values)
        takes.append(features.of([m.values for m in mine]))
        extra.extend(m.values for m in mine[1:])
        own = own_mouth(acting, mine[0], note, waveform, alignment)
        made["own_mouth"].append(own.values)
        sync["own_mouth"].append(own)
        mean = mean_style_face(acting).with_note(note)
        for name, face in (("mean", mean), ("calm", acting.with_note(ActingNote(())))):
            motion = perform(face, face.note, waveform, alignment, prosody, 0)
            made[name].append(motion.values)
            sync[name].append(motion)
        sync["drawn"].append(mine[0])
        sync["real"].append(recording.motion)
        for name in sync:
            motion = sync[name].pop()
            if motion.n_frames >= 60:
                sync[name].append(scorer.score(motion, waveform).distance_in_place)
            else:
                sync[name].append(np.nan)
    half = len(real) // 2
    chance = np.random.default_rng(0)
    order = chance.permutation(len(real))
    result: dict[str, object] = {
        "kid_real_halves": kernel_distance(real[order[:half]], real[order[half:]], chance).mean,
        "diversity": multimodality(np.stack(takes).astype(float)),
        "diversity_mean_style": 0.0,
    }
    for name, motions in made.items():
        result[f"kid_{name}"] = kernel_distance(real, features.of(motions), chance).mean
    result["kid_drawn_all_seeds"] = kernel_distance(real, features.of([*made["drawn"], *extra]), chance).mean
    result["generator_alone"] = judge_generator(acting, features, real, clips, rows, chance)
    result["sync_distance"] = {name: float(np.nanmean(values)) for name, values in sync.items()}
    return result


def judge_generator(acting, features, real, clips: StyleClips, rows, chance) -> dict[str, float]:
    """KID of the generator's own face in drawn, mean and calm styles."""
    face, mean = acting.face, _MeanStyle(acting.face._artifact)
    made: dict[str, list[np.ndarray]] = {"drawn": [], "mean": [], "calm": []}
    for n in rows:
        content = face.content_of(clips.store[clips.rows[n].number].waveform)
        text = clips.rows[n].texts[0]
        for name, style in (
            ("drawn", face.style_of(text, seed=n)),
            ("mean", mean.style_of(text, seed=n)),
            ("calm", face.neutral_style),
        ):
            made[name].append(face.move(content, np.tile(style, (len(content), 1))))
    return {
        f"kid_{name}": kernel_distance(real, features.of(motions), chance).mean
        for name, motions in made.items()
    }


class Features:
    """Statistics of clips in the principal directions of some real ones."""

    def __init__(self, clips, n_directions: int = 32) -> None:
        table = np.stack([self._statistics(clip) for clip in clips])
        self.mean, self.spread = table.mean(0), np.maximum(table.std(0), 1e-3)
        _, _, axes = np.linalg.svd((table - self.mean) / self.spread, full_matrices=False)
        self.axes = axes[:n_directions].T
        scores = ((table - self.mean) / self.spread) @ self.axes
        self.size = np.sqrt((scores**2).mean())

    @staticmethod
    def _statistics(clip: np.ndarray) -> np.ndarray:
        values = clip.astype(float)
        return np.concatenate([values.mean(0), values.std(0), np.abs(np.diff(values, axis=0)).mean(0)])

    def of(self, clips) -> np.ndarray:
        """Give a row of features for each clip."""
        table = np.stack([self._statistics(clip) for clip in clips])
        return ((table - self.mean) / self.spread) @ self.axes / self.size


def note_of(text: str, duration_s: float) -> ActingNote:
    """Give a note of one span for a whole clip."""
    from dataclasses import replace

    from visemic.core.acting_grammar import parse_instruction

    return ActingNote((replace(parse_instruction(text), start_s=0.0, end_s=duration_s),))


def perform(acting, note, waveform, alignment, prosody, seed: int) -> Motion:
    """Render one performance at 30 frames a second."""
    return acting.with_note(note).generate(
        waveform, alignment, prosody, RATE, FaceControl(), np.random.default_rng(seed)
    )


def own_mouth(acting: ExpressiveSoundFace, motion: Motion, note, waveform, alignment) -> Motion:
    """Give a performance with the generator's own mouth instead of the listening one's."""
    styles = acting.face.styles_of_note(note, motion.n_frames, RATE, seed=0)
    values = motion.values.copy()
    columns = ARKIT_61.indices(MOUTH_33.names)
    values[:, columns] = acting.face.generate(waveform, styles, RATE)[:, columns]
    return acting.base.rules.with_contacts(Motion(values, ARKIT_61, RATE), alignment)


class _MeanStyle(ExpressiveFace):
    """The deterministic model: the mean of many drawn styles instead of one."""

    def style_of(self, instruction, *, seed, guidance=1.0, steps=10):
        """Give the mean style of an instruction."""
        draws = [
            super(_MeanStyle, self).style_of(instruction, seed=k, guidance=guidance, steps=steps)
            for k in range(16)
        ]
        mean = np.mean(draws, axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)


def mean_style_face(acting: ExpressiveSoundFace) -> ExpressiveSoundFace:
    """Give the same model without chance in its styles."""
    from dataclasses import replace

    return replace(acting, face=_MeanStyle(acting.face._artifact))


def judge_contacts(acting: ExpressiveSoundFace, clips: StyleClips, rows) -> dict[str, float]:
    """Give the share of P, B and M whose lips seal, at intensity 1 of every emotion."""
    mouth = acting.base.rules.mouth
    rates = {}
    for emotion in EMOTIONS:
        hits = total = 0
        for n in rows:
            recording = clips.store[clips.rows[n].number]
            alignment = recording.alignment
            note = ActingNote((Span(0.0, recording.duration_s, emotion, 1.0),))
            motion = perform(acting, note, recording.waveform, alignment, None, n)
            gap_mm = mouth.measure_mm("lip_gap", motion.values.astype(float))
            times_s = motion.times_s
            for phone in alignment.phones:
                if phone.label in BILABIALS:
                    inside = (times_s >= phone.start_s - 0.02) & (times_s <= phone.end_s + 0.02)
                    if inside.any():
                        total += 1
                        hits += bool(gap_mm[inside].min() <= SEALED_MM)
        rates[emotion] = hits / max(1, total)
    return {**rates, "n": float(total)}


def judge_heard_contacts(acting: ExpressiveSoundFace, clips: StyleClips, rows) -> dict[str, int]:
    """Count the closures that are made from sound alone without a feeling, and those kept in each feeling."""
    mouth = acting.base.rules.mouth
    found = {"phones": 0, "made": 0, **dict.fromkeys(EMOTIONS, 0)}
    for n in rows:
        recording = clips.store[clips.rows[n].number]
        heard = acting.hear(recording.waveform)

        def gap_mm(note: ActingNote, waveform=recording.waveform, heard=heard, n=n) -> np.ndarray:
            motion = perform(acting, note, waveform, heard, None, n)
            return mouth.measure_mm("lip_gap", motion.values.astype(float))

        calm = gap_mm(ActingNote(()))
        times_s = np.arange(len(calm)) / float(RATE)
        phones = [p for p in recording.alignment.phones if p.label in BILABIALS]
        inside = [(times_s >= p.start_s - 0.02) & (times_s <= p.end_s + 0.02) for p in phones]
        made = [where for where in inside if where.any() and calm[where].min() <= SEALED_MM]
        found["phones"], found["made"] = found["phones"] + len(phones), found["made"] + len(made)
        for emotion in EMOTIONS:
            felt = gap_mm(ActingNote((Span(0.0, heard.duration_s, emotion, 1.0),)))
            found[emotion] += sum(bool(felt[where].min() <= SEALED_MM) for where in made)
    return found


def judge_speed(acting: ExpressiveSoundFace, duration_s: float = 10.0) -> dict[str, float]:
    """Give the time of hearing, and of all that a note adds, for ten seconds, over their length."""
    face = acting.face
    samples = np.random.default_rng(0).normal(0, 0.1, int(duration_s * 16_000)).astype(np.float32)
    waveform = Waveform(samples, SPEECH_RATE)
    note = ActingNote((Span(0.0, duration_s, "happy", 0.8),))
    calm = np.zeros((RATE.count(duration_s), len(ARKIT_61)), np.float32)
    times: dict[str, list[float]] = {"content": [], "one_style": [], "all": []}
    for _ in range(6):
        for name, run in (
            ("content", lambda: face.content_of(waveform)),
            ("one_style", lambda: face.style_of("A very happy person speaks.", seed=0)),
            ("all", lambda: acting.performance(waveform, note, calm, RATE, seed=0)),
        ):
            begun = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - begun)
    rtf = {name: float(np.median(values[1:])) / duration_s for name, values in times.items()}
    return {**rtf, "prior_and_generator": rtf["all"] - rtf["content"]}


if __name__ == "__main__":
    main()
