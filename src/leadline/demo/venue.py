"""The local venues of the demo, as a process of their own: the emulators on real sockets, and the referee.

It lives exactly as long as its standard input is open, so it never outlives the demo. Each line it reads is a
batch of values that readers got, each line it writes the verdicts so far.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import takewhile

import msgspec

from leadline.clock import SystemClock
from leadline.demo.observed import Seen, Started
from leadline.demo.referee import Referee
from leadline.emulator.binance.contracts import DEMO_CONTRACTS, Contract
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.exchange import Exchange
from leadline.emulator.instruments import DEMO_PAIRS, Pair
from leadline.emulator.serve import serve
from leadline.simulation.binance_truth import BinanceTruth
from leadline.simulation.truth import Truth

EVENTS_PER_S = 240.0
BINANCE_EVENTS_PER_S = 120.0
HISTORY_MINUTES = 180
LAST_PAIR = "BTC/EUR"
LINE_LIMIT = 1 << 26
CONTRACTS = 4


def pairs() -> tuple[Pair, ...]:
    """The eight of the demo and the two that join while it runs."""
    last = next(pair for pair in DEMO_PAIRS if pair.symbol == LAST_PAIR)
    return (*takewhile(lambda pair: pair is not last, DEMO_PAIRS), last)


def contracts() -> tuple[Contract, ...]:
    """The perpetuals of the demo's first symbols."""
    return DEMO_CONTRACTS[:CONTRACTS]


async def run(seed: int) -> None:
    """Serve and judge until standard input ends; raises ConfigError where no port can be had."""
    clock = SystemClock()
    start_ns, mono_ns = clock.wall_ns(), clock.mono_ns()
    exchange = Exchange(
        start_ns=start_ns, seed=seed, rate=EVENTS_PER_S, pairs=pairs(), history_minutes=HISTORY_MINUTES
    )
    binance = BinanceExchange(
        start_ns=start_ns,
        seed=seed,
        rate=BINANCE_EVENTS_PER_S,
        contracts=contracts(),
        history_minutes=HISTORY_MINUTES,
    )
    perpetuals = BinanceTruth(binance, {}, start_ns)
    referee = Referee(start_ns - mono_ns, Truth(exchange.market, {}, start_ns), perpetuals)
    lines = asyncio.StreamReader(limit=LINE_LIMIT)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin.buffer
    )
    decoder = msgspec.json.Decoder(list[Seen])
    async with serve(exchange, clock, binance=binance) as endpoints:
        told = endpoints.as_json()
        addresses = {name: told[name]["endpoints"] for name in ("kraken", "binance")}
        _say(Started(addresses, told["control"]))
        while line := await lines.readline():
            for symbol in perpetuals.symbols:
                perpetuals.absorb(symbol)
            for seen in decoder.decode(line):
                referee.judge(seen)
            referee.forget(clock.mono_ns())
            _forget(perpetuals)
            _say(referee.verdicts)


def _forget(truth: BinanceTruth) -> None:
    """Let go of what is found by an id alone: here books are looked up by time."""
    for states in truth.by_id.values():
        states.clear()


def _say(value: msgspec.Struct) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1])))
