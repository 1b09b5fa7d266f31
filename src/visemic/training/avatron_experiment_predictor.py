"""The trained faces as predictors of a report: with the recording's times, and with the voice's own.

With the recording's times, Avatron reads the symbols and durations of the recording, and FaceFormer
hears its sound. With the voice's own, Avatron reads the text alone and says when; FaceFormer hears
what the voice says; and what both give is laid over the recording by the spectra of the two sounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64

from visemic.core.artifact import load_artifact, load_parameters
from visemic.core.clock import SPEECH_RATE, Rate
from visemic.core.config import config_from_dict
from visemic.core.errors import ArtifactError, InputError
from visemic.core.signals import Alignment, MeshMotion, Waveform
from visemic.data.recording import Recording
from visemic.evaluation.time_warp import on_clock, warped_places
from visemic.features.griffin_lim import samples_from_voice_mel
from visemic.features.voice_mel import VOICE_MEL_RATE, extract_voice_mel
from visemic.models.avatron import AvatronVoice
from visemic.models.avatron_avatar import AvatronAvatar, AvatronAvatarConfig
from visemic.models.avatron_speech import AvatronSpeech
from visemic.models.avatron_text import (
    frames_of_phones,
    phone_classes,
    read_script,
    symbol_numbers,
    symbols_of_phones,
)
from visemic.models.avatron_timing import symbol_of_frame, video_places
from visemic.training.avatron import load_voice
from visemic.training.avatron_data import whole_phones
from visemic.training.avatron_experiment_face import avatar_parameters
from visemic.training.faceformer_motion import FaceFormerModel, load_faceformer

Sound = Callable[[Float32[np.ndarray, "steps mels"]], Waveform]
"""Makes sound of a log-mel."""


def griffin_lim(mel: Float32[np.ndarray, "steps mels"]) -> Waveform:
    """Give the sound of a log-mel where there is no vocoder."""
    return Waveform(samples_from_voice_mel(mel), SPEECH_RATE)


@dataclass(frozen=True, eq=False)
class Said:
    """A text as the voice says it, and how the face moves."""

    mel: Float32[np.ndarray, "steps mels"]
    displacements: Float32[np.ndarray, "video outputs"]
    alignment: Alignment
    """Phones of all sentences on one clock."""


@dataclass(eq=False)
class AvatronFace:
    """A trained face with its voice."""

    folder: Path
    """Of the face's artefact."""
    voice_folder: Path
    rate: Rate
    styles: tuple[str, ...] = ()
    _said: dict[tuple[str, str], Said] = field(default_factory=dict)

    @cached_property
    def network(self) -> AvatronAvatar:
        """The face."""
        artifact = load_artifact(self.folder)
        network = AvatronAvatar(config_from_dict(AvatronAvatarConfig, artifact.info.config, "config"))
        load_parameters(network, avatar_parameters(artifact.tensors()), artifact.info.name)
        return network.eval().requires_grad_(False)

    @cached_property
    def voice(self) -> AvatronVoice:
        """The voice that it hears."""
        return load_voice(self.voice_folder)[0].requires_grad_(False)

    @cached_property
    def _unit_m(self) -> float:
        unit = load_artifact(self.folder).info.normaliser["motion_scale"]
        if not isinstance(unit, float):
            raise ArtifactError(f"face {str(self.folder)!r} states no unit of movement; train it again")
        return unit

    @cached_property
    def _speech(self) -> AvatronSpeech:
        return AvatronSpeech(load_artifact(self.voice_folder))

    def taught(self, recording: Recording) -> MeshMotion:
        """Give the movement for the phones and times of a recording.

        Raises:
            InputError: The recording has no phones.
            TextError: A phone is of another language.
        """
        alignment = recording.alignment
        if alignment is None or not alignment.phones:
            raise InputError(f"clip {recording.clip_id} has no phones; align it first")
        n_mel = VOICE_MEL_RATE.count(recording.duration_s)
        phones = whole_phones(alignment.phones, recording.duration_s)
        symbols = symbols_of_phones(phones, recording.text)
        text = torch.from_numpy(symbol_numbers(symbols))[None]
        with torch.no_grad():
            states = self.voice.encode(text, torch.ones_like(text, dtype=torch.bool))
        frames = frames_of_phones(phones, n_mel)
        return on_face(recording, self._moved(states, symbols, frames, recording.speaker, recording.rate))

    def _moved(
        self,
        states: Float[torch.Tensor, "1 symbols channels"],
        symbols: Sequence[str],
        frames: Int64[np.ndarray, " symbols"],
        speaker: str,
        rate: Rate,
    ) -> Float32[np.ndarray, "video outputs"]:
        """Give displacements in metres for symbols that last so many mel frames."""
        owner = symbol_of_frame(frames)
        before, share = video_places(len(owner), rate)
        after = owner[np.minimum(before + 1, len(owner) - 1)]
        with torch.no_grad():
            moved = self.network(
                states,
                torch.from_numpy(phone_classes(symbols))[None],
                torch.from_numpy(self._style(speaker))[None],
                torch.from_numpy(owner[before])[None],
                torch.from_numpy(after)[None],
                torch.from_numpy(share)[None],
                torch.tensor([len(before)]),
            )
        displacements: Float32[np.ndarray, "video outputs"] = moved[0].numpy() * np.float32(self._unit_m)
        return displacements

    def _style(self, speaker: str) -> Float32[np.ndarray, " styles"]:
        # A speaker whom nobody trained on moves in the first manner.
        code = np.zeros(max(1, len(self.styles)), np.float32)
        code[self.styles.index(speaker) if speaker in self.styles else 0] = 1.0
        return code

    def say(self, text: str, speaker: str) -> Said:
        """Give what the whole chain makes of a text; kept for when it is asked for again."""
        if (text, speaker) not in self._said:
            mels, motions, alignment = [], [], None
            for plan in self._speech.plan(read_script(text)):
                sentence = self._speech.render(plan)
                mels.append(sentence.mel)
                states = torch.from_numpy(plan.states)[None]
                motions.append(self._moved(states, plan.utterance.symbols, plan.frames, speaker, self.rate))
                own = sentence.alignment
                alignment = own if alignment is None else _joined(alignment, own)
            assert alignment is not None
            self._said[text, speaker] = Said(np.concatenate(mels), np.concatenate(motions), alignment)
        return self._said[text, speaker]

    def own(self, recording: Recording) -> MeshMotion:
        """Give the movement for the text alone, laid over the recording's time.

        Raises:
            InputError: The recording has no sound to lay it over.
        """
        said = self.say(recording.text, recording.speaker)
        return laid(recording, said.mel, said.displacements, self.rate)


def _joined(first: Alignment, second: Alignment) -> Alignment:
    total_s = first.duration_s + second.duration_s
    later = second.shifted(first.duration_s, total_s)
    return Alignment((*first.phones, *later.phones), (*first.words, *later.words), first.text, total_s)


@dataclass(eq=False)
class HearingFace:
    """A trained FaceFormer, and whose speech it hears when the recording is not to be heard."""

    folder: Path
    speaking: AvatronFace
    """Whose voice speaks the text."""
    sound: Sound

    @cached_property
    def model(self) -> FaceFormerModel:
        """The model."""
        return load_faceformer(self.folder)

    def _style(self, speaker: str) -> str:
        return speaker if speaker in self.model.styles else self.model.styles[0]

    def taught(self, recording: Recording) -> MeshMotion:
        """Give the movement for the sound of a recording.

        Raises:
            InputError: It has none.
        """
        n_frames = recording.n_frames
        moved = self.model.generate(_heard(recording), self._style(recording.speaker), n_frames)
        return on_face(recording, moved)

    def own(self, recording: Recording) -> MeshMotion:
        """Give the movement for the voice's rendition of the text, laid over the recording's time."""
        said = self.speaking.say(recording.text, recording.speaker)
        moved = self.model.generate(self.sound(said.mel), self._style(recording.speaker))
        return laid(recording, said.mel, moved, self.model.rate)


def _heard(recording: Recording) -> Waveform:
    if recording.waveform is None:
        raise InputError(f"clip {recording.clip_id} has no sound; leave it out")
    return recording.waveform


def on_face(recording: Recording, moved: Float32[np.ndarray, "frames outputs"]) -> MeshMotion:
    """Give displacements on the face of a recording, metres, cut to its length."""
    assert recording.mesh is not None
    assert recording.neutral is not None
    frames = moved[: recording.n_frames].reshape(-1, *recording.neutral.shape)
    return MeshMotion(
        (frames + recording.neutral).astype(np.float32), recording.mesh.topology, recording.rate
    )


def laid(
    recording: Recording,
    mel: Float32[np.ndarray, "steps mels"],
    moved: Float32[np.ndarray, "video outputs"],
    rate: Rate,
) -> MeshMotion:
    """Give movement of another rendition at the times of the recording."""
    assert recording.mesh is not None
    assert recording.neutral is not None
    places_s = twin_times_s(recording, mel)
    vertices = moved.reshape(-1, *recording.neutral.shape) + recording.neutral
    mesh = MeshMotion(vertices.astype(np.float32), recording.mesh.topology, rate)
    return on_clock(mesh, places_s, recording.rate)


def twin_times_s(
    recording: Recording, mel: Float32[np.ndarray, "steps mels"]
) -> Float[np.ndarray, " frames"]:
    """Give for every frame of a recording when the same is said in another rendition, seconds."""
    heard = extract_voice_mel(_heard(recording)).values
    places = warped_places(heard, mel)
    times_s = recording.rate.times_s(recording.n_frames)
    hz = float(VOICE_MEL_RATE)
    return np.interp(times_s, np.arange(len(places)) / hz, places / hz)
