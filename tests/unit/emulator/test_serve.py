from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import yarl

from binance_emulated import BTC, NAMED
from emulated import OTHER, QUIET, NaiveBook
from leadline.clock import SystemClock
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.kraken.auth import signature
from leadline.emulator.serve import Endpoints, serve
from leadline.errors import ConfigError

BOOK = {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}}


@asynccontextmanager
async def served(rate: float = 500) -> AsyncIterator[tuple[Endpoints, aiohttp.ClientSession]]:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), rate=rate, pairs=(QUIET, OTHER), history_minutes=5)
    async with serve(exchange, clock) as endpoints, aiohttp.ClientSession() as session:
        yield endpoints, session


def url(endpoints: Endpoints, name: str) -> str:
    return str(endpoints.as_json()["kraken"]["endpoints"][name])


async def fault(session: aiohttp.ClientSession, endpoints: Endpoints, **fields: Any) -> dict[str, Any]:
    async with session.post(f"{endpoints.control}/faults", json=fields) as answer:
        assert answer.status == 200, await answer.text()
        described: dict[str, Any] = await answer.json()
        return described


async def fetched(session: aiohttp.ClientSession, address: str) -> tuple[int, Any]:
    async with session.get(address) as answer:
        return answer.status, await answer.json()


async def until_frame(socket: aiohttp.ClientWebSocketResponse, start: str) -> str:
    while True:
        text = str(await socket.receive_str(timeout=5))
        if text.startswith(start):
            return text


async def test_the_endpoints_are_announced_in_krakens_shape() -> None:
    async with served() as (endpoints, _):
        announced = endpoints.as_json()
        assert list(announced) == ["kraken", "control", "credentials"]
        assert list(announced["kraken"]) == ["endpoints", "credentials"]
        assert set(announced["kraken"]["endpoints"]) == {"ws_public", "ws_private", "ws_level3", "rest"}
        assert list(announced["credentials"]) == ["api_key", "private_key"]
        assert announced["kraken"]["credentials"] == announced["credentials"]
        assert url(endpoints, "ws_public").startswith("ws://127.0.0.1:")
        assert url(endpoints, "ws_public").endswith("/v2")


async def test_a_book_read_over_a_socket_equals_the_truth() -> None:
    async with served() as (endpoints, session), session.ws_connect(url(endpoints, "ws_public")) as socket:
        await socket.send_json(BOOK)
        book = NaiveBook(10)
        for _ in range(30):
            assert book.apply(await until_frame(socket, '{"channel":"book"'))
        await fault(session, endpoints, kind="STATUS", mode="maintenance")
        _, truth = await fetched(session, f"{endpoints.control}/truth/book?symbol=BTC/USD&depth=10")
        while book.checksum() != truth["checksum"]:
            assert book.apply(await until_frame(socket, '{"channel":"book"'))
        assert [list(row) for row in book.best()[0]] == truth["bids"]
        assert [list(row) for row in book.best()[1]] == truth["asks"]
        assert truth["best_bid"] == truth["bids"][0][0]


async def test_rest_is_served_by_get_and_post() -> None:
    async with served() as (endpoints, session):
        address = f"{url(endpoints, 'rest')}/0/public/Depth"
        status, answer = await fetched(session, f"{address}?pair=XBTUSD&count=2")
        assert status == 200
        assert len(answer["result"]["XXBTZUSD"]["asks"]) == 2
        async with session.post(address, data={"pair": "XBTUSD", "count": "1"}) as posted:
            assert len((await posted.json())["result"]["XXBTZUSD"]["asks"]) == 1


async def signed(
    session: aiohttp.ClientSession, endpoints: Endpoints, name: str, body: bytes, *, kind: str
) -> aiohttp.ClientResponse:
    """A private call with the nonce 1 signed over exactly these bytes."""
    key = endpoints.venues["kraken"].credentials
    sign = signature(key["private_key"], f"/0/private/{name}", "1", body)
    headers = {"API-Key": key["api_key"], "API-Sign": sign, "Content-Type": kind}
    return await session.post(f"{url(endpoints, 'rest')}/0/private/{name}", data=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"nonce=1&asset=X%42T", "application/x-www-form-urlencoded"),
        (b'{ "nonce": 1 }', "application/json"),
    ],
)
async def test_a_private_call_is_judged_by_its_bytes_as_they_were_sent(body: bytes, kind: str) -> None:
    async with served() as (endpoints, session):
        answer = await signed(session, endpoints, "Balance", body, kind=kind)
        assert (await answer.json())["result"]["ZUSD"] == "1000000.0000"


async def test_a_request_whose_answer_is_dropped_was_executed() -> None:
    async with served() as (endpoints, session):
        await fault(session, endpoints, kind="ACCEPT_THEN_DROP", path="AddOrder")
        body = b"nonce=1&pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=1"
        with pytest.raises(aiohttp.ClientConnectionError):
            await signed(session, endpoints, "AddOrder", body, kind="application/x-www-form-urlencoded")
        _, orders = await fetched(session, f"{endpoints.control}/truth/orders")
        assert [order["status"] for order in orders] == ["new"]


async def test_the_truth_tells_trades_and_ticker() -> None:
    async with served() as (endpoints, session):
        _, trades = await fetched(session, f"{endpoints.control}/truth/trades?symbol=BTC/USD")
        _, ticker = await fetched(session, f"{endpoints.control}/truth/ticker?symbol=BTC/USD")
        assert {"trade_id", "price", "qty", "side", "time_ns", "ord_type"} == set(trades["trades"][0])
        assert ticker["last"]
        assert all(isinstance(ticker[name], str) for name in ("bid", "ask", "volume"))


@pytest.mark.parametrize(
    "path", ["truth/book?symbol=XBT/USD", "truth/trades", "truth/book?symbol=BTC/USD&depth=x"]
)
async def test_a_wrong_question_is_answered_400_with_the_cure(path: str) -> None:
    async with served() as (endpoints, session):
        status, answer = await fetched(session, f"{endpoints.control}/{path}")
        assert status == 400
        assert "symbol" in answer["error"] or "depth" in answer["error"]


async def test_faults_are_put_listed_and_ended() -> None:
    async with served() as (endpoints, session):
        first = await fault(session, endpoints, venue="kraken", kind="STALL", channel="book")
        await fault(session, endpoints, kind="SUB_RATE", per_s=1)
        _, listed = await fetched(session, f"{endpoints.control}/faults")
        assert [one["kind"] for one in listed] == ["STALL", "SUB_RATE"]
        async with session.delete(f"{endpoints.control}/faults?id={first['id']}") as answer:
            assert await answer.json() == {"ended": 1}
        async with session.delete(f"{endpoints.control}/faults") as answer:
            assert await answer.json() == {"ended": 1}
        async with session.delete(f"{endpoints.control}/faults?id=x") as answer:
            assert answer.status == 400


@pytest.mark.parametrize("body", ["{", '{"kind":"STALL","channel":"books"}'])
async def test_a_wrong_fault_is_answered_400(body: str) -> None:
    async with (
        served() as (endpoints, session),
        session.post(f"{endpoints.control}/faults", data=body) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"]


@pytest.mark.parametrize(("code", "seen"), [(1001, 1001), (1008, 1008), (1006, 1006)])
async def test_a_close_reaches_the_client_with_its_code(code: int, seen: int) -> None:
    async with served() as (endpoints, session), session.ws_connect(url(endpoints, "ws_public")) as socket:
        await until_frame(socket, '{"channel":"status"')
        await fault(session, endpoints, kind="CLOSE", code=code)
        while not socket.closed:
            await socket.receive(timeout=5)
        assert socket.close_code == seen


async def test_refused_upgrades_get_a_status_or_a_reset() -> None:
    async with served() as (endpoints, session):
        await fault(session, endpoints, kind="REFUSE", status=503, count=1)
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url(endpoints, "ws_public"))
        assert caught.value.status == 503
        await fault(session, endpoints, kind="REFUSE")
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.ws_connect(url(endpoints, "ws_public"))
        async with session.delete(f"{endpoints.control}/faults"):
            pass
        async with session.ws_connect(url(endpoints, "ws_public")) as socket:
            await until_frame(socket, '{"channel":"status"')


async def test_a_rest_reply_can_be_replaced_and_delayed() -> None:
    async with served() as (endpoints, session):
        await fault(
            session, endpoints, kind="REPLY", path="Time", status=520, body="edge", delay_s=0.01, count=1
        )
        async with session.get(f"{url(endpoints, 'rest')}/0/public/Time") as answer:
            assert (answer.status, await answer.text()) == (520, "edge")
        status, _ = await fetched(session, f"{url(endpoints, 'rest')}/0/public/Time")
        assert status == 200


async def test_a_half_open_link_answers_no_ping_until_it_is_over() -> None:
    async with served() as (endpoints, session), session.ws_connect(url(endpoints, "ws_public")) as socket:
        await until_frame(socket, '{"channel":"status"')
        await fault(session, endpoints, kind="HALF_OPEN")
        await socket.send_str('{"method":"ping","req_id":5}')
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)
        async with session.delete(f"{endpoints.control}/faults"):
            pong = json.loads(await until_frame(socket, '{"method":"pong"'))
        assert pong["req_id"] == 5


async def test_websocket_pings_are_answered() -> None:
    async with (
        served() as (endpoints, session),
        session.ws_connect(url(endpoints, "ws_public"), autoping=False) as socket,
    ):
        await socket.ping(b"x")
        while (message := await socket.receive(timeout=5)).type != aiohttp.WSMsgType.PONG:
            assert message.type == aiohttp.WSMsgType.TEXT
        assert message.data == b"x"


@pytest.mark.parametrize(
    ("name", "params"),
    [("ws_private", {"channel": "executions"}), ("ws_level3", {"channel": "level3", "symbol": ["BTC/USD"]})],
)
async def test_the_other_hosts_greet_and_refuse_an_unknown_token(name: str, params: dict[str, Any]) -> None:
    async with served() as (endpoints, session), session.ws_connect(url(endpoints, name)) as socket:
        await until_frame(socket, '{"channel":"status"')
        await socket.send_json({"method": "subscribe", "params": params | {"token": "t"}})
        assert "ESession:Invalid session" in await until_frame(socket, '{"error"')


async def test_a_port_in_use_is_a_clear_error() -> None:
    async with served() as (endpoints, _):
        port = int(endpoints.base.rpartition(":")[2])
        clock = SystemClock()
        exchange = Exchange(start_ns=clock.wall_ns(), pairs=(QUIET,), history_minutes=0)
        with pytest.raises(ConfigError, match=f"port {port}.*another port"):
            async with serve(exchange, clock, port=port):
                pass


async def test_it_listens_on_loopback_only() -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), pairs=(QUIET,), history_minutes=0)
    with pytest.raises(ConfigError, match="loopback"):
        async with serve(exchange, clock, host="0.0.0.0"):
            pass


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
async def test_another_host_is_refused_by_name(host: str) -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), pairs=(QUIET,), history_minutes=0)
    with pytest.raises(ConfigError, match=host):
        async with serve(exchange, clock, host=host):
            pass


async def test_what_the_block_raises_leaves_it_unchanged() -> None:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), pairs=(QUIET,), history_minutes=0)
    with pytest.raises(KeyError):
        async with serve(exchange, clock, host="localhost"):
            raise KeyError("mine")


async def test_a_market_too_fast_for_the_machine_still_answers() -> None:
    async with served(rate=300_000) as (endpoints, session):
        status, _ = await fetched(session, f"{url(endpoints, 'rest')}/0/public/Time")
        assert status == 200


@asynccontextmanager
async def both_served() -> AsyncIterator[tuple[Endpoints, aiohttp.ClientSession]]:
    clock = SystemClock()
    exchange = Exchange(start_ns=clock.wall_ns(), rate=300, pairs=(QUIET, OTHER), history_minutes=5)
    binance = BinanceExchange(start_ns=clock.wall_ns(), rate=300, contracts=(BTC, NAMED), history_minutes=5)
    async with serve(exchange, clock, binance=binance) as endpoints, aiohttp.ClientSession() as session:
        yield endpoints, session


def binance_url(endpoints: Endpoints, name: str) -> str:
    return str(endpoints.as_json()["binance"]["endpoints"][name])


async def test_both_venues_are_announced_each_with_its_own_names() -> None:
    async with both_served() as (endpoints, _):
        announced = endpoints.as_json()
        assert list(announced) == ["kraken", "binance", "control", "credentials"]
        names = ["rest", "ws_public", "ws_market", "ws_private", "ws_api"]
        assert list(announced["binance"]["endpoints"]) == names
        assert list(announced["binance"]["credentials"]) == ["api_key", "api_secret"]
        assert binance_url(endpoints, "ws_api").endswith("/ws-fapi/v1")


async def test_binance_streams_and_answers_beside_kraken_on_one_port() -> None:
    async with both_served() as (endpoints, session):
        public, api = (binance_url(endpoints, name) for name in ("ws_public", "ws_api"))
        async with (
            session.ws_connect(public) as stream,
            session.ws_connect(api) as asking,
            session.ws_connect(url(endpoints, "ws_public")) as kraken,
        ):
            await stream.send_json({"method": "SUBSCRIBE", "params": ["币安人生usdt@depth@100ms"], "id": 1})
            assert await stream.receive_str(timeout=5) == '{"result":null,"id":1}'
            assert (await stream.receive_json(timeout=5))["data"]["s"] == "币安人生USDT"
            await asking.send_json({"id": 1, "method": "time"})
            assert (await asking.receive_json(timeout=5))["status"] == 200
            assert "status" in await kraken.receive_str(timeout=5)
        rest = binance_url(endpoints, "rest")
        status, book = await fetched(
            session, f"{rest}/fapi/v1/depth?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"
        )
        assert (status, list(book)) == (200, ["lastUpdateId", "E", "T", "bids", "asks"])


async def test_streams_may_stand_in_the_address_and_unrouted_ones_are_public() -> None:
    async with both_served() as (endpoints, session):
        base = binance_url(endpoints, "rest").replace("http", "ws")
        async with session.ws_connect(f"{base}/ws/btcusdt@bookTicker") as bare:
            assert (await bare.receive_json(timeout=5))["e"] == "bookTicker"
        async with session.ws_connect(f"{base}/market/stream?streams=btcusdt@markPrice@1s") as wrapped:
            assert (await wrapped.receive_json(timeout=5))["stream"] == "btcusdt@markPrice@1s"


async def test_a_signature_covers_the_query_exactly_as_it_was_sent() -> None:
    async with both_served() as (endpoints, session):
        key = endpoints.as_json()["binance"]["credentials"]
        rest = binance_url(endpoints, "rest")
        _, told = await fetched(session, f"{rest}/fapi/v1/time")
        query = f"symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&timestamp={told['serverTime']}"
        sent = f"{query}&signature={hmac_hex(key['api_secret'], query)}"
        address = yarl.URL(f"{rest}/fapi/v1/openOrders?{sent}", encoded=True)
        async with session.get(address, headers={"X-MBX-APIKEY": key["api_key"]}) as answer:
            assert (answer.status, await answer.json()) == (200, [])
            assert answer.headers["x-mbx-used-weight-1m"] == "2"


async def test_one_switchboard_serves_both_venues_and_no_two_faults_share_an_id() -> None:
    async with both_served() as (endpoints, session):
        one = await fault(session, endpoints, kind="STALL", channel="book")
        other = await fault(session, endpoints, venue="binance", kind="STALL", symbol="BTC/USDT:USDT")
        assert (one["id"], other["id"], other["symbol"]) == (1, 2, "BTCUSDT")
        _, active = await fetched(session, f"{endpoints.control}/faults")
        assert [(row["id"], row["venue"]) for row in active] == [(1, "kraken"), (2, "binance")]
        async with session.delete(f"{endpoints.control}/faults?id=1") as answer:
            assert await answer.json() == {"ended": 1}
        _, active = await fetched(session, f"{endpoints.control}/faults")
        assert [row["id"] for row in active] == [2]
        async with session.post(f"{endpoints.control}/faults", json={"venue": "okx", "kind": "CLOSE"}) as bad:
            assert bad.status == 400
            assert "'okx' is none of kraken, binance" in await bad.text()


async def test_a_venue_that_is_not_served_takes_no_fault() -> None:
    async with served(rate=0) as (endpoints, session):
        posted = {"venue": "binance", "kind": "CLOSE"}
        async with session.post(f"{endpoints.control}/faults", json=posted) as answer:
            assert answer.status == 400
            assert "'binance' is not served here; served are kraken" in await answer.text()


async def test_binances_truth_is_told_by_the_venues_name() -> None:
    async with both_served() as (endpoints, session):
        _, book = await fetched(session, f"{endpoints.control}/truth/book?venue=binance&symbol=BTCUSDT")
        assert book["symbol"] == "BTCUSDT"
        assert book["last_update_id"] > 0
        assert "checksum" not in book
        _, wallets = await fetched(session, f"{endpoints.control}/truth/balances?venue=binance")
        assert wallets["USDT"] == "100000.00000000"
        for name in ("orders", "fills", "positions"):
            assert await fetched(session, f"{endpoints.control}/truth/{name}?venue=binance") == (200, [])
        status, _ = await fetched(session, f"{endpoints.control}/truth/positions")
        assert status == 400


def hmac_hex(secret: str, payload: str) -> str:
    return hmac.digest(secret.encode(), payload.encode(), "sha256").hex()
