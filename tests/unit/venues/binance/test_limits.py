from __future__ import annotations

import json

import pytest

from leadline.clock import NS_PER_MS, NS_PER_S, ManualClock
from leadline.errors import Throttled
from leadline.net.departures import Priority
from leadline.net.http import MemoryHttp, Purpose, Request, Response
from leadline.venues.binance.limits import RESERVE, AddressLimits, OrderLimits
from leadline.venues.binance.symbols import RateLimitRow
from leadline.venues.ports import Action

MINUTE_NS = 60 * NS_PER_S
BEGIN_NS = 29_833_333 * MINUTE_NS
"""A minute of the venue's clock begins at monotonic 0."""


def known(clock: ManualClock) -> AddressLimits:
    """Limits that know the venue's clock to the millisecond."""
    address = AddressLimits(clock)
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
    assert address.fundings.take(1, at(10)) > 0
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
    limits.refused(at(2))

    assert limits.charge(Action.CANCEL, at(2), count=5) == 0
    assert limits.in_10_s.level(at(2)) == 0


def test_a_refused_account_or_address_holds_orders_and_spends_nothing() -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.refused(at(2))
    assert limits.charge(Action.ADD, at(2)) == pytest.approx(8, abs=0.1)

    limits.address.refused(300.0, at(20))
    assert limits.charge(Action.ADD, at(20)) == 300
    assert limits.a_minute.level(at(20)) == 0


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


def test_an_account_that_may_more_is_believed_about_its_orders_only() -> None:
    limits = OrderLimits(known(ManualClock()))
    limits.learned(
        [
            RateLimitRow("ORDERS", "SECOND", 10, 600),
            RateLimitRow("ORDERS", "MINUTE", 1, 2000),
            RateLimitRow("REQUEST_WEIGHT", "MINUTE", 1, 99999),
        ]
    )

    assert (limits.in_10_s.limit, limits.a_minute.limit) == (480, 1600)
    assert limits.address.weight.limit == 1920
