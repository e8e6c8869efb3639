"""One account: its key, its sessions, what they want."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from binance_private import BTC, KEY, T0, contracts, order, told, wrapped
from binance_rest import BinanceRest, Refusal
from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountNews,
    BalancesReported,
    ConfigurationReported,
    OrdersReported,
)
from leadline.core.session import Reconnect, Send
from leadline.errors import ProtocolError, VenueError
from leadline.model.account import MarginMode
from leadline.model.market import Side
from leadline.model.order import OrderKind, OrderRequest, Trigger
from leadline.net.http import Purpose
from leadline.venues.binance import user_events
from leadline.venues.binance.account import BinanceAccount
from leadline.venues.binance.account_session import BinanceAccountSession
from leadline.venues.binance.limits import AddressLimits, OrderLimits
from leadline.venues.binance.user_events import OrderUpdate
from leadline.venues.binance.ws_api import WsApiSession
from leadline.venues.ports import Path, Placement

CREATE = "POST /fapi/v1/listenKey"
PROVE = "PUT /fapi/v1/listenKey"
MODES = "GET /fapi/v1/accountConfig"
SYMBOLS = "GET /fapi/v1/symbolConfig"


class Rig:
    """An account over a venue that answers every read, and its sessions."""

    def __init__(self) -> None:
        self.venue = BinanceRest()
        self.venue.answers = {
            CREATE: {"listenKey": KEY},
            PROVE: {"listenKey": KEY},
            "GET /fapi/v1/openOrders": [],
            "GET /fapi/v1/openAlgoOrders": [],
            "GET /fapi/v1/allAlgoOrders": [],
            "GET /fapi/v3/account": {"assets": [{"asset": "USDT", "walletBalance": "100"}]},
            "GET /fapi/v3/positionRisk": [],
            MODES: {"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True},
            SYMBOLS: [{"symbol": "BTCUSDT", "marginType": "CROSSED", "leverage": 21}],
        }
        clock = self.venue.clock
        limits = OrderLimits(AddressLimits(clock))
        self.account = BinanceAccount(self.venue.rest, contracts(), self.venue.venue_time, limits, clock)
        self.news: list[AccountNews] = []

    def session(self) -> BinanceAccountSession:
        session = self.account.session(lambda news, now_ns: self.news.append(news))
        assert isinstance(session, BinanceAccountSession)
        return session

    async def connect(self, session: BinanceAccountSession) -> dict[str, Any]:
        """Authorise, open, and acknowledge the subscription, which is returned."""
        await self.venue.done(self.account.authorise(session))
        session.opened(self.venue.clock.mono_ns())
        (sent,) = session.outputs()
        assert isinstance(sent, Send)
        asked = told(sent.text.encode())
        self.hear(session, f'{{"result":null,"id":{asked["id"]}}}'.encode())
        return asked

    def hear(self, session: BinanceAccountSession, frame: bytes) -> None:
        session.received(frame, self.venue.clock.mono_ns())

    def told(self, kind: type) -> list[AccountNews]:
        return [news for news in self.news if isinstance(news, kind)]


@asynccontextmanager
async def running() -> AsyncIterator[Rig]:
    rig = Rig()
    task = asyncio.create_task(rig.account.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_lines_share_one_key_and_one_request_for_it() -> None:
    async with running() as rig:
        sessions = [rig.session(), rig.session()]
        asked = [await rig.connect(session) for session in sessions]
        assert [each["params"] for each in asked] == [[KEY], [KEY]]
        assert rig.venue.names().count(CREATE) == 1


async def test_a_connection_gets_its_snapshot_in_one_round_of_questions() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(2)
        assert session.ready(session.last_frame_ns)
        (balances,) = rig.told(BalancesReported)
        assert isinstance(balances, BalancesReported)
        assert balances.snapshot.balances[0].total == Decimal(100)
        assert rig.venue.names().count("GET /fapi/v3/account") == 1
        assert len(rig.told(ConfigurationReported)) == 1


async def test_a_snapshot_that_cannot_be_had_is_asked_for_again_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as rig:
        rig.venue.answers[MODES] = Refusal(400, -1121, "not now")
        session = rig.session()
        with caplog.at_level(logging.WARNING, "leadline"):
            await rig.connect(session)
            await rig.venue.passing(8)
        assert not session.ready(session.last_frame_ns)
        assert sum("could not be read" in record.message for record in caplog.records) == 1
        rig.venue.answers[MODES] = {"dualSidePosition": True, "multiAssetsMargin": False}
        await rig.venue.passing(16)
        assert session.ready(session.last_frame_ns)


async def test_an_expired_key_is_renewed_once_for_all_lines_and_never_deleted() -> None:
    async with running() as rig:
        sessions = [rig.session(), rig.session()]
        for session in sessions:
            await rig.connect(session)
        await rig.venue.passing(1)
        rig.venue.answers |= {CREATE: {"listenKey": "key-2"}, PROVE: {"listenKey": "key-2"}}
        for session in sessions:
            rig.hear(session, wrapped({"e": "listenKeyExpired", "E": T0, "listenKey": KEY}))
        await rig.venue.done(asyncio.gather(*(rig.account.authorise(session) for session in sessions)))
        assert rig.venue.names().count(CREATE) == 2
        for session in sessions:
            assert any(isinstance(output, Reconnect) for output in session.outputs())
            session.closed("left", rig.venue.clock.mono_ns())
            assert (await rig.connect(session))["params"] == ["key-2"]
        assert not any(name.startswith("DELETE") for name in rig.venue.names())


async def test_a_key_that_expired_without_notice_is_found_within_five_seconds() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(1)
        rig.venue.answers |= {PROVE: Refusal(400, -1125), CREATE: {"listenKey": "key-2"}}
        await rig.venue.passing(5)
        assert any(isinstance(output, Reconnect) for output in session.outputs())
        assert rig.account.key.renewed == 1


async def test_a_stream_whose_key_nobody_proves_is_not_ready_until_somebody_does() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(1)
        assert session.ready(session.last_frame_ns)
        rig.venue.answers[PROVE] = Refusal(500, -1000)
        await rig.venue.passing(5)
        assert not session.ready(session.last_frame_ns)
        (doubt,) = rig.told(AccountDoubted)
        assert isinstance(doubt, AccountDoubted)
        assert "not proven" in doubt.reason
        rig.venue.answers[PROVE] = {"listenKey": KEY}
        await rig.venue.passing(16)
        assert session.ready(session.last_frame_ns)
        assert rig.told(AccountGap) == []
        assert session.outputs() == []


async def test_news_of_the_account_proves_the_stream_that_tells_it() -> None:
    async with running() as rig:
        told, silent = rig.session(), rig.session()
        for session in (told, silent):
            await rig.connect(session)
        await rig.venue.passing(1)
        rig.venue.answers[PROVE] = Refusal(500, -1000)
        await rig.venue.passing(5)
        rig.venue.clock.advance(0.1)
        rig.hear(told, order("NEW"))
        assert told.ready(told.last_frame_ns)
        assert not silent.ready(silent.last_frame_ns)


async def test_the_second_way_proves_the_key_where_rest_does_not() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(1)
        api, now_ns = rig.account.request_session(), rig.venue.clock.mono_ns
        assert isinstance(api, WsApiSession)
        api.opened(now_ns())
        (time,) = (told(one.text.encode()) for one in api.outputs() if isinstance(one, Send))
        body = {"id": time["id"], "status": 200, "result": {"serverTime": T0}}
        api.received(json.dumps(body).encode(), now_ns())

        def answer() -> None:
            for one in api.outputs():
                assert isinstance(one, Send)
                asked = told(one.text.encode())
                asked_for.append((asked["method"], sorted(asked["params"])))
                body = {"id": asked["id"], "status": 200, "result": {"listenKey": KEY}}
                api.received(json.dumps(body).encode(), now_ns())

        asked_for: list[tuple[str, list[str]]] = []
        api.poke = answer
        rig.venue.answers[PROVE] = Refusal(500, -1000)
        await rig.venue.passing(5)
        assert asked_for == [("userDataStream.ping", ["apiKey"])]
        assert session.ready(session.last_frame_ns)
        assert rig.told(AccountDoubted) == []


async def test_a_refused_credential_is_told_to_whoever_asked() -> None:
    async with running() as rig:
        rig.venue.answers[CREATE] = Refusal(401, -2015, "Invalid API-key, IP, or permissions for action.")
        with pytest.raises(VenueError, match="-2015"):
            await rig.venue.done(rig.account.authorise(rig.session()))


async def test_a_mode_that_was_set_is_read_and_told_although_no_event_tells_it() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(2)
        rig.venue.answers |= {
            "POST /fapi/v1/positionSide/dual": {"code": 200, "msg": "success"},
            MODES: {"dualSidePosition": True, "multiAssetsMargin": False, "canTrade": True},
        }
        await rig.venue.done(rig.account.set_hedge(True))
        await rig.venue.passing(1)
        news = rig.told(ConfigurationReported)[-1]
        assert isinstance(news, ConfigurationReported)
        assert news.configuration.hedge


async def test_leverage_and_margin_mode_are_set() -> None:
    async with running() as rig:
        rig.venue.answers |= {
            "GET /fapi/v1/leverageBracket": [{"symbol": "BTCUSDT", "brackets": [{"initialLeverage": 20}]}],
            "POST /fapi/v1/leverage": {"leverage": 7},
            "POST /fapi/v1/marginType": Refusal(400, -4046),
        }
        assert await rig.venue.done(rig.account.set_leverage(BTC, 7)) == 7
        await rig.venue.done(rig.account.set_margin_mode(BTC, MarginMode.CROSS))
        assert ("POST /fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "7"}) in rig.venue.asked


async def test_reads_are_those_of_the_account() -> None:
    async with running() as rig:
        account = rig.account
        rig.venue.answers["GET /fapi/v1/income"] = []
        assert await rig.venue.done(account.fetch_open_orders(Purpose.ACCOUNT)) == []
        assert (await rig.venue.done(account.fetch_balances(Purpose.ACCOUNT))).balances[0].total == 100
        assert await rig.venue.done(account.fetch_positions(Purpose.ACCOUNT)) == ()
        assert await rig.venue.done(account.fetch_ledger(T0 * 1_000_000, Purpose.HISTORY)) == []
        assert await rig.venue.done(account.fetch_fills(T0 * 1_000_000, Purpose.HISTORY)) == []
        configuration = await rig.venue.done(account.fetch_configuration((BTC,), Purpose.ACCOUNT))
        assert configuration is not None
        assert configuration.symbols[0].leverage == 21
        assert account.comparable("USDT")


def placement(name: str, **fields: Any) -> Placement:
    request = OrderRequest(
        symbol=BTC, side=Side.SELL, kind=OrderKind.LIMIT, qty=Decimal("0.010"), limit_price=Decimal(90000)
    )
    if fields:
        request = OrderRequest(symbol=BTC, side=Side.SELL, qty=Decimal("0.010"), **fields)
    return Placement(name, None, request, T0 * 1_000_000 + 5_000_000_000)


async def test_our_own_order_is_told_at_once_although_a_conditional_one_waits() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(2)
        stop = placement("stop-1", kind=OrderKind.STOP_LOSS, trigger=Trigger(price=Decimal(85000)))
        rig.venue.answers |= {
            "POST /fapi/v1/algoOrder": {"algoId": 5, "clientAlgoId": "stop-1", "symbol": "BTCUSDT"},
            "POST /fapi/v1/order": {"orderId": 7, "symbol": "BTCUSDT", "clientOrderId": "mine"},
        }
        assert (await rig.venue.done(rig.account.place(stop, Path.REST))).order_id == "algo:5"
        assert (await rig.venue.done(rig.account.place(placement("mine"), Path.REST))).order_id == "BTCUSDT:7"
        rig.news.clear()
        rig.hear(session, order("NEW", S="SELL"))
        assert len(rig.told(OrdersReported)) == 1
        rig.hear(session, order("NEW", i=8, c="placed-by-the-stop", S="SELL"))
        assert len(rig.told(OrdersReported)) == 1


@pytest.mark.parametrize(
    ("more", "name"),
    [({"algoStatus": "FINISHED", "actualOrderId": "8"}, "algo:5"), ({"algoStatus": "NEW"}, "BTCUSDT:8")],
)
async def test_rest_says_whose_an_order_is_where_the_stream_does_not(more: dict[str, Any], name: str) -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(2)
        row = {"algoId": 5, "clientAlgoId": "stop-1", "symbol": "BTCUSDT", "side": "SELL"}
        rig.venue.answers |= {"POST /fapi/v1/algoOrder": row, "GET /fapi/v1/algoOrder": row | more}
        stop = placement("stop-1", kind=OrderKind.STOP_LOSS, trigger=Trigger(price=Decimal(85000)))
        await rig.venue.done(rig.account.place(stop, Path.REST))
        rig.news.clear()
        rig.hear(session, order("NEW", i=8, c="placed-by-the-stop", S="SELL"))
        await rig.venue.passing(2)
        assert rig.told(OrdersReported) == []
        rig.hear(session, b'{"e":"heartbeat"}')
        session.woke(rig.venue.clock.mono_ns())
        await rig.venue.passing(1)
        (news,) = rig.told(OrdersReported)
        assert isinstance(news, OrdersReported)
        assert [report.order_id for report in news.reports] == [name]


async def test_a_stream_that_tells_nothing_of_an_accepted_order_is_left() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(2)
        rig.venue.answers["POST /fapi/v1/order"] = {"orderId": 7, "symbol": "BTCUSDT", "clientOrderId": "c"}
        await rig.venue.done(rig.account.place(placement("c"), Path.REST))
        session.outputs()
        rig.hear(session, b'{"e":"heartbeat"}')
        session.woke(session.wake_at() or 0)
        assert not any(isinstance(output, Reconnect) for output in session.outputs())
        await rig.venue.passing(3)
        rig.hear(session, b'{"e":"heartbeat"}')
        session.woke(rig.venue.clock.mono_ns())
        assert any(isinstance(output, Reconnect) for output in session.outputs())


async def test_a_wrong_position_side_has_the_mode_read_at_once() -> None:
    async with running() as rig:
        await rig.connect(rig.session())
        await rig.venue.passing(2)
        before = rig.venue.names().count(MODES)
        text = "Order's position side does not match user's setting."
        rig.venue.answers["POST /fapi/v1/order"] = Refusal(400, -4061, text)
        with pytest.raises(VenueError, match="-4061"):
            await rig.venue.done(rig.account.place(placement("c"), Path.REST))
        await rig.venue.passing(1)
        assert rig.venue.names().count(MODES) == before + 1


@pytest.mark.parametrize(("code", "held"), [(-2021, False), (-1007, True)])
async def test_only_a_conditional_order_that_may_stand_holds_up_news_of_others(code: int, held: bool) -> None:
    async with running() as rig:
        await rig.connect(rig.session())
        await rig.venue.passing(2)
        rig.venue.answers["POST /fapi/v1/algoOrder"] = Refusal(400, code, "no")
        stop = placement("c", kind=OrderKind.STOP_LOSS, trigger=Trigger(Decimal(85000)))
        with pytest.raises(VenueError):
            await rig.venue.done(rig.account.place(stop, Path.REST))
        event = user_events.decode(order("NEW", i=88, S="SELL", c="another program"))
        assert isinstance(event, OrderUpdate)
        assert bool(rig.account.algos.hold_ns(event.o)) is held


async def test_an_answer_about_the_key_that_cannot_be_read_is_kept_out_of_the_error() -> None:
    async with running() as rig:
        rig.venue.answers[CREATE] = {"listenKey": 5, "other": KEY}
        with pytest.raises(ProtocolError) as raised:
            await rig.venue.done(rig.account.authorise(rig.session()))
        assert raised.value.frame == b""
        assert KEY not in str(raised.value)


async def test_proofs_that_fail_leave_a_living_key_and_its_stream_alone() -> None:
    async with running() as rig:
        session = rig.session()
        await rig.connect(session)
        await rig.venue.passing(1)
        rig.venue.answers[PROVE] = Refusal(500, -1000, "An unknown error occurred.")
        await rig.venue.passing(40)
        assert rig.account.key.failures >= 3
        assert rig.venue.rest.breaker.opened == 0
        assert not any(isinstance(output, Reconnect) for output in session.outputs())
        rig.hear(session, order("NEW"))
        assert len(rig.told(OrdersReported)) == 1
