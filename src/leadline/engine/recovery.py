"""Brings our view of the account and the venue's together, by REST, in at most three rounds.

Rule: it converges, or it says what differs and halts that symbol only (DESIGN §5, P11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from leadline.clock import NS_PER_S, Clock
from leadline.core.account_session import OrdersSnapshot
from leadline.core.chunks import chunks
from leadline.core.ledger import Drift
from leadline.engine.account_events import AccountLog, Mismatch, Reconciled
from leadline.engine.balances import BalanceDrift, Balances
from leadline.engine.halts import RECONCILIATION, drift
from leadline.engine.journal import Journal
from leadline.engine.missed_fills import LOOKED_UP_AT_ONCE, OVERLAP_S, MissedFills
from leadline.engine.orders import Orders
from leadline.engine.positions import Positions
from leadline.engine.reconcile import Comparison, compare
from leadline.engine.records import Drifted, OpeningBalance
from leadline.model.account import BalancesSnapshot
from leadline.model.order import OrderReport
from leadline.net.http import Purpose
from leadline.venues.ports import Account

ROUNDS = 3
SETTLE_S = 2.0
"""Between rounds, and how long after a booking REST's balances may still lack it."""

LISTED_S = 5.0
"""A list of open orders that is older is asked for again."""

LOOK_BACK_S = 86_400
"""How far back the first look for orders that the venue made of ours reaches."""


class Recovery:
    """Reconciles the orders and balances of one account; one run at a time."""

    def __init__(
        self,
        account: Account,
        orders: Orders,
        balances: Balances,
        positions: Positions,
        journal: Journal,
        clock: Clock,
        log: AccountLog,
    ) -> None:
        self._account = account
        self._orders = orders
        self._balances = balances
        self._journal = journal
        self._clock = clock
        self._log = log
        self._missed = MissedFills(account, orders, positions, clock)
        self._looked_back_ns: int | None = None
        self._opened = any(isinstance(record, OpeningBalance) for record in journal.records())
        self._turn = asyncio.Lock()
        self.done = 0
        """Runs that came to their end."""

    async def run(self, reason: str, listed: OrdersSnapshot | None = None) -> bool:
        """Reconcile now; whether everything agrees. Raises what asking the venue raises.

        `listed` are the open orders that REST has told just now: the first round need not ask again.
        """
        async with self._turn:
            return await self._run(reason, listed)

    async def _run(self, reason: str, listed: OrdersSnapshot | None) -> bool:
        begun_ns = self._clock.mono_ns()
        corrected = 0
        await self._find_children()
        for number in range(1, ROUNDS + 1):
            found = await self._round(listed if number == 1 else None)
            corrected += len(found.reports) + len(found.look_up)
            drifts = await self._compare_balances()
            if found.agrees and not drifts:
                break
            if number < ROUNDS:
                await self._clock.sleep(SETTLE_S)
        else:
            self._give_up(found, drifts)
        self._resume(symbol for symbol, _, _ in found.differing)
        self.done += 1
        agrees = found.agrees and not drifts
        if agrees:
            took_s = (self._clock.mono_ns() - begun_ns) / NS_PER_S
            self._log.add(Reconciled(reason, number, corrected, took_s))
        await self._missed.find()
        return agrees

    async def _open_orders(self, listed: OrdersSnapshot | None) -> tuple[Sequence[OrderReport], int]:
        """The open orders and when they were asked for, in a list of REST that is not old."""
        now_ns = self._clock.mono_ns()
        told_ns = None if listed is None else listed.asked_ns
        if listed is None or told_ns is None or now_ns - told_ns > LISTED_S * NS_PER_S:
            return await self._account.fetch_open_orders(Purpose.RECOVERY), now_ns
        return listed.reports, told_ns

    async def _round(self, listed: OrdersSnapshot | None) -> Comparison:
        """Ask for the open orders, apply what they say, look up what they do not; what differed is told."""
        told, asked_ns = await self._open_orders(listed)
        found = self._compare(told, asked_ns)
        self._apply(found.reports, asked_ns)
        for ids in chunks(found.look_up, LOOKED_UP_AT_ONCE):
            left_ns = self._clock.mono_ns()
            self._apply(await self._account.fetch_orders(ids, Purpose.RECOVERY), left_ns)
        if found.agrees:
            return found
        left = self._compare(told, asked_ns)
        return Comparison(found.reports, found.look_up, left.differing)

    async def _find_children(self) -> None:
        """Look up orders that the venue made of our fills, and that opened and closed while nobody heard.

        No list of open orders names them any more; their fills do.
        """
        if not any(order.sent is not None and order.sent.close for order in self._orders.orders()):
            return
        asked_ns, begun_ns = self._clock.mono_ns(), self._clock.wall_ns()
        since_ns = self._looked_back_ns or begun_ns - LOOK_BACK_S * NS_PER_S
        fills = await self._account.fetch_fills(since_ns - OVERLAP_S * NS_PER_S, Purpose.RECOVERY)
        strangers = [fill.order_id for fill in fills if self._orders.get(fill.order_id) is None]
        for ids in chunks(list(dict.fromkeys(strangers)), LOOKED_UP_AT_ONCE):
            self._apply(await self._account.fetch_orders(ids, Purpose.RECOVERY), asked_ns)
        self._looked_back_ns = begun_ns

    def _compare(self, told: Iterable[OrderReport], asked_ns: int) -> Comparison:
        listed = tuple(told)
        known = {order.key: order for order in [*self._orders.open(), *self._orders.unknown()]}
        for report in listed:
            order = self._orders.get(report.order_id)
            if order is not None:
                known[order.key] = order
        return compare(known.values(), listed, asked_ns)

    def _apply(self, reports: Iterable[OrderReport], asked_ns: int) -> None:
        self._orders.looked_up(tuple(reports), asked_ns, self._clock.mono_ns())

    async def _compare_balances(self) -> list[Drift]:
        asked_ns = self._clock.mono_ns()
        snapshot, _ = await self._balances.fetch(Purpose.RECOVERY)
        self._note_opening(snapshot)
        booked_ns = self._balances.booked_ns
        if booked_ns is not None and booked_ns >= asked_ns - round(SETTLE_S * NS_PER_S):
            return []  # a fill is on its way through the venue's books: nothing can be said of this answer
        return self._balances.differences(snapshot)

    def _note_opening(self, snapshot: BalancesSnapshot) -> None:
        if self._opened:
            return
        self._opened = True
        at_ns = self._clock.wall_ns()
        for balance in snapshot.balances:
            self._journal.note(OpeningBalance(at_ns=at_ns, asset=balance.asset, qty=balance.total))

    def _give_up(self, found: Comparison, drifts: list[Drift]) -> None:
        at_ns = self._clock.wall_ns()
        halted = self._orders.halts(RECONCILIATION)
        for symbol, ours, theirs in found.differing:
            if symbol not in halted:  # one that an operator resumed too soon is halted again
                self._journal.note(Drifted(at_ns=at_ns, symbol=symbol, ours=ours, theirs=theirs))
                self._orders.halt(symbol, drift(ours, theirs), RECONCILIATION)
                self._log.add(Mismatch(symbol, ours, theirs))
        for booked in drifts:
            self._log.add(BalanceDrift(booked))

    def _resume(self, differing: Iterable[str]) -> None:
        """End our own halts of what agrees again; those of others stand."""
        for symbol in self._orders.halts(RECONCILIATION).keys() - set(differing):
            self._orders.resume(symbol, "our view and the venue's agree again", RECONCILIATION)
