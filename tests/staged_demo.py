"""The demo's venues on a test's stage: the emulators and the referee in one process, on virtual time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from leadline.app.system import System
from leadline.core.retry import ConnectBudget
from leadline.demo.observed import Seen, Verdicts
from leadline.demo.price import PriceBetween
from leadline.demo.readers import DEPTH, FrameCount
from leadline.demo.referee import Referee
from leadline.demo.run import CHANNELS, LINES, Demo, View, between, calm
from leadline.demo.script import COMPARED, FIRST, PERPETUALS, SECOND, SYMBOLS
from leadline.demo.side import Side
from leadline.demo.venue import contracts
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.binance.targets import MARKET, PUBLIC
from leadline.model.market import Channel, Subscription
from leadline.simulation.binance_truth import BinanceTruth
from leadline.simulation.http import SimulatedHttp
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Network
from leadline.simulation.truth import Truth
from leadline.venues.binance.limits import AddressLimits
from leadline.venues.binance.venue import Binance
from stage import START_NS, Stage


def required(venue: str, symbols: Sequence[str]) -> list[Subscription]:
    """What the demo holds of each symbol of a venue."""
    depths = {Channel.BOOK: DEPTH}
    return [
        Subscription(channel, symbol, depths.get(channel, 0))
        for channel in CHANNELS[venue]
        for symbol in symbols
    ]


class Near:
    """A network without distance, as loopback is."""

    def __init__(self) -> None:
        self.bad_until_ns = 0

    def one_way_ns(self, now_ns: int) -> int:
        return 300_000


class BothVenues(Stage):
    """A stage with a Binance beside the Kraken."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(loop)
        self.binance = BinanceExchange(
            start_ns=START_NS, seed=1, rate=20.0, contracts=contracts(), history_minutes=10
        )
        self.second = Network(self.binance, loop, random.Random(1), START_NS)
        self.second.latency = Near()  # type: ignore[assignment]
        self.second.step()

    def second_system(self) -> System:
        """The client at Binance, as the demo opens it."""
        limits = AddressLimits(self.clock)
        http = SimulatedHttp(self.second, self.clock, limits.weight, random.Random(2), limits.terms)
        connect = self.second.connect
        return System(
            Binance(http, self.clock, limits=limits),
            {"public": partial(connect, PUBLIC), "market": partial(connect, MARKET)},
            self.clock,
            required=required(SECOND, PERPETUALS),
            chance=random.Random(3),
            connects=ConnectBudget(),
            http=http,
            lines=LINES[SECOND],
        )


class StagedVenue:
    """Does at once what the demo asks of its venues."""

    address = "ws://stage/v2"

    def __init__(self, stage: Stage) -> None:
        stage.network.latency = Near()  # type: ignore[assignment]
        self.verdicts = Verdicts()
        self.unjudged = 0
        self.seen: list[Seen] = []
        self._stage = stage
        self._networks = {FIRST: stage.network}
        truths = [Truth(stage.exchange.market, {}, START_NS)]
        self._aggregates: list[BinanceTruth] = []
        if isinstance(stage, BothVenues):
            self._networks[SECOND] = stage.second
            self._aggregates.append(BinanceTruth(stage.binance, {}, START_NS))
            stage.binance.board.ids = stage.exchange.board.ids
        self._referee = Referee(START_NS, *truths, *self._aggregates)

    async def inject(self, fault: dict[str, Any]) -> int:
        network = self._networks[fault.get("venue", FIRST)]
        number = network.exchange.inject(fault, network.venue_ns).fault_id
        network.step()
        return number

    async def end_fault(self, fault_id: int) -> None:
        for network in self._networks.values():
            network.exchange.end_faults(network.venue_ns, fault_id)
            network.step()

    async def end_faults(self) -> None:
        for network in self._networks.values():
            network.exchange.end_faults(network.venue_ns)
            network.step()

    async def active_faults(self) -> set[int]:
        return {number for network in self._networks.values() for number in network.exchange.board.active}

    def saw(self, seen: Seen) -> None:
        for truth in self._aggregates:
            if seen.symbol in truth.symbols:
                truth.absorb(seen.symbol)
        self.seen.append(seen)
        self._referee.judge(seen)

    async def submit(self) -> None:
        self.verdicts = self._referee.verdicts

    async def submit_for_ever(self) -> None:
        while True:
            await self._stage.clock.sleep(1)
            await self.submit()


@asynccontextmanager
async def staged_demo(
    stage: BothVenues,
    view: View,
    seconds: float = 60,
    venue: StagedVenue | None = None,
    lines: int = LINES[FIRST],
) -> AsyncIterator[tuple[Demo, StagedVenue]]:
    """A demo at which all is live, not begun; its venues."""
    venue = venue or StagedVenue(stage)
    async with (
        stage.system(required(FIRST, SYMBOLS), lines=lines) as kraken,
        stage.second_system() as binance,
    ):
        await calm(kraken, binance)
        first = Side(kraken, SYMBOLS, FrameCount(), venue.saw)
        second = Side(binance, PERPETUALS, FrameCount(), venue.saw)
        async with between(first, second, stage.clock) as prices:
            yield Demo(first, second, PriceBetween(prices, COMPARED), venue, seconds, 1, view), venue
    stage.second.stop()
