from __future__ import annotations

from decimal import Decimal

from emulated import QUIET, START_NS, emulated
from leadline.emulator import truth
from leadline.emulator.accounts import EARN, SPOT, UNIT
from signed import Signed


def caller() -> Signed:
    return Signed(emulated(rate=0, pairs=(QUIET,)))


def test_every_order_is_told_also_when_it_is_over() -> None:
    call = caller()
    call("CancelOrder", txid=call.place(cl_ord_id="mine"))
    call.place(cl_ord_id="mine")
    call.place(price="29999.5")

    listings = call.exchange.market.listings
    told = truth.orders(call.account, listings)
    assert [order["status"] for order in told] == ["canceled", "new", "new"]
    assert told[0]["closed_ns"] == START_NS
    assert told[2]["limit_price"] == "29999.5"
    assert truth.orders(call.account, listings, "mine") == told[:2]


def test_fills_add_up_to_their_order() -> None:
    call = caller()
    call.place(ordertype="market", volume="3")
    listings = call.exchange.market.listings

    [order] = truth.orders(call.account, listings)
    fills = truth.fills(call.account, listings)
    assert order["limit_price"] is None
    for name, total in (("qty", "filled"), ("cost", "cost"), ("fee", "fee")):
        assert sum(Decimal(fill[name]) for fill in fills) == Decimal(order[total])


def test_a_fee_charged_in_base_is_told_in_base() -> None:
    call = caller()
    call.place(ordertype="market", volume="3", oflags="fcib")

    fills = truth.fills(call.account, call.exchange.market.listings)
    assert {fill["fee_asset"] for fill in fills} == {"BTC"}
    charged = sum(entry.fee for entry in call.account.ledger if entry.asset == "BTC")
    assert sum(Decimal(fill["fee"]) for fill in fills) == Decimal(charged) / UNIT


def test_balances_are_told_by_wallet_with_what_is_held() -> None:
    call = caller()
    call.exchange.trading.transfer(call.account, "BTC", SPOT, EARN, UNIT, START_NS)
    call.place(type="sell", price="90000", volume="0.5")

    assert truth.balances(call.account)["BTC"] == {
        "held": "0.5000000000", "spot": "9.0000000000", "earn": "1.0000000000",
    }  # fmt: skip


def test_the_book_is_told_with_its_checksum() -> None:
    call = caller()
    listing = call.exchange.market.listings["BTC/USD"]

    told = truth.book(listing, 3, START_NS, call.exchange.book_proof("BTC/USD"))
    assert (len(told["bids"]), len(told["asks"])) == (3, 3)
    assert told["best_bid"] == told["bids"][0][0]
    assert truth.ticker(listing, START_NS)["bid"] == told["best_bid"]
    assert truth.trades(listing)["symbol"] == "BTC/USD"
