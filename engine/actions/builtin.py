"""The built-in actions, and the registry of a process."""

from engine.actions.api import Api
from engine.actions.database import Database
from engine.actions.email import Email
from engine.actions.interface import AnyAction
from engine.actions.jira import Jira
from engine.actions.ml import Ml
from engine.actions.registry import ActionRegistry, inline_actions, installed_actions
from engine.actions.slack import Slack
from engine.actions.tools import ActionTools


def builtin_actions(tools: ActionTools) -> tuple[AnyAction, ...]:
    """Every action that comes with the product."""
    return (
        *inline_actions(),
        Api(tools),
        Database(tools),
        Email(tools),
        Jira(tools),
        Ml(tools),
        Slack(tools),
    )


def load_registry(tools: ActionTools) -> ActionRegistry:
    """Built-in actions and those of installed packages.

    Raises:
        ConfigurationError: an installed package's action cannot be used, or takes a name that is taken.
    """
    return ActionRegistry((*builtin_actions(tools), *installed_actions(tools)))
