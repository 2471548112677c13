"""The obligations of a reading decision, as what the store must leave out."""

from engine.errors import Unavailable
from engine.identity.actor import Actor
from engine.jsonvalue import Json
from engine.services.permits import Permit
from engine.store.human_tasks import Shown, Watched
from engine.store.visibility import Hidden


def hidden_by(permit: Permit) -> Hidden | None:
    """What the reader must not see; None: nothing is hidden, as always where policy only reports.

    Raises:
        Unavailable: the decision obliges to something that nobody here knows how to do.
    """
    hidden: Hidden | None = None
    if not permit.decision.is_enforced:
        return None
    for obligation in permit.decision.obligations:
        values = obligation.get("values")
        known = obligation.get("type") == "exclude" and obligation.get("attribute") == "classification"
        if not known or not isinstance(values, list):
            raise Unavailable("policy", "The policy asks for what cannot be done.", code="policy.unavailable")
        hidden = Hidden(tuple(str(value) for value in values), _text(obligation.get("unlessCreatedBy")))
    return hidden


def shown_to(actor: Actor, permit: Permit) -> Shown | None:
    """What a reader of tasks must not see, but for tasks of their own; None: nothing is hidden.

    Raises:
        Unavailable: as `hidden_by`.
    """
    hidden = hidden_by(permit)
    return None if hidden is None else Shown(hidden, Watched((actor.subject,), tuple(sorted(actor.groups))))


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
