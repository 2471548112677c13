"""Taking secrets and payloads out of what the decision log keeps."""

from engine.jsonvalue import Json, JsonObject

HIDDEN = "**********"
SECRET_MEMBERS = frozenset(
    {
        "secret",
        "password",
        "token",
        "authorization",
        "apikey",
        "api_key",
        "credentials",
        "dsn",
        "privatekey",
        "private_key",
    }
)
PAYLOAD_POINTERS = ("/context/triggerData", "/context/formData", "/context/payload")
"""Whole payloads of tenants: policy sees them, the log does not keep them."""


def mask(request: JsonObject) -> tuple[JsonObject, tuple[str, ...]]:
    """A copy without payloads and secrets, and the JSON Pointers of what was hidden."""
    pointers: list[str] = []
    hidden = _mask(request, "", pointers)
    return (hidden if isinstance(hidden, dict) else {}), tuple(pointers)


def _mask(value: Json, pointer: str, pointers: list[str]) -> Json:
    if pointer in PAYLOAD_POINTERS and value is not None:
        pointers.append(pointer)
        return HIDDEN
    if isinstance(value, dict):
        return {name: _member(name, entry, f"{pointer}/{_escape(name)}", pointers) for name, entry in value.items()}
    if isinstance(value, list):
        return [_mask(entry, f"{pointer}/{index}", pointers) for index, entry in enumerate(value)]
    return value


def _member(name: str, value: Json, pointer: str, pointers: list[str]) -> Json:
    if name.lower() in SECRET_MEMBERS and value is not None:
        pointers.append(pointer)
        return HIDDEN
    return _mask(value, pointer, pointers)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
