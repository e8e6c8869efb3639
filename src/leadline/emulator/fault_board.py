"""Which faults are on, and what they do to frames, subscriptions and requests on their way.

Pure: it decides; the exchange closes, freezes, broadcasts. DROP, DUP, REORDER and CORRUPT wait for a frame
whose treatment a client can notice; what no client can detect proves nothing.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from leadline.emulator.accounts import UNIT
from leadline.emulator.faults import (
    AcceptThenDrop,
    AckNoData,
    AnyFault,
    Backend,
    Corrupt,
    Drop,
    Dup,
    Lag,
    Misstate,
    NonceStrict,
    OldRoutes,
    Rate,
    Refuse,
    Reorder,
    Reply,
    Shuffle,
    Skew,
    Stall,
    SubRate,
    SubReject,
    TokenInvalid,
    Unseen,
)
from leadline.emulator.limits import TokenBucket
from leadline.emulator.market import NEVER
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.wire import Frame


@dataclass(slots=True)
class Active:
    """A fault that is on. `left` is how many more times it acts, None without bound."""

    fault_id: int
    fault: AnyFault
    since_ns: int
    until_ns: int
    left: int | None
    buckets: dict[int, TokenBucket] = field(default_factory=dict)
    only: int | None = None
    """The one connection it is about, where it is about one."""


@dataclass(frozen=True, slots=True)
class RefusedConnect:
    """A connection turned away: with an HTTP status, or None for a TCP reset.

    `executed`: the cut came after the request had been acted on, so that only its answer is lost.
    """

    status: int | None
    executed: bool = False


class FaultBoard:
    """The switchboard of one venue.

    `calls` are the names of the calls that trade; venues with one control share the `ids` of their faults.
    """

    def __init__(self, calls: Collection[str] = ()) -> None:
        self.active: dict[int, Active] = {}
        self.ids = count(1)
        self._calls = calls
        self._held: dict[tuple[int, str, str], list[Frame]] = {}

    def put(self, fault: AnyFault, now_ns: int) -> Active:
        """Switch a fault on."""
        until_ns = NEVER if fault.for_s is None else now_ns + round(fault.for_s * NS_PER_S)
        one = Active(next(self.ids), fault, now_ns, until_ns, getattr(fault, "count", None))
        self.active[one.fault_id] = one
        return one

    def end(self, fault_id: int) -> Active:
        """Switch off one that is on."""
        return self.active.pop(fault_id)

    def next_expiry_ns(self) -> int:
        """When the next fault ends by itself."""
        return min((one.until_ns for one in self.active.values()), default=NEVER)

    def of(self, *kinds: type[AnyFault]) -> list[Active]:
        """The active faults of some kinds, oldest first."""
        return [one for one in self.active.values() if isinstance(one.fault, kinds)]

    def used(self, one: Active) -> None:
        """Count one act; a fault used up is off."""
        if one.left is not None:
            one.left -= 1
            if one.left <= 0:
                self.active.pop(one.fault_id, None)

    def outgoing(self, connection_id: int, frame: Frame) -> list[Frame]:
        """What really leaves in the place of this frame."""
        if not self.active and not self._held:
            return [frame]
        if frame.kind in ("snapshot", "update") and any(
            _matches(one, connection_id, frame) for one in self.of(Stall)
        ):
            return []
        released = self._held.pop((connection_id, frame.channel, frame.symbol), [])
        for one in self.of(Drop, Dup, Reorder, Corrupt):
            if _qualifies(one, connection_id, frame) and not (released and isinstance(one.fault, Reorder)):
                self.used(one)
                return self._treated(one.fault, connection_id, frame) + released
        return [frame, *released]

    def connection_gone(self, connection_id: int) -> None:
        """Forget what was held back for a connection."""
        for key in [key for key in self._held if key[0] == connection_id]:
            del self._held[key]

    def withholds_data(self, channel: str, symbol: str) -> bool:
        """Whether a subscription made now stays empty."""
        return any(_names(one.fault, channel, symbol) for one in self.of(AckNoData))

    def subscription_error(self, channel: str, symbol: str) -> str:
        """The text a subscription made now is refused with, else nothing."""
        for one in self.of(SubReject):
            if isinstance(one.fault, SubReject) and _names(one.fault, channel, symbol):
                return one.fault.error or f"Currency pair not supported {symbol}"
        return ""

    def may_subscribe(self, connection_id: int, now_ns: int) -> bool:
        """Whether one more subscription message of this connection fits the rate."""
        fits = True
        for one in self.of(SubRate):
            if isinstance(one.fault, SubRate):
                per_s = one.fault.per_s
                bucket = one.buckets.setdefault(connection_id, TokenBucket(per_s, max(1.0, per_s), now_ns))
                fits = bucket.take(now_ns) and fits
        return fits

    def refused(self, route: str) -> RefusedConnect | None:
        """How a connect or request on ws or rest is turned away now, None where it is let in."""
        for one in self.of(Refuse):
            if isinstance(one.fault, Refuse) and one.fault.route in (route, "all"):
                self.used(one)
                return RefusedConnect(one.fault.status)
        return None

    def reply(self, path: str) -> Reply | None:
        """What to answer a REST request instead."""
        for one in self.of(Reply):
            if isinstance(one.fault, Reply) and path.endswith(one.fault.path):
                self.used(one)
                return one.fault
        return None

    def drops_answer(self, name: str) -> bool:
        """Whether the answer to this REST call or WebSocket method is to be lost after it was executed."""
        for one in self.of(AcceptThenDrop):
            if isinstance(one.fault, AcceptThenDrop) and self._is_call(one.fault, name):
                self.used(one)
                return True
        return False

    def backend(self, name: str, *, reducing: bool) -> Backend | None:
        """How a call fails behind the gate; one that only reduces a position is never throttled."""
        for one in self.of(Backend):
            fault = one.fault
            if isinstance(fault, Backend) and self._is_call(fault, name):
                if fault.trouble == "throttled" and reducing:
                    continue
                self.used(one)
                return fault
        return None

    def unrouted_whole(self) -> bool:
        """Whether unrouted sockets serve every stream now."""
        return bool(self.of(OldRoutes))

    def token_refused(self) -> bool:
        """Whether the WebSocket token now presented is refused whatever it is."""
        for one in self.of(TokenInvalid):
            self.used(one)
            return True
        return False

    def nonce_strict(self) -> bool:
        """Whether the nonce window of every key is 0 now."""
        return bool(self.of(NonceStrict))

    def counters_on(self) -> bool:
        """Whether REST calls cost points now."""
        return all(one.fault.counters for one in self.of(NonceStrict) if isinstance(one.fault, NonceStrict))

    def news_delay_ns(self, kind: str, rng: random.Random) -> int:
        """How much later a private message leaves: `kind` is executions, balances or ack."""
        for one in self.of(Shuffle):
            if isinstance(one.fault, Shuffle) and one.fault.channel in (kind, "all"):
                self.used(one)
                return round(rng.random() * one.fault.delay_s * NS_PER_S)
        return 0

    def skew(self, route: str, channel: str, symbol: str) -> Decimal | None:
        """What the prices of a channel are multiplied by on `ws` or `rest`."""
        factor: Decimal | None = None
        for one in self.of(Skew):
            fault = one.fault
            if isinstance(fault, Skew) and fault.route in (route, "all") and _names(fault, channel, symbol):
                factor = fault.factor * (factor or 1)
        return factor

    def lag(self, route: str, channel: str, symbol: str) -> tuple[int, int] | None:
        """The oldest LAG of a channel on `ws` or `rest`: its id, and by how many nanoseconds."""
        if route == "ws" and channel != "ticker":
            return None
        for one in self.of(Lag):
            fault = one.fault
            if isinstance(fault, Lag) and fault.route in (route, "all") and _names(fault, channel, symbol):
                return one.fault_id, round(fault.delay_s * NS_PER_S)
        return None

    def misstated(self, asset: str) -> int:
        """How much more of an asset REST tells than there is, in 10^-10."""
        amounts = [
            one.fault.amount
            for one in self.of(Misstate)
            if isinstance(one.fault, Misstate) and one.fault.asset == asset
        ]
        return int(sum(amounts) * UNIT)

    def hidden_orders(self) -> set[str | None]:
        """The names of the open orders that REST keeps silent about."""
        return {one.fault.hide_order for one in self.of(Misstate) if isinstance(one.fault, Misstate)} - {None}

    def unseen_ns(self) -> int:
        """For how long a new order is in nobody's sight."""
        delays = [one.fault.delay_s for one in self.of(Unseen) if isinstance(one.fault, Unseen)]
        return round(max(delays, default=0.0) * NS_PER_S)

    def rest_bucket(self, now_ns: int) -> TokenBucket | None:
        """The bucket of a REST limit put in the place of the usual one."""
        for one in self.of(Rate):
            if isinstance(one.fault, Rate) and one.fault.per_s is not None:
                return one.buckets.setdefault(0, TokenBucket(one.fault.per_s, one.fault.burst, now_ns))
        return None

    def _is_call(self, fault: AcceptThenDrop | Backend, name: str) -> bool:
        if not fault.path and not fault.method:
            return name in self._calls
        # A path may be given whole; of it only the last part is a call's name.
        return name in ((fault.path or "").rpartition("/")[2], fault.method)

    def _treated(self, fault: AnyFault, connection_id: int, frame: Frame) -> list[Frame]:
        if isinstance(fault, Dup):
            return [frame, frame]
        if isinstance(fault, Corrupt):
            return [_corrupted(frame)]
        if isinstance(fault, Reorder):
            self._held.setdefault((connection_id, frame.channel, frame.symbol), []).append(frame)
        return []


def _names(fault: AnyFault, channel: str, symbol: str) -> bool:
    wanted_channel = getattr(fault, "channel", None)
    wanted_symbol = getattr(fault, "symbol", None)
    return wanted_channel in (None, channel) and wanted_symbol in (None, symbol)


def _matches(one: Active, connection_id: int, frame: Frame) -> bool:
    return one.only in (None, connection_id) and _names(one.fault, frame.channel, frame.symbol)


def _qualifies(one: Active, connection_id: int, frame: Frame) -> bool:
    if not frame.telling or not _matches(one, connection_id, frame):
        return False
    unchecked = frame.channel == "book" and frame.kind != "ack" and not frame.target
    return not (isinstance(one.fault, Corrupt) and unchecked)


def _corrupted(frame: Frame) -> Frame:
    """One digit of a checked quantity altered; a frame no checksum covers is cut in half instead."""
    at = frame.text.rfind(frame.target) if frame.target else -1
    if at < 0:
        text = frame.text[: len(frame.text) // 2]
    else:
        digit = at + len(frame.target) - 2
        text = f"{frame.text[:digit]}{(int(frame.text[digit]) + 1) % 10}{frame.text[digit + 1 :]}"
    return Frame(text, frame.kind, frame.channel, frame.symbol)
