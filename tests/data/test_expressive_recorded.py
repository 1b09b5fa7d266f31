"""Facts about feelings given to recorded speech."""

import json
from dataclasses import replace

import numpy as np
import pytest

from visemic.core.clock import SPEECH_RATE
from visemic.core.errors import FormatError
from visemic.core.signals import Waveform
from visemic.data.expressive_recorded import (
    ExpressiveSpeechImporter,
    levels_db,
    recorded_speech,
    recorded_takes,
)
from visemic.data.importers.registry import load_importer
from visemic.features.prosody import PITCH, extract_prosody

PHONES = [
    ["SIL", 0.0, 0.3],
    ["M", 0.3, 0.5],
    ["AA", 0.5, 1.0],
    ["P", 1.0, 1.2],
    ["IY", 1.2, 1.7],
    ["SIL", 1.7, 2.0],
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Two speakers of six hums of 2 s, one of them for the test, and a clip that is too short."""
    folder = tmp_path_factory.mktemp("prepared")
    times_s = np.arange(32_000) / 16_000
    rows, sounds, first = [], [], 0
    for speaker, (split, hz) in enumerate({"train": 110.0, "test": 190.0}.items()):
        for number in range(6):
            phase = 2 * np.pi * hz * (times_s + 0.004 * np.sin(2 * np.pi * 2 * times_s))
            buzz = sum(np.cos(k * phase) / k for k in range(1, 15))
            sound = 0.05 * buzz * ((times_s > 0.3) & (times_s < 1.7)) * (0.4 + 0.6 * np.sin(9 * times_s) ** 2)
            sound = sound[: 32_000 if number else 12_000]
            rows.append(
                {
                    "id": f"{speaker}{number}",
                    "speaker": f"s{speaker}",
                    "split": split,
                    "licence": "CC0-1.0",
                    "first": first,
                    "samples": len(sound),
                    "text": "ma pea",
                    "phones": PHONES if number else PHONES[:2],
                }
            )
            sounds.append((sound * 32_767).astype(np.int16))
            first += len(sound)
    (folder / "audio.i16").write_bytes(np.concatenate(sounds).tobytes())
    (folder / "clips.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_every_fourth_clip_is_neutral_and_speakers_keep_their_split(prepared):
    takes = recorded_takes(prepared)
    assert len(takes) == 10
    for speaker, split in (("s0", "train"), ("s1", "test")):
        own = [take for actor, take, _ in takes if actor.name == speaker]
        assert {take.split for take in own} == {split}
        assert [take.emotion == "neutral" for take in own] == [False, False, False, True, False]
        assert [take.intensity == 0 for take in own] == [False, False, False, True, False]
        assert len({(take.emotion, take.intensity) for take in own}) == 5
    assert [take for _, take, _ in takes] == [take for _, take, _ in recorded_takes(prepared)]
    other = [take.emotion for _, take, _ in recorded_takes(prepared, seed=3)]
    assert other != [take.emotion for _, take, _ in takes]


def test_the_sound_takes_the_tempo_and_pitch_of_the_feeling_and_phones_follow(prepared):
    actor, take, clip = recorded_takes(prepared)[0]

    def spoken(emotion):
        felt = replace(take, emotion=emotion, intensity=0.0 if emotion == "neutral" else 1.0)
        return recorded_speech(actor, felt, clip, prepared, np.random.default_rng(1))

    calm, slow, high = (spoken(emotion) for emotion in ("neutral", "sad", "fear"))
    assert slow[0].duration_s > 1.15 * calm[0].duration_s > 1.3 * high[0].duration_s
    for sound, alignment in (calm, slow, high):
        assert alignment.duration_s == pytest.approx(sound.duration_s, abs=0.01)
        level = np.abs(sound.samples)
        voiced = np.flatnonzero(level > 0.2 * level.max()) / float(SPEECH_RATE)
        # The voice begins with M and ends with IY.
        assert voiced[0] == pytest.approx(alignment.phones[1].start_s, abs=0.08)
        assert voiced[-1] == pytest.approx(alignment.phones[-2].end_s, abs=0.12)
    assert pitch_hz(high[0]) > 1.2 * pitch_hz(calm[0]) > 1.25 * pitch_hz(slow[0])


def test_a_recording_louder_than_the_speaker_s_others_stays_louder(prepared):
    takes = recorded_takes(prepared)
    found = np.array(levels_db(prepared, takes))
    for speaker in ("s0", "s1"):
        own = found[[actor.name == speaker for actor, _, _ in takes]]
        assert np.median(own) == pytest.approx(0.0, abs=1e-9)
        assert np.abs(own).max() <= 6.0
    actor, take, clip = takes[0]
    plain, louder = (
        recorded_speech(actor, take, clip, prepared, np.random.default_rng(1), by_db)[0].samples.astype(float)
        for by_db in (0.0, 3.0)
    )
    assert 10 * np.log10(np.mean(louder**2) / np.mean(plain**2)) == pytest.approx(3.0, abs=0.6)


def pitch_hz(sound: Waveform) -> float:
    pitches = extract_prosody(sound).values[:, PITCH]
    return float(np.median(pitches[pitches > 0]))


@pytest.mark.slow
def test_clips_carry_a_face_and_their_source_s_licence(prepared):
    importer = load_importer("expressive-speech")
    assert isinstance(importer, ExpressiveSpeechImporter)
    clips = list(importer.recordings(prepared))
    assert len(clips) == 10
    assert {clip.licence for clip in clips} == {"CC0-1.0"}
    for clip in clips:
        assert clip.motion is not None
        assert abs(clip.duration_s - clip.waveform.duration_s) < 0.05
    again = next(iter(importer.recordings(prepared)))
    np.testing.assert_array_equal(again.motion.values, clips[0].motion.values)
    np.testing.assert_array_equal(again.waveform.samples, clips[0].waveform.samples)


def test_a_folder_without_prepared_speech_is_refused(tmp_path, prepared):
    with pytest.raises(FormatError, match="holds no prepared speech"):
        recorded_takes(tmp_path)
    short = json.loads((prepared / "clips.jsonl").read_text().splitlines()[0])
    (tmp_path / "clips.jsonl").write_text(json.dumps(short) + "\n")
    with pytest.raises(FormatError, match=r"no recording of 1\.5 to 8 s"):
        recorded_takes(tmp_path)
