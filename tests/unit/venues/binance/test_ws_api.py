from __future__ import annotations

import json
from typing import Any

import pytest

from binance_orders import API_KEY, API_SECRET, WALL_NS
from leadline.clock import NS_PER_MS, NS_PER_S
from leadline.core.session import Reconnect, Send
from leadline.core.venue_time import VenueTime
from leadline.errors import ConnectFailed
from leadline.venues.binance.auth import Credentials, Signer
from leadline.venues.binance.symbols import RateLimitRow
from leadline.venues.binance.timing import Moment
from leadline.venues.binance.ws_api import LIFE_NS, PING_NS, SILENCE_NS, ApiAnswer, WsApiSession

START_NS = 1_000 * NS_PER_S
VENUE_MS = WALL_NS // NS_PER_MS


class Counts:
    def __init__(self) -> None:
        self.spent = 0.0
        self.counts: list[tuple[int | None, int]] = []
        self.refusals: list[float | None] = []
        self.open_ns = 0
        """Until when the venue refuses our address."""

    def pause_s(self, now_ns: int) -> float:
        return max(0, self.open_ns - now_ns) / NS_PER_S

    def refused(self, retry_s: float | None, now_ns: int) -> None:
        self.refusals.append(retry_s)
        self.open_ns = now_ns + round((retry_s or 60) * NS_PER_S)

    def spend(self, points: float, now_ns: int) -> None:
        self.spent += points

    def told(self, rows: list[RateLimitRow], sent_ns: int, now_ns: int) -> None:
        self.counts += [(row.count, sent_ns) for row in rows]


class Waits:
    def __init__(self) -> None:
        self.answers: list[ApiAnswer] = []
        self.reasons: list[str] = []

    def answered(self, answer: ApiAnswer, now_ns: int) -> bool:
        self.answers.append(answer)
        return True

    def lost(self, reason: str) -> None:
        self.reasons.append(reason)


class Rig:
    def __init__(self, *, proven: bool = True) -> None:
        self.now_ns = START_NS
        self.venue_time = VenueTime()
        self.counts = Counts()
        self.session = WsApiSession(Signer(Credentials(API_KEY, API_SECRET)), self.venue_time, self.counts)
        self.session.opened(self.now_ns)
        if proven:
            self.time_told()

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(one.text) for one in self.session.outputs() if isinstance(one, Send)]

    def hear(self, **answer: Any) -> None:
        self.session.received(json.dumps({"status": 200} | answer).encode(), self.now_ns)

    def time_told(self) -> None:
        (request,) = self.sent()
        assert request["method"] == "time"
        elapsed_ms = (self.now_ns - START_NS) // NS_PER_MS
        self.hear(id=request["id"], result={"serverTime": VENUE_MS + elapsed_ms})

    def ask(self, waiter: Waits, **params: str) -> int:
        moment = Moment(VENUE_MS, 2000)
        return self.session.ask("order.place", tuple(params.items()), moment, 0.0, self.now_ns, waiter)

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)
        self.session.woke(self.now_ns)


def test_a_line_is_ready_when_its_first_question_was_answered_and_the_clock_is_known() -> None:
    rig = Rig(proven=False)
    assert not rig.session.ready(rig.now_ns)
    with pytest.raises(ConnectFailed):
        rig.ask(Waits())
    rig.time_told()
    assert rig.session.ready(rig.now_ns)
    assert rig.venue_time.now_ns(rig.now_ns) == pytest.approx(WALL_NS, abs=NS_PER_MS)


def test_a_request_is_signed_over_its_sorted_parameters_and_integers_are_integers() -> None:
    rig = Rig()
    number = rig.ask(Waits(), symbol="BTCUSDT", orderId="8389765739703625592", price="80000")
    (request,) = rig.sent()
    params = request["params"]
    assert (request["id"], request["method"]) == (number, "order.place")
    assert params["orderId"] == 8389765739703625592
    assert (params["timestamp"], params["recvWindow"], params["price"]) == (VENUE_MS, 2000, "80000")
    unsigned = {name: value for name, value in params.items() if name != "signature"}
    payload = "&".join(f"{name}={unsigned[name]}" for name in sorted(unsigned))
    assert params["signature"] == Signer(Credentials(API_KEY, API_SECRET)).sign(payload)


def test_a_request_without_a_moment_bears_the_key_alone() -> None:
    rig = Rig()
    rig.session.ask("userDataStream.ping", (), None, 1.0, rig.now_ns, Waits())
    (request,) = rig.sent()
    assert (request["method"], request["params"]) == ("userDataStream.ping", {"apiKey": API_KEY})


def test_answers_find_who_asked_in_whatever_order_they_come() -> None:
    rig = Rig()
    first, second = Waits(), Waits()
    numbers = rig.ask(first), rig.ask(second)
    assert rig.session.outstanding == 2
    rig.hear(id=numbers[1], result={"orderId": 2})
    assert (len(first.answers), len(second.answers)) == (0, 1)
    rig.hear(id=numbers[0], status=400, error={"code": -2019, "msg": "Margin is insufficient."})
    assert not first.answers[0].ok
    assert second.answers[0].ok
    assert rig.session.outstanding == 0


def test_a_second_answer_to_one_request_is_kept_and_told_nobody() -> None:
    rig = Rig()
    waits = Waits()
    number = rig.ask(waits)
    for _ in range(2):
        rig.hear(id=number, result={})
    assert len(waits.answers) == 1
    assert rig.session.skipped_count == 1


@pytest.mark.parametrize(
    "frame", [b"nonsense", b'{"id":null,"status":401}', b'{"id":99,"status":200}', b"[]"]
)
def test_what_answers_nothing_is_counted_kept_and_skipped(frame: bytes) -> None:
    rig = Rig()
    waits = Waits()
    rig.ask(waits)
    rig.session.received(frame, rig.now_ns)
    assert rig.session.skipped_count == 1
    assert rig.session.skipped[0].frame == frame
    assert (waits.answers, waits.reasons) == ([], [])


def test_with_the_connection_every_wait_ends() -> None:
    rig = Rig()
    waits = Waits()
    rig.ask(waits)
    rig.session.closed("cut", rig.now_ns)
    assert waits.reasons == ["cut"]
    assert not rig.session.ready(rig.now_ns)
    assert rig.session.wake_at() is None


def test_the_time_is_asked_for_again_and_again_and_silence_ends_the_line() -> None:
    rig = Rig()
    rig.sent()
    assert rig.session.wake_at() == START_NS + PING_NS
    rig.pass_s(PING_NS / NS_PER_S)
    (request,) = rig.sent()
    assert request["method"] == "time"
    rig.pass_s(SILENCE_NS / NS_PER_S - PING_NS / NS_PER_S)
    (left,) = rig.session.outputs()
    assert isinstance(left, Reconnect)
    assert "no frame for 12.0 s" in left.reason
    assert not rig.session.ready(rig.now_ns)


def test_a_line_is_left_before_the_venue_cuts_it_and_never_while_an_answer_is_awaited() -> None:
    rig = Rig()
    waits = Waits()
    rig.now_ns = START_NS + LIFE_NS
    rig.hear(id=99)
    number = rig.ask(waits)
    rig.pass_s(0)
    assert not any(isinstance(one, Reconnect) for one in rig.session.outputs())
    rig.hear(id=number, result={})
    rig.pass_s(0)
    assert any(isinstance(one, Reconnect) for one in rig.session.outputs())


def test_after_a_pause_of_ours_the_line_is_asked_at_once() -> None:
    rig = Rig()
    rig.sent()
    rig.session.held_up(rig.now_ns, rig.now_ns)
    (request,) = rig.sent()
    assert request["method"] == "time"


def test_a_line_that_does_not_tell_the_time_is_left() -> None:
    rig = Rig(proven=False)
    (request,) = rig.sent()
    rig.hear(id=request["id"], status=403, error={"code": None, "msg": "Forbidden"})
    (left,) = rig.session.outputs()
    assert isinstance(left, Reconnect)
    assert "does not tell the time" in left.reason


def test_nothing_at_all_is_asked_while_the_venue_refuses_our_address_and_the_line_stands() -> None:
    rig = Rig()
    rig.sent()
    rig.counts.open_ns = rig.now_ns + 300 * NS_PER_S
    assert not rig.session.ready(rig.now_ns)
    with pytest.raises(ConnectFailed):
        rig.ask(Waits())
    for _ in range(58):
        rig.pass_s(PING_NS / NS_PER_S)
    rig.session.held_up(rig.now_ns, rig.now_ns)
    assert rig.session.outputs() == []
    assert rig.session.wake_at() == rig.counts.open_ns
    rig.now_ns = rig.counts.open_ns
    rig.session.woke(rig.now_ns)
    rig.time_told()
    assert rig.session.ready(rig.now_ns)


def test_a_line_lost_while_the_venue_refuses_our_address_comes_back_after_that() -> None:
    rig = Rig()
    rig.sent()
    rig.counts.open_ns = rig.now_ns + 300 * NS_PER_S
    rig.session.closed("cut", rig.now_ns)
    assert rig.session.retry_floor_s == 300
    rig.session.opened(rig.now_ns)
    assert rig.session.outputs() == []
    rig.now_ns += 300 * NS_PER_S
    rig.session.woke(rig.now_ns)
    rig.time_told()
    rig.session.closed("cut", rig.now_ns)
    assert rig.session.retry_floor_s == 0


@pytest.mark.parametrize("status", [418, 429])
def test_a_question_refused_for_the_weight_is_told_and_not_answered_by_a_new_connection(status: int) -> None:
    rig = Rig()
    rig.sent()
    rig.pass_s(PING_NS / NS_PER_S)
    (request,) = rig.sent()
    text = f"Way too many requests; IP(1.2.3.4) banned until {VENUE_MS + 605_000}."
    rig.hear(id=request["id"], status=status, error={"code": -1003, "msg": text})
    assert rig.session.outputs() == []
    assert rig.counts.pause_s(rig.now_ns) == pytest.approx(600, abs=1)
    rig.pass_s(60)
    assert rig.session.outputs() == []


def test_a_refusal_that_names_no_end_lasts_as_long_as_the_window() -> None:
    rig = Rig()
    rig.sent()
    rig.pass_s(PING_NS / NS_PER_S)
    (request,) = rig.sent()
    rig.hear(id=request["id"], status=429, error={"code": -1003, "msg": "Too many requests."})
    assert rig.counts.refusals == [None]


def test_weight_is_counted_and_the_venues_own_counts_are_told() -> None:
    rig = Rig()
    assert rig.counts.spent == 6.0  # the handshake, and the time
    number = rig.ask(Waits())
    limits = [{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300, "count": 4}]
    asked_ns, rig.now_ns = rig.now_ns, rig.now_ns + NS_PER_S
    rig.hear(id=number, result={}, rateLimits=limits)
    assert rig.counts.counts == [(4, asked_ns)]


def test_a_new_connection_knows_nothing_of_the_one_before() -> None:
    rig = Rig()
    rig.ask(Waits())
    rig.session.closed("cut", rig.now_ns)
    rig.session.opened(rig.now_ns)
    (request,) = rig.sent()
    assert request["method"] == "time"
    assert rig.session.outstanding == 0
    assert not rig.session.ready(rig.now_ns)
