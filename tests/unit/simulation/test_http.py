from __future__ import annotations

import json
import random

import pytest

from leadline.clock import NS_PER_S
from leadline.core.limits import DecayingCounter
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.net.http import Purpose, Request, Response
from leadline.simulation.http import Answered, SimulatedHttp
from simrig import START_NS, Rig

TIME = Request("GET", "/0/public/Time")


class Lucky(random.Random):
    """Never loses an answer by chance."""

    def random(self) -> float:
        return 0.5


def http_of(rig: Rig) -> SimulatedHttp:
    return SimulatedHttp(rig.network, rig.clock, DecayingCounter(100, 1), Lucky())


def test_an_answer_is_made_half_way_and_reported_when_it_arrives() -> None:
    with Rig() as rig:
        http = http_of(rig)
        answers: list[Answered] = []
        http.tap = answers.append
        response: Response = rig.run(http.send(TIME, Purpose.DIAGNOSIS))

        [answered] = answers
        assert 0 < answered.made_ns < answered.at_ns <= 2 * NS_PER_S
        unixtime = json.loads(response.body)["result"]["unixtime"]
        assert unixtime == (START_NS + answered.made_ns) // NS_PER_S
        assert not answered.disturbed


def test_a_lost_answer_is_given_up_after_ten_seconds() -> None:
    with Rig() as rig:
        http = http_of(rig)
        rig.network.losing_until_ns = NS_PER_S
        lost: list[float] = []
        http.losing = lambda: lost.append(rig.loop.time())

        async def work() -> float:
            with pytest.raises(ConnectionLost):
                await http.send(TIME, Purpose.DIAGNOSIS)
            return rig.loop.time()

        assert rig.run(work()) == pytest.approx(10.0)
        assert lost == [0.0]


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    with Rig() as rig:
        http = http_of(rig)
        rig.exchange.inject({"kind": "REPLY", "delay_s": 15.0}, START_NS)

        async def work() -> None:
            with pytest.raises(ConnectionLost):
                await http.send(TIME, Purpose.DIAGNOSIS)

        rig.run(work())


@pytest.mark.parametrize(("status", "said"), [(None, None), (503, 503)])
def test_a_refused_request_is_a_reset_or_a_status(status: int | None, said: int | None) -> None:
    with Rig() as rig:
        http = http_of(rig)
        rig.exchange.inject({"kind": "REFUSE", "route": "rest", "status": status}, START_NS)

        async def work() -> int | None:
            try:
                return (await http.send(TIME, Purpose.DIAGNOSIS)).status
            except ConnectFailed:
                return None

        assert rig.run(work()) == said
