"""Cancels at Binance: single orders in their id space, and everything there is.

Rule: a cancel may be repeated, and a refusal is never a verdict. An order that waited for a trigger and has
been triggered lives on as another one, which is cancelled in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import TypeVar

from leadline.errors import Acted, CheckFailed, Error, Rejected, VenueDown, VenueError
from leadline.model.order import OrderKey
from leadline.net.http import Purpose
from leadline.venues.binance import order_form, rest_account, trading_calls
from leadline.venues.binance.api_requests import ApiRequests
from leadline.venues.binance.order_lookup import OrderLookup
from leadline.venues.binance.reports import order_id, parse_id
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import SymbolTable
from leadline.venues.binance.trading_calls import ALGO_PATH, TradingCall
from leadline.venues.ports import Path
from leadline.venues.unanswered import raise_unanswered

T = TypeVar("T")

CANCEL_BATCH_MAX = 10
ROUNDS = 3
"""So often everything is listed and cancelled: what a trigger places in between is on the next list."""


class OrderCancels:
    """Cancels one order, several, or all of the account."""

    def __init__(self, rest: SignedRest, api: ApiRequests, lookup: OrderLookup, symbols: SymbolTable) -> None:
        self._rest = rest
        self._api = api
        self._lookup = lookup
        self._symbols = symbols

    async def cancel(self, keys: Sequence[OrderKey], path: Path) -> list[VenueError | None]:
        """Per key None where Binance took it, else its refusal."""
        calls: dict[OrderKey, TradingCall[None]] = {}
        outcomes: dict[OrderKey, VenueError | None] = {}
        lost: Error | None = None
        for key in keys:
            try:
                where = await self._lookup.placed(key)
                calls[key] = trading_calls.cancel(where, self._wire(where))
            except CheckFailed as error:
                outcomes[key] = Rejected(str(error))
            except VenueError as error:
                outcomes[key] = error
            except Error as error:  # of one that nobody here knows
                lost = lost or error
                outcomes[key] = VenueDown(f"it was not found, and not cancelled: {error}")
        if lost is not None and not calls:
            raise lost
        if path is Path.STREAM:
            outcomes |= await self._streamed(calls)
        else:
            outcomes |= await self._by_rest(calls)
        for key, call in calls.items():
            refused = outcomes[key]
            if isinstance(refused, Rejected) and call.path == ALGO_PATH:
                outcomes[key] = await self._placed_by_trigger(key, refused)
        return [outcomes[key] for key in keys]

    def _wire(self, key: OrderKey) -> str | None:
        named = order_form.wire_of_key(key)
        if named is not None or key.symbol is None:
            return named
        return self._symbols.wire(key.symbol)

    async def _streamed(self, calls: dict[OrderKey, TradingCall[None]]) -> dict[OrderKey, VenueError | None]:
        """All at once; one that got no answer leaves all of them to the other path, which harms none."""
        told = await self._api.ask_all(list(calls.values()), Purpose.CANCEL)
        raise_unanswered(told)
        return dict(zip(calls, (one if isinstance(one, VenueError) else None for one in told), strict=True))

    async def _by_rest(self, calls: dict[OrderKey, TradingCall[None]]) -> dict[OrderKey, VenueError | None]:
        """Those of one contract whose numbers are known in one request, the others each in its own.

        All are sent whatever becomes of one; what got no answer is raised after that.
        """
        batches = {wire: some for wire, some in _by_wire(calls).items() if len(some) > 1}
        together = {key for some in batches.values() for key in some}
        told = await asyncio.gather(
            *(_kept(self._batch(wire, some)) for wire, some in batches.items()),
            *(_kept(self._alone(key, call)) for key, call in calls.items() if key not in together),
        )
        raise_unanswered(told)
        outcomes: dict[OrderKey, VenueError | None] = {}
        for one in told:
            if not isinstance(one, Error):
                outcomes |= one
        return outcomes

    async def _alone(self, key: OrderKey, call: TradingCall[None]) -> dict[OrderKey, VenueError | None]:
        return {key: await self._one(call)}

    async def _batch(self, wire: str, keys: Sequence[OrderKey]) -> dict[OrderKey, VenueError | None]:
        numbers = [parse_id(key.order_id)[1] for key in keys if key.order_id is not None]
        call = trading_calls.cancel_batch(wire, numbers)
        told: list[VenueError | None]
        try:
            told = await self._rest.ask(call.endpoint, Purpose.CANCEL)
        except VenueError as error:
            told = [error for _ in keys]
        return dict(zip(keys, told, strict=True))

    async def _one(self, call: TradingCall[None]) -> VenueError | None:
        try:
            await self._rest.ask(call.endpoint, Purpose.CANCEL)
        except VenueError as error:
            return error
        return None

    async def _placed_by_trigger(self, key: OrderKey, refused: VenueError) -> VenueError | None:
        """Cancel the order that a triggered one has placed, where the refusal means that it has."""
        try:
            algo = await self._lookup.algo(key, Purpose.LOOKUP)
            if algo is None or algo.over or not algo.engine_id:
                return refused
            placed = OrderKey(order_id=order_id(algo.wire, algo.engine_id))
            return await self._one(trading_calls.cancel(placed, algo.wire))
        except Error:  # what is known of it is that the first cancel was refused
            return refused

    # Everything

    async def cancel_all(self) -> int:
        """Cancel every order of the account, with a trigger or without; returns how many were open.

        By REST, which alone can list them. A cancel that fails is tried again in the next round; where orders
        are still listed after the last one, that failure is raised, or VenueDown where there was none.
        """
        seen: set[str] = set()
        failed: Error | None = None
        for number in range(ROUNDS + 1):
            algos = await self._rest.ask(rest_account.open_algo_orders(), Purpose.EMERGENCY)
            orders = await self._rest.ask(rest_account.open_orders(), Purpose.EMERGENCY)
            if not algos and not orders:
                return len(seen)
            if number == ROUNDS:
                break
            seen |= {algo.name for algo in algos} | {order_id(row.symbol, row.order_id) for row in orders}
            calls = [trading_calls.cancel_all(wire) for wire in sorted({row.symbol for row in orders})]
            waiting = sorted({algo.wire for algo in algos})
            calls += [trading_calls.cancel_all_conditional(wire) for wire in waiting]
            failed = await self._each(calls)
        if failed is not None:
            raise failed
        left = VenueDown(f"orders are still open after {ROUNDS} rounds of cancelling everything")
        left.acted = Acted.MAYBE
        raise left

    async def _each(self, calls: Sequence[TradingCall[None]]) -> Error | None:
        """Send all of them; returns what failed first."""
        failed: Error | None = None
        for call in calls:
            try:
                await self._rest.ask(call.endpoint, Purpose.CANCEL)
            except Error as error:
                failed = failed or error
        return failed


async def _kept(asked: Awaitable[T]) -> T | Error:
    """What was answered, or what kept the answer away."""
    try:
        return await asked
    except Error as error:
        return error


def _by_wire(keys: Iterable[OrderKey]) -> dict[str, list[OrderKey]]:
    """Keys that name an order of a contract by its number, by contract."""
    sorted_out: dict[str, list[OrderKey]] = {}
    for key in keys:
        wire = order_form.wire_of_key(key)
        if wire is not None:
            sorted_out.setdefault(wire, []).append(key)
    return sorted_out
