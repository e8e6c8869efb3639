"""HTTP over aiohttp; the rule: ConnectFailed only when certainly no byte of the request has left."""

from __future__ import annotations

import ssl
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from leadline.clock import Clock
from leadline.core.limits import Allowance
from leadline.errors import ConnectFailed, ConnectionLost, ProtocolError
from leadline.net.endpoint import (
    USER_AGENT,
    BrokenOff,
    endpoint,
    never_twice,
    proxy_for,
    proxy_unreachable,
    verifying,
)
from leadline.net.http import PacedHttp, Request, Response, Terms, query_text

CONNECT_TIMEOUT_S = 5.0
FIRST_BYTE_TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 20.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024


class AiohttpExchange:
    """Exchanges with one venue over pooled connections, as an async context manager.

    Raises ConfigError when made with an address or an authority that would not be safe.
    """

    def __init__(self, base_url: str, *, authority: ssl.SSLContext | None = None) -> None:
        self._base = endpoint(base_url, "https")
        self._trusted = verifying(authority)
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            middlewares=(never_twice,),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                connect=CONNECT_TIMEOUT_S, sock_read=FIRST_BYTE_TIMEOUT_S, total=TOTAL_TIMEOUT_S
            ),
            headers={"User-Agent": USER_AGENT},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def exchange(self, request: Request) -> Response:
        """Send now and return the answer; raises ConnectFailed or ConnectionLost.

        What aiohttp raised is not kept: its frames hold the signed headers, and crash reports print locals.
        """
        assert self._http is not None, "used outside its async with block"
        proxy = proxy_for(self._base)
        host = self._base.host
        try:
            async with self._http.request(
                request.method,
                self._url(request),
                headers=request.headers,
                data=request.body or None,
                ssl=self._trusted,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
                allow_redirects=False,
            ) as response:
                body = await _read(response)
                headers = tuple(response.headers.items())
                return Response(response.status, headers, body)
        except BrokenOff as error:
            raise error.with_traceback(None) from None
        except aiohttp.ClientHttpProxyError as error:
            raise ConnectFailed(
                f"the proxy refuses to reach {host}: HTTP {error.status}", status=error.status
            ) from None
        except aiohttp.ClientConnectorCertificateError as error:
            raise ConnectFailed(
                f"the certificate of {host} is not trusted: {error.certificate_error}"
            ) from None
        except aiohttp.ClientProxyConnectionError as error:
            raise ConnectFailed(proxy_unreachable(host, error)) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ConnectFailed(f"cannot reach {host}: {error}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            why = str(error) or "no answer in time"
            raise ConnectionLost(f"{host} gave no whole answer to {request.path}: {why}") from None

    def _url(self, request: Request) -> URL:
        """The very bytes of `query_text`: a signature may stand over them."""
        query = f"?{query_text(request.query)}" if request.query else ""
        return URL(str(self._base).rstrip("/") + request.path + query, encoded=True)


class AiohttpClient(AiohttpExchange, PacedHttp):
    """The Http port over such exchanges; `shared` is open as long as this is: where the budget is kept."""

    def __init__(
        self,
        base_url: str,
        clock: Clock,
        budget: Allowance,
        terms: Terms | None = None,
        *,
        authority: ssl.SSLContext | None = None,
        shared: AbstractContextManager[object] | None = None,
    ) -> None:
        AiohttpExchange.__init__(self, base_url, authority=authority)
        PacedHttp.__init__(self, clock, budget, terms)
        self._shared = shared or nullcontext()

    async def __aenter__(self) -> Self:
        self._shared.__enter__()
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        finally:
            self._shared.__exit__(kind, error, trace)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise ProtocolError(f"an answer of more than {MAX_ANSWER_BYTES} bytes", parts[0])
    return b"".join(parts)
