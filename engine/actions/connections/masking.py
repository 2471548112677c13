"""Taking secrets out of what comes back: far sides echo what they were sent, in answers and in errors."""

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, urlsplit

from engine.actions.connections.secrets import MASK
from engine.actions.interface import Failed, Result, Succeeded
from engine.jsonvalue import Json, JsonObject, dumps

SHORTEST_MASKED = 4
"""Shorter secrets would take ordinary text away with them; connections refuse secrets shorter than this."""
SHORTEST_PART = 8
"""Parts of secrets that are shorter do not matter by themselves."""
SHORTEST_CUT = 100
"""Texts of far sides are cut at this length or later: the end of such a text may be the beginning of a secret."""


class Masker:
    """Replaces secrets, plainly written or in the usual encodings, wherever they appear in a value."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if len(secret) >= SHORTEST_MASKED:
                forms.update(form for part in _parts(secret) for form in _forms(part))
        # Longest first, so that a secret that is part of another does not leave the other's rest behind.
        self._forms = tuple(sorted(forms, key=len, reverse=True))

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        if len(text) >= SHORTEST_CUT:
            text = text[: min((_cut_at(text, form) for form in self._forms), default=len(text))]
        return text

    def json(self, value: Json) -> Json:
        """The value with every secret replaced, in member names too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(part) for part in value]
        if isinstance(value, dict):
            return self.object(value)
        return value

    def object(self, value: JsonObject) -> JsonObject:
        """The object with every secret replaced."""
        return {self.text(name): self.json(part) for name, part in value.items()}

    def result(self, result: Result) -> Result:
        """The result of an action with every secret replaced."""
        if not self._forms:
            return result
        if isinstance(result, Succeeded):
            return Succeeded(self.json(result.output))
        return Failed(
            code=self.text(result.code),
            message=self.text(result.message),
            retryable=result.retryable,
            retry_after_ms=result.retry_after_ms,
            details=None if result.details is None else self.object(result.details),
        )


def _cut_at(text: str, form: str) -> int:
    """Where the text ends with the beginning of a secret, as one that was cut does; its length: nowhere."""
    begin = form[:SHORTEST_MASKED]
    at = text.find(begin, max(0, len(text) - len(form) + 1))
    while at >= 0 and not form.startswith(text[at:]):
        at = text.find(begin, at + 1)
    return at if at >= 0 else len(text)


def _parts(secret: str) -> Iterator[str]:
    """A secret, and what of it is secret by itself: credentials without a scheme, the path of a URL, its last name."""
    yield secret
    _, _, credentials = secret.partition(" ")
    path = urlsplit(secret).path if secret.startswith(("http://", "https://")) else ""
    yield from (part for part in (credentials, path, path.rpartition("/")[2]) if len(part) >= SHORTEST_PART)


def _forms(secret: str) -> set[str]:
    encoded = base64.b64encode(secret.encode())
    return {
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        dumps(secret)[1:-1],
        encoded.decode(),
        encoded.decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    }
