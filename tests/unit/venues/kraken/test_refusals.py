"""What Kraken's refusals mean, and what may be done after one."""

from __future__ import annotations

import pytest

from leadline.clock import NS_PER_S
from leadline.errors import Acted, AuthError, RateLimited, Rejected, VenueDown, VenueError
from leadline.net.http import Response
from leadline.venues.kraken.refusals import REFUSALS, Retry, refusal, status_error, venue_error

NOW_NS = 1_700_000_000 * NS_PER_S


@pytest.mark.parametrize(
    ("text", "error", "retry", "acted"),
    [
        ("EAPI:Invalid nonce", AuthError, Retry.RENEWED, Acted.NO),
        ("EAPI:Invalid key", AuthError, Retry.NO, Acted.NO),
        ("EAPI:Invalid signature", AuthError, Retry.NO, Acted.NO),
        ("EAPI:Rate limit exceeded", RateLimited, Retry.LATER, Acted.NO),
        ("EAPI:Bad request", Rejected, Retry.NO, Acted.NO),
        ("EGeneral:Permission denied", AuthError, Retry.NO, Acted.NO),
        ("EGeneral:Invalid arguments:volume minimum not met", Rejected, Retry.NO, Acted.NO),
        ("EGeneral:Temporary lockout", RateLimited, Retry.LATER, Acted.NO),
        ("EGeneral:Too many requests", RateLimited, Retry.LATER, Acted.NO),
        ("EGeneral:Unknown method", Rejected, Retry.NO, Acted.NO),
        ("EGeneral:Internal error:1a2b", VenueDown, Retry.RECONCILE, Acted.MAYBE),
        ("EService:Unavailable", VenueDown, Retry.RECONCILE, Acted.MAYBE),
        ("EService:Busy", VenueDown, Retry.RECONCILE, Acted.MAYBE),
        ("EService:Timeout", VenueDown, Retry.RECONCILE, Acted.MAYBE),
        ("EService:Throttled", RateLimited, Retry.LATER, Acted.NO),
        ("EService: Throttled: 1700000030", RateLimited, Retry.LATER, Acted.NO),
        ("EService:Market in cancel_only mode", VenueDown, Retry.LATER, Acted.NO),
        ("EService:Deadline elapsed", Rejected, Retry.LATER, Acted.NO),
        ("EOrder:Insufficient funds", Rejected, Retry.NO, Acted.NO),
        ("EOrder:Post only order", Rejected, Retry.NO, Acted.NO),
        ("EOrder:Reduce only:No position exists", Rejected, Retry.NO, Acted.NO),
        ("EOrder:Orders limit exceeded", Rejected, Retry.LATER, Acted.NO),
        ("EOrder:Rate limit exceeded", RateLimited, Retry.LATER, Acted.NO),
        ("EOrder:Domain rate limit exceeded", RateLimited, Retry.LATER, Acted.NO),
        ("EOrder:Unknown order", Rejected, Retry.NO, Acted.NO),
        ("EAccount:Invalid permissions", AuthError, Retry.NO, Acted.NO),
        ("EAuth:Account temporary disabled", AuthError, Retry.NO, Acted.NO),
        ("EAuth:Too many requests", RateLimited, Retry.LATER, Acted.NO),
        ("ESession:Invalid session", AuthError, Retry.RENEWED, Acted.NO),
        ("Token(s) not found", AuthError, Retry.RENEWED, Acted.NO),
        ("EQuery:Unknown asset pair", Rejected, Retry.NO, Acted.NO),
        ("ETrade:Invalid request", Rejected, Retry.NO, Acted.NO),
        ("EFunding:Max fee exceeded", Rejected, Retry.NO, Acted.NO),
        ("EBM:limit exceeded:CAL", Rejected, Retry.NO, Acted.NO),
        ("Exceeded msg rate", RateLimited, Retry.LATER, Acted.NO),
        ("Currency pair not supported XBT/USD", Rejected, Retry.NO, Acted.NO),
        ("Subscription depth not supported", Rejected, Retry.NO, Acted.NO),
        ("Price field must be a number_float", Rejected, Retry.NO, Acted.NO),
        ("Malformed request", Rejected, Retry.NO, Acted.NO),
    ],
)
def test_each_text_has_its_error_and_its_reaction(
    text: str, error: type[VenueError], retry: Retry, acted: Acted
) -> None:
    row, made = refusal(text), venue_error(text, NOW_NS)
    assert (row.retry, row.acted) == (retry, acted)
    assert type(made) is error
    assert (made.text, made.acted) == (text, acted)


def test_a_space_after_a_colon_and_letter_case_do_not_matter() -> None:
    assert refusal("eapi: invalid NONCE") is refusal("EAPI:Invalid nonce")


def test_an_unknown_text_may_have_been_acted_on() -> None:
    error = venue_error("ENew:Something else", NOW_NS)
    assert type(error) is Rejected
    assert error.acted is Acted.MAYBE
    assert refusal("ENew:Something else").retry is Retry.RECONCILE


def test_the_longest_prefix_decides_whatever_the_order_of_the_rows() -> None:
    assert {refusal(row.prefix) for row in REFUSALS} == set(REFUSALS)


@pytest.mark.parametrize(
    ("text", "retry_s"),
    [
        ("EService: Throttled: 1700000030", 30.0),
        ("EService: Throttled: 1699999000", 0.0),
        ("EService:Throttled", None),
        ("EGeneral:Temporary lockout", 900.0),
        ("EAPI:Rate limit exceeded", 15.0),
    ],
)
def test_a_limit_says_for_how_long_where_that_is_known(text: str, retry_s: float | None) -> None:
    error = venue_error(text, NOW_NS)
    assert isinstance(error, RateLimited)
    assert error.retry_s == retry_s


@pytest.mark.parametrize("status", [500, 502, 503, 520, 522, 524])
def test_an_answer_of_the_edge_may_hide_one_of_the_venue(status: int) -> None:
    error = status_error(Response(status, (), b"<html>"), NOW_NS)
    assert type(error) is VenueDown
    assert str(status) in error.text
    assert error.acted is Acted.MAYBE


def test_what_the_edge_turned_away_never_reached_the_venue() -> None:
    error = status_error(Response(403, (), b""), NOW_NS)
    assert type(error) is VenueDown
    assert error.acted is Acted.NO


@pytest.mark.parametrize(
    ("header", "retry_s"),
    [
        ("7", 7.0),
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        ("Tue, 14 Nov 2023 22:13:50 -0000", 30.0),
        ("soon", None),
    ],
)
def test_http_429_is_a_limit_with_the_wait_it_names(header: str, retry_s: float | None) -> None:
    error = status_error(Response(429, (("retry-after", header),), b""), NOW_NS)
    assert isinstance(error, RateLimited)
    assert error.retry_s == retry_s


def test_http_429_without_a_header_names_no_wait() -> None:
    error = status_error(Response(429, (), b""), NOW_NS)
    assert isinstance(error, RateLimited)
    assert error.retry_s is None


SECTION_15: dict[tuple[type[VenueError], Retry, Acted], tuple[str, ...]] = {
    (AuthError, Retry.RENEWED, Acted.NO): ("EAPI:Invalid nonce", "ESession:Invalid session"),
    (AuthError, Retry.NO, Acted.NO): (
        "EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Permission denied",
        "EAccount:Invalid permissions", "EAuth:Account temporary disabled", "EAuth:Account unconfirmed",
        "EAuth:Failed",
    ),
    (RateLimited, Retry.LATER, Acted.NO): (
        "EAPI:Rate limit exceeded", "EGeneral:Temporary lockout", "EGeneral:Too many requests",
        "EService: Throttled: 1700000000", "EService:Throttled", "EOrder:Rate limit exceeded",
        "EOrder:Domain rate limit exceeded", "EAuth:Rate limit exceeded", "EAuth:Too many requests",
    ),
    (VenueDown, Retry.RECONCILE, Acted.MAYBE): (
        "EGeneral:Internal error", "EGeneral:Internal error:91", "EService:Unavailable", "EService:Busy",
        "EService:Timeout",
    ),
    (VenueDown, Retry.LATER, Acted.NO): (
        "EService:Market in cancel_only mode", "EService:Market in post_only mode",
        "EService:Market in limit_only mode",
    ),
    (Rejected, Retry.LATER, Acted.NO): (
        "EService:Deadline elapsed", "EOrder:Orders limit exceeded", "EOrder:Scheduled orders limit exceeded",
    ),
    (Rejected, Retry.NO, Acted.NO): (
        "EAPI:Bad request", "EAPI:Feature disabled", "EGeneral:Unknown method",
        "EGeneral:Invalid arguments", "EGeneral:Invalid arguments:ordertype",
        "EGeneral:Invalid arguments:volume minimum not met", "EGeneral:Invalid arguments:Index unavailable",
        "EGeneral:Invalid arguments:no_mpp order option is only available when ordertype = market",
        "EOrder:Insufficient funds", "EOrder:Insufficient margin", "EOrder:Margin allowance exceeded",
        "EOrder:Margin level too low", "EOrder:Margin position size exceeded",
        "EOrder:Cannot open position", "EOrder:Cannot open opposing position",
        "EOrder:Positions limit exceeded", "EOrder:Order minimum not met", "EOrder:Cost minimum not met",
        "EOrder:Tick size check failed", "EOrder:Invalid price", "EOrder:Unknown order",
        "EOrder:Invalid order", "EOrder:Unknown position", "EOrder:Reduce only:No position exists",
        "EOrder:Reduce only:Position is closed", "EOrder:Reduce only:Non-PC", "EOrder:Post only order",
        "EQuery:Unknown asset pair", "EQuery:Unknown asset", "ETrade:Invalid request",
        "EFunding:Unknown withdraw key", "EFunding:Invalid amount", "EFunding:Unknown asset",
        "EFunding:Unknown reference id", "EFunding:Invalid reference id", "EFunding:Too many addresses",
        "EFunding:Max fee exceeded", "EFunding:No funding method", "EBM:limit exceeded:CAL",
    ),
}  # fmt: skip
"""Every row of the dossier's table of errors, by what it says of acting and of repeating."""


@pytest.mark.parametrize(
    ("text", "error", "retry", "acted"),
    [(text, *meaning) for meaning, texts in SECTION_15.items() for text in texts],
)
def test_every_error_listed_says_whether_the_venue_acted_and_whether_to_repeat(
    text: str, error: type[VenueError], retry: Retry, acted: Acted
) -> None:
    made = venue_error(text, NOW_NS)
    assert type(made) is error
    assert (refusal(text).retry, made.acted) == (retry, acted)


def test_without_a_clock_a_moment_is_no_wait() -> None:
    error = venue_error("EService: Throttled: 1700000030", None)
    assert isinstance(error, RateLimited)
    assert error.retry_s is None
