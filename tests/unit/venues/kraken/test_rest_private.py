"""Private endpoints that read an account: allowed names only, amounts to the last digit, wallets apart."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import leadline
from kraken_private import ENDPOINTS, SYMBOLS, fixture, ok, read
from leadline.clock import NS_PER_S
from leadline.errors import AuthError, ProtocolError, RateLimited
from leadline.model.account import Wallet, WalletKind
from leadline.model.order import PositionSide
from leadline.net.http import Purpose, Response
from leadline.venues.kraken import rest_private as private
from leadline.venues.kraken.rest_private import NAMES, PrivateEndpoint
from vectors import VECTORS, needs_vectors, records

KRAKEN = Path(leadline.__file__).parent / "venues" / "kraken"

ALLOWED = {
    "Balance", "BalanceEx", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders", "OrderAmends",
    "TradesHistory", "QueryTrades", "OpenPositions", "Ledgers", "QueryLedgers", "TradeVolume",
    "GetApiKeyInfo", "GetWebSocketsToken", "AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder",
    "CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter", "DepositMethods",
    "DepositAddresses", "DepositStatus", "WithdrawMethods", "WithdrawAddresses", "WithdrawInfo",
    "WithdrawStatus",
}  # fmt: skip

MOVING = ("Withdraw", "WithdrawCancel", "WalletTransfer", "AccountTransfer", "CreateSubaccount", "Stake",
          "Unstake", "Earn/Allocate", "Earn/Deallocate")  # fmt: skip


def written() -> Iterator[str]:
    """Every string in the code of the venue that could name an endpoint, docstrings left out."""
    for path in KRAKEN.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                yield node.value


# What can be asked for


def test_the_endpoints_are_exactly_those_allowed_and_each_can_be_made() -> None:
    assert NAMES == ALLOWED
    assert set(ENDPOINTS) == ALLOWED


def test_nothing_that_moves_funds_out_is_named_anywhere_in_the_venue() -> None:
    strings = set(written())
    assert set(ALLOWED) <= strings
    spelled = {word for text in strings for word in (text, text.removeprefix("/0/private/"))}
    assert spelled & set(MOVING) == set()
    assert not any("Earn/" in text for text in strings)


@pytest.mark.parametrize("name", MOVING)
def test_a_request_that_moves_funds_out_cannot_be_made(name: str) -> None:
    with pytest.raises(ValueError, match="may be asked for"):
        PrivateEndpoint(name, (), 1.0, Purpose.ACCOUNT, lambda _: None)


def test_each_endpoint_knows_its_cost_and_its_purpose() -> None:
    asked: list[PrivateEndpoint[Any]] = [
        private.balance(SYMBOLS), private.balance_ex(SYMBOLS), private.trade_balance(),
        private.open_positions(SYMBOLS), private.trade_volume((), SYMBOLS), private.key_info(),
    ]  # fmt: skip
    assert {(one.cost, one.purpose) for one in asked} == {(1.0, Purpose.ACCOUNT)}
    token = private.websockets_token()
    assert (token.cost, token.purpose) == (1.0, Purpose.CREDENTIAL)


def test_fields_are_those_that_were_given() -> None:
    assert private.trade_balance().fields == ()
    assert private.trade_balance("ZEUR").fields == (("asset", "ZEUR"),)
    assert private.trade_volume(("XXBTZUSD", "ADAUSD"), SYMBOLS).fields == (("pair", "XXBTZUSD,ADAUSD"),)
    assert private.open_positions(SYMBOLS).fields == (("docalcs", "true"),)


# Balances


def test_balances_keep_every_digit_and_earn_wallets_stay_apart() -> None:
    snapshot = read(
        private.balance(SYMBOLS),
        ok({"XXBT": "1011.1908877900", "XBT.F": "0.0000000001", "XBT.M": "2", "ZUSD": "0.1000", "USDT": "5"}),
    )
    found = {balance.asset: balance for balance in snapshot.balances}
    assert list(found) == ["BTC", "USD", "USDT"]
    assert found["BTC"].wallets == (
        Wallet(WalletKind.SPOT, "main", Decimal("1011.1908877900")),
        Wallet(WalletKind.EARN, "F", Decimal("0.0000000001")),
        Wallet(WalletKind.EARN, "M", Decimal("2")),
    )
    assert str(found["BTC"].tradable) == "1011.1908877900"
    assert found["BTC"].earn == Decimal("2.0000000001")
    assert found["BTC"].held is None
    assert found["BTC"].available is None


def test_holds_are_subtracted_from_what_is_tradable_only() -> None:
    snapshot = read(
        private.balance_ex(SYMBOLS),
        ok({"XXBT": {"balance": "3", "hold_trade": "0.5"}, "XBT.F": {"balance": "7", "hold_trade": "0"}}),
    )
    (balance,) = snapshot.balances
    assert (balance.held, balance.available, balance.total) == (Decimal("0.5"), Decimal("2.5"), 10)


def test_balances_that_come_as_numbers_are_as_exact_as_texts() -> None:
    body = b'{"error":[],"result":{"XXBT":{"balance":0.12345678901234567890,"hold_trade":0.1}}}'
    snapshot = read(private.balance_ex(SYMBOLS), Response(200, (), body))
    assert snapshot.balances[0].tradable == Decimal("0.12345678901234567890")


@pytest.mark.parametrize(
    ("rest_name", "held"),
    [
        ("XXBT", ("BTC", WalletKind.SPOT, "main")),
        ("XXDG", ("DOGE", WalletKind.SPOT, "main")),
        ("XDG.S", ("DOGE", WalletKind.EARN, "S")),
        ("DOT.S", ("DOT", WalletKind.EARN, "S")),
        ("ETH2.S", ("ETH2", WalletKind.EARN, "S")),
        ("USD.M", ("USD", WalletKind.EARN, "M")),
        ("SOL.B", ("SOL", WalletKind.EARN, "B")),
        ("KSM.P", ("KSM", WalletKind.EARN, "P")),
        ("AAPL.T", ("AAPL", WalletKind.EARN, "T")),
        ("XTZ", ("XTZ", WalletKind.SPOT, "main")),
        ("ZRX", ("ZRX", WalletKind.SPOT, "main")),
        ("NEW.X", ("NEW.X", WalletKind.SPOT, "main")),
        (".F", (".F", WalletKind.SPOT, "main")),
    ],
)
def test_no_letter_is_stripped_blindly_and_only_known_ends_name_a_wallet(
    rest_name: str, held: tuple[str, WalletKind, str]
) -> None:
    assert private.holding(rest_name, SYMBOLS) == held


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_a_balance_that_is_no_number_is_not_understood(amount: str) -> None:
    with pytest.raises(ProtocolError):
        read(private.balance(SYMBOLS), ok({"XXBT": amount}))


# Positions, fees, the key


def test_a_position_keeps_its_numbers_its_time_and_its_profit_with_a_plus() -> None:
    row = {
        "ordertxid": "OLWNFG-LLH4R-D6SFFP", "posstatus": "open", "pair": "XXBTZUSD", "type": "buy",
        "ordertype": "limit", "cost": "104610.52842", "fee": "289.06565", "vol": "8.82412861",
        "vol_closed": "0.20200000", "margin": "20922.10568", "value": "258797.5", "net": "+154186.9728",
        "terms": "", "rollovertm": "1616672637", "misc": "", "oflags": "",
    }  # fmt: skip
    body = json.dumps({"error": [], "result": {"TF5GVO": {**row, "time": 0}}})
    body = body.replace('"time": 0', '"time": 1605280097.8294')
    (position,) = read(private.open_positions(SYMBOLS), Response(200, (), body.encode()))
    assert (position.position_id, position.order_id) == ("TF5GVO", "OLWNFG-LLH4R-D6SFFP")
    assert (position.symbol, position.side) == ("BTC/USD", PositionSide.NET)
    assert position.qty == Decimal("8.62212861"), "what is closed of it is no position any more"
    assert position.unrealised == Decimal("154186.9728")
    assert position.venue_ns == 1605280097_829400000


def test_fees_are_told_by_symbol_and_may_be_absent() -> None:
    step = {"fee": "0.2600", "minfee": "0.1", "maxfee": "0.26", "nextfee": "0.24", "nextvolume": "50000"}
    last = {"fee": "0.1000", "nextfee": None, "nextvolume": None}
    volume = read(
        private.trade_volume(("XXBTZUSD",), SYMBOLS),
        ok(
            {
                "currency": "ZUSD",
                "volume": "294.0219",
                "fees": {"XXBTZUSD": step},
                "fees_maker": {"GONE": last},
            }
        ),
    )
    assert (volume.currency, volume.volume) == ("USD", Decimal("294.0219"))
    assert volume.taker["BTC/USD"].pct == Decimal("0.26")
    assert volume.taker["BTC/USD"].next_volume == 50000
    assert volume.maker["GONE"].next_pct is None


def test_what_the_key_may_do_is_told_and_the_key_is_not() -> None:
    row = {
        "apiKeyName": "desk",
        "apiKey": "SECRETKEY",
        "nonce": "1",
        "nonceWindow": 5,
        "permissions": ["a", "b"],
    }
    info = read(private.key_info(), ok(row))
    assert (info.name, info.nonce_window, info.permissions) == ("desk", 5, ("a", "b"))
    assert "SECRETKEY" not in repr(info)


def test_a_token_is_kept_out_of_texts_and_of_the_error_about_its_answer() -> None:
    token = read(private.websockets_token(), ok({"token": "TOP/+SECRET", "expires": 900}))
    assert (token.token, token.unused_ns) == ("TOP/+SECRET", 900 * NS_PER_S)
    assert "SECRET" not in repr(token)
    with pytest.raises(ProtocolError) as caught:
        read(private.websockets_token(), ok({"token": "TOP/+SECRET"}))
    assert caught.value.frame == b""
    assert "SECRET" not in repr(caught.value)
    assert caught.value.__context__ is None


def test_an_empty_token_is_no_token() -> None:
    with pytest.raises(ProtocolError, match="token is empty"):
        read(private.websockets_token(), ok({"token": "", "expires": 900}))


def test_any_other_answer_that_cannot_be_read_is_kept() -> None:
    with pytest.raises(ProtocolError, match="Balance") as caught:
        read(private.balance(SYMBOLS), ok(["what"]))
    assert b"what" in caught.value.frame


def test_names_of_withdrawal_addresses_are_masked() -> None:
    endpoint = PrivateEndpoint(
        "WithdrawInfo", (("asset", "XBT"), ("key", "my wallet")), 1.0, Purpose.ACCOUNT, lambda _: None
    )
    assert endpoint.masked == (("asset", "XBT"), ("key", "***"))


# Recorded answers


@needs_vectors
def test_recorded_balances_are_read() -> None:
    snapshot = read(private.balance(SYMBOLS), fixture("kraken-rest-jkorf-008"))
    found = {balance.asset: balance for balance in snapshot.balances}
    assert str(found["BTC"].tradable) == "1011.1908877900"
    assert found["ETH2"].earn == Decimal("198.3970800000")
    assert found["ETH2"].tradable == Decimal("2.5885574330")
    assert found["USD"].earn == Decimal("1213029.2780")
    extended = read(private.balance_ex(SYMBOLS), fixture("kraken-rest-jkorf-009"))
    assert extended.balances[1].held == Decimal("0.8423")


@needs_vectors
def test_recorded_accounts_are_read() -> None:
    assert read(private.trade_balance(), fixture("kraken-rest-jkorf-019")).margin_level_pct == Decimal(
        "5432.57"
    )
    assert read(private.trade_balance(), fixture("kraken-rest-nautilus-008")).unexecuted_value == 0
    for number in ("kraken-rest-kraken-async-rs-015", "kraken-rest-nautilus-007"):
        (position,) = read(private.open_positions(SYMBOLS), fixture(number))
        assert position.symbol == "BTC/USD"
        assert position.unrealised is None
    volume = read(private.trade_volume((), SYMBOLS), fixture("kraken-rest-kraken-async-rs-018"))
    assert (volume.taker, volume.maker) == ({}, {})
    token = read(private.websockets_token(), fixture("kraken-rest-kraken-async-rs-012"))
    assert len(token.token) == 43


@needs_vectors
def test_every_recorded_private_answer_is_read_or_refused_as_it_says() -> None:
    seen = set()
    for path in sorted((VECTORS / "kraken" / "rest").glob("*.fixtures.jsonl")):
        for record in records(path):
            kind = record["kind"].removeprefix("POST /0/private/")
            if record["kind"].startswith("POST") and kind in ALLOWED:
                seen.add(kind)
                endpoint = ENDPOINTS[kind]
                response = Response(200, (), record["raw"].encode())
                if json.loads(record["raw"])["error"]:
                    with pytest.raises((AuthError, RateLimited)):
                        read(endpoint, response)
                else:
                    read(endpoint, response)
    assert len(seen) >= 24
