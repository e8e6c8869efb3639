"""The judge of an account is judged: each lie that a client could tell is found, and the truth is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace as changed
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from journal_records import intent
from leadline.emulator.accounts import Account
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.emulator.orders import AccountOrder, Ticket
from leadline.emulator.wire import Frame
from leadline.engine.order_news import Cause, OrderEvent
from leadline.engine.orders import Orders
from leadline.model.account import Balance, Wallet, WalletKind
from leadline.model.market import Side
from leadline.model.order import Fill, Order, OrderKind, OrderState
from leadline.net.http import Request
from leadline.simulation.kraken_account_judge import KrakenAccountJudge
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival
from leadline.simulation.report import Findings

START_NS = 1_790_000_000 * 10**9
BTC = "BTC/USD"
NAME = "6c290001-229c-4131-b81a-d10a00446cb1"
LOT = Decimal("0.00000001")


class Rig:
    """A venue with one account, and the judge that listens to it."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.exchange = Exchange(
            start_ns=START_NS, rate=0, pairs=[changed(DEMO_PAIRS[0], levels=20)], history_minutes=2
        )
        self.account: Account = self.exchange.trading.demo
        self.findings = Findings(1, "again")
        self.judge = KrakenAccountJudge(
            self.account, self.exchange.market, self.loop, self.findings, lambda *facts: None
        )

    def placed(self, name: str = NAME, price: int = 600_000, **fields: Any) -> AccountOrder:
        """An order at the venue; a high price takes."""
        ticket = Ticket(BTC, "buy", "limit", qty=100_000, limit_price=price, cl_ord_id=name, **fields)
        return self.exchange.trading.add(self.account, ticket, START_NS)

    def told(self, venue: AccountOrder, **fields: Any) -> Order:
        """The order as an honest client tells of it, save for these fields."""
        state = {"new": OrderState.WORKING, "filled": OrderState.FILLED, "canceled": OrderState.CANCELED}
        order = Order(
            client_id=venue.ticket.cl_ord_id or "",
            symbol=BTC,
            side=Side.BUY,
            kind=OrderKind.LIMIT,
            state=state[venue.status],
            order_id=venue.order_id,
            qty=venue.qty * LOT,
            limit_price=Decimal(venue.limit_price or 0) / 10,
            fills=tuple(fill_of(venue, number) for number in range(len(venue.fills))),
        )
        return replace(order, **fields)

    def hears(self, order: Order, fill: Fill | None = None) -> None:
        self.judge.heard(OrderEvent(order=order, cause=Cause.REPORTED, at_ns=0, fill=fill))

    def settles(self, *orders: Order, halts: dict[str, str] | None = None, lacking: int = 0) -> None:
        """The end of a run, at which the client knows these orders; `lacking` units of USD."""
        owned = {
            asset: Balance(asset, (Wallet(WalletKind.SPOT, "main", amount(units, asset, lacking)),))
            for (asset, _), units in self.account.balances.items()
        }
        self.judge.settle(_Known(orders, halts or {}), owned)

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


class _Known(Orders):
    """Orders as a client would list them."""

    def __init__(self, orders: tuple[Order, ...], halts: dict[str, str]) -> None:
        self._orders = list(orders)
        self._halts = halts

    def orders(self) -> list[Order]:
        return self._orders

    def halts(self) -> dict[str, str]:
        return self._halts


def amount(units: int, asset: str, lacking: int) -> Decimal:
    return Decimal(units - (lacking if asset == "USD" else 0)).scaleb(-10)


def fill_of(venue: AccountOrder, number: int = 0) -> Fill:
    fill = venue.fills[number]
    return Fill(
        exec_id=fill.exec_id,
        order_id=venue.order_id,
        symbol=BTC,
        side=Side.BUY,
        qty=fill.qty * LOT,
        price=Decimal(fill.price) / 10,
        cost=Decimal(1),
        fees=(),
    )


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.loop.close()


def test_an_honest_client_is_found_honest(rig: Rig) -> None:
    resting, taken = rig.placed(), rig.placed("other", 700_000)
    assert (resting.status, taken.status) == ("new", "filled")
    for venue in (resting, taken):
        rig.hears(rig.told(venue))
    rig.settles(rig.told(resting), rig.told(taken))

    assert rig.kinds == {}


def test_what_leaves_before_the_disk_has_it_is_lost_by_either_path(rig: Rig) -> None:
    text = f'{{"method":"add_order","params":{{"cl_ord_id":"{NAME}"}}}}'
    request = Request("POST", "/0/private/AddOrder", body=f"nonce=1&cl_ord_id={NAME}".encode())
    rig.judge.durable(intent(NAME))
    rig.judge.departing_text(text)
    rig.judge.departing_request(request)
    assert rig.kinds == {}

    other = NAME.replace("6c29", "6c30")
    rig.judge.departing_text(text.replace(NAME, other))
    rig.judge.departing_request(Request("POST", request.path, body=f"cl_ord_id={other}".encode()))
    rig.judge.departing_text('{"method":"add_order","params":{"order_userref":7}}')
    assert rig.kinds == {"lost": 3}


def test_a_cancel_may_leave_before_anything_is_written(rig: Rig) -> None:
    rig.judge.departing_text(f'{{"method":"cancel_order","params":{{"cl_ord_id":["{NAME}"]}}}}')

    assert rig.kinds == {}


def test_two_orders_of_one_name_are_one_too_many(rig: Rig) -> None:
    first = rig.placed()
    rig.exchange.trading.cancel(rig.account, first, START_NS)
    rig.placed()

    assert rig.kinds == {"duplicated": 1}


def test_an_order_called_rejected_that_the_venue_has_or_gets_is_misjudged(rig: Rig) -> None:
    has = rig.placed()
    rig.hears(rig.told(has, state=OrderState.REJECTED))
    assert rig.kinds == {"misjudged": 1}

    rig.hears(rejected("late"))
    assert rig.kinds == {"misjudged": 1}
    rig.placed("late")
    assert rig.kinds == {"misjudged": 2}


def rejected(name: str) -> Order:
    return Order(client_id=name, symbol=BTC, side=Side.BUY, kind=OrderKind.LIMIT, state=OrderState.REJECTED)


def test_an_end_that_is_none_at_the_venue_is_misjudged_at_once(rig: Rig) -> None:
    rig.hears(rig.told(rig.placed(), state=OrderState.CANCELED))

    assert rig.kinds == {"misjudged": 1}


def test_more_filled_than_at_the_venue_is_doubled_at_once(rig: Rig) -> None:
    taken = rig.placed(price=700_000)
    fills = tuple(fill_of(taken, number) for number in range(len(taken.fills)))
    rig.hears(rig.told(taken, fills=fills * 2))

    assert rig.kinds == {"fills_doubled": 1}


LIES: list[tuple[Callable[[Rig, AccountOrder], Order], str]] = [
    (lambda rig, venue: rig.told(venue, state=OrderState.PARTIALLY_FILLED), "misjudged"),
    (lambda rig, venue: rig.told(venue, qty=Decimal(9)), "misjudged"),
    (lambda rig, venue: rig.told(venue, limit_price=Decimal(9)), "misjudged"),
    (lambda rig, venue: rig.told(venue, fills=()), "fills_missed"),
    (lambda rig, venue: rig.told(venue, fills=(*2 * (fill_of(venue),),)), "fills_doubled"),
]


@pytest.mark.parametrize(("lie", "kind"), LIES)
def test_what_differs_at_the_end_is_found(
    rig: Rig, lie: Callable[[Rig, AccountOrder], Order], kind: str
) -> None:
    taken = rig.placed(price=700_000)
    rig.settles(lie(rig, taken))

    assert kind in rig.kinds


def test_an_order_that_nobody_knows_is_lost_and_one_in_doubt_unresolved(rig: Rig) -> None:
    rig.placed()
    rig.settles(replace(rejected("x"), state=OrderState.UNKNOWN))

    assert rig.kinds == {"lost": 1, "unresolved": 1}


def test_a_halt_that_outlasts_the_calm_is_unresolved(rig: Rig) -> None:
    rig.settles(halts={BTC: "they differ"})

    assert rig.kinds == {"unresolved": 1}


def test_a_balance_is_compared_to_its_last_digit(rig: Rig) -> None:
    rig.settles(lacking=1)

    assert rig.kinds == {"fills_missed": 1}


def frame(sequence: int, kind: str = "update", link: int = 1) -> Arrival:
    text = f'{{"channel":"executions","type":"{kind}","data":[{sequence}],"sequence":{sequence}}}'
    return Arrival(Frame(text, kind, "executions"), link, 0, "ws_private")


@pytest.mark.parametrize(("whole", "kinds"), [(True, {"fills_missed": 1}), (False, {})])
def test_a_hole_that_the_client_does_not_notice_is_found(
    rig: Rig, whole: bool, kinds: dict[str, int]
) -> None:
    async def work() -> None:
        for arrival in (frame(1, "snapshot"), frame(2), frame(2), frame(3), frame(5), frame(6)):
            rig.judge.arrived(arrival, lambda: whole)

    rig.loop.run_until_complete(work())
    assert rig.judge.holes == 1
    assert rig.kinds == kinds


@pytest.mark.parametrize(("left", "kinds"), [((), {}), ((2,), {"fills_missed": 1})])
def test_a_hole_on_one_connection_is_none_while_another_tells_all(
    rig: Rig, left: tuple[int, ...], kinds: dict[str, int]
) -> None:
    async def work() -> None:
        for arrival in (frame(1, "snapshot"), frame(7, "snapshot", link=2), frame(8, link=2)):
            rig.judge.arrived(arrival, lambda: True)
        for link in left:
            rig.judge.gone(link)
        rig.judge.arrived(frame(3), lambda: True)

    rig.loop.run_until_complete(work())
    assert rig.kinds == kinds
