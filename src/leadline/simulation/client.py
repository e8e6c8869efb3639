"""One life of the client: the System that a trader runs, its readers, its watchers and its random trader.

Only its network, its clock, its disk and its luck are handed in; it can be killed at any instant.
"""

from __future__ import annotations

import asyncio
import uuid
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from leadline.engine.account_crosscheck import Kind
from leadline.model.market import Channel
from leadline.net.key_state import MemoryKeyState
from leadline.simulation.journal import SimulatedJournal
from leadline.simulation.life import Life
from leadline.simulation.network import PRIVATE, REQUESTS
from leadline.simulation.watchers import Watchers

if TYPE_CHECKING:
    from leadline.simulation.scene import Trading
    from leadline.simulation.world import World


class Client:
    """From its start to its end, or to its death."""

    def __init__(self, world: World, number: int, journal: SimulatedJournal, state: MemoryKeyState) -> None:
        self.life = Life()
        self.journal = journal
        self._world = world
        self._state = state
        self._stop = asyncio.Event()
        self._number = number
        luck = world.luck(f"client/{number}")
        setup = world.setup
        connects = world.connects()
        side = world.side(number)
        self._account = world.plant.account(
            world.settings,
            side.ports,
            nullcontext(state),
            journal,
            partial(world.network.connect, PRIVATE),
            world.clock,
            chance=luck,
            connects=connects,
            new_id=lambda: str(uuid.UUID(int=luck.getrandbits(128), version=4)),
            connect_requests=partial(world.network.connect, REQUESTS),
            private_lines=setup.private_lines,
            rotate_after_s=setup.rotate_private_s,
        )
        self.system = world.plant.system(
            side.market,
            world.ways(),
            world.clock,
            chance=luck,
            connects=connects,
            account=self._account,
            required=world.required,
            keep=world.keep,
            lines=setup.lines,
            redundant=setup.redundant,
            rotate_after_s=setup.rotate_after_s,
        )
        self.system.feed.listen(world.heard)
        self._trader: Trading | None = None
        self.readers = world.readers(self.system.feed, number)
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
        return self.system.desk.crosscheck.interval_s(kind) if self._trader is not None else None

    def rest(self, for_s: float) -> None:
        """Have the trader begin nothing for so long."""
        if self._trader is not None:
            self._trader.rest(for_s)

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
            world.follow(self.system)
            watchers = Watchers(world, self)
            trader = self._trader = world.trader(self.system, self._number)
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
            await world.settle(self.system)
