"""Conditional orders and the orders they place when they are triggered: two numbers, one order to everybody.

Rule: what is told of the placed order is told of the conditional one, even where it comes before the word
that joins them. An order that might be one waits for that word, and where it does not come, for REST's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeVar

from leadline.clock import NS_PER_S
from leadline.model.market import Side
from leadline.model.order import OrderKey, OrderReport
from leadline.venues.binance.algo_reports import Algo, algo_report, under
from leadline.venues.binance.reports import forced, order_id, told
from leadline.venues.binance.user_events import Names, OrderEvent

K = TypeVar("K")
V = TypeVar("V")

KEPT_NAMES = 10_000
"""Orders remembered as placed by a conditional one, as not, and as ours; the oldest is forgotten."""

KEPT_LEAVING = 100
"""Conditional orders that have left and were not told of yet; the oldest never arrived, as a rule."""

HOLD_NS = 2 * NS_PER_S
"""So long after the first news of an order ALGO_UPDATE has named it, as a rule; else REST is asked.

assumed: REST knows by then what a conditional order has placed."""

TRIGGERING_NS = 10 * NS_PER_S
"""The same once the venue has said that it is being placed."""

HELD_EVENTS = 1_000
"""Events that wait; what comes beyond is told as of an order by itself."""


_Place = tuple[str, Side, str]
"""Contract, side, and position side: what a conditional order shares with the order it places."""


class AlgoOrders:
    """What is known of all conditional orders of an account; its sessions and its reads share it."""

    def __init__(self) -> None:
        self._live: dict[int, Algo] = {}
        self._settled: OrderedDict[int, None] = OrderedDict()
        """Those that are over, or have placed their order: older news of them says nothing."""
        self._placed: OrderedDict[str, Algo] = OrderedDict()
        self._plain: OrderedDict[str, None] = OrderedDict()
        self._ours: OrderedDict[str, None] = OrderedDict()
        self._leaving: OrderedDict[str, _Place] = OrderedDict()
        self._complete = False
        """Whether the venue has ever listed them: before that any order may be one that they have placed."""

    def heard(self, algo: Algo) -> None:
        """Something has been told of a conditional order, by whichever path."""
        self._leaving.pop(algo.client_id, None)
        if algo.engine_id:
            _keep(self._placed, algo.engine_name, algo)
        if algo.over or algo.engine_id:
            self._live.pop(algo.algo_id, None)
            _keep(self._settled, algo.algo_id, None)
        elif algo.algo_id not in self._settled:
            known = self._live.get(algo.algo_id)
            if known is None or algo.at_ms >= known.at_ms:
                self._live[algo.algo_id] = algo

    def missing(self, listed: Iterable[Algo]) -> list[Algo]:
        """Those that wait for their trigger as far as we know, and not in the venue's list of such."""
        numbers = {algo.algo_id for algo in listed}
        return [algo for algo in self._live.values() if algo.algo_id not in numbers]

    def listed(self, algos: Iterable[Algo], missing: Iterable[Algo]) -> None:
        """The venue's list of those that wait for their trigger; what is `missing` and still not told of
        otherwise is gone."""
        for algo in missing:
            if self._live.get(algo.algo_id) is algo:
                del self._live[algo.algo_id]
        for algo in algos:
            self.heard(algo)
        self._complete = True

    def waiting(self) -> int:
        """How many wait for their trigger, as far as anything was told."""
        return sum(algo.status == "NEW" for algo in self._live.values())

    def ours(self, client_id: str) -> None:
        """An order by itself is about to leave under this name."""
        _keep(self._ours, client_id, None)

    def leaving(self, client_id: str, wire: str, side: Side, position_side: str) -> None:
        """A conditional order is about to leave under this name: it may be triggered before it is told of."""
        _keep(self._leaving, client_id, (wire, side, position_side), KEPT_LEAVING)

    def never(self, client_id: str) -> None:
        """That conditional order was refused, or has never left."""
        self._leaving.pop(client_id, None)

    def plain(self, name: str) -> None:
        """This order was placed by no conditional one."""
        _keep(self._plain, name, None)

    def parent(self, name: str) -> Algo | None:
        """The conditional order that has placed this one."""
        return self._placed.get(name)

    def judged(self, name: str) -> bool:
        """Whether it is known where an order comes from."""
        return name in self._placed or name in self._plain

    def named(self, o: OrderEvent) -> Algo | None:
        """The conditional order whose own name this order bears."""
        return next((algo for algo in self._candidates(o) if algo.client_id and algo.client_id == o.c), None)

    def hold_ns(self, o: OrderEvent) -> int:
        """How long to wait for a word on who has placed this order; 0 where no conditional one can have."""
        if not self._complete and not self._known(o):
            return TRIGGERING_NS
        if self.triggering(o):
            return TRIGGERING_NS
        return HOLD_NS if self._candidates(o) or self._may_leave(o) else 0

    def triggering(self, o: OrderEvent) -> bool:
        """Whether a conditional order is being triggered that may have placed this one."""
        return any(algo.status != "NEW" for algo in self._candidates(o))

    def suspects(self, o: OrderEvent) -> list[OrderKey]:
        """The names of the conditional orders that may have placed this order."""
        known = [OrderKey(algo.name, conditional=True) for algo in self._candidates(o)]
        if self._known(o):
            return known
        leaving = [client_id for client_id, place in self._leaving.items() if place == _place(o)]
        return known + [OrderKey(None, client_id, conditional=True) for client_id in leaving]

    def undecided(self, o: OrderEvent) -> bool:
        """Whether a conditional order is being triggered that may have placed this one, or none are known."""
        return self.hold_ns(o) == TRIGGERING_NS

    def _candidates(self, o: OrderEvent) -> list[Algo]:
        """Conditional orders that may have placed this order: none of them is named with another one."""
        if self._known(o):
            return []
        place = _place(o)
        return [algo for algo in self._live.values() if (algo.wire, algo.side, algo.position_side) == place]

    def _may_leave(self, o: OrderEvent) -> bool:
        """Whether one that the venue has not told of yet can have placed it."""
        return not self._known(o) and _place(o) in self._leaving.values()

    def origin_known(self, o: OrderEvent) -> bool:
        """Whether it is known who has placed this order: we, the venue itself, a conditional one, another."""
        return self._known(o) or self.judged(order_id(o.s, o.i))

    def _known(self, o: OrderEvent) -> bool:
        """Whether it is certainly no conditional one's: ours, judged already, or made by the venue itself."""
        return (o.c or "") in self._ours or order_id(o.s, o.i) in self._plain or bool(forced(o.c))


class Joined:
    """News of orders as one connection brings it, each order under the name that we know it by."""

    def __init__(self, algos: AlgoOrders, names: Names) -> None:
        self._algos = algos
        self._names = names
        self._held: dict[str, list[OrderEvent]] = {}
        self._due: dict[str, int] = {}
        """When REST is asked, for the first time or again."""

    def order(self, o: OrderEvent, now_ns: int) -> list[OrderReport]:
        """What an event of an order tells now; nothing while it is not clear whose order it is.

        Raises ValueError for an event that cannot be read.
        """
        name = order_id(o.s, o.i)
        reports = told(o, self._names)
        parent = self._algos.parent(name)
        if parent is not None:
            return [under(parent, report) for report in reports]
        named = self._algos.named(o)
        if named is not None:
            return [under(named, report) for report in reports]
        hold_ns = self._algos.hold_ns(o)
        if not hold_ns or sum(map(len, self._held.values())) >= HELD_EVENTS:
            self._algos.plain(name)
            return reports
        self._held.setdefault(name, []).append(o)
        self._due.setdefault(name, now_ns + hold_ns)
        return []

    def algo(self, algo: Algo) -> list[OrderReport]:
        """What an event of a conditional order tells, after what had waited for it."""
        self._algos.heard(algo)
        return [*self.released(), algo_report(algo, self._names)]

    def overdue(self, now_ns: int) -> tuple[list[str], list[OrderKey]]:
        """The orders that have waited long enough, and the conditional ones that REST is to tell of."""
        names = [name for name, due_ns in self._due.items() if now_ns >= due_ns]
        keys: dict[OrderKey, None] = {}
        for name in names:
            self._due[name] = now_ns + TRIGGERING_NS
            keys.update(dict.fromkeys(self._algos.suspects(self._held[name][0])))
        return names, list(keys)

    def answered(self, names: Iterable[str]) -> list[OrderReport]:
        """REST has told of all that may have placed these: what none of them has placed is by itself."""
        for name in names:
            held = self._held.get(name)
            if held and self._algos.parent(name) is None and not self._algos.undecided(held[0]):
                self._algos.plain(name)
        return self.released()

    @property
    def due_ns(self) -> int | None:
        """When something has waited long enough for REST to be asked; None while nothing waits."""
        return min(self._due.values(), default=None)

    def drop(self) -> None:
        """The connection is gone: what waited is part of what was missed."""
        self._held.clear()
        self._due.clear()

    def released(self) -> list[OrderReport]:
        """Everything that waits no longer: its conditional order is named, or none is left that may be it."""
        reports: list[OrderReport] = []
        for name, events in tuple(self._held.items()):
            parent = self._algos.parent(name)
            if parent is None and self._algos.hold_ns(events[0]):
                continue
            del self._held[name], self._due[name]
            if parent is None:
                self._algos.plain(name)
            for o in events:
                own = told(o, self._names)
                reports += own if parent is None else [under(parent, report) for report in own]
        return reports


def _place(o: OrderEvent) -> _Place:
    return o.s, Side[o.S], o.ps or "BOTH"


def _keep(table: OrderedDict[K, V], key: K, value: V, most: int = KEPT_NAMES) -> None:
    table[key] = value
    if len(table) > most:
        table.popitem(last=False)
