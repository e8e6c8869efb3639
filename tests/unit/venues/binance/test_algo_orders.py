"""The orders that conditional ones place, told under their names in whatever order news comes."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from binance_private import algo, contracts, order, trade
from leadline.clock import NS_PER_S
from leadline.model.market import Side
from leadline.model.order import Event, OrderKey, OrderReport, OrderState
from leadline.venues.binance import user_events
from leadline.venues.binance.algo_orders import HELD_EVENTS, HOLD_NS, TRIGGERING_NS, AlgoOrders, Joined
from leadline.venues.binance.algo_reports import Algo, algo_of_event
from leadline.venues.binance.user_events import AlgoUpdate, OrderUpdate

NAMES = contracts()
STOP = "algo:2146760"
PLACED = "BTCUSDT:88"


def read(frame: bytes) -> Algo:
    event = user_events.decode(frame)
    assert isinstance(event, AlgoUpdate)
    return algo_of_event(event.o, event.T)


class Rig:
    """One connection's news of orders; `complete` says that the venue has listed its conditional orders."""

    def __init__(self, *, complete: bool = True) -> None:
        self.algos = AlgoOrders()
        self.joined = Joined(self.algos, NAMES)
        self.now_ns = 1_000 * NS_PER_S
        if complete:
            self.algos.listed([], [])

    def hear(self, *frames: bytes) -> list[OrderReport]:
        told: list[OrderReport] = []
        for frame in frames:
            event = user_events.decode(frame)
            if isinstance(event, OrderUpdate):
                told += self.joined.order(event.o, self.now_ns)
            elif isinstance(event, AlgoUpdate):
                told += self.joined.algo(algo_of_event(event.o, event.T))
        return told

    def wait(self, span_ns: int, *rest: bytes) -> list[OrderReport]:
        """Let time pass; where that is long enough, REST tells of conditional orders what these would."""
        self.now_ns += span_ns
        names, _ = self.joined.overdue(self.now_ns)
        if not names:
            return []
        for frame in rest:
            self.algos.heard(read(frame))
        return self.joined.answered(names)


def placed(x: str = "NEW", state: str = "NEW", at: int = 2, c: str = "venue-made") -> bytes:
    return order(x, state, i=88, at=at, c=c, S="SELL", o="MARKET", p="0")


def filled(at: int = 3) -> bytes:
    return trade(5, "0.010", "0.010", "FILLED", i=88, at=at, c="venue-made", S="SELL", o="MARKET", p="0")


def test_an_order_by_itself_is_told_at_once() -> None:
    rig = Rig()
    assert [each.order_id for each in rig.hear(order("NEW"))] == ["BTCUSDT:7"]
    assert rig.joined.due_ns is None


def test_what_a_triggered_order_places_is_told_under_its_name() -> None:
    rig = Rig()
    told = rig.hear(
        algo("NEW"), algo("TRIGGERING", at=1), algo("TRIGGERED", at=2, ai="88"), placed(), filled()
    )
    assert {each.order_id for each in told} == {STOP}
    assert [each.event for each in told] == [
        Event.WORKING,
        Event.RESTATED,
        Event.RESTATED,
        Event.RESTATED,
        Event.FILL,
        Event.FILLED,
    ]


AFTER = [
    algo("TRIGGERING", at=1),
    algo("TRIGGERED", at=2, ai="88"),
    algo("FINISHED", at=4, ai="88", aq="0.010"),
]


@pytest.mark.parametrize("places", list(permutations(range(4), 2)))
def test_news_of_both_kinds_may_come_in_any_order_between_them(places: tuple[int, int]) -> None:
    """The two events of the placed order are put anywhere among the three of the conditional one."""
    first, second = sorted(places)
    story = [*AFTER[:first], placed(), *AFTER[first:second], filled(), *AFTER[second:]]
    rig = Rig()
    told = rig.hear(algo("NEW"), *story) + rig.wait(TRIGGERING_NS)
    assert {each.order_id for each in told} == {STOP}
    fills = [each.fill for each in told if each.fill is not None]
    assert [fill.exec_id for fill in fills] == ["BTCUSDT:5"]
    assert any(each.state is OrderState.FILLED for each in told)


def test_a_placed_order_that_no_word_joins_is_one_by_itself_in_the_end() -> None:
    rig = Rig()
    rig.hear(algo("NEW"))
    assert rig.hear(placed()) == []
    assert rig.joined.due_ns == rig.now_ns + HOLD_NS
    assert rig.wait(HOLD_NS - 1) == []
    assert [each.order_id for each in rig.wait(1)] == [PLACED]
    assert [each.order_id for each in rig.hear(filled())] == [PLACED, PLACED]


def test_a_placed_order_that_rest_joins_is_told_under_the_conditional_one() -> None:
    rig = Rig()
    rig.hear(algo("NEW"), placed(), filled())
    told = rig.wait(HOLD_NS, algo("FINISHED", at=4, ai="88", aq="0.010"))
    assert [each.order_id for each in told] == [STOP, STOP, STOP]
    assert [each.fill.exec_id for each in told if each.fill is not None] == ["BTCUSDT:5"]


def test_one_that_rest_finds_being_triggered_goes_on_waiting_and_is_asked_about_again() -> None:
    rig = Rig()
    rig.hear(algo("NEW"), placed())
    assert rig.wait(HOLD_NS, algo("TRIGGERING", at=1)) == []
    assert rig.wait(TRIGGERING_NS - 1) == []
    assert [each.order_id for each in rig.wait(1, algo("TRIGGERED", at=2, ai="88"))] == [STOP]


def test_rest_is_asked_about_all_that_may_have_placed_it_by_id_or_by_name() -> None:
    rig = Rig()
    rig.algos.leaving("stop-2", "BTCUSDT", Side.SELL, "BOTH")
    rig.algos.leaving("elsewhere", "ETHUSDT", Side.SELL, "BOTH")
    rig.hear(algo("NEW"), placed())
    assert rig.joined.overdue(rig.now_ns + HOLD_NS - 1) == ([], [])
    asked = [OrderKey(STOP, conditional=True), OrderKey(None, "stop-2", conditional=True)]
    assert rig.joined.overdue(rig.now_ns + HOLD_NS) == ([PLACED], asked)
    assert rig.joined.overdue(rig.now_ns + HOLD_NS) == ([], [])


def test_it_is_waited_for_longer_once_the_venue_has_said_that_it_is_being_placed() -> None:
    rig = Rig()
    rig.hear(algo("NEW"), algo("TRIGGERING", at=1), placed())
    assert rig.wait(TRIGGERING_NS - 1) == []
    told = rig.hear(algo("TRIGGERED", at=2, ai="88"))
    assert {each.order_id for each in told} == {STOP}


def test_our_own_orders_never_wait() -> None:
    rig = Rig()
    rig.algos.ours("mine")
    rig.hear(algo("NEW"))
    told = rig.hear(order("NEW", S="SELL"))
    assert [each.order_id for each in told] == ["BTCUSDT:7"]


@pytest.mark.parametrize("other", [{"s": "ETHUSDT"}, {"S": "BUY"}, {"ps": "LONG"}])
def test_an_order_of_another_kind_than_a_conditional_one_does_not_wait_for_it(other: dict[str, str]) -> None:
    rig = Rig()
    rig.hear(algo("NEW"))
    assert rig.hear(order("NEW", **({"S": "SELL", "c": "theirs"} | other)))


def test_an_order_that_bears_the_conditional_ones_own_name_is_its() -> None:
    rig = Rig()
    rig.hear(algo("NEW"))
    assert [each.order_id for each in rig.hear(placed(c="stop-1"))] == [STOP]


def test_one_that_is_triggered_before_it_is_told_of_is_waited_for() -> None:
    rig = Rig()
    rig.algos.leaving("stop-1", "BTCUSDT", Side.SELL, "BOTH")
    assert rig.hear(placed()) == []
    told = rig.hear(algo("NEW"), algo("TRIGGERED", at=2, ai="88"))
    assert {each.order_id for each in told} == {STOP}
    assert len(told) == 3


def test_before_the_venue_has_listed_them_any_order_waits() -> None:
    rig = Rig(complete=False)
    assert rig.hear(placed()) == []
    rig.algos.heard(read(algo("TRIGGERED", at=2, ai="88")))
    rig.algos.listed([], [])
    assert [each.order_id for each in rig.joined.released()] == [STOP]


def test_a_conditional_order_that_is_over_is_waited_for_no_longer() -> None:
    rig = Rig()
    rig.hear(algo("NEW"))
    rig.hear(placed())
    told = rig.hear(algo("CANCELED", at=3))
    assert [each.order_id for each in told] == [PLACED, STOP]


def test_old_news_does_not_bring_back_what_is_over() -> None:
    algos = AlgoOrders()
    algos.heard(read(algo("CANCELED", at=3)))
    algos.heard(read(algo("NEW")))
    assert algos.waiting() == 0


def test_old_news_does_not_take_back_that_it_was_triggered() -> None:
    rig = Rig()
    rig.hear(algo("TRIGGERED", at=2, ai="88"), algo("TRIGGERING", at=1))
    assert [each.order_id for each in rig.hear(order("NEW", i=99, c="else", S="SELL"))] == ["BTCUSDT:99"]


def test_one_that_the_venues_list_leaves_out_is_missing_and_then_gone() -> None:
    algos = AlgoOrders()
    mine, other = read(algo("NEW")), read(algo("NEW", aid=9))
    algos.heard(mine)
    missing = algos.missing([other])
    assert missing == [mine]
    algos.listed([other], missing)
    assert algos.waiting() == 1


def test_one_that_was_triggered_while_nobody_heard_is_not_gone() -> None:
    algos = AlgoOrders()
    algos.heard(read(algo("NEW")))
    missing = algos.missing([])
    algos.heard(read(algo("TRIGGERED", at=2, ai="88")))
    algos.listed([], missing)
    parent = algos.parent(PLACED)
    assert parent is not None
    assert parent.qty == Decimal("0.010")


def test_what_waited_is_dropped_with_its_connection() -> None:
    rig = Rig()
    rig.hear(algo("NEW"), placed())
    rig.joined.drop()
    assert rig.joined.due_ns is None
    assert rig.wait(TRIGGERING_NS) == []


def test_no_more_than_so_many_events_wait() -> None:
    rig = Rig()
    rig.hear(algo("NEW"))
    for _ in range(HELD_EVENTS):
        assert rig.hear(placed()) == []
    assert len(rig.hear(order("NEW", i=99, c="else", S="SELL"))) == 1


def test_news_of_a_forced_order_waits_for_no_trigger() -> None:
    rig = Rig()
    rig.hear(algo("NEW"))
    told = rig.hear(placed(c="autoclose-1764000000000"))
    assert [each.order_id for each in told] == [PLACED]
    assert "liquidation" in told[0].reason


def test_a_conditional_order_that_never_came_to_stand_holds_up_no_other() -> None:
    rig = Rig()
    rig.algos.leaving("stop-1", "BTCUSDT", Side.SELL, "BOTH")
    rig.algos.never("stop-1")
    assert [each.order_id for each in rig.hear(placed())] == [PLACED]
