"""One Binance account behind the ports `Account` and `OrderEntry`; what moves money is in order_entry.

Rule: one key for all private lines, and every hole of a line is followed by a snapshot of the whole account.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Sequence
from typing import NoReturn

from leadline.clock import Clock
from leadline.core.account_session import (
    AccountSession,
    EmitAccount,
)
from leadline.core.venue_time import VenueTime
from leadline.errors import Acted, Error, ProtocolError, VenueError
from leadline.model.account import AccountConfiguration, BalancesSnapshot, LedgerEntry, MarginMode, Position
from leadline.model.order import Fill, OrderReport
from leadline.net.http import Purpose
from leadline.venues.binance.account_rest import AccountRest
from leadline.venues.binance.account_session import BinanceAccountSession
from leadline.venues.binance.account_wishes import Wishes
from leadline.venues.binance.limits import OrderLimits
from leadline.venues.binance.listen_key import KeyForgotten, ListenKey
from leadline.venues.binance.order_entry import BinanceOrderEntry
from leadline.venues.binance.refusals import NO_LISTEN_KEY, code_of
from leadline.venues.binance.reports import parse_id
from leadline.venues.binance.rest_account import CREATE_KEY, KEPT_MS, PROVE_KEY
from leadline.venues.binance.signed_rest import SignedRest
from leadline.venues.binance.symbols import VENUE, SymbolTable
from leadline.venues.binance.user_events import MS, POSITION_SIDE_TEXTS
from leadline.venues.ports import Path, Placed, Placement

WRONG_POSITION_SIDE = -4061

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 15.0

_log = logging.getLogger("leadline")


class BinanceAccount(BinanceOrderEntry):
    """Implements `Account` and `OrderEntry` over one key, its private streams and its REST.

    A session is authorised before every connect. Whoever drives the sessions also runs `run`, without which
    they never get their snapshots.
    """

    name = VENUE
    kept_s: float | None = KEPT_MS / 1000

    def __init__(
        self,
        rest: SignedRest,
        symbols: SymbolTable,
        venue_time: VenueTime,
        limits: OrderLimits,
        clock: Clock,
    ) -> None:
        super().__init__(rest, symbols, venue_time, limits, clock)
        self.wishes = Wishes()
        self.key = ListenKey(
            self._create_key,
            (self._prove_by_rest, self._prove_by_api),
            self._heard_ns,
            self._key_changed,
            self._key_doubted,
            clock,
        )
        self.wishes.doubted_ns = lambda: self.key.doubted_ns
        self._account = AccountRest(rest, symbols, self.algos, clock)
        self._wanted = asyncio.Event()
        self.wishes.wake = self._wanted.set
        self._told = ""

    # Orders, of which the stream may tell before the answer does

    async def place(self, placement: Placement, path: Path) -> Placed:
        """Place one order."""
        self._announce(placement)
        asked_ns = self._clock.mono_ns()
        try:
            placed = await super().place(placement, path)
        except Error as error:
            self._failed(placement, error, asked_ns)
            raise
        self._judge(placed, asked_ns)
        return placed

    async def place_batch(self, placements: Sequence[Placement], path: Path) -> list[Placed | VenueError]:
        """Place up to `batch_max` orders, each taken or refused alone."""
        for placement in placements:
            self._announce(placement)
        asked_ns = self._clock.mono_ns()
        rows = await super().place_batch(placements, path)
        for placement, row in zip(placements, rows, strict=False):
            if isinstance(row, Error):
                self._failed(placement, row, asked_ns)
            else:
                self._judge(row, asked_ns)
        return rows

    def _failed(self, placement: Placement, error: Error, asked_ns: int) -> None:
        never = error.acted is Acted.NO and not isinstance(error, ProtocolError)
        if placement.sent.trigger is not None and never:
            self.algos.never(placement.client_id)
        if isinstance(error, VenueError):
            self._judge(error, asked_ns)

    def _judge(self, outcome: Placed | VenueError, asked_ns: int) -> None:
        """An accepted order must be told of by the stream; a wrong position side means another mode."""
        if isinstance(outcome, VenueError):
            if code_of(outcome) == WRONG_POSITION_SIDE:
                self.wishes.reread()
        elif outcome.order_id:
            wire, number = parse_id(outcome.order_id)
            for session in self.wishes.standing():
                session.expect(wire, number, asked_ns, self._clock.mono_ns())
                session.poke()

    def _announce(self, placement: Placement) -> None:
        """An order of ours is not to be taken for one that a trigger has placed, nor the reverse."""
        sent = placement.sent
        if sent.trigger is None:
            self.algos.ours(placement.client_id)
            return
        side = POSITION_SIDE_TEXTS[sent.position_side]
        self.algos.leaving(placement.client_id, self._symbols.wire(sent.symbol), sent.side, side)

    # Sessions

    def session(self, emit: EmitAccount) -> AccountSession:
        """A new stream session, not connected yet."""
        return BinanceAccountSession(emit, self._symbols, self.wishes, self.algos)

    async def authorise(self, session: AccountSession) -> None:
        """Give a session the account's key, asked for once however many ask; proven just now it is reused.

        Raises what asking REST raises; for those who only waited for another's request too.
        """
        assert isinstance(session, BinanceAccountSession), "a session of another account"
        key = await self.key.get(session.refused_key)
        session.authorise(key, self._clock.mono_ns())
        session.poke()

    async def run(self) -> None:
        """Keep the key alive and answer what the sessions want, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.key.keep())
            tasks.create_task(self._serve())

    @property
    def credential_failures(self) -> int:
        """How often the key of the stream could not be had or proven so far."""
        return self.key.failures

    @property
    def emergency_only(self) -> bool:
        """Whether REST carries nothing but what makes the account safer or tells how it stands."""
        return self._rest.emergency_only

    @emergency_only.setter
    def emergency_only(self, on: bool) -> None:
        self._rest.emergency_only = on

    @property
    def reads_held(self) -> str:
        """Why reads that can wait do not leave by REST now; empty while they do."""
        return self._rest.reads_held

    @reads_held.setter
    def reads_held(self, why: str) -> None:
        self._rest.reads_held = why

    async def _create_key(self) -> str:
        return await _unseen(self._rest.keyed(CREATE_KEY.endpoint, Purpose.CREDENTIAL))

    async def _prove_by_rest(self) -> str:
        return await _proven(self._rest.keyed(PROVE_KEY.endpoint, Purpose.CREDENTIAL))

    async def _prove_by_api(self) -> str:
        return await _proven(self._api.ask(PROVE_KEY, Purpose.CREDENTIAL))

    def _heard_ns(self) -> int | None:
        return max((session.heard_ns for session in self.wishes.standing()), default=None)

    def _key_changed(self, key: str, since_ns: int, why: str) -> None:
        """A connection that stands with another key may have told nothing since then."""
        _log.warning("the account's stream has another key: %s", why)
        for session in self.wishes.standing():
            if session.key != key:
                session.superseded(since_ns, why, self._clock.mono_ns())
                session.poke()

    def _key_doubted(self, why: str) -> None:
        for session in self.wishes.standing():
            session.doubted(f"the key of the stream is not proven: {why}", self._clock.mono_ns())
            session.poke()

    async def _serve(self) -> NoReturn:
        delay_s = FIRST_RETRY_S
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._fulfil()
                delay_s, self._told = FIRST_RETRY_S, ""
            except Error as error:
                if str(error) != self._told:
                    self._told = str(error)
                    _log.warning("the account could not be read: %s", error)
                await self._clock.sleep(delay_s)
                delay_s = min(LONGEST_RETRY_S, 2 * delay_s)
                self._wanted.set()

    async def _fulfil(self) -> None:
        waiting = self.wishes.waiting()
        if waiting:
            self.wishes.configuration = False
            told = await self._account.snapshot(Purpose.RECOVERY)
            for session in waiting:
                session.snapshot(told, self._clock.mono_ns())
                session.poke()
        elif self.wishes.configuration:
            self.wishes.configuration = False
            configuration = await self._account.whole_configuration(Purpose.RECOVERY)
            for session in self.wishes.standing():
                session.configured(configuration, self._clock.mono_ns())
        for question in self.wishes.questions():
            for key in question.suspects:
                await self._lookup.algo(key, Purpose.LOOKUP)
            self.wishes.answered(question)
            question.asker.joined(question.names, self._clock.mono_ns())
            question.asker.poke()

    # Reads

    async def fetch_open_orders(self, purpose: Purpose) -> Sequence[OrderReport]:
        """All open orders, conditional ones too (Event.STANDS, `snapshot`)."""
        return await self._account.open_orders(purpose)

    async def fetch_orders(self, order_ids: Sequence[str], purpose: Purpose) -> Sequence[OrderReport]:
        """Orders by the venue's ids, each preceded by the reports of its fills."""
        return await self._lookup.by_id(order_ids, purpose)

    async def fetch_fills(
        self, since_ns: int, purpose: Purpose, symbols: Collection[str] = ()
    ) -> Sequence[Fill]:
        """All fills from a Unix time on, oldest first, paged to the end, of these symbols where any are
        named; the venue keeps three months."""
        return await self._account.fills(since_ns, self.venue_ns() // MS, purpose, symbols)

    def comparable(self, asset: str) -> bool:
        """Stream and REST call every asset by one name."""
        return True

    async def fetch_balances(self, purpose: Purpose) -> BalancesSnapshot:
        """The wallet's balance of every asset; what orders bind is margin of all together, and not told."""
        return await self._account.balances(purpose)

    async def fetch_ledger(self, since_ns: int, purpose: Purpose) -> Sequence[LedgerEntry]:
        """All bookings from a Unix time on, oldest first, paged to the end; the venue keeps three months."""
        return await self._account.ledger(since_ns, self.venue_ns() // MS, purpose)

    async def fetch_positions(self, purpose: Purpose) -> Sequence[Position]:
        """Open positions."""
        return await self._account.positions(purpose)

    # Configuration

    async def fetch_configuration(
        self, symbols: Sequence[str], purpose: Purpose
    ) -> AccountConfiguration | None:
        """How the account trades contracts, with these symbols."""
        return await self._account.configuration(symbols, purpose)

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set the leverage of a symbol's positions; raises CheckFailed beyond what its brackets allow."""
        held = await self._account.set_leverage(symbol, leverage)
        self.wishes.reread()
        return held

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set how a symbol's positions are margined; already so is done."""
        await self._account.set_margin_mode(symbol, mode)
        self.wishes.reread()

    async def set_hedge(self, on: bool) -> None:
        """Keep long and short positions apart, or not; already so is done."""
        await self._account.set_hedge(on)
        self.wishes.reread()


async def _proven(asked: Awaitable[str]) -> str:
    """The key that was asked about; raises KeyForgotten where the venue has none."""
    try:
        return await _unseen(asked)
    except VenueError as error:
        if code_of(error) == NO_LISTEN_KEY:
            raise KeyForgotten from None
        raise


async def _unseen(asked: Awaitable[str]) -> str:
    """The answer; what cannot be read of it is kept out of the error, because the key may be there."""
    try:
        return await asked
    except ProtocolError as error:
        withheld = ProtocolError(str(error))
    raise withheld
