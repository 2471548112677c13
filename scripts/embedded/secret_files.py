"""Random secrets of the embedded mode, made on first start and kept under the data folder with mode 0600."""

import os
import secrets
from pathlib import Path

_BYTES = 32


def keep_secret(file: Path) -> str:
    """The secret in `file`, made at random the first time. A crash while it is made leaves no half secret."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        pass
    file.parent.mkdir(parents=True, exist_ok=True)
    value = secrets.token_urlsafe(_BYTES)
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(value + "\n")
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(file)
    return value
