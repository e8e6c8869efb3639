"""The text of every market stream's payload, key for key as recorded in September 2026 (dossier §10.3).

Prices keep all decimals of pricePrecision, quantities all of quantityPrecision, marks and rates eight.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from leadline.emulator.binance.agg_trades import AggTrade
from leadline.emulator.binance.contracts import Contract, price_text
from leadline.emulator.binance.klines import Kline
from leadline.emulator.binance.marks import MarkState
from leadline.emulator.binance.ports import MARK_DECIMALS, Liquidated
from leadline.emulator.instruments import Pair
from leadline.emulator.market import Best
from leadline.emulator.matching import BID
from leadline.emulator.numbers import fixed, ratio
from leadline.emulator.tape import MINUTE_S, Trade

NS_PER_MS = 1_000_000
USDT_MARGINED, COIN_MARGINED = '"st":1', '"st":2'
TWIN, COIN_TWIN = "BTCUSDT", "BTCUSD_PERP"
"""The contract that has a like one margined in coin, which all-market arrays contain, and that one."""
QUOTE_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """How one contract's integers are written."""

    contract: Contract
    pair: Pair

    @property
    def symbol(self) -> str:
        return self.contract.symbol

    @property
    def names(self) -> str:
        """The keys `s` and `ps` as they stand side by side in most payloads."""
        return f'"s":"{self.contract.symbol}","ps":"{self.contract.pair_name}"'

    def price(self, ticks: int) -> str:
        return price_text(self.contract, self.pair, ticks)

    def qty(self, lots: int) -> str:
        return fixed(lots, self.pair.qty_precision)

    def cost(self, cost: int) -> str:
        """Price × quantity in quote units: the decimals of both, as recorded."""
        extra = self.contract.price_decimals - self.pair.price_precision
        return fixed(cost * 10**extra, self.contract.price_decimals + self.pair.qty_precision)

    def mean(self, bar: Kline) -> str:
        """The volume-weighted mean price."""
        return self.price(ratio(bar.cost, bar.volume) if bar.volume else bar.close)


def millis(time_ns: int) -> int:
    """The venue's Unix milliseconds."""
    return time_ns // NS_PER_MS


def exact(units: int) -> str:
    """A mark, an index or a rate."""
    return fixed(units, MARK_DECIMALS)


def book_ticker(shown: Shown, best: Best, update_id: int, time_ns: int, told_ns: int) -> str:
    bid, ask = (one or (0, 0) for one in best)
    return (
        f'{{"e":"bookTicker","u":{update_id},{shown.names},'
        f'"b":"{shown.price(bid[0])}","B":"{shown.qty(bid[1])}",'
        f'"a":"{shown.price(ask[0])}","A":"{shown.qty(ask[1])}",'
        f'"T":{millis(time_ns)},"E":{millis(told_ns)},{USDT_MARGINED}}}'
    )


def depth_update(
    shown: Shown,
    ids: tuple[int, int, int],
    bids: list[tuple[int, int]],
    asks: list[tuple[int, int]],
    time_ns: int,
    told_ns: int,
) -> str:
    """A diff or a partial book; `ids` are U, u and pu."""
    first, last, before = ids
    return (
        f'{{"e":"depthUpdate","E":{millis(told_ns)},"T":{millis(time_ns)},{shown.names},'
        f'"U":{first},"u":{last},"pu":{before},'
        f'"b":[{levels(shown, bids)}],"a":[{levels(shown, asks)}],{USDT_MARGINED}}}'
    )


def levels(shown: Shown, rows: list[tuple[int, int]]) -> str:
    """Levels as texts of price and quantity."""
    return ",".join(f'["{shown.price(price)}","{shown.qty(qty)}"]' for price, qty in rows)


def agg_trade(shown: Shown, one: AggTrade, told_ns: int) -> str:
    qty = shown.qty(one.qty)
    return (
        f'{{"e":"aggTrade","E":{millis(told_ns)},"a":{one.agg_id},"s":"{shown.symbol}",'
        f'"p":"{shown.price(one.price)}","q":"{qty}","nq":"{qty}",'
        f'"f":{one.first},"l":{one.last},"T":{millis(one.time_ns)},'
        f'"m":{_truth(one.taker_side != BID)},{USDT_MARGINED}}}'
    )


def trade(shown: Shown, one: Trade, told_ns: int) -> str:
    return (
        f'{{"e":"trade","E":{millis(told_ns)},"T":{millis(one.time_ns)},"s":"{shown.symbol}",'
        f'"t":{one.trade_id},"p":"{shown.price(one.price)}","q":"{shown.qty(one.qty)}",'
        f'"X":"MARKET","m":{_truth(one.taker_side != BID)}}}'
    )


def kline(shown: Shown, bar: Kline, interval: str, minutes: int, closed: bool, told_ns: int) -> str:
    """A bar; the inner object alone has spaces after its commas and a bare zero, as recorded."""
    symbol = f', "s":"{shown.symbol}"'
    head = f'{{"e":"kline","E":{millis(told_ns)},"s":"{shown.symbol}",'
    return f"{head}{_bar(shown, bar, interval, minutes, closed, symbol)}}}"


def continuous_kline(
    shown: Shown, bar: Kline, interval: str, minutes: int, closed: bool, told_ns: int
) -> str:
    head = (
        f'{{"e":"continuous_kline","E":{millis(told_ns)},"ps":"{shown.contract.pair_name}",'
        f'"ct":"{shown.contract.contract_type}",'
    )
    return f"{head}{_bar(shown, bar, interval, minutes, closed, '')}}}"


def _bar(shown: Shown, bar: Kline, interval: str, minutes: int, closed: bool, symbol: str) -> str:
    end_ms = (bar.begin_s + minutes * MINUTE_S) * 1_000 - 1
    return (
        f'"k":{{"t":{bar.begin_s * 1_000}, "T":{end_ms}{symbol}, "i":"{interval}", '
        f'"f":{bar.first_id}, "L":{bar.last_id}, "o":"{shown.price(bar.open)}", '
        f'"c":"{shown.price(bar.close)}", "h":"{shown.price(bar.high)}", "l":"{shown.price(bar.low)}", '
        f'"v":"{shown.qty(bar.volume)}", "n":{bar.count}, "x":{_truth(closed)}, '
        f'"q":"{shown.cost(bar.cost)}", "V":"{shown.qty(bar.taker_volume) if bar.taker_volume else 0}", '
        f'"Q":"{shown.cost(bar.taker_cost) if bar.taker_cost else 0}", "B":"0"}}'
    )


def mark_price(state: MarkState, funding_ms: int, told_ns: int) -> str:
    return (
        f'{{"e":"markPriceUpdate","E":{millis(told_ns)},"s":"{state.contract.symbol}",'
        f'"p":"{exact(state.mark)}","ap":"{exact(state.average)}","P":"{exact(state.settle)}",'
        f'"i":"{exact(state.index)}","r":"{exact(state.rate)}","T":{funding_ms},{USDT_MARGINED}}}'
    )


def coin_margined(row: str) -> str:
    """The row of the contract margined in coin, made from its twin's; its price is the same here."""
    return row.replace(f'"s":"{TWIN}"', f'"s":"{COIN_TWIN}"').replace(USDT_MARGINED, COIN_MARGINED)


def mini_ticker(shown: Shown, day: Kline, told_ns: int) -> str:
    return (
        f'{{"e":"24hrMiniTicker","E":{millis(told_ns)},{shown.names},"c":"{shown.price(day.close)}",'
        f'"o":"{shown.price(day.open)}","h":"{shown.price(day.high)}","l":"{shown.price(day.low)}",'
        f'"v":"{shown.qty(day.volume)}","q":"{_quote(shown, day)}",{USDT_MARGINED}}}'
    )


def ticker(shown: Shown, day: Kline, last: Trade | None, begin_s: int, told_ns: int) -> str:
    """The rolling day; the window opens on the minute and closes now."""
    change = day.close - day.open
    return (
        f'{{"e":"24hrTicker","E":{millis(told_ns)},{shown.names},"p":"{shown.price(change)}",'
        f'"P":"{fixed(ratio(change * 100_000, day.open), 3)}","w":"{shown.mean(day)}",'
        f'"c":"{shown.price(day.close)}","Q":"{shown.qty(last.qty if last else 0)}",'
        f'"o":"{shown.price(day.open)}","h":"{shown.price(day.high)}","l":"{shown.price(day.low)}",'
        f'"v":"{shown.qty(day.volume)}","q":"{_quote(shown, day)}",'
        f'"O":{begin_s * 1_000},"C":{millis(told_ns)},"F":{day.first_id},"L":{day.last_id},'
        f'"n":{day.count},{USDT_MARGINED}}}'
    )


def force_order(shown: Shown, one: Liquidated, told_ns: int) -> str:
    """A liquidation; its quantities have no trailing zeros, its prices do, as recorded.

    assumed: the limit of the order is half a percent worse than its price.
    """
    qty, price = trimmed(shown.qty(one.qty)), shown.price(one.price)
    worse = shown.price(one.price + one.price // 200 * (1 if one.side == "BUY" else -1))
    time_ms = millis(one.time_ns)
    return (
        f'{{"e":"forceOrder","E":{millis(told_ns)},"o":{{"s":"{shown.symbol}","S":"{one.side}",'
        f'"o":"LIMIT","f":"IOC","q":"{qty}","p":"{worse}","ap":"{price}","X":"FILLED",'
        f'"l":"{qty}","z":"{qty}","T":{time_ms},"ps":"{shown.contract.pair_name}",{USDT_MARGINED}}}}}'
    )


def contract_info(contract: Contract, status: str, told_ns: int) -> str:
    return (
        f'{{"e":"contractInfo","E":{millis(told_ns)},"s":"{contract.symbol}",'
        f'"ps":"{contract.pair_name}","ct":"{contract.contract_type}","dt":{contract.delivery_ms},'
        f'"ot":{contract.onboard_ms},"cs":"{status}",{USDT_MARGINED}}}'
    )


def result(value: Any, request_id: int | str | None) -> str:
    """The acknowledgement of a control message."""
    return json.dumps({"result": value, "id": request_id}, separators=(",", ":"), ensure_ascii=False)


def refusal(code: int, message: str, request_id: int | str | None) -> str:
    """The error a control message is answered with."""
    body: dict[str, Any] = {"error": {"code": code, "msg": message}}
    if request_id is not None:
        body["id"] = request_id
    return json.dumps(body, separators=(",", ":"))


def trimmed(text: str) -> str:
    """A decimal text without trailing zeros."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _quote(shown: Shown, day: Kline) -> str:
    """The day's quote volume, cut to two decimals as recorded."""
    pair = shown.pair
    return fixed(
        ratio(day.cost * 10**QUOTE_DECIMALS, 10 ** (pair.price_precision + pair.qty_precision)),
        QUOTE_DECIMALS,
    )


def _truth(value: bool) -> str:
    return "true" if value else "false"
