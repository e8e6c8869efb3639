"""However two lines tell one account's news, late, joined in the middle or cut: one story, told once.

The history is that of a venue in memory. Each line gets it in the venue's order, a piece at a time, and a
snapshot when it joins; how far each has come is the test's choice.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from deskrig import DeskRig
from leadline.clock import NS_PER_S, ManualClock
from leadline.core.account_session import (
    AccountGap,
    AccountNews,
    BalancesReported,
    LedgerReported,
    OrdersReported,
    OrdersSnapshot,
)
from leadline.core.session import LineDown
from leadline.engine.account_events import AccountEvent
from leadline.engine.balances import BalanceDrift, Booked
from leadline.engine.journal import MemoryJournal
from leadline.engine.order_news import NewsGap, OrderEvent, OrderNews
from leadline.engine.records import Intent
from leadline.model.account import Balance, BalancesSnapshot, LedgerEntry, Wallet, WalletKind
from leadline.model.market import Side
from leadline.model.order import Amendment, OrderKey, OrderKind, OrderRequest
from leadline.venues.memory_account import MemoryAccount
from leadline.venues.memory_session import MemoryAccountSession
from leadline.venues.ports import Placement

NAMES = ("client-a", "client-b", "another-1", "another-2")
OURS = NAMES[:2]
STEP_NS = NS_PER_S // 100
DEEDS = ("fill", "fill", "amend", "amend", "cancel")
REQUEST = OrderRequest(
    symbol="BTC/USD", side=Side.BUY, kind=OrderKind.LIMIT, qty=Decimal(5), limit_price=Decimal(100)
)


def intents() -> MemoryJournal:
    """Two orders of ours that a run before has sent."""
    journal = MemoryJournal()
    journal.kept += [
        Intent(at_ns=1, client_id=name, userref=None, requested=REQUEST, sent=REQUEST, deadline_ns=2)
        for name in OURS
    ]
    return journal


class Wire:
    """What is under way on one line, oldest first; nothing while it is not connected."""

    def __init__(self, session: MemoryAccountSession) -> None:
        self.session = session
        self.under_way: deque[AccountNews] = deque()
        self.up = False

    def carry(self, *news: AccountNews) -> None:
        if self.up:
            self.under_way.extend(news)

    def arrive(self, now_ns: int) -> None:
        """The next piece arrives."""
        if self.under_way:
            self.session.say(self.under_way.popleft(), now_ns)


class World:
    """A venue, a desk that nobody runs, and the lines between them."""

    def __init__(self, lines: int) -> None:
        clock = ManualClock(mono_ns=1_000 * NS_PER_S)
        venue = MemoryAccount(clock, ["BTC/USD"])
        venue.from_snapshots = True
        self.rig = DeskRig(clock=clock, venue=venue, journal=intents(), private_lines=lines)
        self.desk = self.rig.desk
        self.venue = self.rig.venue
        self.wires = [Wire(session) for session in self.venue.sessions]
        self.owned = Decimal(1000)
        self.bookings = 0
        self.news: list[OrderNews] = []
        self.events: list[AccountEvent] = []
        self.desk.orders.tell(self.news.append)
        self.desk.log.listen(self.events.append)

    @property
    def now_ns(self) -> int:
        return self.rig.clock.mono_ns()

    # --- what happens ---

    def join(self, wire: Wire) -> None:
        """A line stands, and the snapshots of this moment are on their way."""
        if wire.up:
            return
        wire.up = True
        wire.session.opened(self.now_ns)
        wire.carry(OrdersSnapshot(tuple(self.venue.orders.snapshot())))
        wire.carry(BalancesReported(self.snapshot(), self.now_ns))

    def cut(self, wire: Wire) -> None:
        """A line is gone, and what was under way with it."""
        if not wire.up:
            return
        wire.up = False
        wire.under_way.clear()
        wire.session.closed("cut", self.now_ns)

    def snapshot(self) -> BalancesSnapshot:
        wallet = Wallet(WalletKind.SPOT, "main", self.owned)
        return BalancesSnapshot((Balance("USD", (wallet,), None),))

    def happens(self, deed: str, name: str) -> None:
        """One thing happens to one order at the venue; what is impossible does not."""
        order = next((one for one in self.venue.orders.every if one.client_id == name), None)
        if order is None:
            placement = Placement(name, None, REQUEST, 1 << 62)
            order = self.venue.orders.place(placement)
        elif order.state.final:
            return
        elif deed == "fill":
            self.venue.orders.fill(order, Decimal(1), Decimal(100))
            self._book(-Decimal(100))
        elif deed == "amend":
            change = Amendment(limit_price=(order.limit_price or Decimal(0)) + 1)
            self.venue.orders.amend(OrderKey(order.order_id), change)
        else:
            self.venue.orders.cancel(OrderKey(order.order_id))
        for report in self.venue.orders.deliver():
            for wire in self.wires:
                wire.carry(OrdersReported((report,)))

    def _book(self, amount: Decimal) -> None:
        self.owned += amount
        self.bookings += 1
        entry = LedgerEntry(
            ledger_id=f"L{self.bookings}", ref_id="", kind="trade", asset="USD",
            wallet=Wallet(WalletKind.SPOT, "main", self.owned), amount=amount, fee=Decimal(0),
            balance=self.owned,
        )  # fmt: skip
        for wire in self.wires:
            wire.carry(LedgerReported((entry,)))

    def passes(self) -> None:
        self.rig.clock.advance(STEP_NS / NS_PER_S)

    # --- what is known ---

    def orders(self) -> dict[str, tuple[Any, ...]]:
        """Every order as the desk knows it, by its id; another's may be known by a match, unnamed."""
        return {
            order.order_id: (
                order.client_id in OURS and order.client_id,
                order.state,
                order.limit_price,
                order.qty,
                order.venue_filled_qty,
                tuple(sorted(fill.exec_id for fill in order.fills)),
            )
            for order in self.desk.orders.orders()
            if order.order_id is not None
        }

    def owns(self) -> Decimal | None:
        known = self.desk.balances.known()
        return None if known is None else known.value["USD"].total

    def fills(self) -> list[str]:
        """Ids of the fills that were told, each as often as it was."""
        return sorted(
            news.fill.exec_id for news in self.news if isinstance(news, OrderEvent) and news.fill is not None
        )

    def true_fills(self) -> list[str]:
        return sorted(fill.exec_id for order in self.venue.orders.every for fill in order.fills)


class Watch:
    """Looks at a world after each step: nothing that was known may be taken back.

    Prices only while a line is whole: after that the snapshot of one and the late news of the other may show
    an amendment in between for a moment, and the reconciliation that follows every loss ends it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._dark = False
        self._orders: dict[str, tuple[Any, ...]] = {}
        self._owned: Decimal | None = None

    def look(self) -> None:
        orders, owned = self._world.orders(), self._world.owns()
        self._dark = self._dark or not self._world.desk.lines.ready(self._world.now_ns)
        for order_id, before in self._orders.items():
            now = orders[order_id]
            assert now[1] is before[1] or not before[1].final, "a finished order was revived"
            assert self._dark or before[2] is None or now[2] >= before[2], "a price stepped back"
            assert now[4] >= before[4], "what is filled stepped back"
            assert set(now[5]) >= set(before[5]), "a fill was taken back"
        if owned is not None and self._owned is not None:
            assert owned <= self._owned, "the balance stepped back"
        self._orders, self._owned = orders, owned


happenings = st.tuples(st.just("happens"), st.sampled_from(DEEDS), st.sampled_from(NAMES))
lines = st.integers(0, 1)
arrivals = st.tuples(st.just("arrive"), lines, st.integers(1, 4))
joins = st.tuples(st.just("join"), lines)
cuts = st.tuples(st.just("cut"), lines)


def play(world: World, steps: list[tuple[Any, ...]]) -> None:
    """Let everything happen, then everything arrive, watching."""
    watch = Watch(world)
    for step in steps:
        world.passes()
        match step:
            case ("happens", deed, name):
                world.happens(deed, name)
            case ("arrive", number, count):
                for _ in range(count):
                    world.wires[number].arrive(world.now_ns)
                    watch.look()
            case ("join", number):
                world.join(world.wires[number])
            case ("cut", number):
                world.cut(world.wires[number])
        watch.look()
    for wire in world.wires:
        world.join(wire)
    for wire in world.wires:
        while wire.under_way:
            wire.arrive(world.now_ns)
            watch.look()


def told_once(world: World) -> None:
    """What may never happen twice, or be made up."""
    assert world.fills() == world.true_fills()
    booked = [event.entry.ledger_id for event in world.events if isinstance(event, Booked)]
    assert len(booked) == len(set(booked))
    assert not [event for event in world.events if isinstance(event, BalanceDrift)]
    assert world.owns() == world.owned


@settings(max_examples=300, deadline=None)
@given(st.lists(happenings | arrivals | joins, max_size=60))
def test_two_copies_of_the_news_in_any_relative_order_are_as_one(steps: list[tuple[Any, ...]]) -> None:
    one, two = World(1), World(2)
    for world in (one, two):
        world.join(world.wires[0])
        world.wires[0].arrive(world.now_ns)
        world.wires[0].arrive(world.now_ns)
    play(one, [step for step in steps if step[0] == "happens"])
    play(two, steps)

    assert two.orders() == one.orders()
    assert two.fills() == one.fills()
    assert two.owns() == one.owns()
    told_once(two)
    assert len([event for event in two.events if isinstance(event, Booked)]) == two.bookings
    assert not [event for event in two.events if isinstance(event, AccountGap | LineDown)]
    assert not [news for news in two.news if isinstance(news, NewsGap)]


@settings(max_examples=300, deadline=None)
@given(st.lists(happenings | arrivals | joins | cuts, max_size=80))
@example(
    [
        ("join", 1),
        ("happens", "fill", "client-a"),
        ("happens", "fill", "client-a"),
        ("cut", 0),
        ("join", 0),
        ("arrive", 0, 2),
        ("arrive", 1, 2),  # a snapshot that is older than the one that was told
        ("cut", 0),
    ]
)
def test_whichever_line_is_cut_every_fill_counts_once_and_balances_are_exact(
    steps: list[tuple[Any, ...]],
) -> None:
    world = World(2)
    world.join(world.wires[0])
    world.wires[0].arrive(world.now_ns)
    world.wires[0].arrive(world.now_ns)
    play(world, steps)

    world.rig.clock.advance(3.0)  # the reconciliation that follows a switch tells what ended unheard
    world.desk.lines.look(world.now_ns)
    described = [report for order in world.venue.orders.every for report in order.described()]
    world.desk.orders.looked_up(described, world.now_ns, world.now_ns)
    told_once(world)
    known = {name: (state, price) for name, (_, state, price, *_) in world.orders().items()}
    assert known == {order.order_id: (order.state, order.limit_price) for order in world.venue.orders.every}
