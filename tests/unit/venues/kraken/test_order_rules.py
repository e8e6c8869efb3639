"""Kraken's rules for orders: each breach is told with field, value, rule and cure, and nothing is rounded."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace as changed

from kraken_private import NOW_NS, SYMBOLS, limit
from leadline.clock import NS_PER_S
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.market import Side
from leadline.model.order import (
    Amendment,
    ConditionalClose,
    FeeIn,
    OrderKind,
    OrderRequest,
    PositionSide,
    PriceMatch,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.venues.kraken.order_rules import check, check_amendment, check_batch, needs_userref

BTC = replace(SYMBOLS.instrument("BTC/USD"), status=InstrumentStatus.ONLINE)
HOUR_NS = 3600 * NS_PER_S

PCT, QUOTE = PriceType.PCT, PriceType.QUOTE


def d(text: str) -> Decimal:
    return Decimal(text)


def passes(request: OrderRequest, instrument: Instrument = BTC) -> None:
    check(request, instrument, NOW_NS)


def refused(request: OrderRequest, *told: str, instrument: Instrument = BTC) -> None:
    with pytest.raises(CheckFailed) as caught:
        check(request, instrument, NOW_NS)
    for part in told:
        assert part in str(caught.value)


def market(**changes: Any) -> OrderRequest:
    return limit(**{"kind": OrderKind.MARKET, "limit_price": None} | changes)


def triggered(
    kind: OrderKind, price: str, price_type: PriceType = PriceType.STATIC, **changes: Any
) -> OrderRequest:
    limited = kind.value.endswith("-limit")
    return limit(
        kind=kind, trigger=Trigger(d(price), price_type),
        limit_price=changes.pop("limit_price", d("37500") if limited else None), **changes,
    )  # fmt: skip


# What passes


@pytest.mark.parametrize(
    "request_",
    [
        limit(),
        limit(qty=d("0.00010000"), limit_price=d("37500.10")),
        limit(post_only=True, self_trade=SelfTrade.CANCEL_BOTH, fee_in=FeeIn.BASE),
        limit(time_in_force=TimeInForce.GTD, expires_ns=NOW_NS + HOUR_NS, effective_ns=NOW_NS + NS_PER_S),
        limit(time_in_force=TimeInForce.FOK),
        limit(margin=True, reduce_only=True),
        limit(deadline_s=1.0),
        limit(deadline_s=60.0),
        limit(kind=OrderKind.ICEBERG, qty=d("1.5"), display_qty=d("0.1")),
        market(),
        market(qty=None, cost=d("50.5")),
        market(kind=OrderKind.SETTLE_POSITION),
        triggered(OrderKind.STOP_LOSS, "35000"),
        triggered(OrderKind.STOP_LOSS, "-2.5", PCT),
        triggered(OrderKind.TAKE_PROFIT, "-150.1", QUOTE),
        triggered(OrderKind.STOP_LOSS_LIMIT, "35000"),
        triggered(OrderKind.TAKE_PROFIT_LIMIT, "5", PCT),
        triggered(OrderKind.TRAILING_STOP, "0.01", PCT),
        triggered(OrderKind.TRAILING_STOP_LIMIT, "100", QUOTE, limit_price=d("0"), limit_price_type=QUOTE),
        triggered(OrderKind.TRAILING_STOP_LIMIT, "1", PCT, limit_price=d("-0.5"), limit_price_type=PCT),
        limit(close=ConditionalClose(OrderKind.LIMIT, limit_price=d("38000"))),
        limit(close=ConditionalClose(OrderKind.TRAILING_STOP, trigger_price=d("1"), trigger_price_type=PCT)),
        limit(
            close=ConditionalClose(
                OrderKind.STOP_LOSS_LIMIT, limit_price=d("-10"), limit_price_type=QUOTE, trigger_price=d("3")
            )
        ),
    ],
)  # fmt: skip
def test_what_kraken_takes_passes(request_: OrderRequest) -> None:
    passes(request_)


def test_an_order_names_its_symbol_as_the_stream_does() -> None:
    refused(limit(symbol="XBT/USD"), "symbol XBT/USD", "use BTC/USD")


# Numbers


@pytest.mark.parametrize("name", ["qty", "limit_price"])
@pytest.mark.parametrize(
    ("value", "told"),
    [
        (d("NaN"), "it is no number"),
        (d("sNaN"), "it is no number"),
        (d("Infinity"), "it is no number"),
        (d("-1"), "it must be above 0"),
        (d("0"), "it must be above 0"),
        (d("-0"), "it must be above 0"),
        (d("1E+5"), "scientific notation; give Decimal('100000')"),
        (d("1E+999999"), "beyond any market"),
        (d("9" * 31), "beyond any market"),
        (d("1E-999999"), "over-precise"),
        (d("0." + "1" * 70), "over-precise"),
        (0.1, "it is no Decimal; give Decimal('0.1')"),
        (5, "it is no Decimal; give Decimal('5')"),
    ],
)
def test_what_is_no_plain_number_is_refused_with_its_field(name: str, value: Any, told: str) -> None:
    refused(limit(**{name: value}), name, told)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"position_side": PositionSide.SHORT}, "position_side short"),
        ({"price_match": PriceMatch.QUEUE}, "price_match queue"),
        ({"close_position": True}, "close_position True"),
    ],
)
def test_what_only_contracts_have_is_refused_and_never_left_out(changes: dict[str, Any], field: str) -> None:
    refused(limit(**changes), field, "Kraken Spot has no contracts")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": TriggerReference.MARK}, "trigger.reference mark"),
        ({"activation_price": Decimal(9)}, "trigger.activation_price 9"),
        ({"protect": True}, "trigger.protect True"),
    ],
)
def test_a_trigger_that_only_contracts_have_is_refused(changes: dict[str, Any], field: str) -> None:
    stop = triggered(OrderKind.STOP_LOSS, "9000")
    assert stop.trigger is not None
    refused(changed(stop, trigger=changed(stop.trigger, **changes)), field, "Kraken Spot has no contracts")


def test_a_price_between_two_ticks_names_both() -> None:
    refused(limit(limit_price=d("37500.15")), "limit_price 37500.15", "multiple of 0.1", "37500.1 or 37500.2")
    refused(limit(limit_price=d("0.05")), "give 0.1")


def test_a_tick_need_not_be_a_power_of_ten() -> None:
    quarter = replace(BTC, tick=d("0.25"), price_precision=2)
    passes(limit(limit_price=d("37500.75")), quarter)
    refused(limit(limit_price=d("37500.8")), "37500.75 or 37501.00", instrument=quarter)


def test_a_quantity_between_two_lots_names_both_but_none_below_the_minimum() -> None:
    refused(limit(qty=d("1.123456789")), "multiple of 0.00000001", "1.12345678 or 1.12345679")
    refused(limit(qty=d("0.0000000001")), "give 0.00010000")


def test_a_quantity_below_the_minimum_names_it() -> None:
    refused(limit(qty=d("0.00009999")), "qty 0.00009999", "the least is 0.0001", "give that or more")


def test_an_order_worth_too_little_says_how_much_would_do() -> None:
    cheap = limit(qty=d("0.0001"), limit_price=d("3000.1"))
    refused(cheap, "worth less than 0.5 USD", "give 0.00016667 or more")
    passes(changed(cheap, qty=d("0.00016667")))
    refused(changed(cheap, qty=d("0.00016666")), "give 0.00016667")


def test_a_cost_stands_in_place_of_a_quantity_and_only_for_a_market_buy() -> None:
    refused(limit(qty=None), "qty: an order needs one")
    refused(market(cost=d("5")), "in place of qty")
    refused(limit(qty=None, cost=d("5")), "only a market buy")
    refused(market(qty=None, cost=d("5"), side=Side.SELL), "only a market buy")
    refused(market(qty=None, cost=d("5"), margin=True), "without margin")
    refused(market(qty=None, cost=d("0.4")), "the least is 0.5")
    refused(market(qty=None, cost=d("5.000001")), "too many decimals", "5.00000 or 5.00001")
    older = replace(BTC, cost_precision=None)
    passes(market(qty=None, cost=d("5.000001")), older)
    refused(market(qty=None, cost=d("5.0000000001")), "5.000000000 or 5.000000001", instrument=older)


# Fields that belong together


def test_a_limit_price_is_for_orders_with_a_limit_and_those_need_one() -> None:
    refused(limit(limit_price=None), "limit_price", "limit needs one")
    refused(market(limit_price=d("5")), "market has none")
    refused(limit(limit_price_type=PCT), "limit_price_type pct", "only the limit of a trailing-stop-limit")


def test_a_trigger_is_for_orders_that_wait_and_those_need_one() -> None:
    refused(limit(kind=OrderKind.STOP_LOSS_LIMIT), "trigger", "needs one")
    refused(limit(trigger=Trigger(d("5"), reference=TriggerReference.INDEX)), "trigger 5", "has none")
    refused(triggered(OrderKind.STOP_LOSS, "35000.05"), "trigger.price 35000.05", "35000.0 or 35000.1")
    refused(triggered(OrderKind.STOP_LOSS, "0", PCT), "set off at once")
    refused(triggered(OrderKind.STOP_LOSS, "-100", PCT), "there is no price")
    refused(triggered(OrderKind.STOP_LOSS, "0.001", PCT), "at most 2 decimals", "0.00 or 0.01")
    refused(triggered(OrderKind.TAKE_PROFIT, "-0.05", QUOTE), "multiple of 0.1")
    refused(triggered(OrderKind.TAKE_PROFIT, "NaN", QUOTE), "it is no number")


def test_a_trailing_order_has_a_positive_distance() -> None:
    refused(triggered(OrderKind.TRAILING_STOP, "35000"), "has a distance; use pct or quote")
    refused(triggered(OrderKind.TRAILING_STOP, "-1", PCT), "must be above 0")


def test_an_iceberg_shows_a_part_of_itself_and_only_an_iceberg_does() -> None:
    iceberg = limit(kind=OrderKind.ICEBERG, qty=d("1.5"))
    refused(iceberg, "an iceberg needs one")
    refused(changed(iceberg, display_qty=d("0.09999999")), "at least a 15th", "give 0.10000000 or more")
    refused(changed(iceberg, display_qty=d("1.6")), "more than qty")
    refused(changed(iceberg, display_qty=d("0.1000000001")), "multiple of")
    refused(limit(display_qty=d("0.1")), "only an iceberg has one")


def test_times_are_whole_seconds_ahead_and_belong_to_their_kind() -> None:
    gtd = limit(time_in_force=TimeInForce.GTD, expires_ns=NOW_NS + HOUR_NS)
    refused(changed(gtd, expires_ns=None), "good till a date needs one")
    refused(limit(expires_ns=NOW_NS + HOUR_NS), "use GTD")
    refused(changed(gtd, expires_ns=NOW_NS), "in the past")
    refused(changed(gtd, expires_ns=NOW_NS + HOUR_NS + 1), "whole seconds", str(NOW_NS + HOUR_NS))
    refused(changed(gtd, expires_ns=NOW_NS + 31 * 24 * HOUR_NS), "more than a month")
    refused(changed(gtd, effective_ns=NOW_NS + HOUR_NS), "not after effective_ns")
    refused(limit(effective_ns=NOW_NS - NS_PER_S), "effective_ns", "in the past")


def test_only_what_can_rest_is_post_only_and_only_a_limit_is_filled_or_killed() -> None:
    refused(market(post_only=True), "post_only True", "has no limit")
    refused(limit(post_only=True, time_in_force=TimeInForce.IOC), "must be able to rest")
    refused(triggered(OrderKind.STOP_LOSS_LIMIT, "5", time_in_force=TimeInForce.FOK), "filled or killed")


def test_only_margin_positions_are_reduced() -> None:
    refused(limit(reduce_only=True), "reduce_only True", "margin")
    passes(market(kind=OrderKind.SETTLE_POSITION, reduce_only=True))


@pytest.mark.parametrize("deadline_s", [0.5, 0.99, 60.1, float("nan"), float("inf"), -1.0])
def test_a_deadline_kraken_does_not_take_is_refused(deadline_s: float) -> None:
    refused(limit(deadline_s=deadline_s), "deadline_s", "1.0 to 60.0 seconds")


@pytest.mark.parametrize(
    ("close", "told"),
    [
        (ConditionalClose(OrderKind.MARKET), "close.kind market"),
        (ConditionalClose(OrderKind.ICEBERG, limit_price=d("5")), "no such order"),
        (ConditionalClose(OrderKind.LIMIT), "close.limit_price"),
        (ConditionalClose(OrderKind.STOP_LOSS), "close.trigger_price"),
        (ConditionalClose(OrderKind.LIMIT, limit_price=d("5"), trigger_price=d("5")), "has none"),
        (ConditionalClose(OrderKind.LIMIT, limit_price=d("5.05")), "5.0 or 5.1"),
        (ConditionalClose(OrderKind.LIMIT, limit_price=d("NaN"), limit_price_type=PCT), "no number"),
        (ConditionalClose(OrderKind.TRAILING_STOP, trigger_price=d("5")), "has a distance"),
    ],
)
def test_a_conditional_close_obeys_the_same_rules(close: ConditionalClose, told: str) -> None:
    refused(limit(close=close), told)


def test_beside_a_conditional_close_an_order_is_known_by_a_userref() -> None:
    assert needs_userref(limit(close=ConditionalClose(OrderKind.LIMIT, limit_price=d("5"))))
    assert not needs_userref(limit())


# The pair's status


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (InstrumentStatus.CANCEL_ONLY, "only cancels are taken"),
        (InstrumentStatus.MAINTENANCE, "under maintenance"),
        (InstrumentStatus.DELISTED, "delisted"),
        (InstrumentStatus.WORK_IN_PROGRESS, "not open yet"),
    ],
)
def test_a_closed_pair_takes_no_order_and_no_amendment(status: InstrumentStatus, told: str) -> None:
    closed = replace(BTC, status=status)
    refused(limit(), "BTC/USD", told, "wait", instrument=closed)
    with pytest.raises(CheckFailed, match=told):
        check_amendment(Amendment(qty=d("1")), closed)


def test_a_restricted_pair_takes_what_it_says() -> None:
    post_only = replace(BTC, status=InstrumentStatus.POST_ONLY)
    refused(limit(), "post-only orders only", instrument=post_only)
    passes(limit(post_only=True), post_only)
    limit_only = replace(BTC, status=InstrumentStatus.LIMIT_ONLY)
    refused(market(), "limit orders only", instrument=limit_only)
    refused(triggered(OrderKind.STOP_LOSS_LIMIT, "5"), "limit orders only", instrument=limit_only)
    passes(limit(), limit_only)
    reduce_only = replace(BTC, status=InstrumentStatus.REDUCE_ONLY)
    refused(limit(), "reduces a position only", instrument=reduce_only)
    passes(limit(margin=True, reduce_only=True), reduce_only)
    passes(market(kind=OrderKind.SETTLE_POSITION), reduce_only)
    passes(limit(), replace(BTC, status=InstrumentStatus.UNKNOWN))


def test_margin_and_index_are_for_pairs_that_have_them() -> None:
    spot = replace(BTC, marginable=False, has_index=False)
    refused(limit(margin=True), "margin True", "no margin trading", instrument=spot)
    indexed = Trigger(d("35000"), reference=TriggerReference.INDEX)
    stop = limit(kind=OrderKind.STOP_LOSS_LIMIT, trigger=indexed)
    refused(stop, "has no index price; use last", instrument=spot)
    passes(stop, replace(BTC, has_index=True, marginable=True))
    passes(changed(stop, margin=True))


# Batches and amendments


def test_a_batch_is_two_to_fifteen_orders_of_one_symbol_all_meant_or_none() -> None:
    check_batch([limit()] * 2)
    check_batch([limit()] * 15)
    for count in (0, 1, 16):
        with pytest.raises(CheckFailed, match=f"orders {count}: a batch has 2 to 15"):
            check_batch([limit()] * count)
    with pytest.raises(CheckFailed, match=re.escape("symbol BTC/USD, ETH/USD")):
        check_batch([limit(), limit(symbol="ETH/USD")])
    with pytest.raises(CheckFailed, match="validated as a whole"):
        check_batch([limit(), limit(validate=True)])


def test_an_amendment_must_change_something() -> None:
    with pytest.raises(CheckFailed, match="must change something"):
        check_amendment(Amendment(post_only=True), BTC)


@pytest.mark.parametrize(
    ("amendment", "told"),
    [
        (Amendment(qty=d("0.00001")), "the least is 0.0001"),
        (Amendment(qty=d("NaN")), "qty NaN"),
        (Amendment(limit_price=d("5.05")), "limit_price 5.05"),
        (Amendment(trigger_price=d("-5")), "trigger_price -5"),
        (Amendment(display_qty=d("0.000000001")), "display_qty 0.000000001"),
        (Amendment(qty=d("1"), deadline_s=0.1), "deadline_s"),
    ],
)
def test_an_amendment_obeys_the_same_rules(amendment: Amendment, told: str) -> None:
    with pytest.raises(CheckFailed, match=re.escape(told)):
        check_amendment(amendment, BTC)


def test_a_valid_amendment_passes() -> None:
    check_amendment(
        Amendment(qty=d("2"), limit_price=d("5.1"), trigger_price=d("6"), display_qty=d("0.2")), BTC
    )
