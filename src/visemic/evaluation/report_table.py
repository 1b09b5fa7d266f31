"""Tables of reports in Markdown."""

from collections.abc import Iterable, Sequence


def table_head(titles: Sequence[str]) -> list[str]:
    """Give the lines above the rows of a table."""
    return [table_row(titles), "|" + "---|" * len(titles)]


def table_row(cells: Iterable[object]) -> str:
    """Give one row of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def table(titles: Sequence[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """Give the lines of a whole table."""
    return [*table_head(titles), *(table_row(row) for row in rows)]
