"""Query parameters of the ledger's mirror, and what it answers; the answers are the ledger's own."""

from dataclasses import dataclass
from typing import Final

from engine.jsonvalue import Json, JsonObject
from rest_shim.shapes import Rule, wire

_LARGEST: Final = 2**53 - 1
_INDEX: Final = Rule("Of the entry.", minimum=0, maximum=_LARGEST)
_LEAF: Final = Rule("Of the entry, in hex.", name="leafHash", pattern="^[0-9a-f]{64}$")
_SIZE: Final = Rule("Of the log; the newest if absent.", minimum=0, maximum=_LARGEST)


@dataclass(frozen=True, slots=True)
class InclusionQuery:
    """Which entry, and in which size of the log."""

    index: int | None = wire(_INDEX, default=None)
    leaf_hash: str | None = wire(_LEAF, default=None)
    size: int | None = wire(_SIZE, default=None)

    def parameters(self) -> dict[str, str]:
        """As the ledger takes them."""
        return _given({"index": self.index, "leafHash": self.leaf_hash, "size": self.size})


@dataclass(frozen=True, slots=True)
class ConsistencyQuery:
    """Which two sizes."""

    first: int = wire(Rule("The smaller size.", minimum=0, maximum=_LARGEST))
    second: int | None = wire(_SIZE, default=None)

    def parameters(self) -> dict[str, str]:
        """As the ledger takes them."""
        return _given({"first": self.first, "second": self.second})


def _given(values: dict[str, int | str | None]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


def _object(description: str, **properties: JsonObject) -> JsonObject:
    names: list[Json] = [*properties]
    return {"type": "object", "description": description, "properties": {**properties}, "required": names}


_TEXT: Final[JsonObject] = {"type": "string"}
_OPTIONAL_TEXT: Final[JsonObject] = {"type": ["string", "null"]}
_NUMBER: Final[JsonObject] = {"type": "integer"}
_TEXTS: Final[JsonObject] = {"type": "array", "items": _TEXT}

KEYS: Final = _object(
    "Public keys and the log's verifier keys.",
    keys={"type": "array", "items": {"type": "object"}},
    log=_object("The log.", origin=_TEXT, verifierKeys=_TEXTS),
)
ENTRY: Final = _object(
    "An entry; `data` in base64.",
    index=_NUMBER,
    kind=_TEXT,
    leafHash=_TEXT,
    data=_TEXT,
    envelope=_OPTIONAL_TEXT,
    registeredAt=_TEXT,
)
INCLUSION: Final = _object(
    "A proof; as text in `proof` where a checkpoint of this size exists.",
    index=_NUMBER,
    size=_NUMBER,
    leafHash=_TEXT,
    rootHash=_TEXT,
    hashes=_TEXTS,
    proof=_OPTIONAL_TEXT,
)
CONSISTENCY: Final = _object("A proof.", first=_NUMBER, second=_NUMBER, hashes=_TEXTS)
