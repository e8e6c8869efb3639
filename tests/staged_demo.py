"""The demo's venue on a test's stage: the emulator and the referee in one process, on virtual time."""

from __future__ import annotations

from typing import Any

from leadline.demo.observed import Seen, Verdicts
from leadline.demo.referee import Referee
from leadline.simulation.truth import Truth
from stage import START_NS, Stage


class Near:
    """A network without distance, as loopback is."""

    def __init__(self) -> None:
        self.bad_until_ns = 0

    def one_way_ns(self, now_ns: int) -> int:
        return 300_000


class StagedVenue:
    """Does at once what the demo asks of its venue."""

    address = "ws://stage/v2"

    def __init__(self, stage: Stage) -> None:
        stage.network.latency = Near()  # type: ignore[assignment]
        self.verdicts = Verdicts()
        self.unjudged = 0
        self.seen: list[Seen] = []
        self._stage = stage
        self._referee = Referee(Truth(stage.exchange.market, {}, START_NS), START_NS)

    async def inject(self, fault: dict[str, Any]) -> int:
        number = self._stage.exchange.inject(fault, self._stage.network.venue_ns).fault_id
        self._stage.network.step()
        return number

    async def end_fault(self, fault_id: int) -> None:
        self._stage.exchange.end_faults(self._stage.network.venue_ns, fault_id)
        self._stage.network.step()

    async def end_faults(self) -> None:
        self._stage.exchange.end_faults(self._stage.network.venue_ns)
        self._stage.network.step()

    async def active_faults(self) -> set[int]:
        return set(self._stage.exchange.board.active)

    def saw(self, seen: Seen) -> None:
        self.seen.append(seen)
        self._referee.judge(seen)

    async def submit(self) -> None:
        self.verdicts = self._referee.verdicts

    async def submit_for_ever(self) -> None:
        while True:
            await self._stage.clock.sleep(1)
            await self.submit()
