"""The executable schema: types, limits, caches, masking."""

import logging
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FloatValueNode,
    GraphQLError,
    IntValueNode,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    StringValueNode,
    ValidationRule,
    get_operation_ast,
)
from strawberry.extensions import (
    AddValidationRules,
    MaxTokensLimiter,
    ParserCache,
    SchemaExtension,
    ValidationCache,
)
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, StreamExecutionResult

from engine.telemetry import tracing
from resolvers.context import RequestContext
from resolvers.deadlines import Results, in_time, read_operation, refused
from resolvers.errors import ExpectedFailures, presented, shown
from resolvers.limits import Bounds, limit_rule, root_fields, weigh
from resolvers.mutations.dead_letters import DeadLetterMutations
from resolvers.mutations.executions import ExecutionMutations
from resolvers.mutations.human_tasks import HumanTaskMutations
from resolvers.mutations.schedules import ScheduleMutations
from resolvers.mutations.webhooks import WebhookMutations
from resolvers.mutations.workflows import WorkflowMutations
from resolvers.operations import Operation, accounted, root_field_of
from resolvers.queries.actions import ActionQueries
from resolvers.queries.analytics import AnalyticsQueries
from resolvers.queries.dead_letters import DeadLetterQueries
from resolvers.queries.executions import ExecutionQueries
from resolvers.queries.governance import GovernanceQueries
from resolvers.queries.human_tasks import HumanTaskQueries
from resolvers.queries.schedules import ScheduleQueries
from resolvers.queries.webhooks import WebhookQueries
from resolvers.queries.workflows import WorkflowQueries
from resolvers.subscriptions import Subscription
from resolvers.trusted import OnlyTrusted, TrustedDocuments
from schema.context import Info
from schema.executions import Execution
from schema.human_tasks import HumanTask
from schema.scalars import SCALARS
from schema.workflows import Workflow

logger = logging.getLogger(__name__)

CACHED_DOCUMENTS = 256
ROUTERS_ONLY = {"_service", "_entities"}
LEAST_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1
LONGEST_INTEGER = len(str(LEAST_INTEGER))


@strawberry.type(description="What can be read.")
class Query(
    WorkflowQueries,
    ExecutionQueries,
    HumanTaskQueries,
    ActionQueries,
    DeadLetterQueries,
    GovernanceQueries,
    AnalyticsQueries,
    WebhookQueries,
    ScheduleQueries,
):
    """Root of queries."""


@strawberry.type(description="What can be changed; expected failures are members of each result.")
class Mutation(
    WorkflowMutations, ExecutionMutations, HumanTaskMutations, DeadLetterMutations, WebhookMutations, ScheduleMutations
):
    """Root of mutations."""


@dataclass(frozen=True, slots=True)
class GraphConfig:
    """Settings of the graph.

    Attributes:
        introspection: False also hides field suggestions and the SDL.
        tokens: largest accepted document, in tokens.
        for_routers: whether `_service` and `_entities` are for routers alone, which prove themselves by a secret.
        trusted: the only documents that clients may send; None: any.
        timeout_s: how long a query or mutation over a stream may take; requests have a limit of their own.
    """

    introspection: bool = True
    tokens: int = 1_000
    bounds: Bounds = field(default_factory=Bounds)
    for_routers: bool = False
    trusted: TrustedDocuments | None = None
    timeout_s: float = 10.0


class ComposerSchema(strawberry.federation.Schema):
    """The schema; logs errors that nobody foresaw, and only those.

    Attributes:
        settings: what it was built with.
    """

    settings: "GraphConfig"

    async def stream(self, query: str | None, *arguments: Any, **members: Any) -> Results:
        """Results of any operation, accounted for; one that has a single result must give it in time."""
        text, name, context = query or "", members.get("operation_name"), members.get("context_value")
        caller = tracing.context_of(context.traceparent) if isinstance(context, RequestContext) else None
        try:
            document, operation = read_operation(text, name, self.settings.tokens)
        except GraphQLError as error:
            return accounted(refused(presented(error, "unknown")), Operation(text, name), caller)
        results = await super().stream(query, *arguments, **members)
        if operation.operation is not OperationType.SUBSCRIPTION:
            results = in_time(results, self.settings.timeout_s)
        root = self._schema.get_root_type(operation.operation)
        field = root_field_of(root_fields(document, operation), frozenset() if root is None else root.fields.keys())
        called = name if operation.name is None else operation.name.value
        return accounted(results, Operation(text, called, operation.operation.value, field), caller)

    def entities_resolver(self, info: Info, representations: list[FederationAny]) -> list[FederationAny]:
        """References of other subgraphs, in their order; a malformed one is an error of its own place."""
        return [_entity(info, reference) for reference in representations]

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log what will be masked, with its reference."""
        for error in errors:
            if shown(error) is None:
                facts = {"action": "graphql.fault", "request_id": _reference(execution_context), "path": error.path}
                logger.error("A resolver ended in an unforeseen error.", exc_info=error.original_error, extra=facts)


def build_schema(config: GraphConfig) -> ComposerSchema:
    """The executable schema.

    The rules are made here, once: the validation cache knows them by class, and new ones for each request would defeat
    it silently.
    """
    rules: list[type[ASTValidationRule]] = [limit_rule(config.bounds), KeepableRule]
    if not config.introspection:
        rules += [NoSchemaIntrospectionCustomRule, NoSdlRule]
    extensions: list[Callable[[], SchemaExtension]] = [
        ShowFaults,
        Accounting,
        lambda: AddValidationRules(rules),
        lambda: MaxTokensLimiter(max_token_count=config.tokens),
        lambda: ParserCache(maxsize=CACHED_DOCUMENTS),
        lambda: ValidationCache(maxsize=CACHED_DOCUMENTS),
        lambda: OperationLimits(config.bounds, for_routers=config.for_routers),
    ]
    if config.trusted is not None:
        trusted = config.trusted
        extensions.append(lambda: OnlyTrusted(trusted))
    schema = ComposerSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        federation_version="2.9",
        extensions=extensions,
        exception_handlers=[ExpectedFailures()],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=not config.introspection),
    )
    schema.settings = config
    return schema


class Accounting(SchemaExtension):
    """Each operation is one call: what policy permits in it is accounted for."""

    async def on_execute(self) -> AsyncIterator[None]:
        """Runs around the resolvers, in their context."""
        async with self.execution_context.context.services.journal.call():
            yield


class OperationLimits(SchemaExtension):
    """Refuses valid operations that cost too much, or that are for routers alone."""

    def __init__(self, bounds: Bounds, *, for_routers: bool) -> None:
        self._bounds = bounds
        self._for_routers = for_routers

    def on_validate(self) -> Iterator[None]:
        """Runs behind the validation cache, whose verdict is there already."""
        context = self.execution_context
        document = context.graphql_document
        if document is not None and not context.pre_execution_errors:
            operation = get_operation_ast(document, context.operation_name)
            if operation is not None:
                context.pre_execution_errors = self._refusals(context, document, operation)
        yield

    def _refusals(
        self, context: ExecutionContext, document: DocumentNode, operation: OperationDefinitionNode
    ) -> list[GraphQLError]:
        core = context.schema._schema  # noqa: SLF001 - Strawberry gives no other way to the core schema
        weight = weigh(core, document, operation, context.variables or {})
        asked = root_fields(document, operation)
        request = context.context
        is_router = False
        if isinstance(request, RequestContext):
            request.cost, is_router = weight.cost, request.is_router
            request.operation_type = operation.operation.value
            request.operation_name = None if operation.name is None else operation.name.value
            request.root_field = root_field_of(asked, asked)
        refusals = weight.excesses(self._bounds)
        if self._for_routers and not is_router and asked & ROUTERS_ONLY:
            refusals.append(GraphQLError("This is for routers alone.", extensions={"code": "ROUTERS_ONLY"}))
        return refusals


class ShowFaults(SchemaExtension):
    """Gives each error its code, and masks what nobody foresaw."""

    def on_operation(self) -> Iterator[None]:
        """Rewrite the errors of a finished operation."""
        yield
        result = self.execution_context.result
        if result is not None and getattr(result, "errors", None):
            result.errors = self._visible(result.errors or [])

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        """Rewrite the errors of one event of a stream."""
        errors = getattr(result, "errors", None)
        if errors:
            result.errors = self._visible(errors)  # type: ignore[union-attr]  # frames without errors are not met here
        yield

    def _visible(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        reference = _reference(self.execution_context)
        return [presented(error, reference) for error in errors]


class KeepableRule(ValidationRule):
    """Refuses values in a document that would not be kept as they stand there, as the reader of variables does."""

    def enter_string_value(self, node: StringValueNode, *_args: object) -> None:
        """Look at one text: the database keeps none with the NUL character."""
        if "\0" in node.value:
            self.report_error(GraphQLError("A text here contains the NUL character.", node))

    def enter_int_value(self, node: IntValueNode, *_args: object) -> None:
        """Look at one integer: 64 bits are kept, with a sign or without."""
        if len(node.value) > LONGEST_INTEGER or not LEAST_INTEGER <= int(node.value) <= MAX_INTEGER:
            self._refuse_number(node)

    def enter_float_value(self, node: FloatValueNode, *_args: object) -> None:
        """Look at one number: beyond the doubles it would become infinite, which JSON has not."""
        if not math.isfinite(float(node.value)):
            self._refuse_number(node)

    def _refuse_number(self, node: IntValueNode | FloatValueNode) -> None:
        self.report_error(GraphQLError(f"The number {node.value[:40]} cannot be kept exactly.", node))


class NoSdlRule(ValidationRule):
    """Refuses `_service` where the graph must not describe itself: composition reads the committed file."""

    def enter_field(self, node: FieldNode, *_args: object) -> None:
        """Look at one field."""
        if node.name.value == "_service":
            self.report_error(GraphQLError("The schema is not served here.", node))


ENTITIES: Mapping[str, type[Workflow | Execution | HumanTask]] = {
    "Workflow": Workflow,
    "Execution": Execution,
    "HumanTask": HumanTask,
}


def _entity(info: Info, reference: object) -> Any:
    """What a reference leads to, as an awaitable; or the error that stands in its place."""
    members = reference if isinstance(reference, dict) else {}
    entity, key = ENTITIES.get(str(members.get("__typename"))), members.get("id")
    if entity is None or not isinstance(key, str):
        return GraphQLError("A reference needs the `__typename` of an entity and its `id`.")
    return entity.resolve_reference(info=info, id=strawberry.ID(key))


def _reference(context: ExecutionContext | None) -> str:
    request = None if context is None else context.context
    return request.reference if isinstance(request, RequestContext) else "unknown"
