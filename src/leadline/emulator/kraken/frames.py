"""The text of every WebSocket v2 frame the venue sends, key for key as recorded (dossier §2–§5, §16).

Where recordings differ the newest one is followed: `trades` in the ticker (2026-08), `upcoming_maintenance`
and `emergency` in the status (2026-09), exponents in small reference numbers (2026-08).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from leadline.emulator.instruments import Asset, Pair
from leadline.emulator.market import Listing
from leadline.emulator.matching import BID
from leadline.emulator.numbers import NS_PER_S, fixed, multiplied, ratio, shortest, stamp, stamp_fine
from leadline.emulator.tape import MINUTE_S, Bar, Trade
from leadline.emulator.wire import Frame

OHLC_WARNING = "timestamp is deprecated, use interval_begin"
INSTRUMENT_WARNING = "tick_size is deprecated, use price_increment"


HEARTBEAT = Frame('{"channel":"heartbeat"}', "control", "heartbeat")


def status(system: str, connection_id: int) -> Frame:
    """The state of the engine, sent at connect and at every change (dossier §3.1)."""
    text = (
        '{"channel":"status","type":"update","data":[{"version":"2.0.10",'
        f'"system":"{system}","api_version":"v2","connection_id":{connection_id},'
        '"upcoming_maintenance":[],"emergency":[]}]}'
    )
    return Frame(text, "control", "status")


def response(fields: dict[str, Any], received_ns: int, sent_ns: int) -> str:
    """A method response: keys in alphabetical order, as recorded."""
    stamped = fields | {"time_in": stamp(received_ns), "time_out": stamp(sent_ns)}
    return json.dumps(stamped, sort_keys=True, separators=(",", ":"))


def level(pair: Pair, price: int, qty: int) -> str:
    """One level of a book frame; quantity 0 removes it."""
    return f'{{"price":{fixed(price, pair.price_precision)},"qty":{fixed(qty, pair.qty_precision)}}}'


def book(
    symbol: str, kind: str, bids: Iterable[str], asks: Iterable[str], checksum: int, time_ns: int
) -> str:
    """A book frame of ready level texts."""
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{",".join(bids)}],'
        f'"asks":[{",".join(asks)}],"checksum":{checksum},"timestamp":"{stamp(time_ns)}"}}]}}'
    )


def ticker(listing: Listing, kind: str, time_ns: int, factor: Decimal | None = None) -> Frame:
    """Best prices and the rolling 24 hours; a side without orders shows as zero (assumed).

    Prices are multiplied by `factor`, where there is one.
    """
    pair, last = listing.pair, listing.tape.last_price
    day = listing.tape.day(time_ns) or Bar(0, last, last, last, last, 0, 0, 0)
    bid, ask = (best or (0, 0) for best in listing.best)
    change = last - day.open
    lots = pair.qty_precision

    def price(ticks: int) -> str:
        return multiplied(fixed(ticks, pair.price_precision), factor)

    text = (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{pair.symbol}",'
        f'"bid":{price(bid[0])},"bid_qty":{fixed(bid[1], lots)},'
        f'"ask":{price(ask[0])},"ask_qty":{fixed(ask[1], lots)},'
        f'"last":{price(last)},"volume":{fixed(day.volume, lots)},'
        f'"vwap":{price(day.vwap)},"low":{price(day.low)},"high":{price(day.high)},'
        f'"change":{price(change)},"change_pct":{fixed(ratio(change * 10_000, day.open), 2)},'
        f'"trades":{day.count},"timestamp":"{stamp(time_ns)}"}}]}}'
    )
    return Frame(text, kind, "ticker", pair.symbol)


def trades(pair: Pair, kind: str, prints: Iterable[Trade]) -> Frame:
    """Trades oldest first."""
    rows = ",".join(
        f'{{"symbol":"{pair.symbol}","side":"{"buy" if one.taker_side == BID else "sell"}",'
        f'"price":{fixed(one.price, pair.price_precision)},"qty":{fixed(one.qty, pair.qty_precision)},'
        f'"ord_type":"{"market" if one.market else "limit"}","trade_id":{one.trade_id},'
        f'"timestamp":"{stamp(one.time_ns)}"}}'
        for one in prints
    )
    text = f'{{"channel":"trade","type":"{kind}","data":[{rows}]}}'
    return Frame(text, kind, "trade", pair.symbol, telling=True)


def ohlc(pair: Pair, kind: str, interval_min: int, bars: Iterable[Bar], time_ns: int) -> Frame:
    """Candles oldest first; the deprecated `timestamp` of a row is the end of its interval."""
    rows = ",".join(_candle(pair, interval_min, bar) for bar in bars)
    text = f'{{"channel":"ohlc","type":"{kind}","timestamp":"{stamp_fine(time_ns)}","data":[{rows}]}}'
    return Frame(text, kind, "ohlc", pair.symbol)


def _candle(pair: Pair, interval_min: int, bar: Bar) -> str:
    prices = pair.price_precision
    end_ns = (bar.begin_s + interval_min * MINUTE_S) * NS_PER_S
    return (
        f'{{"symbol":"{pair.symbol}","open":{fixed(bar.open, prices)},"high":{fixed(bar.high, prices)},'
        f'"low":{fixed(bar.low, prices)},"close":{fixed(bar.close, prices)},"trades":{bar.count},'
        f'"volume":{fixed(bar.volume, pair.qty_precision)},"vwap":{fixed(bar.vwap, prices)},'
        f'"interval_begin":"{stamp_fine(bar.begin_s * NS_PER_S)}","interval":{interval_min},'
        f'"timestamp":"{stamp(end_ns)}"}}'
    )


def instrument(kind: str, assets: Iterable[Asset], listings: Iterable[Listing]) -> Frame:
    """Reference data; an update carries the changed rows alone."""
    asset_rows = ",".join(_asset(one) for one in assets)
    pair_rows = ",".join(_pair(listing.pair, listing.status) for listing in listings)
    text = (
        f'{{"channel":"instrument","type":"{kind}","data":{{"assets":[{asset_rows}],"pairs":[{pair_rows}]}}}}'
    )
    return Frame(text, kind, "instrument")


def _asset(one: Asset) -> str:
    return (
        f'{{"id":"{one.name}","status":"enabled","precision":{one.precision},'
        f'"precision_display":{one.precision_display},"borrowable":true,"collateral_value":1.000,'
        '"class":"currency","margin_rate":0.025000}'
    )


def _pair(pair: Pair, trading: str) -> str:
    tick = shortest(1, pair.price_precision)
    margin = ""
    if pair.marginable:
        margin = '"margin_initial":0.2,"position_limit_long":300,"position_limit_short":240,'
    return (
        f'{{"symbol":"{pair.symbol}","base":"{pair.base}","quote":"{pair.quote}","status":"{trading}",'
        f'"qty_precision":{pair.qty_precision},"qty_increment":{shortest(1, pair.qty_precision)},'
        f'"price_precision":{pair.price_precision},"cost_precision":{pair.cost_precision},'
        f'"marginable":{"true" if pair.marginable else "false"},"has_index":true,'
        f'"ws_display_price_precision":{pair.price_precision},'
        f'"cost_min":{shortest(pair.cost_min, pair.cost_precision)},'
        f'{margin}"tick_size":{tick},"price_increment":{tick},'
        f'"qty_min":{shortest(pair.qty_min, pair.qty_precision)}}}'
    )
