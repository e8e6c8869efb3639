from __future__ import annotations

import asyncio
import hashlib
import hmac
from urllib.parse import parse_qsl

import pytest

from account_rig import virtual
from binance_orders import API_KEY, API_SECRET, OrdersRig, ok, refuse
from leadline.clock import NS_PER_S
from leadline.core.breaker import BreakerState
from leadline.errors import (
    Acted,
    AuthError,
    BreakerOpen,
    ConnectionLost,
    Held,
    ProtocolError,
    RateLimited,
    Refused,
    Rejected,
    VenueDown,
)
from leadline.net.http import Purpose, Request, query_text
from leadline.net.keyed_http import Recall
from leadline.venues.binance.rest import Endpoint

ORDERS = "GET /fapi/v1/openOrders"
PLACE = "POST /fapi/v1/order"


def reading(path: str = "/fapi/v1/openOrders", *query: tuple[str, str]) -> Endpoint[bytes]:
    return Endpoint(Request("GET", path, query, cost=1.0), lambda body: body)


def placing(*query: tuple[str, str]) -> Endpoint[bytes]:
    return Endpoint(Request("POST", "/fapi/v1/order", query, cost=0.0), lambda body: body)


def signed(payload: str) -> str:
    return hmac.new(API_SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()


@virtual
async def test_the_query_that_is_signed_is_the_query_that_is_sent_with_the_signature_last() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDERS, ok([]))
    await rig.rest.ask(reading("/fapi/v1/openOrders", ("symbol", "币安人生USDT")), Purpose.ACCOUNT)
    request = rig.http.requests[-1]
    assert request.headers == (("X-MBX-APIKEY", API_KEY),)
    text = query_text(request.query)
    payload, _, signature = text.rpartition("&signature=")
    assert signature == signed(payload)
    assert payload.startswith("symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&recvWindow=5000&timestamp=")


@virtual
async def test_what_changes_something_is_a_signed_form_in_the_body() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok())
    await rig.rest.ask(placing(("symbol", "BTCUSDT")), Purpose.ORDER)
    request = rig.http.requests[-1]
    assert request.query == ()
    payload, _, signature = request.body.decode().rpartition("&signature=")
    assert signature == signed(payload)
    assert dict(parse_qsl(payload))["symbol"] == "BTCUSDT"
    assert ("Content-Type", "application/x-www-form-urlencoded") in request.headers


@virtual
async def test_a_request_is_timed_by_the_venues_clock_when_it_leaves_and_ends_with_its_deadline() -> None:
    rig = OrdersRig()
    rig.http.ahead_ns = 7 * NS_PER_S
    rig.http.reply(PLACE, ok())
    until_ns = rig.clock.wall_ns() + 7 * NS_PER_S + 2 * NS_PER_S
    await rig.rest.ask(placing(), Purpose.ORDER, until_ns=until_ns)
    _, fields = rig.http.asked[-1]
    at_ms, window_ms = int(fields["timestamp"]), int(fields["recvWindow"])
    assert at_ms + window_ms == until_ns // 1_000_000
    venue_ms = (rig.clock.wall_ns() + rig.http.ahead_ns) // 1_000_000
    assert venue_ms - 200 <= at_ms <= venue_ms


@virtual
async def test_what_is_past_its_deadline_never_leaves() -> None:
    rig = OrdersRig()
    with pytest.raises(Held, match="deadline passed"):
        await rig.rest.ask(placing(), Purpose.ORDER, until_ns=rig.clock.wall_ns() - NS_PER_S)
    assert rig.http.names() == []


@virtual
async def test_a_refused_timestamp_is_answered_by_a_new_measurement_and_one_more_request() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(-1021, "Timestamp for this request is outside of the recvWindow."), ok())
    await rig.rest.learn_time()
    rig.http.ahead_ns = 30 * NS_PER_S  # the venue's clock, or ours, has stepped
    await rig.rest.ask(placing(), Purpose.ORDER)
    assert [name for name, _ in rig.http.asked] == [
        "GET /fapi/v1/time", PLACE, "GET /fapi/v1/time", PLACE,
    ]  # fmt: skip
    first, second = (int(fields["timestamp"]) for name, fields in rig.http.asked if name == PLACE)
    assert 29_000 < second - first < 31_000


@virtual
async def test_one_that_came_too_late_to_the_matching_engine_is_timed_anew_as_well() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(-5028, "Timestamp for this request is outside of the ME recvWindow."), ok())
    await rig.rest.learn_time()
    await rig.rest.ask(placing(), Purpose.ORDER)
    assert rig.http.names() == [PLACE, PLACE]


@virtual
async def test_a_timestamp_refused_twice_is_told_and_nothing_was_placed() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(-1021, "Timestamp for this request is outside of the recvWindow."))
    with pytest.raises(Rejected) as caught:
        await rig.rest.ask(placing(), Purpose.ORDER)
    assert caught.value.acted is Acted.NO
    assert rig.http.names() == [PLACE, PLACE]


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (503, None, "Unknown error, please check your request or try again later."),
        (408, -1007, "Timeout waiting for response from backend server."),
        (504, None, "<html>"),
        (503, None, "Service Unavailable."),
        (503, -1008, "Request throttled by system-level protection."),
        (400, -1000, "An unknown error occurred while processing the request."),
    ],
)
def test_no_other_failure_is_ever_sent_again(status: int, code: int | None, text: str) -> None:
    @virtual
    async def story() -> None:
        rig = OrdersRig()
        rig.http.reply(PLACE, refuse(code, text, status))
        with pytest.raises(VenueDown):
            await rig.rest.ask(placing(), Purpose.ORDER)
        assert rig.http.names() == [PLACE]

    story()


@virtual
async def test_a_lost_answer_is_never_asked_for_by_the_same_request_again() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ConnectionLost("cut"))
    with pytest.raises(ConnectionLost):
        await rig.rest.ask(placing(), Purpose.ORDER)
    assert rig.http.names() == [PLACE]


@virtual
async def test_an_answer_that_cannot_be_read_may_mean_that_the_venue_has_acted() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok("nonsense"))

    def read(body: bytes) -> bytes:
        raise ValueError("it names no order")

    with pytest.raises(ProtocolError) as caught:
        await rig.rest.ask(Endpoint(Request("POST", "/fapi/v1/order"), read), Purpose.ORDER)
    assert caught.value.acted is Acted.MAYBE


@virtual
async def test_a_key_alone_names_who_asks_for_a_listen_key() -> None:
    rig = OrdersRig()
    rig.http.reply("POST /fapi/v1/listenKey", ok({"listenKey": "k"}))
    await rig.rest.keyed(Endpoint(Request("POST", "/fapi/v1/listenKey"), bytes), Purpose.CREDENTIAL)
    request = rig.http.requests[-1]
    assert (request.query, request.body, request.headers) == ((), b"", (("X-MBX-APIKEY", API_KEY),))


@virtual
async def test_what_was_taken_back_does_not_leave_and_what_leaves_says_so() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, ok())
    left: list[int] = []
    recall = Recall()
    assert recall.take_back()
    with pytest.raises(Refused, match="taken back"):
        await rig.rest.ask(placing(), Purpose.ORDER, recall=recall, leaving=lambda: left.append(1))
    assert (rig.http.names(), left) == ([], [])
    recall = Recall()
    await rig.rest.ask(placing(), Purpose.ORDER, recall=recall, leaving=lambda: left.append(1))
    assert left == [1]
    assert not recall.take_back()


@virtual
async def test_two_who_ask_the_same_share_one_request() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDERS, ok([]))
    await rig.rest.learn_time()
    asked = (rig.rest.ask(reading(), Purpose.ACCOUNT), rig.rest.ask(reading(), Purpose.RECOVERY))
    await asyncio.gather(*asked)
    assert rig.http.names() == [ORDERS]


@virtual
async def test_a_rate_limit_opens_the_breaker_for_as_long_as_the_venue_says() -> None:
    rig = OrdersRig()
    until_ms = rig.clock.wall_ns() // 1_000_000 + 90_000
    rig.http.reply(ORDERS, refuse(-1003, f"Way too many requests; IP(1.2.3.4) banned until {until_ms}.", 418))
    with pytest.raises(RateLimited) as caught:
        await rig.rest.ask(reading(), Purpose.ACCOUNT)
    assert caught.value.retry_s == pytest.approx(90, abs=0.2)
    assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.OPEN
    with pytest.raises(BreakerOpen):
        await rig.rest.ask(placing(), Purpose.ORDER)


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [(-1015, 429, "Too many new orders."), (-1008, 503, "Request throttled by system-level protection.")],
)
def test_what_only_holds_new_orders_back_opens_no_breaker(code: int, status: int, text: str) -> None:
    @virtual
    async def story() -> None:
        rig = OrdersRig()
        rig.http.reply(PLACE, refuse(code, text, status))
        for _ in range(5):
            with pytest.raises((RateLimited, VenueDown)):
                await rig.rest.ask(placing(), Purpose.ORDER)
        assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.CLOSED

    story()


@virtual
async def test_a_failing_venue_opens_the_breaker_and_cancels_still_pass() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(None, "Unknown error, please check your request.", 503))
    rig.http.reply("DELETE /fapi/v1/order", ok())
    for _ in range(3):
        with pytest.raises(VenueDown):
            await rig.rest.ask(placing(), Purpose.ORDER)
    with pytest.raises(BreakerOpen):
        await rig.rest.ask(placing(), Purpose.ORDER)
    await rig.rest.ask(Endpoint(Request("DELETE", "/fapi/v1/order"), bytes), Purpose.CANCEL)


@virtual
async def test_a_plain_refusal_is_an_answer_of_a_venue_that_is_well() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(-2015, "Invalid API-key, IP, or permissions for action.", 401))
    for _ in range(5):
        with pytest.raises(AuthError):
            await rig.rest.ask(placing(), Purpose.ORDER)
    assert rig.breaker.state(rig.clock.mono_ns()) is BreakerState.CLOSED


@virtual
async def test_in_an_emergency_only_the_reads_that_show_the_account_leave() -> None:
    rig = OrdersRig()
    rig.http.reply(ORDERS, ok([]))
    rig.rest.emergency_only = True
    await rig.rest.ask(reading(), Purpose.ACCOUNT)
    with pytest.raises(Held, match="emergency-only"):
        await rig.rest.ask(reading("/fapi/v1/income"), Purpose.ACCOUNT)
    rig.rest.emergency_only, rig.rest.reads_held = False, "the service level is low"
    with pytest.raises(Held, match="the service level is low"):
        await rig.rest.ask(reading("/fapi/v1/income"), Purpose.ACCOUNT)


@virtual
async def test_the_audit_has_every_call_and_neither_key_nor_signature() -> None:
    rig = OrdersRig()
    rig.http.reply(PLACE, refuse(-2019, "Margin is insufficient."))
    with pytest.raises(Rejected):
        await rig.rest.ask(placing(("symbol", "BTCUSDT")), Purpose.ORDER)
    (entry,) = rig.audit.operations
    shown = str(entry)
    assert "POST /fapi/v1/order by rest for order: Rejected: -2019" in shown
    assert "symbol=BTCUSDT" in shown
    assert API_KEY not in shown
    assert "signature" not in shown


@virtual
async def test_a_clock_that_cannot_be_asked_stays_as_it_is_known() -> None:
    rig = OrdersRig()
    rig.http.reply("GET /fapi/v1/time", refuse(None, "", 502))
    await rig.rest.learn_time()
    assert not rig.venue_time.known
