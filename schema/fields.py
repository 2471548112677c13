"""Resolved fields, typed: Strawberry's own decorator hides the type of what it decorates."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import strawberry

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


def field(description: str, *, name: str | None = None) -> Callable[[Resolver], Resolver]:
    """A field of a type, answered by the method below."""
    return cast("Callable[[Resolver], Resolver]", strawberry.field(description=description, name=name))


def mutation(description: str) -> Callable[[Resolver], Resolver]:
    """A mutation, answered by the method below."""
    return cast("Callable[[Resolver], Resolver]", strawberry.mutation(description=description))


def subscription(description: str) -> Callable[[Resolver], Resolver]:
    """A subscription, answered by the generator below."""
    return cast("Callable[[Resolver], Resolver]", strawberry.subscription(description=description))
