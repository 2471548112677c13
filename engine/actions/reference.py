"""The reference page of actions and connections, written from their schemas."""

from collections.abc import Iterator, Mapping
from typing import Final

from engine.actions.connections.kinds import SECRETS_SCHEMAS, SETTINGS_SCHEMAS
from engine.actions.connections.values import ConnectionKind
from engine.actions.registry import ActionRegistry
from engine.jsonvalue import Json, JsonObject, dumps

_HEAD: Final = """# Actions

Written from the schemas in the source (`maestro actions --markdown`); a test holds this page to them.
Strings in a config are templates; a lone `{{path}}` keeps its JSON type, so that it may stand for any member.
"""


def reference_page(registry: ActionRegistry) -> str:
    """The page in Markdown: every action, then every kind of connection."""
    parts = [_HEAD]
    for name, schema in registry.schemas().items():
        parts.append(f"\n## `{name}`\n\n{schema['description']} Declared effect: `{registry.effects()[name]}`.\n")
        parts.extend(_table(schema))
    parts.append("\n# Connections\n\nSecrets go in and never come out: only their names are shown.\n")
    for kind in ConnectionKind:
        settings, secrets = SETTINGS_SCHEMAS[kind], SECRETS_SCHEMAS[kind]
        parts.append(f"\n## `{kind}`\n\n{settings['description']}\n")
        parts.extend(_table(settings))
        parts.append("\nSecrets:\n")
        parts.extend(_table(secrets))
    return "".join(parts)


def _table(schema: JsonObject) -> Iterator[str]:
    members, required = schema.get("properties"), schema.get("required")
    if not isinstance(members, dict) or not members:
        yield "\nNo members of its own.\n"
        return
    yield "\n| member | type | required | default | meaning |\n|---|---|---|---|---|\n"
    for name, member in members.items():
        if isinstance(member, dict):
            needed = "yes" if isinstance(required, list) and name in required else ""
            default = f"`{dumps(member['default'])}`" if "default" in member else ""
            meaning = str(member.get("description", "")).replace("|", "\\|")
            yield f"| `{name}` | {_type(member)} | {needed} | {default} | {meaning} |\n"


def _type(member: Mapping[str, Json]) -> str:
    allowed = member.get("enum")
    if isinstance(allowed, list):
        return ", ".join(f"`{value}`" for value in allowed)
    kind = member.get("type")
    if isinstance(kind, list):
        return " or ".join(str(one) for one in kind)
    alternatives = member.get("anyOf")
    if isinstance(alternatives, list):
        return " or ".join(dict.fromkeys(_type(one) for one in alternatives if isinstance(one, dict)))
    return str(kind) if isinstance(kind, str) else "any"
