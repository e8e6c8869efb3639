"""What the judges of all venues' accounts have in common, at a venue of one order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from leadline.engine.order_news import Cause, OrderEvent
from leadline.model.market import Side
from leadline.model.order import Fill, Order, OrderKind, OrderState, Provenance
from leadline.net.http import Request
from leadline.simulation.account_judge import UNDER_WAY_NS, AccountJudge, VenueOrder
from leadline.simulation.report import Findings
from simrig import stopwatch

ONE = VenueOrder(
    order_id="1",
    name="one",
    symbol="BTC/USD",
    status="over",
    states=(OrderState.CANCELED, OrderState.EXPIRED),
    qty=None,
    limit=None,
    filled=Decimal(0),
    fills=frozenset(),
)


BOTH = [
    replace(ONE, order_id=one, name=one, filled=Decimal(1), fills=frozenset({"match"})) for one in ("1", "2")
]
"""Two orders of the account that have met each other."""


class OneOrderJudge(AccountJudge):
    theirs = (ONE,)

    def placed(self, text: str) -> set[str]:
        return {text}

    def placed_by_rest(self, request: Request) -> set[str]:
        return {request.path}

    def order(self, order_id: str) -> VenueOrder | None:
        return next((one for one in self.theirs if one.order_id == order_id), None)

    def orders(self) -> Iterable[VenueOrder]:
        return self.theirs

    def owned(self) -> Mapping[str, Decimal]:
        return {}


def judge() -> tuple[OneOrderJudge, Findings]:
    findings = Findings(1, "again")
    return OneOrderJudge(stopwatch(), findings, lambda *facts: None), findings


class Told:
    """What a client says of its orders at the end."""

    def __init__(self, *orders: Order) -> None:
        self._orders = orders

    def orders(self) -> tuple[Order, ...]:
        return self._orders

    def halts(self) -> dict[str, str]:
        return {}


def said(state: OrderState, order_id: str = "1") -> OrderEvent:
    order = Order(
        client_id="one", symbol="BTC/USD", side=Side.BUY, kind=OrderKind.LIMIT, state=state, order_id=order_id
    )
    return OrderEvent(order=order, cause=Cause.REPORTED, at_ns=0)


def test_an_end_may_be_told_in_each_of_the_words_there_are_for_it() -> None:
    judged, findings = judge()
    for state in (OrderState.CANCELED, OrderState.EXPIRED, OrderState.WORKING):
        judged.heard(said(state))
    assert findings.kinds == {}
    judged.heard(said(OrderState.FILLED))
    assert findings.kinds == {"misjudged": 1}


def test_an_order_that_the_venue_has_not_is_misjudged_while_it_is_called_alive() -> None:
    judged, findings = judge()
    judged.heard(said(OrderState.UNKNOWN, "2"))
    assert findings.kinds == {}
    judged.heard(said(OrderState.WORKING, "2"))
    assert findings.kinds == {"misjudged": 1}


def test_nothing_is_under_way_some_seconds_after_the_last_news() -> None:
    judged, _ = judge()
    assert not judged.quiet
    judged._loop.block(UNDER_WAY_NS / 1e9 + 1.0)
    assert judged.quiet


def test_a_match_between_two_own_orders_is_told_once_of_each() -> None:
    judged, findings = judge()
    judged.theirs = BOTH
    events = []
    for one in BOTH:
        fill = Fill(exec_id="match", order_id=one.order_id, symbol="BTC/USD", side=Side.BUY, qty=Decimal(1),
                    price=Decimal(1), cost=Decimal(1), fees=())  # fmt: skip
        news = said(OrderState.CANCELED, one.order_id)
        order = replace(news.order, client_id=one.name, fills=(fill,), provenance=Provenance.OURS)
        events.append(replace(news, order=order, fill=fill))
    orders = [event.order for event in events]
    for event in events:
        judged.heard(event)
    judged.settle(Told(*orders), {})
    assert findings.kinds == {}

    judged.heard(events[0])
    judged.settle(Told(*orders), {})
    assert findings.kinds == {"fills_doubled": 1}
