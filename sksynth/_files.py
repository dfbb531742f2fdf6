"""Files that appear complete or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def replaced(path):
    """Path of a file to write beside ``path``, which it replaces after the block.

    If the block fails, the file beside goes away and an old ``path`` stays as it was.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent} for the file {path.name}")
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield beside
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
