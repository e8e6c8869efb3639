"""Looks at everything a connection needs and says of each what works, what does not, and what to do.

It connects as the product does: same addresses, same certificates, same proxies.
"""

from __future__ import annotations

import asyncio
import os
import platform
import socket
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

from yarl import URL

from leadline.app.account_check import examine_account
from leadline.app.config import Settings, settings_of
from leadline.app.finding import Finding
from leadline.app.opening import public_budget
from leadline.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from leadline.errors import ConfigError, Error
from leadline.model.market import VenueMode
from leadline.net import websocket
from leadline.net.endpoint import endpoint, is_loopback, proxy_for
from leadline.net.http import Purpose
from leadline.net.http_client import AiohttpClient
from leadline.venues.kraken.venue import Kraken

MOST_OFFSET_S = 5.0
_LOOKUP_TIMEOUT_S = 5.0
_FIRST_FRAME_TIMEOUT_S = 5.0
_LIBRARIES = ("aiohttp", "msgspec", "PyYAML", "click", "rich")


async def examine(config: Path | None, tell: Callable[[Finding], None]) -> bool:
    """Look at everything, telling each finding at once; whether all of it works."""
    clock = SystemClock()
    settings, first = _settings(config)
    findings = [first, _versions()]
    for finding in findings:
        tell(finding)
    if settings is None:
        return False
    rest, stream = settings.kraken.rest, settings.kraken.ws_public
    checks: list[Awaitable[list[Finding]]] = [
        _ways(rest, stream, clock),
        _rest(rest, clock),
        _stream(stream, clock),
        *(examine_account(settings, account.name) for account in settings.accounts),
    ]
    for check in checks:
        for finding in await check:
            tell(finding)
            findings.append(finding)
    return all(finding.ok for finding in findings)


def _settings(config: Path | None) -> tuple[Settings | None, Finding]:
    name = "configuration"
    try:
        settings = settings_of(config)
    except ConfigError as error:
        what = "the environment" if config is None else "the file"
        return None, Finding(name, False, str(error), f"correct {what}; nothing else was looked at")
    if config is not None:
        return settings, Finding(name, True, f"{config} is good")
    keys = ", and the key of the environment" if settings.accounts else ""
    return settings, Finding(name, True, f"none given; the venue's own addresses are used{keys}")


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    found = f"Python {platform.python_version()}, leadline {version('leadline')}, {libraries}"
    ok = sys.version_info >= (3, 11)
    return Finding("versions", ok, found, "" if ok else "use Python 3.11 or newer")


async def _ways(rest: str, stream: str, clock: Clock) -> list[Finding]:
    """Proxy or name look-up for each host."""
    findings = []
    hosts = {url.host or "": url for url in (endpoint(rest, "https"), endpoint(stream, "wss"))}
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


async def _rest(url: str, clock: Clock) -> list[Finding]:
    """Status and clock in two requests; both come with verified certificates or not at all."""
    try:
        async with AiohttpClient(url, clock, public_budget(url)) as http:
            market = Kraken(http, clock)
            begun_ns = clock.mono_ns()
            status = await market.fetch_status(Purpose.DIAGNOSIS)
            took = _since(begun_ns, clock)
            online = status.mode is VenueMode.ONLINE
            advice = "" if online else "wait for the venue, and see its status page"
            reached = Finding("REST", online, f"{url} answers in {took}; the venue is {status.text}", advice)
            return [reached, await _offset(market, clock)]
    except Error as error:
        return [Finding("REST", False, f"{url}: {error}", _advice(error))]


async def _offset(market: Kraken, clock: Clock) -> Finding:
    """Our clock against the venue's, which tells whole seconds: half of one is the best guess."""
    before_ns = clock.wall_ns()
    venue_ns = await market.fetch_time_ns(Purpose.DIAGNOSIS) + NS_PER_S // 2
    offset_s = ((before_ns + clock.wall_ns()) / 2 - venue_ns) / NS_PER_S
    ok = abs(offset_s) < MOST_OFFSET_S
    direction = "ahead of" if offset_s > 0 else "behind"
    found = f"this machine is {abs(offset_s):.1f} s {direction} the venue (± 0.5 s)"
    return Finding("clock", ok, found, "" if ok else "switch on NTP (timedatectl set-ntp true)")


async def _stream(url: str, clock: Clock) -> list[Finding]:
    begun_ns = clock.mono_ns()
    try:
        connected = await websocket.connect(url)
        try:
            async with asyncio.timeout(_FIRST_FRAME_TIMEOUT_S):
                await connected.receive()
        finally:
            await connected.close()
    except Error as error:
        return [Finding("WebSocket", False, f"{url}: {error}", _advice(error))]
    except TimeoutError:
        silent = f"{url} connects, but says nothing for {_FIRST_FRAME_TIMEOUT_S:.0f} s"
        return [Finding("WebSocket", False, silent, "something between here and there swallows the frames")]
    how = "plain text on this machine" if is_loopback(URL(url)) else "certificate verified"
    return [Finding("WebSocket", True, f"{url} speaks after {_since(begun_ns, clock)}, {how}")]


def _advice(error: Error) -> str:
    text = str(error)
    if "certificate" in text:
        return "check the clock and the trusted certificates; a proxy that opens TLS needs its own among them"
    if "403" in text or "429" in text:
        return "the venue refuses this address; wait ten minutes, and see how many programs connect from here"
    return f"check the network, the address and the firewall{_proxy_hint()}"


def _since(begun_ns: int, clock: Clock) -> str:
    return f"{(clock.mono_ns() - begun_ns) / NS_PER_MS:.0f} ms"
