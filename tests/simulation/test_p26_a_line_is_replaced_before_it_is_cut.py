"""A venue that ends every connection at an age: a young one has taken over before, and nobody notices."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable

import pytest

from account_stage import AccountStage, buy
from account_stage import perform as trade
from leadline.core.session import LineDown
from leadline.engine.events import LineRotated, LineSwitched, RotationPutOff, SourceChanged, StreamDead
from leadline.engine.topic_state import State
from leadline.model.market import BookDropped, Channel, Gap
from leadline.model.order import OrderState
from leadline.model.reading import Reading, Source
from leadline.net.websocket import Socket
from scenario import BTC, ETH, Everything, Scenario, each, perform

CUT_AT_AGE_S = 300.0
ROTATE_S = 240.0
LONG_S = 900.0
ALL = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)


@pytest.mark.parametrize("lines", [1, 2])
def test_connections_that_would_be_cut_are_replaced_and_nothing_is_missed_or_doubled(lines: int) -> None:
    async def scene(world: Scenario) -> None:
        world.inject(kind="CLOSE", after_s=CUT_AT_AGE_S)
        wanted = each([BTC, ETH], *ALL)
        async with world.client(wanted, lines=lines, rotate_after_s=ROTATE_S) as client:
            readers = {
                channel: Everything(world, stream)
                for channel, stream in {
                    Channel.TRADES: client.feed.every_trade(BTC),
                    Channel.TICKER: client.feed.every_ticker(BTC),
                    Channel.BOOK: client.feed.every_book(BTC),
                    Channel.BARS: client.feed.every_bar(BTC),
                }.items()
            }
            await world.until(LONG_S)
            for reader in readers.values():
                await reader.stop()

            rotated = [event.line for _, event in client.told(LineRotated)]
            assert rotated == sorted(set(rotated)) * (len(rotated) // lines)
            assert len(rotated) >= lines * 3
            assert max(event.took_s for _, event in client.told(LineRotated)) < 10
            for kind in (LineDown, Gap, BookDropped, SourceChanged, StreamDead, LineSwitched):
                assert client.told(kind) == []
            assert {state for one in wanted for state in client.since(one, 5.0)} <= {State.LIVE, State.QUIET}

            ids = [reading.value.trade_id for reading in readers[Channel.TRADES].of(Reading)]
            tape = world.exchange.market.listings[BTC].tape.trades
            assert ids == [one.trade_id for one in tape if one.trade_id >= ids[0]][: len(ids)]
            assert len(ids) > LONG_S / 10
            tickers = [reading.value for reading in readers[Channel.TICKER].of(Reading)]
            times = [ticker.venue_time for ticker in tickers]
            assert times == sorted(times)
            assert all(one != other for one, other in itertools.pairwise(tickers))
            assert {reading.source for reading in readers[Channel.BOOK].of(Reading)} == {Source.STREAM}
            closed = [r.value.begin_ns for r in readers[Channel.BARS].of(Reading) if r.value.complete]
            assert len(closed) == len(set(closed)) >= LONG_S / 60 - 2

    perform(scene, rate=6.0)


class Heard:
    """The distinct updates of tickers that any socket has received."""

    def __init__(self) -> None:
        self.updates: dict[str, None] = {}

    def __call__(self, socket: Socket) -> Socket:
        return _Overheard(socket, self._note)

    def _note(self, frame: bytes) -> None:
        if b'"channel":"ticker"' in frame and b'"update"' in frame:
            self.updates[json.loads(frame)["data"][0]["timestamp"]] = None


class _Overheard:
    def __init__(self, socket: Socket, note: Callable[[bytes], None]) -> None:
        self.send = socket.send
        self.close = socket.close
        self._socket = socket
        self._note = note

    async def receive(self) -> bytes:
        frame = await self._socket.receive()
        self._note(frame)
        return frame


def test_every_ticker_that_any_line_was_told_is_handed_on_once_across_rotations() -> None:
    async def scene(world: Scenario) -> None:
        heard = Heard()
        async with world.client(each([BTC], *ALL), through=heard, rotate_after_s=30.0) as client:
            tickers = Everything(world, client.feed.every_ticker(BTC))
            await world.until(300)
            await tickers.stop()

            assert len(client.told(LineRotated)) >= 8
            times = [reading.value.venue_time for reading in tickers.of(Reading)]
            assert times[1:] == list(heard.updates)  # the first one is the snapshot
            assert len(times) > 300

    perform(scene, rate=20.0)


def test_a_hand_over_that_takes_too_long_is_given_up_and_tried_again() -> None:
    async def scene(world: Scenario) -> None:
        world.at(ROTATE_S - 5, kind="ACK_NO_DATA", channel="book", for_s=60)
        wanted = each([BTC], *ALL)
        async with world.client(wanted, rotate_after_s=ROTATE_S, handover_s=20.0) as client:
            await world.until(ROTATE_S + 40)
            assert client.told(LineRotated) == []
            assert len(world.network.connects_ns) == 2
            await world.until(ROTATE_S + 120)

            assert len(client.told(LineRotated)) == 1
            assert client.told(LineDown) == client.told(Gap) == []
            assert client.since(wanted[1], 5.0) == {State.LIVE}

    perform(scene)


def test_no_line_is_replaced_while_it_is_not_known_what_became_of_an_order() -> None:
    async def scene(stage: AccountStage) -> None:
        stage.parts = {"rotate_after_s": 20.0}
        trader = await stage.start()
        events: list[tuple[float, object, int]] = []
        trader.system.feed.hold(Channel.BOOK, BTC, 10)
        stop = trader.system.feed.listen(
            lambda event: events.append((stage.now_s, event, len(trader.orders.unknown())))
        )
        stage.fault(kind="REFUSE", route="all", for_s=20)
        stage.fault(kind="ACCEPT_THEN_DROP", method="add_order", count=1)
        order = await trader.does(trader.orders.submit(buy(), wait_s=0.1))
        assert order.state is OrderState.UNKNOWN
        await stage.until(stage.now_s + 60)
        stop()

        (put_off,) = [(at_s, unknown) for at_s, event, unknown in events if isinstance(event, RotationPutOff)]
        rotated = [(at_s, unknown) for at_s, event, unknown in events if isinstance(event, LineRotated)]
        assert put_off == (pytest.approx(20, abs=1), 1)
        assert rotated[0][0] > put_off[0] + 1
        assert {unknown for _, unknown in rotated} == {0}
        await stage.stop()

    trade(scene)
