from __future__ import annotations

import json
from dataclasses import replace as changed_fields
from typing import Any

import pytest

from binance_orders import BTC, WALL_NS, contract, d, filters, limit, table
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.instrument import InstrumentStatus
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    FeeIn,
    Fill,
    Order,
    OrderKind,
    OrderRequest,
    OrderState,
    PositionSide,
    PriceMatch,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.venues.binance.facts import Facts
from leadline.venues.binance.order_rules import check, check_amendment, check_batch, check_client_id
from leadline.venues.binance.symbols import SymbolTable
from vectors import VECTORS, needs_vectors, records

STOP = Trigger(d("75000"))
MINUTE_NS = 60 * NS_PER_S
LONG_AGO_NS = 1_600_000_000 * NS_PER_S
"""Before the recorded contracts ended."""


def facts(**known: Any) -> Facts:
    return Facts(**known)


def passes(request: OrderRequest, symbols: SymbolTable | None = None, **known: Any) -> None:
    symbols = symbols or table()
    check(request, symbols.instrument(BTC), symbols.filters(BTC), facts(**known), WALL_NS)


def stop(**changed: Any) -> OrderRequest:
    wanted = {"kind": OrderKind.STOP_LOSS, "side": Side.SELL, "limit_price": None, "trigger": STOP}
    return limit(**(wanted | changed))


@pytest.mark.parametrize(
    "request_",
    [
        limit(),
        limit(post_only=True),
        limit(time_in_force=TimeInForce.IOC),
        limit(time_in_force=TimeInForce.FOK),
        limit(time_in_force=TimeInForce.GTD, expires_ns=WALL_NS + 11 * MINUTE_NS),
        limit(limit_price=None, price_match=PriceMatch.OPPONENT_5),
        limit(kind=OrderKind.MARKET, limit_price=None),
        limit(side=Side.SELL, position_side=PositionSide.LONG, reduce_only=True),
        limit(qty=d("0.001"), limit_price=d("600"), reduce_only=True),
        limit(self_trade=SelfTrade.CANCEL_OLDEST, validate=True),
        stop(reduce_only=True),
        stop(qty=None, close_position=True),
        stop(kind=OrderKind.STOP_LOSS_LIMIT, limit_price=d("74900")),
        stop(kind=OrderKind.TAKE_PROFIT_LIMIT, limit_price=d("76000"), post_only=True),
        stop(kind=OrderKind.TRAILING_STOP, trigger=Trigger(d("0.5"), PriceType.PCT)),
        stop(position_side=PositionSide.LONG, qty=None, close_position=True),
    ],
)
def test_what_the_venue_takes_passes(request_: OrderRequest) -> None:
    passes(request_)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (limit(symbol="BTCUSDT"), "use BTC/USDT:USDT"),
        (limit(kind=OrderKind.ICEBERG, display_qty=d("0.005")), "has no such order"),
        (limit(kind=OrderKind.SETTLE_POSITION), "has no such order"),
        (limit(cost=d(100), qty=None), "cost given"),
        (limit(margin=True), "margin given"),
        (limit(fee_in=FeeIn.QUOTE), "fee_in given"),
        (limit(display_qty=d("0.001")), "display_qty given"),
        (limit(effective_ns=WALL_NS + MINUTE_NS), "effective_ns given"),
        (limit(close=ConditionalClose(OrderKind.LIMIT, d(1))), "close given"),
        (limit(limit_price_type=PriceType.PCT), "limit_price_type given"),
        (stop(validate=True), "tests limit and market orders"),
        (limit(qty=None), "qty: an order needs one"),
        (limit(qty=d("0.0105")), r"give 0\.010 or 0\.011"),
        (limit(limit_price=d("80000.05")), "goes up by 0.10"),
        (limit(limit_price=None), "needs one, or price_match"),
        (limit(price_match=PriceMatch.QUEUE), "give one of them"),
        (limit(kind=OrderKind.MARKET), "limit_price 80000.0: an order of kind market has none"),
        (limit(kind=OrderKind.MARKET, limit_price=None, qty=d("121")), "the most is 120"),
        (limit(qty=d("0.001"), limit_price=d("600")), "less than 50 USDT"),
        (limit(trigger=STOP), "an order of kind limit has none"),
        (stop(trigger=None), "an order of kind stop-loss needs one"),
        (stop(trigger=Trigger(d("75000.05"))), "trigger.price 75000.05"),
        (stop(trigger=Trigger(d(2), PriceType.PCT)), "takes a price here"),
        (stop(trigger=Trigger(d("75000"), reference=TriggerReference.INDEX)), "last or mark price"),
        (stop(trigger=Trigger(d("75000"), activation_price=d("75000"))), "only a trailing order"),
        (stop(kind=OrderKind.TRAILING_STOP), "distance in percent"),
        (
            stop(kind=OrderKind.TRAILING_STOP, trigger=Trigger(d("0.05"), PriceType.PCT)),
            r"0\.1 to 20 percent",
        ),
        (stop(kind=OrderKind.TRAILING_STOP, trigger=Trigger(d("21"), PriceType.PCT)), r"0\.1 to 20 percent"),
        (stop(kind=OrderKind.TRAILING_STOP, trigger=Trigger(d("0.15"), PriceType.PCT)), "tenths"),
        (stop(close_position=True), "close_position closes all"),
        (stop(close_position=True, qty=None, reduce_only=True), "says it already"),
        (limit(close_position=True, qty=None), "only a market order with a trigger"),
        (stop(time_in_force=TimeInForce.IOC), "an order of kind stop-loss has none"),
        (limit(post_only=True, time_in_force=TimeInForce.IOC), "time in force of its own"),
        (limit(kind=OrderKind.MARKET, limit_price=None, post_only=True), "has no limit"),
        (limit(time_in_force=TimeInForce.GTD), "expires_ns: an order good till a date"),
        (limit(expires_ns=WALL_NS + 11 * MINUTE_NS), "use GTD"),
        (limit(time_in_force=TimeInForce.GTD, expires_ns=WALL_NS + 10 * MINUTE_NS), "less than ten minutes"),
        (limit(time_in_force=TimeInForce.GTD, expires_ns=WALL_NS + 11 * MINUTE_NS + 1), "whole seconds"),
        (limit(time_in_force=TimeInForce.GTD, expires_ns=253_402_300_799 * NS_PER_S), "every calendar"),
        (
            stop(
                kind=OrderKind.STOP_LOSS_LIMIT,
                limit_price=d("74900"),
                time_in_force=TimeInForce.GTD,
                expires_ns=WALL_NS + 11 * MINUTE_NS,
            ),
            "has no date",
        ),
        (limit(post_only=True, self_trade=SelfTrade.CANCEL_BOTH), "takes no notice"),
        (limit(position_side=PositionSide.LONG, reduce_only=True), "makes a long position larger"),
        (stop(position_side=PositionSide.SHORT, qty=None, close_position=True), "short position larger"),
        (limit(deadline_s=61.0), "receive window takes 0.1 to 60 seconds"),
        (limit(deadline_s=0.0), "receive window"),
        (limit(deadline_s=float("nan")), "receive window"),
    ],
)
def test_what_the_venue_refuses_is_refused_here_with_the_cure(request_: OrderRequest, said: str) -> None:
    with pytest.raises(CheckFailed, match=said):
        passes(request_)


def test_a_reducing_order_need_not_be_worth_anything() -> None:
    small = {"qty": d("0.001"), "limit_price": d("600")}
    passes(limit(reduce_only=True, **small))
    passes(limit(side=Side.SELL, position_side=PositionSide.LONG, **small))
    with pytest.raises(CheckFailed, match="less than 50 USDT"):
        passes(limit(side=Side.SELL, position_side=PositionSide.SHORT, **small))


def test_where_the_mark_is_known_band_and_worth_are_held_against_it() -> None:
    mark = {"mark": d("80000")}
    with pytest.raises(CheckFailed, match="a buy may cost 84000"):
        passes(limit(limit_price=d("84000.1")), **mark)
    passes(limit(limit_price=d("84000.1")))
    cheap = {"mark": d("600")}
    market = limit(kind=OrderKind.MARKET, limit_price=None, qty=d("0.010"))
    with pytest.raises(CheckFailed, match="less than 50 USDT"):
        passes(market, **cheap)
    passes(market, **mark)


def test_the_limit_of_a_waiting_order_is_held_against_its_trigger() -> None:
    request = stop(kind=OrderKind.STOP_LOSS_LIMIT, limit_price=d("71249.9"))
    with pytest.raises(CheckFailed, match="by the trigger 75000"):
        passes(request, mark=d("60000"))


def test_a_full_contract_takes_no_more_orders() -> None:
    with pytest.raises(CheckFailed, match="200 is the most"):
        passes(limit(), open_orders=200)
    passes(limit(), open_orders=199)
    passes(limit(kind=OrderKind.MARKET, limit_price=None), open_orders=200)
    with pytest.raises(CheckFailed, match="200 at most"):
        passes(stop(), waiting=200)
    passes(limit(), waiting=200)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("PENDING_TRADING", "not open yet"),
        ("SETTLING", "settled or delivered"),
        ("CLOSE", "delisted"),
        ("PRE_SETTLE", "only what makes a position smaller"),
    ],
)
def test_a_contract_that_does_not_trade_takes_nothing(status: str, said: str) -> None:
    symbols = table(contract(status=status))
    with pytest.raises(CheckFailed, match=said):
        passes(limit(), symbols)


def test_a_contract_that_has_ended_takes_nothing() -> None:
    symbols = table()
    over = changed_fields(symbols.instrument(BTC), expires_ns=WALL_NS)
    with pytest.raises(CheckFailed, match="has ended"):
        check(limit(), over, symbols.filters(BTC), facts(), WALL_NS)


@pytest.mark.parametrize("control", ["BUY", "BOTH", "NEWLY_INVENTED"])
def test_under_risk_control_only_reducing_orders_pass(control: str) -> None:
    symbols = table(contract(filters=filters(control)))
    passes(limit(reduce_only=True), symbols)
    passes(limit(side=Side.SELL, position_side=PositionSide.LONG), symbols)
    with pytest.raises(CheckFailed, match="only what makes a position smaller"):
        passes(limit(), symbols)


def test_kinds_and_times_that_a_contract_does_not_list_are_refused() -> None:
    symbols = table(contract(orderTypes=["LIMIT"], timeInForce=["GTC"]))
    for request in (stop(), limit(post_only=True)):
        with pytest.raises(CheckFailed, match="does not take it"):
            passes(request, symbols)
    passes(limit(), symbols)


def test_a_batch_has_two_to_five_orders() -> None:
    check_batch([limit()] * 5)
    for requests in ([limit()], [limit()] * 6):
        with pytest.raises(CheckFailed, match="2 to 5 orders"):
            check_batch(requests)
    with pytest.raises(CheckFailed, match="cannot be tested"):
        check_batch([limit(), limit(validate=True)])


def test_a_client_id_is_of_the_venues_alphabet() -> None:
    check_client_id("0b9e7ad5-9f5c-4c6b-8b9a-1b4d8e7f6a5c")
    for name in ("", "a" * 37, "naïve", "a b", "a\n"):
        with pytest.raises(CheckFailed, match="1 to 36 letters"):
            check_client_id(name)


# Changes


def known(filled: str = "0", **changed: Any) -> Order:
    fill = Fill(
        exec_id="BTCUSDT:1", order_id="BTCUSDT:7", symbol=BTC, side=Side.BUY, qty=d(filled),
        price=d("80000"), cost=d(filled) * 80000, fees=(),
    )  # fmt: skip
    return Order(
        **{
            "client_id": "ours-1", "symbol": BTC, "side": Side.BUY, "kind": OrderKind.LIMIT,
            "state": OrderState.WORKING, "order_id": "BTCUSDT:7", "qty": d("0.010"),
            "limit_price": d("80000.0"), "fills": (fill,) if d(filled) else (), "sent": limit(),
        } | changed
    )  # fmt: skip


def amends(order: Order, status: InstrumentStatus = InstrumentStatus.ONLINE, **change: Any) -> None:
    symbols = table()
    instrument = changed_fields(symbols.instrument(BTC), status=status)
    check_amendment(order, Amendment(**change), instrument, symbols.filters(BTC))


@pytest.mark.parametrize(
    ("order", "change", "said"),
    [
        (known(), {}, "must change something"),
        (known(), {"qty": d("0.010")}, "changes nothing"),
        (known(kind=OrderKind.STOP_LOSS), {"qty": d("0.02")}, "limit orders only"),
        (known(), {"trigger_price": d("1")}, "has none"),
        (known(), {"display_qty": d("1")}, "has none"),
        (known(), {"qty": d("0.02"), "post_only": True}, "keeps it as it was placed"),
        (known(qty=None), {"limit_price": d("79000")}, "not known yet"),
        (known(), {"qty": d("0.0205")}, "give 0.020 or 0.021"),
        (known(), {"limit_price": d("79000.01")}, "goes up by 0.10"),
        (known("0.004"), {"qty": d("0.004")}, r"0\.004 is filled already.*give 0\.005 or more"),
        (known(venue_filled_qty=d("0.006")), {"qty": d("0.005")}, r"0\.006 is filled already"),
        (known(), {"limit_price": d("600")}, "less than 50 USDT"),
        (known(), {"qty": d("0.02"), "deadline_s": 90.0}, "receive window"),
    ],
)
def test_a_change_that_would_be_refused_or_cancel_the_order_is_refused_here(
    order: Order, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(CheckFailed, match=said):
        amends(order, **change)


def test_a_change_of_price_or_quantity_alone_passes() -> None:
    amends(known(), limit_price=d("79000.0"))
    amends(known("0.004"), qty=d("0.005"))
    amends(known(sent=limit(reduce_only=True)), limit_price=d("600"))
    with pytest.raises(CheckFailed, match="cancel it, or wait"):
        amends(known(), InstrumentStatus.MAINTENANCE, qty=d("0.02"))


@needs_vectors
@pytest.mark.parametrize(
    "name", ["exchangeinfo_20210417.capture.jsonl.gz", "exchangeinfo_20211205.capture.jsonl.gz"]
)
def test_every_recorded_contract_takes_an_order_at_its_least(name: str) -> None:
    """A quantity of whole steps that is worth the minimum passes; half a step more never does."""
    raw = next(one["raw"] for one in records(VECTORS / "binance" / "rest" / name) if "raw" in one)
    symbols = table(*json.loads(raw)["symbols"])
    tried = 0
    for instrument in symbols.instruments():
        if instrument.status is not InstrumentStatus.ONLINE:
            continue
        rules = symbols.filters(instrument.symbol)
        price = rules.price.minimum + rules.price.step * 1000
        steps = -(-rules.notional_min // (price * rules.qty.step)) + 1
        qty = max(rules.qty.minimum, rules.qty.step * steps)
        if qty > rules.qty.maximum:
            continue
        tried += 1
        request = limit(symbol=instrument.symbol, qty=qty, limit_price=price)
        check(request, instrument, rules, facts(), LONG_AGO_NS)
        odd = limit(symbol=instrument.symbol, qty=qty + rules.qty.step / 2, limit_price=price)
        with pytest.raises(CheckFailed):
            check(odd, instrument, rules, facts(), LONG_AGO_NS)
    assert tried > 50
