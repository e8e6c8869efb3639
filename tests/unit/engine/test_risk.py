from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from leadline.clock import ManualClock
from leadline.core.level import FULL, Deed, Verdict
from leadline.engine.blotter import Blotter
from leadline.engine.halts import OPERATOR, Halts
from leadline.engine.records import Intent
from leadline.engine.risk import Approved, Risk, deed, reduces
from leadline.engine.runaway import Runaway
from leadline.errors import BreakerOpen, CheckFailed, ConnectionLost, Error, Held, JournalError
from leadline.model.level import Level
from leadline.model.market import Side, VenueMode
from leadline.model.order import OrderKind, OrderRequest, PositionSide
from leadline.venues.memory_account import MemoryAccount
from orderrig import BTC, buy, sell

DEGRADED = Verdict(Level.DEGRADED, ("1 of 4 required streams not live",))
EMERGENCY = Verdict(Level.EMERGENCY_ONLY, ("none of 4 required streams is live",))
OUTAGE = Verdict(Level.OUTAGE, ("no line has stood for 7.0 s",))


class Rig:
    """The checks with everything they look at."""

    def __init__(self, *, open_gate: bool = True, per_s: float | None = None) -> None:
        self.clock = ManualClock()
        self.blotter = Blotter(self.clock, lambda record: None, lambda news: None)
        self.halts = Halts(self.clock, lambda record: None, lambda news: None)
        self.open_gate = open_gate
        runaway = Runaway(per_s, self.clock, lambda record: None, lambda news: None)
        self.risk = Risk(MemoryAccount(self.clock, [BTC]), self.blotter, self._gate, self.halts, runaway)

    def _gate(self) -> None:
        if not self.open_gate:
            raise BreakerOpen("three failures", 300.0)

    def stands(self, verdict: Verdict, book_problem: Callable[[str], str | None] | None = None) -> None:
        self.risk.standing = lambda what: verdict
        self.risk.book_problem = book_problem


def make(*, doubted: bool = False, open_gate: bool = True) -> Risk:
    rig = Rig(open_gate=open_gate)
    if doubted:
        rig.blotter.decided(
            Intent(at_ns=1, client_id="c", userref=None, requested=buy(), sent=buy(), deadline_ns=2)
        )
        rig.blotter.doubt("c", "lost", 1)
    return rig.risk


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

    for request in (sell(), buy(reduce_only=True, margin=True), market):
        assert reduces(request)
        assert deed(request) is Deed.REDUCE
    for request in (sell(margin=True), buy()):
        assert not reduces(request)
        assert deed(request) is Deed.INCREASE


@pytest.mark.parametrize(
    ("side", "changes", "less"),
    [
        (Side.SELL, {}, False),
        (Side.SELL, {"reduce_only": True}, True),
        (Side.BUY, {"close_position": True}, True),
        (Side.SELL, {"position_side": PositionSide.LONG}, True),
        (Side.BUY, {"position_side": PositionSide.LONG}, False),
        (Side.BUY, {"position_side": PositionSide.SHORT}, True),
        (Side.SELL, {"position_side": PositionSide.SHORT}, False),
    ],
)
def test_a_sale_of_a_contract_reduces_only_what_it_says_it_closes(
    side: Side, changes: dict[str, Any], less: bool
) -> None:
    request = OrderRequest(
        symbol="BTC/USDT:USDT", side=side, kind=OrderKind.MARKET, qty=Decimal(1), **changes
    )
    assert reduces(request) is less


def test_a_further_check_is_made_of_every_order() -> None:
    risk = make()
    asked: list[OrderRequest] = []
    risk.check_also(asked.append)
    approved = risk.approve(buy())
    risk.still(approved)
    assert asked == [buy(), buy()]


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
    rig = Rig()
    approved = rig.risk.approve(buy())
    rig.risk.still(approved)
    rig.halts.halt(BTC, "they differ", OPERATOR)

    with pytest.raises(Held, match="they differ"):
        rig.risk.still(approved)


def test_a_balance_in_doubt_holds_what_adds_in_every_symbol_of_its_asset() -> None:
    rig = Rig()
    approved = rig.risk.approve(buy())
    for asset in BTC.split("/"):
        rig.halts.doubt(asset, "2, REST 1.5")
        with pytest.raises(Held, match=f"{asset}: 2, REST 1.5"):
            rig.risk.approve(buy())
        with pytest.raises(Held, match="in doubt"):
            rig.risk.still(approved)
        with pytest.raises(Held, match="in doubt"):
            rig.risk.may_leave(buy())
        with pytest.raises(Held, match="in doubt"):
            rig.risk.allow_change(BTC, grows=True)
        rig.risk.allow_change(BTC)
        rig.risk.approve(sell())
        rig.halts.trust(asset)
    rig.halts.doubt("ETH", "it differs")

    rig.risk.approve(buy())


def test_changes_are_held_where_only_cancels_pass() -> None:
    risk = make()
    risk.allow_change(BTC)
    risk.mode = VenueMode.CANCEL_ONLY

    with pytest.raises(Held, match="cancel_only"):
        risk.allow_change(BTC)


@pytest.mark.parametrize("verdict", [EMERGENCY, OUTAGE])
def test_below_degraded_nothing_is_placed_or_changed_and_it_says_why_and_what_helps(
    verdict: Verdict,
) -> None:
    rig = Rig()
    approved = rig.risk.approve(buy())
    rig.stands(verdict)

    told = rf"the service level is {verdict.level.name} \({verdict.reasons[0]}\): .*wait_s waits"
    for request in (buy(), sell()):
        with pytest.raises(Held, match=told):
            rig.risk.approve(request)
    with pytest.raises(Held, match=told):
        rig.risk.allow_change(BTC)
    with pytest.raises(Held, match=told):
        rig.risk.still(approved)


def test_degraded_what_adds_needs_a_book_of_its_own_and_what_reduces_does_not() -> None:
    rig = Rig()
    rig.stands(DEGRADED, {BTC: "the book of BTC/USD is suspect: silent for 7.0 s"}.get)

    with pytest.raises(Held, match=r"DEGRADED \(1 of 4.*\) and the book of BTC/USD is suspect: .*only"):
        rig.risk.approve(buy())
    with pytest.raises(Held, match="suspect"):
        rig.risk.allow_change(BTC, grows=True)
    rig.risk.approve(sell())
    rig.risk.allow_change(BTC)

    rig.stands(DEGRADED, lambda symbol: None)
    rig.risk.approve(buy())
    rig.stands(FULL, lambda symbol: "not asked while all is well")
    rig.risk.approve(buy())


def test_degraded_and_without_books_of_ours_what_adds_passes() -> None:
    rig = Rig()
    rig.stands(DEGRADED)

    rig.risk.approve(buy())


def test_what_keeps_an_order_is_told_and_what_never_passes_is_not_waited_for() -> None:
    rig = Rig()
    assert rig.risk.blocked(buy()) is None
    rig.stands(EMERGENCY)
    assert isinstance(rig.risk.blocked(buy()), Held)
    assert rig.risk.blocked(buy("0.00000001")) is None
    rig.stands(FULL)
    rig.open_gate = False
    assert isinstance(rig.risk.blocked(buy()), BreakerOpen)


def test_only_orders_that_pass_are_counted_against_the_rate() -> None:
    rig = Rig(per_s=2)
    for _ in range(5):
        rig.risk.blocked(buy())
        with pytest.raises(CheckFailed, match="more than 4 decimals"):
            rig.risk.approve(buy("0.00000001"))
    approved = rig.risk.approve(buy())
    rig.risk.approve(buy())

    with pytest.raises(CheckFailed, match="more than 2 orders a second"):
        rig.risk.approve(buy())
    for work in (lambda: rig.risk.allow_change(BTC), lambda: rig.risk.still(approved)):
        with pytest.raises(CheckFailed, match="more than 2 orders a second"):
            work()


@pytest.mark.parametrize("why", [Held("a halt"), CheckFailed("no"), JournalError("the disk is full")])
def test_whatever_keeps_an_order_from_leaving_is_told(why: Error) -> None:
    risk, told = make(), []
    risk.refused = lambda request, error: told.append((request, error))
    with risk.guarding(buy()):
        pass
    assert told == []
    with pytest.raises(type(why)), risk.guarding(buy(), sell()):
        raise why
    assert told == [(buy(), why), (sell(), why)]


def test_what_the_venue_says_is_no_refusal_of_ours() -> None:
    risk, told = make(), []
    risk.refused = lambda request, error: told.append((request, error))
    with pytest.raises(ConnectionLost), risk.guarding(buy()):
        raise ConnectionLost("it may have left")
    assert told == []
