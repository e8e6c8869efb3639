from __future__ import annotations

from msgspec.structs import replace

from leadline.engine.events import EventLog
from leadline.engine.gaps import KEPT_GAPS, GapLedger
from leadline.model.market import Channel, Gap, GapCause

GAP = Gap(Channel.TRADES, "BTC/USD", GapCause.DISCONNECTED, 1, missing=3)


def test_a_hole_is_recorded_at_each_change_and_counted_once() -> None:
    events = EventLog()
    ledger = GapLedger(events)
    number = ledger.open(GAP)
    assert ledger.counts().open == 1
    closed = replace(GAP, until_ns=2)
    ledger.change(number, closed)
    ledger.change(number, replace(closed, filled=True))

    counts = ledger.counts()
    assert (counts.total, counts.open, counts.filled, counts.unfilled) == (1, 0, 1, 0)
    assert len(events.recent) == 3
    assert ledger.gaps == (replace(closed, filled=True),)


def test_a_hole_that_nothing_fills_stays_counted() -> None:
    ledger = GapLedger(EventLog())
    number = ledger.open(replace(GAP, until_ns=2, suspected=True))
    assert ledger.counts().unfilled == 0
    ledger.change(number, replace(GAP, until_ns=2))

    assert ledger.counts().unfilled == 1


def test_the_oldest_is_forgotten_at_the_bound_while_the_count_goes_on() -> None:
    ledger = GapLedger(EventLog())
    for _ in range(KEPT_GAPS + 5):
        ledger.open(GAP)
    ledger.change(1, replace(GAP, filled=True))

    assert len(ledger.gaps) == KEPT_GAPS
    assert (ledger.counts().total, ledger.counts().filled) == (KEPT_GAPS + 5, 1)
