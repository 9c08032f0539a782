"""Files that hold secrets and are open to more than their owner and group."""

import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

# Kubernetes mounts a volume as links through a folder that is named for the time. Modes mean
# little there: 0644 is the default, and nobody else lives in the container.
_VOLUME: Final = re.compile(r"/\.\.[0-9]{4}_[0-9]{2}_[0-9]{2}_[^/]*/")

_log = structlog.get_logger()


def warn_of_open_files(files: Iterable[Path]) -> None:
    """Log one line for each of the files that others may read or write; blocking.

    Those that are not there, and volumes of Kubernetes, are left out.
    """
    for file in dict.fromkeys(files):
        mode = _mode_for_others(file)
        if mode is not None:
            _log.warning(
                "a file with secrets is open to others than its owner and group",
                file=str(file),
                mode=f"{mode:04o}",
                advice=f"chmod o= {file}",
            )


def _mode_for_others(file: Path) -> int | None:
    """The mode of a file that others have any right to; None if they have none."""
    try:
        found = file.stat()
    except OSError:
        return None
    mode = stat.S_IMODE(found.st_mode)
    if not mode & stat.S_IRWXO or not stat.S_ISREG(found.st_mode):
        return None
    return None if _VOLUME.search(os.path.realpath(file)) else mode
