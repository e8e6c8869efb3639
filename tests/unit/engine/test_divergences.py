from __future__ import annotations

from decimal import Decimal
from typing import Any

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.crosscheck import Divergence
from leadline.engine.divergences import AGREEMENTS_TO_END, KEPT_EVIDENCE, Divergences
from leadline.engine.events import Diverged, Reconverged
from leadline.engine.topics import Desk, Topic
from leadline.model.market import Channel, Subscription
from leadline.model.reading import Source

BTC = "BTC/USD"


class Rig:
    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.desk = Desk(self.clock)
        self.renewed: list[Topic[Any]] = []
        self.served: list[str] = []
        self.calls: list[tuple[str, ...]] = []
        self.all = Divergences(self.desk, self.renewed.append, self.served.append)
        self.all.guard(
            lambda symbol, why: self.calls.append(("hold", symbol, why)),
            lambda symbol: self.calls.append(("release", symbol)),
        )
        self.ticker: Topic[Any] = Topic(Subscription(Channel.TICKER, BTC), self.desk)
        self.book: Topic[Any] = Topic(Subscription(Channel.BOOK, BTC, 10), self.desk)

    def contradicted(self, topic: Topic[Any], pattern: str = "", blamed: Source | None = None) -> None:
        channel = topic.subscription.channel.value
        evidence = Divergence(channel, BTC, "bid", "100", "90", Decimal("0.1"), 1, 2)
        self.all.contradicted(topic, evidence, pattern, blamed, self.clock.mono_ns())

    def agreed(self, topic: Topic[Any], times: int = AGREEMENTS_TO_END) -> None:
        for _ in range(times):
            self.clock.advance(1)
            self.all.agreed(topic, self.clock.mono_ns())

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.desk.events.recent if isinstance(event, kind)]


def test_a_divergence_stands_until_enough_looks_in_a_row_agree() -> None:
    rig = Rig()
    rig.contradicted(rig.ticker)
    rig.agreed(rig.ticker, AGREEMENTS_TO_END - 1)
    rig.contradicted(rig.ticker)
    rig.agreed(rig.ticker, AGREEMENTS_TO_END - 1)
    assert rig.all.stands(Channel.TICKER, BTC)
    rig.agreed(rig.ticker, 1)

    assert not rig.all.stands(Channel.TICKER, BTC)
    assert rig.told(Reconverged) == [Reconverged("ticker", BTC, 2 * AGREEMENTS_TO_END - 1.0)]
    assert rig.calls == [
        ("hold", BTC, "stream and REST differ: ticker bid 100, REST 90"),
        ("release", BTC),
    ]
    assert len(rig.all.evidence) == 2
    assert rig.all.total == 1


def test_orders_wait_for_the_last_divergence_of_their_symbol() -> None:
    rig = Rig()
    rig.contradicted(rig.ticker)
    rig.contradicted(rig.book)
    rig.agreed(rig.ticker)
    assert ("release", BTC) not in rig.calls
    rig.agreed(rig.book)

    assert rig.calls[-1] == ("release", BTC)


def test_a_name_or_a_culprit_found_later_is_told_once() -> None:
    rig = Rig()
    rig.contradicted(rig.ticker)
    rig.contradicted(rig.ticker)
    rig.contradicted(rig.ticker, "theirs is 0.9 × ours, 3 times")
    rig.contradicted(rig.ticker, "theirs is 0.9 × ours, 4 times")
    rig.contradicted(rig.ticker, "", Source.REST)
    rig.contradicted(rig.ticker, "", Source.REST)

    assert [(event.pattern, event.blamed) for event in rig.told(Diverged)] == [
        ("", None),
        ("theirs is 0.9 × ours, 3 times", None),
        ("theirs is 0.9 × ours, 4 times", Source.REST),
    ]
    (standing,) = rig.all.standing
    assert (standing.pattern, standing.blamed) == ("theirs is 0.9 × ours, 4 times", Source.REST)


def test_a_blamed_stream_is_quarantined_renewed_and_renewed_again_while_it_is_contradicted() -> None:
    rig = Rig()
    rig.contradicted(rig.ticker, "", Source.STREAM)
    assert rig.ticker.quarantined is not None
    for _ in range(60):
        rig.clock.advance(1)
        rig.contradicted(rig.ticker, "", Source.STREAM)
    rig.agreed(rig.ticker)

    assert rig.renewed == [rig.ticker] * 3
    assert rig.ticker.quarantined is None
    assert rig.desk.rest_doubted == {}


def test_blamed_rest_is_doubted_until_nothing_of_the_symbol_blames_it() -> None:
    rig = Rig()
    rig.contradicted(rig.ticker, "", Source.REST)
    rig.contradicted(rig.book, "", Source.REST)
    assert rig.ticker.rest_doubted is not None
    rig.agreed(rig.ticker)
    assert rig.book.rest_doubted is not None
    assert rig.served == []
    rig.agreed(rig.book)

    assert rig.served == [BTC]
    assert rig.desk.rest_doubted == {}
    assert rig.renewed == []


def test_what_nobody_reads_holds_nothing_back() -> None:
    rig = Rig()
    rig.contradicted(rig.ticker, "", Source.REST)
    rig.all.forget(Channel.TICKER, BTC)
    rig.all.forget(Channel.TICKER, BTC)

    assert rig.calls[-1] == ("release", BTC)
    assert rig.desk.rest_doubted == {}
    assert rig.all.standing == ()
    assert rig.told(Reconverged) == []


def test_evidence_is_bounded() -> None:
    rig = Rig()
    for _ in range(KEPT_EVIDENCE + 5):
        rig.contradicted(rig.ticker)

    assert len(rig.all.evidence) == KEPT_EVIDENCE
