"""The pages of a study: plain HTML, one style sheet, one script, nothing from elsewhere.

A page carries its own plan, so that it works from any web server and even from a disk; then
the answers are saved as a file at the end. All that can be done with a pointer can be done
with keys, and nothing needs sound.
"""

import json
from html import escape
from pathlib import Path

from visemic.evaluation.study import MEDIA, SCALE, Study, Trial

LABELS = {
    "mos": ("Bad", "Poor", "Fair", "Good", "Excellent"),
    "smos": ("Not at all", "A little", "Partly", "Very", "Entirely"),
}
_HERE = Path(__file__).parent


def site_files(study: Study) -> dict[str, str]:
    """Give the text of every page and asset by file name; none names a system."""
    files = {
        "index.html": _index(study),
        "study.js": (_HERE / "study_page.js").read_text(encoding="utf-8"),
        "study.css": (_HERE / "study_page.css").read_text(encoding="utf-8"),
    }
    for number in range(len(study.sessions)):
        files[session_file(number)] = _session(study, number)
    return files


def session_file(number: int) -> str:
    """Give the page of a session."""
    return f"session-{number + 1:04d}.html"


def check_instruction(study: Study, trial: Trial) -> str:
    """Give what an attention check asks for."""
    if study.kind == "pairwise":
        return f"This is a check that you are reading. Please choose the {trial.wanted} clip."
    return f"This is a check that you are reading. Please choose {trial.wanted}."


def _plan(study: Study, number: int) -> dict[str, object]:
    return {
        "session": number,
        "kind": study.kind,
        "question": study.question,
        "scale": [[value, LABELS[study.kind][value - 1]] for value in SCALE] if study.kind in LABELS else [],
        "trials": [
            {
                "id": trial.trial_id,
                "clips": list(trial.clips),
                "flips": list(trial.flips),
                "reference": trial.reference,
                "instruction": check_instruction(study, trial) if trial.wanted else "",
            }
            for trial in study.sessions[number]
        ],
    }


def _page(title: str, body: str, data: dict[str, object]) -> str:
    # The one character that could end the element early is written as an escape of JSON.
    plain = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)}</title>
<link rel="stylesheet" href="study.css">
<link rel="icon" href="data:,">
</head>
<body>
<main>
{body}
</main>
<noscript><p class="note">This study needs JavaScript, only its own.</p></noscript>
<script type="application/json" id="plan">{plain}</script>
<script src="study.js"></script>
</body>
</html>
"""


def _index(study: Study) -> str:
    keys = (
        "<kbd>←</kbd> <kbd>→</kbd> choose a clip"
        if study.kind == "pairwise"
        else "<kbd>1</kbd> to <kbd>5</kbd> rate"
    )
    body = f"""<h1>Watch some faces speak</h1>
<p>You will see short clips of a speaking face. For each, one question:
<strong>{escape(study.question)}</strong>
There is no right or wrong: your impression counts. Some tasks are checks that tell you what to answer.</p>
<p>Your answers are kept under a random number. No name, address or other data is asked for or kept.
You can stop at any time by closing the page.</p>
<p>Keys: <kbd>Space</kbd> plays, <kbd>R</kbd> plays again, {keys}, <kbd>Enter</kbd> goes on.</p>
<form id="begin">
<fieldset>
<legend>Sound</legend>
<label><input type="radio" name="sound" value="on" checked> I hear sound</label>
<label><input type="radio" name="sound" value="off"> I watch without sound</label>
</fieldset>
<button type="submit" class="main">Begin</button>
</form>
<p id="message" role="status" aria-live="polite"></p>"""
    return _page("Watch some faces speak", body, {"index": True, "sessions": len(study.sessions)})


def _session(study: Study, number: int) -> str:
    body = """<header>
<p id="progress" role="status" aria-live="polite"></p>
<progress id="bar" value="0" max="1" aria-label="Tasks done"></progress>
</header>
<div id="task"></div>
<p id="message" role="status" aria-live="polite"></p>"""
    plan = {**_plan(study, number), "media": MEDIA}
    return _page(f"Session {number + 1}", body, plan)
