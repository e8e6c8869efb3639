from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import pytest

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.core.cells import Cell, MemoryCells
from leadline.core.windows import KeptWindows
from leadline.errors import Throttled
from leadline.net.departures import Priority
from leadline.net.http import MemoryHttp, Purpose, Request, Response
from leadline.venues.binance.limits import RESERVE, AddressLimits, OrderLimits
from leadline.venues.binance.symbols import RateLimitRow
from leadline.venues.ports import Action

S = TypeVar("S")
T = TypeVar("T")

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 29_833_333 * MINUTE_NS
"""A minute of the venue's clock begins at monotonic 0."""


def known(clock: ManualClock, shared: MemoryCells | None = None) -> AddressLimits:
    """Limits that know the venue's clock to the millisecond."""
    address = AddressLimits(clock, shared)
    now_ns = clock.mono_ns()
    venue_ns = BEGIN_NS + now_ns
    address.venue_time.sample(now_ns, now_ns, venue_ns, venue_ns, resolution_ns=1)
    return address


def at(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def refused(status: int, code: int, text: str = "no", *headers: tuple[str, str]) -> Response:
    body = json.dumps({"code": code, "msg": text}).encode()
    return Response(status, headers, body, sent_ns=at(10), received_ns=at(10.1))


def weighed(used: int, sent_s: float = 10, received_s: float = 10.1) -> Response:
    return Response(200, (("X-MBX-USED-WEIGHT-1M", str(used)),), b"{}", at(sent_s), at(received_s))


TEN_SECONDS = "Too many new orders; current limit is 300 orders per TEN_SECONDS."
GET = Request("GET", "/fapi/v1/depth", cost=20)


def test_four_fifths_of_a_minutes_weight_are_used_and_no_more() -> None:
    address = known(ManualClock())

    assert address.weight.take(1920, at(10)) == 0
    assert address.weight.take(1, at(10)) == pytest.approx(50, abs=0.1)
    assert address.weight.take(0, at(10)) == 0


def test_each_more_urgent_request_finds_room_where_a_lesser_one_does_not() -> None:
    levels = sorted(Priority)
    assert [RESERVE[level] for level in levels] == sorted(RESERVE.values())
    address = known(ManualClock())
    for lesser, urgent in zip(reversed(levels), reversed(levels[:-1]), strict=False):
        while address.weight.take(1, at(10), RESERVE[lesser]) == 0:
            pass
        assert address.weight.take(1, at(10), RESERVE[urgent]) == 0


def test_an_emergency_has_room_when_the_budget_is_spent_and_never_all_that_the_venue_allows() -> None:
    address = known(ManualClock())
    while address.weight.take(10, at(10), RESERVE[Priority.FALLBACK]) == 0:
        pass

    lists = 0
    while address.weight.take(40, at(10), RESERVE[Priority.EMERGENCY]) == 0:
        lists += 1

    assert lists >= 8, "what is open can be listed and cancelled in two rounds"
    assert address.weight.level(at(10)) <= 0.95 * 2400


def test_the_first_minute_has_room_for_a_snapshot_of_150_books_beside_the_reserves() -> None:
    address = known(ManualClock())

    snapshots = [address.weight.take(10, at(2), RESERVE[Priority.BACKGROUND]) for _ in range(150)]
    assert set(snapshots) == {0}


def test_the_venues_word_corrects_the_weight_of_its_minute() -> None:
    address = known(ManualClock())

    assert address.heed(GET, weighed(700)) is False
    assert address.weight.level(at(11)) == 700
    assert address.heed(GET, weighed(900, sent_s=59.5, received_s=60.5)) is False
    assert address.weight.level(at(11)) == 700
    assert address.weight.level(at(61)) == 0


def test_a_weight_that_is_known_to_be_wrong_is_not_believed() -> None:
    address = known(ManualClock())
    address.heed(Request("GET", "/fapi/v1/ticker/bookTicker"), weighed(1900))

    assert address.weight.level(at(11)) == 0


def test_a_refusal_for_the_weight_lets_nothing_leave_before_the_window_ends() -> None:
    address = known(ManualClock())

    assert address.heed(GET, refused(429, -1003)) is True
    assert address.weight.take(0, at(59)) > 0
    assert address.weight.take(0, at(60.1)) == 0


def test_a_refusal_that_says_for_how_long_is_heeded() -> None:
    address = known(ManualClock())

    assert address.heed(GET, refused(429, -1003, "", ("Retry-After", "100"))) is True
    assert address.weight.take(0, at(110)) > 0
    assert address.weight.take(0, at(110.1)) == 0


def test_a_refusal_for_no_time_at_all_lasts_until_the_window_ends() -> None:
    address = known(ManualClock())
    address.heed(GET, refused(429, -1003, "", ("Retry-After", "0")))

    assert address.weight.take(0, at(59)) > 0


def test_a_minute_spent_to_the_last_lets_nothing_leave_that_spends_without_asking() -> None:
    address = known(ManualClock())
    address.weight.spend(2279, at(2))
    assert address.pause_s(at(2)) == 0
    address.weight.spend(1, at(2))

    assert address.pause_s(at(2)) == pytest.approx(58, abs=0.1)
    assert address.pause_s(at(60.1)) == 0
    address.refused(300.0, at(61))
    assert address.pause_s(at(61)) == 300


def test_a_ban_lasts_until_its_end_by_the_venues_clock() -> None:
    address = known(ManualClock())
    end_ms = (BEGIN_NS + at(400)) // NS_PER_MS

    assert address.heed(GET, refused(418, -1003, f"IP(1.1.1.1) banned until {end_ms}. Please")) is True
    assert address.weight.delay_s(0, at(100)) == pytest.approx(300, abs=0.5)


def test_a_ban_is_sat_out_by_the_latest_that_the_venues_clock_may_say() -> None:
    clock = ManualClock(wall_ns=BEGIN_NS)
    address = AddressLimits(clock)
    text = f"IP(1.1.1.1) banned until {(BEGIN_NS + at(400)) // NS_PER_MS}."
    address.heed(GET, refused(418, -1003, text))

    assert address.weight.delay_s(0, at(10.1)) == pytest.approx(394.9, abs=0.1)


def test_a_ban_that_is_over_by_its_own_words_still_lasts_until_the_minute_ends() -> None:
    address = known(ManualClock())
    address.heed(GET, refused(418, -1003, f"banned until {(BEGIN_NS + at(5)) // NS_PER_MS}."))

    assert address.weight.delay_s(0, at(20)) == pytest.approx(40, abs=0.1)


def test_a_ban_without_an_end_lasts_two_minutes_at_least() -> None:
    address = known(ManualClock())
    address.heed(GET, Response(418, (), b"<html>", at(10), at(10)))

    assert address.weight.delay_s(0, at(10)) == 120


def test_too_many_orders_are_the_accounts_affair_and_hold_back_no_other_request() -> None:
    address = known(ManualClock())

    assert address.heed(GET, refused(429, -1015)) is False
    assert address.weight.delay_s(20, at(10.1)) == 0


def test_fundings_have_a_pool_of_their_own() -> None:
    address = known(ManualClock())
    asked = Request("GET", "/fapi/v1/fundingRate", cost=0)

    assert address.fundings.take(400, at(10)) == 0
    assert address.fundings.take(1, at(10)) == pytest.approx(110, abs=0.1)  # its five minutes end at 2:00
    assert address.weight.level(at(10)) == 0
    other = known(ManualClock())
    assert other.heed(asked, refused(429, -1003)) is True
    assert other.fundings.take(1, at(10)) > 0
    assert other.weight.delay_s(1, at(10)) == 0
    assert other.heed(asked, refused(418, -1003)) is True
    assert other.weight.delay_s(1, at(10.1)) == 120


def test_the_testnet_allows_what_its_exchange_info_says() -> None:
    address = known(ManualClock())
    address.learned(
        [
            RateLimitRow("REQUEST_WEIGHT", "MINUTE", 1, 6000),
            RateLimitRow("ORDERS", "MINUTE", 1, 1200),
            RateLimitRow("RAW_REQUESTS", "YEAR", 1, 5),
        ]
    )

    assert address.weight.limit == 4800


@pytest.mark.parametrize("limit", [0, -1, 9])
async def test_a_limit_that_would_let_nothing_leave_is_not_believed(limit: int) -> None:
    clock = ManualClock()
    limits = OrderLimits(known(clock))
    rows = [
        RateLimitRow("REQUEST_WEIGHT", "MINUTE", 1, limit),
        RateLimitRow("ORDERS", "SECOND", 10, limit),
        RateLimitRow("ORDERS", "MINUTE", 1, limit, count=7),
    ]
    limits.address.learned(rows)
    limits.told(rows, at(2), at(2.1))

    assert limits.charge(Action.ADD, at(3), count=5) == 0
    assert limits.a_minute.level(at(3)) == 8
    address = limits.address
    http = MemoryHttp(lambda request: Response(200, (), b"{}"), clock, address.weight, address.terms)
    assert (await http.send(GET, Purpose.CANCEL, Priority.EMERGENCY)).status == 200


def test_a_count_that_no_number_holds_is_passed_over() -> None:
    limits = OrderLimits(known(ManualClock()))
    endless = "9" * 400
    limits.told_by_headers((("X-MBX-ORDER-COUNT-10S", endless),), at(2), at(2.1))
    answer = Response(200, (("X-MBX-USED-WEIGHT-1M", endless),), b"{}", at(2), at(2.1))
    assert not limits.address.heed(GET, answer)
    assert limits.charge(Action.ADD, at(3)) == 0


def test_before_the_venues_clock_is_measured_a_minute_has_a_wide_edge() -> None:
    clock = ManualClock(wall_ns=BEGIN_NS + at(30))
    address = AddressLimits(clock)
    address.weight.spend(1920, 0)

    assert address.weight.delay_s(1, 0) == 35
    assert address.weight.delay_s(1, at(36)) == 0


async def test_a_storm_of_requests_waits_for_the_next_minute_and_an_emergency_does_not() -> None:
    clock = ManualClock()
    address = known(clock)
    http = MemoryHttp(lambda request: Response(200, (), b"{}"), clock, address.weight, address.terms)
    address.weight.spend(1680, 0)

    with pytest.raises(Throttled) as throttled:
        await http.send(GET, Purpose.SNAPSHOT)
    assert throttled.value.delay_s == pytest.approx(60, abs=1)
    assert (await http.send(GET, Purpose.CANCEL, Priority.EMERGENCY)).status == 200


async def test_nothing_at_all_is_sent_on_a_banned_address() -> None:
    clock = ManualClock()
    address = known(clock)
    sent = []

    def answer(request: Request) -> Response:
        sent.append(request.path)
        return Response(418, (), b"")

    http = MemoryHttp(answer, clock, address.weight, address.terms)
    await http.send(GET, Purpose.SNAPSHOT)
    for free in (Request("POST", "/fapi/v1/order", cost=0), GET):
        with pytest.raises(Throttled):
            await http.send(free, Purpose.CANCEL, Priority.EMERGENCY)

    assert len(sent) == 1
    assert http.reach.limited


# --- orders ---


def test_a_burst_of_orders_leaves_at_once_and_then_the_windows_rule() -> None:
    limits = OrderLimits(known(ManualClock()))

    assert [limits.charge(Action.ADD, at(2)) for _ in range(240)] == [0] * 240
    assert limits.charge(Action.ADD, at(2)) == pytest.approx(8, abs=0.1)
    assert limits.charge(Action.AMEND, at(10.1)) == 0


def test_at_most_960_orders_leave_in_a_minute() -> None:
    limits = OrderLimits(known(ManualClock()))
    left = sum(limits.charge(Action.ADD, at(tenth / 10)) == 0 for tenth in range(580) for _ in range(3))

    assert left == 960
    assert limits.charge(Action.ADD, at(58)) == pytest.approx(2, abs=0.1)


def test_a_batch_counts_five_in_ten_seconds_and_one_in_a_minute() -> None:
    limits = OrderLimits(known(ManualClock()))

    assert limits.charge(Action.ADD, at(2), count=2) == 0
    assert (limits.in_10_s.level(at(2)), limits.a_minute.level(at(2))) == (5, 1)


def test_cancels_are_free_and_never_wait() -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.refused(TEN_SECONDS, at(2))

    assert limits.charge(Action.CANCEL, at(2), count=5) == 0
    assert limits.in_10_s.level(at(2)) == 0


def test_a_refused_account_or_address_holds_orders_and_spends_nothing() -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.refused(TEN_SECONDS, at(2))
    assert limits.charge(Action.ADD, at(2)) == pytest.approx(8, abs=0.1)

    limits.address.refused(300.0, at(20))
    assert limits.charge(Action.ADD, at(20)) == 300
    assert limits.a_minute.level(at(20)) == 0


@pytest.mark.parametrize("text", ["Too many new orders; current limit is 1200 orders per MINUTE.", "Stop."])
def test_too_many_orders_of_a_minute_hold_orders_until_the_minute_ends(text: str) -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.refused(text, at(2))

    assert limits.charge(Action.ADD, at(12)) == pytest.approx(48, abs=0.1)
    assert limits.charge(Action.ADD, at(60.1)) == 0


def test_too_many_orders_of_ten_seconds_close_no_minute() -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.refused(TEN_SECONDS, at(2))

    assert limits.a_minute.delay_s(1, at(2)) == 0
    assert limits.charge(Action.ADD, at(10.1)) == 0


def test_programs_of_one_key_and_address_count_as_one() -> None:
    clock, key, place = ManualClock(), MemoryCells(), MemoryCells()
    ours, theirs = (OrderLimits(known(clock, place), key) for _ in range(2))
    other = OrderLimits(known(clock, place), MemoryCells())

    assert [ours.charge(Action.ADD, at(2)) for _ in range(200)] == [0] * 200
    assert [theirs.charge(Action.ADD, at(2)) for _ in range(40)] == [0] * 40
    assert ours.charge(Action.ADD, at(2)) > 0
    assert other.charge(Action.ADD, at(2)) == 0
    ours.spend(1900, at(2))
    assert theirs.address.weight.take(21, at(2)) > 0
    theirs.address.refused(None, at(3))
    assert other.charge(Action.ADD, at(3)) == pytest.approx(57, abs=0.1)


class _Faster(Cell[KeptWindows]):
    """Another program fills the minute between the look and the charge."""

    def __init__(self, inner: Cell[KeptWindows]) -> None:
        self._inner = inner
        self.armed = False

    def kept(self) -> KeptWindows | None:
        return self._inner.kept()

    def change(self, change: Callable[[KeptWindows | None], tuple[KeptWindows, T]]) -> T:
        if self.armed:
            self._inner.change(lambda kept: (KeptWindows({BEGIN_NS // MINUTE_NS: 960.0}), None))
        return self._inner.change(change)


class _Raced(MemoryCells):
    def __init__(self) -> None:
        super().__init__()
        self.minute: _Faster | None = None

    def cell(self, name: str, kind: type[S]) -> Cell[S]:
        inner = super().cell(name, kind)
        if name == "orders a minute":
            self.minute = _Faster(inner)  # type: ignore[arg-type]
            return self.minute  # type: ignore[return-value]
        return inner


def test_who_was_overtaken_between_the_look_and_the_charge_has_charged_nothing() -> None:
    raced = _Raced()
    limits = OrderLimits(known(ManualClock()), raced)
    assert raced.minute is not None
    raced.minute.armed = True

    assert limits.charge(Action.ADD, at(2)) == pytest.approx(58, abs=0.1)
    assert limits.in_10_s.level(at(2)) == 0


def test_the_venues_counts_are_taken_from_headers_and_rows() -> None:
    limits = OrderLimits(known(ManualClock()))
    headers = (("X-MBX-ORDER-COUNT-10S", "100"), ("x-mbx-order-count-1m", "300"), ("Date", "today"))
    limits.told_by_headers(headers, at(2), at(2.1))
    assert (limits.in_10_s.level(at(3)), limits.a_minute.level(at(3))) == (100, 300)

    rows = [
        RateLimitRow("REQUEST_WEIGHT", "MINUTE", 1, 2400, count=70),
        RateLimitRow("ORDERS", "SECOND", 10, 300, count=101),
        RateLimitRow("ORDERS", "MINUTE", 1, 1200, count=301),
        RateLimitRow("ORDERS", "DAY", 1, 100000, count=99999),
        RateLimitRow("CONNECTIONS", "MINUTE", 5, 300),
    ]
    limits.told(rows, at(3), at(3.1))
    assert (limits.in_10_s.level(at(4)), limits.a_minute.level(at(4))) == (101, 301)
    assert limits.address.weight.level(at(4)) == 70


def test_what_the_websocket_api_weighs_is_of_the_same_minute() -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.spend(5, at(2))

    assert limits.address.weight.level(at(2)) == 5


def test_an_account_that_may_more_is_believed_from_the_first_answer_on() -> None:
    limits = OrderLimits(known(ManualClock()))
    rows = [
        RateLimitRow("ORDERS", "SECOND", 10, 600, count=1),
        RateLimitRow("ORDERS", "MINUTE", 1, 2000),
        RateLimitRow("ORDERS", "DAY", 1, 7),
        RateLimitRow("REQUEST_WEIGHT", "MINUTE", 1, 6000, count=8),
    ]
    limits.told(rows, at(2), at(2.1))

    assert (limits.in_10_s.limit, limits.a_minute.limit) == (480, 1600)
    assert limits.address.weight.limit == 4800
    assert limits.in_10_s.level(at(3)) == 1
