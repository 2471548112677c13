"""Archives of the tests' own making, unpacked by any Python from 3.11 on."""

import tarfile
from pathlib import Path


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack all of it into a folder."""
    if hasattr(
        tarfile, "data_filter"
    ):  # since 3.11.4; without it nothing is filtered, and what we packed needs nothing
        archive.extraction_filter = tarfile.data_filter
    archive.extractall(folder)  # noqa: S202 - see above
