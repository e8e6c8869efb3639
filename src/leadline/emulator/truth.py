"""What the venue itself knows, for judges: books, trades, tickers and accounts, amounts as exact texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.emulator.accounts import SPOT, Account
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Listing
from leadline.emulator.matching import BID
from leadline.emulator.numbers import fixed
from leadline.emulator.orders import AccountFill, AccountOrder

BALANCE_DECIMALS = 10


def book(listing: Listing, depth: int | None, time_ns: int, proof: Mapping[str, int]) -> dict[str, Any]:
    """The book now: every level (or the best `depth`), and what the venue itself proves it by."""
    pair = listing.pair
    sides = {}
    for name, side in (("bids", listing.book.bids), ("asks", listing.book.asks)):
        levels = side.top(len(side.keys) if depth is None else depth)
        sides[name] = [
            [fixed(price, pair.price_precision), fixed(qty, pair.qty_precision)] for price, qty in levels
        ]
    return {
        "symbol": pair.symbol,
        "time_ns": time_ns,
        "price_precision": pair.price_precision,
        "qty_precision": pair.qty_precision,
        "best_bid": sides["bids"][0][0] if sides["bids"] else None,
        "best_ask": sides["asks"][0][0] if sides["asks"] else None,
        **proof,
        **sides,
    }


def trades(listing: Listing) -> dict[str, Any]:
    """The kept trades, oldest first."""
    pair = listing.pair
    return {
        "symbol": pair.symbol,
        "trades": [
            {
                "trade_id": one.trade_id,
                "time_ns": one.time_ns,
                "price": fixed(one.price, pair.price_precision),
                "qty": fixed(one.qty, pair.qty_precision),
                "side": "buy" if one.taker_side == BID else "sell",
                "ord_type": "market" if one.market else "limit",
            }
            for one in listing.tape.trades
        ],
    }


def ticker(listing: Listing, time_ns: int) -> dict[str, Any]:
    """Best prices, last price and the 24-hour volume."""
    pair = listing.pair
    bid, ask = listing.best
    day = listing.tape.day(time_ns)
    return {
        "symbol": pair.symbol,
        "time_ns": time_ns,
        "bid": fixed(bid[0], pair.price_precision) if bid else None,
        "bid_qty": fixed(bid[1], pair.qty_precision) if bid else None,
        "ask": fixed(ask[0], pair.price_precision) if ask else None,
        "ask_qty": fixed(ask[1], pair.qty_precision) if ask else None,
        "last": fixed(listing.tape.last_price, pair.price_precision),
        "volume": fixed(day.volume if day else 0, pair.qty_precision),
    }


def orders(
    account: Account, listings: Mapping[str, Listing], cl_ord_id: str | None = None
) -> list[dict[str, Any]]:
    """Every order there has ever been (or those of one client id), oldest first."""
    return [
        _order(one, listings[one.ticket.symbol])
        for one in account.orders.values()
        if cl_ord_id in (None, one.ticket.cl_ord_id)
    ]


def fills(account: Account, listings: Mapping[str, Listing]) -> list[dict[str, Any]]:
    """Every fill there has ever been, oldest first."""
    found = []
    for one in account.fills:
        pair = listings[one.symbol].pair
        found.append(
            {
                "exec_id": one.exec_id,
                "trade_id": one.trade_id,
                "order_id": one.order_id,
                "symbol": one.symbol,
                "side": one.side,
                "price": fixed(one.price, pair.price_precision),
                "qty": fixed(one.qty, pair.qty_precision),
                "cost": fixed(one.cost, pair.cost_precision),
                "fee": _fee(one, pair),
                "fee_asset": one.fee_asset,
                "maker": one.maker,
                "time_ns": one.time_ns,
            }
        )
    return found


class KrakenTruth:
    """Implements `surface.AccountTruth`."""

    def __init__(self, account: Account, listings: Mapping[str, Listing]) -> None:
        self._account = account
        self._listings = listings

    def orders(self, client_id: str | None = None) -> list[dict[str, Any]]:
        return orders(self._account, self._listings, client_id)

    def fills(self) -> list[dict[str, Any]]:
        return fills(self._account, self._listings)

    def balances(self) -> dict[str, dict[str, str]]:
        return balances(self._account)

    def positions(self) -> None:
        """None: nothing is traded on margin here."""


def _fee(one: AccountFill, pair: Pair) -> str:
    """What was charged, in the asset it was charged in."""
    in_base = one.fee_asset == pair.base
    return fixed(one.fee_lots, pair.qty_precision) if in_base else fixed(one.fee, pair.cost_precision)


def balances(account: Account) -> dict[str, dict[str, str]]:
    """By asset: what lies in spot and Earn, and what open orders hold of spot; all ten decimals."""
    found: dict[str, dict[str, str]] = {}
    for (name, wallet), units in account.balances.items():
        row = found.setdefault(name, {"held": fixed(account.held(name), BALANCE_DECIMALS)})
        row["spot" if wallet == SPOT else "earn"] = fixed(units, BALANCE_DECIMALS)
    return found


def _order(one: AccountOrder, listing: Listing) -> dict[str, Any]:
    pair, ticket = listing.pair, one.ticket
    return {
        "order_id": one.order_id,
        "cl_ord_id": ticket.cl_ord_id,
        "userref": ticket.userref,
        "symbol": ticket.symbol,
        "side": ticket.side,
        "order_type": ticket.order_type,
        "qty": fixed(one.qty, pair.qty_precision),
        "limit_price": None if one.limit_price is None else fixed(one.limit_price, pair.price_precision),
        "filled": fixed(one.filled, pair.qty_precision),
        "cost": fixed(one.cost, pair.cost_precision),
        "fee": fixed(one.fee, pair.cost_precision),
        "status": one.status,
        "reason": one.reason,
        "opened_ns": one.opened_ns,
        "closed_ns": one.closed_ns,
    }
