"""What a person asks of an account from a terminal: once, by a stream that answers in time, else by REST.

Rule: needs no journal, so it works beside a program that trades, and while nothing else does.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from msgspec import Struct

from leadline.app.glance import Glance
from leadline.clock import NS_PER_S, Clock
from leadline.core.chunks import chunks
from leadline.errors import AuthError, Error, ProtocolError, TransportError, VenueError
from leadline.model.account import Balance, BalancesSnapshot
from leadline.model.order import Event, OrderKey, OrderReport, OrderState
from leadline.net.http import Purpose
from leadline.venues.ports import AccountPorts, Path

T = TypeVar("T")

STREAM_S = 3.0
"""So long the stream may take to be there before an errand goes by REST."""

SEARCHED_S = 3 * 24 * 3600
"""How far back an order is searched whose cancel was refused. Venues forget orders, the first of them after
four days; an order that was never placed, a slip of whoever typed it, is not to be taken for a forgotten one.
"""

_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
_ENDS = {
    Event.FILLED: OrderState.FILLED,
    Event.CANCELED: OrderState.CANCELED,
    Event.EXPIRED: OrderState.EXPIRED,
}


class CancelResult(Struct, frozen=True):
    """What came of one cancel; a refusal comes with what a look-up told of the order."""

    name: str
    path: Path
    error: Error | None = None
    state: OrderState | None = None

    @property
    def ok(self) -> bool:
        """Whether the order is, or is about to be, off the book by a cancel."""
        return self.error is None or self.state is OrderState.CANCELED


class Errands:
    """Reads and cancels of one account; with no stream everything goes by REST."""

    def __init__(
        self,
        account: AccountPorts,
        clock: Clock,
        stream: Glance | None,
        tell: Callable[[str], None] = lambda text: None,
        purpose: Purpose = Purpose.ACCOUNT,
    ) -> None:
        self._account = account
        self._clock = clock
        self._stream = stream
        self._tell = tell
        self._purpose = purpose

    async def balances(self) -> tuple[BalancesSnapshot, Path]:
        """All balances, and where they came from. REST says what open orders hold, the stream does not."""
        if (stream := await self._streaming()) is not None:
            return stream.balances, Path.STREAM
        return await self._account.fetch_balances(self._purpose), Path.REST

    async def open_orders(self) -> tuple[list[OrderReport], Path]:
        """All open orders by age, and where they came from."""
        if (stream := await self._streaming()) is not None:
            return [report for report in stream.orders if _is_open(report)], Path.STREAM
        return list(await self._account.fetch_open_orders(self._purpose)), Path.REST

    async def cancel(self, names: Sequence[str]) -> list[CancelResult]:
        """Cancel orders by the venue's ids or by client ids of ours; what is refused is looked up."""
        results: list[CancelResult] = []
        for part in chunks(names, self._account.cancel_batch_max):
            keys = [_key(name) for name in part]
            answers, path = await self._sent(partial(self._account.cancel, keys))
            for key, name, refusal in zip(keys, part, answers, strict=False):
                results.append(await self._result(key, name, refusal, path))
        return results

    async def cancel_all(self) -> tuple[int, Path]:
        """Cancel every order of the account; how many the venue counted, and the way it was told."""
        return await self._sent(self._account.cancel_all)

    async def _sent(self, send: Callable[[Path], Awaitable[T]]) -> tuple[T, Path]:
        """Send what may safely arrive twice: by the stream, and by REST when that way breaks."""
        if await self._streaming() is not None and self._account.can_stream():
            try:
                return await send(Path.STREAM), Path.STREAM
            except (TransportError, ProtocolError, AuthError) as error:
                self._tell(f"the stream broke off ({error}); going by REST")
        return await send(Path.REST), Path.REST

    async def _result(self, key: OrderKey, name: str, refusal: VenueError | None, path: Path) -> CancelResult:
        if refusal is None:
            return CancelResult(name, path)
        since_ns = self._clock.wall_ns() - SEARCHED_S * NS_PER_S
        try:
            told = await self._account.find(key, since_ns)
        except Error:
            return CancelResult(name, path, refusal)  # the refusal is what there is to say
        return CancelResult(name, path, refusal, _state(told[-1]) if told else None)

    async def _streaming(self) -> Glance | None:
        """The stream once it is there; None, with the reason told once, where it is not."""
        if self._stream is None:
            return None
        why_not = await self._stream.wait(STREAM_S)
        if why_not is None:
            return self._stream
        self._tell(f"no stream ({why_not}); going by REST")
        self._stream = None
        return None


def shown_first(balances: Sequence[Balance]) -> list[Balance]:
    """Balances by asset, those of nothing left out."""
    return sorted((one for one in balances if one.total or one.held), key=lambda one: one.asset)


def _key(name: str) -> OrderKey:
    """Client ids of ours are UUIDs, and no venue's ids are."""
    return OrderKey(client_id=name) if _UUID.fullmatch(name) else OrderKey(order_id=name)


def _state(report: OrderReport) -> OrderState | None:
    return report.state or _ENDS.get(report.event)


def _is_open(report: OrderReport) -> bool:
    """Of a snapshot's reports some are of fills, and say nothing about an order being open."""
    state = _state(report)
    return report.event is not Event.FILL and (state is None or not state.final)
