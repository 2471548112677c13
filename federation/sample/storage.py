"""Who owns which workflow: a JSON file, read whole and replaced whole."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from engine.definitions.reading import read_document
from engine.errors import ConfigurationError, MalformedRequest, ValidationFailed
from engine.jsonvalue import Json


@dataclass(frozen=True, slots=True)
class Team:
    """People who look after workflows."""

    id: str
    name: str
    contact: str


class Teams:
    """The teams of an organisation and, for each tenant, the workflows that they own.

    One process writes; readers of the file never see half of it.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; one that is not there yet starts with the seed.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        self._path = path
        found = _read(path if path.exists() else SEED)
        self._teams = {team.id: team for team in found.teams}
        self._owners = dict(found.owners)
        self._writing = asyncio.Lock()

    def all(self) -> tuple[Team, ...]:
        """Teams, by id."""
        return tuple(self._teams[key] for key in sorted(self._teams))

    def find(self, team_id: str) -> Team | None:
        """One team; None where there is none."""
        return self._teams.get(team_id)

    def owner(self, tenant: str, workflow_id: str) -> Team | None:
        """The team that owns a workflow; None where none does, or nothing is known of it."""
        return self._teams.get(self._owners.get(_key(tenant, workflow_id), ""))

    def owned(self, tenant: str, team_id: str) -> tuple[str, ...]:
        """Ids of the workflows of one tenant that a team owns."""
        prefix = _key(tenant, "")
        return tuple(
            sorted(
                key.removeprefix(prefix)
                for key, owner in self._owners.items()
                if owner == team_id and key.startswith(prefix)
            )
        )

    async def assign(self, tenant: str, workflow_id: str, team_id: str) -> Team | None:
        """Make a team the owner of a workflow; it is in the file when this returns. None: there is no such team."""
        team = self._teams.get(team_id)
        if team is not None:
            async with self._writing:
                owners = {**self._owners, _key(tenant, workflow_id): team_id}
                await asyncio.to_thread(self._write, owners)
                self._owners = owners
        return team

    def _write(self, owners: Mapping[str, str]) -> None:
        teams = [{"id": team.id, "name": team.name, "contact": team.contact} for team in self.all()]
        text = orjson.dumps({"teams": teams, "owners": owners}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(text + b"\n")
        beside.replace(self._path)


SEED = Path(__file__).parent / "teams.json"


@dataclass(frozen=True, slots=True)
class _Content:
    teams: tuple[Team, ...]
    owners: Mapping[str, str]


def _read(path: Path) -> _Content:
    try:
        return _content(read_document(path.read_bytes()))
    except (OSError, KeyError, TypeError, MalformedRequest, ValidationFailed) as error:
        raise ConfigurationError(f"The teams at {path} cannot be read: {error}") from error


def _content(found: Json) -> _Content:
    if not isinstance(found, dict):
        raise TypeError("it is no JSON object")
    teams, owners = found["teams"], found["owners"]
    if not isinstance(teams, list) or not isinstance(owners, dict):
        raise TypeError("`teams` is a list and `owners` an object")
    return _Content(tuple(map(_team, teams)), {workflow: str(team) for workflow, team in owners.items()})


def _team(value: Json) -> Team:
    if not isinstance(value, dict):
        raise TypeError("a team is a JSON object")
    return Team(str(value["id"]), str(value["name"]), str(value["contact"]))


def _key(tenant: str, workflow_id: str) -> str:
    # Neither a tenant with a slash nor an id can be mistaken for the other: ids are UUIDs.
    return f"{tenant}/{workflow_id}"
