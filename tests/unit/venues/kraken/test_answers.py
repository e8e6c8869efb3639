from __future__ import annotations

import json
from typing import Any

import pytest

from leadline.errors import Acted, AuthError, ProtocolError, RateLimited, Rejected, VenueDown
from leadline.model.market import parse_time_ns
from leadline.model.order import OrderKey
from leadline.venues.kraken import answers
from leadline.venues.kraken.answers import Answer, CancelAnswers, decode_answer
from leadline.venues.kraken.wire import NOT_UNDERSTOOD
from leadline.venues.ports import Placed
from private_frames import no, yes
from vectors import VECTORS, needs_vectors, records


def answer(frame: dict[str, Any]) -> Answer:
    return decode_answer(json.dumps(frame).encode())


def request(method: str = "add_order") -> dict[str, Any]:
    return {"method": method, "req_id": 9}


def test_an_acknowledgement_names_the_order_and_carries_the_warnings() -> None:
    told = answer(yes(request(), {"order_id": "OAA", "cl_ord_id": "x", "warnings": ["w"]}))
    assert answers.placed(told, 0) == Placed("OAA", ("w",))
    assert told.times_ns == (
        parse_time_ns("2026-01-22T06:06:19.000000Z"),
        parse_time_ns("2026-01-22T06:06:19.002000Z"),
    )


def test_a_validated_order_has_an_empty_id() -> None:
    assert answers.placed(answer(yes(request(), {"order_id": ""})), 0) == Placed("")


@pytest.mark.parametrize(
    ("text", "kind", "acted"),
    [
        ("EOrder:Insufficient funds", Rejected, Acted.NO),
        ("EOrder:Rate limit exceeded", RateLimited, Acted.NO),
        ("ESession:Invalid session", AuthError, Acted.NO),
        ("EService:Deadline elapsed", Rejected, Acted.NO),
        ("EService:Busy", VenueDown, Acted.MAYBE),
        ("EGeneral:Internal error", VenueDown, Acted.MAYBE),
        ("ENew:Something else", Rejected, Acted.MAYBE),
    ],
)
def test_a_refusal_says_whether_the_venue_could_have_acted(
    text: str, kind: type[Exception], acted: Acted
) -> None:
    for read in (answers.placed, answers.taken, answers.cancelled_count):
        with pytest.raises(kind, match=text) as caught:
            read(answer(no(request(), text)), 0)
        assert caught.value.acted is acted  # type: ignore[attr-defined]


def test_an_acknowledgement_without_an_order_may_have_been_acted_on() -> None:
    for result in ({}, [], {"order_id": 5}):
        with pytest.raises(ProtocolError) as caught:
            answers.placed(answer(yes(request(), result)), 0)
        assert caught.value.acted is Acted.MAYBE


def test_success_that_is_not_true_is_a_refusal() -> None:
    for success in (False, "true", None):
        assert not answer({"method": "add_order", "req_id": 1, "success": success}).ok
    assert answer({"method": "pong", "req_id": 1}).ok
    assert str(answer({"method": "add_order", "success": False}).refusal(0)) == "no reason given"


def test_an_amendment_is_taken_without_more() -> None:
    answers.taken(answer(yes(request("amend_order"), {"amend_id": "T"})), 0)


def test_the_threshold_of_the_order_counter_is_told_by_one_acknowledgement_only() -> None:
    results: list[Any] = [{"channel": "executions", "maxratecount": 125}, {"channel": "balances"}, []]
    told = [answers.order_threshold(answer(yes(request("subscribe"), one))) for one in results]
    assert told == [125, None, None]


def test_a_count_is_read_in_both_shapes() -> None:
    documented = answer(yes(request("batch_cancel"), {"count": 3}))
    recorded = answer({"method": "batch_cancel", "orders_cancelled": 2, "req_id": 1, "success": True})
    assert [answers.cancelled_count(one, 0) for one in (documented, recorded)] == [3, 2]
    with pytest.raises(ProtocolError):
        answers.cancelled_count(answer(yes(request("cancel_all"))), 0)


def test_the_rows_of_a_batch_are_taken_or_refused_alone() -> None:
    rows = [{"order_id": "OA", "cl_ord_id": "a"}, {"error": "EOrder:Insufficient funds"}, {}]
    told = answers.batch_rows(answer(yes(request("batch_add"), rows)), ["a", "b", "c"], 0)
    assert told[0] == Placed("OA")
    assert isinstance(told[1], Rejected)
    assert told[1].acted is Acted.NO
    assert isinstance(told[2], Rejected)
    assert told[2].acted is Acted.MAYBE


@pytest.mark.parametrize(
    "result",
    [[{"order_id": "OA"}], [{"order_id": "OA", "cl_ord_id": "b"}, {"order_id": "OB"}], {"orders": []}],
)
def test_a_batch_whose_rows_are_not_those_asked_for_may_have_been_acted_on(result: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        answers.batch_rows(answer(yes(request("batch_add"), result)), ["a", "b"], 0)
    assert caught.value.acted is Acted.MAYBE


def test_a_batch_is_refused_as_a_whole() -> None:
    with pytest.raises(Rejected):
        answers.batch_rows(answer(no(request("batch_add"), "EGeneral:Invalid arguments")), ["a", "b"], 0)


KEYS = [OrderKey("OA"), OrderKey("OB"), OrderKey(client_id="c")]


def cancelled(**result: str) -> Answer:
    return answer(yes(request("cancel_order"), result))


def not_cancelled(text: str = "EOrder:Unknown order") -> Answer:
    return answer(no(request("cancel_order"), text))


def test_several_cancels_are_confirmed_in_any_order() -> None:
    told = CancelAnswers(KEYS)
    for one in (cancelled(cl_ord_id="c"), cancelled(order_id="OB"), cancelled(order_id="OA")):
        assert not told.complete
        told.take(one, 0)
    assert told.complete
    assert told.outcomes() == [None, None, None]


def test_the_order_whose_cancel_failed_is_found_by_elimination() -> None:
    told = CancelAnswers(KEYS)
    for one in (cancelled(cl_ord_id="c"), not_cancelled(), cancelled(order_id="OA")):
        told.take(one, 0)
    first, second, third = told.outcomes()
    assert told.complete
    assert first is None
    assert third is None
    assert isinstance(second, Rejected)
    assert second.text == "EOrder:Unknown order"


def test_different_failures_are_told_of_each_order_they_may_belong_to() -> None:
    told = CancelAnswers(KEYS)
    for one in (not_cancelled(), cancelled(order_id="OA"), not_cancelled("EOrder:Invalid order")):
        told.take(one, 0)
    assert told.complete
    texts = [error and error.text for error in told.outcomes()]
    assert texts == [None, *["one of these: EOrder:Unknown order / EOrder:Invalid order"] * 2]


def test_a_confirmation_told_twice_counts_once() -> None:
    told = CancelAnswers(KEYS[:2])
    told.take(cancelled(order_id="OA"), 0)
    told.take(cancelled(order_id="OA"), 0)
    assert not told.complete


def test_a_refusal_of_the_whole_request_ends_the_wait() -> None:
    told = CancelAnswers(KEYS)
    told.take(cancelled(order_id="OA"), 0)
    told.take(not_cancelled("EService:Unavailable"), 0)
    assert told.complete
    first, second, third = told.outcomes()
    assert first is None
    assert isinstance(second, VenueDown)
    assert isinstance(third, VenueDown)


def test_a_credential_that_is_refused_is_no_word_about_the_orders() -> None:
    told = CancelAnswers(KEYS)
    with pytest.raises(AuthError):
        told.take(not_cancelled("ESession:Invalid session"), 0)


def test_an_order_cancelled_by_its_userref_may_be_confirmed_under_another_name() -> None:
    told = CancelAnswers([OrderKey(userref=7)])
    told.take(cancelled(order_id="OZ"), 0)
    assert told.complete
    assert told.outcomes() == [None]


def test_a_nameless_confirmation_beside_a_failure_leaves_open_which_is_which() -> None:
    told = CancelAnswers([OrderKey(userref=7), OrderKey("OA")])
    told.take(cancelled(order_id="OZ"), 0)
    told.take(not_cancelled(), 0)
    assert told.complete
    assert [error and error.acted for error in told.outcomes()] == [Acted.MAYBE, Acted.MAYBE]


def test_the_rate_refusal_of_the_other_shape_is_an_answer() -> None:
    told = decode_answer(b'{"Error":"Exceeded msg rate"}')
    assert isinstance(told.refusal(0), RateLimited)


def test_what_is_no_answer_is_not_understood() -> None:
    for frame in (b"{}", b"[]", b"\xff", b'{"channel":"heartbeat"}'):
        with pytest.raises(NOT_UNDERSTOOD):
            decode_answer(frame)


@needs_vectors
def test_every_recorded_answer_is_understood() -> None:
    readers = {
        "add_order": answers.placed,
        "edit_order": answers.placed,
        "amend_order": answers.taken,
        "cancel_all": answers.cancelled_count,
        "batch_cancel": answers.cancelled_count,
        "cancel_all_orders_after": answers.taken,
    }
    told = 0
    for path in sorted((VECTORS / "kraken" / "ws").glob("*.fixtures.jsonl")):
        for record in records(path):
            family, _, method = record["kind"].partition(".")
            if family not in ("response", "error") or method not in readers:
                continue
            told += 1
            one = decode_answer(record["raw"].encode())
            if family == "response":
                readers[method](one, 0)
            else:
                assert one.refusal(0).acted is Acted.NO, record["id"]
    assert told >= 12
