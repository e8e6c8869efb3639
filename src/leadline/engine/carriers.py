"""Who carries each stream, and who goes on in its place: decided and handed on in one turn of the event loop.

Readers hear of a loss only where no other line has the stream warm, and of nothing twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from leadline.clock import NS_PER_MS, NS_PER_S, Clock
from leadline.core.histogram import Histogram
from leadline.core.session import (
    Confirmed,
    Emit,
    FrameSkipped,
    LineDown,
    LineUp,
    StreamLost,
    SubscriptionRefused,
)
from leadline.engine.events import LineSwitched
from leadline.engine.lanes import Lane
from leadline.engine.once import Once
from leadline.engine.strands import EVERY, Strand, Stream, trails
from leadline.model.market import BookDropped, Channel, InstrumentsChanged, Subscription, VenueStatus

STALLED_NS = 3 * NS_PER_S
"""A copy that stands still for so long while another line's has gone on is given up.

assumed: no line lags another by as much; round trips of two seconds happen."""

_STILL_NS = NS_PER_S  # no copy that has spoken within this time is compared with others
_FRESHER_NS = NS_PER_S  # of two copies that went silent within this time of each other, neither is the better


class Carriers:
    """All streams of one route's lines; the lanes report to it.

    `heard_ns` says up to when what came has been read: no line is called silent by a later moment.
    """

    def __init__(
        self,
        emit: Emit,
        tell: Callable[[LineSwitched], None],
        clock: Clock,
        heard_ns: Callable[[int], int] = lambda now_ns: now_ns,
    ) -> None:
        self.streams: dict[Subscription, Stream] = {}
        self.lanes: list[Lane] = []
        self.switches = Histogram()
        """Nanoseconds from the noticing of a cause until readers had the other line's values."""
        self._emit = emit
        self._tell = tell
        self._clock = clock
        self._heard_ns = heard_ns
        self._once = Once(emit)

    # --- what the lanes report ---

    def line_up(self, lane: Lane, now_ns: int) -> None:
        if not lane.young or not self._others(lane):
            self._emit(LineUp(lane.number), now_ns)

    def line_down(self, lane: Lane, reason: str, now_ns: int) -> None:
        others = self._others(lane)
        moved: Counter[int] = Counter()
        lost: list[Stream] = []
        for strand in list(lane.strands.values()):
            stream = strand.stream
            heir = self._heir(strand, now_ns) if strand.carries else None
            if heir is not None:
                self._hand_over(strand, heir)
                moved[heir.lane.number] += 1
            elif strand.carries or (stream.carrier is None and not self._streamed(stream)):
                lost.append(stream)
            strand.cool()
            self._unweave(strand)
        self._switched(lane.number, moved, reason, now_ns)
        for stream in lost:
            self._lose(stream, StreamLost(stream.subscription, reason) if others else None, now_ns)
        if lost or not lane.young or not others:
            self._emit(LineDown(reason, lane.number, len(others)), now_ns)

    def book_dropped(self, strand: Strand, news: BookDropped, now_ns: int) -> None:
        self._pass_on(strand, news.reason, now_ns)
        strand.cool()
        if strand.stream.carrier is None:
            self._lose(strand.stream, news, now_ns)

    def confirmed(self, strand: Strand, news: Confirmed, now_ns: int) -> None:
        stream = strand.stream
        if not stream.confirmed:
            stream.confirmed, stream.refused = True, False
            self._emit(news, now_ns)

    def refused(self, strand: Strand, news: SubscriptionRefused, now_ns: int) -> None:
        stream = strand.stream
        self._pass_on(strand, str(news.error), now_ns)
        strand.cool()
        self._unweave(strand)
        if not stream.refused and not self._streamed(stream):
            stream.refused, stream.confirmed = True, False
            self._emit(news, now_ns)

    def told_alike(
        self, lane: Lane, news: InstrumentsChanged | VenueStatus | FrameSkipped, now_ns: int
    ) -> None:
        self._once.receive(lane, news, now_ns)

    # --- what the feed asks for ---

    def renew(self, subscription: Subscription, reason: str, now_ns: int) -> None:
        """Leave the copy that readers had for a clearly younger one, else have every line subscribe anew."""
        stream = self.streams[subscription]
        carrier = stream.carrier
        heir = self._heir(carrier, now_ns) if carrier is not None else None
        if carrier is None or heir is None or heir.last_ns - carrier.last_ns <= _FRESHER_NS:
            stream.confirmed = False
            for strand in sorted(stream.strands, key=lambda each: each.carries):
                self._renew(strand, reason, now_ns)  # the carrier's last: its session tells of a lost book
            return
        if not self._hand_over(carrier, heir):
            self._emit(
                heir.value, heir.last_ns
            )  # readers were told of a loss: the newest, new or not, ends it
        self._switched(carrier.lane.number, Counter([heir.lane.number]), reason, now_ns)
        self._renew(carrier, reason, now_ns)

    def look(self, now_ns: int) -> None:
        """Twice a second: let go what has waited too long, and leave copies that stand still."""
        moved: dict[int, Counter[int]] = {}
        for stream in list(self.streams.values()):
            waited = stream.weave.overdue(now_ns)
            if waited is not None:
                self._emit(waited, stream.weave.received_ns)
            for strand in list(stream.strands) if len(stream.strands) > 1 else ():
                ahead = self._ahead_of(strand, now_ns)
                if ahead is None:
                    continue
                if strand.carries:
                    self._hand_over(strand, ahead)
                    moved.setdefault(strand.lane.number, Counter())[ahead.lane.number] += 1
                self._renew(strand, "it stands still while another line goes on", now_ns)
        for number, to in moved.items():
            self._switched(number, to, "the stream stood still", now_ns)

    def release(self, lane: Lane, now_ns: int) -> None:
        """Let go of a line that was replaced, or will never come back."""
        self.lanes.remove(lane)
        lost: list[Stream] = []
        for strand in list(lane.strands.values()):
            if strand.carries:
                lost.append(strand.stream)
            self._unweave(strand)
        lane.retire()
        for stream in lost:
            self._lose(stream, StreamLost(stream.subscription, "its line was given up"), now_ns)

    def replace(self, old: Lane, young: Lane, now_ns: int) -> None:
        """The young line carries from now on what the old one did."""
        for strand in list(old.strands.values()):
            heir = young.strands.get(strand.stream.subscription)
            if strand.carries and heir is not None and heir.follows(strand, now_ns):
                self._hand_over(strand, heir)

    def give_up(self, strand: Strand, heir: Strand | None, now_ns: int) -> None:
        """One line streams it no longer; readers who were served from there go on from the heir."""
        if strand.carries and heir is not None:
            self._hand_over(strand, heir)
        self._unweave(strand)
        strand.lane.drop(strand)
        strand.lane.session.unwant(strand.stream.subscription, now_ns)

    # --- how it is done ---

    def _others(self, lane: Lane) -> list[Lane]:
        return [other for other in self.lanes if other is not lane and other.standing]

    def _heir(self, strand: Strand, now_ns: int) -> Strand | None:
        """Of the copies to go on from, a warm one first, that of the line that was heard last."""
        heard_ns = self._heard_ns(now_ns)
        others = [each for each in strand.stream.strands if each is not strand]
        warm = [each for each in others if each.warm(heard_ns)]
        warm = warm or [each for each in others if each.follows(strand, heard_ns)]
        return max(warm, key=lambda each: each.lane.session.last_frame_ns, default=None)

    def _hand_over(self, carrier: Strand, heir: Strand) -> int:
        """Readers go on from the other copy: its book as it lives, or the values that they have not had."""
        told = carrier.told
        carrier.carries = False
        heir.carry()
        match carrier.stream.subscription.channel:
            case Channel.BOOK:
                beyond = [(heir.value, heir.last_ns)]
            case channel if channel in EVERY:
                beyond = []  # every line's have been passed on as they came
            case _:
                if heir.value is None:  # nothing has happened since what readers have had
                    heir.value, heir.last_ns = told, carrier.last_ns
                beyond = list(heir.trail.beyond(told))
                heir.floor = None if heir.trail.level_with(told) else told
                heir.trail.clear()
        for value, received_ns in beyond:
            self._emit(value, received_ns)
        return len(beyond)

    def _pass_on(self, strand: Strand, reason: str, now_ns: int) -> None:
        """A carrier has lost its copy: another goes on, where there is one."""
        heir = self._heir(strand, now_ns) if strand.carries else None
        if heir is not None:
            self._hand_over(strand, heir)
            self._switched(strand.lane.number, Counter([heir.lane.number]), reason, now_ns)

    def _lose(self, stream: Stream, told: StreamLost | BookDropped | None, now_ns: int) -> None:
        """The feed has lost the stream, and hears at once where another line still has the venue's yes."""
        if told is not None:
            self._emit(told, now_ns)
        stream.confirmed = self._streamed(stream)
        if stream.confirmed:
            self._emit(Confirmed(stream.subscription), now_ns)

    def _streamed(self, stream: Stream) -> bool:
        return any(each.lane.standing and each.streamed for each in stream.strands)

    def _renew(self, strand: Strand, reason: str, now_ns: int) -> None:
        """Subscribe one copy anew; it is cold from here on."""
        lane, stream = strand.lane, strand.stream
        if not strand.carries:
            strand.cool()
        lane.session.renew(stream.subscription, reason, now_ns)
        strand.cool()
        self._unweave(strand)

    def _unweave(self, strand: Strand) -> None:
        weave = strand.stream.weave
        waited = weave.left(strand.lane)
        if waited is not None:
            self._emit(waited, weave.received_ns)

    def _ahead_of(self, strand: Strand, now_ns: int) -> Strand | None:
        """The copy that has gone on for long while this one stood still."""
        if strand.value is None or not strand.lane.standing or now_ns - strand.last_ns < _STILL_NS:
            return None
        others = (each for each in strand.stream.strands if each is not strand and each.warm(now_ns))
        further = (each for each in others if strand.differs(each) and trails(strand, each))
        ahead = max(further, key=lambda each: each.last_ns, default=None)
        if ahead is None:
            strand.behind = None
            return None
        if strand.behind is None or strand.behind[0] != strand.last_ns:
            strand.behind = strand.last_ns, now_ns
        return ahead if now_ns - strand.behind[1] >= STALLED_NS else None

    def _switched(self, number: int, to: Counter[int], reason: str, now_ns: int) -> None:
        took_ns = self._clock.mono_ns() - now_ns
        for to_number, streams in to.items():
            self.switches.observe(took_ns)
            self._tell(LineSwitched(number, to_number, streams, reason, took_ns / NS_PER_MS))
