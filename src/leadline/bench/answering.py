"""A venue at the end of a socket that answers at once: what is measured against it is our side alone.

It notes when the first byte of each order was handed over, takes every order, and tells of it on the stream.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec
from msgspec import Raw, Struct

from leadline.clock import Clock
from leadline.errors import ConnectionLost
from leadline.venues.kraken.times import ns_to_text

THRESHOLD = 180
"""Of the order counter, as the venue's highest tier has it (dossier §12)."""


class _Params(Struct):
    channel: str = ""
    symbol: str = ""
    side: str = ""
    order_type: str = ""
    order_qty: Raw = Raw(b"0")
    limit_price: Raw = Raw(b"0")
    cl_ord_id: str = ""


class _Request(Struct):
    method: str
    req_id: int
    params: _Params = msgspec.field(default_factory=_Params)


_decode = msgspec.json.Decoder(_Request).decode


class AnsweringSocket:
    """Implements `Socket` for one private stream. Every order is taken and rests for ever."""

    def __init__(self, clock: Clock) -> None:
        self.left_ns: dict[str, int] = {}
        """When the first byte of each order was handed over, monotonic, by client id."""
        self._clock = clock
        self._inbox: deque[bytes] = deque()
        self._arrival = asyncio.Event()
        self._sequence = 1

    async def receive(self) -> bytes:
        while not self._inbox:
            self._arrival.clear()
            await self._arrival.wait()
        return self._inbox.popleft()

    async def send(self, text: str) -> None:
        now_ns = self._clock.mono_ns()
        try:
            request = _decode(text)
        except msgspec.MsgspecError as error:
            raise ConnectionLost(f"not a request: {error}") from error
        params = request.params
        match request.method:
            case "add_order":
                self.left_ns[params.cl_ord_id] = now_ns
                self._take(request.req_id, params)
            case "subscribe":
                self._subscribe(request.req_id, params.channel)
            case "ping":
                self._say(f'{{"method":"pong","req_id":{request.req_id},{self._times()}}}')
            case _:
                self._answer(request, "{}")

    async def close(self) -> None:
        """There is nothing to leave."""

    def _take(self, req_id: int, params: _Params) -> None:
        order_id = f"O{len(self.left_ns):05d}-BENCH-MARKED"
        names = f'"order_id":"{order_id}","cl_ord_id":"{params.cl_ord_id}"'
        now = ns_to_text(self._clock.wall_ns(), 6)
        self._say(
            f'{{"method":"add_order","req_id":{req_id},"result":{{{names}}},"success":true,{self._times()}}}'
        )
        qty, price = bytes(params.order_qty).decode(), bytes(params.limit_price).decode()
        accepted = (
            f'{{{names},"symbol":"{params.symbol}","order_qty":{qty},"cum_cost":0,"time_in_force":"GTC",'
            f'"exec_type":"pending_new","side":"{params.side}","order_type":"{params.order_type}",'
            f'"limit_price":{price},"order_status":"pending_new","timestamp":"{now}"}}'
        )
        working = f'{{{names},"exec_type":"new","order_status":"new","timestamp":"{now}"}}'
        for row in (accepted, working):
            self._sequence += 1
            self._say(
                f'{{"channel":"executions","type":"update","data":[{row}],"sequence":{self._sequence}}}'
            )

    def _subscribe(self, req_id: int, channel: str) -> None:
        if channel == "executions":
            self._sequence = 1
        self._say(
            f'{{"method":"subscribe","req_id":{req_id},"result":{{"channel":"{channel}","snapshot":true,'
            f'"maxratecount":{THRESHOLD}}},"success":true,{self._times()}}}'
        )
        self._say(f'{{"channel":"{channel}","type":"snapshot","data":[],"sequence":1}}')

    def _answer(self, request: _Request, result: str) -> None:
        head = f'"method":"{request.method}","req_id":{request.req_id}'
        self._say(f'{{{head},"result":{result},"success":true,{self._times()}}}')

    def _times(self) -> str:
        now = ns_to_text(self._clock.wall_ns(), 6)
        return f'"time_in":"{now}","time_out":"{now}"'

    def _say(self, text: str) -> None:
        self._inbox.append(text.encode())
        self._arrival.set()
