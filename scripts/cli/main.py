"""`maestro`: the operator's command line."""

import sys
from importlib import import_module

import click

from engine.errors import ConfigurationError, MaestroError

_NOT_CONFIGURED = 78  # EX_CONFIG of sysexits.h: starting again without a change is no use
_REFUSED = 1

# Each command lives in a module of its own, imported when it is asked for: `maestro token` needs no database driver.
_COMMANDS = {
    "api": "scripts.cli.api:api",
    "worker": "scripts.cli.worker:worker",
    "ledger": "scripts.cli.ledger:ledger",
    "migrate": "scripts.cli.migrate:migrate",
    "token": "scripts.cli.token:token",
    "workflows": "scripts.cli.workflows:workflows",
    "executions": "scripts.cli.executions:executions",
    "schedules": "scripts.cli.schedules:schedules",
    "tasks": "scripts.cli.tasks:tasks",
    "dead-letters": "scripts.cli.dead_letters:dead_letters",
    "actions": "scripts.cli.actions:actions",
    "replay": "scripts.cli.replay:replay_bundle",
    "trace": "scripts.cli.trace:trace",
    "audit": "scripts.cli.audit:audit",
    "policy": "scripts.cli.policy:policy",
    "doctor": "scripts.cli.doctor:doctor",
    "graph": "scripts.cli.graph:graph",
    "diff": "scripts.cli.diff:diff",
    "apply": "scripts.cli.apply:apply",
    "run": "scripts.cli.run:run",
    "test": "scripts.cli.test:test",
    "top": "scripts.cli.top:top",
}


class _Commands(click.Group):
    """A group whose members are imported late, and whose failures are one clear line each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name].split(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{name} is no command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            for line in error.message.splitlines():
                click.echo(f"error: {line}", err=True)
            sys.exit(_NOT_CONFIGURED)
        except MaestroError as error:
            click.echo(f"error: {error.message} ({error.code})", err=True)
            sys.exit(_REFUSED)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="maestro-composer-backend", prog_name="maestro")
def main() -> None:
    """Run and operate the Maestro Composer Backend.

    Settings come from MAESTRO_* variables. Beside a running ./scripts/run, whatever is not set is taken from its data
    folder.
    """
