"""A venue moved by hand, the simulated network in front of it, and a judge, all on one virtual loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Self

from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS
from leadline.emulator.matching import BID, Order
from leadline.simulation.evidence import Evidence
from leadline.simulation.judge import Judge
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import Arrival, Network
from leadline.simulation.report import Findings
from leadline.simulation.truth import Truth
from leadline.simulation.untruths import Untruths

START_NS = 1_790_000_000 * 10**9
BTC = "BTC/USD"


def stopwatch() -> VirtualLoop:
    """A loop that tells the time and lets it pass (`block`), and runs nothing."""
    loop = VirtualLoop()
    loop.close()
    return loop


class Rig:
    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.clock = LoopClock(self.loop, START_NS)
        pairs = [replace(DEMO_PAIRS[0], levels=20)]
        self.exchange = Exchange(start_ns=START_NS, seed=1, rate=0, pairs=pairs, history_minutes=2)
        self.listing = self.exchange.market.listings[BTC]
        self.network = Network(self.exchange, self.loop, random.Random(1), START_NS)
        self.truth = Truth(self.exchange.market, {}, START_NS)
        names = {one.pair.rest_id: symbol for symbol, one in self.exchange.market.listings.items()}
        self.evidence = Evidence(names)
        self.findings = Findings(1, "again")
        self.untruths = Untruths(0)
        self.judge = Judge(self.truth, self.evidence, self.untruths, self.loop, START_NS, self.findings)
        self.network.tap = self.arrived

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.loop.close()

    def arrived(self, arrival: Arrival) -> None:
        self.judge.last_arrival_ns = arrival.at_ns
        self.evidence.frame(arrival)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            return runner.run(work)

    def bid(self, behind: int = 0, qty: int = 1_000_000) -> None:
        """One more order so many ticks behind the best bid."""
        best = self.listing.book.best(BID)
        assert best is not None
        market = self.exchange.market
        market.submit(
            BTC, Order(market.new_order_id(), BID, best[0] - behind, qty), START_NS + self.loop.now_ns
        )
        self.network.step()

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)
