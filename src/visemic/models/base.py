"""What every model of facial motion takes and gives."""

from dataclasses import dataclass

from visemic.core.errors import InputError

MAX_AMPLITUDE = 3.0


@dataclass(frozen=True)
class FaceControl:
    """How much the face does besides speaking: amplitudes, 1 natural, 0 off."""

    blink: float = 1.0
    """Rate of blinks: 1 is about 15 a minute."""
    brows: float = 1.0
    """Height of brow accents."""
    head: float = 1.0
    """Angle of head nods and sway."""
    gaze: float = 1.0
    """Size of the eyes' saccades."""

    def __post_init__(self) -> None:
        for name in ("blink", "brows", "head", "gaze"):
            value = getattr(self, name)
            if not 0 <= value <= MAX_AMPLITUDE:
                raise InputError(
                    f"{name} is {value:g}; give an amplitude from 0 (off) to {MAX_AMPLITUDE:g}, 1 is natural"
                )
