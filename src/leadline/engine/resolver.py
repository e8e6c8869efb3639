"""Finds out what became of orders in doubt, by the venue's evidence alone.

Rule: that a search finds nothing proves something only if the venue's clock was past the order's deadline,
and what it took by then had come in sight, when the search left; no timer ever ends a doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from leadline.clock import NS_PER_S, Clock
from leadline.engine.alarm import Alarm, Spawn
from leadline.engine.blotter import Blotter
from leadline.engine.order_index import Tracked
from leadline.errors import BreakerOpen, Error, TransportError
from leadline.model.order import OrderKey, OrderReport, OrderState
from leadline.venues.ports import OrderEntry

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 3.0
"""With the round trip of the search, an order is resolved within 5 s of the venue being reachable."""

SOON_S = 0.1
"""How often the venue's clock is compared with a deadline that is about to pass."""

IDLE_DELAY_S = 60.0
"""Between searches for what the venue should know and does not tell, after ten of them."""

AT_ONCE = 50
"""Searches at the same time; a venue that can answers many in one request."""

LOOK_BACK_S = 86_400
"""How much older than our decision an order may seem to the venue: clocks step, names do not."""

FILLS_MISSING = "the venue has counted more than the matches it told of"

RESUBSCRIBE_S = 5.0
STRANGERS_S = 1.0


class _Question:
    """One order to be asked about."""

    __slots__ = ("again", "attempts", "due_ns", "name", "not_before_ns", "why")

    def __init__(self, name: str, why: str, due_ns: int) -> None:
        self.name = name
        self.why = why
        self.due_ns = due_ns
        self.not_before_ns = 0
        """Until then another search would prove no more than the last, at the cost of the one that does."""
        self.attempts = 0
        self.again = False
        """Whether it was asked anew while a search was out, which may not have seen the reason."""


class _Departure:
    """When a search left, and which deadlines were past by then, told by the first of its requests."""

    __slots__ = ("_beyond", "_change_ns", "_clock", "_noted", "_order_ns", "_tracked", "left_ns")

    def __init__(self, clock: Clock, tracked: Tracked | None, beyond: Callable[[int], bool]) -> None:
        self._clock = clock
        self._tracked = tracked
        self._beyond = beyond
        self._noted = False
        self._order_ns: int | None = None
        self._change_ns: int | None = None
        self.left_ns = clock.mono_ns()

    def note(self) -> None:
        """The search leaves now."""
        tracked = self._tracked
        if self._noted or tracked is None:
            return
        self._noted = True
        self.left_ns = self._clock.mono_ns()
        self._order_ns = tracked.deadline_ns if self._beyond(tracked.deadline_ns) else None
        self._change_ns = tracked.amend_deadline_ns if self._beyond(tracked.amend_deadline_ns) else None

    def settles_order(self) -> bool:
        """Whether the order could no longer arrive when the search left, and has not been sent anew since."""
        return self._tracked is not None and self._order_ns == self._tracked.deadline_ns

    def settles_change(self) -> bool:
        """The same of a change."""
        return self._tracked is not None and self._change_ns == self._tracked.amend_deadline_ns


class Resolver:
    """The open questions, and the loop that asks them. `resubscribe` asks the stream for a new snapshot."""

    def __init__(
        self,
        entry: OrderEntry,
        clock: Clock,
        blotter: Blotter,
        spawn: Spawn,
        resubscribe: Callable[[str], None],
    ) -> None:
        self._entry = entry
        self._clock = clock
        self._blotter = blotter
        self._spawn = spawn
        self._resubscribe = resubscribe
        self._resubscribed_ns: int | None = None
        self._questions: dict[str, _Question] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._failures: dict[str, Error] = {}
        self._alarm = Alarm(clock, spawn)
        self.finds = 0
        self.finds_failed = 0
        self.never_placed = 0

    def ask(self, name: str, why: str, delay_s: float = 0.0) -> None:
        """Look an order up, `delay_s` seconds from now at the latest."""
        due_ns = self._clock.mono_ns() + round(delay_s * NS_PER_S)
        question = self._questions.get(name)
        if question is None:
            self._questions[name] = _Question(name, why, due_ns)
        else:
            question.due_ns = max(min(question.due_ns, due_ns), question.not_before_ns)
            if why != FILLS_MISSING:
                question.why = why
                question.again = name in self._asking
        self._alarm.wake()

    def wake(self) -> None:
        """Look again at what is parked."""
        self._alarm.wake()

    def reachable(self) -> None:
        """The venue can be reached again: every question is asked now."""
        now_ns = self._clock.mono_ns()
        for question in self._questions.values():
            question.attempts = 0
            question.due_ns = max(now_ns, question.not_before_ns)
        self._alarm.wake()

    async def find(self, name: str) -> None:
        """Ask about one order now, together with whoever asks already; raises what kept it from an answer."""
        question = self._questions.setdefault(name, _Question(name, "somebody asks", self._clock.mono_ns()))
        await asyncio.shield(self._begin(question))
        if name in self._failures:
            raise self._failures[name]

    async def run(self) -> None:
        """Ask what is due, for ever."""
        while True:
            now_ns = self._clock.mono_ns()
            for order_id in self._blotter.strangers(now_ns):
                self.ask(order_id, "news of an order that nobody here knows")
            due = [
                question
                for question in self._questions.values()
                if question.due_ns <= now_ns and question.name not in self._asking
                if not self._too_early(question, now_ns)
            ]
            for question in due[: AT_ONCE - len(self._asking)] if len(self._asking) < AT_ONCE else ():
                self._begin(question)
            await self._alarm.wait(self._until_next_s(now_ns))

    def _too_early(self, question: _Question, now_ns: int) -> bool:
        """Whether a search would prove no more than the last: by the venue's clock at its slowest."""
        tracked = self._blotter.tracked(question.name)
        if tracked is None or not question.not_before_ns:
            return False
        clock_known = self._entry.passed(0, 0.0)
        if not clock_known or self._beyond(tracked.deadline_ns):
            return False
        question.due_ns = now_ns + round(SOON_S * NS_PER_S)
        return True

    def _until_next_s(self, now_ns: int) -> float | None:
        later = [
            question.due_ns
            for question in self._questions.values()
            if question.name not in self._asking and question.due_ns > now_ns
        ]
        waits_s = [(due_ns - now_ns) / NS_PER_S for due_ns in later]
        if self._blotter.parked:
            waits_s.append(STRANGERS_S)
        return min(waits_s, default=None)

    # --- one search ---

    def _begin(self, question: _Question) -> asyncio.Task[None]:
        task = self._asking.get(question.name)
        if task is None:
            self._failures.pop(question.name, None)
            task = self._asking[question.name] = self._spawn(self._search(question))
            task.add_done_callback(lambda _: self._ended(question.name))
        return task

    def _ended(self, name: str) -> None:
        del self._asking[name]
        self._alarm.wake()

    async def _search(self, question: _Question) -> None:
        tracked = self._blotter.tracked(question.name)
        if tracked is not None and _is_clear(tracked, question):
            self._close(question)
            return
        key = OrderKey(order_id=question.name) if tracked is None else tracked.order.key
        departure = _Departure(self._clock, tracked, self._beyond)
        self.finds += 1
        try:
            known = () if tracked is None else [fill.exec_id for fill in tracked.order.fills]
            reports = await self._entry.find(key, self._since_ns(tracked), known, departure.note)
        except Error as error:
            self._failed(question, error)
            return
        if reports:
            self._found(question, reports, departure)
        else:
            self._found_nothing(question, departure)

    def _beyond(self, deadline_ns: int) -> bool:
        return self._entry.passed(deadline_ns, self._entry.sight_lag_s)

    def _since_ns(self, tracked: Tracked | None) -> int:
        """Far enough back whatever either clock has done: the search is by name, and narrows nothing else."""
        decided_ns = self._entry.venue_ns()
        if tracked is not None:
            decided_ns = min(decided_ns, tracked.order.created_ns, tracked.deadline_ns or decided_ns)
        return max(decided_ns - LOOK_BACK_S * NS_PER_S, 0)

    def _failed(self, question: _Question, error: Error) -> None:
        self.finds_failed += 1
        self._failures[question.name] = error
        self._postpone(question)
        now_ns = self._clock.mono_ns()
        last_ns = self._resubscribed_ns
        waited = last_ns is None or now_ns - last_ns >= RESUBSCRIBE_S * NS_PER_S
        if waited and isinstance(error, TransportError | BreakerOpen):
            self._resubscribed_ns = now_ns
            self._resubscribe(f"an order is in doubt and cannot be looked up: {error}")

    def _found(self, question: _Question, reports: Sequence[OrderReport], departure: _Departure) -> None:
        now_ns = self._clock.mono_ns()
        self._blotter.reported(reports, now_ns, departure.left_ns)
        tracked = self._blotter.tracked(question.name)
        if tracked is None:  # news of it stays parked until it describes the order
            self._close(question)
            return
        if tracked.order.amending is not None and tracked.amend_doubted and departure.settles_change():
            self._judge_change(tracked, now_ns)
        if tracked.in_doubt or tracked.order.fills_missing:
            self._postpone(question)
        else:
            self._close(question)

    def _judge_change(self, tracked: Tracked, now_ns: int) -> None:
        """The change can arrive no longer, and what the venue described is what the order is."""
        order = tracked.order
        change = order.amending
        assert change is not None
        wanted = (change.qty, change.limit_price, change.trigger_price)
        stands = (order.qty, order.limit_price, order.trigger_price)
        made = all(value in (None, now) for value, now in zip(wanted, stands, strict=True))
        self._blotter.amend_ended(tracked.name, made, "looked up past its deadline", now_ns)

    def _found_nothing(self, question: _Question, departure: _Departure) -> None:
        tracked = self._blotter.tracked(question.name)
        if tracked is None:
            self._close(question)
            return
        order = tracked.order
        if order.state is OrderState.UNKNOWN and order.order_id is None and tracked.doubt:
            if departure.settles_order():
                self.never_placed += 1
                evidence = "never placed: the venue knows no such order, asked after its deadline had passed"
                now_ns = self._clock.mono_ns()
                self._blotter.settle(tracked.name, OrderState.REJECTED, evidence, now_ns)
                self._close(question)
                return
            left_s = (tracked.deadline_ns - self._entry.venue_ns()) / NS_PER_S
            left_s += self._entry.sight_lag_s
            if left_s > 0:
                question.attempts = 0
                question.due_ns = self._clock.mono_ns() + round(left_s * NS_PER_S)
                question.not_before_ns = question.due_ns
                return
        self._postpone(question)

    def _postpone(self, question: _Question) -> None:
        delay_s = min(FIRST_DELAY_S * 2.0 ** min(question.attempts, 10), LONGEST_DELAY_S)
        tracked = self._blotter.tracked(question.name)
        urgent = tracked is not None and tracked.in_doubt
        if question.attempts >= 10 and not urgent:
            delay_s = IDLE_DELAY_S
        question.attempts += 1
        question.due_ns = self._clock.mono_ns() + round(delay_s * NS_PER_S)

    def _close(self, question: _Question) -> None:
        if question.again:
            question.again = False
            question.due_ns = self._clock.mono_ns()
        else:
            self._questions.pop(question.name, None)
            self._failures.pop(question.name, None)


def _is_clear(tracked: Tracked, question: _Question) -> bool:
    """Whether the stream has answered the question meanwhile."""
    order = tracked.order
    if order.fills_missing or tracked.in_doubt:
        return False
    return order.state.final or question.why == FILLS_MISSING
