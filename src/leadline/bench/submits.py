"""From the call of `orders.submit` to the first byte of the order, its record on disk in between.

Everything is as in trading but for the venue, which answers at once in the same process. Run as a program
with a folder it prints its figures: a process of its own, so that nothing measured before is in the way.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median, quantiles

import msgspec

from leadline.app.account import LiveAccount, Places
from leadline.app.account_settings import AccountSettings
from leadline.bench.answering import AnsweringSocket
from leadline.bench.loop_turns import TurnsLoop
from leadline.bench.processing import rest, silent_exchange
from leadline.bench.requests import resting
from leadline.clock import NS_PER_S, Clock, SystemClock, cpu_ns
from leadline.core.retry import ConnectBudget
from leadline.emulator.instruments import synthetic
from leadline.engine.journal import Journal
from leadline.engine.orders import Orders
from leadline.model.order import OrderRequest
from leadline.net.websocket import Socket
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey, kraken_account
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.venue import Kraken

SUBMITTERS = 50
"""Each keeps to one instrument, so that the order counters of all have room."""

ORDERS_PER_S = 500
SECONDS = 5
ONE_SUBMITTER = 500
WARM_UP = 100
"""Orders at the beginning that are not counted: connections and caches are still cold."""

BURST = 100
READY_S = 10.0
SETTLING_S = 0.5
"""After the snapshots of the stream the account is reconciled once more, and its venue is in our process."""

FSYNCS = 200
FSYNC_BYTES = 4096

Report = dict[str, dict[str, float | int]]


@dataclass(frozen=True, slots=True)
class Submits:
    """Time to the first byte, how many orders a second left, and what the disk needs to keep a page."""

    p50_us: float
    p99_us: float
    orders_s: float
    fsync_us: float

    def as_json(self) -> dict[str, float]:
        return asdict(self)


class Submitting:
    """The orders of an account whose venue answers at once; `took_us` to the first byte of each."""

    def __init__(
        self,
        orders: Orders,
        journal: Journal,
        socket: AnsweringSocket,
        requests: Sequence[OrderRequest],
        clock: Clock,
    ) -> None:
        self.took_us: list[float] = []
        self.journal = journal
        self._orders = orders
        self._socket = socket
        self._requests = requests
        self._clock = clock

    async def together(self, due_s: Sequence[Sequence[float]]) -> None:
        """A submitter for each row, who submits at these moments whatever became of its order before."""
        begun_ns = self._clock.mono_ns()
        async with asyncio.TaskGroup() as tasks:

            async def submitter(number: int, row: Sequence[float]) -> None:
                for moment_s in row:
                    passed_s = (self._clock.mono_ns() - begun_ns) / NS_PER_S
                    await self._clock.sleep(max(0.0, moment_s - passed_s))
                    tasks.create_task(self._one(number, self._clock.mono_ns()))

            for number, row in enumerate(due_s):
                tasks.create_task(submitter(number, row))

    async def alone(self, count: int) -> None:
        """One submitter, each order after the answer to the one before."""
        for number in range(count):
            await self._one(number, self._clock.mono_ns())

    async def burst(self, count: int) -> None:
        """All at one moment."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                tasks.create_task(self._one(number, self._clock.mono_ns()))

    async def _one(self, number: int, called_ns: int) -> None:
        order = await self._orders.submit(self._requests[number % len(self._requests)])
        assert order.order_id is not None, order
        self.took_us.append((self._socket.left_ns[order.client_id] - called_ns) / 1000)


@asynccontextmanager
async def submitting(folder: Path, clock: Clock) -> AsyncIterator[Submitting]:
    """An account as a trading program has it, its files in the folder."""
    pairs = synthetic(SUBMITTERS)
    exchange = silent_exchange(pairs, clock)
    http = rest(exchange, clock)
    kraken = Kraken(http, clock)
    await kraken.load()
    owner = exchange.trading.account("bench", balances={})  # as the stream's empty snapshot has it
    key = KrakenKey(Credentials(owner.api_key, owner.secret), Tier.PRO)
    settings = AccountSettings("main", key)
    socket, places = AnsweringSocket(clock), Places(folder, kraken.name)
    journal = places.journal(settings, clock)

    async def connect() -> Socket:
        return socket

    async with LiveAccount(
        settings,
        lambda state: kraken_account(key, state, http, kraken.symbols, clock),
        places.key_state(settings, clock),
        journal,
        connect,
        clock,
        chance=random.SystemRandom(),
        connects=ConnectBudget(),
    ) as account:
        await account.ready(READY_S)
        await clock.sleep(SETTLING_S)
        gc.collect()
        gc.freeze()  # a venue lives in our process, and its heap is not the trading program's to go through
        await clock.sleep(0)
        requests = [resting(kraken.reference.instrument(pair.symbol)) for pair in pairs]
        try:
            yield Submitting(account.desk.orders, journal, socket, requests, clock)
        finally:
            gc.unfreeze()


async def measured(folder: Path, loop: TurnsLoop, clock: Clock, progress: Callable[[str], None]) -> Report:
    """All figures; each measurement has a journal of its own."""
    progress(f"orders of {SUBMITTERS} submitters, {ORDERS_PER_S} a second together")
    due_s = moments_s(random.Random(1))  # noqa: S311
    syncs_us = fsyncs_us(folder, clock)
    async with submitting(folder / "together", clock) as bench:
        loop.forget()
        begun_ns = clock.mono_ns()
        await bench.together(due_s)
        many = bench.took_us, _per_s(bench.took_us, begun_ns, clock)
        turns = {
            "loop_blocked_ms_max": round(loop.longest_ms, 2),
            "loop_busy_ms_max": round(loop.busiest_ms, 2),
        }
    progress("orders of one submitter")
    async with submitting(folder / "alone", clock) as bench:
        begun_ns = clock.mono_ns()
        await bench.alone(ONE_SUBMITTER)
        one = bench.took_us, _per_s(bench.took_us, begun_ns, clock)
    progress(f"a burst of {BURST} orders")
    async with submitting(folder / "burst", clock) as bench:
        begun_ns = clock.mono_ns()
        await bench.burst(BURST)
        seconds = (clock.mono_ns() - begun_ns) / NS_PER_S
    fsync_us = median(syncs_us + fsyncs_us(folder, clock))
    return {
        "order_submit": _submits(*many, fsync_us).as_json(),
        "order_submit_1": _submits(*one, fsync_us).as_json(),
        "order_burst": {"orders": BURST, "seconds": round(seconds, 4)},
        "order_loop": turns,
    }


def moments_s(chance: random.Random) -> list[list[float]]:
    """For each submitter when it submits: at random, independent of the others."""
    count = SECONDS * ORDERS_PER_S // SUBMITTERS
    return [sorted(chance.uniform(0, SECONDS) for _ in range(count)) for _ in range(SUBMITTERS)]


def fsyncs_us(folder: Path, clock: Clock) -> list[float]:
    """What the disk under a folder needs to keep one more page for good, in microseconds."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(FSYNCS):
            begun_ns = clock.mono_ns()
            file.write(bytes(FSYNC_BYTES))
            file.flush()
            os.fsync(file.fileno())
            took.append((clock.mono_ns() - begun_ns) / 1000)
    return took


def _per_s(took_us: Sequence[float], begun_ns: int, clock: Clock) -> float:
    return len(took_us) * NS_PER_S / (clock.mono_ns() - begun_ns)


def _submits(took_us: Sequence[float], orders_s: float, fsync_us: float) -> Submits:
    counted = took_us[WARM_UP:]
    p99_us = quantiles(counted, n=100)[98]
    return Submits(round(median(counted), 1), round(p99_us, 1), round(orders_s, 1), round(fsync_us, 1))


def main(folder: Path) -> None:
    clock = SystemClock()
    loop = TurnsLoop(clock.mono_ns, cpu_ns)

    def progress(what: str) -> None:
        sys.stderr.write(f"measuring {what} …\n")

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        report = runner.run(measured(folder, loop, clock, progress))
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
