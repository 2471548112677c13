"""The ledger's own error family. A class has a stable code and the HTTP status it maps to."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request body; `path` is a JSON Pointer into it."""

    code: str
    path: str
    message: str


class LedgerError(Exception):
    """Root of the family."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(LedgerError):
    """A setting is missing or malformed; the process must not start."""

    code = "configuration.invalid"


class Unauthenticated(LedgerError):
    """No service token, or not the right one."""

    code = "auth.required"
    status = 401
    title = "Authentication required"


class Malformed(LedgerError):
    """The request cannot be read."""

    code = "request.malformed"
    status = 400
    title = "Malformed request"


class TooLarge(LedgerError):
    """The body is over the limit."""

    code = "request.too_large"
    status = 413
    title = "Request too large"


class Invalid(LedgerError):
    """The request was read and breaks rules; every fault is listed and nothing was registered."""

    code = "validation.failed"
    status = 422
    title = "Not valid"

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(fault.message for fault in faults[:3]))
        self.faults = faults


class NotFound(LedgerError):
    """The log has no such entry, tree size or key."""

    code = "not_found"
    status = 404
    title = "Not found"


class HistoryLost(LedgerError):
    """The database does not hold what was signed before: restored from an older backup, or changed underneath.

    Nothing is appended or signed until an operator has put the history back.
    """

    code = "ledger.history_lost"
    status = 503
    title = "The log does not extend what was signed"


class Unavailable(LedgerError):
    """The database does not answer."""

    code = "dependency.unavailable"
    status = 503
    title = "Temporarily unavailable"


class KeyMissing(Unavailable):
    """No private key that is in use is at hand in this process."""

    code = "ledger.key_missing"


class NoteError(LedgerError):
    """A signed note, a checkpoint or a verifier key is malformed or not signed by a known key."""

    code = "note.invalid"
    status = 422
    title = "Not a valid signed note"
