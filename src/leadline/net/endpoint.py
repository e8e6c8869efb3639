"""Where a connection may go, and how.

Plain text goes only to loopback, certificates are always verified, proxies are those of the environment but
never for loopback.
"""

from __future__ import annotations

import ipaddress
import ssl
import urllib.request
from dataclasses import dataclass

import aiohttp
from yarl import URL

from leadline.errors import ConfigError, ConnectionLost

USER_AGENT = "leadline"
PLAIN_OF = {"wss": "ws", "https": "http"}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy to go through; its credentials travel in `headers`, never in a printed address."""

    url: URL
    headers: dict[str, str]


def endpoint(url: str, secure: str) -> URL:
    """The parsed address; `secure` is the scheme that may go anywhere, its plain sister only to loopback.

    Raises ConfigError naming the address, unless a password may be in it, and the cure.
    """
    plain = PLAIN_OF[secure]
    if "@" in url:  # and not printed: what stands before it is a secret
        raise ConfigError("an address has no @ and no password in it; keys are set under credentials")
    try:
        parsed = URL(url)
    except ValueError as error:
        raise ConfigError(f"{url!r} is not an address: {error}") from error
    if parsed.scheme not in (secure, plain) or not parsed.host:
        raise ConfigError(f"{url!r} is not an address of the form {secure}://host/path")
    if parsed.scheme == plain and not is_loopback(parsed):
        raise ConfigError(f"{url!r} would leave this machine unencrypted; use {secure}://")
    return parsed


def is_loopback(url: URL) -> bool:
    """Whether the address stays on this machine."""
    if url.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(url.host or "").is_loopback
    except ValueError:
        return False


def verifying(context: ssl.SSLContext | None) -> ssl.SSLContext | bool:
    """What aiohttp shall trust: this, else the machine's own; raises ConfigError if it checks nothing."""
    if context is None:
        return True
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise ConfigError(
            "the TLS context does not verify certificates and host names; use ssl.create_default_context"
        )
    return context


def proxy_for(url: URL) -> Proxy | None:
    """The proxy that the environment names for an address; None for loopback and for hosts in `no_proxy`.

    A `wss` address takes `wss_proxy`, else `https_proxy`, else `all_proxy`. Raises ConfigError for a proxy
    that is not HTTP.
    """
    host = url.host or ""
    if is_loopback(url) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    named = next((proxies[kind] for kind in (url.scheme, "https", "all") if proxies.get(kind)), None)
    if named is None:
        return None
    proxy = URL(named if "://" in named else f"http://{named}")
    if proxy.scheme not in ("http", "https"):
        raise ConfigError(
            f"the proxy for {host} is {proxy.scheme}://, only http:// and https:// proxies can be used"
        )
    headers = {}
    if proxy.user is not None:
        headers["Proxy-Authorization"] = aiohttp.encode_basic_auth(proxy.user, proxy.password or "")
    return Proxy(proxy.with_user(None), headers)


class BrokenOff(ConnectionLost):
    """The other side hung up before any answer, as it may on a connection kept open too long."""


async def never_twice(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating what broke off, unasked and past every budget, as it does with a GET.

    Raises BrokenOff.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise BrokenOff(
            f"{request.url.host} broke off before answering {request.url.path}: {error}"
        ) from error


def proxy_unreachable(host: str | None, error: OSError) -> str:
    """What to say when the proxy itself cannot be reached."""
    return f"cannot reach the proxy for {host}: {error}; check the proxy variables of the environment"
