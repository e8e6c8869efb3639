from __future__ import annotations

import asyncio
import socket as socket_module
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import WSMsgType, web

from leadline.errors import ConfigError, ConnectFailed, ConnectionLost
from leadline.net.websocket import MemorySocket, connect, memory_pair

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server on loopback that answers every GET so; gives its address."""
    app = web.Application()
    app.router.add_get("/v2", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"{'wss' if tls else 'ws'}://{'localhost' if tls else '127.0.0.1'}:{port}/v2"
    finally:
        await runner.cleanup()


def talking(talk: Callable[[web.WebSocketResponse], Awaitable[None]]) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(autoping=False)
        await ws.prepare(request)
        await talk(ws)
        return ws

    return answer


async def echo(ws: web.WebSocketResponse) -> None:
    async for message in ws:
        await ws.send_str(message.data)


async def test_texts_travel_both_ways_as_they_are() -> None:
    async with serving(talking(echo)) as url:
        socket = await connect(url)
        await socket.send('{"price":0.10}')
        await socket.send("ü" * 100_000)

        assert await socket.receive() == b'{"price":0.10}'
        assert await socket.receive() == ("ü" * 100_000).encode()
        await socket.close()


async def test_a_message_sent_in_pieces_arrives_whole() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_frame(b"whole", WSMsgType.TEXT)
        transport = ws._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.write(b"\x01\x03one")
        transport.write(b"\x80\x03two")
        await ws.receive()

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        assert [await socket.receive(), await socket.receive()] == [b"whole", b"onetwo"]
        await socket.close()


async def test_a_cancelled_receive_loses_nothing() -> None:
    async with serving(talking(echo)) as url:
        socket = await connect(url)
        waiting = asyncio.create_task(socket.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

        await socket.send("kept")
        assert await socket.receive() == b"kept"
        await socket.close()


async def test_pings_are_answered_and_pongs_ignored() -> None:
    answers: list[bytes] = []

    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.pong(b"unasked")
        await ws.ping(b"there?")
        message = await ws.receive()
        assert message.type is WSMsgType.PONG
        answers.append(message.data)
        await ws.send_str("thanks")
        await ws.receive()

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        assert await socket.receive() == b"thanks"
        assert answers == [b"there?"]
        await socket.close()


@pytest.mark.parametrize("code", [1001, 1008, 4000])
async def test_a_close_carries_its_code(code: int) -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.close(code=code, message=b"the reason")

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        with pytest.raises(ConnectionLost, match="the reason") as lost:
            await socket.receive()
        await socket.close()

    assert lost.value.code == code


async def test_what_was_sent_before_a_close_is_still_received() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        await ws.send_str("last words")
        await ws.close()

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        assert await socket.receive() == b"last words"
        with pytest.raises(ConnectionLost):
            await socket.receive()
        await socket.close()


async def test_a_cut_without_a_close_is_an_abnormal_end() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        transport = ws._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        with pytest.raises(ConnectionLost) as lost:
            await socket.receive()
        with pytest.raises(ConnectionLost):
            while True:
                await socket.send("into the void")
                await asyncio.sleep(0)
        await socket.close()

    assert lost.value.code == 1006


async def test_a_reset_is_an_abnormal_end() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        transport = ws._req.transport  # type: ignore[union-attr]
        assert transport is not None
        at_once = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(
            socket_module.SOL_SOCKET, socket_module.SO_LINGER, at_once
        )
        transport.abort()

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        with pytest.raises(ConnectionLost) as lost:
            await socket.receive()
        await socket.close()

    assert lost.value.code == 1006


async def test_broken_framing_ends_the_connection() -> None:
    async def talk(ws: web.WebSocketResponse) -> None:
        transport = ws._req.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.write(b"\x83\x00")
        await ws.receive()

    async with serving(talking(talk)) as url:
        socket = await connect(url)
        with pytest.raises(ConnectionLost, match="framing") as lost:
            await socket.receive()
        await socket.close()

    assert lost.value.code == 1002


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_an_upgrade_refused_for_good_is_terminal_and_says_so(status: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with serving(answer) as url:
        with pytest.raises(ConnectFailed, match=f"HTTP {status}; trying again will not help") as failed:
            await connect(url)

    assert (failed.value.status, failed.value.terminal) == (status, True)


@pytest.mark.parametrize("status", [200, 429, 503])
async def test_an_upgrade_refused_for_now_is_not_terminal(status: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with serving(answer) as url:
        with pytest.raises(ConnectFailed) as failed:
            await connect(url)

    assert (failed.value.status, failed.value.terminal) == (status, False)


async def test_an_upgrade_that_breaks_off_is_one_connect_not_two() -> None:
    upgrades = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal upgrades
        upgrades += 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with serving(answer) as url:
        with pytest.raises(ConnectFailed, match="broke off"):
            await connect(url)

    assert upgrades == 1


async def test_a_port_nobody_listens_on_is_a_failed_connect() -> None:
    listener = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    listener.close()
    await listener.wait_closed()

    with pytest.raises(ConnectFailed, match=r"cannot reach 127\.0\.0\.1") as failed:
        await connect(f"ws://127.0.0.1:{port}/v2")

    assert not failed.value.terminal


async def test_plain_text_to_another_machine_is_refused_before_connecting() -> None:
    with pytest.raises(ConfigError, match="unencrypted"):
        await connect("ws://192.0.2.1/v2")


async def test_a_private_authority_is_refused_unless_it_is_given() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async with serving(talking(echo), server) as url:
        with pytest.raises(ConnectFailed, match="certificate of localhost is not trusted"):
            await connect(url)

        socket = await connect(url, authority=trusting)
        await socket.send("hello")
        assert await socket.receive() == b"hello"
        await socket.close()


async def test_a_certificate_for_another_name_is_refused_even_from_a_trusted_authority() -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("elsewhere.example").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)

    async with serving(talking(echo), server) as url:
        with pytest.raises(ConnectFailed, match="not trusted"):
            await connect(url, authority=trusting)


async def test_other_machines_are_reached_through_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://name:secret@127.0.0.1:{port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("wss_proxy", raising=False)
    async with server:
        with pytest.raises(ConnectFailed, match=r"the proxy refuses to reach .*: HTTP 502") as failed:
            await connect("wss://venue.example/v2")

    assert asked[0].startswith(b"CONNECT venue.example:443 HTTP/1.1")
    assert b"Basic bmFtZTpzZWNyZXQ=" in asked[0]
    assert "secret" not in str(failed.value)
    assert not failed.value.terminal


async def test_cancelling_a_connect_leaves_nothing_open() -> None:
    upgrading = asyncio.Event()
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upgrading.set()
        await reader.read(-1)
        gone.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        connecting = asyncio.create_task(connect(f"ws://127.0.0.1:{port}/v2"))
        await upgrading.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        async with asyncio.timeout(5):
            await gone.wait()


async def test_a_pair_in_memory_carries_texts_in_order_both_ways() -> None:
    near, far = memory_pair()
    await near.send("one")
    await near.send("two")
    await far.send("back")

    assert [await far.receive(), await far.receive(), await near.receive()] == [b"one", b"two", b"back"]


async def test_a_pair_in_memory_wakes_a_waiting_receiver_and_survives_its_cancellation() -> None:
    near, far = memory_pair()
    waiting = asyncio.create_task(far.receive())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    waiting = asyncio.create_task(far.receive())
    await asyncio.sleep(0)
    await near.send("now")
    assert await waiting == b"now"


@pytest.mark.parametrize("code", [1000, 1008])
async def test_a_pair_in_memory_closes_as_a_real_one_does(code: int) -> None:
    near, far = memory_pair()
    await far.send("last words")
    await far.close(code, "because")

    assert await near.receive() == b"last words"
    with pytest.raises(ConnectionLost, match="because") as lost:
        await near.receive()
    assert lost.value.code == code
    for end in (near, far):
        assert end.closed
        with pytest.raises(ConnectionLost):
            await end.send("too late")
        await end.close()


def test_a_fresh_end_is_open() -> None:
    assert not MemorySocket().closed
