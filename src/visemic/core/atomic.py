"""Files that are either whole or absent.

Everything is written under a temporary name in the target's own folder and renamed at the
end, so that a full disk, an error or a kill leaves no half file under the real name, and
a name that exists is never replaced unless asked.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visemic.core.errors import OutputError


def check_writable(path: Path, *, overwrite: bool) -> None:
    """Refuse a target before any work is spent on it.

    Raises:
        OutputError: Its folder is missing or it exists and may not be replaced.
    """
    if path.is_dir():
        raise OutputError(f"output {str(path)!r} is a folder; give a file name with a suffix")
    if not path.parent.is_dir():
        raise OutputError(f"output folder {str(path.parent)!r} does not exist; create it first")
    if path.exists() and not overwrite:
        raise OutputError(f"output {str(path)!r} exists; give another name or --overwrite")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"output folder {str(path.parent)!r} cannot be written to; choose another")


@contextmanager
def atomic_path(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path with the same suffix that becomes ``path`` when the block ends well.

    Raises:
        OutputError: The target may not be written, or the disk is full.
    """
    check_writable(path, overwrite=overwrite)
    partial = path.with_name(f".{path.stem}.{secrets.token_hex(4)}.partial{path.suffix}")
    try:
        yield partial
        if overwrite:
            os.replace(partial, path)
        else:
            # A link fails if somebody made the target meanwhile; a rename would replace it.
            try:
                os.link(partial, path)
            except FileExistsError:
                raise OutputError(f"output {str(path)!r} exists; give another name or --overwrite") from None
            except OSError:
                os.rename(partial, path)  # file systems without hard links
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError(f"no space left for {str(path)!r}; free some or choose another disk") from error
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
