"""Answers about an account."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from binance_private import BTC, contracts
from leadline.errors import ProtocolError
from leadline.model.account import MarginMode, SymbolConfiguration
from leadline.model.order import PositionSide
from leadline.net.http import Response
from leadline.venues.binance import rest_account
from leadline.venues.binance.rest import Endpoint
from vectors import VECTORS, needs_vectors, records

NAMES = contracts()


def read(endpoint: Endpoint[Any], body: object) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return endpoint.answer(Response(200, (), text.encode()))


def recorded(kind: str) -> list[str]:
    return [
        row["raw"]
        for name in ("nautilus", "jkorf", "binance-connector", "binance-docs-openxapi")
        for row in records(VECTORS / "binance" / "rest" / f"{name}.fixtures.jsonl")
        if row["kind"] == kind
    ]


@needs_vectors
def test_every_recorded_answer_about_an_account_reads() -> None:
    endpoints: dict[str, Endpoint[Any]] = {
        "POST /fapi/v1/listenKey": rest_account.CREATE_KEY.endpoint,
        "PUT /fapi/v1/listenKey": rest_account.PROVE_KEY.endpoint,
        "GET /fapi/v3/positionRisk": rest_account.positions(NAMES),
        "GET /fapi/v2/positionRisk": rest_account.positions(NAMES),
        "GET /fapi/v2/account": rest_account.assets(),
        "GET /fapi/v1/accountConfig": rest_account.modes(),
        "GET /fapi/v1/symbolConfig": rest_account.symbol_configurations(NAMES),
        "POST /fapi/v1/leverage": rest_account.set_leverage("BTCUSDT", 5),
        "POST /fapi/v1/marginType": rest_account.set_margin_mode("BTCUSDT", MarginMode.CROSS),
        "GET /fapi/v1/income": rest_account.income(0, 1),
        "GET /fapi/v1/openAlgoOrders": rest_account.open_algo_orders(),
        "GET /fapi/v1/userTrades": rest_account.trades(NAMES, "BTCUSDT", 0, 1),
    }
    found = {kind: recorded(kind) for kind in endpoints}
    for kind, bodies in found.items():
        for body in bodies:
            read(endpoints[kind], body)
    assert sum(map(len, found.values())) >= 12


def test_a_key_that_the_answer_does_not_name_is_an_empty_text() -> None:
    assert read(rest_account.PROVE_KEY.endpoint, {}) == ""
    assert read(rest_account.CREATE_KEY.endpoint, {"listenKey": "abc"}) == "abc"


def test_wallets_are_read_to_the_last_digit() -> None:
    row = {"asset": "USDT", "walletBalance": "23.72469206", "marginBalance": "99", "updateTime": 5}
    (held,) = read(rest_account.assets(), {"totalWalletBalance": "1", "assets": [row], "positions": []})
    assert (held.asset, held.qty, held.at_ms) == ("USDT", Decimal("23.72469206"), 5)


POSITION = {
    "symbol": "BTCUSDT", "positionSide": "SHORT", "positionAmt": "-0.020", "entryPrice": "90000.1",
    "breakEvenPrice": "89955.0", "markPrice": "90010.5", "unRealizedProfit": "-0.208",
    "liquidationPrice": "0", "isolatedMargin": "0", "notional": "-1800.21", "marginAsset": "USDT",
    "isolatedWallet": "0", "initialMargin": "360.04", "maintMargin": "7.2", "adl": 2,
    "updateTime": 1764000000000,
}  # fmt: skip


def test_positions_are_read_and_those_of_mere_orders_left_out() -> None:
    rows = [POSITION, POSITION | {"symbol": "ETHUSDT", "positionAmt": "0"}]
    (position,) = read(rest_account.positions(NAMES), rows)
    assert (position.symbol, position.side, position.qty) == (BTC, PositionSide.SHORT, Decimal("-0.020"))
    assert position.unrealised == Decimal("-0.208")
    assert position.liquidation_price is None
    assert (position.leverage, position.margin_mode) == (None, None)
    known = {BTC: SymbolConfiguration(BTC, 5, MarginMode.ISOLATED)}
    configured = rest_account.configured(position, known)
    assert (configured.leverage, configured.margin_mode) == (5, MarginMode.ISOLATED)
    assert rest_account.configured(position, {}) == position


@pytest.mark.parametrize("listed", [True, False])
def test_the_highest_leverage_is_read_from_either_form_of_the_answer(listed: bool) -> None:
    brackets = [{"bracket": 1, "initialLeverage": 75}, {"bracket": 2, "initialLeverage": 50}]
    row = {"symbol": "BTCUSDT", "notionalCoef": 1.5, "brackets": brackets}
    assert read(rest_account.most_leverage("BTCUSDT"), [row] if listed else row) == 75


def test_settings_name_what_they_set() -> None:
    assert rest_account.set_leverage("BTCUSDT", 5).request.query == (("symbol", "BTCUSDT"), ("leverage", "5"))
    isolated = rest_account.set_margin_mode("BTCUSDT", MarginMode.ISOLATED).request
    assert ("marginType", "ISOLATED") in isolated.query
    assert rest_account.set_hedge(True).request.query == (("dualSidePosition", "true"),)


ASKED: list[Endpoint[Any]] = [
    rest_account.CREATE_KEY.endpoint,
    rest_account.PROVE_KEY.endpoint,
    rest_account.assets(),
    rest_account.positions(NAMES),
    rest_account.modes(),
    rest_account.symbol_configurations(NAMES, "BTCUSDT"),
    rest_account.most_leverage("BTCUSDT"),
    rest_account.set_leverage("BTCUSDT", 5),
    rest_account.set_margin_mode("BTCUSDT", MarginMode.CROSS),
    rest_account.set_hedge(True),
    rest_account.open_orders(),
    rest_account.open_algo_orders(),
    rest_account.all_algo_orders("BTCUSDT"),
    rest_account.trades(NAMES, "BTCUSDT", 0, 1),
    rest_account.trades(NAMES, "BTCUSDT", 0, 1, 5),
    rest_account.income(0, 1),
]


OPTIONAL = {"startTime", "endTime", "fromId", "limit"}
"""What the official clients' tests do not always give (dossier §7, §8.5, §8.6)."""


@needs_vectors
def test_requests_have_the_paths_and_parameters_of_the_official_clients() -> None:
    path = VECTORS / "binance" / "rest" / "expected_requests_connector.json"
    known: dict[str, set[str]] = {}
    for vector in json.loads(path.read_text())["vectors"]:
        names = known.setdefault(f"{vector['http_method']} {vector['path']}", set())
        names |= {_camel(name) for name in vector["params"] or {}}
    compared = 0
    for endpoint in ASKED:
        request = endpoint.request
        names = known.get(f"{request.method} {request.path}", set())
        compared += bool(names)
        assert not names or {name for name, _ in request.query} - OPTIONAL <= names, request
    assert compared >= 10


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


def test_income_is_a_booking_without_a_balance() -> None:
    row = {
        "symbol": "BTCUSDT", "incomeType": "COMMISSION", "income": "-0.01000000", "asset": "USDT",
        "info": "COMMISSION", "time": 1570636800000, "tranId": 9689322392, "tradeId": "2059192",
    }  # fmt: skip
    transfer = row | {"incomeType": "TRANSFER", "symbol": "", "tradeId": "", "income": "5"}
    paid, moved = read(rest_account.income(0, 1), [row, transfer])
    assert (paid.entry.amount, paid.entry.balance, paid.wire) == (Decimal("-0.01"), None, "BTCUSDT")
    assert paid.entry.ledger_id != moved.entry.ledger_id
    assert (moved.wire, moved.entry.ref_id) == ("", "9689322392")


@pytest.mark.parametrize("body", ["{}", "[]", "no", '{"assets":[{"asset":"USDT","walletBalance":"NaN"}]}'])
def test_an_answer_that_cannot_be_read_is_refused_whole(body: str) -> None:
    with pytest.raises(ProtocolError):
        read(rest_account.assets(), body)
