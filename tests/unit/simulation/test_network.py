from __future__ import annotations

import asyncio
import random

import pytest

from leadline.clock import NS_PER_S
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.errors import ConnectFailed, ConnectionLost
from leadline.simulation.latency import LONGEST_ONE_WAY_NS
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.network import Arrival, Link, Network
from simrig import START_NS, Rig

SUBSCRIBE = '{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10},"req_id":1}'


async def subscribed(rig: Rig) -> Link:
    """A connection with a running book, its snapshot received."""
    rig.network.step()
    link = await rig.network.connect()
    await link.send(SUBSCRIBE)
    while b'"type":"snapshot"' not in await link.receive():
        pass
    return link


def test_messages_keep_their_order_and_take_their_time() -> None:
    with Rig() as rig:
        arrivals: list[Arrival] = []

        async def work() -> list[bytes]:
            link = await subscribed(rig)
            rig.network.tap = arrivals.append
            for behind in range(1, 8):
                rig.bid(behind)
            sent_ns = rig.loop.now_ns
            frames: list[bytes] = []
            while len(frames) < 7:
                frame = await link.receive()
                if b"heartbeat" not in frame:
                    frames.append(frame)
            assert all(sent_ns < arrival.at_ns <= sent_ns + 7 * LONGEST_ONE_WAY_NS for arrival in arrivals)
            await link.close()
            return frames

        frames = rig.run(work())
        asks = [frame.partition(b'"checksum"')[0] for frame in frames]
        assert len(set(asks)) == 7
        assert [arrival.at_ns for arrival in arrivals] == sorted(arrival.at_ns for arrival in arrivals)


def test_requests_of_one_moment_reach_the_venue_in_order() -> None:
    with Rig() as rig:

        async def work() -> list[bytes]:
            link = await subscribed(rig)
            for number in range(2, 22):
                await link.send(f'{{"method":"ping","req_id":{number}}}')
            answers: list[bytes] = []
            while len(answers) < 20:
                frame = await link.receive()
                if b"pong" in frame:
                    answers.append(frame)
            await link.close()
            return answers

        answers = rig.run(work())
        assert [f'"req_id":{number},'.encode() in answers[number - 2] for number in range(2, 22)] == [
            True
        ] * 20


def test_both_ends_of_a_cut_connection_notice() -> None:
    with Rig() as rig:

        async def work() -> None:
            link = await subscribed(rig)
            rig.network.cut()
            with pytest.raises(ConnectionLost) as lost:
                while True:
                    await link.receive()
            assert lost.value.code == 1006
            with pytest.raises(ConnectionLost):
                await link.send("{}")
            await asyncio.sleep(2)
            assert all(connection.ended for connection in rig.exchange.connections)

        rig.run(work())


def test_what_falls_into_a_black_hole_arrives_late_and_nobody_is_told() -> None:
    with Rig() as rig:

        async def work() -> None:
            link = await subscribed(rig)
            rig.network.void_until_ns = rig.loop.now_ns + 30 * NS_PER_S
            rig.bid(1)
            before_ns = rig.loop.now_ns
            while b"update" not in await link.receive():
                pass
            assert rig.loop.now_ns - before_ns >= 29 * NS_PER_S
            await link.close()

        rig.run(work())


def test_closing_reaches_the_venue() -> None:
    with Rig() as rig:

        async def work() -> None:
            link = await subscribed(rig)
            await link.close()
            await asyncio.sleep(2)
            assert not [one for one in rig.exchange.connections if not one.ended]

        rig.run(work())


@pytest.mark.parametrize(("status", "terminal"), [(None, False), (503, False), (403, True)])
def test_a_refused_connect_says_why(status: int | None, terminal: bool) -> None:
    with Rig() as rig:
        rig.exchange.inject({"kind": "REFUSE", "status": status, "for_s": 60}, START_NS)

        async def work() -> None:
            with pytest.raises(ConnectFailed) as refused:
                await rig.network.connect()
            assert (refused.value.status, refused.value.terminal) == (status, terminal)

        rig.run(work())


def test_names_that_do_not_resolve_fail_at_once_and_a_black_hole_in_ten_seconds() -> None:
    with Rig() as rig:

        async def work() -> tuple[float, float]:
            rig.network.unresolved_until_ns = NS_PER_S
            with pytest.raises(ConnectFailed, match="name"):
                await rig.network.connect()
            first = rig.loop.time()
            rig.network.unresolved_until_ns = 0
            rig.network.void_until_ns = 60 * NS_PER_S
            with pytest.raises(ConnectFailed, match="in time"):
                await rig.network.connect()
            return first, rig.loop.time() - first

        assert rig.run(work()) == pytest.approx((0.05, 10.0))


def test_a_connect_given_up_half_way_leaves_no_connection_behind() -> None:
    with Rig() as rig:

        async def work() -> None:
            connecting = asyncio.create_task(rig.network.connect())
            while not connecting.done() and not rig.exchange.connections:
                await rig.clock.sleep(0.005)
            connecting.cancel()
            await asyncio.wait([connecting])
            await asyncio.sleep(2)
            assert not [one for one in rig.exchange.connections if not one.ended]

        rig.run(work())


def test_what_is_asked_on_a_public_connection_and_its_end_are_heard() -> None:
    with Rig() as rig:
        asked: list[tuple[int, str]] = []
        gone: list[int] = []
        rig.network.asked = lambda link, text: asked.append((link, text))
        rig.network.gone = gone.append

        async def work() -> None:
            first = await subscribed(rig)
            second = await rig.network.connect("ws_private")
            await second.send("private")
            await first.close()
            await second.close()

        rig.run(work())
        assert asked == [(1, SUBSCRIBE)]
        assert gone == [1, 2]


def test_what_came_while_the_program_was_held_up_is_read_late() -> None:
    with Rig() as rig:
        arrivals: list[Arrival] = []

        async def work() -> None:
            link = await subscribed(rig)
            rig.network.tap = arrivals.append
            rig.bid(1)
            rig.loop.block(30.0)
            rig.bid(2)
            for _ in range(3):
                await link.receive()
            await link.close()

        rig.run(work())
        assert len({arrival.at_ns for arrival in arrivals[:2]}) == 1
        assert arrivals[0].at_ns >= 30 * NS_PER_S


def test_the_pings_of_a_venue_are_answered_as_long_as_somebody_holds_the_connection() -> None:
    loop = VirtualLoop()
    exchange = BinanceExchange(start_ns=START_NS, rate=0.0, history_minutes=1)
    network = Network(exchange, loop, random.Random(1), START_NS)

    async def work() -> tuple[bool, bool]:
        network.step()
        link = await network.connect("ws_market")
        await network.until(900 * NS_PER_S)  # a ping after three minutes, ten minutes of patience
        held = exchange.connections[0].ended
        await link.close()
        await network.until(901 * NS_PER_S + 2 * LONGEST_ONE_WAY_NS)
        network.stop()
        return held, exchange.connections == [] or exchange.connections[0].ended

    assert loop.run_until_complete(work()) == (False, True)
    loop.close()
