from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.clock import ManualClock
from leadline.engine.blotter import Blotter
from leadline.engine.records import Intent
from leadline.engine.risk import Approved, Risk, reduces
from leadline.errors import BreakerOpen, CheckFailed, Held
from leadline.model.market import VenueMode
from leadline.model.order import OrderKind, OrderRequest
from leadline.venues.memory_account import MemoryAccount
from orderrig import BTC, buy, sell


def make(doubted: bool = False, open_gate: bool = True) -> Risk:
    clock = ManualClock()
    blotter = Blotter(clock, lambda record: None, lambda news: None)
    if doubted:
        blotter.decided(
            Intent(at_ns=1, client_id="c", userref=None, requested=buy(), sent=buy(), deadline_ns=2)
        )
        blotter.doubt("c", "lost", 1)

    def gate() -> None:
        if not open_gate:
            raise BreakerOpen("three failures", 300.0)

    return Risk(MemoryAccount(clock, [BTC]), blotter, gate)


def test_only_the_checks_make_an_approval() -> None:
    with pytest.raises(CheckFailed):
        Approved(buy(), object())

    assert make().approve(buy()).request == buy()


def test_the_instrument_is_checked_first() -> None:
    with pytest.raises(CheckFailed):
        make().approve(buy("0.00000001"))


def test_a_doubt_holds_what_adds_and_passes_what_reduces() -> None:
    risk = make(doubted=True)

    with pytest.raises(Held, match="1 more bought"):
        risk.approve(buy())
    assert risk.approve(sell()).request == sell()


def test_what_reduces_is_a_sale_without_margin_or_marked_so() -> None:
    market = OrderRequest(symbol=BTC, side=sell().side, kind=OrderKind.SETTLE_POSITION, qty=Decimal(0))

    assert reduces(sell())
    assert reduces(buy(reduce_only=True, margin=True))
    assert reduces(market)
    assert not reduces(sell(margin=True))
    assert not reduces(buy())


@pytest.mark.parametrize(
    ("mode", "request_", "passes"),
    [
        (VenueMode.ONLINE, buy(), True),
        (VenueMode.UNKNOWN, buy(), True),
        (VenueMode.CANCEL_ONLY, sell(), False),
        (VenueMode.MAINTENANCE, sell(), False),
        (VenueMode.POST_ONLY, buy(), False),
        (VenueMode.POST_ONLY, buy(post_only=True), True),
        (VenueMode.LIMIT_ONLY, buy(), True),
        (
            VenueMode.LIMIT_ONLY,
            OrderRequest(symbol=BTC, side=buy().side, kind=OrderKind.MARKET, qty=Decimal(1)),
            False,
        ),
    ],
)
def test_the_venue_s_mode_decides(mode: VenueMode, request_: OrderRequest, passes: bool) -> None:
    risk = make()
    risk.mode = mode
    if passes:
        risk.approve(request_)
    else:
        with pytest.raises(Held, match=mode.value):
            risk.approve(request_)


def test_an_open_breaker_keeps_new_orders_and_changes_back() -> None:
    risk = make(open_gate=False)

    with pytest.raises(BreakerOpen):
        risk.approve(buy())
    with pytest.raises(BreakerOpen):
        risk.allow_change(BTC)


def test_what_has_waited_is_looked_at_again() -> None:
    risk = make()
    approved = risk.approve(buy())
    risk.still(approved)
    risk.halts[BTC] = "they differ"

    with pytest.raises(Held, match="they differ"):
        risk.still(approved)


def test_changes_are_held_where_only_cancels_pass() -> None:
    risk = make()
    risk.allow_change(BTC)
    risk.mode = VenueMode.CANCEL_ONLY

    with pytest.raises(Held, match="cancel_only"):
        risk.allow_change(BTC)
