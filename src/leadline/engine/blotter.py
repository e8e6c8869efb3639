"""Every order of the account, found by any of its names; the sum of the journal's records.

Rule: an order changes by a record only, and evidence is noted in the journal before it is applied, so that
the journal, read again, gives the same orders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from leadline.clock import NS_PER_S, Clock
from leadline.core.lifecycle import amended, contradicts, counted, told
from leadline.engine.order_index import OrderIndex, Tracked, fits
from leadline.engine.order_news import Cause, OrderEvent, OrderNews, ReportsDropped
from leadline.engine.parking import Parking
from leadline.engine.records import (
    Acknowledged,
    Adopted,
    AmendEnded,
    AmendIntent,
    AnyRecord,
    CancelIntent,
    Doubted,
    Intent,
    Reported,
    Settled,
)
from leadline.model.market import Side
from leadline.model.order import (
    Event,
    Fill,
    Order,
    OrderReport,
    OrderState,
    Provenance,
)

FINISHED_KEPT = 10_000
"""Finished orders kept whole; of older ones only the order ids and the ids of their fills stay."""

RETIRED_KEPT = 200_000
"""Ids of fills and orders that stay after their order has gone: all of a journal's window, by far."""

LAG_NS = NS_PER_S
"""assumed: what REST says of an order is no more than a second behind its stream."""

_RESTARTED = "the program ended before the answer came"


_ACCEPTANCES = frozenset({Event.ACCEPTED, Event.WORKING})
"""What these say of quantity and prices is older than every amendment, and no newer than any description."""


class Exposure(Struct, frozen=True):
    """The most that orders which may be live could still buy and sell, in base currency."""

    buy: Decimal
    sell: Decimal


class BlotterCounts:
    """What has happened so far."""

    def __init__(self) -> None:
        self.fills = 0
        self.fills_duplicate = 0
        self.adopted = 0
        self.contradicted = 0
        self.reports_dropped = 0


class Blotter:
    """All orders of one account. `note` keeps a record in the journal, `publish` tells who listens.

    A finished order leaves when ten thousand newer ones have finished. The ids of its fills stay behind, so
    that a match which the venue tells again (the last fifty come with every subscription) is known for what
    it is.
    """

    def __init__(
        self, clock: Clock, note: Callable[[AnyRecord], None], publish: Callable[[OrderNews], None]
    ) -> None:
        self._clock = clock
        self._note = note
        self._publish = publish
        self._index = OrderIndex()
        self._parking = Parking(self._dropped)
        self._finished: deque[Tracked] = deque()
        self._retired: dict[str, None] = {}
        self.counts = BlotterCounts()

    # --- views ---

    def get(self, name: str) -> Order | None:
        """The order of a client or venue id."""
        tracked = self._index.named(name)
        return None if tracked is None else tracked.order

    def tracked(self, name: str) -> Tracked | None:
        """The order of a name with what only the engine wants to know of it."""
        return self._index.named(name)

    def orders(self) -> list[Order]:
        """All that are kept, oldest first."""
        return [tracked.order for tracked in self._index.every()]

    def live(self) -> list[Tracked]:
        """All that are not finished, oldest first."""
        return self._index.live()

    def doubted(self, symbol: str) -> list[Order]:
        """Orders of a symbol that may or may not have reached the venue, their answers lost."""
        return [tracked.order for tracked in self._index.live_of(symbol) if tracked.in_doubt]

    def exposure(self, symbol: str) -> Exposure:
        """The worst case of a symbol: all that is live, and all that may be, fills to its end."""
        most = {Side.BUY: Decimal(0), Side.SELL: Decimal(0)}
        for tracked in self._index.live_of(symbol):
            order = tracked.order
            change = order.amending.qty if order.amending is not None else None
            qty = max(order.qty or Decimal(0), change or Decimal(0))
            most[order.side] += max(qty - order.filled_qty, Decimal(0))
        return Exposure(most[Side.BUY], most[Side.SELL])

    @property
    def parked(self) -> int:
        """Reports whose owner is not known yet."""
        return len(self._parking)

    def strangers(self, now_ns: int) -> list[str]:
        """Order ids of which there is news and nothing else, each told once, to be looked up."""
        return self._parking.to_look_up(now_ns, self._may_be_ours)

    # --- what is decided and answered ---

    def replay(self, records: Iterable[AnyRecord]) -> None:
        """Become what the records say; an intent without an end is UNKNOWN, an open change is doubted."""
        for record in records:
            self._apply(record, None)
        for tracked in self._index.every():
            if tracked.order.state.final:
                self._finish(tracked)
            tracked.doubt = tracked.doubt or _RESTARTED
            tracked.amend_doubted = True

    def decided(self, record: Intent | AmendIntent) -> Order:
        """A decision that is on disk already."""
        tracked = self._apply(record, None)
        assert tracked is not None, "a change is of an order that is known"
        self._tell(tracked, Cause.SUBMITTED if isinstance(record, Intent) else Cause.AMENDING, record.at_ns)
        return tracked.order

    def cancelling(self, record: CancelIntent, *, noted: bool = False) -> None:
        """A cancel is decided upon: what it names (nothing: all that is live) is meant to end from now on.

        One that is `noted` already is tried again.
        """
        if not noted:
            self._note(record)
        self._apply(record, None)

    def cancel_asked_ns(self, name: str) -> int:
        """When the end of an order was last asked for, in Unix time; 0 for never."""
        tracked = self._index.named(name)
        return 0 if tracked is None else tracked.cancel_asked_ns

    def never_asked(self, name: str, at_ns: int, before_ns: int) -> None:
        """What asked for an end at this Unix time has not left: what was asked for before stands."""
        tracked = self._index.named(name)
        if tracked is not None and tracked.cancel_asked_ns == at_ns:  # else somebody has asked since
            tracked.cancel_asked_ns = before_ns

    def acknowledged(self, client_id: str, order_id: str, now_ns: int) -> Order:
        """The venue has said yes and named the order."""
        record = Acknowledged(at_ns=self._clock.wall_ns(), client_id=client_id, order_id=order_id)
        return self._answer(record, Cause.ACKNOWLEDGED, now_ns)

    def doubt(self, client_id: str, why: str, now_ns: int) -> Order:
        """The answer is lost. An order of which the venue has spoken meanwhile is in no doubt."""
        tracked = self._index.named(client_id)
        assert tracked is not None
        if tracked.order.state is not OrderState.UNKNOWN and tracked.order.amending is None:
            return tracked.order
        record = Doubted(at_ns=self._clock.wall_ns(), client_id=client_id, why=why)
        return self._answer(record, Cause.DOUBTED, now_ns, why)

    def settle(self, client_id: str, state: OrderState, evidence: str, now_ns: int) -> Order:
        """End an order by a definite refusal or a search past its deadline; evidence wins over both."""
        tracked = self._index.ours(client_id)
        assert tracked is not None
        if tracked.order.state is not OrderState.UNKNOWN:
            return tracked.order
        record = Settled(at_ns=self._clock.wall_ns(), client_id=client_id, state=state, evidence=evidence)
        return self._answer(record, Cause.SETTLED, now_ns, evidence)

    def amend_ended(self, client_id: str, accepted: bool, why: str, now_ns: int) -> Order:
        """What came of a change is certain."""
        tracked = self._index.named(client_id)
        assert tracked is not None
        if tracked.order.amending is None:
            return tracked.order  # a report has said so already
        record = AmendEnded(at_ns=self._clock.wall_ns(), client_id=client_id, accepted=accepted, why=why)
        return self._answer(record, Cause.AMENDED if accepted else Cause.NOT_AMENDED, now_ns, why)

    def _answer(
        self,
        record: Acknowledged | Doubted | Settled | AmendEnded,
        cause: Cause,
        now_ns: int,
        why: str = "",
    ) -> Order:
        tracked = self._index.named(record.client_id)
        assert tracked is not None
        rejected = tracked.order.state is OrderState.REJECTED
        self._note(record)
        self._apply(record, now_ns)
        if rejected and cause is Cause.ACKNOWLEDGED:
            self.counts.contradicted += 1
            cause = Cause.CONTRADICTED
        self._tell(tracked, cause, record.at_ns, why=why)
        self._settled(tracked, now_ns)
        return tracked.order

    # --- evidence ---

    def reported(self, reports: Sequence[OrderReport], now_ns: int, asked_ns: int | None = None) -> None:
        """Apply the venue's evidence, whatever its order and however often it comes.

        `asked_ns` is when a look-up was begun (monotonic): what it says of quantity and prices is passed over
        where something was told since, or within the second before.
        """
        for report in reports:
            self._one(report, now_ns, asked_ns)

    def _one(self, report: OrderReport, now_ns: int, asked_ns: int | None) -> None:
        tracked = self._index.owner(report)
        if tracked is not None:
            self._evidence(tracked, report, now_ns, asked_ns)
        elif self._is_told_again(report):
            self.counts.fills_duplicate += report.fill is not None
        elif self._adoptable(report) and not self._may_be_ours(report):
            self._adopt(report, now_ns)
        else:
            self._parking.park(report, now_ns)

    def _evidence(self, tracked: Tracked, report: OrderReport, now_ns: int, asked_ns: int | None) -> None:
        before = tracked.order
        # a snapshot on its way may have been made before what another path has told meanwhile
        values = _newer(tracked, report, now_ns if asked_ns is None else asked_ns)
        if told(before, report, values=values) == before:
            self.counts.fills_duplicate += report.fill is not None
            return
        if not values:
            report = replace(report, qty=None, limit_price=None, trigger_price=None)
        fill = report.fill if report.fill and not counted(before.fills, report.fill) else None
        against = contradicts(before.state, report)
        at_ns = self._clock.wall_ns()
        name = before.client_id if before.provenance is Provenance.OURS else ""
        record = Reported(at_ns=at_ns, client_id=name, report=report)
        self._note(record)
        self._apply(record, now_ns)
        self.counts.contradicted += against
        cause = Cause.CONTRADICTED if against else Cause.REPORTED
        self._tell(tracked, cause, at_ns, report=report, fill=fill)
        self._settled(tracked, now_ns)

    def _is_told_again(self, report: OrderReport) -> bool:
        """News of an order that has left the blotter; a match of it that was never counted is none."""
        if report.fill is not None:
            return report.fill.exec_id in self._retired
        return report.order_id in self._retired

    def _may_be_ours(self, report: OrderReport) -> bool:
        """Whether an unanswered intent can be the owner: the report has no name of ours, and fits one.

        A report under another name is another's: ours carry the client id or the userref they were given.
        """
        if report.client_id or report.userref:
            return False
        return any(fits(tracked.order, report) for tracked in self._index.unanswered())

    def _adoptable(self, report: OrderReport) -> bool:
        """Whether the report describes an order; a match from a snapshot may be of one long gone."""
        whole = report.symbol is not None and report.side is not None and report.kind is not None
        return whole and not (report.snapshot and report.event is Event.FILL)

    def _adopt(self, report: OrderReport, now_ns: int, why: str = "") -> None:
        parent = self._index.by_order_id(report.parent_id)
        ours = parent is not None and parent.order.provenance is not Provenance.ADOPTED
        provenance = Provenance.VENUE if ours else Provenance.ADOPTED
        at_ns = self._clock.wall_ns()
        record = Adopted(at_ns=at_ns, client_id=report.client_id or "", provenance=provenance, report=report)
        self._note(record)
        tracked = self._apply(record, now_ns)
        assert tracked is not None
        self.counts.adopted += 1
        self._tell(tracked, Cause.ADOPTED, at_ns, why=why, report=report, fill=report.fill)
        self._settled(tracked, now_ns)

    def _dropped(self, order_id: str) -> None:
        self.counts.reports_dropped += 1
        self._publish(ReportsDropped(order_id, self.counts.reports_dropped))

    # --- records to orders ---

    def _apply(self, record: AnyRecord, now_ns: int | None) -> Tracked | None:
        tracked = self._applied(record, now_ns)
        if tracked is not None and tracked.order.state.final and not tracked.ended_ns:
            tracked.ended_ns = record.at_ns
            told_ns = record.report.venue_ns if isinstance(record, Reported | Adopted) else None
            tracked.ended_venue_ns = told_ns or 0
        return tracked

    def _applied(self, record: AnyRecord, now_ns: int | None) -> Tracked | None:
        match record:
            case Intent():
                return self._index.intend(record)
            case Adopted():
                return self._index.adopt(record)
            case Reported():
                tracked = self._index.ours(record.client_id) or self._index.by_order_id(
                    record.report.order_id
                )
                return self._show(tracked, record.report, now_ns)
            case Acknowledged():
                report = OrderReport(event=Event.ACCEPTED, order_id=record.order_id)
                return self._show(self._index.ours(record.client_id), report, now_ns)
            case AmendIntent() | AmendEnded() | Doubted() | Settled():
                return self._change(record, now_ns)
            case CancelIntent():
                for one in map(self._index.named, record.client_ids) if record.client_ids else self.live():
                    if one is not None:
                        one.cancel_asked_ns = record.at_ns
        return None

    def _show(self, tracked: Tracked | None, report: OrderReport, now_ns: int | None) -> Tracked | None:
        if tracked is None:
            return None  # the journal's window begins after the order's own record
        before = tracked.order
        order = told(before, report, values=True)
        if report.event is Event.AMENDED or before.state is OrderState.UNKNOWN:
            order = replace(order, touched_ns=now_ns)
        if report.qty is not None or report.limit_price is not None or report.trigger_price is not None:
            tracked.values_ns = max(tracked.values_ns, report.venue_ns or 1)
            if report.event not in _ACCEPTANCES:
                tracked.changed_ns = now_ns or 0
        self.counts.fills += len(order.fills) - len(before.fills)
        self._index.set(tracked, order)
        return tracked

    def _change(
        self, record: AmendIntent | AmendEnded | Doubted | Settled, now_ns: int | None
    ) -> Tracked | None:
        tracked = self._index.named(record.client_id)
        if tracked is None:
            return None
        order = tracked.order
        match record:
            case AmendIntent():
                tracked.amend_deadline_ns, tracked.amend_doubted = record.deadline_ns, False
                order = replace(order, amending=record.sent)
            case AmendEnded():
                change = order.amending if record.accepted else None
                order = replace(order, amending=None) if change is None else amended(order, change)
                tracked.amend_doubted = False
                if change is not None:
                    tracked.values_ns += 1  # what was told before is older than this answer
                    tracked.changed_ns = now_ns or 0
                    order = replace(order, touched_ns=now_ns)
            case Doubted():
                tracked.amend_doubted = order.amending is not None
                tracked.doubt = record.why
            case Settled():
                order = replace(order, state=record.state, reason=record.evidence)
        self._index.set(tracked, order)
        return tracked

    # --- what follows from a change ---

    def _tell(
        self,
        tracked: Tracked,
        cause: Cause,
        at_ns: int,
        *,
        why: str = "",
        report: OrderReport | None = None,
        fill: Fill | None = None,
    ) -> None:
        event = OrderEvent(order=tracked.order, cause=cause, at_ns=at_ns, report=report, fill=fill, why=why)
        self._publish(event)

    def _settled(self, tracked: Tracked, now_ns: int) -> None:
        """Give an order that has its name what was parked for it, and let go what can be ours no longer."""
        order = tracked.order
        if order.state.final:
            self._finish(tracked)
        if not self._parking:
            return
        if order.order_id is not None:
            self.reported(self._parking.take(order.order_id), now_ns)
        for order_id in self._parking:
            self._release(order_id, now_ns)

    def _release(self, order_id: str, now_ns: int) -> None:
        """Adopt what no intent of ours can own any more. Its news was kept back, so that it may be stale."""
        reports = self._parking.reports(order_id)
        whole = next((report for report in reports if self._adoptable(report)), None)
        if whole is None or self._may_be_ours(whole):
            return
        self._parking.take(order_id)
        self._adopt(whole, now_ns, why="its news had been kept back")
        self.reported(reports, now_ns)

    def _finish(self, tracked: Tracked) -> None:
        if tracked.finished:
            return
        tracked.finished = True
        self._finished.append(tracked)
        while len(self._finished) > FINISHED_KEPT:
            self._retire(self._finished.popleft())

    def _retire(self, tracked: Tracked) -> None:
        order = tracked.order
        if not order.state.final:  # revived by evidence since
            tracked.finished = False
            return
        self._index.forget(tracked)
        for name in (order.order_id, *(fill.exec_id for fill in order.fills)):
            if name is not None:
                self._retired[name] = None
        while len(self._retired) > RETIRED_KEPT:
            del self._retired[next(iter(self._retired))]


def _newer(tracked: Tracked, report: OrderReport, asked_ns: int) -> bool:
    """Whether what a report says of quantity and prices is newer than what we know."""
    if report.event is Event.STANDS:
        return not tracked.changed_ns or tracked.changed_ns < asked_ns - LAG_NS
    if report.event in _ACCEPTANCES:
        return tracked.values_ns == 0
    return report.venue_ns is None or report.venue_ns >= tracked.values_ns
