"""One or two private lines of an account, over a venue in memory and sockets that say nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from random import Random
from typing import Any, TypeVar

import pytest

from account_rig import blockable
from feedrig import settle
from leadline.clock import NS_PER_S, Clock, ManualClock
from leadline.core.account_session import (
    AccountDoubted,
    AccountGap,
    AccountNews,
    AccountSession,
    BalancesReported,
    ConfigurationReported,
    CredentialRefused,
    LedgerReported,
    MarginCalled,
    OrdersJoined,
    OrdersReported,
    OrdersSnapshot,
    PositionsReported,
)
from leadline.core.retry import Backoff, ConnectBudget
from leadline.core.session import LineDown, LineUp
from leadline.engine.account_lines import CHANNELS, DRAIN_NS, HANDOVER_S, AccountLines
from leadline.engine.events import LineRotated, LineSwitched, RotationPutOff
from leadline.engine.lines import LineState
from leadline.errors import AuthError, ConfigError, ConnectFailed
from leadline.model.account import (
    AccountConfiguration,
    Balance,
    BalancesSnapshot,
    LedgerEntry,
    Position,
    Wallet,
    WalletKind,
)
from leadline.model.market import VenueMode, VenueStatus
from leadline.model.order import Event, OrderReport
from leadline.net.connection import Line
from leadline.net.websocket import Socket, memory_pair
from leadline.simulation.loop import LoopClock, VirtualLoop
from leadline.venues.memory_account import MemoryAccount
from leadline.venues.memory_session import MemoryAccountSession

T = TypeVar("T")

ROTATE_S = 60.0
STEP_S = 0.1
WORKING = OrdersReported((OrderReport(event=Event.WORKING, order_id="O1", venue_ns=5),))
CANCELED = OrdersReported((OrderReport(event=Event.CANCELED, order_id="O1", venue_ns=6),))


def owned(qty: int) -> BalancesReported:
    wallet = Wallet(WalletKind.SPOT, "main", Decimal(qty))
    return BalancesReported(BalancesSnapshot((Balance("USD", (wallet,), None),)))


def booking(number: int, balance: int) -> LedgerReported:
    wallet = Wallet(WalletKind.SPOT, "main", Decimal(balance))
    entry = LedgerEntry(
        ledger_id=f"L{number}",
        ref_id="",
        kind="trade",
        asset="USD",
        wallet=wallet,
        amount=Decimal(-1),
        fee=Decimal(0),
        balance=wallet.qty,
    )
    return LedgerReported((entry,))


class Rig:
    """The lines, what they told, and sockets that the test can break; `why_not` keeps lines from rotating."""

    def __init__(
        self, count: int = 2, rotate_after_s: float | None = None, loop: VirtualLoop | None = None
    ) -> None:
        self.manual = ManualClock(mono_ns=1_000 * NS_PER_S)
        self.clock: Clock = LoopClock(loop, 0) if loop is not None else self.manual
        self.venue = MemoryAccount(self.manual, ["BTC/USD"])
        self.venue.from_snapshots = True
        self.news: list[AccountNews] = []
        self.events: list[Any] = []
        self.why_not: str | None = None
        self.failing: ConnectFailed | None = None
        self.theirs: list[Socket] = []
        self.silent: set[int] = set()
        self._spawned: list[asyncio.Task[None]] = []
        self.lines = AccountLines(
            self.venue,
            self._line,
            self.clock,
            lambda news, now_ns: self.news.append(news),
            self.events.append,
            self._spawn,
            count=count,
            rotate_after_s=rotate_after_s,
            may_rotate=lambda: self.why_not,
        )

    def _line(self, session: AccountSession) -> Line:
        return Line(session, self._connect, self.clock, Backoff(Random(1)), ConnectBudget())

    async def _connect(self) -> Socket:
        if self.failing is not None:
            raise self.failing
        ours, theirs = memory_pair()
        self.theirs.append(theirs)
        return ours

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._spawned.append(asyncio.ensure_future(work))

    @property
    def now_ns(self) -> int:
        return self.clock.mono_ns()

    def session(self, number: int) -> MemoryAccountSession:
        """The session that was made as the so manieth."""
        return self.venue.sessions[number - 1]

    def carries(self) -> int:
        """The session that requests leave on."""
        assert isinstance(self.venue.carrying, MemoryAccountSession)
        return self.venue.sessions.index(self.venue.carrying) + 1

    def say(self, number: int, *news: AccountNews) -> None:
        for one in news:
            self.session(number).say(one, self.now_ns)

    def warm(self, *numbers: int) -> None:
        """Both snapshots come on these."""
        for number in numbers:
            self.say(number, OrdersSnapshot(()), owned(100))

    def stand(self, *numbers: int) -> None:
        """These lines come to stand, with both snapshots."""
        for number in numbers:
            self.session(number).opened(self.now_ns)
        self.warm(*numbers)
        self.forget()

    def cut(self, number: int) -> None:
        self.session(number).closed("cut", self.now_ns)

    def forget(self) -> None:
        self.news.clear()
        self.events.clear()

    def told(self, kind: type[T]) -> list[T]:
        return [one for one in (*self.news, *self.events) if isinstance(one, kind)]

    async def passes(self, seconds: float) -> None:
        """Let time pass; every line that stands shows life, but those that are `silent`."""
        for _ in range(round(seconds / STEP_S)):
            self.manual.advance(STEP_S)
            for number, session in enumerate(self.venue.sessions, 1):
                if number not in self.silent:
                    session.received(b"", self.now_ns)
            await settle()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[Any]]:
        """Keep the lines, as whoever owns the desk does."""
        task = asyncio.ensure_future(self.lines.run())
        await settle()
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectFailed):
                await task


def test_an_account_has_one_or_two_private_lines() -> None:
    for count in (0, 3):
        with pytest.raises(ConfigError, match="one or 2 private lines"):
            Rig(count)


# --- news ---


def test_a_single_lines_news_is_handed_on_as_it_is() -> None:
    rig = Rig(1)
    rig.session(1).opened(rig.now_ns)
    rig.warm(1)
    rig.say(1, WORKING, WORKING, AccountGap("executions", 1, "a hole"))
    rig.cut(1)

    hole = AccountGap("executions", 1, "a hole")
    assert rig.news == [LineUp(), OrdersSnapshot(()), owned(100), WORKING, WORKING, hole, LineDown("cut")]
    assert rig.events == []


def test_what_two_lines_tell_is_told_once_whichever_tells_it_first() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.say(2, WORKING)
    rig.say(1, WORKING, CANCELED, booking(1, 99))
    rig.say(2, CANCELED, booking(1, 99), booking(2, 98))

    assert rig.news == [WORKING, CANCELED, booking(1, 99), booking(2, 98)]


def test_positions_and_configuration_are_handed_on_and_a_margin_call_once() -> None:
    rig = Rig()
    held = Position(symbol="BTC/USDT:USDT", qty=Decimal(1), venue_ns=5)
    called = MarginCalled((held,), Decimal(3))
    told = [PositionsReported((held,)), ConfigurationReported(AccountConfiguration(False, False, True))]
    rig.say(1, *told, called)
    rig.say(2, called)
    assert rig.news == [*told, called]


def test_a_doubt_is_told_once_no_line_is_without_one() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.say(1, AccountDoubted("no proof"))
    assert rig.news == []
    assert rig.lines.ready(rig.now_ns)
    rig.say(2, AccountDoubted("no proof"))
    assert rig.news == [AccountDoubted("no proof")]
    assert not rig.lines.ready(rig.now_ns)


def test_the_snapshot_of_a_line_that_joins_is_evidence_and_no_more() -> None:
    rig = Rig()
    rig.stand(1)
    rig.session(2).opened(rig.now_ns)
    rig.warm(2)

    assert rig.news == [LineUp(2), OrdersJoined(())]


def test_a_line_that_dies_beside_another_leaves_no_hole() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.cut(1)

    assert rig.news == [owned(100)]  # as the other line has them
    assert rig.told(LineDown) == [LineDown("cut", 1)]
    assert rig.lines.ready(rig.now_ns)


def test_a_hole_beside_a_whole_line_is_none() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.say(2, AccountGap("executions", 1, "a hole"), AccountGap("balances", 1, "a hole"))

    assert rig.news == []
    rig.say(1, AccountGap("balances", 1, "another"))
    assert rig.news == [AccountGap("balances", 1, "another")]


def test_when_the_last_line_dies_the_account_has_lost_its_news() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.cut(2)
    rig.cut(1)

    assert rig.news == [LineDown("cut", 1)]
    assert not rig.lines.ready(rig.now_ns)


def test_what_only_the_dead_line_had_whole_is_lost_and_nothing_else() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.say(1, AccountGap("executions", 1, "a hole"))
    rig.cut(2)

    assert rig.news == [AccountGap("executions", rig.now_ns, "cut")]
    assert LineDown("cut", 2) in rig.events


def test_the_carriers_word_on_the_venue_counts_and_all_wait_as_long_to_connect() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.say(1, VenueStatus(VenueMode.ONLINE))
    rig.forget()
    rig.session(2).retry_floor_s = 5.0
    rig.say(2, VenueStatus(VenueMode.MAINTENANCE))
    assert rig.news == []
    assert rig.session(1).retry_floor_s == 5.0

    rig.cut(1)
    assert rig.told(VenueStatus) == [VenueStatus(VenueMode.MAINTENANCE)]


async def test_a_refused_credential_is_renewed_for_its_own_line() -> None:
    rig = Rig()
    rig.stand(1, 2)
    refused = CredentialRefused(AuthError("ESession:Invalid session"))
    rig.say(2, refused)
    await settle()

    assert rig.events == [refused]
    assert rig.venue.authorised_for == [rig.session(2)]
    assert rig.carries() == 1


async def test_a_renewal_that_fails_is_said_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.venue.failing = ConnectFailed("no way")
    rig.say(2, CredentialRefused(AuthError("ESession:Invalid session")))
    await settle()

    assert "private line 2 was not renewed: no way" in caplog.text
    assert rig.lines.ready(rig.now_ns)


# --- the carrier ---


def test_the_first_line_to_be_ready_carries_the_requests_without_a_word() -> None:
    rig = Rig()
    rig.session(2).opened(rig.now_ns)
    rig.warm(2)

    assert rig.carries() == 2
    assert rig.told(LineSwitched) == []


def test_when_the_carrier_dies_requests_leave_on_the_other_line_at_once() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.cut(1)

    assert rig.carries() == 2
    assert rig.lines.carrier is rig.session(2)
    assert rig.told(LineSwitched) == [LineSwitched(1, 2, CHANNELS, "cut", 0.0)]
    rig.stand(1)
    assert rig.carries() == 2


def test_a_hole_of_the_carrier_moves_the_requests_too() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.say(1, AccountGap("executions", 1, "a hole"))

    assert rig.carries() == 2
    assert [one.reason for one in rig.told(LineSwitched)] == ["a hole"]


@blockable
async def test_after_a_blocked_loop_no_line_is_silent_before_what_came_meanwhile_was_read(
    loop: VirtualLoop,
) -> None:
    for blocked_s in (3.0, 8.0):  # longer than a line may be silent for, too
        rig = Rig(loop=loop)
        async with rig.running():
            rig.warm(1, 2)
            await alive(rig, 1.0)
            rig.forget()
            loop.block(blocked_s)
            assert rig.lines.ready(rig.now_ns)
            rig.say(2, CANCELED)  # its buffer happens to be read first
            assert rig.carries() == 1
            await asyncio.sleep(0.15)  # and the lines are looked at before the other's
            await alive(rig, 1.0)

            assert rig.carries() == 1
            assert rig.told(LineSwitched) == []


@blockable
async def test_a_carrier_that_stays_silent_after_a_block_is_left(loop: VirtualLoop) -> None:
    rig = Rig(loop=loop)
    async with rig.running():
        rig.warm(1, 2)
        await alive(rig, 1.0)
        loop.block(3.0)
        rig.silent.add(1)
        await alive(rig, 0.6)

        assert rig.carries() == 2


async def alive(rig: Rig, seconds: float) -> None:
    """Let virtual time pass; every line shows life, but those that are `silent`."""
    for _ in range(round(seconds / STEP_S)):
        for number, session in enumerate(rig.venue.sessions, 1):
            if number not in rig.silent:
                session.received(b"", rig.now_ns)
        await asyncio.sleep(STEP_S)


async def test_a_carrier_that_is_silent_beside_one_that_is_not_is_left_before_it_is_given_up() -> None:
    rig = Rig()
    async with rig.running():
        rig.warm(1, 2)
        rig.silent.add(1)
        await rig.passes(1.9)
        assert rig.carries() == 1
        await rig.passes(0.3)
        assert rig.carries() == 2
        assert rig.told(LineDown) == []


async def test_lines_that_are_all_silent_are_no_reason_to_switch() -> None:
    rig = Rig()
    async with rig.running():
        rig.warm(1, 2)
        rig.silent |= {1, 2}
        await rig.passes(4.5)
        assert rig.carries() == 1


def test_new_snapshots_are_asked_of_the_line_that_carries_no_requests() -> None:
    rig = Rig()
    rig.stand(1)
    rig.lines.resubscribe("in doubt", rig.now_ns)
    rig.stand(2)
    rig.lines.resubscribe("in doubt", rig.now_ns)

    assert [len(rig.session(number).resubscribed) for number in (1, 2)] == [1, 1]


def test_requests_that_wait_are_counted_over_all_lines() -> None:
    rig = Rig()
    rig.stand(1, 2)
    rig.session(1).outstanding, rig.session(2).outstanding = 1, 2

    assert rig.lines.outstanding == 3


# --- their life ---


async def test_every_line_is_kept_connected_and_says_how_it_stands() -> None:
    rig = Rig()
    async with rig.running():
        rig.warm(1)
        await rig.passes(1.0)
        assert rig.lines.connected
        assert rig.lines.lines == (
            LineState(1, True, CHANNELS, CHANNELS, 1, 1.0, ""),
            LineState(2, True, 0, 0, 1, 1.0, ""),
        )
        await rig.theirs[0].close()
        await rig.passes(1.0)
        assert rig.lines.last_error is not None
        assert [line.connects for line in rig.lines.lines] == [2, 1]


async def test_one_lines_end_for_good_ends_that_line_alone_and_the_last_ones_end_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = Rig()
    async with rig.running() as task:
        rig.warm(1, 2)
        rig.failing = ConnectFailed("the key is refused", terminal=True)
        with caplog.at_level(logging.ERROR, "leadline"):
            await rig.theirs[0].close()
            await rig.passes(2.0)
        assert "private line 1 is over: the key is refused" in caplog.text
        assert [line.number for line in rig.lines.lines] == [2]
        assert rig.carries() == 2
        await rig.theirs[1].close()
        await rig.passes(2.0)
        with pytest.raises(ConnectFailed, match="the key is refused"):
            await task


# --- rotation ---


async def test_a_line_is_replaced_by_a_younger_one_and_nobody_notices() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        await rig.passes(ROTATE_S + 1.5)
        assert len(rig.venue.sessions) == 2
        assert [line.number for line in rig.lines.lines] == [1]
        rig.forget()
        rig.warm(2)
        await rig.passes(0.2)
        assert rig.carries() == 2
        rig.say(1, WORKING)
        await rig.passes(DRAIN_NS / NS_PER_S + 0.2)

        assert rig.news == [OrdersJoined(()), WORKING, owned(100)]
        [rotated] = rig.told(LineRotated)
        assert rotated.line == 1
        assert rotated.took_s < 4
        assert rig.told(LineDown) == rig.told(LineSwitched) == []
        assert rig.lines.lines[0].since_s == pytest.approx(3.0, abs=1.1)
        rig.say(1, CANCELED)
        assert CANCELED not in rig.news


async def test_nothing_is_replaced_while_there_is_a_reason_not_to_and_that_is_said_once() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        rig.why_not = "order client-1 is UNKNOWN"
        await rig.passes(ROTATE_S + 20)
        assert len(rig.venue.sessions) == 1
        assert rig.events == [RotationPutOff(1, "order client-1 is UNKNOWN")]
        rig.why_not = None
        await rig.passes(1.1)
        rig.why_not = "a request waits for its answer"
        rig.warm(2)
        await rig.passes(3.0)
        assert rig.carries() == 1
        rig.why_not = None
        await rig.passes(3.0)

        assert rig.carries() == 2
        assert [type(event) for event in rig.events] == [RotationPutOff, LineRotated]


async def test_nothing_is_replaced_while_the_venue_rests() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        rig.session(1).retry_floor_s = 5.0
        await rig.passes(ROTATE_S + 2)
        assert [one.reason[:15] for one in rig.told(RotationPutOff)] == ["the venue rests"]


async def test_an_old_line_is_not_closed_before_the_last_answer_has_come_on_it() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        await rig.passes(ROTATE_S + 1.5)
        rig.warm(2)
        await rig.passes(0.2)
        rig.session(1).outstanding = 1
        await rig.passes(10.0)
        assert rig.told(LineRotated) == []
        rig.session(1).outstanding = 0
        await rig.passes(0.2)
        assert len(rig.told(LineRotated)) == 1


async def test_a_younger_line_that_does_not_come_up_is_given_up_and_tried_again_later() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        rig.failing = ConnectFailed("refused")
        await rig.passes(ROTATE_S + HANDOVER_S + 3)
        assert rig.carries() == 1
        assert len(rig.venue.sessions) == 2
        rig.failing = None
        await rig.passes(HANDOVER_S)
        assert len(rig.venue.sessions) == 3
        rig.warm(3)
        await rig.passes(3.0)
        assert rig.carries() == 3


async def test_a_younger_line_that_ends_for_good_changes_nothing() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        rig.failing = ConnectFailed("the key is refused", terminal=True)
        await rig.passes(ROTATE_S + 3)
        assert rig.carries() == 1
        assert rig.lines.ready(rig.now_ns)
        assert rig.told(LineRotated) == []


async def test_an_old_line_that_dies_meanwhile_is_replaced_at_once() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        await rig.passes(ROTATE_S + 1.5)
        rig.warm(2)
        rig.forget()
        await rig.theirs[0].close()
        await settle()
        assert rig.carries() == 2
        assert rig.told(AccountGap) == []
        await rig.passes(3.0)
        assert len(rig.told(LineRotated)) == 1


async def test_a_younger_line_that_fails_at_once_gives_the_requests_back() -> None:
    rig = Rig(1, ROTATE_S)
    async with rig.running():
        rig.warm(1)
        await rig.passes(ROTATE_S + 1.5)
        rig.warm(2)
        await rig.passes(0.2)
        assert rig.carries() == 2
        rig.failing = ConnectFailed("refused")
        await rig.theirs[1].close()
        await settle()
        assert rig.carries() == 1
        await rig.passes(5.0)
        assert rig.told(LineRotated) == []
        assert rig.lines.ready(rig.now_ns)
        rig.failing = None
        await rig.passes(40.0)
        rig.warm(2)
        await rig.passes(3.0)
        assert rig.carries() == 2
        assert len(rig.told(LineRotated)) == 1


async def test_each_of_two_lines_is_replaced_one_after_the_other() -> None:
    rig = Rig(2, ROTATE_S)
    async with rig.running():
        rig.warm(1, 2)
        await rig.passes(ROTATE_S + 0.2)
        assert len(rig.venue.sessions) == 3
        rig.warm(3)
        await rig.passes(3.0)
        assert len(rig.venue.sessions) == 4
        rig.warm(4)
        await rig.passes(3.0)

        assert [one.line for one in rig.told(LineRotated)] == [1, 2]
        assert [line.number for line in rig.lines.lines] == [1, 2]
        assert rig.told(LineDown) == []


async def test_a_line_that_cannot_be_trusted_makes_the_trusted_one_s_news_no_younger() -> None:
    rig = Rig()
    rig.stand(1)
    rig.session(2).opened(rig.now_ns)  # no snapshots yet
    rig.silent = {1}
    heard_ns = rig.session(1).last_frame_ns
    await rig.passes(3)

    assert rig.lines.ready(rig.now_ns)
    assert rig.lines.vouched_ns(rig.now_ns) == heard_ns
