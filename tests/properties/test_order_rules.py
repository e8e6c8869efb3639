"""Any number at any recorded pair: refused before it leaves, or sent as plain digits on the pair's grid."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from kraken_private import NOW_NS, limit, placement
from leadline.errors import CheckFailed
from leadline.model.instrument import Instrument, InstrumentStatus
from leadline.model.order import Amendment, OrderKey, OrderKind, OrderRequest
from leadline.net.http import Response
from leadline.venues.kraken import order_form, order_wire
from leadline.venues.kraken.order_rules import check, check_amendment
from leadline.venues.kraken.rest import asset_pairs
from leadline.venues.kraken.symbols import SymbolTable
from vectors import VECTORS, needs_vectors, records

PLAIN = re.compile(r"(0|[1-9]\d*)(\.\d+)?")
AWKWARD = [
    Decimal(text)
    for text in (
        "NaN", "sNaN", "Infinity", "-Infinity", "0", "-0", "-1", "1E+5", "1E-12", "1E+400", "1E-400", "0.1",
        "1E-8", "0.00000001", "123456.78901234567890", "1", "10.50", "37500.1", "99999999999999999999",
    )
]  # fmt: skip

near_a_grid = st.builds(
    lambda count, decimals, step: Decimal(count * step).scaleb(-decimals),
    st.integers(1, 10**9), st.integers(0, 9), st.sampled_from([1, 5, 10, 25]),
)  # fmt: skip
numbers = st.one_of(st.decimals(), st.sampled_from(AWKWARD), near_a_grid)


@cache
def instruments() -> list[Instrument]:
    """Every pair of every recorded answer; the large one is older than ticks, minimum costs and statuses."""
    found: list[Instrument] = []
    for path in sorted((VECTORS / "kraken" / "rest").glob("*.jsonl*")):
        for record in records(path):
            if "AssetPairs" in record.get("url", record.get("kind", "")):
                symbols = SymbolTable()
                symbols.load(asset_pairs().answer(Response(200, (), record["raw"].encode()), 0).value)
                found += symbols.instruments()
    return found


class Token(str):
    """A JSON number as it was written."""

    __slots__ = ()


def tokens(params: order_wire.Members) -> dict[str, Any]:
    text = order_wire.frame("add_order", params, "T", 1)
    parsed: dict[str, Any] = json.loads(text, parse_float=Token, parse_int=Token)["params"]
    return parsed


def on_grid(token: object, step: Decimal) -> bool:
    """Whether it is a plain JSON number and a whole number of steps."""
    assert isinstance(token, Token)
    assert PLAIN.fullmatch(token)
    return (Fraction(token) / Fraction(step)).denominator == 1


def judge(request: OrderRequest, instrument: Instrument) -> bool:
    """Whether it was taken; if so, what would leave is held against the pair."""
    try:
        check(request, instrument, NOW_NS)
    except CheckFailed as why:
        assert len(str(why)) < 500
        return False
    sent = tokens(order_wire.add_order(placement(request)))
    assert on_grid(sent["order_qty"], instrument.lot)
    assert on_grid(sent["limit_price"], instrument.tick)
    assert Fraction(sent["order_qty"]) >= Fraction(instrument.qty_min)
    worth = Fraction(sent["order_qty"]) * Fraction(sent["limit_price"])
    assert worth >= Fraction(instrument.cost_min)
    assert Fraction(sent["order_qty"]) == Fraction(request.qty or 0)
    fields = dict(order_form.add_order(placement(request), "PAIR"))
    assert (fields["volume"], fields["price"]) == (sent["order_qty"], sent["limit_price"])
    return True


@needs_vectors
def test_every_recorded_pair_takes_an_order_on_its_grid_and_refuses_one_beside_it() -> None:
    assert len(instruments()) > 290
    assert any(instrument.cost_min for instrument in instruments())
    for instrument in instruments():
        assert instrument.status in (InstrumentStatus.UNKNOWN, InstrumentStatus.ONLINE)
        price = instrument.tick * 123456
        enough = -(-instrument.cost_min // (price * instrument.lot)) * instrument.lot
        qty = max(instrument.qty_min * 10, enough + instrument.lot)
        good = limit(symbol=instrument.symbol, qty=qty, limit_price=price)
        assert judge(good, instrument)
        for beside in (
            {"qty": qty + instrument.lot / 10},
            {"limit_price": price + instrument.tick / 10},
            {"qty": instrument.qty_min - instrument.lot},
        ):
            assert not judge(changed(good, **beside), instrument)


@needs_vectors
def test_awkward_numbers_at_every_recorded_pair_are_refused_or_exact() -> None:
    for instrument in instruments():
        for number in AWKWARD:
            judge(limit(symbol=instrument.symbol, qty=number, limit_price=instrument.tick * 1000), instrument)
            judge(limit(symbol=instrument.symbol, qty=instrument.qty_min, limit_price=number), instrument)


@needs_vectors
@settings(max_examples=600, deadline=None)
@given(data=st.data(), qty=numbers, price=numbers)
def test_any_quantity_and_price_are_refused_or_exact(
    data: st.DataObject, qty: Decimal, price: Decimal
) -> None:
    instrument = data.draw(st.sampled_from(instruments()))
    request = limit(symbol=instrument.symbol, qty=qty, limit_price=price, kind=OrderKind.LIMIT)
    judge(request, instrument)


@needs_vectors
@settings(max_examples=300, deadline=None)
@given(data=st.data(), qty=numbers, price=numbers)
def test_any_amendment_is_refused_or_exact(data: st.DataObject, qty: Decimal, price: Decimal) -> None:
    instrument = data.draw(st.sampled_from(instruments()))
    amendment = Amendment(qty=qty, limit_price=price)
    try:
        check_amendment(amendment, instrument)
    except CheckFailed:
        return
    sent = tokens(order_wire.amend_order(OrderKey("O1"), amendment, NOW_NS))
    assert on_grid(sent["order_qty"], instrument.lot)
    assert on_grid(sent["limit_price"], instrument.tick)
    assert Fraction(sent["order_qty"]) >= Fraction(instrument.qty_min)


@pytest.mark.parametrize("text", ["1e5", "1E-7", "+1", ".5", "01", "NaN"])
def test_the_judge_knows_what_is_no_plain_number(text: str) -> None:
    assert not PLAIN.fullmatch(text)
