"""Looks at everything a connection needs and says of each what works, what does not, and what to do.

It connects as the product does: same addresses, same certificates, same proxies.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from msgspec.structs import replace
from yarl import URL

from leadline.app.account_check import examine_account
from leadline.app.config import Settings, settings_of, settings_of_all
from leadline.app.finding import Finding
from leadline.app.opening import unloaded_market
from leadline.clock import NS_PER_MS, Clock, SystemClock
from leadline.errors import ConfigError, Error
from leadline.model.market import VenueMode
from leadline.net import websocket
from leadline.net.endpoint import endpoint, is_loopback, proxy_for
from leadline.net.http import Purpose
from leadline.venues.catalogue import DEFAULT
from leadline.venues.ports import MarketData

LEAST_TENTH_S = 0.05
_LOOKUP_TIMEOUT_S = 5.0
_FIRST_FRAME_TIMEOUT_S = 5.0
_LIBRARIES = ("aiohttp", "msgspec", "PyYAML", "click", "rich")


async def examine(config: Path | None, tell: Callable[[Finding], None], venue: str | None = None) -> bool:
    """Look at everything, telling each finding at once; whether all of it works.

    All venues of the file are looked at; without one, and without a `venue`, those with keys in the
    environment, and the default one where there is no key.
    """
    clock = SystemClock()
    every, first = _settings(config, venue)
    findings = [first, _versions()]
    for finding in findings:
        tell(finding)
    for settings in every:
        before = f"{settings.venue}: " if len(every) > 1 else ""
        for check in _checks(settings, clock):
            for found in await check:
                finding = replace(found, name=before + found.name)
                tell(finding)
                findings.append(finding)
    return all(finding.ok for finding in findings)


def _checks(settings: Settings, clock: Clock) -> list[Awaitable[list[Finding]]]:
    streams, private, probe = _streams(settings), _private(settings), settings.kit.stream_probe
    return [
        _ways([settings.endpoints.rest, *streams.values(), *private.values()], clock),
        _rest(settings, clock),
        *(_stream(name, url, probe, clock) for name, url in streams.items()),
        *(_stream(name, url, None, clock, speaks=False) for name, url in private.items()),
        *(examine_account(settings, account.name) for account in settings.accounts),
    ]


def _streams(settings: Settings) -> dict[str, str]:
    """The addresses of public streams by what a finding calls them."""
    kit, routes = settings.kit, settings.kit.routes
    names = {route: "WebSocket" if len(routes) == 1 else f"WebSocket, {route} streams" for route in routes}
    return {name: kit.market_address(settings.endpoints, route) for route, name in names.items()}


def _private(settings: Settings) -> dict[str, str]:
    """The addresses of what an account needs, where there is one; none of them speaks before it is asked."""
    if not settings.accounts:
        return {}
    found = {"WebSocket, account": settings.kit.account_address(settings.endpoints)}
    if (requests := settings.kit.requests_address(settings.endpoints)) is not None:
        found["WebSocket, requests"] = requests
    return found


def _settings(config: Path | None, venue: str | None) -> tuple[tuple[Settings, ...], Finding]:
    name = "configuration"
    try:
        every = settings_of_all(config)
        if venue is not None:
            every = (settings_of(config, venue, with_account=True),)
    except ConfigError as error:
        what = "the environment" if config is None else "the file"
        return (), Finding(name, False, str(error), f"correct {what}; nothing else was looked at")
    if config is not None:
        return every, Finding(name, True, f"{config} is good")
    found = [settings for settings in every if settings.accounts] or [
        settings for settings in every if settings.venue == (venue or DEFAULT.name)
    ]
    keys = ", and the key of the environment" if found[0].accounts else ""
    return tuple(found), Finding(name, True, f"none given; the venue's own addresses are used{keys}")


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    found = f"Python {platform.python_version()}, leadline {version('leadline')}, {libraries}"
    ok = sys.version_info >= (3, 11)
    return Finding("versions", ok, found, "" if ok else "use Python 3.11 or newer")


async def _ways(addresses: Sequence[str], clock: Clock) -> list[Finding]:
    """Proxy or name look-up for each host."""
    findings = []
    urls = [endpoint(one, "https" if one.startswith("http") else "wss") for one in addresses]
    hosts = {url.host or "": url for url in urls}
    for host, url in hosts.items():
        findings.append(await _way(host, url, clock))
    return findings


async def _way(host: str, url: URL, clock: Clock) -> Finding:
    name = f"way to {host}"
    if is_loopback(url):
        return Finding(name, True, "on this machine, plain text is fine and no proxy is used")
    try:
        proxy = proxy_for(url)
    except ConfigError as error:
        return Finding(
            name, False, str(error), "set https_proxy to an http:// address, or no_proxy to the host"
        )
    if proxy is not None:
        return Finding(name, True, f"through the proxy {proxy.url}, which resolves the name")
    begun_ns = clock.mono_ns()
    try:
        async with asyncio.timeout(_LOOKUP_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, url.port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        why = str(error) or f"no answer within {_LOOKUP_TIMEOUT_S:.0f} s"
        advice = f"check the network and the DNS settings (does `ping {host}` know the name?){_proxy_hint()}"
        return Finding(name, False, f"the name cannot be resolved: {why}", advice)
    addresses = sorted({str(entry[4][0]) for entry in found})
    return Finding(name, True, f"{addresses[0]} and {len(addresses) - 1} more, {_since(begun_ns, clock)}")


def _proxy_hint() -> str:
    named = [name for name in os.environ if name.lower() in ("https_proxy", "http_proxy", "all_proxy")]
    return "" if named else "; behind a company proxy set https_proxy"


async def _rest(settings: Settings, clock: Clock) -> list[Finding]:
    """Status and clock in two requests; both come with verified certificates or not at all."""
    url = settings.endpoints.rest
    try:
        async with unloaded_market(settings) as market:
            begun_ns = clock.mono_ns()
            status = await market.fetch_status(Purpose.DIAGNOSIS)
            took = _since(begun_ns, clock)
            online = status.mode is VenueMode.ONLINE
            advice = "" if online else "wait for the venue, and see its status page"
            reached = Finding("REST", online, f"{url} answers in {took}; the venue is {status.text}", advice)
            return [reached, await _offset(settings, market, clock)]
    except Error as error:
        return [Finding("REST", False, f"{url}: {error}", _advice(error))]


async def _offset(settings: Settings, market: MarketData, clock: Clock) -> Finding:
    """Our clock against the venue's."""
    offset = await settings.kit.clock_offset(market, clock)
    ok = abs(offset.ahead_s) < settings.kit.most_offset_s
    direction = "ahead of" if offset.ahead_s > 0 else "behind"
    digits = 1 if offset.within_s >= LEAST_TENTH_S else 3
    found = (
        f"this machine is {abs(offset.ahead_s):.{digits}f} s {direction} the venue "
        f"(± {offset.within_s:.{digits}f} s)"
    )
    return Finding("clock", ok, found, "" if ok else "switch on NTP (timedatectl set-ntp true)")


async def _stream(
    name: str, url: str, probe: str | None, clock: Clock, *, speaks: bool = True
) -> list[Finding]:
    """Whether it can be connected to and, if it is one that `speaks`, brings a frame."""
    begun_ns = clock.mono_ns()
    try:
        connected = await websocket.connect(url)
        try:
            if probe is not None:
                await connected.send(probe)
            if speaks:
                async with asyncio.timeout(_FIRST_FRAME_TIMEOUT_S):
                    await connected.receive()
        finally:
            await connected.close()
    except Error as error:
        return [Finding(name, False, f"{url}: {error}", _advice(error))]
    except TimeoutError:
        silent = f"{url} connects, but says nothing for {_FIRST_FRAME_TIMEOUT_S:.0f} s"
        return [Finding(name, False, silent, "something between here and there swallows the frames")]
    how = "plain text on this machine" if is_loopback(URL(url)) else "certificate verified"
    does = "speaks" if speaks else "connects"
    return [Finding(name, True, f"{url} {does} after {_since(begun_ns, clock)}, {how}")]


def _advice(error: Error) -> str:
    text = str(error)
    if "certificate" in text:
        return "check the clock and the trusted certificates; a proxy that opens TLS needs its own among them"
    if "403" in text or "429" in text:
        return "the venue refuses this address; wait ten minutes, and see how many programs connect from here"
    return f"check the network, the address and the firewall{_proxy_hint()}"


def _since(begun_ns: int, clock: Clock) -> str:
    return f"{(clock.mono_ns() - begun_ns) / NS_PER_MS:.0f} ms"
