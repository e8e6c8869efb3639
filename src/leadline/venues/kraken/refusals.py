"""Kraken's error texts as one table: which error, could the venue have acted, may the request be repeated.

Texts are matched by prefix, the longest first, ignoring case and a space after a colon (dossier §11, §15). A
text the table does not know is a rejection whose effect is unknown (assumed: it may have acted).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from leadline.clock import NS_PER_S
from leadline.errors import Acted, AuthError, RateLimited, Rejected, VenueDown, VenueError
from leadline.net.http import Response


class Retry(Enum):
    """What may be done with the same request after a refusal."""

    NO = auto()  # repeating it unchanged is useless
    LATER = auto()  # it was not executed and may be repeated after a while
    RENEWED = auto()  # it was not executed and may be repeated once with a fresh nonce or token
    RECONCILE = auto()  # a read may be repeated; an order must first be looked up


@dataclass(frozen=True, slots=True)
class Refusal:
    """A prefix of Kraken's text and what it means; `delay_s` is how long to wait where that is known."""

    prefix: str
    error: type[VenueError]
    retry: Retry = Retry.NO
    acted: Acted = Acted.NO
    delay_s: float | None = None


def _rows(
    error: type[VenueError], retry: Retry, *prefixes: str, delay_s: float | None = None
) -> list[Refusal]:
    acted = Acted.MAYBE if retry is Retry.RECONCILE else Acted.NO
    return [Refusal(prefix, error, retry, acted, delay_s) for prefix in prefixes]


REFUSALS: tuple[Refusal, ...] = (
    *_rows(AuthError, Retry.RENEWED, "EAPI:Invalid nonce"),
    *_rows(AuthError, Retry.RENEWED, "ESession:Invalid session", "EAPI:Invalid token", "Token(s) not found"),
    *_rows(AuthError, Retry.NO, "EAPI:Invalid key", "EAPI:Invalid signature"),
    *_rows(AuthError, Retry.NO, "EGeneral:Permission denied", "EAccount:Invalid permissions"),
    *_rows(
        AuthError, Retry.NO, "EAuth:Account temporary disabled", "EAuth:Account unconfirmed", "EAuth:Failed"
    ),
    *_rows(RateLimited, Retry.LATER, "EAPI:Rate limit exceeded", delay_s=15.0),
    *_rows(RateLimited, Retry.LATER, "EGeneral:Temporary lockout", delay_s=900.0),
    *_rows(RateLimited, Retry.LATER, "EGeneral:Too many requests", "EService:Throttled"),
    *_rows(RateLimited, Retry.LATER, "EOrder:Rate limit exceeded", "EOrder:Domain rate limit exceeded"),
    *_rows(RateLimited, Retry.LATER, "EAuth:Rate limit exceeded", "EAuth:Too many requests"),
    *_rows(RateLimited, Retry.LATER, "Exceeded msg rate"),
    *_rows(VenueDown, Retry.RECONCILE, "EGeneral:Internal error"),
    *_rows(VenueDown, Retry.RECONCILE, "EService:Unavailable", "EService:Busy", "EService:Timeout"),
    *_rows(VenueDown, Retry.LATER, "EService:Market in "),
    *_rows(Rejected, Retry.LATER, "EService:Deadline elapsed"),
    *_rows(Rejected, Retry.NO, "EAPI:Bad request", "EAPI:Feature disabled"),
    *_rows(Rejected, Retry.NO, "EGeneral:Invalid arguments", "EGeneral:Unknown method"),
    *_rows(Rejected, Retry.LATER, "EOrder:Orders limit exceeded", "EOrder:Scheduled orders limit exceeded"),
    *_rows(Rejected, Retry.NO, "EOrder:", "EQuery:", "ETrade:", "EFunding:", "EBM:limit exceeded"),
    *_rows(Rejected, Retry.NO, "Malformed request", "Unsupported event", "Unsupported field"),
    *_rows(
        Rejected, Retry.NO, "Symbol(s) not found", "Currency pair not ", "Subscription ", "Already subscribed"
    ),
)
"""assumed: the two delays, of refusals that name none, and the wording of "Already subscribed" on v2.

A family of one meaning is one row: any other `EOrder`, `EQuery`, `ETrade`, `EFunding` is a plain no."""


def _folded(text: str) -> str:
    return text.replace(": ", ":").lower()


_BY_LENGTH = sorted(((_folded(row.prefix), row) for row in REFUSALS), key=lambda entry: -len(entry[0]))


def refusal(text: str) -> Refusal:
    """The row of a text; one of no row may have been acted on and must be reconciled."""
    folded = _folded(text)
    for prefix, row in _BY_LENGTH:
        if folded.startswith(prefix):
            return row
    if folded.endswith("field must be a number_float"):
        return Refusal(text, Rejected)
    return Refusal(text, Rejected, Retry.RECONCILE, Acted.MAYBE)


def venue_error(text: str, wall_ns: int | None) -> VenueError:
    """The error a text means.

    `wall_ns` turns the moment in `EService: Throttled: <Unix s>` into a wait; without it there is none.
    """
    row = refusal(text)
    error = row.error(text)
    if isinstance(error, RateLimited):
        error.retry_s = _throttled_s(text, wall_ns)
        if error.retry_s is None:
            error.retry_s = row.delay_s
    error.acted = row.acted
    return error


def _throttled_s(text: str, wall_ns: int | None) -> float | None:
    moment = text.rpartition(":")[2].strip()
    if wall_ns is None or not moment.isdecimal():
        return None
    return max(0.0, int(moment) - wall_ns / NS_PER_S)


def status_error(response: Response, wall_ns: int) -> VenueError:
    """The error that an HTTP status other than 200 means: Kraken's API was not reached (dossier §13).

    A 5xx comes from the edge and the answer behind it is lost; a 4xx was turned away.
    """
    text = f"HTTP {response.status}"
    if response.status == 429:
        return RateLimited(text, _retry_after_s(response, wall_ns))
    error = VenueDown(text)
    if response.status >= 500:
        error.acted = Acted.MAYBE
    return error


def _retry_after_s(response: Response, wall_ns: int) -> float | None:
    """Seconds in `Retry-After`, given as a number or as a date; None without one."""
    header = next((value for name, value in response.headers if name.lower() == "retry-after"), "").strip()
    if header.isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.fromtimestamp(wall_ns / NS_PER_S, UTC)).total_seconds())
