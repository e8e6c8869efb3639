"""Keeps what the next run should know: orders and balances at once, the market on a schedule.

Rule: nothing is kept of an account before the venue has confirmed it, so that a run that never reached the
venue does not write over what the one before knew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from leadline.clock import NS_PER_S, Clock
from leadline.engine.checkpoint import (
    AccountCheckpoint,
    C,
    Checkpoint,
    Damaged,
    KeptBar,
    KeptBook,
    KeptTicker,
    MarketCheckpoint,
    OtherVersion,
    decode,
    encode,
)
from leadline.engine.checkpoint_files import CheckpointStore, Found
from leadline.engine.events import (
    CheckpointDamaged,
    CheckpointNotSaved,
    CheckpointRestored,
    Event,
)
from leadline.engine.state import Snapshot, State

MARKET_PERIOD_S = 30.0
SPACING_S = 0.1
"""Changes of the account within this time go into one checkpoint."""


class Checkpoints:
    """The checkpoints of one system: one store for the market, one for its account if it has one."""

    def __init__(
        self,
        state: State,
        clock: Clock,
        tell: Callable[[Event], None],
        *,
        venue: str,
        market: CheckpointStore,
        account: CheckpointStore | None = None,
        account_name: str = "",
        period_s: float = MARKET_PERIOD_S,
    ) -> None:
        self._state = state
        self._clock = clock
        self._tell = tell
        self._venue = venue
        self._market = market
        self._account = account
        self._account_name = account_name
        self._period_s = period_s
        self._changed = asyncio.Event()
        self._unsaved: set[str] = set()
        self.saved = 0
        """Checkpoints kept so far."""
        self.saved_ns: int | None = None
        """When the last one was kept (monotonic)."""

    @property
    def failing(self) -> bool:
        """Whether the last attempt to keep something did not succeed."""
        return bool(self._unsaved)

    # --- from the run before ---

    def restore(self) -> None:
        """Take up what is kept; what is damaged is told, set aside, and the one before it taken."""
        market = self._newest(self._market, MarketCheckpoint, self._is_ours)
        if market is not None:
            name, checkpoint = market
            self._state.restored_market.take_up(checkpoint)
            known = len(checkpoint.tickers) + len(checkpoint.books) + len(checkpoint.bars)
            self._told(name, checkpoint.at_ns, instruments=known)
        if self._account is None:
            return
        account = self._newest(self._account, AccountCheckpoint, self._is_of_account)
        if account is not None:
            name, kept = account
            self._state.restored_account.take_up(kept)
            self._told(name, kept.at_ns, orders=len(kept.orders), assets=len(kept.balances))

    def _newest(
        self, store: CheckpointStore, kind: type[C], fits: Callable[[C], str]
    ) -> tuple[str, C] | None:
        """The newest good checkpoint of a store and its name."""
        bad: list[tuple[Found, Damaged]] = []
        good: tuple[str, C] | None = None
        try:
            for found in store.found():
                try:
                    checkpoint = decode(found.blob, kind)
                    if why := fits(checkpoint):
                        raise Damaged(why)
                except Damaged as error:
                    bad.append((found, error))
                    continue
                good = found.name, checkpoint
                break
        except OSError as error:
            self._tell(CheckpointDamaged(str(error.filename or ""), f"cannot be read: {error.strerror}", ""))
        for found, damage in bad:
            self._set_aside(store, found, damage, good[0] if good else "")
        return good

    def _set_aside(self, store: CheckpointStore, found: Found, damage: Damaged, instead: str) -> None:
        suffix = f"version-{damage.version}" if isinstance(damage, OtherVersion) else "damaged"
        self._tell(CheckpointDamaged(found.name, str(damage), instead))
        try:
            store.set_aside(found.name, suffix)
        except OSError as error:
            self._tell(CheckpointNotSaved(found.name, f"cannot be set aside: {error.strerror}"))

    def _is_ours(self, checkpoint: Checkpoint) -> str:
        return "" if checkpoint.venue == self._venue else f"it is of the venue {checkpoint.venue!r}"

    def _is_of_account(self, checkpoint: AccountCheckpoint) -> str:
        ours = checkpoint.account == self._account_name
        return self._is_ours(checkpoint) or ("" if ours else f"it is of the account {checkpoint.account!r}")

    def _told(self, name: str, at_ns: int, *, orders: int = 0, assets: int = 0, instruments: int = 0) -> None:
        age_s = (self._clock.wall_ns() - at_ns) / NS_PER_S
        self._tell(CheckpointRestored(name, age_s, orders, assets, instruments))

    # --- for the run after ---

    async def run(self) -> NoReturn:
        """Keep checkpoints until cancelled."""
        self._state.account_changed = self._changed.set
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_market())
            tasks.create_task(self._keep_account())
        raise AssertionError("both go on for ever")

    async def _keep_market(self) -> NoReturn:
        while True:
            await self._clock.sleep(self._period_s)
            await self._save_market()

    async def _keep_account(self) -> NoReturn:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._save_account()
            await self._clock.sleep(SPACING_S)

    async def save(self) -> None:
        """Keep everything now, for the last time of a run."""
        await self._save_market()
        await self._save_account()

    async def _save_market(self) -> None:
        await self._save(self._market, partial(_market_bytes, self._state.snapshot(), self._venue))

    async def _save_account(self) -> None:
        if self._account is not None and self._state.reconciled:
            snapshot = self._state.snapshot()
            await self._save(
                self._account, partial(_account_bytes, snapshot, self._venue, self._account_name)
            )

    async def _save(self, store: CheckpointStore, encoded: Callable[[], bytes]) -> None:
        """Keep one checkpoint; that it cannot be kept is told once, and that it can again."""
        kind = "account" if store is self._account else "market"
        try:
            await store.save(encoded)
        except OSError as error:
            if kind not in self._unsaved:
                self._unsaved.add(kind)
                self._tell(CheckpointNotSaved(str(error.filename or kind), error.strerror or str(error)))
            return
        self.saved += 1
        self.saved_ns = self._clock.mono_ns()
        if kind in self._unsaved:
            self._unsaved.discard(kind)
            self._tell(CheckpointNotSaved(kind, ""))


def _market_bytes(snapshot: Snapshot, venue: str) -> bytes:
    checkpoint = MarketCheckpoint(
        at_ns=snapshot.at_ns,
        venue=venue,
        tickers=tuple(KeptTicker(each.received_ns, each.value) for each in snapshot.tickers.values()),
        books=tuple(KeptBook(each.received_ns, each.value.compact()) for each in snapshot.books.values()),
        bars=tuple(KeptBar(each.received_ns, each.value) for each in snapshot.bars.values()),
    )
    return encode(checkpoint)


def _account_bytes(snapshot: Snapshot, venue: str, account: str) -> bytes:
    balances = snapshot.balances
    checkpoint = AccountCheckpoint(
        at_ns=snapshot.at_ns,
        venue=venue,
        account=account,
        orders=snapshot.orders,
        balances=() if balances is None else tuple(balances.value.values()),
        balances_at_ns=None if balances is None else balances.received_ns,
    )
    return encode(checkpoint)
