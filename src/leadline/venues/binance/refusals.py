"""Binance's refusals as one table: which error, could the venue have acted, may the request be repeated.

Rule: a code says what it means, but a 5xx and a time-out without one leave open what became of the request
(dossier §2.6, §2.7, §14). A code the table does not know is a rejection whose effect is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

import msgspec
from msgspec import Struct

from leadline.errors import Acted, AuthError, RateLimited, Rejected, VenueDown, VenueError
from leadline.net.http import Response

MOST_TEXT = 300
"""Characters of the venue's wording that are kept."""

BAN_S = 120.0
"""The shortest ban there is (dossier §3.3); for one whose end is not told."""
LONGEST_BAN_S = 3 * 86_400.0
"""The longest there is (§3.3); a wait that is told to be longer is no longer than that."""
MINUTE_S = 60
ORDER_WINDOW_S = 10


class Retry(Enum):
    """What may be done with the same request after a refusal."""

    NO = auto()  # repeating it unchanged is useless
    LATER = auto()  # it was not executed and may be repeated after a while
    RETIMED = auto()  # it was not executed and may be repeated once with a fresh timestamp
    RECONCILE = auto()  # a read may be repeated; an order must first be looked up
    DONE = auto()  # it is so already: as good as a yes


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a code means."""

    error: type[VenueError]
    retry: Retry = Retry.NO
    acted: Acted = Acted.NO


UNKNOWN_OUTCOME = Refusal(VenueDown, Retry.RECONCILE, Acted.MAYBE)
NOT_EXECUTED = Refusal(VenueDown, Retry.LATER)

DUPLICATE_CLIENT_ID = -4116
"""assumed: the open order that bears the id is the one that was sent first, and none of a stranger."""
UNKNOWN_ORDER = -2011
"""The answer to a cancel of what is filled, cancelled or was never there: no verdict (dossier §6.5)."""
NO_SUCH_ORDER = -2013
"""The answer to a look-up; shortly after a placement no proof (dossier §6.1)."""
NO_LISTEN_KEY = -1125
TOO_MANY_REQUESTS = -1003
TOO_MANY_ORDERS = -1015


def _rows(error: type[VenueError], retry: Retry, *codes: int) -> dict[int, Refusal]:
    acted = Acted.MAYBE if retry is Retry.RECONCILE else Acted.NO
    return dict.fromkeys(codes, Refusal(error, retry, acted))


def _span(first: int, last: int) -> range:
    return range(last, first + 1)


REFUSALS: dict[int, Refusal] = {
    **_rows(VenueDown, Retry.RECONCILE, -1000, -1006, -1007),
    **_rows(VenueDown, Retry.LATER, -1001, -1008, -1016),
    **_rows(RateLimited, Retry.LATER, TOO_MANY_REQUESTS, TOO_MANY_ORDERS),
    **_rows(AuthError, Retry.NO, -1002, -1004, -1005, -1011, -1022, -1099, -2008, -2014, -2015, -2017),
    **_rows(Rejected, Retry.RETIMED, -1021, -5028),
    # the request itself
    **_rows(Rejected, Retry.NO, -1010, -1013, -1014, -1020, -1023, -1136),
    **_rows(Rejected, Retry.NO, *_span(-1100, -1111), *_span(-1114, -1130)),
    **_rows(Rejected, Retry.LATER, -1112, NO_LISTEN_KEY),
    # the order and the account
    **_rows(Rejected, Retry.NO, -2010, -2016, *_span(-2018, -2022), *_span(-2024, -2028)),
    **_rows(Rejected, Retry.LATER, -2023),
    **_rows(Rejected, Retry.RECONCILE, UNKNOWN_ORDER, -2012, NO_SUCH_ORDER),
    # filters, settings and modes
    **_rows(Rejected, Retry.NO, *_span(-4000, -4082), -4084, -4087, -4088, -4104, -4105, -4106, -4107),
    **_rows(Rejected, Retry.RECONCILE, -4083, DUPLICATE_CLIENT_ID),
    **_rows(Rejected, Retry.NO, -4109, -4114, -4115, -4118, -4120, -4130, *_span(-4135, -4142), -4144),
    **_rows(Rejected, Retry.LATER, -4117, -4131),
    **_rows(Rejected, Retry.NO, *_span(-4161, -4172), -4183, -4184, -4189, -4192, *_span(-4202, -4211)),
    **_rows(Rejected, Retry.NO, *_span(-4400, -4403), -4425, -4531),
    **_rows(Rejected, Retry.DONE, -4046, -4059, -4171),
    # what the matching engine says
    **_rows(Rejected, Retry.NO, -5021, -5022, *_span(-5024, -5027), -5029, *_span(-5037, -5041), -5047),
    **_rows(Rejected, Retry.LATER, -5043),
}
"""A family of one meaning is one row. -4083 names no order of its batch, so any of it may stand."""

_UNKNOWN_CODE = Refusal(Rejected, Retry.RECONCILE, Acted.MAYBE)

_BY_STATUS: dict[int, Refusal] = {
    401: Refusal(AuthError),
    403: Refusal(VenueDown, Retry.LATER),  # turned away before the venue's own servers (§2.6)
    404: Refusal(Rejected),
    408: UNKNOWN_OUTCOME,
    418: Refusal(RateLimited, Retry.LATER),
    429: Refusal(RateLimited, Retry.LATER),
    451: Refusal(AuthError),
    504: UNKNOWN_OUTCOME,
}
"""What a status means that comes without a code."""

_NOT_EXECUTED_TEXTS = ("service unavailable", "internal error; unable to process", "request throttled by")
_BANNED = re.compile(r"banned until (\d{13})")
_ORDER_WINDOW = re.compile(r"orders per [A-Z0-9_ ]*(SECOND|MINUTE)")


def row_of(code: int | None, status: int, message: str) -> Refusal:
    """What a refusal means, by its code, and where it has none by its status and wording.

    The four kinds of 503 (§2.7) are told apart by their wording, whatever code stands beside it.
    """
    if status in (418, 429):
        return _BY_STATUS[status]
    if status >= 500 and message.strip().lower().startswith(_NOT_EXECUTED_TEXTS):
        return NOT_EXECUTED
    if code is not None and code in REFUSALS:
        return REFUSALS[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return UNKNOWN_OUTCOME if status >= 500 else _UNKNOWN_CODE


class BinanceRefusal(Struct, frozen=True):
    """The code and wording of a refusal, as they came."""

    code: int | None
    text: str


def refusal(
    code: int | None,
    status: int,
    message: str,
    *,
    venue_ms: int | None = None,
    headers: Iterable[tuple[str, str]] = (),
) -> VenueError:
    """The error a refusal means; its text begins with the code, where there is one.

    `venue_ms` is the venue's Unix time, which turns the end of a ban or of a window into a wait.
    """
    row = row_of(code, status, message)
    told = message[:MOST_TEXT].strip() or f"HTTP {status}"
    error = row.error(told if code is None else f"{code} {told}")
    error.acted = row.acted
    if isinstance(error, RateLimited):
        error.retry_s = told_wait_s(status, message, venue_ms, headers)
        if error.retry_s is None:
            span_s = max(order_windows_s(message)) if code == TOO_MANY_ORDERS else MINUTE_S
            error.retry_s = span_s - (0.0 if venue_ms is None else venue_ms / 1000 % span_s)
    return error


def told_wait_s(
    status: int, message: str, venue_ms: int | None, headers: Iterable[tuple[str, str]] = ()
) -> float | None:
    """For how long the venue says that it refuses us; None where that is until the window ends.

    The end of a ban outranks `Retry-After`, and a ban without either lasts as long as the shortest (§3.2).
    """
    found = _BANNED.search(message)
    if found is not None and venue_ms is not None:
        return min(max(0.0, (int(found[1]) - venue_ms) / 1000), LONGEST_BAN_S)
    after_s = _retry_after_s(headers)
    return BAN_S if after_s is None and (found is not None or status == 418) else after_s


def order_windows_s(message: str) -> tuple[int, ...]:
    """The windows that may have too many orders, the one that a refusal names or else both (§3.3)."""
    named = _ORDER_WINDOW.search(message)
    if named is None:
        return (MINUTE_S, ORDER_WINDOW_S)
    return (MINUTE_S,) if named[1] == "MINUTE" else (ORDER_WINDOW_S,)


def code_of(error: VenueError) -> int | None:
    """The venue's code of an error made here; None where it had none."""
    first = error.text.partition(" ")[0]
    return int(first) if first.startswith("-") and first[1:].isdecimal() else None


def retry_of(error: VenueError) -> Retry:
    """What may be done with the request that met this error."""
    row = REFUSALS.get(code_of(error) or 0)
    if row is not None and row.acted is error.acted:
        return row.retry
    return Retry.RECONCILE if error.acted is Acted.MAYBE else Retry.LATER


def status_error(response: Response, *, venue_ms: int | None = None) -> VenueError:
    """The error that an answer of a status other than 200 means; `Retry-After` outranks what is assumed."""
    told = read_refusal(response.body)
    return refusal(told.code, response.status, told.text, venue_ms=venue_ms, headers=response.headers)


class _Body(Struct):
    code: int | None = None
    msg: str = ""


_bodies: msgspec.json.Decoder[_Body] = msgspec.json.Decoder(_Body, strict=False)


def read_refusal(body: bytes) -> BinanceRefusal:
    """Code and wording of a body; a page of the edge, or nothing, has neither."""
    try:
        told = _bodies.decode(body)
    except msgspec.MsgspecError:
        return BinanceRefusal(None, "")
    return BinanceRefusal(told.code, told.msg)


def _retry_after_s(headers: Iterable[tuple[str, str]]) -> float | None:
    """Seconds in `Retry-After`, which the venue's futures documents do not promise (§3.2); 0 says nothing."""
    text = next((value for name, value in headers if name.lower() == "retry-after"), "").strip()
    return (min(float(text), LONGEST_BAN_S) or None) if text.isdecimal() else None
