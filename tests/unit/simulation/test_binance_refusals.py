from __future__ import annotations

import json

import pytest

from leadline.emulator.wire import Answer, Frame
from leadline.net.http import Request
from leadline.simulation.binance_refusals import BinanceRefusals
from leadline.simulation.report import Findings
from simrig import stopwatch

LATE = {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
MANY = {"code": -1003, "msg": "Too many requests."}
DATED = {"timestamp": 1_790_000_000_000, "recvWindow": 2000, "signature": "abc"}


class Rig:
    def __init__(self) -> None:
        self.loop = stopwatch()
        self.findings = Findings(1, "again")
        self.slow = False
        self.refusals = BinanceRefusals(lambda: self.slow, self.loop, self.findings)

    def by_rest(self, body: object, under_way_s: float = 0.1) -> None:
        query = tuple((name, str(value)) for name, value in DATED.items())
        request = Request("DELETE", "/fapi/v1/order", query=query)
        self.refusals.departing(request)
        self.loop.block(under_way_s)
        self.refusals.answering(request, Answer(400, json.dumps(body).encode()))

    def on_the_line(self, body: object, under_way_s: float = 0.1) -> None:
        self.refusals.departing_text(json.dumps({"id": 7, "method": "order.place", "params": DATED}))
        self.loop.block(under_way_s)
        text = json.dumps({"id": 7, "status": 400, "error": body}, separators=(",", ":"))
        self.refusals.said(Frame(text, "control"))

    @property
    def kinds(self) -> dict[str, int]:
        return dict(self.findings.kinds)


@pytest.mark.parametrize("path", ["by_rest", "on_the_line"])
def test_a_moment_is_refused_by_fault_only_where_the_network_kept_the_request(path: str) -> None:
    rig = Rig()
    getattr(rig, path)(LATE, 2.5)
    assert (rig.kinds, rig.refusals.by_fault) == ({}, 1)
    rig.slow = True
    getattr(rig, path)(LATE)
    assert (rig.kinds, rig.refusals.by_fault) == ({}, 2)
    rig.slow = False
    getattr(rig, path)(LATE)
    assert (rig.kinds, rig.refusals.by_fault) == ({"nonce_refused": 1}, 2)


@pytest.mark.parametrize("path", ["by_rest", "on_the_line"])
def test_a_limit_is_refused_by_fault_only_while_that_is_excused(path: str) -> None:
    rig = Rig()
    rig.refusals.excuse(5.0)
    getattr(rig, path)(MANY)
    assert (rig.kinds, rig.refusals.by_fault) == ({}, 1)
    rig.loop.block(6.0)
    getattr(rig, path)({"code": -1015, "msg": "Too many new orders."})
    assert (rig.kinds, rig.refusals.by_fault) == ({"limit_refused": 1}, 1)


def test_other_refusals_are_the_markets_and_nobodys_fault() -> None:
    rig = Rig()
    rig.by_rest({"code": -2019, "msg": "Margin is insufficient."})
    rig.on_the_line({"code": -2011, "msg": "Unknown order sent."})
    rig.refusals.said(Frame('{"id":9,"status":200,"result":{}}', "control"))
    assert (rig.kinds, rig.refusals.by_fault) == ({}, 0)
