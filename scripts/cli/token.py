"""The command `maestro token`."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import click
import jwt

from engine.clock import SystemClock
from engine.settings import TokenSigning, load_token_signing
from scripts.cli.environment import command_environment

_DAY_S = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about its holder."""

    subject: str
    tenant: str
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lifetime: timedelta = timedelta(days=1)


@click.command()
@click.option("--sub", default="developer", show_default=True, help="Subject: who calls.")
@click.option("--tenant", default="default", show_default=True, help="Whose data.")
@click.option("--role", "roles", multiple=True, help="Role; may be repeated. None: a token without rights.")
@click.option("--group", "groups", multiple=True, help="Group, for tasks of candidate groups; may be repeated.")
@click.option("--ttl", default=_DAY_S, show_default=True, type=click.IntRange(min=1), help="Seconds it is valid.")
def token(sub: str, tenant: str, roles: tuple[str, ...], groups: tuple[str, ...], ttl: int) -> None:
    """Print a bearer token, signed with MAESTRO_JWT_SECRET, and nothing else."""
    claims = Claims(sub, tenant, roles, groups, timedelta(seconds=ttl))
    click.echo(signed_token(load_token_signing(command_environment()), claims, SystemClock().now()))


def signed_token(signing: TokenSigning, claims: Claims, now: datetime) -> str:
    """Bearer token for the claims, valid from now on."""
    content: dict[str, object] = {
        "sub": claims.subject,
        "tenant": claims.tenant,
        "roles": list(claims.roles),
        "iat": now,
        "exp": now + claims.lifetime,
    }
    if claims.groups:
        content["groups"] = list(claims.groups)
    if signing.issuer is not None:
        content["iss"] = signing.issuer
    if signing.audience is not None:
        content["aud"] = signing.audience
    return jwt.encode(content, signing.secret, algorithm="HS256")
