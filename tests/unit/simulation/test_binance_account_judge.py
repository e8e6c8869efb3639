"""The judge of an account at Binance is judged: each lie that a client could tell is found, and no truth."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from journal_records import intent
from leadline.emulator.binance.forced import ADL, LIQUIDATION
from leadline.emulator.binance.forced import Cause as ForcedCause
from leadline.engine.order_news import Cause, OrderEvent
from leadline.model.account import AccountConfiguration, MarginMode, Position, SymbolConfiguration
from leadline.model.market import Side
from leadline.model.order import Fill, Order, OrderKind, OrderState, PositionSide
from leadline.simulation.account_judge import VenueOrder
from leadline.simulation.binance_account_judge import MOST_VOID_S, BinanceAccountJudge
from leadline.simulation.report import Findings
from pit import MARKET, Pit
from simrig import stopwatch

BTC = "BTC/USDT:USDT"
NAMES = {"BTCUSDT": BTC, "ETHUSDT": "ETH/USDT:USDT"}


class Rig(Pit):
    """A still market and its account, and the judge that listens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.judge = BinanceAccountJudge(
            self.account, self.market, NAMES, self.loop, self.findings, lambda *facts: None
        )

    def hears(self, venue: VenueOrder, **fields: Any) -> None:
        """What an honest client tells of an order, save for these fields."""
        fills = tuple(_fill(name, venue) for name in sorted(venue.fills))
        order = Order(
            client_id=venue.name,
            symbol=venue.symbol,
            side=Side.BUY,
            kind=OrderKind.LIMIT,
            state=venue.states[0],
            order_id=venue.order_id,
            qty=venue.qty,
            limit_price=venue.limit,
            fills=fills,
        )
        self.judge.heard(OrderEvent(order=replace(order, **fields), cause=Cause.REPORTED, at_ns=0))

    @property
    def known(self) -> dict[str, VenueOrder]:
        return {order.name: order for order in self.judge.orders()}

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


def _fill(name: str, venue: VenueOrder) -> Fill:
    one = Decimal(1)
    return Fill(
        exec_id=name, order_id=venue.order_id, symbol=BTC, side=Side.BUY, qty=venue.filled,
        price=one, cost=one, fees=(),
    )  # fmt: skip


@pytest.fixture
def rig() -> Iterator[Rig]:
    yield Rig()


def test_an_order_is_shown_in_the_words_and_numbers_of_the_client(rig: Rig) -> None:
    placed = rig.order(price="49000.0", newClientOrderId="one")
    assert rig.known["one"] == VenueOrder(
        order_id=f"BTCUSDT:{placed.value['orderId']}",
        name="one",
        symbol=BTC,
        status="NEW",
        states=(OrderState.WORKING,),
        qty=Decimal("0.010"),
        limit=Decimal(49000),
        filled=Decimal(0),
        fills=frozenset(),
    )
    assert rig.judge.order(rig.known["one"].order_id) == rig.known["one"]
    assert rig.judge.order("BTCUSDT:1") is rig.judge.order("algo:1") is rig.judge.order("") is None


def test_a_conditional_order_and_the_one_it_has_placed_are_one(rig: Rig) -> None:
    rig.long()
    rig.algo(triggerPrice="49900.0", clientAlgoId="stop")
    assert rig.known["stop"].states == (OrderState.WORKING,)
    rig.crowd("BUY", "49850.0", "1")
    rig.trade_at("49899.0")
    rig.wait(0.1)

    stop = rig.known["stop"]
    assert (stop.states, stop.filled, len(stop.fills)) == ((OrderState.FILLED,), Decimal("0.010"), 1)
    assert sum(order.filled == stop.filled for order in rig.judge.orders()) == 2  # with the one that opened
    assert "stop" in rig.known
    rig.hears(stop)
    assert rig.kinds == {}


def test_an_order_called_filled_that_has_expired_is_misjudged(rig: Rig) -> None:
    rig.order(price="49000.0", timeInForce="IOC", newClientOrderId="one")
    rig.hears(rig.known["one"], state=OrderState.FILLED)

    assert rig.kinds == {"misjudged": 1}


def test_a_match_told_beyond_what_has_filled_is_doubled(rig: Rig) -> None:
    rig.crowd("SELL", "50000.0")
    rig.order(MARKET, newClientOrderId="one")
    venue = rig.known["one"]
    again = (*(_fill(name, venue) for name in venue.fills), _fill("lite", venue))
    rig.hears(venue, fills=again)

    assert rig.kinds == {"fills_doubled": 1}


def test_an_order_called_rejected_that_the_venue_gets_is_misjudged_and_two_of_one_name_are_told(
    rig: Rig,
) -> None:
    order = Order(client_id="one", symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, state=OrderState.REJECTED)
    rig.judge.heard(OrderEvent(order=order, cause=Cause.SETTLED, at_ns=0))
    assert rig.kinds == {}
    rig.order(price="49000.0", newClientOrderId="one")
    assert rig.kinds == {"misjudged": 1}

    number = rig.known["one"].order_id.partition(":")[2]
    rig.ask("DELETE", "/fapi/v1/order", symbol="BTCUSDT", orderId=number)
    rig.order(price="49000.0", newClientOrderId="one")
    assert rig.kinds == {"misjudged": 1, "duplicated": 1}


def test_what_leaves_before_the_disk_has_it_is_lost(rig: Rig) -> None:
    text = '{"id":1,"method":"%s","params":{"%s":"one"}}'
    rig.judge.durable(intent("one"))
    rig.judge.departing_text(text % ("order.place", "newClientOrderId"))
    assert rig.kinds == {}
    rig.judge.departing_text(text.replace("one", "two") % ("algoOrder.place", "clientAlgoId"))
    assert rig.kinds == {"lost": 1}


def test_an_order_that_outlives_a_cancel_of_everything_is_found(rig: Rig) -> None:
    rig.algo(triggerPrice="40000.0", clientAlgoId="stop")
    rig.order(price="49000.0", newClientOrderId="plain")
    before = rig.judge.waiting()
    assert before == {"stop", "plain"}
    rig.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    rig.order(price="49000.0", newClientOrderId="later")
    rig.judge.swept(before)
    assert rig.kinds == {"misjudged": 1}

    rig.ask("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")
    rig.judge.swept(before)
    assert rig.kinds == {"misjudged": 1}


@pytest.mark.parametrize(
    ("qty", "entry", "side", "kinds"),
    [
        ("0.010", "50000", PositionSide.NET, {}),
        ("0.011", "50000", PositionSide.NET, {"fills_missed": 1}),
        ("0.010", "50000.00000001", PositionSide.NET, {"fills_missed": 1}),
        ("0.010", "50000", PositionSide.LONG, {"fills_missed": 2}),
        ("0", "0", PositionSide.NET, {"fills_missed": 1}),
    ],
)
def test_a_position_is_compared_to_its_last_digit(
    rig: Rig, qty: str, entry: str, side: PositionSide, kinds: dict[str, int]
) -> None:
    rig.long()
    told = Position(symbol=BTC, qty=Decimal(qty), entry_price=Decimal(entry), side=side)
    rig.judge.settle_positions([told])

    assert rig.kinds == kinds


def test_a_wallet_is_what_the_venue_has_to_its_last_digit(rig: Rig) -> None:
    rig.long()
    assert rig.judge.owned() == {"USDT": Decimal("99999.75")}


def test_a_stream_whose_key_is_void_is_not_whole(rig: Rig) -> None:
    keys = rig.trading.streams.keys
    rig.judge.departing_text(f'{{"method":"SUBSCRIBE","params":["{rig.listen_key}"],"id":1}}')
    rig.judge.settle_stream(keys.of(rig.account))
    assert rig.kinds == {}
    keys.expire_all(rig.now_ns, silent=True)
    rig.judge.settle_stream(keys.of(rig.account))
    assert rig.kinds == {"fills_missed": 1}
    keys.start(rig.account, rig.now_ns)
    rig.judge.settle_stream(keys.of(rig.account))
    assert rig.kinds == {"fills_missed": 2}


def test_a_void_key_may_be_believed_for_a_while_and_no_longer(rig: Rig) -> None:
    keys = rig.trading.streams.keys
    rig.judge.departing_text(f'{{"method":"SUBSCRIBE","params":["{rig.listen_key}"],"id":1}}')

    def looks(times: int, *, whole: bool = True) -> None:
        for _ in range(times):
            rig.judge.look_at_stream(keys.of(rig.account), whole)

    looks(2 * MOST_VOID_S)
    keys.expire_all(rig.now_ns, silent=True)
    looks(MOST_VOID_S - 1)
    looks(MOST_VOID_S, whole=False)
    rig.judge.born()
    looks(MOST_VOID_S - 1)
    assert rig.kinds == {}
    looks(MOST_VOID_S)
    assert rig.kinds == {"fills_missed": 1}


@pytest.mark.parametrize(("cause", "hollow"), [(LIQUIDATION, False), (ADL, False), (LIQUIDATION, True)])
def test_what_the_venue_closes_itself_bears_nobodys_name_and_must_be_known_where_it_matched_in_this_life(
    rig: Rig, cause: ForcedCause, hollow: bool
) -> None:
    rig.long()
    for _ in range(2):  # an order of the one cause is named as the one before
        mark = rig.marks.mark("BTCUSDT")
        rig.trading.forced.everywhere("BTCUSDT", cause, mark, rig.now_ns, part=0.5, hollow=hollow)
    forced = [order for order in rig.judge.orders() if not order.name]

    assert rig.kinds == {}
    assert len(forced) == (4 if hollow else 2)
    assert [order.trackless for order in forced] == [not order.fills for order in forced]
    rig.judge.born()
    assert all(order.trackless for order in rig.judge.orders() if not order.name)
    rig.judge.settle_positions([Position(symbol=BTC, qty=Decimal("0.010"), entry_price=Decimal(50000))])
    assert rig.kinds == {"fills_missed": 1}


def test_how_the_account_trades_is_compared_whoever_has_set_it(rig: Rig) -> None:
    told = AccountConfiguration(
        hedge=False,
        multi_assets=False,
        can_trade=True,
        symbols=(SymbolConfiguration(symbol=BTC, leverage=20, margin_mode=MarginMode.CROSS),),
    )
    rig.judge.settle_configuration(told)
    assert rig.kinds == {}

    rig.account.setting("BTCUSDT").leverage = 5
    rig.judge.settle_configuration(told)
    assert rig.kinds == {"misjudged": 1}
    rig.account.multi_assets = True
    rig.judge.settle_configuration(told)
    assert rig.kinds == {"misjudged": 3}
    rig.judge.settle_configuration(None)
    assert rig.kinds == {"misjudged": 4}
