"""The trades of one instrument: each id delivered once, skipped ones recorded and back-filled.

A trade is delivered when it is known: a back-filled one comes late, marked, after trades that followed it.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from leadline.core.trades import KEPT_TRADES, Hole, TradeLog
from leadline.engine.gaps import Loss
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Channel, Gap, GapCause, Subscription, Trade, TradeBatch
from leadline.model.reading import Reading, Source


class TradeTopic(Topic[TradeBatch]):
    """A topic whose readers get single trades and whose value is the recent past."""

    replaceable = False  # every one counts: what REST knows is filled in, and nothing is held back

    def __init__(self, subscription: Subscription, desk: Desk) -> None:
        super().__init__(subscription, desk)
        self.log = TradeLog()
        self.filling = False
        self.rest_volume: Decimal | None = None
        self._known_at_ack: Trade | None = None
        self._numbers: dict[Hole, tuple[int, Gap]] = {}

    def take(self, value: TradeBatch, now_ns: int) -> None:
        fresh, opened = self.log.merge(value.trades)
        if fresh or not self.received:  # what another line has told before is no part of the rhythm
            cadence = self.cadence
            cadence.count += 1
            cadence.last_ns = now_ns
        loss = self.loss
        if opened:
            self._record(opened, loss)
        if not self.live:
            self._returned(now_ns)
        if fresh:
            self._hand_on(fresh, Source.STREAM, now_ns, self.bound_s)
        if self.log.holes:
            self.settle()

    def confirmed(self, now_ns: int) -> None:
        if self.confirmed_ns is None:
            self._known_at_ack = self.log.last
        super().confirmed(now_ns)

    @property
    def outdone(self) -> bool:
        """Whether REST has told of trades that an acknowledged stream should have told and has not."""
        return not self.received and self.log.last is not self._known_at_ack

    def quiet_return(self, now_ns: int) -> None:
        """REST shows that there has been no trade since the loss: the stream counts as running."""
        self._returned(now_ns)
        self.vouch(now_ns)

    def current(self) -> TradeBatch | None:
        trades = self.log.recent()
        return TradeBatch(self.symbol, trades) if trades else None

    def _last_known_ns(self, now_ns: int) -> int:
        known_ns = super()._last_known_ns(now_ns)
        venue_ns = self.log.last.venue_ns if self.log.last is not None else None
        return known_ns if venue_ns is None else min(known_ns, venue_ns)

    def _hand_on(self, trades: list[Trade], source: Source, now_ns: int, bound_s: float) -> None:
        if not self._takes:
            return
        proven = source is Source.STREAM and self.log.continuous
        for trade in trades:
            self.streamed += source is Source.STREAM
            self.from_rest += source is Source.REST
            reading = Reading(trade, source, now_ns, self._clock, proven, bound_s, self.confidence)
            for take in self._takes:
                take(reading)

    # --- holes ---

    def _record(self, opened: list[Hole], loss: Loss | None) -> None:
        """One gap per hole; the first after a loss is that loss's own."""
        for hole in opened:
            begin_ns = hole.after.venue_ns or self._last_known_ns(self._clock.mono_ns())
            until_ns = max(hole.before.venue_ns or begin_ns, begin_ns)
            cause = GapCause.SKIPPED if loss is None else loss.cause
            gap = Gap(
                Channel.TRADES, self.symbol, cause, begin_ns, until_ns, missing=hole.size, suspected=True
            )
            if loss is not None and loss.gap_number not in {number for number, _ in self._numbers.values()}:
                number = loss.gap_number
                self._desk.ledger.change(number, gap)
            else:
                number = self._desk.ledger.open(gap)
            self._numbers[hole] = (number, gap)
            self.tell(gap)
        for hole in self.log.abandoned():
            self.unfillable(hole)

    def _close(self, loss: Loss, gap: Gap) -> None:
        """The loss's own gap: nothing is missing where the ids go on without a hole."""
        if loss.gap_number not in {number for number, _ in self._numbers.values()}:
            super()._close(loss, replace(gap, missing=0, filled=True))

    def settle(self) -> None:
        """Say of every hole whose last id has come that it is filled."""
        for hole in self.log.filled():
            self._resolve(hole, filled=True, missing=hole.size)

    def fill(self, trades: list[Trade], now_ns: int) -> None:
        """Take REST's trades: into the holes; beyond the last known one only while there is no stream."""
        wanted = self.log.within_holes(trades) if self.live else trades
        repair = self.log.last is not None  # where nothing was known before, nothing was lost
        fresh, opened = self.log.merge([replace(trade, backfilled=repair) for trade in wanted])
        if opened:
            self._record(opened, None)
        self._hand_on(fresh, Source.REST, now_ns, self.bound_s)
        self.settle()

    def never_were(self, hole: Hole) -> None:
        """REST covers the hole and has no such ids: nothing is missing any more."""
        self.log.forget(hole)
        self._resolve(hole, filled=True, missing=(hole.size or 0) - len(hole.missing))

    def unfillable(self, hole: Hole) -> None:
        """What is missing there will not come: the gap stays, with its count."""
        self.log.forget(hole)
        missing = len(hole.missing) if hole.tracked else hole.size
        self._resolve(hole, filled=False, missing=missing)

    def _resolve(self, hole: Hole, *, filled: bool, missing: int | None) -> None:
        number, gap = self._numbers.pop(hole)
        gap = replace(gap, filled=filled, missing=missing, suspected=False)
        self.tell(self._desk.ledger.change(number, gap))

    # --- REST ---

    def answered(self, value: TradeBatch, asked_ns: int, now_ns: int) -> None:
        if not self.fresh(now_ns):
            self.fill(list(value.trades), now_ns)
            value = TradeBatch(self.symbol, _continued(self.log.recent(), value.trades))
        super().answered(value, asked_ns, now_ns)

    def _deliver(self, reading: Reading[TradeBatch]) -> None:
        """Nothing more: readers have had the single trades."""


def _continued(known: tuple[Trade, ...], told: tuple[Trade, ...]) -> tuple[Trade, ...]:
    """What is known, and what REST tells beyond it (bounded)."""
    last_id = known[-1].trade_id if known else None
    newer = [t for t in told if last_id is None or t.trade_id is None or t.trade_id > last_id]
    return (*known, *newer)[-KEPT_TRADES:]
