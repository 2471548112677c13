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
PAYLOADS = frozenset({"triggerData", "formData", "payload"})
"""Members of `/context` that are whole payloads of tenants: policy sees them, the log does not keep them."""

_CONTAINERS = (dict, list)


def mask(request: JsonObject) -> tuple[JsonObject, tuple[str, ...]]:
    """A copy without payloads and secrets, and the JSON Pointers of what was hidden."""
    pointers: list[str] = []
    hidden = _mask(request, "", pointers)
    return (hidden if isinstance(hidden, dict) else {}), tuple(pointers)


def _mask(value: Json, pointer: str, pointers: list[str]) -> Json:
    if isinstance(value, dict):
        return {name: _member(name, entry, pointer, pointers) for name, entry in value.items()}
    if isinstance(value, list):
        return [_mask(entry, f"{pointer}/{index}", pointers) for index, entry in enumerate(value)]
    return value


def _member(name: str, value: Json, around: str, pointers: list[str]) -> Json:
    if value is None:
        return None
    if name.lower() in SECRET_MEMBERS or (name in PAYLOADS and around == "/context"):
        pointers.append(f"{around}/{_escape(name)}")
        return HIDDEN
    # Most members are scalars, which need no pointer: this is half of the time of a decision's record.
    return _mask(value, f"{around}/{_escape(name)}", pointers) if isinstance(value, _CONTAINERS) else value


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
