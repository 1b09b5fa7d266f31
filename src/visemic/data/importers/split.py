"""Who learns and who judges, where a corpus does not say: fixed by names, not by order.

A name falls into the same part for ever, however many files come later.
"""

import hashlib

from visemic.data.recording import Split

_PARTS = 1_000


def split_of(name: str, *, validation: float = 0.1, test: float = 0.1) -> Split:
    """Give the part that a name falls into.

    Args:
        name: Of a clip, or of a speaker where whole speakers are held out.
        validation: Share of all names, 0 to 1.
        test: Share of all names, 0 to 1.

    Example:
        >>> split_of("anna/take-3") == split_of("anna/take-3")
        True
    """
    digest = hashlib.sha256(name.encode("utf-8")).digest()
    place = int.from_bytes(digest[:8], "big") % _PARTS / _PARTS
    if place < test:
        return "test"
    return "validation" if place < test + validation else "train"
