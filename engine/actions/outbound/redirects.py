"""Redirects: each hop is a request of its own, checked like the first."""

from dataclasses import replace

from engine.actions.outbound.requests import HttpRequest, HttpResponse
from engine.actions.outbound.urls import parse_url, read_url

MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEPT_ACROSS_ORIGINS = frozenset(
    {"accept", "accept-language", "content-type", "idempotency-key", "traceparent", "user-agent"}
)
_OF_THE_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location"})


def redirected(request: HttpRequest, response: HttpResponse) -> HttpRequest | None:
    """The request that a redirect asks for; None when the answer is none.

    Across origins the connection's credentials are dropped, and every header of the step that may hold one. 303 (and
    301, 302 after POST) goes on as GET without the body; 307 and 308 repeat method and body.

    Raises:
        OutboundError: the location is no URL.
    """
    location = response.header("location")
    if response.status not in _REDIRECTS or not location:
        return None
    before = read_url(request.url)
    url = str(parse_url(before.url).join(parse_url(location)))
    following = replace(request, url=url)
    if read_url(url).origin != before.origin:
        kept = tuple((name, value) for name, value in request.headers if name.lower() in _KEPT_ACROSS_ORIGINS)
        following = replace(following, headers=kept, credentials=(), authority=None)
    as_get = response.status == 303 and request.method != "HEAD"
    if as_get or (response.status in {301, 302} and request.method == "POST"):
        kept = tuple((name, value) for name, value in following.headers if name.lower() not in _OF_THE_BODY)
        following = replace(following, method="GET", content=b"", headers=kept)
    return following
