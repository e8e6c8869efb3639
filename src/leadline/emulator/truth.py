"""What the venue itself knows, for judges: its full books, trades and tickers as exact texts."""

from __future__ import annotations

from typing import Any

from leadline.emulator.kraken.book_window import checksum
from leadline.emulator.market import Listing
from leadline.emulator.matching import BID
from leadline.emulator.numbers import fixed


def book(listing: Listing, depth: int | None, time_ns: int) -> dict[str, Any]:
    """The book now: every level (or the best `depth`), and the checksum of the ten best a side."""
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
        "checksum": checksum(listing.book),
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
