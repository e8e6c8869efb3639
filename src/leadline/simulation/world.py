"""One run: an emulated venue, the network and the whole client on virtual time, under one seed's weather.

The client is the same System that a trader runs; only its network, its clock and its luck are handed in. What
is a venue's own, the world of that venue adds.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from leadline.app.account_settings import AccountSettings
from leadline.app.authorised import Connect
from leadline.app.system import Keep, System
from leadline.clock import NS_PER_S
from leadline.core.limits import Allowance
from leadline.core.retry import ConnectBudget
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer, Frame
from leadline.engine.checkpoint_files import MemoryCheckpoints
from leadline.engine.events import Event as FeedEvent
from leadline.engine.feed import Feed
from leadline.engine.journal_file import Owner
from leadline.model.level import Level
from leadline.model.market import Channel, Subscription
from leadline.net.http import Request, Terms
from leadline.net.key_state import MemoryKey
from leadline.simulation.account_difference_judge import AccountDifferenceJudge
from leadline.simulation.account_judge import AccountJudge
from leadline.simulation.alarms import HARMLESS, Alarms
from leadline.simulation.client import Client
from leadline.simulation.difference_judge import DifferenceJudge
from leadline.simulation.http import ANSWER_TIMEOUT_NS, SimulatedHttp
from leadline.simulation.judge import Judge
from leadline.simulation.level_judge import LevelJudge
from leadline.simulation.life import Life
from leadline.simulation.line_judge import LineJudge
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.simulation.network import OF_ACCOUNTS, Arrival, Network
from leadline.simulation.readers import Readers
from leadline.simulation.replay_judge import ReplayJudge
from leadline.simulation.report import ESCAPED, Findings, Report
from leadline.simulation.scene import Scene, Seed, Side, Trading
from leadline.simulation.setup import drawn
from leadline.simulation.strikes import CALM_END_S, Event, Strike
from leadline.simulation.untruths import Untruths

START_NS = 1_790_000_000 * NS_PER_S + 17_000_000_000

SETTLING_S = 30.0
"""So long before the end the trader begins nothing new."""

KEPT_EVERY_S = 10.0
"""So often the client keeps a checkpoint of the market."""

UNDER_WAY_NS = 2 * ANSWER_TIMEOUT_NS
"""So long what the venue has told may be under way."""

UNTRUE = frozenset({"SKEW", "LAG"})
PARDON_S = 50.0
"""So long before the end an operator looks at what is still halted because the venue has told untruths."""

LOSING = frozenset({"STALL", "DROP", "REORDER", "CORRUPT"})
EXCUSED_S = 15.0
"""So long after requests came all at once the venue's counters may still stand high."""

SETTLING_TRIES = 60
"""Seconds to wait for a moment at which nothing has happened lately: resting orders are filled any time."""

REVEALED_S = 15.0
"""So long after the last fault a booking shows whether the one before it was lost."""


class World(ABC):
    """Everything of one run; `folder` is the client's disk."""

    venue: str
    """Its name, as journals bear it."""
    required: tuple[Subscription, ...]
    """What the service level is judged by."""
    harmless: Collection[str] = HARMLESS
    """Kinds of faults that keep nothing of a stream back."""
    most_connects: tuple[int, float] = (120, 600.0)
    """Within so many seconds, over all lives of the client."""
    mute_channels: Collection[Channel] = ()
    """What says nothing at its beginning where nothing happens."""
    refused: str = ""
    """A symbol that the venue refuses to one reader."""
    settings: AccountSettings
    """Of the venue's demo account."""
    account_judge: AccountJudge
    strikes: list[Strike]

    def __init__(
        self,
        seed: Seed,
        loop: VirtualLoop,
        findings: Findings,
        folder: Path,
        scene: Scene,
        judge: type[Judge],
        line_judge: Callable[[VirtualLoop, Findings], LineJudge],
    ) -> None:
        self.seed = seed.number
        self.plant = seed.plant
        self.total_s = seed.minutes * 60
        self.loop = loop
        self.findings = findings
        self.clock = LoopClock(loop, START_NS)
        self.network = Network(scene.exchange, loop, self.luck("network"), START_NS)
        self.truth, self.evidence = scene.truth, scene.evidence
        self.untruths = Untruths(UNDER_WAY_NS)
        self.judge = judge(self.truth, self.evidence, self.untruths, loop, START_NS, findings)
        self.alarms = Alarms(loop, findings, self.harmless)
        self.line_judge = line_judge(loop, findings)
        self.level_judge = LevelJudge(loop, findings)
        self.difference_judge = DifferenceJudge(self.untruths, self.alarms, loop, findings)
        self.account_difference_judge = AccountDifferenceJudge(scene.resting, loop, findings)
        self.replay_judge = ReplayJudge(scene.texts, loop, findings)
        self.network.tap = self.arrived
        self.network.departing = self.departing_text
        self.network.gone = self.gone
        self.network.asked = self.line_judge.asked
        self.network.said = self.said
        self.setup = drawn(self.luck("setup"))
        self.keep = Keep(MemoryCheckpoints(), MemoryCheckpoints(), period_s=KEPT_EVERY_S)
        self.faults = 0
        self.lives: list[Life] = []
        self.client: Client | None = None
        self._connects = scene.connects
        self._stopping = False
        self._folder = folder
        self._key = MemoryKey()
        self._journal = folder / "0.sqlite"

    def luck(self, part: str) -> random.Random:
        """The chance of one part of the run."""
        return random.Random(f"{self.seed}/{part}")  # noqa: S311

    # --- what the venue's own world adds ---

    @abstractmethod
    def side(self, number: int) -> Side:
        """The client's side of the venue for one life of it."""

    @abstractmethod
    def ways(self) -> dict[str, Connect]:
        """The way to each route of public streams."""

    def connects(self) -> ConnectBudget:
        """What one life of the client may spend on connects."""
        return ConnectBudget()

    @abstractmethod
    def readers(self, feed: Feed, number: int) -> Readers:
        """Who reads market data in one life of the client."""

    @abstractmethod
    def trader(self, system: System, number: int) -> Trading:
        """Who trades in one life of the client."""

    @abstractmethod
    async def early(self, readers: Readers) -> None:
        """What is tried once, while the weather is still calm."""

    @abstractmethod
    def put(self, strike: Strike) -> None:
        """Put a fault on the venue."""

    @abstractmethod
    def excuse(self, for_s: float) -> None:
        """For so long a limit that the venue says is exceeded is not the client's doing."""

    @abstractmethod
    def reveal(self) -> None:
        """Book something after the last fault, so that a number that a fault took away is seen missing."""

    @abstractmethod
    def said(self, frame: Frame) -> None:
        """The venue has put a frame on a connection of the account."""

    @abstractmethod
    def told(self) -> Report:
        """What the run says of orders, fills and the account; the rest of a report is the same everywhere."""

    # --- the run ---

    async def run(self) -> None:
        """Let it all happen."""
        self.loop.set_exception_handler(self._escaped)
        self.network.step()
        self._begin()
        striking = asyncio.create_task(self._strike())
        await self.clock.sleep(self.total_s)
        striking.cancel()
        assert self.client is not None
        self.client.readers.hurry()
        await self.clock.sleep(1.0)
        self._stopping = True
        self.client.stop()
        await self.client.task
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

    @property
    def calm_from_s(self) -> float:
        """When the last fault, and any ban, is over."""
        ends = max((strike.end_s for strike in self.strikes), default=0.0)
        return max(ends, (self.banned_until_ns - START_NS) / NS_PER_S)

    @property
    def banned_until_ns(self) -> int:
        """Until when the venue turns the client's address away."""
        return self._connects.banned_until_ns

    async def trading_over(self) -> None:
        """Wait until nothing new is to be begun."""
        await self.loop.until(round((self.total_s - SETTLING_S) * NS_PER_S))

    def report(self) -> Report:
        """The result of the run."""
        report = self.told()
        report.seeds = 1
        report.virtual_s = self.total_s
        report.faults = self.faults
        report.books_compared = self.judge.books_compared
        report.readings_compared = self.judge.readings_compared
        report.trades = sum(len(symbol.prints) for symbol in self.truth.symbols.values())
        report.restarts = len(self.lives) - 1
        report.kinds = self.findings.kinds
        report.round_trip_ms = self.network.latency.drawn_ms
        report.failover_ms = self.alarms.failover_ms
        report.levels_seen = [level.name for level in Level if level.name in self.level_judge.seen]
        report.differences = self.difference_judge.differences + self.account_difference_judge.differences
        report.violations = self.findings.violations
        report.trace = self.judge.digest
        return report

    # --- the client ---

    def wire(self, part: str, budget: Allowance, terms: Terms | None = None) -> SimulatedHttp:
        """The REST address for one life of the client."""
        http = SimulatedHttp(self.network, self.clock, budget, self.luck(f"http/{part}"), terms)
        http.tap = self.evidence.answer
        http.departing = self.departing
        http.answering = self.answering
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

    def born(self) -> None:
        """A life of the client begins."""
        self.account_judge.born()
        for judge in (
            self.alarms,
            self.level_judge,
            self.difference_judge,
            self.account_difference_judge,
        ):
            judge.born()

    def struck(self, strike: Strike) -> None:
        """A fault begins."""
        for judge in (self.alarms, self.line_judge, self.difference_judge, self.account_difference_judge):
            judge.struck(strike)

    def follow(self, system: System) -> None:
        """Have judges hear what the account of a client says."""
        system.orders.on(self.account_judge.heard)
        system.orders.on(self.replay_judge.heard)
        system.desk.log.listen(self.account_difference_judge.heard)

    def look(self, client: Client) -> None:
        """Look at a client once a second."""
        self.difference_judge.look(client.interval_s)
        self.account_difference_judge.look(client.account_interval_s, self.account_judge.happened_ns)

    async def settle(self, system: System) -> None:
        """Have everything compared at a moment when no news of the account is under way.

        A difference that the client has found itself it may first look at again.
        """
        for _ in range(SETTLING_TRIES):
            owned = await system.balances.all()
            if self.account_judge.quiet and not system.desk.crosscheck.suspects:
                break
            await self.clock.sleep(1.0)
        self.account_judge.settle(system.orders, owned.value)

    # --- what the taps hear ---

    def arrived(self, arrival: Arrival) -> None:
        """A frame has reached the client."""
        if arrival.route in OF_ACCOUNTS:
            self.replay_judge.arrived(arrival)
            return
        self.judge.last_arrival_ns = arrival.at_ns
        self.evidence.frame(arrival)
        self.line_judge.arrived(arrival)

    def departing(self, request: Request) -> None:
        """A request leaves the client by REST."""
        self.account_judge.departing_request(request)
        self.replay_judge.departing_request(request)

    def departing_text(self, text: str) -> None:
        """A text leaves the client on a connection of the account."""
        self.account_judge.departing_text(text)
        self.replay_judge.departing_text(text)

    def answering(self, request: Request, answer: Answer | RefusedConnect) -> None:
        """The venue has judged a request."""
        self.replay_judge.answering(request, answer)

    def gone(self, link: int) -> None:
        """The client has left a connection, or lost it."""
        self.evidence.gone(link)
        self.line_judge.gone(link)

    def _begin(self) -> None:
        """Start the client, on what its last life has left behind."""
        number = len(self.lives)
        if number:
            self.network.restarted_ns = self.loop.now_ns
        owner = Owner(self.venue, self.settings.fingerprint)
        luck = self.luck(f"disk/{number}")
        journal = self.plant.journal(self._journal, owner, self.clock, luck, self.account_judge.durable)
        self.born()
        self.client = Client(self, number, journal, self.plant.state(self._key))
        self.lives.append(self.client.life)

    def _kill(self, back_ns: int) -> None:
        client, self.client = self.client, None
        if client is None:
            return
        client.kill()
        if client.journal.opened:
            heir = self._folder / f"{len(self.lives)}.sqlite"
            client.journal.abandon(heir)
            self._journal = heir
        self.loop.call_at_ns(back_ns, self._begin)

    # --- the weather ---

    async def _strike(self) -> None:
        for strike in self.strikes:
            await self.clock.sleep(max(0.0, strike.at_s - self.loop.now_ns / NS_PER_S))
            self.faults += 1
            self.judge.trace("strike", self.loop.now_ns, strike)
            self.struck(strike)
            if strike.event is not None:
                self._happen(strike, strike.event)
                continue
            self.put(strike)
            if strike.fields["kind"] in LOSING and strike.fields.get("channel") in ("book", None):
                until_ns = self.network.venue_ns + round(strike.lasts_s * NS_PER_S)
                self.evidence.losing(strike.fields.get("symbol"), until_ns)
            if strike.fields["kind"] in UNTRUE:
                self.untruths.begin(strike, self.loop.now_ns)
            if strike.fields["kind"] == "MISSTATE" and self.client is not None:
                self.client.rest(strike.lasts_s)
            self.network.step()
        await self.loop.until(round((self.total_s - CALM_END_S + REVEALED_S) * NS_PER_S))
        self.reveal()
        self.network.step()

    def _happen(self, strike: Strike, event: Event) -> None:
        until_ns = self.loop.now_ns + round(strike.lasts_s * NS_PER_S)
        match event:
            case Event.CUT:
                self.network.cut()
            case Event.BLACK_HOLE:
                self.network.void_until_ns = until_ns
                self.excuse(strike.lasts_s + EXCUSED_S)
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
                if self.client is not None:
                    self.client.readers.block(strike.lasts_s)

    def _escaped(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._found(f"{context.get('message')}: {context.get('exception')!r}")

    def _found(self, what: str) -> None:
        self.findings.add(ESCAPED, "", what, "nothing escapes and nothing is left", self.loop.now_ns)
