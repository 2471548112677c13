"""What is stored of events and transitions gives them back."""

from dataclasses import fields
from datetime import UTC
from typing import get_args
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.jsonvalue import Json, dumps, loads
from engine.runtime.events import Event, kind_of
from engine.runtime.states import ExecutionStatus, StepKey, StepStatus, TimerKind
from engine.runtime.transitions import ExecutionTransition, Failure, StepTransition, Transition
from engine.store.event_codec import UnreadableEventError, decode, encode, kinds
from engine.store.transition_codec import decode_row, encode_row

COLUMNS = (
    "tenant_id", "execution_id", "seq", "step_path", "iteration", "generation", "attempt", "status", "at", "input",
    "output", "failure", "detail", "lease_epoch",
)  # fmt: skip

texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.integers(0, 2**31 - 1)
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=3)
keys = st.builds(StepKey, texts, texts)
failures = st.builds(Failure, texts, texts, st.none() | objects)
instants = st.datetimes(timezones=st.just(UTC))
BY_NAME: dict[str, st.SearchStrategy[object]] = {
    "key": keys,
    "kind": st.sampled_from(TimerKind),
    "status": st.sampled_from(ExecutionStatus),
    "failure": st.none() | failures,
    "task_id": st.uuids(),
    "child_id": st.uuids(),
    "generation": numbers,
    "attempt": numbers,
    "output": values,
    "payload": values,
    "retryable": st.booleans(),
    "restart_successful": st.booleans(),
    "retry_after_ms": st.none() | numbers,
    "from_step_id": st.none() | texts,
}


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: str(kind.__name__))
@given(data=st.data())
def test_every_event_comes_back_as_it_was(kind: type[Event], data: st.DataObject) -> None:
    event = kind(**{member.name: data.draw(BY_NAME.get(member.name, texts)) for member in fields(kind)})  # type: ignore[arg-type]

    assert decode(kind_of(event), loads(dumps(encode(event)))) == event


def test_every_event_has_a_kind() -> None:
    assert kinds() == {kind.__name__ for kind in get_args(Event)}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("Unknown", {}),
        ("Started", []),
        ("TimerFired", {"kind": "delay"}),
        ("TimerFired", {"key": ["a", ""], "kind": "never", "generation": 0, "attempt": 0}),
        ("TimerFired", {"key": "a", "kind": "delay", "generation": 0, "attempt": 0}),
        ("ChildFinished", {"key": ["a", ""], "generation": 0, "child_id": "no", "status": "completed"}),
    ],
)
def test_what_cannot_be_read_is_said(kind: str, payload: Json) -> None:
    with pytest.raises(UnreadableEventError):
        decode(kind, payload)


def test_members_of_a_newer_version_are_ignored() -> None:
    known = encode(decode("PauseAsked", {"actor": "ann"}))

    assert decode("PauseAsked", {**known, "mood": "good"}) == decode("PauseAsked", known)


inner_keys = st.builds(StepKey, texts.filter(bool), texts)
steps = st.builds(
    StepTransition,
    seq=numbers,
    key=inner_keys,
    status=st.sampled_from(StepStatus),
    at=instants,
    generation=numbers,
    attempt=numbers,
    input=values,
    output=values,
    failure=st.none() | failures,
    detail=st.none() | objects,
)
executions = st.builds(
    ExecutionTransition, numbers, st.sampled_from(ExecutionStatus), instants, st.none() | failures,
    st.lists(texts).map(tuple), st.none() | objects,
)  # fmt: skip


@given(transition=steps | executions)
def test_every_transition_comes_back_as_it_was(transition: Transition) -> None:
    row = encode_row("acme", UUID(int=1), 7, transition)

    assert decode_row(dict(zip(COLUMNS, row, strict=True))) == transition
