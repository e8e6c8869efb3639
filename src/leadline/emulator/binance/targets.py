"""The venue's WebSocket addresses: which path leads where, and what it already asks for (§1.4, §12)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

PUBLIC, MARKET, PRIVATE = "ws_public", "ws_market", "ws_private"
UNROUTED, API = "ws_unrouted", "ws_api"
PREFIXES = {PUBLIC: "/public", MARKET: "/market", PRIVATE: "/private", UNROUTED: ""}
API_PATH = "/ws-fapi/v1"
ENDPOINTS = {
    PUBLIC: "/public/stream",
    MARKET: "/market/stream",
    PRIVATE: "/private/stream",
    API: API_PATH,
}
"""What a client is told to connect to, by route."""
PATTERNS = {
    API_PATH: API,
    **{
        f"{prefix}/{form}": route
        for route, prefix in PREFIXES.items()
        for form in ("stream", "ws", "ws/{names:.+}")
    },
}
"""Every path of a socket, as patterns of the server's router, and the route it leads to."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a connect asks for: its route, whether payloads come wrapped, and the streams in its address.

    `keys` are listenKeys, each with the events it is narrowed to, None for all.
    """

    route: str
    combined: bool = True
    names: tuple[str, ...] = ()
    keys: tuple[tuple[str, frozenset[str] | None], ...] = ()
    rate_limits: bool = True


def target_of(path: str, query: str) -> Target | None:
    """What that address asks for; None where nobody listens there."""
    if path == API_PATH:
        asked = dict(parse_qsl(query))
        return Target(API, rate_limits=asked.get("returnRateLimits") != "false")
    for route, prefix in PREFIXES.items():
        if path.startswith((f"{prefix}/stream", f"{prefix}/ws")):
            return _streams(route, path.removeprefix(prefix), query)
    return None


def _streams(route: str, path: str, query: str) -> Target:
    combined = path.startswith("/stream")
    fields = parse_qsl(query)
    in_path = [unquote(one) for one in path.split("/")[2:] if one]
    named = [one for name, value in fields if name == "streams" for one in value.split("/") if one]
    if route != PRIVATE:
        return Target(route, combined, (*in_path, *named))
    keys: list[tuple[str, frozenset[str] | None]] = [(one, None) for one in (*in_path, *named)]
    for name, value in fields:
        if name == "listenKey":
            keys.append((value, None))
        elif name == "events" and keys:
            keys[-1] = (keys[-1][0], frozenset(value.split("/")))
    return Target(route, combined, (), tuple(keys))
