"""One life of the client: the System that a trader runs, its readers, its watchers and its random trader.

Only its network, its clock, its disk and its luck are handed in; it can be killed at any instant.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING

from leadline.app.account_settings import MAIN, AccountSettings
from leadline.core.retry import ConnectBudget
from leadline.engine.account_crosscheck import Kind
from leadline.model.market import Channel
from leadline.net.key_state import MemoryKeyState
from leadline.net.websocket import Socket
from leadline.simulation.journal import SimulatedJournal
from leadline.simulation.life import Life
from leadline.simulation.network import PRIVATE
from leadline.simulation.readers import Readers
from leadline.simulation.setup import REQUIRED
from leadline.simulation.trader import Trader
from leadline.simulation.watchers import Watchers
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.limits import Tier

if TYPE_CHECKING:
    from leadline.simulation.world import World


SETTLING_TRIES = 60
"""Seconds to wait for a moment at which nothing has happened lately: resting orders are filled any time."""


class Client:
    """From its start to its end, or to its death."""

    def __init__(self, world: World, number: int, journal: SimulatedJournal, state: MemoryKeyState) -> None:
        self.life = Life()
        self.journal = journal
        self.http = world.wire(f"client/{number}")
        self._world = world
        self._state = state
        self._stop = asyncio.Event()
        self._number = number
        luck = world.luck(f"client/{number}")
        setup = world.setup
        connects = ConnectBudget()
        market = world.plant.venue(self.http, world.clock)
        self._account = world.plant.account(
            settings(world),
            nullcontext(state),
            journal,
            self.http,
            market.symbols,
            self._private,
            world.clock,
            chance=luck,
            connects=connects,
            new_id=lambda: str(uuid.UUID(int=luck.getrandbits(128), version=4)),
            private_lines=setup.private_lines,
            rotate_after_s=setup.rotate_private_s,
        )
        self.system = world.plant.system(
            market,
            world.network.connect,
            world.clock,
            chance=luck,
            connects=connects,
            account=self._account,
            required=REQUIRED,
            keep=world.keep,
            lines=setup.lines,
            redundant=setup.redundant,
            rotate_after_s=setup.rotate_after_s,
        )
        self.system.feed.listen(world.heard)
        seed = f"{world.seed}/{number}"
        self.trader: Trader | None = None
        self.readers = Readers(
            self.system.feed, world.judge, world.loop, world.clock, seed, world.alarms.came
        )
        self.task = self.life.start(world.loop, self._run(), f"client {number}")

    def ready(self) -> bool:
        """Whether it takes its account's stream for whole."""
        return self._account.desk.lines.ready(self._world.clock.mono_ns())

    def out_of_touch(self) -> str | None:
        """Why the account's stream does not flow; None where it does."""
        account = self._account
        return (
            None if self.ready() else f"{account.failure or account.desk.lines.last_error or 'no snapshot'}"
        )

    def interval_s(self, symbol: str, channel: Channel) -> float | None:
        """Within which time it announces to find a difference; None while it does not look."""
        validator = self.system.feed.validator
        return (
            None if validator.checked_ns(symbol, channel) is None else validator.interval_s(symbol, channel)
        )

    def account_interval_s(self, kind: Kind) -> float | None:
        """The same of the account."""
        return self.system.desk.crosscheck.interval_s(kind) if self.trader is not None else None

    def stop(self) -> None:
        """Ask it to come to its end."""
        self._stop.set()

    def kill(self) -> None:
        """It dies at this instant."""
        self.life.kill()
        self._state.died()
        self._world.network.died(self.life)
        for audit in self.readers.trade_audits:
            audit.once(self._world.findings, self._world.loop.now_ns)

    async def _run(self) -> None:
        world = self._world
        async with self.system:
            self.system.orders.on(world.account_judge.heard)
            self.system.orders.on(world.replay_judge.heard)
            self.system.desk.log.listen(world.account_difference_judge.heard)
            watchers = Watchers(world, self)
            luck = world.luck(f"trader/{self._number}")
            trader = self.trader = Trader(self.system, world.clock, luck, world.replay_judge.promised)
            trader.pardon_ns = world.pardon_ns
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work) for work in self.readers.all(world.left_s)]
                tasks.append(group.create_task(watchers.look()))
                trading = group.create_task(trader.run())
                await world.trading_over()
                trading.cancel()
                await self._stop.wait()
                for task in tasks:
                    task.cancel()
            watchers.close()
            await self._settle()

    async def _settle(self) -> None:
        """Have everything compared at a moment when no news is under way."""
        judge = self._world.account_judge
        for _ in range(SETTLING_TRIES):
            owned = await self.system.balances.all()
            if judge.quiet:
                break
            await self._world.clock.sleep(1.0)
        judge.settle(self.system.orders, owned.value)

    async def _private(self) -> Socket:
        return await self._world.network.connect(PRIVATE)


def settings(world: World) -> AccountSettings:
    """The settings of the venue's demo account."""
    demo = world.exchange.trading.demo
    return AccountSettings(MAIN, Credentials(demo.api_key, demo.secret), Tier.PRO)
