"""Cancels: by the stream, else by REST, on either path again where the first did not answer.

Rule: a refusal is never a verdict on the order, only a reason to ask what became of it. A cancel waits for
nothing: not for the disk, not for the order counter, not for a service level.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from msgspec import Struct

from leadline.clock import NS_PER_S, Clock
from leadline.core.chunks import chunks
from leadline.engine.blotter import Blotter
from leadline.engine.deferred import check_wait
from leadline.engine.records import CancelIntent
from leadline.engine.ways import best_path
from leadline.errors import Acted, AuthError, ConnectFailed, Error, ProtocolError, Refused, TransportError
from leadline.model.order import Order, OrderKey
from leadline.venues.ports import Action, OrderEntry, Path

T = TypeVar("T")

_UNANSWERED = (TransportError, ProtocolError, AuthError)
"""What leaves the other path worth a try: no answer, no sense, or a credential of this path alone."""

GRACE_S, TOLD_S = 1.0, 5.0
"""How long the stream has to tell of a cancel that went by REST, and of one that went by stream."""

RETRY_S = 1.0
"""Between two tries of what cannot reach the venue; they cost the venue nothing."""

NOTED_NS = 30 * NS_PER_S
"""So often a cancel that is still tried is written down anew: who starts later must know of it."""


class CancelOutcome(Struct, frozen=True, kw_only=True):
    """What came of one cancel. `error` None: the venue took it, or there was nothing left to cancel.

    With an error the order is as it was, `order` says how, and a look-up of it has begun.
    """

    name: str
    order: Order | None
    error: Error | None = None


class _Decision:
    """What is meant to end, for as long as that is tried."""

    def __init__(self, blotter: Blotter, clock: Clock) -> None:
        self._blotter = blotter
        self._clock = clock
        self._noted_ns: int | None = None

    def renew(self, names: Sequence[str]) -> None:
        """These (none: all) are asked to end now."""
        now_ns = self._clock.mono_ns()
        noted = self._noted_ns is not None and now_ns - self._noted_ns < NOTED_NS
        if not noted:
            self._noted_ns = now_ns
        record = CancelIntent(at_ns=self._clock.wall_ns(), client_ids=tuple(names))
        self._blotter.cancelling(record, noted=noted)


class Cancels:
    """Cancels of what has left; `ask` has an order looked up, for a reason and so many seconds from now."""

    def __init__(
        self,
        entry: OrderEntry,
        clock: Clock,
        blotter: Blotter,
        ask: Callable[[str, str, float], None],
    ) -> None:
        self._entry = entry
        self._clock = clock
        self._blotter = blotter
        self._ask = ask

    async def cancel(self, names: Sequence[str], wait_s: float | None = None) -> list[CancelOutcome]:
        """Cancel orders by client or venue id; a name that nobody here knows is taken for a venue id.

        What cannot reach the venue is tried again for up to `wait_s` seconds.
        """
        until_ns = self._until_ns(wait_s)
        going = self._not_over(names)
        asked = {name: self._blotter.cancel_asked_ns(name) for name in going}
        decision = _Decision(self._blotter, self._clock)
        done: dict[str, CancelOutcome] = {}
        while going:
            decision.renew(going)
            for part in chunks(going, self._entry.cancel_batch_max):
                done |= {outcome.name: outcome for outcome in await self._part(part, asked)}
            unsent = [name for name in going if isinstance(done[name].error, ConnectFailed)]
            if not unsent or not await self._again(until_ns):
                break
            going = self._not_over(unsent)
            for name in set(unsent).difference(going):
                del done[name]
        return [done.get(name) or CancelOutcome(name=name, order=self._blotter.get(name)) for name in names]

    async def cancel_all(self, wait_s: float | None = None) -> int:
        """Cancel every order of the account; raises what kept the venue from answering on both paths."""
        until_ns = self._until_ns(wait_s)
        decision = _Decision(self._blotter, self._clock)
        while True:
            decision.renew(())
            try:
                _, count = await self._either(self._entry.cancel_all)
                return count
            except ConnectFailed:
                if not await self._again(until_ns):
                    raise

    def _until_ns(self, wait_s: float | None) -> int:
        """When the last try is made, the first one apart; raises CheckFailed for a time that is none."""
        if wait_s is None:
            return 0
        check_wait(wait_s)
        return self._clock.mono_ns() + round(wait_s * NS_PER_S)

    async def _again(self, until_ns: int) -> bool:
        """Pause before the next try; False where the time for tries is over."""
        left_s = (until_ns - self._clock.mono_ns()) / NS_PER_S
        if left_s <= 0:
            return False
        await self._clock.sleep(min(RETRY_S, left_s))
        return True

    def _not_over(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if not _is_over(self._blotter.get(name))]

    async def _part(self, names: Sequence[str], before: dict[str, int]) -> list[CancelOutcome]:
        """`before`: when the end of each was asked for until now."""
        keys = {name: self._key(name) for name in names}
        at_ns = self._clock.wall_ns()
        self._blotter.cancelling(CancelIntent(at_ns=at_ns, client_ids=tuple(names)), noted=True)
        asked = list(dict.fromkeys(keys.values()))  # an order under two of its names is cancelled once
        answers: Sequence[Error | None]
        left = False

        async def send(path: Path) -> Sequence[Error | None]:
            nonlocal left
            try:
                return await self._entry.cancel(asked, path)
            except Error as error:
                left = left or not _unsent(error)
                raise

        try:
            path, answers = await self._either(send)
        except Error as error:
            path, answers = Path.REST, [error] * len(asked)
        told = dict(zip(asked, answers, strict=True))
        for name, key in keys.items():
            if _unsent(told[key]) and not left:
                self._blotter.never_asked(name, at_ns, before[name])
            else:
                before[name] = at_ns
        return [self._outcome(name, told[key], path) for name, key in keys.items()]

    async def _either(self, send: Callable[[Path], Awaitable[T]]) -> tuple[Path, T]:
        """Send by the best path, and by REST where the stream brought no answer."""
        path = best_path(self._entry)
        try:
            return path, await send(path)
        except _UNANSWERED:
            if path is Path.REST:
                raise
        return Path.REST, await send(Path.REST)

    def _key(self, name: str) -> OrderKey:
        order = self._blotter.get(name)
        if order is None:
            return OrderKey(order_id=name)
        self._entry.charge(order.symbol, Action.CANCEL, 1, order.touched_ns)
        return order.key

    def _outcome(self, name: str, error: Error | None, path: Path) -> CancelOutcome:
        order = self._blotter.get(name)
        if error is not None and not _is_over(order):
            self._ask(name, f"a cancel was not taken: {error}", 0.0)
        elif order is not None and not _is_over(order):
            grace_s = GRACE_S if path is Path.REST else TOLD_S
            self._ask(name, "a cancel was taken, and the stream has not told of its end", grace_s)
        return CancelOutcome(name=name, order=order, error=error)


def _unsent(error: Error | None) -> bool:
    """Whether nothing has left; of several orders in one call some may have."""
    return isinstance(error, ConnectFailed | Refused) and error.acted is Acted.NO


def _is_over(order: Order | None) -> bool:
    return order is not None and order.state.final
