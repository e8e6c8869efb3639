"""What our rules let pass is taken by the emulator's strict filters, a second reading of the protocol."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.clock import NS_PER_S
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo_form import read_algo
from leadline.emulator.binance.errors import Refused
from leadline.emulator.binance.order_form import Scene, read_order
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.terms import terms_of
from leadline.emulator.instruments import Pair
from leadline.emulator.matching import OrderBook
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.market import Side
from leadline.model.order import (
    OrderKind,
    OrderRequest,
    PositionSide,
    PriceType,
    SelfTrade,
    TimeInForce,
    Trigger,
    TriggerReference,
)
from leadline.venues.binance import order_form
from leadline.venues.binance.facts import Facts
from leadline.venues.binance.order_rules import LIMITED, check
from leadline.venues.binance.symbols import ExchangeInfo, Filters, SymbolTable
from leadline.venues.ports import Placement
from vectors import VECTORS, needs_vectors, records

FILES = (
    "exchangeinfo_20210417.capture.jsonl.gz",
    "exchangeinfo_20211205.capture.jsonl.gz",
    "exchangeinfo_testnet_20260923_4symbols.capture.jsonl",
)
NOW_NS = 1_615_000_000 * NS_PER_S
"""Before the recorded contracts ended."""

KINDS = (*order_form.TYPES, *[OrderKind.LIMIT] * 5)


@cache
def recorded(name: str) -> tuple[SymbolTable, dict[str, dict[str, Any]], list[Instrument]]:
    """The table of a recording, its rows by the venue's names, and the contracts that traded."""
    raw = next(one["raw"] for one in records(VECTORS / "binance" / "rest" / name) if "raw" in one)
    symbols = SymbolTable()
    symbols.load(msgspec.json.decode(raw, type=ExchangeInfo))
    rows = {row["symbol"]: row for row in json.loads(raw)["symbols"]}
    trading = [one for one in symbols.instruments() if one.status is InstrumentStatus.ONLINE]
    return symbols, rows, trading


def near(draw: st.DrawFn, centre: Decimal, step: Decimal) -> Decimal:
    """A number at or close to a bound: on a step, between two, or with too many decimals."""
    unit = step or Decimal("0.01")
    steps = draw(st.one_of(st.integers(-3, 3), st.integers(0, 2_000)))
    parts = draw(st.sampled_from([Decimal(0), Decimal(0), Decimal(0), Decimal("0.5"), Decimal("0.01")]))
    return centre + unit * (steps + parts)


@st.composite
def stories(draw: st.DrawFn) -> tuple[str, Instrument, OrderRequest, bool, Decimal]:
    """A contract of a recording and an order for it, in hedge mode or not, at a mark price."""
    name = draw(st.sampled_from(FILES))
    symbols, _, trading = recorded(name)
    instrument = draw(st.sampled_from(trading))
    rules = symbols.filters(instrument.symbol)
    hedge = draw(st.booleans())
    mark = draw(st.sampled_from([rules.price.minimum * 3, rules.price.minimum + rules.price.step * 5_000]))
    return name, instrument, draw(orders(instrument, rules, mark, hedge=hedge)), hedge, mark


@st.composite
def orders(
    draw: st.DrawFn, instrument: Instrument, rules: Filters, mark: Decimal, *, hedge: bool
) -> OrderRequest:
    kind = draw(st.sampled_from(KINDS))
    bands = [mark * (factor or 1) for factor in (rules.price_up, rules.price_down)]
    edges = [edge - (edge - rules.price.minimum) % (rules.price.step or 1) for edge in bands]
    limit = draw(st.sampled_from([mark, *edges, rules.price.minimum, rules.price.maximum]))
    lots = draw(st.sampled_from([rules.qty.minimum, rules.market_qty.maximum, rules.qty.maximum]))
    worth = rules.notional_min / mark
    qty = near(draw, draw(st.sampled_from([lots, worth - worth % (rules.qty.step or 1)])), rules.qty.step)
    changes: dict[str, Any] = {"qty": qty}
    if kind in LIMITED:
        changes["limit_price"] = near(draw, limit, rules.price.step)
        changes["time_in_force"] = draw(
            st.sampled_from(
                [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD]
            )
        )
        changes["post_only"] = draw(st.integers(0, 4)) == 0
        changes["self_trade"] = draw(st.sampled_from([None, None, None, *SelfTrade]))
        if changes["time_in_force"] is TimeInForce.GTD:
            changes["expires_ns"] = NOW_NS + draw(st.sampled_from([600, 601, 3_600])) * NS_PER_S
    if kind is OrderKind.TRAILING_STOP:
        changes["trigger"] = Trigger(Decimal(draw(st.integers(0, 210))).scaleb(-1), PriceType.PCT)
    elif kind in order_form.CONDITIONAL:
        reference = draw(st.sampled_from([TriggerReference.LAST, TriggerReference.MARK]))
        trigger = near(draw, mark, rules.price.step)
        changes["trigger"] = Trigger(trigger, reference=reference, protect=draw(st.booleans()))
        if draw(st.integers(0, 4)) == 0:
            changes |= {"close_position": True, "qty": draw(st.sampled_from([None, qty]))}
    changes["reduce_only"] = draw(st.integers(0, 3)) == 0
    sides = (PositionSide.LONG, PositionSide.SHORT) if hedge else (PositionSide.NET,)
    return OrderRequest(
        symbol=instrument.symbol,
        side=draw(st.sampled_from(Side)),
        kind=kind,
        position_side=draw(st.sampled_from(sides)),
        **changes,
    )


@needs_vectors
@settings(max_examples=800, deadline=None)
@given(stories())
def test_an_order_we_pass_is_one_the_emulators_strict_filters_accept(
    story: tuple[str, Instrument, OrderRequest, bool, Decimal],
) -> None:
    name, instrument, request, hedge, mark = story
    symbols, rows, _ = recorded(name)
    facts = Facts(mark=mark)
    try:
        check(request, instrument, symbols.filters(instrument.symbol), facts, NOW_NS)
    except CheckFailed:
        return
    wire = symbols.wire(instrument.symbol)
    pair = Pair(wire, instrument.price_precision, instrument.qty_precision, 1, 1)
    account = Account("anybody", random.Random(1), {})
    account.hedge = hedge
    scene = Scene(terms_of(rows[wire], pair), OrderBook(), int(mark.scaleb(8)), NOW_NS // 1_000_000)
    placement = Placement("ours-1", None, request, NOW_NS + NS_PER_S)
    waits = order_form.is_conditional(request)
    make = order_form.conditional if waits else order_form.order
    params = Params(dict(make(placement, wire)))
    try:
        (read_algo if waits else read_order)(account, params, scene)
    except Refused as refused:
        raise AssertionError(f"{request} passes here and is refused: {refused}") from refused


@needs_vectors
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_fair_share_of_such_orders_passes_at_all(data: st.DataObject) -> None:
    """An order on whole steps, within every bound and worth enough, is never refused here."""
    name = data.draw(st.sampled_from(FILES))
    symbols, _, trading = recorded(name)
    instrument = data.draw(st.sampled_from(trading))
    rules = symbols.filters(instrument.symbol)
    price = rules.price.minimum + rules.price.step * data.draw(st.integers(1_000, 100_000))
    lots = -(-rules.notional_min // (price * rules.qty.step)) + data.draw(st.integers(1, 50))
    qty = max(rules.qty.minimum, rules.qty.step * lots)
    if qty > rules.qty.maximum or price > rules.price.maximum:
        return
    request = OrderRequest(
        symbol=instrument.symbol, side=Side.BUY, kind=OrderKind.LIMIT, qty=qty, limit_price=price
    )
    check(request, instrument, rules, Facts(), NOW_NS)
