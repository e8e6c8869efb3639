"""Orders against a venue whose answers and news are lost, late, doubled and shuffled, and programs that die.

Whatever happens: nothing is placed twice, nothing UNKNOWN ends without evidence, nothing finished is wrong;
and once the venue can be heard again, every order is what the venue has, with every match counted once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from leadline.engine.journal import MemoryJournal
from leadline.engine.order_queue import REMOVED
from leadline.engine.records import AmendIntent, AnyRecord, Intent
from leadline.errors import ConnectFailed, Error, Rejected
from leadline.model.order import Amendment, Order, OrderReport, OrderState, Provenance
from leadline.venues.memory_account import Outcome
from leadline.venues.memory_orders import TrueOrder
from orderrig import BTC, ETH, OrderRig, buy, sell, settle

OUTCOMES = st.sampled_from([*Outcome, Outcome.ANSWERED, Outcome.ANSWERED, Rejected("EOrder:no")])
PICK = st.integers(0, 1000)


class AnyInterleaving(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.rig = OrderRig()
        self.venue = self.rig.venue
        self.on_the_way: list[OrderReport] = []
        self.delivered: list[OrderReport] = []
        self.requests: set[asyncio.Future[Any]] = set()
        self.start()

    # --- the program's life ---

    def start(self) -> None:
        self.rig.orders = self.rig.make()
        self.life = self.loop.create_task(self.live())
        self.run(settle())

    async def live(self) -> None:
        async with self.rig.orders:
            await asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        for request in self.requests:
            request.cancel()
        self.life.cancel()
        self.run(settle())
        self.requests.clear()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        answer = self.loop.run_until_complete(work)
        self.on_the_way += self.venue.orders.deliver()
        if self.life.done() and not self.life.cancelled():
            self.life.result()
        return answer

    def ask(self, work: Coroutine[Any, Any, Any]) -> None:
        async def asked() -> None:
            with suppress(Error):
                await work

        self.requests.add(self.loop.create_task(asked()))
        self.run(settle())
        self.requests = {request for request in self.requests if not request.done()}

    def ours(self) -> list[Order]:
        return [order for order in self.rig.orders.orders() if order.provenance is Provenance.OURS]

    def standing(self) -> list[TrueOrder]:
        return [order for order in self.venue.orders.every if not order.state.final]

    # --- what the program does ---

    @rule(outcome=OUTCOMES, qty=st.integers(1, 3), selling=st.booleans(), other=st.booleans())
    def submit(self, outcome: Outcome | Error, qty: int, selling: bool, other: bool) -> None:
        self.venue.script.append(outcome)
        make = sell if selling else buy
        self.ask(self.rig.orders.submit(make(str(qty), symbol=ETH if other else BTC)))
        self.venue.script.clear()

    @rule(outcome=OUTCOMES, count=st.integers(2, 3))
    def batch(self, outcome: Outcome | Error, count: int) -> None:
        self.venue.script.append(outcome)
        self.ask(self.rig.orders.batch([sell() for _ in range(count)]))
        self.venue.script.clear()

    @rule(outcome=OUTCOMES, pick=PICK)
    def cancel(self, outcome: Outcome | Error, pick: int) -> None:
        if self.ours():
            self.venue.script.append(outcome)
            order = self.ours()[pick % len(self.ours())]
            self.ask(self.rig.orders.cancel(order.client_id))
            self.venue.script.clear()

    @rule(outcome=OUTCOMES, pick=PICK, qty=st.integers(1, 5), price=st.integers(90, 110))
    def amend(self, outcome: Outcome | Error, pick: int, qty: int, price: int) -> None:
        if self.ours():
            self.venue.script.append(outcome)
            order = self.ours()[pick % len(self.ours())]
            change = Amendment(qty=Decimal(qty), limit_price=Decimal(price))
            self.ask(self.rig.orders.amend(order.client_id, change))
            self.venue.script.clear()

    @rule(outcome=OUTCOMES, pick=PICK)
    def replace(self, outcome: Outcome | Error, pick: int) -> None:
        if self.ours():
            self.venue.script.append(outcome)
            order = self.ours()[pick % len(self.ours())]
            self.ask(self.rig.orders.replace(order.client_id, sell(symbol=order.symbol)))
            self.venue.script.clear()

    # --- what the venue does ---

    @rule(pick=PICK, whole=st.booleans())
    def fill(self, pick: int, whole: bool) -> None:
        if self.standing():
            order = self.standing()[pick % len(self.standing())]
            left = order.qty - order.filled_qty
            self.venue.orders.fill(order, left if whole else left / 2, Decimal(100))
            self.run(settle())

    @rule(pick=PICK, state=st.sampled_from([OrderState.CANCELED, OrderState.EXPIRED]))
    def end(self, pick: int, state: OrderState) -> None:
        if self.standing():
            self.venue.orders.end(self.standing()[pick % len(self.standing())], state, "its own reason")
            self.run(settle())

    @rule(pick=PICK, close=st.booleans())
    def appear(self, pick: int, close: bool) -> None:
        parents = [order for order in self.venue.orders.every if close]
        parent = parents[pick % len(parents)].order_id if parents else None
        self.venue.orders.foreign(sell(), parent)
        self.run(settle())

    # --- what becomes of news, requests and time ---

    @rule(pick=PICK, twice=st.booleans())
    def hear(self, pick: int, twice: bool) -> None:
        if self.on_the_way:
            report = self.on_the_way.pop(pick % len(self.on_the_way))
            self.delivered.append(report)
            self.rig.hear(*[report] * (2 if twice else 1))
            self.run(settle())

    @rule()
    def hear_everything(self) -> None:
        if self.on_the_way:
            self.delivered += self.on_the_way
            self.rig.hear(*self.on_the_way)
            self.on_the_way = []
            self.run(settle())

    @rule(pick=PICK)
    def hear_again(self, pick: int) -> None:
        if self.delivered:
            self.rig.hear(self.delivered[pick % len(self.delivered)])
            self.run(settle())

    @rule(pick=PICK)
    def lose_news(self, pick: int) -> None:
        if self.on_the_way:
            self.on_the_way.pop(pick % len(self.on_the_way))

    @rule(forgets=st.booleans())
    def reconnect(self, forgets: bool) -> None:
        self.rig.orders.stream_lost(self.rig.now)
        if forgets:
            self.on_the_way = []
        self.rig.orders.snapshot(self.venue.orders.snapshot(), self.rig.now)
        self.run(settle())

    @rule()
    def answer(self) -> None:
        self.venue.release()
        self.run(settle())

    @rule()
    def depart(self) -> None:
        self.venue.depart()
        self.run(settle())

    @rule()
    def arrive(self) -> None:
        self.venue.arrive()
        self.run(settle())

    @rule(seconds=st.sampled_from([0.25, 1.0, 3.0, 8.0]))
    def wait(self, seconds: float) -> None:
        self.run(self.rig.passes(seconds))

    @rule(streaming=st.booleans(), reachable=st.booleans(), search_s=st.sampled_from([0.0, 0.5, 4.0]))
    def weather(self, streaming: bool, reachable: bool, search_s: float) -> None:
        self.venue.streaming = streaming
        self.venue.search_s = search_s
        self.venue.failing = None if reachable else ConnectFailed("no way")
        self.run(settle())

    @rule(cut=PICK)
    def die_and_restart(self, cut: int) -> None:
        """The program runs no more; of what was only noted since the last write, any part may be lost."""
        kept: list[AnyRecord] = list(self.rig.journal.kept)
        durable = max(
            (at + 1 for at, record in enumerate(kept) if isinstance(record, Intent | AmendIntent)), default=0
        )
        self.kill()
        self.rig.journal = MemoryJournal(kept[: durable + cut % (len(kept) - durable + 1)])
        self.start()

    # --- what must hold ---

    @invariant()
    def nothing_is_placed_twice(self) -> None:
        placed = Counter(order.client_id for order in self.venue.orders.every if order.client_id)
        placed += Counter(str(order.userref) for order in self.venue.orders.every if order.userref)
        assert max(placed.values(), default=0) <= 1

    @invariant()
    def what_is_finished_for_us_is_finished_so_at_the_venue(self) -> None:
        for order in self.ours():
            true = self.venue.orders.known(order.key)
            taken_back = (order.state, order.reason) == (OrderState.CANCELED, REMOVED)
            if order.state in (OrderState.FILLED, OrderState.CANCELED, OrderState.EXPIRED):
                assert taken_back if true is None else true.state is order.state, (order, true)
            if order.state is OrderState.REJECTED:
                assert true is None, order

    @invariant()
    def no_match_counts_twice(self) -> None:
        counted = Counter(fill.exec_id for order in self.rig.orders.orders() for fill in order.fills)
        assert max(counted.values(), default=0) <= 1

    @invariant()
    def no_match_is_invented(self) -> None:
        true = {fill.exec_id for order in self.venue.orders.every for fill in order.fills}
        assert {fill.exec_id for order in self.rig.orders.orders() for fill in order.fills} <= true

    def teardown(self) -> None:
        try:
            self.recover()
            self.everything_is_as_the_venue_has_it()
            self.the_journal_gives_the_same_orders()
        finally:
            try:
                self.kill()
            finally:
                self.loop.close()

    def recover(self) -> None:
        self.venue.failing, self.venue.streaming, self.venue.search_s = None, True, 0.0
        self.venue.depart()
        self.run(settle())
        self.venue.release()
        self.venue.arrive()
        self.run(settle())
        self.rig.orders.stream_lost(self.rig.now)
        self.rig.hear(*self.on_the_way) if self.on_the_way else None
        self.rig.orders.snapshot(self.venue.orders.snapshot(), self.rig.now)
        self.rig.orders.line_up()
        self.run(self.rig.passes(15.0, 0.5))

    def everything_is_as_the_venue_has_it(self) -> None:
        assert self.rig.orders.unknown() == []
        for order in self.ours():
            true = self.venue.orders.known(order.key)
            if true is None:
                taken_back = (OrderState.CANCELED, REMOVED)
                assert order.state is OrderState.REJECTED or (order.state, order.reason) == taken_back
            else:
                assert (order.state, order.qty, order.limit_price, order.amending) == (
                    true.state,
                    order.qty if order.state.final else true.qty,
                    order.limit_price if order.state.final else true.limit_price,
                    None,
                )
                assert {fill.exec_id for fill in order.fills} == {fill.exec_id for fill in true.fills}
        known = {order.order_id for order in self.rig.orders.open()}
        assert known == {order.order_id for order in self.standing()}

    def the_journal_gives_the_same_orders(self) -> None:
        again = self.rig.make()
        for order, replayed in zip(self.rig.orders.orders(), again.orders(), strict=True):
            assert _without_age(replayed) == _without_age(order)


def _without_age(order: Order) -> dict[str, Any]:
    """Everything but its age on a clock that did not run before."""
    return {name: getattr(order, name) for name in order.__struct_fields__ if name != "touched_ns"}


AnyInterleaving.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_any_interleaving_of_news_answers_and_deaths_ends_as_the_venue_has_it = AnyInterleaving.TestCase
