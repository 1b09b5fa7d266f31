"""Avatron's face on timed phones: the mouth as the network moves it, the upper face by rules.

The network reads phones alone, so it follows any voice whose phones are known, its own before
all: text, sound and face then share one plan of frames. It runs at the rate it learnt at, a
sentence or so at a time, and pieces overlap in the pause between them; memory is that of one
piece beside the motion. It runs twice, half a frame apart: it knows a phone only from the frames
that fall into it, and at 30 frames a second alone a closure would come up to 17 ms early or late.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from visemic.core.artifact import Artifact
from visemic.core.clock import Rate
from visemic.core.errors import ArtifactError, InputError, unknown_name
from visemic.core.layout import ARKIT_52, ARKIT_61, MOUTH_33, Layout
from visemic.core.onnx_session import open_session
from visemic.core.signals import SILENCE, Alignment, Features, Motion, Phone
from visemic.models.avatron_speech import FACE_FILE, KIND, TEXT_FILE
from visemic.models.avatron_text import (
    SYMBOLS,
    check_symbols,
    frames_of_phones,
    phone_classes,
    symbol_numbers,
    symbols_of_phones,
)
from visemic.models.avatron_timing import MEL_RATE, at_times, symbol_of_frame
from visemic.models.base import FaceControl
from visemic.models.viseme_rules import VisemeRules, VisemeRulesConfig
from visemic.models.viseme_segments import known_phones
from visemic.motion.compose import compose
from visemic.motion.emotion import EMOTIONS, emotion_weights
from visemic.rig.readout import Readouts

PIECE_PHONES = 160
"""A piece has no more phones, whatever nobody says in between."""
CUT_PAUSE_S = 0.25
"""A pause of this length ends a piece."""
CONTEXT_PHONES = 8
"""Phones that two pieces share where there is no pause between them."""
KEPT_PAUSE_S = 0.5
"""A piece hears no more of the silence before and after it."""


@dataclass(frozen=True, eq=False)
class AvatronFace:
    """The face of a trained Avatron, ready for one head."""

    name: str
    styles: tuple[str, ...]
    """Manners of moving."""
    rate: Rate
    """Frames a second that it learnt at."""
    layout: Layout
    """Channels that it moves."""
    text: Any
    face: Any
    rules: VisemeRules
    voice_style: Float32[np.ndarray, "1 channels"]
    """The text piece wants one; states do not depend on it."""
    manner: Mapping[str, float] = field(default_factory=dict)
    """How it moves when nothing else is asked; see ``generate``."""

    def in_manner(self, text: str) -> "AvatronFace":
        """Give the same face moving in a manner.

        Args:
            text: Manners with their shares, ``happy=0.6,rules=0.4``; without a number it is 1.

        Raises:
            InputError: A manner is unknown, or its share is no number from 0 to 1.
        """
        shares: dict[str, float] = {}
        for item in text.split(","):
            name, equals, number = (part.strip() for part in item.partition("="))
            try:
                shares[name] = float(number) if equals else 1.0
            except ValueError:
                raise InputError(f"share {number!r} of {name!r} is no number; give 0 to 1") from None
        self.style_of(shares)
        return replace(self, manner=shares)

    def generate(
        self,
        alignment: Alignment,
        prosody: Features | None,
        rate: Rate,
        control: FaceControl,
        generator: np.random.Generator,
        manner: Mapping[str, float] | None = None,
    ) -> Motion:
        """Give the motion of a clip over the 52 shapes and the rotations of head and eyes.

        Args:
            alignment: Phones, words and their times.
            prosody: ``features.prosody`` of the same clip for the upper face, or None.
            rate: Frames a second.
            control: Amplitudes of the upper face.
            generator: Source of chance.
            manner: Share of each manner of moving, 0 to 1, such as ``{"happy": 0.6}``; what is
                left is that of the first style. A feeling moves brows and lids too. None is that of the
                face, see ``manner``.

        Returns:
            ``rate.count(alignment.duration_s)`` frames, with the contacts of the phones imposed.

        Raises:
            InputError: A phone is not in the phone table, or a manner is unknown or out of range.
        """
        alignment = known_phones(alignment)
        manner = self.manner if manner is None else manner
        style = self.style_of(manner)
        times_s = rate.times_s(rate.count(alignment.duration_s))
        mouth = at_times(self.mouth(alignment, style), self.step_rate, times_s)
        spoken = {name: mouth[:, column].astype(float) for column, name in enumerate(self.layout.names)}
        upper = self.rules.upper_face(alignment, prosody, times_s, control, generator)
        felt = [
            {
                channel: np.full(len(times_s), weight)
                for channel, weight in emotion_weights(feeling, share).items()
                if channel not in MOUTH_33 and channel not in self.layout
            }
            for feeling, share in manner.items()
            if feeling in EMOTIONS
        ]
        whole = compose([spoken, *upper, *felt], ARKIT_61, rate, len(times_s))
        return self.rules.with_contacts(whole, alignment)

    @property
    def step_rate(self) -> Rate:
        """Steps a second of ``mouth``: two for each frame that the network learnt at."""
        return Rate.of(2 * self.rate.hz)

    def style_of(self, manner: Mapping[str, float]) -> Float32[np.ndarray, "1 styles"]:
        """Give shares of all manners of moving.

        Raises:
            InputError: A manner is unknown, or its share is not between 0 and 1, or all exceed 1.
        """
        shares = np.zeros((1, len(self.styles)), np.float32)
        for name, share in manner.items():
            if name not in self.styles:
                raise InputError(unknown_name("manner of moving", name, self.styles))
            if not 0 <= share <= 1:
                raise InputError(f"a share of {share:g} of {name!r} cannot be mixed; give 0 to 1")
            shares[0, self.styles.index(name)] = share
        total = float(shares.sum())
        if total > 1 + 1e-6:
            raise InputError(f"the manners of moving add up to {total:g}; give at most 1 in all")
        shares[0, 0] += max(0.0, 1 - total)
        return shares

    def mouth(
        self, alignment: Alignment, style: Float32[np.ndarray, "1 styles"]
    ) -> Float32[np.ndarray, "frames channels"]:
        """Give what the network itself moves, ``step_rate`` times a second, from 0 to the clip's end.

        Args:
            alignment: Phones of the phone table.
            style: From ``style_of``.
        """
        phones = gapless_phones(alignment.phones, alignment.duration_s)
        hz = float(self.step_rate)
        n = int(np.ceil(alignment.duration_s * hz - 1e-6)) + 1
        total, weight = np.zeros((n, len(self.layout)), np.float32), np.zeros(n, np.float32)
        pieces = pieces_of(phones)
        for number, piece in enumerate(pieces):
            start_s, end_s = piece[0].start_s, piece[-1].end_s
            first = int(np.ceil(start_s * hz - 1e-6))
            stop = min(n, int(np.floor(end_s * hz + 1e-6)) + 1)
            if stop <= first:
                continue
            times_s = np.arange(first, stop) / hz
            share = np.ones(stop - first)
            if number:
                share *= _ramp(times_s, start_s, pieces[number - 1][-1].end_s)
            if number + 1 < len(pieces):
                share *= 1 - _ramp(times_s, pieces[number + 1][0].start_s, end_s)
            share = np.maximum(share, 1e-4).astype(np.float32)
            total[first:stop] += share[:, None] * self._twice(piece, times_s - start_s, style)
            weight[first:stop] += share
        return _filled(total, weight)

    def _twice(
        self,
        piece: Sequence[Phone],
        times_s: Float[np.ndarray, " steps"],
        style: Float32[np.ndarray, "1 styles"],
    ) -> Float32[np.ndarray, "steps channels"]:
        """Let the network run on every other step and on those between."""
        steps = np.zeros((len(times_s), len(self.layout)), np.float32)
        for phase in range(min(2, len(times_s))):
            steps[phase::2] = self._moved(piece, times_s[phase::2], style)
        # Two runs never agree wholly; a step and its neighbours as one do not tremble.
        beside = np.concatenate([steps[:1], steps, steps[-1:]])
        return (beside[:-2] + 2 * steps + beside[2:]) / 4

    def _moved(
        self,
        piece: Sequence[Phone],
        times_s: Float[np.ndarray, " frames"],
        style: Float32[np.ndarray, "1 styles"],
    ) -> Float32[np.ndarray, "frames channels"]:
        """Give the movement of a piece at some times after its start."""
        start_s = piece[0].start_s
        phones = [replace(p, start_s=p.start_s - start_s, end_s=p.end_s - start_s) for p in piece]
        n_mel = max(1, MEL_RATE.count(phones[-1].end_s))
        owner = symbol_of_frame(frames_of_phones(phones, n_mel))
        places = np.clip(times_s * float(MEL_RATE), 0, n_mel - 1)
        before = np.minimum(places.astype(np.int64), max(0, n_mel - 2))
        symbols = symbols_of_phones(phones, "")
        heard = {"symbols": symbol_numbers(symbols, SYMBOLS)[None], "style": self.voice_style}
        (states,) = self.text.run(["states"], heard)
        inputs = {
            "states": states,
            "classes": phone_classes(symbols)[None],
            "face_style": style,
            "before": owner[before][None],
            "after": owner[np.minimum(before + 1, n_mel - 1)][None],
            "share": (places - before).astype(np.float32)[None],
        }
        moved: Float32[np.ndarray, "frames channels"] = self.face.run(None, inputs)[0][0]
        return moved


def load_avatron_face(artifact: Artifact, readouts: Readouts) -> AvatronFace:
    """Give the face of an artefact, ready for a head.

    Raises:
        ArtifactError: It is of another kind, moves vertices instead of channels, or was trained
            on other symbols.
    """
    info = artifact.info
    if info.kind != KIND:
        raise ArtifactError(f"model {info.name!r} is of kind {info.kind!r}; give one of {KIND!r}")
    if not info.channels or any(name not in ARKIT_52 for name in info.channels):
        raise ArtifactError(
            f"model {info.name!r} moves no ARKit channels, as heads have them; train it on those"
        )
    normaliser: Mapping[str, Any] = info.normaliser
    check_symbols(normaliser.get("symbols", []), info.name)
    voice_style = np.array(next(iter(normaliser["styles"].values())), np.float32)[None]
    text, moves = _pieces(_Pieces(artifact))
    face = AvatronFace(
        name=info.name,
        styles=tuple(normaliser["face_styles"]),
        rate=Rate.of(info.rates_hz["motion"]),
        layout=artifact.layout,
        text=text,
        face=moves,
        rules=VisemeRules(VisemeRulesConfig(), readouts),
        voice_style=voice_style,
    )
    manner = str(normaliser.get("manner", ""))
    return face.in_manner(manner) if manner else face


@dataclass(frozen=True)
class _Pieces:
    """An artefact by its checksum, so that its networks stay in memory."""

    artifact: Artifact

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Pieces) and self.artifact.checksum == other.artifact.checksum

    def __hash__(self) -> int:
        return hash(self.artifact.checksum)


@lru_cache(maxsize=1)
def _pieces(of: _Pieces) -> tuple[Any, Any]:
    return open_session(of.artifact.file(TEXT_FILE)), open_session(of.artifact.file(FACE_FILE))


def gapless_phones(phones: Sequence[Phone], duration_s: float) -> list[Phone]:
    """Fill what lies between, before and after phones with silence; neighbouring silences join."""
    whole: list[Phone] = []
    end_s = 0.0
    for phone in (*phones, Phone(SILENCE, duration_s, duration_s)):
        if phone.start_s > end_s + 1e-3:
            whole.append(Phone(SILENCE, end_s, phone.start_s))
        if phone.end_s > phone.start_s:
            whole.append(phone)
        end_s = max(end_s, phone.end_s)
    joined: list[Phone] = []
    for phone in whole:
        if joined and joined[-1].label == phone.label == SILENCE:
            joined[-1] = replace(joined[-1], end_s=phone.end_s)
        else:
            joined.append(phone)
    return joined


def pieces_of(phones: Sequence[Phone]) -> list[list[Phone]]:
    """Cut phones where pauses are, or where a piece would be too long; neighbours overlap.

    Args:
        phones: Without gaps.

    Returns:
        Pieces in order. Where a pause parts two, each has no more of it than it needs; elsewhere
        both have the phones around the cut.
    """
    pieces: list[list[Phone]] = []
    first = 0
    for place, phone in enumerate(phones):
        is_last = place + 1 == len(phones)
        is_pause = phone.label == SILENCE and phone.duration_s >= CUT_PAUSE_S and place > first
        if not (is_last or is_pause or place - first >= PIECE_PHONES):
            continue
        if is_last or is_pause:
            pieces.append(_with_short_pauses(phones[first : place + 1]))
            first = place
        else:
            pieces.append(_with_short_pauses(phones[first : place + 1]))
            first = place - CONTEXT_PHONES
    return pieces


def _with_short_pauses(phones: Sequence[Phone]) -> list[Phone]:
    piece = list(phones)
    if len(piece) > 1 and piece[0].label == SILENCE:
        piece[0] = replace(piece[0], start_s=max(piece[0].start_s, piece[0].end_s - KEPT_PAUSE_S))
    if piece[-1].label == SILENCE:
        piece[-1] = replace(piece[-1], end_s=min(piece[-1].end_s, piece[-1].start_s + KEPT_PAUSE_S))
    return piece


def _ramp(
    times_s: Float[np.ndarray, " frames"], start_s: float, end_s: float
) -> Float[np.ndarray, " frames"]:
    """Give 0 before the start, 1 after the end, and a straight line between."""
    if end_s <= start_s:
        return np.ones(len(times_s))
    return np.clip((times_s - start_s) / (end_s - start_s), 0.0, 1.0)


def _filled(
    total: Float32[np.ndarray, "frames channels"], weight: Float32[np.ndarray, " frames"]
) -> Float32[np.ndarray, "frames channels"]:
    """Divide by the weights, and lead from one piece to the next where there is none."""
    known = np.flatnonzero(weight > 0)
    if not len(known):
        return total
    values = total[known] / weight[known, None]
    if len(known) == len(weight):
        return values
    frames = np.arange(len(weight))
    return np.stack([np.interp(frames, known, column) for column in values.T], 1).astype(np.float32)
