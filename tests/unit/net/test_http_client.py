from __future__ import annotations

import asyncio
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest
import trustme
from aiohttp import web

from leadline.clock import SystemClock
from leadline.core.limits import DecayingCounter
from leadline.errors import Acted, ConfigError, ConnectFailed, ConnectionLost, ProtocolError
from leadline.net.http import Purpose, Request, query_text
from leadline.net.http_client import MAX_ANSWER_BYTES, AiohttpClient

SECRET = "".join(("can", "ary"))
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def client(url: str, authority: ssl.SSLContext | None = None) -> AiohttpClient:
    return AiohttpClient(url, SystemClock(), DecayingCounter(1000, 1000), authority=authority)


@asynccontextmanager
async def raw_server(serve: Serve) -> AsyncIterator[str]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def web_server(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"{'https://localhost' if tls else 'http://127.0.0.1'}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def ok(request: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")


async def test_a_request_arrives_as_it_was_made_and_its_answer_comes_back_whole() -> None:
    seen: list[tuple[str, str, str | None, bytes, str]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen.append(
            (
                request.method,
                request.raw_path,
                request.headers.get("API-Key"),
                body,
                request.headers["User-Agent"],
            )
        )
        return web.Response(status=520, text="x" * 200_000, headers={"Retry-After": "7"})

    async with web_server(answer) as url, client(url + "/prefix/") as http:
        response = await http.send(
            Request("GET", "/0/public/Ticker", (("pair", "XBTUSD,ETHUSD"), ("since", "+1"))), Purpose.SNAPSHOT
        )
        await http.send(
            Request("POST", "/0/private/Balance", headers=(("API-Key", "key"),), body=b"nonce=1&a=%2B"),
            Purpose.STATUS,
        )

    assert (response.status, response.body) == (520, b"x" * 200_000)
    assert ("Retry-After", "7") in response.headers
    assert seen == [
        ("GET", "/prefix/0/public/Ticker?pair=XBTUSD,ETHUSD&since=%2B1", None, b"", "leadline"),
        ("POST", "/prefix/0/private/Balance", "key", b"nonce=1&a=%2B", "leadline"),
    ]


async def test_a_query_arrives_in_the_very_bytes_that_a_signature_stands_over() -> None:
    seen = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.raw_path)
        return web.Response()

    query = (("symbol", "币安人生USDT"), ("ids", '["a:b/1","c d"]'), ("odd", "é+%2B&=~"))
    async with web_server(answer) as url, client(url) as http:
        await http.send(Request("GET", "/fapi/v1/order", query), Purpose.SNAPSHOT)

    assert seen == [f"/fapi/v1/order?{query_text(query)}"]
    assert parse_qsl(query_text(query)) == list(query)


async def test_redirects_are_answers_not_orders() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://192.0.2.1/"})

    async with web_server(answer) as url, client(url) as http:
        assert (await http.send(Request("GET", "/"), Purpose.STATUS)).status == 302


@pytest.mark.parametrize("url", ["http://venue.example", "ftp://127.0.0.1", "nonsense"])
def test_an_unsafe_address_is_refused_before_anything_happens(url: str) -> None:
    with pytest.raises(ConfigError):
        client(url)


async def test_a_port_nobody_listens_on_means_that_no_byte_left() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with raw_server(serve) as url:
        pass
    async with client(url) as http:
        with pytest.raises(ConnectFailed, match="cannot reach") as failed:
            await http.send(Request("POST", "/order"), Purpose.STATUS)

    assert failed.value.acted is Acted.NO


@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT"])
async def test_a_request_cut_off_may_have_acted_and_is_sent_once(method: str) -> None:
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.close()

    async with raw_server(serve) as url, client(url) as http:
        with pytest.raises(ConnectionLost) as lost:
            await http.send(Request(method, "/order"), Purpose.STATUS)

    assert lost.value.acted is Acted.MAYBE
    assert requests == 1


async def test_a_pooled_connection_closed_by_the_venue_costs_a_get_nothing() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if connections == 1:
            # The second request on this connection is cut off, as by a venue that had closed it already.
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with raw_server(serve) as url, client(url) as http:
        for path in ("/1", "/2"):
            assert (await http.send(Request("GET", path), Purpose.STATUS)).body == b"ok"

    assert connections == 2
    assert http.counts[Purpose.STATUS] == 3


async def test_a_get_that_is_cut_off_again_is_lost() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with raw_server(serve) as url, client(url) as http:
        with pytest.raises(ConnectionLost, match="/time"):
            await http.send(Request("GET", "/time"), Purpose.STATUS)

    assert connections == 2


async def test_half_an_answer_is_none() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with raw_server(serve) as url, client(url) as http:
        with pytest.raises(ConnectionLost):
            await http.send(Request("GET", "/"), Purpose.STATUS)


async def test_what_is_not_http_is_no_answer() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"nonsense\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(serve) as url, client(url) as http:
        with pytest.raises(ConnectionLost):
            await http.send(Request("GET", "/"), Purpose.STATUS)


HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"


@pytest.mark.parametrize("said", [b"", HALF, b"nonsense\r\n\r\n"])
async def test_a_crash_report_with_locals_has_nothing_of_the_headers_that_were_sent(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    request = Request("POST", "/0/private/Balance", headers=(("API-Key", SECRET),), body=SECRET.encode())
    async with raw_server(serve) as url, client(url) as http:
        with pytest.raises(ConnectionLost) as caught:
            await http.send(request, Purpose.ORDER)

    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "request = " in (told := "".join(report.format()))
    assert SECRET not in told


async def test_an_answer_without_end_is_cut_short() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(MAX_ANSWER_BYTES + 1))

    async with web_server(answer) as url, client(url) as http:
        with pytest.raises(ProtocolError, match="more than"):
            await http.send(Request("GET", "/"), Purpose.STATUS)


async def test_a_private_authority_is_refused_unless_it_is_given() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async with web_server(ok, server) as url:
        async with client(url) as http:
            with pytest.raises(ConnectFailed, match="certificate of localhost is not trusted"):
                await http.send(Request("GET", "/"), Purpose.STATUS)
        async with client(url, trusting) as http:
            assert (await http.send(Request("GET", "/"), Purpose.STATUS)).body == b"ok"


async def test_a_proxy_that_cannot_be_reached_is_named_as_the_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with client("https://venue.example") as http:
        with pytest.raises(ConnectFailed, match=r"cannot reach the proxy for .*check the proxy variables"):
            await http.send(Request("GET", "/"), Purpose.STATUS)


async def test_other_machines_are_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw_server(proxy) as address:
        monkeypatch.setenv("https_proxy", address)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with client("https://venue.example") as http:
            with pytest.raises(ConnectFailed, match=r"the proxy refuses to reach .*: HTTP 407"):
                await http.send(Request("GET", "/"), Purpose.STATUS)

    assert asked[0].startswith(b"CONNECT venue.example:443")
