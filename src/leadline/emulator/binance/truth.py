"""What the emulated Binance itself knows of an account, for judges; amounts as exact texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo_orders import AlgoOrder
from leadline.emulator.binance.orders import Order
from leadline.emulator.binance.ports import MARK_DECIMALS
from leadline.emulator.market import Listing
from leadline.emulator.numbers import fixed

Listings = Mapping[str, Listing]
MONEY_DECIMALS = 8


def orders(account: Account, listings: Listings, client_id: str | None = None) -> list[dict[str, Any]]:
    """Every order there has ever been (or those of one client id), then conditional ones; oldest first."""
    found = [
        _order(one, listings[one.ticket.symbol])
        for one in account.orders.values()
        if client_id in (None, one.ticket.client_id)
    ]
    return found + [
        _algo(one, listings[one.ticket.symbol])
        for one in account.algo_orders.values()
        if client_id in (None, one.client_id)
    ]


def fills(account: Account, listings: Listings) -> list[dict[str, Any]]:
    """Every fill there has ever been, oldest first."""
    return [
        {
            "trade_id": one.trade_id,
            "order_id": one.order_id,
            "client_id": one.client_id,
            "symbol": one.symbol,
            "side": one.side,
            "position_side": one.position_side,
            "price": fixed(one.price, listings[one.symbol].pair.price_precision),
            "qty": fixed(one.qty, listings[one.symbol].pair.qty_precision),
            "realised": fixed(one.realised, MONEY_DECIMALS),
            "fee": fixed(one.commission, MONEY_DECIMALS),
            "fee_asset": one.commission_asset,
            "maker": one.maker,
            "time_ms": one.time_ms,
        }
        for one in account.trades
    ]


def balances(account: Account) -> dict[str, str]:
    """The wallet balance by asset."""
    return {asset: fixed(units, MONEY_DECIMALS) for asset, units in account.wallets.items()}


def positions(account: Account, listings: Listings) -> list[dict[str, Any]]:
    """The positions that are not empty."""
    return [
        {
            "symbol": one.symbol,
            "side": one.side,
            "qty": fixed(one.amount, listings[one.symbol].pair.qty_precision),
            "realised": fixed(one.realised, MONEY_DECIMALS),
        }
        for one in account.held()
    ]


class BinanceTruth:
    """Implements `surface.AccountTruth`."""

    def __init__(self, account: Account, listings: Listings) -> None:
        self._account = account
        self._listings = listings

    def orders(self, client_id: str | None = None) -> list[dict[str, Any]]:
        return orders(self._account, self._listings, client_id)

    def fills(self) -> list[dict[str, Any]]:
        return fills(self._account, self._listings)

    def balances(self) -> dict[str, str]:
        return balances(self._account)

    def positions(self) -> list[dict[str, Any]]:
        return positions(self._account, self._listings)


def _order(one: Order, listing: Listing) -> dict[str, Any]:
    pair, ticket = listing.pair, one.ticket
    return {
        "order_id": one.order_id,
        "client_id": ticket.client_id,
        "symbol": ticket.symbol,
        "side": ticket.side,
        "order_type": ticket.order_type,
        "position_side": ticket.position_side,
        "reduce_only": ticket.reduce_only,
        "qty": fixed(one.qty, pair.qty_precision),
        "price": None if one.price is None else fixed(one.price, pair.price_precision),
        "filled": fixed(one.executed, pair.qty_precision),
        "status": one.status,
        "expiry_reason": one.expiry_reason,
        "algo_id": one.algo_id,
        "time_ms": one.time_ms,
    }


def _algo(one: AlgoOrder, listing: Listing) -> dict[str, Any]:
    pair, ticket = listing.pair, one.ticket
    return {
        "algo_id": one.algo_id,
        "client_id": one.client_id,
        "symbol": ticket.symbol,
        "side": ticket.side,
        "order_type": ticket.order_type,
        "position_side": ticket.position_side,
        "reduce_only": ticket.reduce_only,
        "close_position": ticket.close_position,
        "qty": fixed(ticket.qty, pair.qty_precision),
        "price": None if ticket.price is None else fixed(ticket.price, pair.price_precision),
        "trigger": fixed(ticket.trigger, MARK_DECIMALS),
        "status": one.status,
        "order_id": None if one.order is None else one.order.order_id,
        "time_ms": one.create_ms,
    }
