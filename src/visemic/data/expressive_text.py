"""Everyday sentences of our own that say nothing of a feeling, and those of a user's file.

Actors of emotions speak neutral words, so that how something is said is not told by what is
said. The lists meet every English phoneme and are full of P, B and M, where a feeling must
not part the lips.
"""

from pathlib import Path

from visemic.core.errors import FormatError

MIN_WORDS, MAX_WORDS = 5, 12
"""Length of a sentence taken from a file; ours lie within."""
UNSEEN_EVERY = 4
"""Every so many-th sentence is kept for actors whom no model shall know."""

SENTENCES = tuple(
    line.strip()
    for line in """
    The bus stops in front of the blue building.
    My brother put the map back on the table.
    We will meet at the bridge before breakfast.
    Somebody moved the chairs into the other room.
    The number on the door is twenty seven.
    Please bring the paper from the upper shelf.
    They parked the van behind the supermarket.
    There is a jug of water by the window.
    Both maps show the path along the river.
    She reads the newspaper every morning at seven.
    The package came by post this afternoon.
    I think we should open the box tomorrow.
    He works in an office above the bookshop.
    The lamp stands between the bed and the wall.
    You can buy a ticket at the machine over there.
    Most people walk home through the park.
    The meeting was moved to Thursday at five.
    A brown bag is lying under the bench.
    We painted the kitchen white five years ago.
    The film begins about half past eight.
    My mother lives in a village by the sea.
    The boys were playing football behind the barn.
    Put the big pot on the back of the stove.
    There were three cups of coffee on the tray.
    The shop opens again after the lunch break.
    He has been on the phone for an hour.
    Our train leaves from platform number four.
    The baker gave me bread and a bit of butter.
    Everybody from the team will be here by noon.
    She keeps her keys in the top drawer.
    The garden has apple trees and a small pond.
    I saw your bicycle in front of the pharmacy.
    They are building a new road to the airport.
    The map on the wall is older than I am.
    We usually have soup and bread for supper.
    The children put their boots beside the door.
    His answer came in a letter this week.
    A man with a yellow umbrella asked the way.
    The measure is written on the back of the page.
    You will find the bathroom up the stairs.
    The computer makes a beep when it is ready.
    My name is on the list of members.
    Some of the boxes were put in the basement.
    The picture above the piano shows a ship.
    We could take the early boat to the island.
    The teacher wrote the problem on the board.
    That shelf is full of maps and old papers.
    She put a pear and a plum in the bag.
    The beach is about five miles from the camp.
    I have been to that museum two times before.
    The plumber comes on Monday between nine and ten.
    They bought a table and four chairs for the porch.
    The book about birds belongs to my father.
    He came back from the market with a melon.
    There is usually a breeze from the north.
    Both of them changed their plans for the summer.
    The television is on in the room above us.
    We need a bigger pan for the mushrooms.
    The program for the evening is on the website.
    A cup of tea is waiting for you in the garage.
    """.strip().splitlines()
)
"""Neutral sentences of 6 to 12 words."""


def sentences_of_file(path: Path) -> tuple[str, ...]:
    """Give the sentences of a file that are neither too short nor too long.

    Args:
        path: One sentence a line; of columns parted by tabs, as corpora list their texts, the
            last is the sentence.

    Raises:
        FormatError: The file cannot be read, or holds fewer than eight such sentences.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"sentences {str(path)!r} cannot be read: {error}; give a text file") from error
    found = dict.fromkeys(line.split("\t")[-1].strip() for line in lines)
    kept = tuple(text for text in found if MIN_WORDS <= len(text.split()) <= MAX_WORDS)
    if len(kept) < 2 * UNSEEN_EVERY:
        raise FormatError(
            f"file {str(path)!r} has {len(kept)} sentences of {MIN_WORDS} to {MAX_WORDS} words; "
            f"give at least {2 * UNSEEN_EVERY}"
        )
    return kept


def parted(sentences: tuple[str, ...], *, is_unseen: bool) -> tuple[str, ...]:
    """Give the sentences for actors of the training, or those kept from it.

    Example:
        >>> set(parted(SENTENCES, is_unseen=True)) & set(parted(SENTENCES, is_unseen=False))
        set()
    """
    return tuple(s for i, s in enumerate(sentences) if (i % UNSEEN_EVERY == UNSEEN_EVERY - 1) == is_unseen)
