"""From an alignment and its sound to motion: the part that text and speech share."""

from typing import Any

import numpy as np

from visemic import __version__
from visemic.core.acting_note import ActingNote
from visemic.core.clock import Rate
from visemic.core.errors import InputError
from visemic.core.hub import packaged_models
from visemic.core.layout import ARKIT_61, FACE_63, TONGUE
from visemic.core.signals import Alignment, Motion, Provenance, Waveform
from visemic.features.prosody import extract_prosody
from visemic.models.registry import RULES_MODEL, load_model, load_sound_model, model_licence, takes
from visemic.motion.resample import resample
from visemic.motion.tongue import tongue_curves
from visemic.pipeline.options import DEFAULT_SOUND_MODEL, FaceOptions
from visemic.rig.linear import Rig
from visemic.rig.readout import fit_readouts
from visemic.rig.registry import load_rig

PERFORMER = "avi-style"
"""Name of the model that acts notes itself, where it ships."""
CODE_LICENCE = "Apache-2.0"


def generate_motion(waveform: Waveform, alignment: Alignment, options: FaceOptions) -> tuple[Motion, Rig]:
    """Move a face to a sound whose phones are known.

    Returns:
        The motion, and the head whose lips it was fitted to.

    Raises:
        RigError: There is no such head.
        ArtifactError: There is no such model.
        InputError: An expression was given to a model that takes none.
    """
    rig = load_rig(options.rig)
    readouts = fit_readouts(rig)
    if takes(options.model) == "sound":
        return _moved_by_sound(_sound_model(options, rig), waveform, alignment, options, rig), rig
    check_expression(options)
    model = load_model(options.model, readouts)
    generator = np.random.default_rng(options.seed)
    prosody = extract_prosody(waveform)
    motion = model.generate(alignment, prosody, options.rate, options.control, generator)
    return _with_tongue(motion, alignment, rig), rig


def heard_motion(waveform: Waveform, options: FaceOptions) -> tuple[Motion, Alignment, Rig]:
    """Move a face to a sound by a model that hears for itself.

    Returns:
        The motion, the phones that the model heard, and the head.

    Raises:
        RigError: There is no such head.
        ArtifactError: There is no such model, or it is given phones.
    """
    rig = load_rig(options.rig)
    model = _sound_model(options, rig)
    alignment: Alignment = model.hear(waveform)
    return _moved_by_sound(model, waveform, alignment, options, rig), alignment, rig


def performed_motion(
    waveform: Waveform, alignment: Alignment, note: ActingNote, options: FaceOptions, rig: Rig
) -> Motion | None:
    """Move a face by a model that acts notes itself: the one named, or the one that ships for ``act``.

    Returns:
        Motion that looks like the note, or None where there is no such model: then the note is
        laid over whatever moved the face.
    """
    name = options.model
    if options.act and name == DEFAULT_SOUND_MODEL and PERFORMER in packaged_models():
        name = PERFORMER
    if takes(name) != "sound":
        return None
    model = load_sound_model(name, fit_readouts(rig))
    if not hasattr(model, "with_note"):
        return None
    return _moved_by_sound(model.with_note(note), waveform, alignment, options, rig)


def _sound_model(options: FaceOptions, rig: Rig) -> Any:
    """Give the model, told where its upper face comes from if that was said.

    Raises:
        InputError: Expression or temperature was given and the model knows neither.
    """
    model = load_sound_model(options.model, fit_readouts(rig))
    if not options.expression_from and options.temperature == 1.0:
        return model
    if not hasattr(model, "with_expression"):
        raise _no_expression(options.model)
    if not options.expression_from:
        return model.with_expression(None, options.temperature)
    from visemic.pipeline.expression import read_expression

    vertices = read_expression(options.expression_from, model.rig, model.rate)
    return model.with_expression(vertices, options.temperature)


def check_expression(options: FaceOptions) -> None:
    """Refuse an expression or a temperature for a model that is driven by phones, before any work.

    Raises:
        InputError: There is one.
    """
    if (options.expression_from or options.temperature != 1.0) and takes(options.model) == "phones":
        raise _no_expression(options.model)


def _no_expression(model: str) -> InputError:
    return InputError(f"model {model!r} takes no expression and no temperature; choose meshtalk-lite")


def _moved_by_sound(
    model: Any, waveform: Waveform, alignment: Alignment, options: FaceOptions, rig: Rig
) -> Motion:
    generator = np.random.default_rng(options.seed)
    prosody = extract_prosody(waveform)
    motion = model.generate(waveform, alignment, prosody, options.rate, options.control, generator)
    return _with_tongue(motion, alignment, rig)


def _with_tongue(motion: Motion, alignment: Alignment, rig: Rig) -> Motion:
    """Add the tongue shapes that ARKit lacks, if the head has them."""
    if not all(name in rig.layout for name in TONGUE):
        return motion
    whole = motion.to_layout(FACE_63)
    for name, curve in tongue_curves(alignment, motion.times_s).items():
        whole.values[:, FACE_63.index(name)] = curve
    return whole


def resample_motion(motion: Motion, alignment: Alignment | None, rig: Rig, rate: Rate) -> Motion:
    """Give motion at another frame rate, with the contacts of its phones imposed again.

    Interpolation alone loses closures that last a frame or two.

    Args:
        alignment: Phones on the motion's clock; None imposes nothing.
        rate: New frames a second.
    """
    there = resample(motion, rate)
    if alignment is None or not all(name in there.layout for name in ARKIT_61):
        return there
    model = load_model(RULES_MODEL, fit_readouts(rig))
    touching = model.with_contacts(there.to_layout(ARKIT_61), alignment)
    values = there.values.copy()
    values[:, there.layout.indices(ARKIT_61)] = touching.values
    return Motion(values, there.layout, rate)


def provenance(
    options: FaceOptions,
    rig: Rig,
    *,
    command: str,
    voice: str,
    voice_licence: str,
    licences: dict[str, str],
    notes: tuple[str, ...] = (),
) -> Provenance:
    """Give the manifest of a clip, with the licence of every part that took part."""
    return Provenance(
        version=__version__,
        command=command,
        seed=options.seed,
        voice=voice,
        model=options.model,
        rig=rig.name,
        licences={
            "code": CODE_LICENCE,
            f"model {options.model}": model_licence(options.model),
            f"rig {rig.name}": rig.licence,
            f"voice {voice}": voice_licence,
            **licences,
        },
        notes=notes,
    )
