"""One run: the emulated venue, the network and the whole client on virtual time, under one seed's weather.

The client is the same System that a trader runs; only its network, its clock and its luck are handed in.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from leadline.app.opening import PUBLIC_BUDGET
from leadline.app.system import Keep
from leadline.clock import NS_PER_S
from leadline.core.limits import DecayingCounter
from leadline.emulator.accounts import EARN, SPOT, UNIT
from leadline.emulator.exchange import Exchange
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.kraken.rest import Answer
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.events import Event as FeedEvent
from leadline.engine.journal_file import Owner
from leadline.model.level import Level
from leadline.net.http import Request
from leadline.net.key_state import MemoryKey
from leadline.simulation.account_difference_judge import AccountDifferenceJudge
from leadline.simulation.account_judge import AccountJudge
from leadline.simulation.alarms import Alarms
from leadline.simulation.client import Client, settings
from leadline.simulation.difference_judge import DifferenceJudge
from leadline.simulation.evidence import Evidence
from leadline.simulation.http import ANSWER_TIMEOUT_NS, SimulatedHttp
from leadline.simulation.judge import Judge
from leadline.simulation.level_judge import LevelJudge
from leadline.simulation.life import Life
from leadline.simulation.line_judge import LineJudge
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import PRIVATE, Arrival, Network
from leadline.simulation.plants import Plant
from leadline.simulation.refusals import Refusals
from leadline.simulation.replay_judge import ReplayJudge
from leadline.simulation.report import ESCAPED, Findings, Report
from leadline.simulation.setup import drawn
from leadline.simulation.strikes import CALM_END_S, Event, Strike
from leadline.simulation.truth import Truth
from leadline.simulation.untruths import Untruths
from leadline.simulation.weather import forecast
from leadline.venues.kraken.symbols import VENUE

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

SETTLING_S = 30.0
"""So long before the end the trader begins nothing new."""

KEPT_EVERY_S = 10.0
"""So often the client keeps a checkpoint of the market."""

UNDER_WAY_NS = 2 * ANSWER_TIMEOUT_NS
"""So long what the venue has told may be under way."""

UNTRUE = frozenset({"SKEW", "LAG"})
CHANGING = frozenset({"AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder"})
CHANGING_METHODS = frozenset({"add_order", "batch_add", "amend_order", "edit_order"})
PARDON_S = 50.0
"""So long before the end an operator looks at what is still halted because the venue has told untruths."""

LOSING = frozenset({"STALL", "DROP", "REORDER", "CORRUPT"})
HOLDING = frozenset({"HALF_OPEN", "SUB_RATE"})
EXCUSED_S = 15.0
"""So long after requests came all at once the venue's counters may still stand high."""

REVEALED_S = 15.0
"""So long after the last fault a booking shows whether the one before it was lost."""

DEPTHS = {"BTC/USD": 25, "ETH/USD": 25, "LTC/USD": 25}


class World:
    """Everything of one run; `folder` is the client's disk."""

    def __init__(
        self, seed: int, minutes: float, plant: Plant, loop: VirtualLoop, findings: Findings, folder: Path
    ) -> None:
        self.seed = seed
        self.plant = plant
        self.total_s = minutes * 60
        self.loop = loop
        self.findings = findings
        self.clock = LoopClock(loop, START_NS)
        self.exchange = Exchange(start_ns=START_NS, seed=seed, rate=RATE, pairs=PAIRS, history_minutes=30)
        self.network = Network(self.exchange, loop, self.luck("network"), START_NS)
        market = self.exchange.market
        self.exchange.trading.demo.set_tier("pro")
        _own_what_is_listed(self.exchange)
        self.truth = Truth(market, DEPTHS, START_NS)
        self.evidence = Evidence(market)
        self.untruths = Untruths(UNDER_WAY_NS)
        self.judge = Judge(self.truth, self.evidence, self.untruths, loop, START_NS, findings)
        self.account_judge = AccountJudge(
            self.exchange.trading.demo, market, loop, findings, self.judge.trace
        )
        self.refusals = Refusals(self.exchange, loop, findings)
        self.alarms = Alarms(loop, findings)
        self.line_judge = LineJudge(loop, findings)
        self.level_judge = LevelJudge(loop, findings)
        self.replay_judge = ReplayJudge(loop, findings)
        self.difference_judge = DifferenceJudge(self.untruths, self.alarms, loop, findings)
        self.account_difference_judge = AccountDifferenceJudge(self.exchange.trading.demo, loop, findings)
        self.network.tap = self._arrived
        self.network.departing = self._departing_text
        self.network.gone = self._gone
        self.network.asked = self.line_judge.asked
        self.network.said = self.refusals.said
        self.setup = drawn(self.luck("setup"))
        self.keep = Keep(MemoryCheckpoints(), MemoryCheckpoints(), period_s=KEPT_EVERY_S)
        self.strikes = forecast(self.luck("weather"), self.total_s, list(market.listings))
        self.faults = 0
        self._stopping = False
        self.lives: list[Life] = []
        self._folder = folder
        self._key = MemoryKey()
        self._client: Client | None = None
        self._journal = folder / "0.sqlite"

    def luck(self, part: str) -> random.Random:
        """The chance of one part of the run."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311

    def wire(self, part: str) -> SimulatedHttp:
        """The REST address for one life of the client."""
        http = SimulatedHttp(
            self.network, self.clock, DecayingCounter(*PUBLIC_BUDGET), self.luck(f"http/{part}")
        )
        http.tap = self.evidence.answer
        http.departing = self._departing
        http.answering = self._answering
        http.losing = self.alarms.unanswered
        return http

    def heard(self, event: FeedEvent) -> None:
        """An event of the client's feed; what it says while it is being stopped is nobody's concern."""
        if self._stopping:
            return
        self.alarms.heard(event)
        self.line_judge.heard(event)
        self.level_judge.heard(event)
        self.difference_judge.heard(event)

    async def run(self) -> None:
        """Let it all happen."""
        self.loop.set_exception_handler(self._escaped)
        self.network.step()
        self._begin()
        striking = asyncio.create_task(self._strike())
        await self.clock.sleep(self.total_s)
        striking.cancel()
        assert self._client is not None
        self._client.readers.hurry()
        await self.clock.sleep(1.0)
        self._stopping = True
        self._client.stop()
        await self._client.task
        await self.clock.sleep(5.0)  # what was sent last arrives
        self.network.stop()
        living = {
            task for task in asyncio.all_tasks() if not any(task in life.tasks for life in self.lives[:-1])
        }
        left = living - {asyncio.current_task()}
        if left:
            self._found(f"{len(left)} tasks left: {sorted(map(repr, left))[0]}")

    @property
    def left_s(self) -> float:
        """How long the run still lasts."""
        return self.total_s - self.loop.now_ns / NS_PER_S

    @property
    def pardon_ns(self) -> int | None:
        """When an operator ends what the venue's untruths have led to; None where it tells none."""
        lied = any(one.fields.get("kind") in (*UNTRUE, "MISSTATE") for one in self.strikes)
        return round((self.total_s - PARDON_S) * NS_PER_S) if lied else None

    async def trading_over(self) -> None:
        """Wait until nothing new is to be begun."""
        await self.loop.until(round((self.total_s - SETTLING_S) * NS_PER_S))

    def report(self) -> Report:
        """The result of the run."""
        demo = self.exchange.trading.demo
        return Report(
            seeds=1,
            virtual_s=self.total_s,
            faults=self.faults,
            books_compared=self.judge.books_compared,
            readings_compared=self.judge.readings_compared,
            trades=sum(len(symbol.prints) for symbol in self.truth.symbols.values()),
            orders=len(demo.orders),
            fills=len(demo.fills),
            restarts=len(self.lives) - 1,
            refused_by_fault=self.refusals.by_fault,
            kinds=self.findings.kinds,
            round_trip_ms=self.network.latency.drawn_ms,
            failover_ms=self.alarms.failover_ms,
            levels_seen=[level.name for level in Level if level.name in self.level_judge.seen],
            differences=self.difference_judge.differences + self.account_difference_judge.differences,
            violations=self.findings.violations,
            trace=self.judge.digest,
        )

    # --- the client ---

    def _begin(self) -> None:
        """Start the client, on what its last life has left behind."""
        number = len(self.lives)
        if number:
            self.network.restarted_ns = self.loop.now_ns
        owner = Owner(VENUE, settings(self).fingerprint)
        journal = self.plant.journal(
            self._journal, owner, self.clock, self.luck(f"disk/{number}"), self.account_judge.durable
        )
        self.account_judge.born()
        for judge in (
            self.alarms,
            self.level_judge,
            self.difference_judge,
            self.account_difference_judge,
        ):
            judge.born()
        self._client = Client(self, number, journal, self.plant.state(self._key))
        self.lives.append(self._client.life)

    def _kill(self, back_ns: int) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        client.kill()
        if client.journal.opened:
            heir = self._folder / f"{len(self.lives)}.sqlite"
            client.journal.abandon(heir)
            self._journal = heir
        self.loop.call_at_ns(back_ns, self._begin)

    @property
    def calm_from_s(self) -> float:
        """When the last fault, and any ban, is over."""
        ends = max((strike.end_s for strike in self.strikes), default=0.0)
        banned_s = (self.exchange.budget.banned_until_ns - START_NS) / NS_PER_S
        return max(ends, banned_s)

    # --- the weather ---

    async def _strike(self) -> None:
        for strike in self.strikes:
            await self.clock.sleep(max(0.0, strike.at_s - self.loop.now_ns / NS_PER_S))
            self.faults += 1
            self.judge.trace("strike", self.loop.now_ns, strike)
            self.alarms.struck(strike)
            self.line_judge.struck(strike)
            self.difference_judge.struck(strike)
            self.account_difference_judge.struck(strike)
            if strike.event is None:
                self._put(strike)
            else:
                self._happen(strike, strike.event)
        await self.loop.until(round((self.total_s - CALM_END_S + REVEALED_S) * NS_PER_S))
        self._reveal()

    def _reveal(self) -> None:
        """A booking after the last fault, so that a number that a fault took away is seen to be missing."""
        trading, now_ns = self.exchange.trading, self.network.venue_ns
        self.exchange.advance(now_ns)
        trading.transfer(trading.demo, "USD", SPOT, EARN, UNIT, now_ns)
        self.network.step()

    def _put(self, strike: Strike) -> None:
        fields = dict(strike.fields)
        if fields["kind"] == "INSTRUMENT":
            pair = self.exchange.market.listings[fields["symbol"]].pair
            fields["price_precision"] = min(10, pair.price_precision + 1)
            fields["qty_precision"] = min(10, pair.qty_precision + 1)
        now_ns = self.network.venue_ns
        self.exchange.inject(fields, now_ns)
        if fields["kind"] in HOLDING:
            self.refusals.excuse(strike.lasts_s + EXCUSED_S)
        elif "burn" in fields:
            self.refusals.excuse(fields["burn"] / (2.34 if "symbol" in fields else 0.5) + EXCUSED_S)
        if fields["kind"] in LOSING and fields.get("channel") in ("book", None):
            self.evidence.losing(fields.get("symbol"), now_ns + round(strike.lasts_s * NS_PER_S))
        if fields["kind"] in UNTRUE:
            self.untruths.begin(strike, self.loop.now_ns)
        if fields["kind"] == "MISSTATE" and self._client is not None and self._client.trader is not None:
            self._client.trader.rest(strike.lasts_s)
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
                self.refusals.excuse(strike.lasts_s + EXCUSED_S)
            case Event.NO_NAMES:
                self.network.unresolved_until_ns = until_ns
            case Event.CLOCK_STEP:
                self.clock.step_wall(strike.step_s)
            case Event.SLOW_NETWORK:
                self.network.latency.bad_until_ns = until_ns
            case Event.LOST_ANSWERS:
                self.network.losing_until_ns = until_ns
            case Event.KILL:
                self._kill(until_ns)
            case Event.BLOCK:
                if self._client is not None:
                    self._client.readers.block(strike.lasts_s)

    # --- what the taps hear ---

    def _arrived(self, arrival: Arrival) -> None:
        if arrival.route == PRIVATE:
            assert self._client is not None
            self.account_judge.arrived(arrival, self._client.ready)
            self.replay_judge.arrived(arrival)
            return
        self.judge.last_arrival_ns = arrival.at_ns
        self.evidence.frame(arrival)
        self.line_judge.arrived(arrival)

    def _gone(self, link: int) -> None:
        self.evidence.gone(link)
        self.line_judge.gone(link)
        self.account_judge.gone(link)

    def _departing(self, request: Request) -> None:
        self.refusals.departing(request)
        self.account_judge.departing_request(request)
        self.replay_judge.departing_request(request)
        if request.path.rsplit("/", 1)[-1] in CHANGING:
            self.level_judge.placing(f"{request.path} {request.body.decode()}")

    def _departing_text(self, text: str) -> None:
        self.account_judge.departing_text(text)
        self.replay_judge.departing_text(text)
        if any(f'"method":"{method}"' in text for method in CHANGING_METHODS):
            self.level_judge.placing(text)

    def _answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        self.refusals.answering(request, answer)
        self.replay_judge.answering(request, answer)

    def _escaped(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._found(f"{context.get('message')}: {context.get('exception')!r}")

    def _found(self, what: str) -> None:
        self.findings.add(ESCAPED, "", what, "nothing escapes and nothing is left", self.loop.now_ns)


def _own_what_is_listed(exchange: Exchange) -> None:
    """Leave the demo account nothing of which no pair here tells the names."""
    pairs = [listing.pair for listing in exchange.market.listings.values()]
    listed = {asset for pair in pairs for asset in (pair.base, pair.quote)}
    demo = exchange.trading.demo
    for asset, wallet in list(demo.balances):
        if asset not in listed:
            del demo.balances[asset, wallet]
