"""An emulated Binance on a time the test tells, and the plainest possible reader of its frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from leadline.emulator.binance.api_connection import ApiConnection
from leadline.emulator.binance.connection import Connection
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.instruments import Pair
from leadline.emulator.wire import Answer, Close, Frame

START_NS = 1_790_000_000 * 10**9
S = 10**9
MS = 10**6

BTC = Contract(Pair("BTCUSDT", 1, 3, 633_940, 120, levels=40, step=12, weight=4), "BTC", least_notional="50")
ETH = Contract(Pair("ETHUSDT", 2, 3, 321_652, 1_500, levels=40, step=8), "ETH")
NAMED = DEMO_CONTRACTS[9]
QUARTER = DEMO_CONTRACTS[11]
GOLD = DEMO_CONTRACTS[10]
SETTLING = DEMO_CONTRACTS[12]


def binance(
    rate: float = 100.0, seed: int = 1, contracts: Iterable[Contract] = (BTC, ETH), minutes: int = 30
) -> BinanceExchange:
    return BinanceExchange(
        start_ns=START_NS, seed=seed, rate=rate, contracts=contracts, history_minutes=minutes
    )


def control(line: Connection | ApiConnection, now_ns: int, method: str, *params: Any) -> None:
    line.received(json.dumps({"method": method, "params": params, "id": 1}, ensure_ascii=False), now_ns)


def reading(exchange: BinanceExchange, route: str, *names: str, at_ns: int = START_NS) -> Connection:
    """A client of some streams, its acknowledgement taken."""
    line = exchange.connect(at_ns, route)
    assert isinstance(line, Connection)
    if names:
        control(line, at_ns, "SUBSCRIBE", *names)
        line.outputs()
    return line


def texts(line: Connection | ApiConnection) -> list[str]:
    return [one.text for one in line.outputs() if isinstance(one, Frame)]


def closes(line: Connection | ApiConnection) -> list[tuple[int, str]]:
    return [(one.code, one.reason) for one in line.outputs() if isinstance(one, Close)]


def payloads(line: Connection, *kinds: str) -> list[dict[str, Any]]:
    """The data of wrapped frames; of these event types where some are named."""
    found = []
    for text in texts(line):
        data = json.loads(text, parse_float=Decimal).get("data")
        for one in data if isinstance(data, list) else [data]:
            if one is not None and (not kinds or one["e"] in kinds):
                found.append(one)
    return found


def asked(
    exchange: BinanceExchange, path: str, query: str = "", now_ns: int = START_NS, method: str = "GET"
) -> Any:
    """The JSON of an answer with status 200."""
    answer = exchange.request(method, path, query, now_ns)
    assert isinstance(answer, Answer), answer
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def refused(exchange: BinanceExchange, path: str, query: str = "", now_ns: int = START_NS) -> tuple[int, int]:
    """Status and code of a refusal."""
    answer = exchange.request("GET", path, query, now_ns)
    assert not isinstance(answer, RefusedConnect)
    return answer.status, json.loads(answer.body)["code"]


class NaiveDiffBook:
    """The dossier's rules for a local book, in the fewest words; a broken chain raises."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.last = snapshot["lastUpdateId"]
        self.live = False
        self.bids = {Decimal(price): Decimal(qty) for price, qty in snapshot["bids"]}
        self.asks = {Decimal(price): Decimal(qty) for price, qty in snapshot["asks"]}

    def apply(self, event: dict[str, Any]) -> None:
        if not self.live and event["u"] < self.last:
            return
        if self.live or event["U"] > self.last:
            assert event["pu"] == self.last, f"{event['pu']} after {self.last}"
        self.live, self.last = True, event["u"]
        for side, rows in ((self.bids, event["b"]), (self.asks, event["a"])):
            for price, qty in rows:
                if Decimal(qty):
                    side[Decimal(price)] = Decimal(qty)
                else:
                    side.pop(Decimal(price), None)

    def best(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        bid, ask = max(self.bids), min(self.asks)
        return bid, self.bids[bid], ask, self.asks[ask]


def truth(exchange: BinanceExchange, symbol: str) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    """What the engine's book holds."""
    listing = exchange.market.listings[symbol]

    def side(rows: Sequence[tuple[int, int]]) -> dict[Decimal, Decimal]:
        pair = listing.pair
        return {
            Decimal(price).scaleb(-pair.price_precision): Decimal(qty).scaleb(-pair.qty_precision)
            for price, qty in rows
        }

    book = listing.book
    return side(book.bids.top(9_999)), side(book.asks.top(9_999))
