"""Orders as decided, as known and as the venue tells of them; every number exact.

Rule: an order's state comes from the venue's evidence only; until there is some it is UNKNOWN.
"""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from msgspec import Struct

from leadline.model.market import Side

# gc=False: values that hold only values are in no cycle, and thousands of them would make each round of the
# garbage collector, in which the event loop stands still, longer than a millisecond.


class OrderKind(Enum):
    """What makes an order execute, in the venue's words (Kraken: dossier §10.1)."""

    MARKET = "market"
    LIMIT = "limit"
    ICEBERG = "iceberg"
    STOP_LOSS = "stop-loss"
    STOP_LOSS_LIMIT = "stop-loss-limit"
    TAKE_PROFIT = "take-profit"
    TAKE_PROFIT_LIMIT = "take-profit-limit"
    TRAILING_STOP = "trailing-stop"
    TRAILING_STOP_LIMIT = "trailing-stop-limit"
    SETTLE_POSITION = "settle-position"


class TimeInForce(Enum):
    """How long an order stands."""

    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class PriceType(Enum):
    """How a price is meant: as it stands, as a percentage, or as a distance in quote currency."""

    STATIC = "static"
    PCT = "pct"
    QUOTE = "quote"


class TriggerReference(Enum):
    """Which price sets a waiting order off."""

    LAST = "last"
    INDEX = "index"
    MARK = "mark"


class PositionSide(Enum):
    """Which position an order changes: the one there is, or in hedge mode the long or the short one."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


_UNWINDS = {PositionSide.LONG: Side.SELL, PositionSide.SHORT: Side.BUY}


class PriceMatch(Enum):
    """The venue prices the order by its book: as the other side's or our side's best (or n-th) price."""

    OPPONENT = "opponent"
    OPPONENT_5 = "opponent_5"
    QUEUE = "queue"
    QUEUE_5 = "queue_5"
    QUEUE_10 = "queue_10"
    QUEUE_20 = "queue_20"


class SelfTrade(Enum):
    """Which order gives way when two of one account would meet."""

    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"


class FeeIn(Enum):
    """The currency in which the fee is preferred."""

    BASE = "base"
    QUOTE = "quote"


class Trigger(Struct, frozen=True, forbid_unknown_fields=True):
    """What sets a waiting order off; a trailing order's price is a positive distance from the peak.

    A trailing order follows the price from `activation_price` on, at once without one. `protect` keeps it
    from being set off while last and mark price are far apart (Binance's price protection).
    """

    price: Decimal
    price_type: PriceType = PriceType.STATIC
    reference: TriggerReference = TriggerReference.LAST
    activation_price: Decimal | None = None
    protect: bool = False


class ConditionalClose(Struct, frozen=True, forbid_unknown_fields=True):
    """The opposite order the venue makes of each fill."""

    kind: OrderKind
    limit_price: Decimal | None = None
    limit_price_type: PriceType = PriceType.STATIC
    trigger_price: Decimal | None = None
    trigger_price_type: PriceType = PriceType.STATIC


class OrderRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """An order as somebody wants it. `qty` is in base currency; `cost` (market buys) in quote currency.

    `deadline_s` is how long after our decision the venue may still accept it. Kraken takes 0.5 to 60 s on the
    stream and 2 to 60 s by REST (dossier §10.1, §14.3), counted from the arrival, so that 1 s is the least
    here. `survive` marks an order meant to outlive the program: where the dead-man switch would cancel it,
    arming the switch warns of it. `validate` only asks the venue whether it would take the order.

    Of contracts only: `position_side` (hedge mode), `price_match` in place of `limit_price`, and
    `close_position`, with which a triggered order closes all there is then and has no quantity.
    """

    symbol: str
    side: Side
    kind: OrderKind
    qty: Decimal | None = None
    cost: Decimal | None = None
    limit_price: Decimal | None = None
    limit_price_type: PriceType = PriceType.STATIC
    trigger: Trigger | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    expires_ns: int | None = None
    effective_ns: int | None = None
    deadline_s: float = 2.0
    post_only: bool = False
    reduce_only: bool = False
    margin: bool = False
    close: ConditionalClose | None = None
    display_qty: Decimal | None = None
    fee_in: FeeIn | None = None
    self_trade: SelfTrade | None = None
    survive: bool = False
    validate: bool = False
    position_side: PositionSide = PositionSide.NET
    price_match: PriceMatch | None = None
    close_position: bool = False

    @property
    def closes(self) -> bool:
        """Whether it says itself that it can only make a position smaller."""
        unwinds = _UNWINDS.get(self.position_side) is self.side
        return self.reduce_only or self.close_position or unwinds

    @property
    def protective(self) -> bool:
        """Whether it waits for a trigger to make a position smaller: refused, the position is unguarded."""
        return self.trigger is not None and self.closes


class Amendment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to change in a live order; None leaves it. `qty` is the total, what is filled included."""

    qty: Decimal | None = None
    limit_price: Decimal | None = None
    display_qty: Decimal | None = None
    trigger_price: Decimal | None = None
    post_only: bool = False
    deadline_s: float = 2.0


class OrderState(Enum):
    """Where an order stands; the last four are final."""

    UNKNOWN = "unknown"  # journalled, perhaps sent; the venue has said nothing yet
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether no news can change it any more."""
        return self in _FINAL


_FINAL = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED})


class OrderKey(Struct, frozen=True):
    """The names under which the venue may know one order; at least one of the first three is set.

    `symbol` and `conditional` (it waits for a trigger) say where to look; some venues ask for them.
    """

    order_id: str | None = None
    client_id: str | None = None
    userref: int | None = None
    symbol: str | None = None
    conditional: bool = False


class Fee(Struct, frozen=True):
    """A charge in one asset."""

    asset: str
    qty: Decimal


class Fill(Struct, frozen=True, kw_only=True, gc=False):
    """One match of one of our orders; `exec_id` is its unique id, `trade_id` the pair's number."""

    exec_id: str
    order_id: str
    symbol: str
    side: Side
    qty: Decimal
    price: Decimal
    cost: Decimal
    fees: tuple[Fee, ...]
    maker: bool | None = None
    trade_id: int | None = None
    venue_ns: int | None = None


class Event(Enum):
    """What a report tells (Kraken: `exec_type`, dossier §9.1)."""

    ACCEPTED = "accepted"  # pending_new: validated, not live yet
    WORKING = "working"  # new: live in the engine
    FILL = "fill"  # one match; says nothing about completion
    FILLED = "filled"  # complete
    CANCELED = "canceled"
    EXPIRED = "expired"
    AMENDED = "amended"  # by us
    RESTATED = "restated"  # by the venue: its own amendment, an iceberg refill, a trigger that moved
    STANDS = "stands"  # the order as a snapshot or a look-up describes it, open or closed


class OrderReport(Struct, frozen=True, kw_only=True):
    """One piece of the venue's evidence about one order, from either path; what it leaves out is None.

    `filled_qty` and `filled_cost` are the venue's totals so far. `state` is what the venue says of the order
    as a whole, where it does; a fill's own state is never that (dossier §18, 13). `snapshot` marks evidence
    from a snapshot or a look-up rather than from something that has just happened.
    """

    event: Event
    order_id: str
    client_id: str | None = None
    userref: int | None = None
    parent_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    kind: OrderKind | None = None
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    state: OrderState | None = None
    filled_qty: Decimal | None = None
    filled_cost: Decimal | None = None
    fill: Fill | None = None
    reason: str = ""
    venue_ns: int | None = None
    snapshot: bool = False


class Provenance(Enum):
    """Who made an order."""

    OURS = "ours"  # from this journal
    VENUE = "venue"  # a conditional close the venue made of one of our fills
    ADOPTED = "adopted"  # another program, another journal, or a person


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """One order as we know it at one moment.

    `client_id` is our own name of it, unique for ever ("" for an adopted order without one). `requested` is
    what was asked for and `sent` what left; both None for adopted orders. `filled_qty` is the sum of `fills`;
    `venue_filled_qty` is what the venue says, and larger while news of a fill is on its way.
    """

    client_id: str
    symbol: str
    side: Side
    kind: OrderKind
    state: OrderState
    provenance: Provenance = Provenance.OURS
    order_id: str | None = None
    userref: int | None = None
    parent_id: str | None = None
    requested: OrderRequest | None = None
    sent: OrderRequest | None = None
    qty: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    fills: tuple[Fill, ...] = ()
    venue_filled_qty: Decimal = Decimal(0)
    reason: str = ""
    amending: Amendment | None = None
    """A change that may have been made: sent, and not answered for certain; not shown by the values above."""
    created_ns: int = 0
    """Unix time of our decision, or of the adoption."""
    touched_ns: int | None = None
    """Monotonic time of its acceptance or last amendment: its age for the venue's order counter."""

    @property
    def filled_qty(self) -> Decimal:
        """What has been filled for certain, each fill once."""
        return sum((fill.qty for fill in self.fills), Decimal(0))

    @property
    def filled_cost(self) -> Decimal:
        """What the fills cost, without fees."""
        return sum((fill.cost for fill in self.fills), Decimal(0))

    @property
    def fills_missing(self) -> bool:
        """Whether the venue knows of fills whose details have not come yet."""
        return self.venue_filled_qty > self.filled_qty

    @property
    def key(self) -> OrderKey:
        """Every name the venue may know it by: where a userref was given it has not heard our client id."""
        named = self.client_id if self.userref is None else None
        waits = self.trigger_price is not None or (self.sent is not None and self.sent.trigger is not None)
        return OrderKey(self.order_id, named or None, self.userref, self.symbol, waits)
