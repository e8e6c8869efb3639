from __future__ import annotations

from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.connection_life import KEPT_BYTES, KEPT_FRAMES, SILENCE_NS, ConnectionLife
from leadline.core.echo import NEAR_NS, PATIENCE_NS
from leadline.core.session import FrameSkipped, Output, Reconnect, Send

EVERY_NS = 2 * NS_PER_S
SILENT = SILENCE_NS // NS_PER_S


class Life(ConnectionLife):
    """A session with nothing to say; it owes a sign of life unless `free`."""

    ping_every_ns = EVERY_NS

    def __init__(self) -> None:
        super().__init__(self._told)
        self.news: list[Any] = []
        self.free = False
        self.other_ns: int | None = None

    def _told(self, news: Any, now_ns: int) -> None:
        self.news.append((news, now_ns))

    def _ping_text(self, now_ns: int) -> str:
        return f"ping {now_ns // NS_PER_S}"

    def _dead_ns(self) -> int | None:
        return None if self.free else super()._dead_ns()

    def open(self, at_s: float = 0) -> Life:
        self._begin(ns(at_s))
        return self

    def close(self) -> None:
        self._end()

    def look(self, at_s: float) -> bool:
        return self._look(ns(at_s))

    def hear(self, at_s: float) -> None:
        self.last_frame_ns = ns(at_s)

    def pong(self, at_s: float) -> None:
        self._ponged(ns(at_s))

    def skip(self, frame: bytes, why: str) -> None:
        self._skip(frame, why, 7)

    @property
    def behind_ns(self) -> int | None:
        return self._echo.behind_ns

    def wake_s(self, *others_s: float) -> float | None:
        at_ns = self._look_at(*map(ns, others_s), None)
        return None if at_ns is None else at_ns / NS_PER_S


def ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def test_it_is_up_while_it_stands_and_was_heard_within_five_seconds() -> None:
    life = Life()
    assert not life.up(0)
    life.open(1)
    assert life.up(ns(1) + SILENCE_NS)
    assert not life.up(ns(1) + SILENCE_NS + 1)
    life.close()
    assert not life.up(ns(1))


def test_it_is_pinged_when_that_is_due_and_again_so_long_after_that() -> None:
    life = Life().open()
    assert life.wake_s() == 2.0
    assert life.look(1.999)
    assert life.outputs() == []
    life.hear(2)
    assert life.look(2)
    assert life.changed
    assert life.outputs() == [Send("ping 2")]
    assert not life.changed
    assert life.wake_s() == 4.0
    assert life.wake_s(3.5, 9) == 3.5


def test_a_silent_one_is_left_once_and_for_one_reason() -> None:
    life = Life().open()
    life.hear(1)
    life.look(1 + SILENT - 0.001)
    assert [type(one) for one in life.outputs()] == [Send]
    assert life.wake_s() == 1 + SILENT
    assert not life.look(1 + SILENT)
    assert life.outputs() == [Reconnect("no frame for 5.0 s")]
    assert not life.look(20)
    assert (life.outputs(), life.wake_s(1)) == ([], None)


def test_one_that_owes_nothing_is_never_silent() -> None:
    life = Life().open()
    life.free = True
    assert life.look(100)
    assert [type(one) for one in life.outputs()] == [Send]
    assert life.wake_s() == 102.0


def test_after_a_block_a_ping_finds_out_whether_what_is_read_is_young() -> None:
    life = Life().open()
    life.held_up(ns(0.5), ns(1))
    assert life.changed
    assert life.outputs() == [Send("ping 1")]
    assert life.behind_ns == ns(0.5)
    life.held_up(ns(0.7), ns(1.1))
    assert life.outputs() == [], "one is under way"
    life.pong(1 + NEAR_NS / NS_PER_S)
    assert life.behind_ns is None


def test_an_answer_that_is_late_is_followed_by_another_ping_and_none_at_all_by_another_connection() -> None:
    life = Life().open()
    life.held_up(ns(0.5), ns(1))
    life.hear(4)
    life.pong(4)
    assert life.outputs() == [Send("ping 1"), Send("ping 4")]
    assert life.behind_ns == ns(1)
    due_s = 4 + PATIENCE_NS / NS_PER_S
    life.hear(due_s)
    life.look(due_s - 0.001)
    life.outputs()
    last_s = due_s - 0.001  # the ping of that look
    life.hear(last_s + 4.999)
    assert life.look(last_s + 4.998)
    life.outputs()
    life.hear(last_s + 4.998 + 5)
    assert not life.look(last_s + 4.998 + 5)
    assert life.outputs() == [Reconnect("behind the venue, and no ping is answered")]


def test_the_next_connection_begins_anew() -> None:
    life = Life().open()
    life.held_up(ns(0.5), ns(1))
    life.look(SILENT)
    life.close()
    assert life.outputs() == [], "what was meant for the one before"
    life.held_up(ns(6), ns(7))
    assert not life.look(8)
    assert (life.outputs(), life.wake_s(9)) == ([], None)
    life.last_data_ns = 5
    life.open(10)

    assert (life.behind_ns, life.last_data_ns, life.last_frame_ns) == (None, None, ns(10))
    assert life.wake_s() == 12.0
    assert life.look(12)
    outputs: list[Output] = life.outputs()
    assert outputs == [Send("ping 12")]


def test_what_is_skipped_is_counted_told_and_kept_up_to_a_bound() -> None:
    life = Life()
    for number in range(KEPT_FRAMES + 1):
        life.skip(b"%d" % number + b"x" * KEPT_BYTES, "y" * (KEPT_BYTES + 1))
    assert (life.skipped_count, len(life.skipped), len(life.news)) == (
        KEPT_FRAMES + 1,
        KEPT_FRAMES,
        KEPT_FRAMES + 1,
    )
    news, now_ns = life.news[-1]
    assert (type(news), len(news.frame), len(news.why), now_ns) == (FrameSkipped, KEPT_BYTES, KEPT_BYTES, 7)
    assert life.skipped[-1] is news
