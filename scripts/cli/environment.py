"""Settings of a command, completed from a running embedded mode."""

from engine.settings import Settings, load, process_environment
from scripts.embedded.environment import of_running_servers


def command_environment() -> dict[str, str]:
    """The process environment, completed."""
    return of_running_servers(process_environment())


def command_settings() -> Settings:
    """Typed settings of the completed environment.

    Raises:
        ConfigurationError: a variable is missing or malformed.
    """
    return load(command_environment())
