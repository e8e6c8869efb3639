from __future__ import annotations

import pytest

from binance_orders import refuse
from leadline.errors import Acted, AuthError, RateLimited, Rejected, VenueDown, VenueError
from leadline.net.http import Response
from leadline.venues.binance.refusals import (
    BAN_S,
    LONGEST_BAN_S,
    REFUSALS,
    Retry,
    code_of,
    order_windows_s,
    refusal,
    retry_of,
    status_error,
    told_wait_s,
)

UNKNOWN = "Unknown error, please check your request or try again later."
INTERNAL = "Internal error; unable to process your request. Please try again."
THROTTLED = (
    "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try"
    " again."
)
BANNED = (
    "Way too many requests; IP(1.2.3.4) banned until 1795000090000. Please use the websocket for live updates"
    " to avoid bans."
)


@pytest.mark.parametrize(
    ("code", "text", "acted", "retry"),
    [
        (-1000, UNKNOWN, Acted.MAYBE, Retry.RECONCILE),
        (None, UNKNOWN, Acted.MAYBE, Retry.RECONCILE),
        (None, "Service Unavailable.", Acted.NO, Retry.LATER),
        (-1000, "Service Unavailable.", Acted.NO, Retry.LATER),
        (-1001, INTERNAL, Acted.NO, Retry.LATER),
        (-1008, THROTTLED, Acted.NO, Retry.LATER),
        (None, "", Acted.MAYBE, Retry.RECONCILE),
    ],
)
def test_the_four_kinds_of_503_are_told_apart_by_their_wording(
    code: int | None, text: str, acted: Acted, retry: Retry
) -> None:
    error = refusal(code, 503, text)
    assert isinstance(error, VenueDown)
    assert error.acted is acted
    assert retry_of(error) is retry


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        ("banned until 9999999999999.", ()),
        ("Stop.", (("Retry-After", "9" * 30),)),
        ("Stop.", (("Retry-After", "9" * 400),)),
    ],
)
def test_no_refusal_lasts_longer_than_the_longest_ban(
    message: str, headers: tuple[tuple[str, str], ...]
) -> None:
    assert told_wait_s(418, message, 1_795_000_000_000, headers) == LONGEST_BAN_S


@pytest.mark.parametrize(
    ("code", "status"),
    [
        *[(-1007, 408), (None, 408), (None, 504), (-1006, 500), (-1000, 400), (None, 500), (None, 502)],
        *[(-4116, 400), (-4083, 400), (-9999, 400), (-2011, 400), (-2013, 400)],
    ],
)
def test_what_may_have_been_carried_out_says_so(code: int | None, status: int) -> None:
    error = refusal(code, status, "text")
    assert error.acted is Acted.MAYBE
    assert retry_of(error) is Retry.RECONCILE


@pytest.mark.parametrize("code", [-1021, -5028])
def test_a_request_out_of_its_window_was_not_carried_out_and_may_be_timed_anew(code: int) -> None:
    error = refusal(code, 400, "outside of the recvWindow.")
    assert (error.acted, retry_of(error)) == (Acted.NO, Retry.RETIMED)


@pytest.mark.parametrize("code", [-4046, -4059, -4171])
def test_what_is_so_already_is_as_good_as_a_yes(code: int) -> None:
    assert retry_of(refusal(code, 400, "No need to change.")) is Retry.DONE


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        *[(-2014, 401, AuthError), (-2015, 401, AuthError), (-1022, 400, AuthError), (None, 451, AuthError)],
        *[(-2008, 401, AuthError), (None, 403, VenueDown), (-1016, 503, VenueDown), (None, 404, Rejected)],
        *[(-2019, 400, Rejected), (-4164, 400, Rejected), (-5022, 400, Rejected), (-1111, 400, Rejected)],
        *[(-1003, 429, RateLimited), (-1015, 429, RateLimited), (-1015, 400, RateLimited)],
    ],
)
def test_a_plain_no_is_of_its_kind_and_nothing_was_done(
    code: int | None, status: int, kind: type[VenueError]
) -> None:
    error = refusal(code, status, "text")
    assert type(error) is kind
    assert error.acted is Acted.NO
    assert code_of(error) == code


def test_a_ban_lasts_until_the_moment_it_names() -> None:
    error = refusal(-1003, 418, BANNED, venue_ms=1_795_000_000_000)
    assert isinstance(error, RateLimited)
    assert error.retry_s == 90.0
    over = refusal(-1003, 418, BANNED, venue_ms=1_795_000_090_001)
    assert isinstance(over, RateLimited)
    assert over.retry_s == 0
    unknown = refusal(-1003, 418, BANNED)
    assert isinstance(unknown, RateLimited)
    assert unknown.retry_s == BAN_S


@pytest.mark.parametrize(
    ("code", "status", "headers", "wait_s"),
    [
        (-1003, 429, (("Retry-After", "7"),), 7.0),
        (-1003, 429, (), 60.0),
        (-1003, 418, (("retry-after", "300"),), 300.0),
        (-1003, 418, (), BAN_S),
        (-1003, 429, (("Retry-After", "0"),), 60.0),
        (-1015, 429, (), 60.0),
    ],
)
def test_a_limit_lasts_as_long_as_the_venue_says_or_its_window_is(
    code: int, status: int, headers: tuple[tuple[str, str], ...], wait_s: float
) -> None:
    error = status_error(Response(status, headers, refuse(code, "Too many.").body))
    assert isinstance(error, RateLimited)
    assert error.retry_s == wait_s


@pytest.mark.parametrize(
    ("text", "spans", "wait_s"),
    [
        ("Too many new orders; current limit is 300 orders per TEN_SECONDS.", (10,), 3.5),
        ("Too many new orders; current limit is 300 orders per 10 SECOND.", (10,), 3.5),
        ("Too many new orders; current limit is 1200 orders per MINUTE.", (60,), 13.5),
        ("Too many new orders; current limit is 1200 orders per 1 MINUTE.", (60,), 13.5),
        ("Too many new orders.", (60, 10), 13.5),
    ],
)
def test_too_many_orders_are_of_the_window_that_is_named_and_last_until_it_ends(
    text: str, spans: tuple[int, ...], wait_s: float
) -> None:
    error = refusal(-1015, 429, text, venue_ms=1_795_000_046_500 // 60_000 * 60_000 + 46_500)
    assert order_windows_s(text) == spans
    assert isinstance(error, RateLimited)
    assert error.retry_s == pytest.approx(wait_s)


def test_a_page_of_the_edge_has_neither_code_nor_wording() -> None:
    error = status_error(Response(403, (), b"<html>blocked</html>"))
    assert isinstance(error, VenueDown)
    assert str(error) == "HTTP 403"
    assert code_of(error) is None


def test_the_wording_is_kept_within_bounds_and_begins_with_the_code() -> None:
    error = refusal(-1121, 400, "Invalid symbol." + "x" * 10_000)
    assert error.text.startswith("-1121 Invalid symbol.")
    assert len(error.text) < 400


def test_only_what_must_be_looked_up_may_have_been_carried_out() -> None:
    for code, row in REFUSALS.items():
        assert (row.acted is Acted.MAYBE) == (row.retry is Retry.RECONCILE), code


def test_only_the_venues_own_json_says_that_nothing_was_done() -> None:
    edge = status_error(Response(503, (), b"Service Unavailable."))
    assert edge.acted is Acted.MAYBE
    venue = status_error(Response(503, (), b'{"msg": "Service Unavailable."}'))
    assert venue.acted is Acted.NO
