from __future__ import annotations

import pytest

from leadline.clock import NS_PER_S
from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer, Frame
from leadline.engine.order_news import Cause, OrderEvent
from leadline.model.market import Side
from leadline.model.order import Order, OrderKind, OrderRequest, OrderState
from leadline.net.http import Request
from leadline.simulation.kraken_texts import KRAKEN_TEXTS
from leadline.simulation.network import Arrival
from leadline.simulation.replay_judge import ReplayJudge
from leadline.simulation.report import Findings
from orderrig import buy
from simrig import stopwatch

NAME = "6d1b345e-2821-40e2-ad83-4ecb18a06876"
TEXT = f'{{"method":"add_order","params":{{"cl_ord_id":"{NAME}"}},"req_id":7}}'
YES = Answer(200, b'{"error":[],"result":{}}')
NO = Answer(200, b'{"error":["EOrder:Rate limit exceeded"]}')


class Rig:
    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.judge = ReplayJudge(KRAKEN_TEXTS, self.loop, self.findings)

    def by_rest(self, answer: Answer | RefusedConnect | None = None, name: str = f"cl_ord_id={NAME}") -> None:
        request = Request("POST", "/0/private/AddOrder", body=f"pair=XBTUSD&{name}".encode())
        self.judge.departing_request(request)
        if answer is not None:
            self.judge.answering(request, answer)

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


def order(request: OrderRequest, name: str = NAME) -> Order:
    return Order(
        client_id=name,
        symbol=request.symbol,
        side=Side.BUY,
        kind=OrderKind.LIMIT,
        state=OrderState.UNKNOWN,
        requested=request,
        qty=request.qty,
        limit_price=request.limit_price,
    )


@pytest.mark.parametrize("answer", [None, YES, RefusedConnect(None, executed=True)])
def test_what_may_have_been_acted_on_must_not_leave_again(answer: Answer | RefusedConnect | None) -> None:
    rig = Rig()
    rig.by_rest(answer)
    assert rig.kinds == {}
    rig.by_rest()

    assert rig.kinds == {"replayed": 1}


@pytest.mark.parametrize("answer", [NO, RefusedConnect(None), RefusedConnect(503)])
def test_what_cannot_have_been_acted_on_may(answer: Answer | RefusedConnect) -> None:
    rig = Rig()
    rig.by_rest(answer)
    rig.by_rest()

    assert rig.kinds == {}


def test_the_two_ways_count_as_one() -> None:
    rig = Rig()
    rig.judge.departing_text(TEXT)
    rig.by_rest()

    assert rig.kinds == {"replayed": 1}


def test_what_the_stream_has_refused_may_leave_again() -> None:
    rig = Rig()
    rig.judge.departing_text(TEXT)
    answer = Frame('{"error":"EOrder:Rate limit","method":"add_order","req_id":7,"success":false}', "control")
    rig.judge.arrived(Arrival(answer, 1, 0, "ws_private"))
    rig.judge.departing_text(TEXT)

    assert rig.kinds == {}


def test_an_order_without_a_client_id_is_known_by_its_reference_and_a_cancel_is_no_order() -> None:
    rig = Rig()
    rig.by_rest(name="userref=41")
    rig.judge.departing_text('{"method":"cancel_order","params":{"cl_ord_id":["41"]},"req_id":8}')
    assert rig.kinds == {}
    rig.by_rest(name="userref=41")

    assert rig.kinds == {"replayed": 1}


@pytest.mark.parametrize(("after_s", "late"), [(4.999999, 0), (5.0, 1)])
def test_a_promised_order_leaves_in_time_or_never(after_s: float, late: int) -> None:
    rig, wanted = Rig(), buy()
    rig.judge.promised(wanted, 5 * NS_PER_S)
    rig.judge.heard(OrderEvent(order=order(wanted), cause=Cause.QUEUED, at_ns=0))
    rig.judge.heard(OrderEvent(order=order(buy(), "another"), cause=Cause.QUEUED, at_ns=0))
    rig.loop.block(after_s)
    rig.by_rest()

    assert rig.findings.kinds["sent_late"] == late
