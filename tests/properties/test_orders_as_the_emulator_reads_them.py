"""What our rules let pass is taken by the emulator, a second reading of the protocol, alike on both paths."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kraken_private import DEADLINE_NS, NOW_NS, SYMBOLS
from leadline.clock import NS_PER_S
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.kraken import form, order_forms, tickets
from leadline.emulator.kraken.params import Params
from leadline.emulator.orders import Ticket
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.market import Side
from leadline.model.order import (
    ConditionalClose,
    FeeIn,
    OrderKind,
    OrderRequest,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.net.http import Request
from leadline.venues.kraken import order_wire, rest_trading
from leadline.venues.kraken.auth import Credentials, Signer
from leadline.venues.kraken.order_rules import CLOSING, LIMITED, TRAILING, TRIGGERED, check, needs_userref
from leadline.venues.ports import Placement

SIGNER = Signer(Credentials("K" * 56, "A" * 86 + "=="))
PAIR = DEMO_PAIRS[0]
BTC = replace(SYMBOLS.instrument("BTC/USD"), status=InstrumentStatus.ONLINE)

prices = st.integers(1, 10**7).map(lambda ticks: Decimal(ticks).scaleb(-1))
quantities = st.integers(10_000_000, 10**12).map(lambda lots: Decimal(lots).scaleb(-8))
percents = st.integers(-9999, 9999).map(lambda hundredths: Decimal(hundredths).scaleb(-2))
distances = st.tuples(st.sampled_from([PriceType.PCT, PriceType.QUOTE]), percents).map(
    lambda drawn: (drawn[0], drawn[1] if drawn[0] is PriceType.PCT else round(drawn[1], 1))
)


@st.composite
def requests(draw: st.DrawFn) -> OrderRequest:
    """Any order, most of them sound: what belongs to the kind is there, the rest is left to chance."""
    kind = draw(st.sampled_from(OrderKind))
    changes: dict[str, Any] = {"qty": draw(quantities)}
    if kind in LIMITED:
        changes["limit_price"] = draw(prices)
    if kind in TRIGGERED:
        price_type, distance = draw(distances)
        trailing = kind in TRAILING
        static = not trailing and draw(st.booleans())
        price = draw(prices) if static else distance.copy_abs() if trailing else distance
        changes["trigger"] = Trigger(
            price, PriceType.STATIC if static else price_type, draw(st.sampled_from(TriggerReference))
        )
    if kind is OrderKind.TRAILING_STOP_LIMIT and draw(st.booleans()):
        changes["limit_price_type"], changes["limit_price"] = draw(distances)
    if kind is OrderKind.ICEBERG:
        changes["display_qty"] = changes["qty"]
    if draw(st.booleans()):
        changes["close"] = draw(closes())
    tif = draw(
        st.sampled_from([one for one in TimeInForce if one is not TimeInForce.FOK or kind is OrderKind.LIMIT])
    )
    resting = kind in LIMITED and tif in (TimeInForce.GTC, TimeInForce.GTD)
    if tif is TimeInForce.GTD:
        changes["expires_ns"] = NOW_NS + draw(st.integers(1, 30 * 86_400)) * NS_PER_S
    return OrderRequest(
        symbol="BTC/USD",
        side=draw(st.sampled_from(Side)),
        kind=kind,
        time_in_force=tif,
        effective_ns=draw(st.none() | st.integers(1, 10**6).map(lambda s: NOW_NS + s * NS_PER_S)),
        post_only=resting and draw(st.booleans()),
        fee_in=draw(st.none() | st.sampled_from(FeeIn)),
        self_trade=draw(st.none() | st.sampled_from(SelfTrade)),
        **changes,
    )


@st.composite
def closes(draw: st.DrawFn) -> ConditionalClose:
    kind = draw(st.sampled_from(sorted(CLOSING, key=lambda one: one.value)))
    price_type, distance = draw(distances)
    return ConditionalClose(
        kind,
        limit_price=draw(prices) if kind in LIMITED else None,
        trigger_price=distance.copy_abs()
        if kind in TRAILING
        else draw(prices)
        if kind in TRIGGERED
        else None,
        trigger_price_type=price_type if kind in TRAILING else PriceType.STATIC,
    )


def passes(request: OrderRequest, instrument: Instrument = BTC) -> bool:
    try:
        check(request, instrument, NOW_NS)
    except CheckFailed:
        return False
    return True


def leaving(request: OrderRequest) -> Placement:
    return Placement("leadline-1", 5 if needs_userref(request) else None, request, DEADLINE_NS)


def by_stream(placement: Placement, pair: Pair = PAIR) -> Ticket:
    """The order as the emulator reads it from the socket."""
    text = order_wire.frame("add_order", order_wire.add_order(placement), "T", 1)
    params = Params(json.loads(text, parse_float=Decimal)["params"], "add_order", tickets.ADD_NAMES)
    return tickets.ticket(params, pair, NOW_NS, tickets.deadline(params, NOW_NS))


def form_of(request: Request) -> form.Form:
    return form.parsed(request.body, dict(request.headers)["Content-Type"])


def by_rest(placement: Placement, pair: Pair = PAIR) -> Ticket:
    """The order as the emulator reads it from a signed form."""
    request = SIGNER.call(rest_trading.add_order(placement, pair.rest_id)).seal(1)
    told = form_of(request)
    return order_forms.ticket(told, pair, pair.price, NOW_NS, order_forms.deadline(told, NOW_NS))


@settings(max_examples=500, deadline=None)
@given(requests().filter(passes))
def test_what_passes_our_rules_is_read_alike_on_both_paths(request: OrderRequest) -> None:
    placement = leaving(request)
    streamed = by_stream(placement)
    assert Decimal(streamed.qty).scaleb(-8) == request.qty
    assert by_rest(placement) == streamed


@settings(max_examples=100, deadline=None)
@given(st.lists(requests().filter(passes), min_size=2, max_size=4))
def test_rows_of_a_batch_by_rest_are_read_like_single_orders(several: list[OrderRequest]) -> None:
    placements = [leaving(request) for request in several]
    told = form_of(SIGNER.call(rest_trading.add_order_batch(placements, PAIR.rest_id)).seal(1))
    assert told.text("pair") == PAIR.rest_id
    rows = json.loads(dict(rest_trading.add_order_batch(placements, PAIR.rest_id).nested)["orders"])
    for row, placement in zip(rows, placements, strict=True):
        read = order_forms.ticket(
            form.Form(row), PAIR, PAIR.price, NOW_NS, order_forms.deadline(told, NOW_NS)
        )
        assert read == by_stream(placement)
