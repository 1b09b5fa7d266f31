"""pocketsphinx as this package uses it: which model, which frames, which clock.

Every piece of sound gets a decoder of its own, made in a few milliseconds: one that has
heard something before decides differently, and results must not depend on the order.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32

from visemic.core.errors import AudioError
from visemic.core.signals import SILENCE

FRAME_SAMPLES = 160
FRAME_S = 0.01
FRAME_OFFSET_S = (410 / 2 - FRAME_SAMPLES / 2) / 16_000
"""A frame looks at 25.6 ms. Two neighbours differ most where the middle between their
middles lies, which is this much after the nominal start of the second; measured with voices
whose phone times are known, the uncorrected boundaries are 8 ms early."""

PAD_FRAMES = 25
"""Near-silence before and after every piece: the search needs silence to start and end in."""
_PAD_LEVEL = 3.0
"""Standard deviation of that silence in steps of 16 bit; digital silence upsets the model."""

PHONES = frozenset([
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F",
    "G", "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P",
    "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
])  # fmt: skip
"""What the acoustic model knows: ARPAbet without stress."""


def padded_pcm(samples: Float32[np.ndarray, " samples"], gain: float) -> bytes:
    """Give sound as 16 bit little-endian bytes with near-silence at both ends.

    Args:
        samples: Sound at 16 kHz.
        gain: Factor to the range of 16 bit integers.
    """
    n_pad = PAD_FRAMES * FRAME_SAMPLES
    # The same noise every time, so that the same sound gives the same phones.
    noise = np.random.default_rng(0).normal(0.0, _PAD_LEVEL, 2 * n_pad).astype(np.float32)
    whole = np.concatenate([noise[:n_pad], samples * gain, noise[n_pad:]])
    return np.clip(np.rint(whole), -32_768, 32_767).astype("<i2").tobytes()


def label_of(name: str) -> str:
    """Give the phone label for what pocketsphinx calls it; noises and fillers are silence."""
    return name if name in PHONES else SILENCE


def recognise_pcm(pcm: bytes) -> list[tuple[str, int, int]]:
    """Recognise phones in one piece of sound.

    Args:
        pcm: What ``padded_pcm`` gives, at most half a minute.

    Returns:
        Label, first frame and frame after the last, counted from the start of the piece
        without its padding, so that the first may be negative.
    """
    import pocketsphinx

    models = pocketsphinx.get_model_path()
    # A light touch of the phone statistics and moderate beams: tuned by frames right
    # against forced alignments; more of either loses lip closures and gains nothing.
    decoder = _decoder(
        models,
        allphone=f"{models}/en-us/en-us-phone.lm.bin",
        lw=1.5,
        beam=1e-10,
        pbeam=1e-10,
    )
    _run(decoder, pcm)
    return [
        (label_of(s.word), s.start_frame - PAD_FRAMES, s.end_frame + 1 - PAD_FRAMES)
        for s in decoder.seg() or ()
        if s.end_frame >= s.start_frame
    ]


def align_pcm(
    pcm: bytes, pronunciations: list[tuple[tuple[str, ...], ...]]
) -> list[list[tuple[str, int, int]]] | None:
    """Find given words in one piece of sound.

    Args:
        pcm: What ``padded_pcm`` gives.
        pronunciations: For each word those to choose from, phones of ``PHONES``.

    Returns:
        For each word its phones as in ``recognise_pcm``; what lies between words is silence.
        None when the words do not fit the sound.
    """
    import pocketsphinx

    # The default beams lose the transcript; the second pass cannot use a lattice's times.
    decoder = _decoder(
        pocketsphinx.get_model_path(), lm=None, bestpath=False, beam=1e-100, pbeam=1e-100, wbeam=1e-80
    )
    names: dict[tuple[tuple[str, ...], ...], str] = {}
    for choices in pronunciations:
        if choices not in names:
            name = names[choices] = f"w{len(names)}"
            for number, phones in enumerate(choices):
                decoder.add_word(
                    f"{name}({number + 1})" if number else name, " ".join(phones), number == len(choices) - 1
                )
    try:
        decoder.set_align_text(" ".join(names[choices] for choices in pronunciations))
        _run(decoder, pcm)
        if decoder.hyp() is None:
            return None
        decoder.set_alignment()
        _run(decoder, pcm)
        found = decoder.get_alignment()
    except RuntimeError:
        # Its way of saying that the last word was not reached.
        return None
    words = [
        [(p.name, p.start - PAD_FRAMES, p.start + p.duration - PAD_FRAMES) for p in word]
        for word in found.words()
        if word.name.split("(")[0] in names.values()
    ]
    return words if len(words) == len(pronunciations) else None


def _decoder(models: str, **settings: Any) -> Any:
    import pocketsphinx

    try:
        return pocketsphinx.Decoder(
            hmm=f"{models}/en-us/en-us", dict=None, loglevel="FATAL", **{"lm": None, **settings}
        )
    except (RuntimeError, ValueError) as error:
        raise AudioError(
            "the speech recogniser finds no model in the pocketsphinx package; reinstall pocketsphinx"
        ) from error


def _run(decoder: Any, pcm: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(pcm, False, True)
    decoder.end_utt()
