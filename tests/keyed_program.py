"""A program that uses an API key: so many balances asked for at once, through the shared state of the key.

Run as `python keyed_program.py REST_URL FOLDER CALLS` with the key in the environment. It says `ready`, waits
for a line, asks, and prints what the venue answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from leadline.clock import Clock, SystemClock
from leadline.core.limits import DecayingCounter
from leadline.core.nonce import Floor
from leadline.net.departures import Priority
from leadline.net.http import Purpose
from leadline.net.http_client import AiohttpExchange
from leadline.net.key_state import KeyState
from leadline.net.keyed_http import Call, KeyedHttp, Verdict
from leadline.net.sqlite_key_state import SqliteKeyState
from leadline.venues.kraken import rest_private
from leadline.venues.kraken.auth import Credentials, Signer
from leadline.venues.kraken.symbols import SymbolTable

NO_RESERVE = dict.fromkeys(Priority, 0.0)
REFUSED = b"EAPI:Invalid nonce"


def credentials() -> Credentials:
    return Credentials(os.environ["KRAKEN_API_KEY"], os.environ["KRAKEN_PRIVATE_KEY"])


def balance_call(signer: Signer) -> Call:
    return signer.call(rest_private.balance(SymbolTable()))


def keyed(exchange: AiohttpExchange, state: KeyState, clock: Clock, floor: Floor | None = None) -> KeyedHttp:
    """Without spacing and with a budget that never ends, as the venue has its counters off."""
    return KeyedHttp(
        exchange, state, clock, DecayingCounter(1e9, 1e9), NO_RESERVE, floor=floor, spacing_s=0.0
    )


async def ask(http: KeyedHttp, call: Call, calls: int) -> list[bytes]:
    """The answers to so many calls made at the same moment; what may go once more does."""

    async def one() -> bytes:
        response, nonce = await http.call(call, Purpose.ACCOUNT)
        if REFUSED in response.body and await http.nonce_refused(nonce) is Verdict.RETRY:
            response, nonce = await http.call(call, Purpose.ACCOUNT)
        return response.body

    return await asyncio.gather(*(one() for _ in range(calls)))


async def main(url: str, folder: Path, calls: int) -> None:
    clock = SystemClock()
    found = credentials()
    async with AiohttpExchange(url) as exchange, SqliteKeyState(folder, found.api_key, clock) as state:
        http = keyed(exchange, state, clock)
        call = balance_call(Signer(found))
        await http.call(call, Purpose.ACCOUNT)
        print("ready", flush=True)
        sys.stdin.readline()
        bodies = await ask(http, call, calls)
        told = {
            "answers": len(bodies),
            "errors": [body.decode() for body in bodies if b'"error":[]' not in body],
            "ended_ns": time.monotonic_ns(),
        }
        print(json.dumps(told), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
