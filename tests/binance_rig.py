"""An emulated Binance moved by hand and a judge of what is read of it, on a loop that tells only the time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from leadline.core.range_book import RangeBook
from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.matching import BID, Order
from leadline.emulator.wire import Frame
from leadline.model.reading import Reading, Source
from leadline.simulation.binance_evidence import BinanceEvidence
from leadline.simulation.binance_judge import BinanceJudge
from leadline.simulation.binance_truth import BinanceTruth
from leadline.simulation.http import Answered
from leadline.simulation.loop import LoopClock
from leadline.simulation.network import Arrival
from leadline.simulation.report import Findings
from leadline.simulation.untruths import Untruths
from simrig import stopwatch

START_NS = 1_790_000_000 * 10**9
BTC, WIRE = "BTC/USDT:USDT", "BTCUSDT"


class BinanceRig:
    """One contract; nothing happens on its market but what a test does."""

    def __init__(self, depth: int = 10) -> None:
        self.loop = stopwatch()
        self.clock = LoopClock(self.loop, START_NS)
        btc = DEMO_CONTRACTS[0]
        contracts = [replace(btc, pair=replace(btc.pair, levels=20))]
        self.exchange = BinanceExchange(start_ns=START_NS, rate=0.0, contracts=contracts, history_minutes=2)
        self.truth = BinanceTruth(self.exchange, {BTC: depth}, START_NS)
        self.evidence = BinanceEvidence(self.truth.names)
        self.findings = Findings(1, "again")
        self.judge = BinanceJudge(self.truth, self.evidence, Untruths(0), self.loop, START_NS, self.findings)
        self.listing = self.exchange.market.listings[WIRE]

    @property
    def last_id(self) -> int:
        return self.exchange.ids.last(WIRE)

    def passes(self, for_s: float) -> None:
        self.loop.block(for_s)
        self.exchange.advance(self.clock.wall_ns())

    def bid(self, behind: int = 0, qty: int = 1_000) -> None:
        """One more order so many ticks behind the best bid."""
        best = self.listing.book.best(BID)
        assert best is not None
        market = self.exchange.market
        market.submit(WIRE, Order(market.new_order_id(), BID, best[0] - behind, qty), self.clock.wall_ns())

    def frame(self, channel: str = "book", **fields: Any) -> None:
        """A message reaches the client now."""
        now_ms = self.clock.wall_ns() // 1_000_000
        told = {"E": now_ms, "u": self.last_id} | fields
        text = "{" + ",".join(f'"{name}":{value}' for name, value in told.items()) + "}"
        self._arrived(Frame(text, "update", channel, BTC))

    def answer(self, path: str, body: bytes, made_ns: int | None = None) -> None:
        """An answer of REST reaches the client now."""
        now_ns = self.loop.now_ns
        made_ns = now_ns if made_ns is None else made_ns
        self.evidence.answer(Answered(path, {"symbol": WIRE}, body, made_ns, now_ns, False))

    def book(self, depth: int = 10, levels: int = 15) -> RangeBook:
        """The venue's book as a client has it that has missed nothing since a snapshot of so many levels."""
        pair = self.listing.pair
        book = RangeBook(BTC, depth, pair.price_precision, pair.qty_precision)
        sides = [
            [
                (
                    f"{Decimal(price).scaleb(-pair.price_precision)}",
                    f"{Decimal(qty).scaleb(-pair.qty_precision)}",
                )
                for price, qty in side.top(levels)
            ]
            for side in (self.listing.book.bids, self.listing.book.asks)
        ]
        book.load(*sides, limit=0)
        return book

    def reading(self, value: Any, source: Source = Source.STREAM, *, verified: bool = True) -> Reading[Any]:
        """A value received now."""
        return Reading(value, source, self.loop.now_ns, self.clock, verified=verified, bound_s=10.0)

    def judged(self, value: Any, source: Source = Source.STREAM, *, verified: bool = True) -> list[str]:
        """What the judge finds of a value that is read now."""
        before = len(self.findings.violations)
        self.judge.reading(BTC, self.reading(value, source, verified=verified), current=True)
        return [one.kind for one in self.findings.violations[before:]]

    def _arrived(self, frame: Frame) -> None:
        arrival = Arrival(frame, 1, self.loop.now_ns)
        self.judge.last_arrival_ns = arrival.at_ns
        self.evidence.frame(arrival)
