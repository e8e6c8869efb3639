"""Which records of the journal may go: those of orders that ended long ago, and of nothing else.

Rule: an order that is open or UNKNOWN keeps every record, whatever its age.
"""

from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.engine.halts import RECONCILIATION
from leadline.engine.records import (
    Acknowledged,
    Adopted,
    AmendEnded,
    AmendIntent,
    AnyRecord,
    CancelIntent,
    Doubted,
    Drifted,
    Halted,
    Intent,
    LevelForced,
    LevelReleased,
    RateReset,
    RateTripped,
    Reported,
    Resumed,
    Settled,
    Tripped,
)
from leadline.model.order import Event, OrderReport

KEPT_NS = 30 * 24 * 3600 * NS_PER_S
KEPT_ORDERS = 200
"""The newest orders stay whatever their age: the venue's snapshots name the newest fills again and again."""

_ENDS = frozenset({Event.FILLED, Event.CANCELED, Event.EXPIRED})


class _Trail:
    """The records of one order."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.newest_ns = 0
        self.ended = False
        self.settled = False


class Retention:
    """Takes every record in order, then says which are not needed any more."""

    def __init__(self) -> None:
        self._orders: dict[str, _Trail] = {}
        self._passing: list[tuple[int, int]] = []
        self._halts: dict[str, dict[str, tuple[int, int]]] = {}
        """Those that stand, by symbol and who holds it."""
        self._last: dict[str, list[tuple[int, int]]] = {}
        """By kind, where the newest record says how things stand."""

    def take(self, number: int, record: AnyRecord) -> None:
        """One record and its number in the journal."""
        match record:
            case Intent() | AmendIntent() | AmendEnded() | Doubted():
                self._of(record.client_id, number, record.at_ns)
            case Acknowledged():
                self._of(record.client_id, number, record.at_ns).settled = False  # as below
            case Settled():
                self._of(record.client_id, number, record.at_ns).settled = record.state.final
            case Reported() | Adopted():
                name = record.client_id or record.report.order_id
                trail = self._of(name, number, record.at_ns)
                trail.ended = trail.ended or _ends(record.report)
                trail.settled = False  # the venue knows it after all: only its own end counts now
            case CancelIntent():
                self._passing.append((number, record.at_ns))
            case Drifted():
                self._halt(record.symbol, RECONCILIATION, number, record.at_ns)
            case Halted():
                self._halt(record.symbol, record.by, number, record.at_ns)
            case Resumed():
                self._resume(record, number)
            case Tripped():
                self._last.setdefault("breaker", []).append((number, record.at_ns))
            case LevelForced() | LevelReleased():
                self._last.setdefault("level", []).append((number, record.at_ns))
            case RateTripped() | RateReset():
                self._last.setdefault("rate", []).append((number, record.at_ns))

    def outdated(self, now_ns: int) -> list[int]:
        """Numbers of the records that may go; opening balances, standing halts, the last trips never do."""
        before_ns = now_ns - KEPT_NS
        newest_first = sorted(self._orders.values(), key=lambda trail: trail.newest_ns, reverse=True)
        gone = [
            number
            for trail in newest_first[KEPT_ORDERS:]
            if (trail.ended or trail.settled) and trail.newest_ns < before_ns
            for number in trail.numbers
        ]
        passing = list(self._passing)
        for kind in self._last.values():
            passing += kind[:-1]
        gone += [number for number, at_ns in passing if at_ns < before_ns]
        return sorted(gone)

    def _halt(self, symbol: str, by: str, number: int, at_ns: int) -> None:
        held = self._halts.setdefault(symbol, {})
        if by in held:
            self._passing.append(held[by])
        held[by] = (number, at_ns)

    def _resume(self, record: Resumed, number: int) -> None:
        held = self._halts.get(record.symbol, {})
        for by in [one for one in held if record.by in ("", one)]:
            self._passing.append(held.pop(by))
        self._passing.append((number, record.at_ns))

    def _of(self, name: str, number: int, at_ns: int) -> _Trail:
        trail = self._orders.setdefault(name, _Trail())
        trail.numbers.append(number)
        trail.newest_ns = max(trail.newest_ns, at_ns)
        return trail


def _ends(report: OrderReport) -> bool:
    return report.event in _ENDS or (report.state is not None and report.state.final)
