"""Bodies of answers as JSON values of a step's output."""

import base64

from engine.actions.outbound.requests import HttpResponse
from engine.jsonvalue import Json, dumps, loads


def body_value(response: HttpResponse) -> Json:
    """The body: parsed when it is JSON, else text, else `{base64}`; null when there is none.

    What calls itself JSON and is none, or cannot be stored (too deep), stays text.
    """
    if not response.body:
        return None
    media_type, charset = _content_type(response.header("content-type") or "")
    if media_type == "application/json" or media_type.endswith("+json"):
        parsed = json_value(response.body)
        if parsed is not None:
            return parsed[0]
    return _text(response.body, charset)


def json_value(body: bytes) -> tuple[Json] | None:
    """The JSON value of a body, in a tuple of one; None when it is no JSON that can be stored."""
    try:
        value = loads(body)
        dumps(value)  # finds what is nested too deeply to be written again
    except (ValueError, TypeError):
        return None
    return (value,)


def _text(body: bytes, charset: str) -> Json:
    try:
        text = body.decode(charset)
        text.encode("utf-8")
    except (UnicodeError, LookupError):
        return {"base64": base64.b64encode(body).decode("ascii")}
    return text


def _content_type(header: str) -> tuple[str, str]:
    media_type, _, parameters = header.partition(";")
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"') or charset
    return media_type.strip().lower(), charset
