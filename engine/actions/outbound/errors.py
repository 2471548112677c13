"""What may become of a call to the outside, as one exception that actions turn into their result."""


class OutboundError(Exception):
    """A call to the outside did not come to its end.

    Attributes:
        code: stable, dotted (`outbound.address_refused`, `http.timeout`).
        retryable: whether the same call may go well later.
        sent: whether anything of the request may have reached the far side. False means: certainly nothing has.
        retry_after_ms: how long to wait at least.
        unhealthy: whether the circuit breaker counts it against the far side.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        sent: bool = False,
        retry_after_ms: int | None = None,
        unhealthy: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.sent = sent
        self.retry_after_ms = retry_after_ms
        self.unhealthy = unhealthy


def refused(code: str, message: str) -> OutboundError:
    """The guard does not let this call out: never sent, never retried."""
    return OutboundError(f"outbound.{code}", message)
