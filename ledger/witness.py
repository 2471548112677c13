"""The memory outside of the database: the last checkpoint that was signed, so that a restored database is noticed."""

from pathlib import Path

from ledger.errors import HistoryLost, NoteError
from ledger.files import write_durably
from ledger.notes import Checkpoint, parse_checkpoint


class Witness:
    """A file with the note of the last signed checkpoint.

    It is written before the checkpoint leaves the process, hence it is never behind what anybody has seen from here.
    Keep it on other storage than the database, and out of the database's backups.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> Checkpoint | None:
        """The last signed checkpoint; `None`: nothing was signed with this data folder.

        Raises:
            HistoryLost: the file cannot be read as a checkpoint, so nobody knows what was signed.
        """
        try:
            note = self._file.read_bytes().decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise HistoryLost(f"The witness file {self._file.name} cannot be read: {exc}.") from exc
        try:
            return parse_checkpoint(note.partition("\n\n")[0] + "\n")
        except NoteError as exc:
            raise HistoryLost(f"The witness file {self._file.name} holds no checkpoint: {exc.message}") from exc

    def write(self, note: str) -> None:
        """Remember a note durably."""
        write_durably(self._file, note.encode(), mode=0o600)
