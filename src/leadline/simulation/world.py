"""One run: the emulated venue, the network and the whole client on virtual time, under one seed's weather.

The client is the same System that a trader runs; only its network, its clock and its luck are handed in.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

from leadline.app.system import PUBLIC_BUDGET, System
from leadline.clock import NS_PER_S
from leadline.core.limits import DecayingCounter
from leadline.core.retry import ConnectBudget
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.simulation.evidence import Evidence
from leadline.simulation.http import SimulatedHttp
from leadline.simulation.judge import Judge
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import Arrival, Network
from leadline.simulation.readers import Readers
from leadline.simulation.report import ESCAPED, Findings, Report
from leadline.simulation.truth import Truth
from leadline.simulation.watchers import Watchers
from leadline.simulation.weather import Event, Strike, forecast
from leadline.venues.kraken.venue import Kraken

START_NS = 1_790_000_000 * NS_PER_S + 17_000_000_000
RATE = 7.0
"""Market events a second over all pairs."""

_PAIRS = {pair.symbol: pair for pair in DEMO_PAIRS}
PAIRS: tuple[Pair, ...] = (
    replace(_PAIRS["BTC/USD"], levels=60),
    replace(_PAIRS["ETH/USD"], levels=50),
    replace(_PAIRS["XRP/USD"], levels=30),
    replace(_PAIRS["PEPE/USD"], levels=30),
    replace(_PAIRS["LTC/USD"], levels=40),
    replace(_PAIRS["EURQ/USD"], weight=0.04),
    replace(_PAIRS["DOT/USD"], levels=20, weight=0.5),
)
"""One is illiquid and has fewer than ten levels, one has nine decimals, one is refused to its reader."""

LOSING = frozenset({"STALL", "DROP", "REORDER", "CORRUPT"})
DEPTHS = {"BTC/USD": 25, "ETH/USD": 25, "LTC/USD": 25}


class World:
    """Everything of one run."""

    def __init__(
        self, seed: int, minutes: float, venue: type[Kraken], loop: VirtualLoop, findings: Findings
    ) -> None:
        self.total_s = minutes * 60
        self.loop = loop
        self.findings = findings
        self.clock = LoopClock(loop, START_NS)
        self.exchange = Exchange(start_ns=START_NS, seed=seed, rate=RATE, pairs=PAIRS, history_minutes=30)
        self.network = Network(self.exchange, loop, _luck(seed, "network"), START_NS)
        counter = DecayingCounter(*PUBLIC_BUDGET)
        self.http = SimulatedHttp(self.network, self.clock, counter, _luck(seed, "http"))
        self.truth = Truth(self.exchange.market, DEPTHS, START_NS)
        self.evidence = Evidence(self.exchange.market)
        self.judge = Judge(self.truth, self.evidence, loop, START_NS, findings)
        self.network.tap = self._arrived
        self.http.tap = self.evidence.answer
        self.strikes = forecast(_luck(seed, "weather"), self.total_s, list(self.exchange.market.listings))
        self.faults = 0
        self.system = System(
            venue(self.http, self.clock),
            self.network.connect,
            self.clock,
            chance=_luck(seed, "client"),
            connects=ConnectBudget(),
        )
        self._seed = seed

    async def run(self) -> None:
        """Let it all happen."""
        self.loop.set_exception_handler(self._escaped)
        self.network.step()
        async with self.system:
            readers = Readers(self.system.feed, self.judge, self.clock, self._seed, self.network)
            watchers = Watchers(self, readers)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in readers.all(self.total_s)]
                tasks.append(group.create_task(self._strike()))
                tasks.append(group.create_task(watchers.look()))
                await self.clock.sleep(self.total_s)
                readers.hurry()
                await self.clock.sleep(1.0)
                for task in tasks:
                    task.cancel()
            watchers.close()
        await self.clock.sleep(5.0)  # what was sent last arrives
        self.network.stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            self._found(f"{len(left)} tasks left: {sorted(map(repr, left))[0]}")

    def report(self) -> Report:
        """The result of the run."""
        return Report(
            seeds=1,
            virtual_s=self.total_s,
            faults=self.faults,
            books_compared=self.judge.books_compared,
            readings_compared=self.judge.readings_compared,
            trades=sum(len(symbol.prints) for symbol in self.truth.symbols.values()),
            kinds=self.findings.kinds,
            round_trip_ms=self.network.latency.drawn_ms,
            violations=self.findings.violations,
            trace=self.judge.digest,
        )

    @property
    def calm_from_s(self) -> float:
        """When the last fault, and any ban, is over."""
        ends = max((strike.end_s for strike in self.strikes), default=0.0)
        banned_s = (self.exchange.budget.banned_until_ns - START_NS) / NS_PER_S
        return max(ends, banned_s)

    async def _strike(self) -> None:
        for strike in self.strikes:
            await self.clock.sleep(max(0.0, strike.at_s - self.loop.now_ns / NS_PER_S))
            self.faults += 1
            self.judge.trace("strike", self.loop.now_ns, strike)
            if strike.event is None:
                self._put(strike)
            else:
                self._happen(strike, strike.event)

    def _put(self, strike: Strike) -> None:
        fields = dict(strike.fields)
        if fields["kind"] == "INSTRUMENT":
            pair = self.exchange.market.listings[fields["symbol"]].pair
            fields["price_precision"] = min(10, pair.price_precision + 1)
            fields["qty_precision"] = min(10, pair.qty_precision + 1)
        now_ns = self.network.venue_ns
        self.exchange.inject(fields, now_ns)
        if fields["kind"] in LOSING and fields.get("channel") in ("book", None):
            self.evidence.losing(fields.get("symbol"), now_ns + round(strike.lasts_s * NS_PER_S))
        if fields["kind"] == "INSTRUMENT":
            self.truth.note(fields["symbol"], now_ns)
        self.network.step()

    def _happen(self, strike: Strike, event: Event) -> None:
        until_ns = self.loop.now_ns + round(strike.lasts_s * NS_PER_S)
        match event:
            case Event.CUT:
                self.network.cut()
            case Event.BLACK_HOLE:
                self.network.void_until_ns = until_ns
            case Event.NO_NAMES:
                self.network.unresolved_until_ns = until_ns
            case Event.CLOCK_STEP:
                self.clock.step_wall(strike.step_s)
            case Event.SLOW_NETWORK:
                self.network.latency.bad_until_ns = until_ns
            case Event.LOST_ANSWERS:
                self.http.losing_until_ns = until_ns

    def _arrived(self, arrival: Arrival) -> None:
        self.judge.last_arrival_ns = arrival.at_ns
        self.evidence.frame(arrival)

    def _escaped(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._found(f"{context.get('message')}: {context.get('exception')!r}")

    def _found(self, what: str) -> None:
        self.findings.add(ESCAPED, "", what, "nothing escapes and nothing is left", self.loop.now_ns)


def _luck(seed: int, part: str) -> random.Random:
    return random.Random(f"{seed}/{part}")  # noqa: S311
