from __future__ import annotations

import pytest

from journal_records import DAY_NS, NOW_NS, intent, reported
from leadline.engine.records import (
    Acknowledged,
    Adopted,
    AmendEnded,
    AnyRecord,
    CancelIntent,
    Drifted,
    Halted,
    LevelForced,
    LevelReleased,
    OpeningBalance,
    RateReset,
    RateTripped,
    Resumed,
    Settled,
    Tripped,
)
from leadline.engine.retention import KEPT_NS, KEPT_ORDERS, Retention
from leadline.model.level import Level
from leadline.model.order import Event, OrderReport, OrderState, Provenance

OLD_NS = NOW_NS - KEPT_NS - DAY_NS


def outdated(*records: AnyRecord, newer_orders: int = KEPT_ORDERS) -> list[int]:
    """Numbers, from 1 on, of those that may go, with so many newer orders behind them."""
    retention = Retention()
    newest = [intent(f"newer-{number}") for number in range(newer_orders)]
    for number, record in enumerate([*records, *newest], 1):
        retention.take(number, record)
    return retention.outdated(NOW_NS)


@pytest.mark.parametrize("event", [Event.FILLED, Event.CANCELED, Event.EXPIRED])
def test_an_order_that_ended_long_ago_goes_with_all_its_records(event: Event) -> None:
    assert outdated(
        intent("a", OLD_NS), reported("a", Event.WORKING, OLD_NS), reported("a", event, OLD_NS)
    ) == [
        1,
        2,
        3,
    ]


def test_news_in_any_order_do_not_keep_an_ended_order() -> None:
    assert outdated(reported("a", Event.FILLED, OLD_NS), reported("a", Event.WORKING, OLD_NS)) == [1, 2]


def test_what_came_of_its_changes_goes_with_an_order() -> None:
    ended = AmendEnded(at_ns=OLD_NS, client_id="a", accepted=True)
    assert outdated(intent("a", OLD_NS), ended, reported("a", Event.FILLED, OLD_NS)) == [1, 2, 3]


def test_an_order_called_rejected_that_the_venue_acknowledges_stays() -> None:
    settled = Settled(at_ns=OLD_NS, client_id="a", state=OrderState.REJECTED, evidence="never placed")
    assert outdated(intent("a", OLD_NS), settled) == [1, 2]
    known = Acknowledged(at_ns=OLD_NS, client_id="a", order_id="OA")
    assert outdated(intent("a", OLD_NS), settled, known) == []


def test_a_look_up_that_calls_an_order_closed_ends_it() -> None:
    assert outdated(intent("a", OLD_NS), reported("a", Event.STANDS, OLD_NS, OrderState.CANCELED)) == [1, 2]


def test_an_order_without_an_end_stays_whatever_its_age() -> None:
    assert outdated(intent("unknown", OLD_NS)) == []
    assert outdated(intent("open", OLD_NS), reported("open", Event.WORKING, OLD_NS)) == []
    assert outdated(intent("partly", OLD_NS), reported("partly", Event.FILL, OLD_NS)) == []


def test_an_order_that_ended_lately_stays_with_its_oldest_records() -> None:
    assert outdated(intent("a", OLD_NS), reported("a", Event.FILLED, NOW_NS - KEPT_NS + DAY_NS)) == []


def test_a_refusal_ends_an_order_unless_the_venue_knows_it_after_all() -> None:
    refused = Settled(at_ns=OLD_NS, client_id="a", state=OrderState.REJECTED, evidence="never placed")

    assert outdated(intent("a", OLD_NS), refused) == [1, 2]
    assert outdated(intent("a", OLD_NS), refused, reported("a", Event.WORKING, OLD_NS)) == []


def test_the_newest_orders_stay_for_the_snapshots_that_name_them_again() -> None:
    records = [intent("a", OLD_NS), reported("a", Event.FILLED, OLD_NS)]

    assert outdated(*records, newer_orders=KEPT_ORDERS - 1) == []
    assert outdated(*records, newer_orders=KEPT_ORDERS) == [1, 2]


def test_an_adopted_order_without_a_name_of_ours_goes_by_the_venues() -> None:
    report = OrderReport(event=Event.FILLED, order_id="O1")
    adopted = Adopted(at_ns=OLD_NS, client_id="", provenance=Provenance.ADOPTED, report=report)

    assert outdated(adopted) == [1]


def test_of_halts_only_the_one_that_stands_is_needed() -> None:
    halt = Drifted(at_ns=OLD_NS, symbol="BTC/USD", ours="1", theirs="2")
    over = Resumed(at_ns=OLD_NS, symbol="BTC/USD", why="agreed")

    assert outdated(halt) == []
    assert outdated(halt, over) == [1, 2]
    assert outdated(halt, over, halt) == [1, 2]


def test_of_trips_the_last_is_kept_and_opening_balances_are_kept_for_ever() -> None:
    from decimal import Decimal

    trip = Tripped(at_ns=OLD_NS, state="open", reason="3 failures")
    opening = OpeningBalance(at_ns=OLD_NS, asset="BTC", qty=Decimal(1))

    assert outdated(trip, trip, opening) == [1]


def test_an_old_wish_to_cancel_goes() -> None:
    assert outdated(CancelIntent(at_ns=OLD_NS, client_ids=()), CancelIntent(at_ns=NOW_NS, client_ids=())) == [
        1
    ]


def test_a_halt_stays_while_one_holder_has_not_let_go() -> None:
    ours = Halted(at_ns=OLD_NS, symbol="BTC/USD", why="I look", by="operator")
    drifted = Drifted(at_ns=OLD_NS, symbol="BTC/USD", ours="1", theirs="2")
    agreed = Resumed(at_ns=OLD_NS, symbol="BTC/USD", why="agreed", by="reconciliation")
    over = Resumed(at_ns=OLD_NS, symbol="BTC/USD", why="a person said so")

    assert outdated(ours, drifted, agreed) == [2, 3]
    assert outdated(ours, drifted, over) == [1, 2, 3]
    assert outdated(ours, ours) == [1]


def test_of_forced_levels_and_of_the_order_rate_the_newest_is_kept() -> None:
    forced = LevelForced(at_ns=OLD_NS, level=Level.OUTAGE, until_ns=OLD_NS + 1, why="")
    released = LevelReleased(at_ns=OLD_NS, why="")
    tripped = RateTripped(at_ns=OLD_NS, per_s=10, evidence=())
    reset = RateReset(at_ns=OLD_NS, why="")

    assert outdated(forced, tripped) == []
    assert outdated(forced, tripped, released, reset) == [1, 2]
