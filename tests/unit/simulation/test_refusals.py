from __future__ import annotations

from leadline.clock import NS_PER_S
from leadline.emulator.wire import Answer, Frame
from leadline.net.http import Request
from leadline.simulation.refusals import Refusals
from simrig import Rig

LIMITED = Answer(200, b'{"error":["EAPI:Rate limit exceeded"]}')
FINE = Answer(200, b'{"error":[]}')


class Counted(Rig):
    """A venue, and what is counted of its refusals."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = Refusals(self.exchange, self.loop, self.findings)
        self.key = self.exchange.private_rest.gate.key(self.exchange.trading.demo.api_key)

    def leave(self, nonce: int) -> Request:
        request = Request("POST", "/0/private/Balance", body=f"nonce={nonce}".encode())
        self.refusals.departing(request)
        return request

    def arrive(self, request: Request, nonce: int) -> None:
        """The venue judges a nonce as it would."""
        if nonce <= self.key.nonce:
            self.key.refused += 1
        else:
            self.key.nonce = nonce
        self.refusals.answering(request, FINE)


def test_a_nonce_overtaken_on_the_way_is_the_networks_doing() -> None:
    with Counted() as rig:
        first, second = rig.leave(1), rig.leave(2)
        rig.arrive(second, 2)
        rig.arrive(first, 1)

        assert (rig.kinds, rig.refusals.by_fault) == ({}, 1)


def test_a_nonce_that_left_after_a_larger_one_is_the_clients_doing() -> None:
    with Counted() as rig:
        rig.arrive(rig.leave(5), 5)
        rig.arrive(rig.leave(4), 4)

        assert rig.kinds == {"nonce_refused": 1}


def test_a_limit_is_the_clients_doing_unless_it_is_excused() -> None:
    with Counted() as rig:
        rig.refusals.answering(rig.leave(1), LIMITED)
        rig.refusals.excuse(10.0)
        rig.refusals.answering(rig.leave(2), LIMITED)
        rig.refusals.said(Frame('{"error":"EOrder:Rate limit exceeded"}', "control"))
        rig.run(rig.clock.sleep(11.0))
        rig.refusals.said(Frame('{"error":"EOrder:Rate limit exceeded"}', "control"))

        assert (rig.kinds, rig.refusals.by_fault) == ({"limit_refused": 2}, 2)
        assert rig.loop.now_ns == 11 * NS_PER_S


def test_public_requests_carry_no_nonce_and_are_passed_over() -> None:
    with Counted() as rig:
        request = Request("GET", "/0/public/Time")
        rig.refusals.departing(request)
        rig.refusals.answering(request, LIMITED)

        assert rig.kinds == {}
