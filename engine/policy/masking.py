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
    hidden = _members(request, "", pointers)
    return hidden, tuple(pointers)


def _mask(value: Json, pointer: str, pointers: list[str]) -> Json:
    if isinstance(value, dict):
        return _members(value, pointer, pointers)
    if isinstance(value, list):
        return [_mask(entry, f"{pointer}/{index}", pointers) for index, entry in enumerate(value)]
    return value


def _members(value: JsonObject, pointer: str, pointers: list[str]) -> JsonObject:
    payloads = PAYLOADS if pointer == "/context" else frozenset()
    masked: JsonObject = {}
    for name, entry in value.items():
        if entry is not None and (name.lower() in SECRET_MEMBERS or name in payloads):
            pointers.append(f"{pointer}/{_escape(name)}")
            masked[name] = HIDDEN
        elif entry and isinstance(entry, _CONTAINERS):
            masked[name] = _mask(entry, f"{pointer}/{_escape(name)}", pointers)
        else:
            masked[name] = entry  # most are scalars or empty: neither a call nor a pointer for them
    return masked


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
