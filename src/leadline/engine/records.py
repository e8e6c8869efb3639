"""What the journal keeps: decisions before they leave, evidence as it comes; the orders are their sum.

Rule: records are only ever added. A kind or field this version does not know makes the journal newer than it.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from leadline.model.level import Level
from leadline.model.order import Amendment, OrderReport, OrderRequest, OrderState, Provenance


class Record(Struct, frozen=True, kw_only=True, tag=True, forbid_unknown_fields=True):
    """`at_ns` is Unix time by our clock."""

    at_ns: int


class Intent(Record, frozen=True, kw_only=True):
    """An order decided upon; durable before its first byte leaves."""

    client_id: str
    userref: int | None
    requested: OrderRequest
    sent: OrderRequest
    deadline_ns: int
    """Venue time after which it cannot be accepted any more."""
    replaces: str | None = None
    """The venue's id of the order that it replaces."""


class AmendIntent(Record, frozen=True, kw_only=True):
    """A change decided upon; durable before it leaves."""

    client_id: str
    requested: Amendment
    sent: Amendment
    deadline_ns: int


class AmendEnded(Record, frozen=True, kw_only=True):
    """What is certain of a change: the venue took it, or it was refused or never left, and why."""

    client_id: str
    accepted: bool
    why: str = ""


class CancelIntent(Record, frozen=True, kw_only=True):
    """A cancel decided upon; `client_ids` empty means all orders of the account."""

    client_ids: tuple[str, ...]


class Acknowledged(Record, frozen=True, kw_only=True):
    """The venue's yes to an intent, and its id of the order."""

    client_id: str
    order_id: str


class Doubted(Record, frozen=True, kw_only=True):
    """The outcome of an intent is not known, and why; only evidence ends that."""

    client_id: str
    why: str


class Settled(Record, frozen=True, kw_only=True):
    """An order ended by evidence other than a report: a definite refusal, or a search past its deadline."""

    client_id: str
    state: OrderState
    evidence: str


class Reported(Record, frozen=True, kw_only=True):
    """The venue's evidence, whole; `client_id` is ours of the order it was matched with."""

    client_id: str
    report: OrderReport


class Adopted(Record, frozen=True, kw_only=True):
    """An order of this account that this journal did not decide."""

    client_id: str
    provenance: Provenance
    report: OrderReport


class Drifted(Record, frozen=True, kw_only=True):
    """Our view and the venue's differ after every correction: both are kept, the symbol is halted."""

    symbol: str
    ours: str
    theirs: str


class Resumed(Record, frozen=True, kw_only=True):
    """The halt of a symbol is over: that of one holder or, where `by` is empty, everybody's."""

    symbol: str
    why: str
    by: str = ""


class Tripped(Record, frozen=True, kw_only=True):
    """The breaker opened, closed or was forced, and the evidence for it."""

    state: str
    reason: str
    retry_s: float | None = None


class Halted(Record, frozen=True, kw_only=True):
    """A symbol is held until who holds it says otherwise."""

    symbol: str
    why: str
    by: str


class LevelForced(Record, frozen=True, kw_only=True):
    """An operator has set the service level until a time (Unix nanoseconds)."""

    level: Level
    until_ns: int
    why: str


class LevelReleased(Record, frozen=True, kw_only=True):
    """The service level is what is observed again, before its time."""

    why: str


class RateTripped(Record, frozen=True, kw_only=True):
    """More orders than `per_s` a second were asked for, and which; none leaves until a person resets it."""

    per_s: float
    evidence: tuple[str, ...]


class RateReset(Record, frozen=True, kw_only=True):
    """A person has let orders leave again."""

    why: str


class OpeningBalance(Record, frozen=True, kw_only=True):
    """What the account held when this journal first saw it."""

    asset: str
    qty: Decimal


AnyRecord = (
    Intent
    | AmendIntent
    | AmendEnded
    | CancelIntent
    | Acknowledged
    | Doubted
    | Settled
    | Reported
    | Adopted
    | Drifted
    | Resumed
    | Tripped
    | Halted
    | LevelForced
    | LevelReleased
    | RateTripped
    | RateReset
    | OpeningBalance
)
