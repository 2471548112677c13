"""The graph of teams: its own `Team`, and a field on each of two entities of the composer's."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

import strawberry
from graphql import GraphQLError

from engine.identity.actor import Actor
from federation.sample import storage
from federation.sample.storage import Teams
from schema.fields import field, mutation
from schema.identifiers import as_uuid

MAY_ASSIGN = frozenset({"editor", "admin"})


@dataclass(frozen=True, slots=True)
class SampleContext:
    """Context of one request."""

    actor: Actor
    teams: Teams


Info: TypeAlias = strawberry.Info[SampleContext, None]


@strawberry.federation.type(keys=["id"], description="People who look after workflows.")
class Team:
    """People who look after workflows."""

    id: strawberry.ID = strawberry.field(description="Short name, such as `data`.")
    name: str = strawberry.field(description="Name of the team.")
    contact: str = strawberry.field(description="Where to reach it.")

    @classmethod
    def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Team | None":  # noqa: A002 - the key's name
        """The team that another subgraph refers to."""
        return _shape(info.context.teams.find(id))

    @field("Workflows of the caller's tenant that the team owns; null for one that the caller cannot see.")
    def workflows(self, info: Info) -> list["Workflow | None"]:
        """Workflows."""
        owned = info.context.teams.owned(info.context.actor.tenant, self.id)
        return [Workflow(id=strawberry.ID(workflow)) for workflow in owned]


@strawberry.federation.type(keys=["id"], description="A workflow, as far as its owners go.")
class Workflow:
    """A workflow of the composer's."""

    id: strawberry.ID = strawberry.field(description="Set by the composer.")

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "Workflow":  # noqa: A002 - the key's name
        """Every id stands for itself: whether there is such a workflow the composer says."""
        return cls(id=id)

    @field("The team that owns it; null where nobody was named.")
    def team(self, info: Info) -> Team | None:
        """The team that owns it."""
        return _shape(info.context.teams.owner(info.context.actor.tenant, self.id))


def _team_of_task(task: strawberry.Parent["HumanTask"], info: Info) -> Team | None:
    if task.workflow_id is None:
        return None
    return _shape(info.context.teams.owner(info.context.actor.tenant, task.workflow_id))


@strawberry.federation.type(keys=["id"], description="A human task, as far as the owners of its workflow go.")
class HumanTask:
    """A human task of the composer's."""

    id: strawberry.ID = strawberry.field(description="Set by the composer.")
    workflow_id: strawberry.ID | None = strawberry.federation.field(
        external=True, description="The workflow that it belongs to, as the composer tells it."
    )

    @classmethod
    def resolve_reference(
        cls,
        id: strawberry.ID,  # noqa: A002 - the key's name
        workflowId: strawberry.ID | None = None,  # noqa: N803 - arguments have the names of the representation
    ) -> "HumanTask":
        """Every id stands for itself; what `team` requires comes with it."""
        return cls(id=id, workflow_id=workflowId)

    team: Team | None = strawberry.federation.field(
        resolver=_team_of_task,
        requires=["workflowId"],
        description="The team that owns its workflow; null where nobody was named.",
    )


@strawberry.input(description="Who owns a workflow from now on.")
class AssignTeamInput:
    """Who owns a workflow from now on."""

    workflow_id: strawberry.ID = strawberry.field(description="Of the workflow.")
    team_id: strawberry.ID = strawberry.field(description="Of the team.")


@strawberry.type(description="The team owns the workflow.")
class AssignTeamSuccess:
    """The team owns the workflow."""

    workflow: Workflow | None = strawberry.field(description="The workflow with its team; null if it cannot be seen.")


@strawberry.type(description="There is no such team.")
class TeamNotFound:
    """There is no such team."""

    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="What was looked for.")


AssignTeamResult = Annotated[
    AssignTeamSuccess | TeamNotFound, strawberry.union("AssignTeamResult", description="Outcome of assignTeam.")
]


@strawberry.type(description="What can be read of teams.")
class Query:
    """Root of queries."""

    @field("All teams, by id.")
    def teams(self, info: Info) -> list[Team]:
        """All teams."""
        return [_of(team) for team in info.context.teams.all()]

    @field("One team; null where there is none with this id.")
    def team(self, info: Info, id: strawberry.ID) -> Team | None:  # noqa: A002 - the key's name
        """One team."""
        return _shape(info.context.teams.find(id))


@strawberry.type(description="What can be changed of teams.")
class Mutation:
    """Root of mutations."""

    @mutation("Make a team the owner of a workflow.")
    async def assign_team(
        self,
        info: Info,
        input: AssignTeamInput,  # noqa: A002 - the name that all mutations of the supergraph have
    ) -> AssignTeamResult:
        """Make a team the owner of a workflow."""
        actor = info.context.actor
        if not actor.roles & MAY_ASSIGN:
            raise GraphQLError("Only editors name owners.", extensions={"code": "FORBIDDEN"})
        if as_uuid(input.workflow_id) is None:
            raise GraphQLError("`workflowId` is the id of a workflow.", extensions={"code": "BAD_USER_INPUT"})
        team = await info.context.teams.assign(actor.tenant, input.workflow_id, input.team_id)
        if team is None:
            return TeamNotFound(code="team.not_found", message=f"There is no team {input.team_id!r}.")
        return AssignTeamSuccess(workflow=Workflow(id=input.workflow_id))


def build_schema() -> strawberry.federation.Schema:
    """The executable schema."""
    return strawberry.federation.Schema(
        query=Query, mutation=Mutation, types=[Workflow, HumanTask], federation_version="2.9"
    )


def _of(team: storage.Team) -> Team:
    return Team(id=strawberry.ID(team.id), name=team.name, contact=team.contact)


def _shape(team: storage.Team | None) -> Team | None:
    return None if team is None else _of(team)
