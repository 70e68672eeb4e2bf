"""A secret that is made once and kept in a file that only its owner reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import mkstemp


def kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in the file; made there where there is none, by whoever comes first."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _place(path, make())
    return path.read_text(encoding="utf-8").strip()


def _place(path: Path, secret: str) -> None:
    """Write it whole beside its place and then give it its name, so that nobody ever reads half of it."""
    handle, made = mkstemp(dir=path.parent, prefix=".secret-")  # readable by its owner only
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            if not path.exists():
                Path(made).replace(path)
    finally:
        Path(made).unlink(missing_ok=True)
