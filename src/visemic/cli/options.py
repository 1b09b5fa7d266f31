"""Options that several commands share, by one name and one meaning."""

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[
    list[Path],
    typer.Option(
        "-o",
        "--out",
        metavar="FILE",
        help="Output file; repeat for several. The suffix picks the format.",
        show_default=False,
    ),
]
Fps = Annotated[str, typer.Option(help="Frames a second: 24, 25, 29.97, 30, 60 or 30000/1001.")]
RigName = Annotated[str, typer.Option("--rig", help="Head; see visemic rigs.")]
ModelName = Annotated[str, typer.Option("--model", help="Model of motion; see visemic models.")]
Seed = Annotated[int, typer.Option(help="Start of chance: the same seed gives the same bytes.")]
Blink = Annotated[float, typer.Option(help="Rate of blinks: 0 off, 1 natural, at most 3.")]
Brows = Annotated[float, typer.Option(help="Height of brow accents: 0 off, 1 natural, at most 3.")]
Head = Annotated[float, typer.Option(help="Angle of head motion: 0 off, 1 natural, at most 3.")]
Gaze = Annotated[float, typer.Option(help="Size of eye motion: 0 off, 1 natural, at most 3.")]
ExpressionFrom = Annotated[
    str,
    typer.Option(
        "--expression-from",
        metavar="CLIP",
        help="With a MeshTalk: file of motion, or STORE/speaker/clip, that the upper face follows.",
        show_default=False,
    ),
]
Temperature = Annotated[
    float, typer.Option(help="With a MeshTalk: chance of the upper face, 0 the likeliest, 1 as trained.")
]
Lang = Annotated[str, typer.Option(help="Language of the text, such as en-us, fr, de.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print one machine-readable line instead of text.")]
Width = Annotated[int, typer.Option(help="Width of mp4 and png in pixels.")]
Height = Annotated[int, typer.Option(help="Height of mp4 and png in pixels.")]
ViewName = Annotated[
    str, typer.Option("--view", help="Camera of mp4 and png: front, three_quarter, profile, face or mouth.")
]
Subtitles = Annotated[
    bool, typer.Option("--subtitles", help="Write the words on mp4 and png, the spoken one in colour.")
]
Labels = Annotated[
    bool, typer.Option("--labels", help="Write the spoken phone and its viseme on mp4 and png.")
]
Curves = Annotated[bool, typer.Option("--curves", help="Show curves below mp4 and png.")]
Wireframe = Annotated[bool, typer.Option("--wireframe", help="Show the edges of the mesh on mp4 and png.")]
NoteFile = Annotated[
    Path | None,
    typer.Option("--note", help="Acting note, .json or .txt: how to look, span by span.", show_default=False),
]
Emotion = Annotated[
    str,
    typer.Option(
        "--emotion", metavar="NAME[:LEVEL]", help="Emotion of the whole clip, such as happy:0.6.",
        show_default=False,
    ),
]  # fmt: skip
Act = Annotated[bool, typer.Option("--act", help="Write a note from the speech and act it.")]
AtRest = Annotated[
    Path | None,
    typer.Option(
        "--at-rest", help="Same speaker without feeling, recorded alike: notes are truer.", show_default=False
    ),
]
SaveNote = Annotated[
    Path | None,
    typer.Option(
        "--save-note", help="Write the note that was acted, .json or .txt: a given one as it was given.",
        show_default=False,
    ),
]  # fmt: skip
Since = Annotated[
    list[Path],
    typer.Option(
        "--since",
        metavar="NOTE",
        help="Note of an earlier run: only spans that differ move otherwise. Repeat it, oldest first, "
        "after several edits.",
        show_default=False,
    ),
]
File = Annotated[
    Path | None, typer.Option("-f", "--file", help="Read the text from a file; - is standard input.")
]
Said = Annotated[
    str | None,
    typer.Option("--text", help="What is said: phones are aligned, not recognised.", show_default=False),
]
VoiceName = Annotated[
    str | None, typer.Option("--voice", help="Voice; see visemic voices.", show_default=False)
]
Tempo = Annotated[float, typer.Option(help="Speed of voice and face: 0.5 half to 2 double.")]
Duration = Annotated[
    float | None, typer.Option(help="Exact length in seconds, voice and face together.", show_default=False)
]
