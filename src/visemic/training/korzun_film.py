"""Films of the four models that the paper's viewers compared, and the knockout between them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from visemic.core.atomic import atomic_path
from visemic.evaluation.study import new_study
from visemic.rig.registry import load_rig
from visemic.training.korzun_predictor import KorzunPredictor
from visemic.training.korzun_scale import NEW_VOICES, STUDIED, KorzunScale, run_name
from visemic.training.korzun_table import long_phrases
from visemic.voices.registry import load_voice

_VIEW = "face"
_MOST_OF_A_SESSION = 6
FILMS = "films"


def make_study(
    predictors: Mapping[str, KorzunPredictor],
    scale: KorzunScale,
    seed: int,
    folder: Path,
    show: Callable[[str, int, int], None],
) -> dict[str, Any]:
    """Film long phrases in a new voice by each model and set up the pairwise study.

    Films lie beside the study in ``films/<model>/``; those that are there are kept.

    Args:
        predictors: The runs by name.
        scale: How many films, how large.
        seed: Start of chance.
        folder: Of the study.
        show: Called with films done.
    """
    from visemic.render.video import render_video

    rig, voice = load_rig("visemic"), load_voice(NEW_VOICES[-1], "en-us")
    systems = {name: folder.parent / FILMS / name for name in (run_name(*pair) for pair in STUDIED)}
    texts = long_phrases(scale.n_long, seed)[: scale.n_films]
    done, total = 0, len(texts) * len(systems)
    for number, text in enumerate(texts):
        speech = voice.speak(text)
        for name, place in systems.items():
            place.mkdir(parents=True, exist_ok=True)
            film = place / f"phrase_{number + 1:02d}.mp4"
            if not film.is_file():
                motion = predictors[name].of_sound(speech.waveform)
                with atomic_path(film, overwrite=False) as partial:
                    render_video(
                        rig,
                        motion,
                        speech.waveform,
                        partial,
                        width=scale.film_px,
                        height=scale.film_px,
                        view=_VIEW,
                    )
            done += 1
            show("films", done, total)
    if not folder.is_dir():
        new_study(
            folder,
            systems,
            kind="pairwise",
            per_session=min(_MOST_OF_A_SESSION, len(texts)),
            seed=seed,
        )
    return {
        "folder": folder.name,
        "kind": "pairwise",
        "systems": list(systems),
        "films": total,
        "texts": texts,
        "voice": NEW_VOICES[-1],
    }
