"""The rows of Binance's public REST answers, key for key as documented and recorded (dossier §5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from leadline.emulator.binance.agg_trades import AggTrade
from leadline.emulator.binance.frames import QUOTE_DECIMALS, Shown, exact, millis
from leadline.emulator.binance.klines import Kline
from leadline.emulator.binance.marks import INTEREST, MarkState
from leadline.emulator.binance.ports import Funding
from leadline.emulator.market import Best
from leadline.emulator.matching import BID, OrderBook
from leadline.emulator.numbers import fixed, multiplied, ratio
from leadline.emulator.tape import MINUTE_S, Trade


def depth(
    shown: Shown, book: OrderBook, limit: int, last_id: int, times: tuple[int, int], factor: Decimal | None
) -> dict[str, Any]:
    """A snapshot of the best levels; `times` are the engine's and the telling."""
    sides = {
        name: [[multiplied(shown.price(price), factor), shown.qty(qty)] for price, qty in side.top(limit)]
        for name, side in (("bids", book.bids), ("asks", book.asks))
    }
    return {"lastUpdateId": last_id, "E": millis(times[1]), "T": millis(times[0]), **sides}


def trade(shown: Shown, one: Trade) -> dict[str, Any]:
    return {
        "id": one.trade_id,
        "price": shown.price(one.price),
        "qty": shown.qty(one.qty),
        "quoteQty": _quote(shown, one.price * one.qty),
        "time": millis(one.time_ns),
        "isBuyerMaker": one.taker_side != BID,
        "isRPITrade": False,
    }


def agg_trade(shown: Shown, one: AggTrade) -> dict[str, Any]:
    qty = shown.qty(one.qty)
    return {
        "a": one.agg_id,
        "p": shown.price(one.price),
        "q": qty,
        "nq": qty,
        "f": one.first,
        "l": one.last,
        "T": millis(one.time_ns),
        "m": one.taker_side != BID,
    }


def kline(shown: Shown, bar: Kline, minutes: int) -> list[Any]:
    return [
        bar.begin_s * 1_000,
        shown.price(bar.open),
        shown.price(bar.high),
        shown.price(bar.low),
        shown.price(bar.close),
        shown.qty(bar.volume),
        (bar.begin_s + minutes * MINUTE_S) * 1_000 - 1,
        shown.cost(bar.cost),
        bar.count,
        shown.qty(bar.taker_volume),
        shown.cost(bar.taker_cost),
        "0",
    ]


def premium(state: MarkState, funding_ms: int, now_ns: int) -> dict[str, Any]:
    perpetual = state.contract.perpetual
    return {
        "symbol": state.contract.symbol,
        "markPrice": exact(state.mark),
        "indexPrice": exact(state.index),
        "estimatedSettlePrice": exact(state.settle),
        "lastFundingRate": exact(state.rate) if perpetual else "",
        "interestRate": exact(INTEREST) if perpetual else "",
        "nextFundingTime": funding_ms,
        "time": millis(now_ns),
    }


def funding(one: Funding) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "fundingTime": millis(one.time_ns),
        "fundingRate": exact(one.rate),
        "markPrice": exact(one.mark),
        "rateType": "Regular",
    }


def day(shown: Shown, bar: Kline, last: Trade | None, begin_s: int, now_ns: int) -> dict[str, Any]:
    """The rolling day; unlike the stream's it has no best prices either."""
    change = bar.close - bar.open
    return {
        "symbol": shown.symbol,
        "priceChange": shown.price(change),
        "priceChangePercent": fixed(ratio(change * 100_000, bar.open), 3),
        "weightedAvgPrice": shown.mean(bar),
        "lastPrice": shown.price(bar.close),
        "lastQty": shown.qty(last.qty if last else 0),
        "openPrice": shown.price(bar.open),
        "highPrice": shown.price(bar.high),
        "lowPrice": shown.price(bar.low),
        "volume": shown.qty(bar.volume),
        "quoteVolume": _quote(shown, bar.cost),
        "openTime": begin_s * 1_000,
        "closeTime": millis(now_ns),
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.count,
    }


def price(shown: Shown, ticks: int, now_ns: int) -> dict[str, Any]:
    return {"symbol": shown.symbol, "price": shown.price(ticks), "time": millis(now_ns)}


def best(shown: Shown, found: Best, last_id: int, now_ns: int, factor: Decimal | None) -> dict[str, Any]:
    """Best prices; `lastUpdateId` stands where the WebSocket API has it."""
    bid, ask = (one or (0, 0) for one in found)
    return {
        "lastUpdateId": last_id,
        "symbol": shown.symbol,
        "bidPrice": multiplied(shown.price(bid[0]), factor),
        "bidQty": shown.qty(bid[1]),
        "askPrice": multiplied(shown.price(ask[0]), factor),
        "askQty": shown.qty(ask[1]),
        "time": millis(now_ns),
    }


def _quote(shown: Shown, cost: int) -> str:
    """Price × quantity, cut to two decimals as recorded."""
    pair = shown.pair
    return fixed(
        ratio(cost * 10**QUOTE_DECIMALS, 10 ** (pair.price_precision + pair.qty_precision)), QUOTE_DECIMALS
    )
