"""TLS towards the outside: verified against public roots, or against the one authority that a connection names."""

import ssl
from functools import lru_cache

import certifi

from engine.actions.outbound.errors import OutboundError


class _NamedContext(ssl.SSLContext):
    """A context that verifies the certificate for `expected_name`, whatever the socket was opened to.

    For libraries that are given a checked address and would take the address for the name.
    """

    expected_name: str = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the signature of the standard library
        server_hostname: str | bytes | None = None,  # noqa: ARG002 - replaced, see the class
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side, self.expected_name, session)


@lru_cache(maxsize=32)
def client_context(authority: str | None = None) -> ssl.SSLContext:
    """A verifying context. `authority`: PEM of the only authority to trust; None: the machine's and the public roots.

    Raises:
        OutboundError: the authority's PEM cannot be read.
    """
    return _trusting(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), authority)


def context_for_name(name: str, authority: str | None = None) -> ssl.SSLContext:
    """Like `client_context`, for a library that connects to a checked address: verifies for `name` all the same."""
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.expected_name = name
    return _trusting(context, authority)


def _trusting(context: ssl.SSLContext, authority: str | None) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority is None:
        context.load_default_certs()
        context.load_verify_locations(certifi.where())
        return context
    try:
        context.load_verify_locations(cadata=authority)
    except (ssl.SSLError, ValueError) as exc:
        raise OutboundError("outbound.authority_unreadable", "The connection's CA certificate is unreadable.") from exc
    return context
