from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from leadline.clock import NS_PER_S
from leadline.core.limits import Budget, DecayingCounter
from leadline.core.nonce import Floor, Nonces, Scale
from leadline.errors import AuthError, ConfigError, ConnectFailed, ConnectionLost, Held, Refused, Throttled
from leadline.net.departures import Priority
from leadline.net.http import Purpose, Request, Response
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.net.keyed_http import OVERTAKEN_LIMIT, Call, KeyedHttp, Recall, Verdict
from leadline.simulation.loop import LoopClock, VirtualLoop

WALL_NS = 1_790_000_000 * NS_PER_S
START_US = WALL_NS // 1000
NO_RESERVE = dict.fromkeys(Priority, 0.0)
OK = Response(200, (), b"{}")


def virtually(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test on time that passes only when all wait for it."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(work())


def now_s() -> float:
    return round(asyncio.get_running_loop().time(), 6)


class Venue:
    """Answers after a time and notes what left when, with which nonce."""

    def __init__(self, answer_s: float = 0.2) -> None:
        self.answer_s = answer_s
        self.left: list[tuple[str, int, float]] = []
        self.failing: dict[str, Exception] = {}
        self.status = 200

    async def exchange(self, request: Request) -> Response:
        self.left.append((request.path, int(request.body), now_s()))
        await asyncio.sleep(self.answer_s)
        if error := self.failing.get(request.path):
            raise error
        return Response(self.status, (), request.body)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.left]

    @property
    def nonces(self) -> list[int]:
        return [nonce for _, nonce, _ in self.left]

    def left_s(self, name: str) -> float:
        return next(at_s for path, _, at_s in self.left if path == name)


def call(name: str, cost: float = 0.0) -> Call:
    return Call(name, cost, lambda nonce: Request("POST", name, body=str(nonce).encode(), cost=cost), ())


class Rig:
    """Users of one key on one virtual machine."""

    user = MemoryKeyState

    def __init__(self, answer_s: float = 0.2, key: MemoryKey | None = None) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.clock = LoopClock(loop, WALL_NS)
        self.venue = Venue(answer_s)
        self.key = key or MemoryKey()

    def http(
        self, *, budget: Budget | None = None, floor: Floor | None = None, spacing_s: float = 0.0
    ) -> KeyedHttp:
        self.state = self.user(self.key)
        return KeyedHttp(
            self.venue,
            self.state,
            self.clock,
            budget or DecayingCounter(1e6, 1e6),
            NO_RESERVE,
            floor=floor,
            spacing_s=spacing_s,
        )


async def all_of(*calls: Awaitable[tuple[Response, int]]) -> list[tuple[Response, int]]:
    return list(await asyncio.gather(*calls))


def test_requests_leave_one_at_a_time_each_with_a_larger_nonce() -> None:
    async def work() -> None:
        rig = Rig(answer_s=0.2)
        http = rig.http()
        answers = await all_of(*(http.call(call(f"/{n}"), Purpose.ACCOUNT) for n in range(20)))

        assert rig.venue.nonces == sorted(set(rig.venue.nonces))
        assert [at_s for _, _, at_s in rig.venue.left] == pytest.approx([0.2 * n for n in range(20)])
        assert [nonce for _, nonce in answers] == rig.venue.nonces
        assert http.counts == {Purpose.ACCOUNT: 20}

    virtually(work)


def test_the_next_waits_for_an_answer_five_seconds_and_no_longer() -> None:
    async def work() -> None:
        rig = Rig(answer_s=60)
        http = rig.http()
        asked = [asyncio.create_task(http.call(call(f"/{n}"), Purpose.ACCOUNT)) for n in range(3)]
        await asyncio.sleep(30)
        for task in asked:
            task.cancel()

        assert [at_s for _, _, at_s in rig.venue.left] == pytest.approx([0, 5, 10])

    virtually(work)


def test_a_request_is_taken_back_until_it_leaves_and_not_afterwards() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        leaving, waiting = Recall(), Recall()
        first = asyncio.create_task(http.call(call("first"), Purpose.ORDER, leaving))
        second = asyncio.create_task(http.call(call("second"), Purpose.ORDER, waiting))
        await asyncio.sleep(0.1)
        assert not leaving.take_back()
        assert waiting.take_back()
        await first
        with pytest.raises(Refused, match="taken back"):
            await second

        assert rig.venue.names == ["first"]
        await http.call(call("third"), Purpose.ORDER)

    virtually(work)


def test_a_request_is_asked_at_the_moment_of_leaving_whether_it_still_may() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        asked_at_s: list[float] = []

        def forbid() -> None:
            asked_at_s.append(now_s())
            raise Held("the level has fallen")

        first = asyncio.create_task(http.call(call("first"), Purpose.ORDER))
        second = asyncio.create_task(http.call(call("second"), Purpose.ORDER, Recall([forbid])))
        await first
        answered_s = now_s()
        with pytest.raises(Held, match="level has fallen"):
            await second

        assert rig.venue.names == ["first"]
        assert len(asked_at_s) == 1
        assert asked_at_s[0] >= answered_s > 0

    virtually(work)


def test_an_order_that_would_leave_too_late_for_its_deadline_is_refused_at_once() -> None:
    async def work() -> None:
        http = Rig(answer_s=0.01).http(spacing_s=0.1)
        orders = [asyncio.create_task(http.call(call(f"/{n}"), Purpose.ORDER)) for n in range(40)]
        await asyncio.sleep(0.001)
        late = [task for task in orders if task.done()]
        for task in late:
            assert isinstance(task.exception(), Throttled)
        assert len(late) == 14
        await asyncio.gather(*(task for task in orders if task not in late))
        assert now_s() <= 2.6

    virtually(work)


def test_requests_leave_in_order_of_urgency() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        first = asyncio.create_task(http.call(call("first"), Purpose.ACCOUNT))
        await asyncio.sleep(0.01)
        purposes = [
            Purpose.HISTORY,
            Purpose.ACCOUNT,
            Purpose.ORDER,
            Purpose.RECOVERY,
            Purpose.CREDENTIAL,
            Purpose.LOOKUP,
        ]
        await all_of(*(http.call(call(purpose.value), purpose) for purpose in purposes))
        await first

        assert rig.venue.names == [
            "first",
            "credential",
            "lookup",
            "recovery",
            "order",
            "account",
            "history",
        ]

    virtually(work)


def test_a_cancel_leaves_at_once_ahead_of_500_queued_calls_and_past_an_outstanding_answer() -> None:
    async def work() -> None:
        rig = Rig(answer_s=1.0)
        http = rig.http(spacing_s=0.1)
        queued = [
            asyncio.create_task(http.call(call(f"/{n}", cost=n % 2), Purpose.HISTORY)) for n in range(500)
        ]
        await asyncio.sleep(2.5)
        assert len(rig.venue.left) == 3
        assert http.waiting[Purpose.HISTORY] == 497
        await http.call(call("cancel"), Purpose.CANCEL)

        assert rig.venue.names[3] == "cancel"
        assert rig.venue.left_s("cancel") == 2.5
        assert rig.venue.nonces == sorted(set(rig.venue.nonces))
        for task in queued:
            task.cancel()

    virtually(work)


def test_a_cancel_leaves_however_spent_the_budget_is() -> None:
    async def work() -> None:
        rig = Rig(answer_s=0.01)
        http = rig.http(budget=DecayingCounter(15, 0.33))
        http.exceeded()
        lookup = asyncio.create_task(http.call(call("lookup", cost=2), Purpose.LOOKUP))
        order = asyncio.create_task(http.call(call("order"), Purpose.ORDER))
        await asyncio.sleep(1)
        await http.call(call("cancel"), Purpose.CANCEL)

        assert rig.venue.left_s("cancel") == 1
        assert rig.venue.left_s("order") == 0
        await all_of(lookup, order)
        assert rig.venue.left_s("lookup") == pytest.approx(2 / 0.33, abs=0.06)

    virtually(work)


def test_cancels_leave_at_most_forty_milliseconds_apart_and_in_nonce_order() -> None:
    async def work() -> None:
        rig = Rig(answer_s=1.0)
        http = rig.http(spacing_s=0.1)
        await all_of(*(http.call(call(f"/{n}"), Purpose.CANCEL) for n in range(4)))

        assert [at_s for _, _, at_s in rig.venue.left] == pytest.approx([0, 0.04, 0.08, 0.12])
        assert rig.venue.nonces == sorted(set(rig.venue.nonces))

    virtually(work)


def test_a_call_that_never_reached_the_venue_costs_nothing() -> None:
    async def scene() -> None:
        rig = Rig()
        budget = DecayingCounter(20, 0.5)
        http = rig.http(budget=budget)
        rig.venue.failing["unreached"] = ConnectFailed("no way there")
        rig.venue.failing["unanswered"] = ConnectionLost("no answer")

        for _ in range(30):
            with pytest.raises(ConnectFailed):
                await http.call(call("unreached", 4.0), Purpose.LOOKUP)
        assert budget.level(rig.clock.mono_ns()) == 0

        with pytest.raises(ConnectionLost):
            await http.call(call("unanswered", 4.0), Purpose.LOOKUP)
        assert budget.level(rig.clock.mono_ns()) == pytest.approx(4 - 0.5 * 0.2)

    virtually(scene)


def test_a_call_given_up_while_it_waits_never_leaves() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        first = asyncio.create_task(http.call(call("first"), Purpose.ORDER))
        queued = asyncio.create_task(http.call(call("queued"), Purpose.ORDER))
        await asyncio.sleep(0.05)
        queued.cancel()
        await first
        await http.call(call("last"), Purpose.ORDER)

        assert rig.venue.names == ["first", "last"]
        assert http.waiting[Purpose.ORDER] == 0

    virtually(work)


def test_a_lost_answer_holds_back_nobody() -> None:
    async def work() -> None:
        rig = Rig()
        rig.venue.failing["lost"] = ConnectionLost("cut")
        http = rig.http()
        with pytest.raises(ConnectionLost):
            await http.call(call("lost"), Purpose.ORDER)
        await http.call(call("next"), Purpose.ORDER)

        assert rig.venue.left_s("next") == 0.2

    virtually(work)


def test_an_order_that_would_wait_too_long_is_refused_before_it_leaves() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http(budget=DecayingCounter(2, 0.1))
        await http.call(call("balance", cost=2), Purpose.ACCOUNT)
        with pytest.raises(Throttled) as refused:
            await http.call(call("history", cost=1), Purpose.ORDER)

        assert refused.value.delay_s == pytest.approx(9.8, abs=0.1)
        assert rig.venue.names == ["balance"]

    virtually(work)


@pytest.mark.parametrize("by_status", [True, False])
def test_a_venue_that_says_too_much_is_asked_nothing_that_costs_until_the_budget_has_drained(
    by_status: bool,
) -> None:
    async def work() -> None:
        rig = Rig(answer_s=0.0)
        http = rig.http(budget=DecayingCounter(15, 1))
        rig.venue.status = 429 if by_status else 200
        await http.call(call("one", cost=1), Purpose.ACCOUNT)
        if not by_status:
            http.exceeded()
        await http.call(call("two", cost=1), Purpose.ACCOUNT)

        assert rig.venue.left_s("two") == pytest.approx(1.0, abs=0.06)

    virtually(work)


def test_users_of_one_key_take_turns_and_share_the_nonces() -> None:
    async def work() -> None:
        rig = Rig(answer_s=0.2)
        users = [rig.http() for _ in range(4)]
        await all_of(
            *(
                user.call(call(f"{name}-{n}"), Purpose.ACCOUNT)
                for name, user in enumerate(users)
                for n in range(5)
            )
        )

        assert [at_s for _, _, at_s in rig.venue.left] == pytest.approx([0.2 * n for n in range(20)])
        assert rig.venue.nonces == sorted(set(rig.venue.nonces))

    virtually(work)


def test_a_user_that_waits_for_its_budget_keeps_the_turn_from_nobody() -> None:
    async def work() -> None:
        rig = Rig(answer_s=0.1)
        poor, other = rig.http(budget=DecayingCounter(2, 0.1)), rig.http()
        poor.exceeded()
        waiting = asyncio.create_task(poor.call(call("poor", cost=1), Purpose.ACCOUNT))
        await asyncio.sleep(1)
        await other.call(call("other"), Purpose.ACCOUNT)
        await waiting

        assert rig.venue.left_s("other") == 1

    virtually(work)


def test_a_user_whose_budget_is_gone_when_it_gets_the_turn_keeps_it_from_nobody() -> None:
    async def work() -> None:
        rig = Rig(answer_s=0.1)
        shared = DecayingCounter(2, 0.1)
        holder, poor, other = rig.http(), rig.http(budget=shared), rig.http()
        first = asyncio.create_task(holder.call(call("holder"), Purpose.ACCOUNT))
        await asyncio.sleep(0.07)
        waiting = asyncio.create_task(poor.call(call("poor", cost=1), Purpose.ACCOUNT))
        await asyncio.sleep(0.01)
        shared.spend(2, rig.clock.mono_ns())
        await first
        await asyncio.sleep(0.1)
        await other.call(call("other"), Purpose.ACCOUNT)
        await waiting

        assert rig.venue.left_s("other") == 0.2
        assert rig.venue.left_s("poor") == pytest.approx(10.08, abs=0.06)

    virtually(work)


def test_a_user_given_up_while_it_waits_for_the_turn_keeps_it_from_nobody() -> None:
    async def work() -> None:
        rig = Rig(answer_s=1.0)
        one, two, three = rig.http(), rig.http(), rig.http()
        first = asyncio.create_task(one.call(call("one"), Purpose.ACCOUNT))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(two.call(call("two"), Purpose.ACCOUNT))
        await asyncio.sleep(0.1)
        second.cancel()
        await first
        await three.call(call("three"), Purpose.ACCOUNT)

        assert rig.venue.left_s("three") == pytest.approx(1.0)

    virtually(work)


def test_a_user_that_was_killed_gives_its_turn_back_and_its_nonces_are_not_used_again() -> None:
    async def work() -> None:
        rig = Rig(answer_s=60)
        killed = asyncio.create_task(rig.http().call(call("killed"), Purpose.ACCOUNT))
        state = rig.state
        await asyncio.sleep(0.1)
        state.died()
        rig.venue.answer_s = 0.1
        rig.clock.step_wall(-3600)
        await rig.http().call(call("next"), Purpose.ACCOUNT)
        killed.cancel()

        assert rig.venue.left_s("next") == 0.1
        assert rig.venue.nonces == [START_US, START_US + 1]

    virtually(work)


def test_a_nonce_refused_because_a_cancel_got_there_first_may_be_sent_again() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        overtaken = asyncio.create_task(http.call(call("order"), Purpose.ORDER))
        await asyncio.sleep(0.1)
        await http.call(call("cancel"), Purpose.CANCEL)
        _, nonce = await overtaken

        assert await http.nonce_refused(nonce) is Verdict.RETRY
        await http.call(call("order"), Purpose.ORDER)
        assert http.nonces_refused == 1

    virtually(work)


def test_overtaking_explains_a_few_refusals_and_not_a_stream_of_them() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        verdicts = []
        for _ in range(OVERTAKEN_LIMIT + 1):
            overtaken = asyncio.create_task(http.call(call("order"), Purpose.ORDER))
            await asyncio.sleep(0.1)
            await http.call(call("cancel"), Purpose.CANCEL)
            verdicts.append(await http.nonce_refused((await overtaken)[1]))

        assert verdicts == [Verdict.RETRY] * OVERTAKEN_LIMIT + [Verdict.STOP]

    virtually(work)


def test_any_number_of_refusals_below_a_nonce_that_passed_is_explained() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        verdicts = []
        for _ in range(OVERTAKEN_LIMIT + 5):
            overtaken = asyncio.create_task(http.call(call("order"), Purpose.ORDER))
            await asyncio.sleep(0.1)
            _, passed = await http.call(call("cancel"), Purpose.CANCEL)
            http.nonce_passed(passed)
            verdicts.append(await http.nonce_refused((await overtaken)[1]))

        assert verdicts == [Verdict.RETRY] * (OVERTAKEN_LIMIT + 5)

    virtually(work)


def test_a_larger_nonce_of_somebody_else_stops_the_key_with_one_explanation() -> None:
    async def work() -> None:
        rig = Rig()
        http = rig.http()
        _, nonce = await http.call(call("balance"), Purpose.ACCOUNT)
        waiting = asyncio.gather(
            *(http.call(call("queued"), Purpose.ACCOUNT) for _ in range(2)), return_exceptions=True
        )
        await asyncio.sleep(0.1)
        assert await http.nonce_refused(nonce) is Verdict.STOP
        _, last = await waiting

        assert isinstance(last, AuthError)
        with pytest.raises(
            AuthError, match=rf"larger nonce than ours, {nonce} \(microseconds\).*nanoseconds"
        ):
            await http.call(call("cancel"), Purpose.CANCEL)
        assert rig.venue.names == ["balance", "queued"]

    virtually(work)


@pytest.mark.parametrize(
    ("floor", "least"), [(Scale.NANOSECONDS, WALL_NS), (START_US * 50, START_US * 50 + 1)]
)
def test_a_configured_floor_is_gone_above_once(floor: Floor, least: int) -> None:
    async def work() -> None:
        rig = Rig(answer_s=0)
        http, other = rig.http(floor=floor), rig.http(floor=floor)
        _, nonce = await http.call(call("balance"), Purpose.ACCOUNT)
        _, nonce_of_other = await other.call(call("balance"), Purpose.ACCOUNT)
        assert await http.nonce_refused(nonce) is Verdict.RETRY
        assert await other.nonce_refused(nonce_of_other) is Verdict.RETRY

        _, nonce = await http.call(call("balance"), Purpose.ACCOUNT)
        assert nonce == least
        assert await http.nonce_refused(nonce) is Verdict.STOP

    virtually(work)


def test_a_floor_below_what_was_refused_is_no_cure() -> None:
    async def work() -> None:
        rig = Rig(key=MemoryKey(Nonces(10**17)))
        http = rig.http(floor=10**16)
        _, nonce = await http.call(call("balance"), Purpose.ACCOUNT)

        assert await http.nonce_refused(nonce) is Verdict.STOP
        assert await http.nonce_refused(nonce) is Verdict.STOP

    virtually(work)


class _Unreadable(MemoryKeyState):
    """Gives nonces, and cannot say afterwards which was the last."""

    def last_nonce(self) -> int:
        raise ConfigError("disk I/O error")


def test_an_answer_counts_where_the_files_of_the_key_cannot_be_read_any_more() -> None:
    async def work() -> None:
        rig = Rig()
        rig.user = _Unreadable
        response, _ = await rig.http().call(call("order"), Purpose.ORDER)
        assert response.status == 200

    virtually(work)


def test_what_was_refused_unread_can_be_taken_back_until_it_leaves_once_more() -> None:
    recall = Recall()
    recall.leave()
    assert not recall.take_back()
    recall.came_back()
    assert recall.take_back()
    with pytest.raises(Refused):
        recall.leave()
