from __future__ import annotations

import random
from typing import Any

import pytest

from emulated import START_NS, S
from leadline.emulator.exchange import TRADING_CALLS
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.fault_forms import decoded


def board_with(*faults: dict[str, Any]) -> FaultBoard:
    board = FaultBoard(TRADING_CALLS)
    for fault in faults:
        board.put(decoded(fault, ("BTC/USD",)), START_NS)
    return board


@pytest.mark.parametrize("named", [{"path": "AddOrder"}, {"path": "/0/private/AddOrder"}])
def test_a_named_rest_call_loses_its_answer_as_often_as_told(named: dict[str, str]) -> None:
    board = board_with({"kind": "ACCEPT_THEN_DROP", "count": 2, **named})

    asked = ("add_order", "AddOrderBatch", "AddOrder", "AddOrder", "AddOrder")
    assert [board.drops_answer(name) for name in asked] == [False, False, True, True, False]


def test_a_named_method_loses_its_answer_and_no_rest_call_does() -> None:
    board = board_with({"kind": "ACCEPT_THEN_DROP", "method": "add_order"})

    assert board.drops_answer("add_order")
    assert not board.drops_answer("AddOrder")


def test_without_a_name_it_is_every_call_that_trades_and_no_other() -> None:
    board = board_with({"kind": "ACCEPT_THEN_DROP"})

    assert board.drops_answer("CancelAllOrdersAfter")
    assert board.drops_answer("batch_cancel")
    assert not board.drops_answer("Balance")
    assert not board.drops_answer("subscribe")


def test_tokens_are_refused_as_often_as_told() -> None:
    board = board_with({"kind": "TOKEN_INVALID", "count": 2})

    assert [board.token_refused() for _ in range(3)] == [True, True, False]


def test_the_counters_are_on_until_they_are_switched_off() -> None:
    assert FaultBoard().counters_on()
    assert not FaultBoard().nonce_strict()
    assert board_with({"kind": "NONCE_STRICT"}).counters_on()
    assert board_with({"kind": "NONCE_STRICT"}).nonce_strict()
    assert not board_with({"kind": "NONCE_STRICT", "counters": False}).counters_on()


def test_news_are_late_by_no_more_than_told_and_only_those_named() -> None:
    board = board_with({"kind": "SHUFFLE", "channel": "balances", "delay_s": 2})
    rng = random.Random(5)

    delays = [board.news_delay_ns("balances", rng) for _ in range(50)]
    assert len(set(delays)) == 50
    assert 0 <= min(delays) <= max(delays) <= 2 * S
    assert board.news_delay_ns("executions", rng) == board.news_delay_ns("ack", rng) == 0


def test_all_news_means_acknowledgements_too() -> None:
    board = board_with({"kind": "SHUFFLE", "count": 3})
    rng = random.Random(5)

    kinds = ("executions", "balances", "ack", "ack")
    assert [board.news_delay_ns(kind, rng) > 0 for kind in kinds] == [True, True, True, False]


def test_a_rate_that_only_changes_a_tier_leaves_public_rest_alone() -> None:
    assert board_with({"kind": "RATE", "tier": "pro"}).rest_bucket(START_NS) is None
    assert board_with({"kind": "RATE", "per_s": 1}).rest_bucket(START_NS) is not None


def test_a_new_order_is_out_of_sight_for_the_longest_of_the_times_told() -> None:
    assert FaultBoard().unseen_ns() == 0
    told = ({"venue": "binance", "kind": "UNSEEN", "delay_s": delay_s} for delay_s in (0.5, 2.0))
    assert board_with(*told).unseen_ns() == 2 * S
