from __future__ import annotations

from leadline.emulator.binance.accounts import DEMO_FUNDS, Income, opened
from leadline.emulator.binance.orders import Order, Ticket


def test_the_same_seed_and_name_give_the_same_credentials() -> None:
    one, same, other = opened(1, "me", {}), opened(1, "me", {}), opened(1, "you", {})
    assert (one.api_key, one.secret) == (same.api_key, same.secret)
    assert one.api_key != other.api_key
    assert one.api_key.isalnum() and len(one.api_key) == 64


def test_a_wallet_is_its_opening_and_its_income() -> None:
    account = opened(1, "me", DEMO_FUNDS)
    account.book(Income("COMMISSION", "USDT", -5, 1, 1))
    account.book(Income("REALIZED_PNL", "BNB", 7, 2, 2))
    assert account.wallets == {**DEMO_FUNDS, "USDT": DEMO_FUNDS["USDT"] - 5, "BNB": 7}
    assert account.touched_ms == {"USDT": 1, "BNB": 2}


def test_a_client_id_names_the_newest_order_of_its_contract() -> None:
    account = opened(1, "me", {})
    for number in (1, 2):
        ticket = Ticket("BTCUSDT", "BUY", "LIMIT", 1, 1, client_id="mine")
        account.enter(Order(number, ticket, 1, 1, 0, 0))
    found = account.by_client_id("BTCUSDT", "mine")
    assert found is not None and found.order_id == 2
    assert account.by_client_id("ETHUSDT", "mine") is None
    assert len(account.open_of("BTCUSDT")) == 2


def test_positions_have_sides_by_the_mode() -> None:
    account = opened(1, "me", {})
    assert account.sides() == ("BOTH",)
    account.hedge = True
    assert account.sides() == ("LONG", "SHORT")
    account.position("BTCUSDT", "LONG").amount = 1
    account.position("BTCUSDT", "SHORT")
    assert [one.side for one in account.held()] == ["LONG"]
