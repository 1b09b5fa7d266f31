"""Whose speech the comparison hears: the voice that was named or that ships, and a vocoder."""

from pathlib import Path

from visemic.core.artifact import MANIFEST, TENSORS, Artifact, ArtifactInfo, save_artifact
from visemic.core.errors import ArtifactError
from visemic.core.hub import find_artifact, packaged_models
from visemic.models.avatron_speech import FRAMES_FILE, KIND, TEXT_FILE, VOICE_KIND
from visemic.models.vocoder_session import load_vocoder, waveform_from_mel
from visemic.training.avatron_experiment_predictor import Sound, griffin_lim

_VOICE_PART = "voice."


def find_voice(given: Path | None) -> Artifact:
    """Give the voice that was named, or the one that ships.

    Raises:
        ArtifactError: There is none whose parameters are here.
    """
    if given is not None:
        return find_artifact(str(given))
    for name in packaged_models():
        artifact = find_artifact(name)
        if artifact.info.kind in (KIND, VOICE_KIND) and TENSORS in artifact.sha256:
            return artifact
    raise ArtifactError(
        "no voice with its parameters is here for the faces to hear; train one with "
        "recipes/avatron-voice.toml and give --data voice=FOLDER"
    )


def voice_alone(voice: Artifact, folder: Path) -> Path:
    """Give a folder with the voice alone; of an artefact that has a face too, it is taken out.

    Args:
        voice: A voice, or a voice with a face.
        folder: To be made for a voice that is taken out.

    Raises:
        ArtifactError: It holds no voice.
    """
    info = voice.info
    if info.kind == VOICE_KIND:
        return voice.folder
    if info.kind != KIND:
        raise ArtifactError(f"model {info.name!r} is of kind {info.kind!r}; give a voice of Avatron")
    if not (folder / MANIFEST).is_file():
        config = info.normaliser.get("voice_config")
        tensors = {
            name.removeprefix(_VOICE_PART): value
            for name, value in voice.tensors().items()
            if name.startswith(_VOICE_PART)
        }
        if not isinstance(config, dict) or not tensors:
            raise ArtifactError(
                f"model {info.name!r} holds no voice to be heard; give one of kind {VOICE_KIND!r}"
            )
        alone = ArtifactInfo(
            name=info.name,
            kind=VOICE_KIND,
            licence=info.licence,
            config=config,
            rates_hz=info.rates_hz,
            feature=info.feature,
            feature_version=info.feature_version,
            normaliser=info.normaliser,
            data_licences=info.data_licences,
        )
        files = {name: voice.file(name).read_bytes() for name in (TEXT_FILE, FRAMES_FILE)}
        save_artifact(folder, alone, card=f"# {info.name}\n\nIts voice.\n", tensors=tensors, files=files)
    return folder


def find_sound(given: Path | None) -> Sound:
    """Give what makes sound of a log-mel: the vocoder that was named, or an untrained way.

    Raises:
        ArtifactError: It is no vocoder.
    """
    if given is None:
        return griffin_lim
    vocoder = load_vocoder(given)
    return lambda mel: waveform_from_mel(vocoder, mel)
