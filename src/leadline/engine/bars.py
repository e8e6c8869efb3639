"""The candles of one instrument and interval, and the judgement when one is complete.

A bar is complete when a later one has begun on a stream that was not silent in between, or when REST says
so, and no hole of the stream touches it. A bar nobody sent is never made up.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from leadline.clock import NS_PER_S
from leadline.engine.gaps import Loss
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Bar, BarBatch, Gap, Subscription
from leadline.model.reading import Reading, Source

KEPT_BARS = 720

_END_GRACE_NS = 3 * NS_PER_S  # after its end by our clock, a bar nobody followed is asked of REST
_LIVELY_NS = 2 * NS_PER_S  # a stream silent for longer may have lost the last trade of a bar unnoticed
_RETRY_NS = 10 * NS_PER_S


class BarTopic(Topic[BarBatch]):
    """A topic whose readers get single bars and whose value is the series."""

    replaceable = False  # every one counts: what REST knows is filled in, and nothing is held back

    def __init__(self, subscription: Subscription, desk: Desk) -> None:
        super().__init__(subscription, desk)
        self.interval_s = subscription.param
        self._bars: dict[int, Bar] = {}
        self._newest_ns = -1
        self._hurt: list[tuple[int, Gap]] = []
        self.filling = False
        self._ask_ns = 0
        self._first_back_ns = 0
        self._doubted: set[int] = set()
        """Beginnings of bars that ended while the stream said nothing for a while."""

    def take(self, value: BarBatch, now_ns: int) -> None:
        cadence = self.cadence
        silent_ns = now_ns - (cadence.last_ns or 0)
        cadence.count += 1
        cadence.last_ns = now_ns
        if not self.live:
            self._first_back_ns = max((bar.begin_ns for bar in value.bars), default=0)
            self._returned(now_ns)
        told = self._merge(value.bars, doubtful=silent_ns > _LIVELY_NS)
        self._hand_on(told, Source.STREAM, now_ns, self.bound_s)

    def current(self) -> BarBatch | None:
        bars = tuple(self._bars[begin] for begin in sorted(self._bars))
        return BarBatch(self.symbol, self.interval_s, bars) if bars else None

    def newest_bar(self) -> Bar | None:
        """The bar that began last."""
        return self._bars.get(self._newest_ns)

    def _merge(self, bars: Sequence[Bar], *, doubtful: bool) -> list[Bar]:
        """Bars as readers get them: one that has ended comes once more, complete, before its successor."""
        told: list[Bar] = []
        for bar in bars:
            if bar.begin_ns > self._newest_ns:
                ended = self._bars.get(self._newest_ns)
                self._newest_ns = bar.begin_ns
                if ended is not None and not ended.complete and not self._is_hurt(ended):
                    told += self._ended(ended, doubtful and ended.begin_ns < bars[0].begin_ns)
            known = self._bars.get(bar.begin_ns)
            past = bar.begin_ns < self._newest_ns
            if known is not None and known.complete:
                continue
            told.append(self._keep_bar(replace(bar, complete=past and not self._is_hurt(bar))))
        while len(self._bars) > KEPT_BARS:
            del self._bars[min(self._bars)]
        self._doubted &= self._bars.keys()
        return told

    def _ended(self, bar: Bar, doubtful: bool) -> list[Bar]:
        if doubtful:
            self._doubted.add(bar.begin_ns)
            self._ask_ns = 0
            return []
        return [self._keep_bar(replace(bar, complete=True))]

    def _keep_bar(self, bar: Bar) -> Bar:
        self._bars[bar.begin_ns] = bar
        return bar

    def _last_known_ns(self, now_ns: int) -> int:
        """Inside the bar that ran, whatever our wall clock says."""
        known_ns, newest = super()._last_known_ns(now_ns), self.newest_bar()
        return known_ns if newest is None else min(max(known_ns, newest.begin_ns), newest.end_ns - 1)

    def _is_hurt(self, bar: Bar) -> bool:
        return any(
            gap.from_ns < bar.end_ns and (gap.until_ns is None or gap.until_ns > bar.begin_ns)
            for gap in self._holes()
        )

    def _holes(self) -> list[Gap]:
        standing = [self.loss.gap] if self.loss is not None else []
        return [gap for _, gap in self._hurt] + standing

    def _close(self, loss: Loss, gap: Gap) -> None:
        # inside the bar that came first, by the venue's time: our wall clock may have stepped
        assert gap.until_ns is not None
        latest_ns = self._first_back_ns + self.interval_s * NS_PER_S
        gap = replace(gap, until_ns=min(max(gap.until_ns, self._first_back_ns + 1), latest_ns))
        super()._close(loss, gap)
        self._hurt.append((loss.gap_number, gap))
        self._ask_ns = 0

    def _hand_on(self, bars: list[Bar], source: Source, now_ns: int, bound_s: float) -> None:
        if not self._takes:
            return
        for bar in bars:
            self.streamed += source is Source.STREAM
            self.from_rest += source is Source.REST
            reading = Reading(bar, source, now_ns, self._clock, False, bound_s, self.confidence)
            for take in self._takes:
                take(reading)

    # --- REST ---

    def asks_rest(self, now_ns: int) -> bool:
        """Whether REST must say how bars ended: after a hole or a silence, or when no later bar has come."""
        if not self.live or now_ns < self._ask_ns:
            return False
        wall_ns = self._clock.wall_ns()
        ended = bool(self._doubted) or any(gap.until_ns is not None for _, gap in self._hurt)
        newest = self.newest_bar()
        unended = newest is not None and not newest.complete and wall_ns > newest.end_ns + _END_GRACE_NS
        if not ended and not (unended and self.readers):
            return False
        self._ask_ns = now_ns + _RETRY_NS
        return True

    def since_ns(self) -> int:
        """The Unix time from which REST should tell the bars."""
        width_ns = self.interval_s * NS_PER_S
        holes = [*self._doubted, *(gap.from_ns for gap in self._holes())]
        newest = self.newest_bar()
        if newest is not None:
            holes.append(newest.begin_ns)
        earliest = min(holes, default=self._clock.wall_ns() - 100 * width_ns)
        return earliest - earliest % width_ns

    def repair(self, bars: list[Bar], now_ns: int) -> None:
        """REST's bars, whose `complete` is the venue's own word: corrected ones are told again."""
        told: list[Bar] = []
        for bar in bars:
            known = self._bars.get(bar.begin_ns)
            settled = known is not None and known.complete
            if settled or (not bar.complete and self.live) or bar == known:
                continue
            self._newest_ns = max(self._newest_ns, bar.begin_ns)
            told.append(self._keep_bar(bar))
        self._hand_on(told, Source.REST, now_ns, self.bound_s)
        self._doubted -= {bar.begin_ns for bar in bars if bar.complete}
        self._heal(bars)
        newest = self.newest_bar()
        if newest is not None:  # nothing can be settled before the running bar has ended
            wait_ns = newest.end_ns + _END_GRACE_NS - self._clock.wall_ns()
            self._ask_ns = now_ns + min(max(wait_ns, _RETRY_NS), self.interval_s * NS_PER_S)

    def _heal(self, bars: list[Bar]) -> None:
        """A hole is filled when REST has told a later bar, or as complete the one it ended in."""
        reached_ns = max((bar.end_ns if bar.complete else bar.begin_ns for bar in bars), default=0)
        healed = [
            (n, gap) for n, gap in self._hurt if gap.until_ns is not None and gap.until_ns <= reached_ns
        ]
        self._hurt = [entry for entry in self._hurt if entry not in healed]
        for number, gap in healed:
            self.tell(self._desk.ledger.change(number, replace(gap, filled=True)))

    def answered(self, value: BarBatch, asked_ns: int, now_ns: int) -> None:
        self.repair(list(value.bars), now_ns)
        if not self.fresh(now_ns):
            value = self.current() or value
        super().answered(value, asked_ns, now_ns)

    def _deliver(self, reading: Reading[BarBatch]) -> None:
        """Nothing more: readers have had the single bars."""
