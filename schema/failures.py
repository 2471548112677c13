"""Failures that a client expects: members of every mutation's result, never thrown."""

import strawberry


@strawberry.type(description="One thing wrong with a document or an input.")
class Fault:
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    path: str = strawberry.field(description="JSON Pointer to the place; the parent's where a member is missing.")
    message: str = strawberry.field(description="What is wrong, in the author's words.")
    hint: str = strawberry.field(description="How to mend it.")


@strawberry.type(description="The input was read and breaks rules; every fault is listed.")
class ValidationFailed:
    faults: list[Fault] = strawberry.field(description="All that is wrong, at once.")


@strawberry.type(description="One reason for which policy refused.")
class Denial:
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="The reason, for people.")
    path: str = strawberry.field(description="JSON Pointer into the request that policy judged.")
    policy: str = strawberry.field(description="Name of the rule.")
    remedy: str | None = strawberry.field(description="What would make it allowed.", default=None)


@strawberry.type(description="Policy refused the call; every reason is listed.")
class PolicyDenied:
    decision_id: str = strawberry.field(description="The decision in the decision log.")
    policy_revision: str = strawberry.field(description="Revision of the policy that decided.")
    denials: list[Denial] = strawberry.field(description="Reasons, sorted by code, then path.")


@strawberry.type(description="The state of the thing does not allow this now.")
class Conflict:
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="What stands in the way.")


@strawberry.type(description="There is nothing of this kind with this id within the caller's tenant.")
class NotFound:
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="What was looked for.")


@strawberry.type(description="Over a budget, or the system sheds load; the same call may succeed later.")
class RateLimited:
    code: str = strawberry.field(description="Stable, dotted, lower-case.")
    message: str = strawberry.field(description="Which budget.")
    retry_after_seconds: int = strawberry.field(description="Earliest sensible next try.")
