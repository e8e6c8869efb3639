"""The faults that can be put on the venue, as types.

Kinds: CLOSE REFUSE STALL HALF_OPEN ACK_NO_DATA DROP DUP REORDER CORRUPT SUB_REJECT SUB_RATE REPLY STATUS,
RATE (the limits), INSTRUMENT (a tick or lot that changes while trading), SKEW and LAG (prices off by a factor
or late); on the private side ACCEPT_THEN_DROP TOKEN_INVALID NONCE_STRICT SHUFFLE MISSTATE; of Binance alone
BACKEND UNSEEN FORCE_CLOSE DELIST LISTENKEY_EXPIRE OLD_ROUTES. CLOSE with REFUSE on the route `all` is an
outage, REFUSE on `rest` one of REST alone, CLOSE with `after_s` a venue's age cut, REPLY with a delay alone
latency, LAG of a book over REST a snapshot that lags, DROP of a book a gap in it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Union, get_args

import msgspec

Venue = Literal["kraken", "binance"]
Channel = Literal[
    "ticker", "book", "trade", "ohlc", "instrument", "level3", "executions", "balances",
    "top", "stats", "mark", "liquidations",
]  # fmt: skip
CHANNELS: dict[str, tuple[str, ...]] = {
    "kraken": ("ticker", "book", "trade", "ohlc", "instrument", "level3", "executions", "balances"),
    "binance": (
        *("ticker", "book", "trade", "ohlc", "instrument", "executions", "balances"),
        *("top", "stats", "mark", "liquidations"),
    ),
}
Route = Literal["ws", "rest", "all"]
Line = Literal["ws_public", "ws_private", "ws_level3", "ws_market", "ws_api", "ws_unrouted"]
LINES: dict[str, tuple[str, ...]] = {
    "kraken": ("ws_public", "ws_private", "ws_level3"),
    "binance": ("ws_public", "ws_market", "ws_private", "ws_api", "ws_unrouted"),
}
Which = Literal["oldest", "newest"]
Told = Literal["ticker", "book"]
Mode = Literal["online", "cancel_only", "post_only", "limit_only", "maintenance"]
MODES: dict[str, tuple[str, ...]] = {
    "kraken": get_args(Mode),
    "binance": ("online", "cancel_only", "maintenance"),
}
Tier = Literal["starter", "intermediate", "pro"]
Trouble = Literal["unknown", "unavailable", "internal", "throttled", "timeout", "late"]


OLDEST = "oldest"


class Fault(msgspec.Struct, kw_only=True, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """What all faults have: the venue, and for how many seconds (None: until deleted or used up)."""

    venue: Venue = "kraken"
    for_s: float | None = None


class _OnLines(Fault, frozen=True):
    line: Line | None = None
    only: Which | None = None


class Close(_OnLines, tag="CLOSE", frozen=True):
    """End connections: all that are open now or, with `after_s`, each one that long after it opened.

    Code 1006 cuts the link without a close frame. `count` bounds the repeating form; `line` narrows it to
    one address, `only` to one connection.
    """

    code: int = 1001
    reason: str = "CloudFlare WebSocket proxy restarting"
    after_s: float | None = None
    count: int | None = None


class Refuse(Fault, tag="REFUSE", frozen=True):
    """Turn new connections away: with an HTTP status, or without one by dropping the TCP connection."""

    status: int | None = None
    route: Route = "ws"
    count: int | None = None


class Stall(Fault, tag="STALL", frozen=True):
    """Stop the data of a channel or symbol; everything else, heartbeats too, goes on.

    `only` stops it on one of the connections that are open now.
    """

    channel: Channel | None = None
    symbol: str | None = None
    only: Which | None = None


class HalfOpen(_OnLines, tag="HALF_OPEN", frozen=True):
    """Connections open now neither send nor read; after `for_s` what was held back arrives late."""


class AckNoData(Fault, tag="ACK_NO_DATA", frozen=True):
    """Subscriptions made from now on are acknowledged and stay empty until they are made anew."""

    channel: Channel | None = None
    symbol: str | None = None


class _OnFrames(Fault, frozen=True):
    channel: Channel | None = None
    symbol: str | None = None
    count: int = 1
    only: Which | None = None


class Drop(_OnFrames, tag="DROP", frozen=True):
    """Lose the next `count` telling frames."""


class Dup(_OnFrames, tag="DUP", frozen=True):
    """Send the next `count` telling frames twice."""


class Reorder(_OnFrames, tag="REORDER", frozen=True):
    """Send the next `count` telling frames after the frame that follows in their stream."""


class Corrupt(_OnFrames, tag="CORRUPT", frozen=True):
    """Alter the next `count` telling frames: a checked level of a book, else the JSON itself."""


class SubReject(Fault, tag="SUB_REJECT", frozen=True):
    """Refuse subscriptions of a symbol with the text `error`."""

    symbol: str
    channel: Channel | None = None
    error: str = ""


class SubRate(Fault, tag="SUB_RATE", frozen=True):
    """Answer subscription messages beyond `per_s` a second and connection with `Exceeded msg rate`."""

    per_s: float


class Reply(Fault, tag="REPLY", frozen=True):
    """Answer REST requests whose path ends in `path` differently: status, body, delay, or the delay alone.

    With `accepted` the request is executed all the same, before it is answered so.
    """

    path: str = ""
    status: int = 200
    body: str | None = None
    delay_s: float = 0.0
    accepted: bool = False
    count: int | None = None


class Rate(Fault, tag="RATE", frozen=True):
    """Other limits: on public REST `per_s` requests a second after `burst` at once.

    `tier` gives every account another tier, `burn` spends points of the demo account as another client of
    its key would: of the REST counter or, with `symbol`, of that pair's order counter. Both act at once and
    stay after the fault is deleted; `counter` may name the counters they are about. At Binance `burn` spends
    request weight, and nothing else can be changed.
    """

    per_s: float | None = None
    burst: float = 1.0
    counter: Literal["kraken_counter", "binance_weight"] | None = None
    tier: Tier | None = None
    burn: float | None = None
    symbol: str | None = None


class Status(Fault, tag="STATUS", frozen=True):
    """Another trading mode, of the whole venue or of one symbol."""

    mode: Mode
    symbol: str | None = None


class Instrument(Fault, tag="INSTRUMENT", frozen=True):
    """Another tick or lot for a pair while it trades; stays after the fault is deleted."""

    symbol: str
    price_precision: int | None = None
    qty_precision: int | None = None


class AcceptThenDrop(Fault, tag="ACCEPT_THEN_DROP", frozen=True):
    """Execute a request and never answer it: the connection is cut instead.

    `path` is the end of a REST path (`AddOrder`), `method` one of the WebSocket (`add_order`); with neither
    it is every call that trades.
    """

    path: str | None = None
    method: str | None = None
    count: int | None = None


class TokenInvalid(Fault, tag="TOKEN_INVALID", frozen=True):
    """Refuse every WebSocket token that is presented; subscriptions that run go on."""

    count: int | None = None


class NonceStrict(Fault, tag="NONCE_STRICT", frozen=True):
    """Nonce window 0 for every key; without `counters` REST calls cost no points meanwhile."""

    counters: bool = True


class Shuffle(Fault, tag="SHUFFLE", frozen=True):
    """Delay private news by different random times up to `delay_s`; `all` means acknowledgements too.

    Within one channel the order stays, because a sequence never goes back on a connection.
    """

    channel: Literal["executions", "balances", "all"] = "all"
    delay_s: float = 1.0
    count: int | None = None


class Skew(Fault, tag="SKEW", frozen=True):
    """Multiply the prices of a channel or symbol by `factor`, each to its own last decimal, half up.

    On REST that is Ticker and Depth; on the stream the ticker alone, as a checksum guards the book.
    """

    factor: Decimal
    channel: Told | None = None
    symbol: str | None = None
    route: Route = "rest"


class Lag(Fault, tag="LAG", frozen=True):
    """Show a channel or symbol as it was `delay_s` ago, but never as it was before the fault began.

    On REST that is Ticker and Depth; on the stream the ticker alone.
    """

    delay_s: float
    channel: Told | None = None
    symbol: str | None = None
    route: Route = "rest"


class Misstate(Fault, tag="MISSTATE", frozen=True):
    """Tell untruths of every account over REST: what lists balances is off by `amount` of (spot) `asset`.

    `hide_order` leaves an open order (its id or client id, or `oldest`) out of the list of open orders;
    searches by name and look-ups of single orders go on telling the truth.
    """

    asset: str | None = None
    amount: Decimal = Decimal(0)
    hide_order: str | None = None


class Backend(Fault, tag="BACKEND", frozen=True):
    """Let what stands behind the venue's gate fail: HTTP 503 of four kinds, or 408 (dossier §2.7); `late`
    is a request that reaches the matching engine after its window (§2.5).

    `unknown` and `timeout` leave open what became of the request: with `accepted` it was executed. It is
    about orders unless `path` or `method` names a call; `throttled` spares what only reduces a position.
    """

    trouble: Trouble
    path: str | None = None
    method: str | None = None
    accepted: bool = False
    count: int | None = None


class Unseen(Fault, tag="UNSEEN", frozen=True):
    """Let a new order come in sight late: for its first `delay_s` no look-up and no list knows it.

    News of it on the account's stream and its acknowledgement come as ever; a cancel finds it.
    """

    delay_s: float


class ForceClose(Fault, tag="FORCE_CLOSE", frozen=True):
    """Have the venue close every account's position in a contract at the mark price, at once.

    `adl` is automatic deleveraging, which may take a `part` of it. With `hollow` an order of nothing, filled
    for nothing, is told first.
    """

    symbol: str
    cause: Literal["liquidation", "adl"] = "liquidation"
    part: float = 1.0
    hollow: bool = False


class Delist(Fault, tag="DELIST", frozen=True):
    """Set the end of a contract `after_s` from now, for good: what is open in it by then is closed."""

    symbol: str
    after_s: float = 0.0


class ListenKeyExpire(Fault, tag="LISTENKEY_EXPIRE", frozen=True):
    """Void every listenKey there is, with the notice on its stream or, `silent`, without."""

    silent: bool = False


class OldRoutes(Fault, tag="OLD_ROUTES", frozen=True):
    """While it is on, unrouted sockets serve every stream, as before the migration of 2026."""


OnFrames = Drop | Dup | Reorder | Corrupt
AnyFault = Union[  # noqa: UP007 - read at run time by msgspec
    Close, Refuse, Stall, HalfOpen, AckNoData, Drop, Dup, Reorder, Corrupt,
    SubReject, SubRate, Reply, Rate, Status, Instrument, Skew, Lag,
    AcceptThenDrop, TokenInvalid, NonceStrict, Shuffle, Misstate,
    Backend, Unseen, ForceClose, Delist, ListenKeyExpire, OldRoutes,
]  # fmt: skip

KINDS: dict[str, type[Fault]] = {str(one.__struct_config__.tag): one for one in get_args(AnyFault)}
_OF_BINANCE = ("BACKEND", "UNSEEN", "FORCE_CLOSE", "DELIST", "LISTENKEY_EXPIRE", "OLD_ROUTES")
_OF_KRAKEN = (
    *("SUB_REJECT", "SUB_RATE", "INSTRUMENT", "TOKEN_INVALID"),
    "NONCE_STRICT",
)
KINDS_OF: dict[str, dict[str, type[Fault]]] = {
    "kraken": {kind: one for kind, one in KINDS.items() if kind not in _OF_BINANCE},
    "binance": {kind: one for kind, one in KINDS.items() if kind not in _OF_KRAKEN},
}
"""What each venue can be made to suffer."""
