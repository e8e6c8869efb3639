from __future__ import annotations

import asyncio
import itertools
import math
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.limits import DecayingCounter
from leadline.errors import ConnectFailed, ConnectionLost, Throttled, TransportError
from leadline.net.departures import QUEUE_LIMIT, Priority
from leadline.net.endpoint import BrokenOff
from leadline.net.http import ESSENTIAL, MemoryHttp, PacedHttp, Purpose, Request, Response, Terms

OK = Response(200, (), b"{}")


def get(path: str, cost: float = 1.0) -> Request:
    return Request("GET", path, cost=cost)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Venue(PacedHttp):
    """Notes when what left, and answers when the test says so."""

    def __init__(self, clock: ManualClock, counter: DecayingCounter) -> None:
        super().__init__(clock, counter)
        self.clock = clock
        self.left: list[tuple[str, float]] = []
        self.answers: dict[str, asyncio.Future[Response]] = {}

    async def exchange(self, request: Request) -> Response:
        self.left.append((request.path, self.clock.mono_ns() / NS_PER_S))
        if request.path in self.answers:
            return await asyncio.shield(self.answers[request.path])
        return OK

    def hold(self, path: str) -> asyncio.Future[Response]:
        self.answers[path] = asyncio.get_running_loop().create_future()
        return self.answers[path]


def venue(limit: float = 1000, decay_per_s: float = 1000) -> Venue:
    return Venue(ManualClock(), DecayingCounter(limit, decay_per_s))


def start(
    http: Venue, path: str, priority: Priority = Priority.NORMAL, cost: float = 1.0
) -> asyncio.Task[Response]:
    return asyncio.create_task(http.send(get(path, cost), Purpose.SNAPSHOT, priority))


async def pass_s(http: Venue, seconds: float, step_s: float = 0.05) -> None:
    for _ in range(round(seconds / step_s)):
        http.clock.advance(step_s)
        await turns()


async def test_an_answer_comes_back_whatever_its_status_and_is_counted_by_purpose() -> None:
    clock = ManualClock()
    http = MemoryHttp(
        lambda request: Response(503, (), request.path.encode()), clock, DecayingCounter(8, 0.8)
    )

    answer = await http.send(get("/down"), Purpose.STATUS)

    assert (answer.status, answer.body) == (503, b"/down")
    assert dict(http.counts) == {Purpose.STATUS: 1}


def test_what_makes_the_account_safer_is_essential_and_what_moves_money_is_not() -> None:
    assert {Purpose.CANCEL, Purpose.LOOKUP, Purpose.EMERGENCY, Purpose.STATUS} < ESSENTIAL
    assert ESSENTIAL.isdisjoint({Purpose.ORDER, Purpose.ACCOUNT, Purpose.HISTORY, Purpose.BACKFILL})


async def test_ordinary_requests_leave_a_tenth_of_a_second_apart() -> None:
    http = venue()
    asked = [start(http, f"/{n}") for n in range(4)]
    await pass_s(http, 1)
    await asyncio.gather(*asked)

    times = [round(moment, 6) for _, moment in http.left]
    assert [path for path, _ in http.left] == ["/0", "/1", "/2", "/3"]
    assert all(later - sooner >= 0.1 - 1e-9 for sooner, later in itertools.pairwise(times))
    assert times[-1] <= 0.45


async def test_an_emergency_and_a_fallback_wait_for_no_spacing() -> None:
    http = venue()
    asked = [
        start(http, "/a"),
        start(http, "/b", Priority.FALLBACK),
        start(http, "/c", Priority.EMERGENCY),
    ]
    await asyncio.gather(*asked[1:])

    assert sorted(http.left) == [("/a", 0.0), ("/b", 0.0), ("/c", 0.0)]
    await asked[0]


async def test_the_more_urgent_leaves_first_and_equals_in_order() -> None:
    http = venue(limit=1, decay_per_s=1)
    await start(http, "/first")
    asked = [
        start(http, "/background", Priority.BACKGROUND),
        start(http, "/normal-1"),
        start(http, "/normal-2"),
        start(http, "/emergency", Priority.EMERGENCY),
    ]
    await pass_s(http, 5)
    await asyncio.gather(*asked)

    assert [path for path, _ in http.left] == [
        "/first",
        "/emergency",
        "/normal-1",
        "/normal-2",
        "/background",
    ]


async def test_a_slow_answer_holds_back_nobody() -> None:
    http = venue()
    answer = http.hold("/slow")
    slow, quick = start(http, "/slow"), start(http, "/quick")
    await pass_s(http, 0.2)

    assert await quick == OK
    assert not slow.done()
    answer.set_result(OK)
    await slow


async def test_identical_gets_under_way_are_one_request() -> None:
    http = venue()
    answer = http.hold("/ticker")
    asked = [start(http, "/ticker") for _ in range(5)]
    await pass_s(http, 1)
    answer.set_result(OK)

    assert await asyncio.gather(*asked) == [OK] * 5
    assert len(http.left) == 1
    assert http.counts[Purpose.SNAPSHOT] == 1

    await pass_s(http, 0.2)
    await start(http, "/ticker")
    assert len(http.left) == 2


async def test_posts_are_never_shared() -> None:
    http = venue()
    asked = [asyncio.create_task(http.send(Request("POST", "/order"), Purpose.STATUS)) for _ in range(2)]
    await pass_s(http, 0.3)
    await asyncio.gather(*asked)

    assert len(http.left) == 2


async def test_all_who_share_a_request_hear_of_its_failure() -> None:
    http = venue()
    answer = http.hold("/ticker")
    asked = [start(http, "/ticker") for _ in range(3)]
    await turns()
    answer.set_exception(ConnectionLost("cut"))

    outcomes = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [ConnectionLost] * 3
    assert len(http.left) == 1


async def test_when_the_one_who_sent_gives_up_another_takes_over() -> None:
    http = venue()
    answer = http.hold("/ticker")
    asked = [start(http, "/ticker") for _ in range(3)]
    await turns()
    asked[0].cancel()
    await pass_s(http, 0.2)
    assert [path for path, _ in http.left] == ["/ticker", "/ticker"]

    answer.set_result(OK)
    assert await asked[1] == OK
    assert await asked[2] == OK
    assert len(http.left) == 2


async def test_one_who_gives_up_waiting_takes_nothing_from_the_others() -> None:
    http = venue()
    answer = http.hold("/ticker")
    asked = [start(http, "/ticker") for _ in range(2)]
    await turns()
    asked[1].cancel()
    await turns()
    answer.set_result(OK)

    assert await asked[0] == OK
    assert asked[1].cancelled()


async def test_an_urgent_request_hurries_the_identical_one_that_still_waits() -> None:
    http = venue(limit=1, decay_per_s=1)
    await start(http, "/first")
    slow = [start(http, "/other", Priority.NORMAL), start(http, "/same", Priority.BACKGROUND)]
    await turns()
    urgent = start(http, "/same", Priority.EMERGENCY)
    await pass_s(http, 3)
    await asyncio.gather(urgent, *slow)

    assert [path for path, _ in http.left] == ["/first", "/same", "/other"]


async def test_who_would_share_too_late_an_answer_is_told_so() -> None:
    http = venue(limit=1, decay_per_s=0.125)
    await start(http, "/first")
    slow = start(http, "/same", Priority.BACKGROUND)
    await turns()

    with pytest.raises(Throttled) as throttled:
        await start(http, "/same", Priority.EMERGENCY)

    assert throttled.value.delay_s == 8
    await pass_s(http, 8)
    assert await slow == OK


async def test_what_does_not_fit_within_its_patience_is_refused_with_the_delay() -> None:
    http = venue(limit=8, decay_per_s=0.8)
    for n in range(8):
        await start(http, f"/{n}", Priority.FALLBACK)
    waiting = [start(http, f"/wait/{n}", Priority.FALLBACK) for n in range(4)]

    with pytest.raises(Throttled, match=r"no room for another 6\.2 s") as throttled:
        await start(http, "/too-much", Priority.FALLBACK)

    assert throttled.value.delay_s == 6.25
    assert http.throttled == 1
    await pass_s(http, 5)
    await asyncio.gather(*waiting)
    assert [moment for _, moment in http.left[8:]] == [1.25, 2.5, 3.75, 5.0]


async def test_the_background_waits_as_long_as_it_takes() -> None:
    http = venue(limit=1, decay_per_s=0.01)
    await start(http, "/first")
    waiting = start(http, "/history", Priority.BACKGROUND)
    await pass_s(http, 100, step_s=10)

    assert await waiting == OK
    assert http.left[-1] == ("/history", 100.0)


async def test_one_overtaken_beyond_its_patience_hears_of_it_at_once() -> None:
    http = venue(limit=1, decay_per_s=0.25)
    await start(http, "/first")
    holding = start(http, "/head", Priority.NORMAL)
    late = start(http, "/late", Priority.NORMAL)
    await turns()
    assert not late.done()
    urgent = [start(http, "/urgent", Priority.FALLBACK)]
    await turns()

    with pytest.raises(Throttled):
        await late
    await pass_s(http, 8)
    await asyncio.gather(holding, *urgent)


async def test_a_cost_beyond_the_whole_budget_is_refused_even_in_the_background() -> None:
    http = venue(limit=8, decay_per_s=0.8)

    with pytest.raises(Throttled) as throttled:
        await start(http, "/huge", Priority.BACKGROUND, cost=9)

    assert math.isinf(throttled.value.delay_s)
    assert await start(http, "/next") == OK


async def test_the_queue_is_bounded() -> None:
    http = venue(limit=1, decay_per_s=0.001)
    await start(http, "/first")
    waiting = [start(http, f"/{n}", Priority.BACKGROUND) for n in range(QUEUE_LIMIT)]
    await turns()

    with pytest.raises(Throttled):
        await start(http, "/one-more", Priority.BACKGROUND)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_head_of_the_queue_giving_up_lets_the_next_one_go() -> None:
    http = venue(limit=2, decay_per_s=1)
    await start(http, "/first", cost=2)
    head = start(http, "/head", Priority.FALLBACK, cost=2)
    following = start(http, "/following", Priority.FALLBACK, cost=1)
    await turns()
    head.cancel()
    await pass_s(http, 1)

    assert await following == OK
    assert http.left[-1] == ("/following", 1.0)


async def test_too_many_requests_corrects_the_budget() -> None:
    clock, counter = ManualClock(), DecayingCounter(8, 0.8)
    http = MemoryHttp(lambda request: Response(429, (), b""), clock, counter)

    await http.send(get("/"), Purpose.STATUS)

    assert counter.level(clock.mono_ns()) == pytest.approx(8)


@given(
    asked=st.lists(
        st.tuples(st.sampled_from(list(Priority)), st.integers(0, 40), st.floats(0.5, 3)), max_size=25
    )
)
async def test_nothing_ever_leaves_beyond_the_budget(asked: list[tuple[Priority, int, float]]) -> None:
    http = venue(limit=8, decay_per_s=0.8)
    tasks = []
    costs = {}
    for number, (priority, pause, cost) in enumerate(asked):
        await pass_s(http, pause / 20)
        costs[f"/{number}"] = cost
        tasks.append(start(http, f"/{number}", priority, cost))
    await pass_s(http, 100, step_s=0.625)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(outcome == OK or isinstance(outcome, Throttled) for outcome in outcomes)
    assert len(http.left) == sum(outcome == OK for outcome in outcomes)
    level = last_s = 0.0
    for path, moment_s in http.left:
        level = max(0.0, level - (moment_s - last_s) * 0.8) + costs[path]
        last_s = moment_s
        assert level <= 8 + 1e-6


async def test_a_lost_stream_finds_room_however_much_the_background_asks() -> None:
    http = venue(limit=8, decay_per_s=0.8)
    asked = [start(http, f"/{n}", Priority.BACKGROUND) for n in range(50)]
    await pass_s(http, 3)
    at_s = http.clock.mono_ns() / NS_PER_S
    await asyncio.gather(*(start(http, f"/lost-{n}", Priority.FALLBACK) for n in range(4)))

    assert http.left[-4:] == [(f"/lost-{n}", at_s) for n in range(4)]
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)


async def test_a_waiting_request_that_becomes_urgent_leaves_within_a_tenth_of_a_second() -> None:
    http = venue(limit=8, decay_per_s=0.8)
    for number in range(4):
        await start(http, f"/{number}", Priority.FALLBACK)
    slow = start(http, "/shared", Priority.BACKGROUND)
    await turns()
    urgent = start(http, "/shared", Priority.FALLBACK)
    await pass_s(http, 0.1)

    assert (await urgent, await slow) == (OK, OK)


class Hanging(PacedHttp):
    """Hangs up on the first exchanges."""

    def __init__(self, counter: DecayingCounter, times: int) -> None:
        super().__init__(ManualClock(), counter)
        self.left_to_break = times

    async def exchange(self, request: Request) -> Response:
        if self.left_to_break:
            self.left_to_break -= 1
            raise BrokenOff("the other side hung up")
        return OK


async def test_a_get_that_broke_off_goes_once_more_within_the_budget() -> None:
    once, twice = Hanging(DecayingCounter(8, 0.8), 1), Hanging(DecayingCounter(8, 0.8), 2)

    assert await once.send(get("/"), Purpose.FALLBACK, Priority.FALLBACK) == OK
    assert once.counts[Purpose.FALLBACK] == 2
    with pytest.raises(ConnectionLost):
        await twice.send(get("/"), Purpose.FALLBACK, Priority.FALLBACK)
    with pytest.raises(Throttled):
        await Hanging(DecayingCounter(1, 0.1), 1).send(get("/"), Purpose.FALLBACK, Priority.FALLBACK)


async def test_a_post_that_broke_off_is_not_sent_again() -> None:
    http = Hanging(DecayingCounter(8, 0.8), 1)
    with pytest.raises(ConnectionLost):
        await http.send(Request("POST", "/order"), Purpose.STATUS)

    assert http.counts[Purpose.STATUS] == 1


@pytest.mark.parametrize(
    ("outcome", "failures", "limited"),
    [
        (Response(200, (), b""), 0, False),
        (Response(404, (), b""), 0, False),
        (Response(429, (), b""), 0, True),
        (Response(503, (), b""), 1, False),
        (ConnectFailed("no way there"), 1, False),
        (ConnectionLost("no answer"), 1, False),
    ],
)
async def test_whether_requests_get_through_is_known_from_how_they_end(
    outcome: Response | TransportError, failures: int, limited: bool
) -> None:
    def answer(request: Request) -> Response:
        if isinstance(outcome, TransportError):
            raise outcome
        return outcome

    http = MemoryHttp(answer, ManualClock(), DecayingCounter(8, 0.8))
    with suppress(TransportError):
        await http.send(get("/x"), Purpose.STATUS)

    assert (http.reach.failures, http.reach.limited) == (failures, limited)
    assert http.failed == failures + limited


async def test_all_who_share_a_failed_request_count_as_one_failure() -> None:
    http = venue()
    answer = http.hold("/x")
    asking = [start(http, "/x") for _ in range(3)]
    await turns()
    answer.set_exception(ConnectionLost("no answer"))
    await asyncio.gather(*asking, return_exceptions=True)

    assert http.reach.failures == 1


async def test_the_way_there_and_back_is_timed_without_the_wait_for_the_turn() -> None:
    http = venue()
    held = http.hold("/slow")
    first, second = start(http, "/quick"), start(http, "/slow")
    await pass_s(http, 0.5)
    held.set_result(OK)
    await asyncio.gather(first, second)

    assert http.round_trips.count == 2
    left_s = dict(http.left)["/slow"]
    assert 0 < left_s < 0.5
    assert http.round_trips.max == round((0.5 - left_s) * NS_PER_S)


async def test_an_answer_tells_when_its_request_left_and_when_it_was_whole() -> None:
    http = venue()
    answer = http.hold("/slow")
    asked = start(http, "/slow")
    await turns()
    http.clock.advance(0.7)
    answer.set_result(Response(200, (), b"late"))

    told = await asked
    assert (told.sent_ns, told.received_ns) == (0, 700_000_000)
    assert told == Response(200, (), b"late")


async def test_the_terms_of_a_venue_decide_what_an_answer_says_of_the_budget() -> None:
    heard = []

    def heed(request: Request, response: Response) -> bool:
        heard.append((request.path, response.status, response.sent_ns))
        return response.status == 418

    clock, counter = ManualClock(mono_ns=5), DecayingCounter(8, 0.8)
    statuses = iter((429, 418))
    http = MemoryHttp(lambda request: Response(next(statuses), (), b""), clock, counter, Terms(heed=heed))

    await http.send(get("/once"), Purpose.SNAPSHOT, Priority.FALLBACK)
    assert not http.reach.limited
    assert counter.level(clock.mono_ns()) == pytest.approx(1)
    await http.send(get("/twice"), Purpose.SNAPSHOT, Priority.FALLBACK)
    assert http.reach.limited
    assert http.failed == 1
    assert heard == [("/once", 429, 5), ("/twice", 418, 5)]


async def test_the_terms_of_a_venue_decide_how_close_requests_leave_and_what_they_leave_to_others() -> None:
    clock, counter = ManualClock(), DecayingCounter(8, 0.8)
    terms = Terms(reserve=dict.fromkeys(Priority, 6.0), spacing_ns=0)
    http = MemoryHttp(lambda request: OK, clock, counter, terms)

    for path in ("/one", "/two"):
        assert await http.send(get(path), Purpose.SNAPSHOT) == OK
    with pytest.raises(Throttled):
        await http.send(get("/three", cost=2), Purpose.SNAPSHOT, Priority.EMERGENCY)


async def test_a_request_is_sealed_at_the_moment_it_leaves_and_shared_by_what_it_was_before() -> None:
    http = venue()
    answer = http.hold("/sealed")
    sealed = []

    def seal(request: Request) -> Request:
        sealed.append(http.clock.mono_ns() / NS_PER_S)
        return replace(request, path="/sealed", seal=None)

    await http.send(get("/before"), Purpose.ACCOUNT)
    request = replace(get("/account"), seal=seal)
    asked = [asyncio.create_task(http.send(request, Purpose.ACCOUNT)) for _ in range(2)]
    await pass_s(http, 0.2)
    answer.set_result(OK)

    assert await asyncio.gather(*asked) == [OK, OK]
    assert http.left == [("/before", 0.0), ("/sealed", 0.1)]
    assert sealed == [0.1]
