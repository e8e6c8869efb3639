from __future__ import annotations

from leadline.emulator.binance import truth
from pit import LIMIT, Pit


def test_orders_are_told_with_what_became_of_them() -> None:
    pit = Pit()
    resting = pit.order(LIMIT, price="49000.0", newClientOrderId="mine").value["orderId"]
    pit.order(LIMIT, price="49000.0")
    listings = pit.market.listings
    told = truth.orders(pit.account, listings)
    assert len(told) == 2
    (mine,) = truth.orders(pit.account, listings, "mine")
    assert (mine["order_id"], mine["status"], mine["side"]) == (resting, "NEW", LIMIT["side"])
    assert float(mine["price"]) == 49_000
    assert truth.fills(pit.account, listings) == []
    assert truth.positions(pit.account, listings) == []


def test_wallets_are_told_to_the_last_digit() -> None:
    pit = Pit()
    units = pit.account.wallets["USDT"]
    assert truth.balances(pit.account)["USDT"] == f"{units // 10**8}.{units % 10**8:08d}"
