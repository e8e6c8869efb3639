"""The live stream to disk: a recorder between the socket and everybody else.

The file is made with the first connection, because its first line names the decimals of what is recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from leadline.clock import Clock
from leadline.errors import RecordingError
from leadline.net import websocket
from leadline.net.capture import Meta, Precision, RecordedHttp, RecordedSocket, Recorder
from leadline.net.http import Http
from leadline.net.websocket import Socket
from leadline.venues.ports import MarketData

API = "streams, and REST answers beside them"


def describe(market: MarketData, symbols: Sequence[str], depth: int) -> Meta:
    """The first line of a recording of these symbols; raises UnknownSymbol."""
    instruments = [market.reference.instrument(symbol) for symbol in symbols]
    return Meta(
        market.name,
        API,
        symbols=tuple(instrument.symbol for instrument in instruments),
        depth=depth,
        instruments={
            each.symbol: Precision(each.price_precision, each.qty_precision) for each in instruments
        },
    )


async def connect_through(url: str, through: Callable[[Socket, str], Socket]) -> Socket:
    """A connection wrapped by `through`, and closed again where that cannot be; raises ConnectFailed."""
    socket = await websocket.connect(url)
    try:
        return through(socket, url)
    except BaseException:
        await socket.close()
        raise


class Tap:
    """Wraps every socket of a system in one recording; `meta` is asked for when the first one stands.

    Raises RecordingError at once for a file that cannot be made.
    """

    def __init__(self, path: Path, clock: Clock, meta: Callable[[], Meta]) -> None:
        self._path = path
        self._clock = clock
        self._meta = meta
        self._recorder: Recorder | None = None
        if path.exists() and (not path.is_file() or path.stat().st_size > 0):
            raise RecordingError(f"{path} exists already; remove it or record under another name")
        if not path.parent.is_dir():
            raise RecordingError(f"cannot record to {path}: there is no folder {path.parent}")
        if not os.access(path.parent, os.W_OK):
            raise RecordingError(f"cannot record to {path}: no permission to write there")

    def __call__(self, socket: Socket, url: str) -> Socket:
        if self._recorder is None:
            self._recorder = Recorder(self._path, self._meta(), self._clock)
        return RecordedSocket(socket, self._recorder, url)

    def answers(self, http: Http) -> Http:
        """The same port, its first values recorded as soon as a socket stands."""
        return RecordedHttp(http, lambda: self._recorder)

    @property
    def records(self) -> int:
        """Messages written so far."""
        return self._recorder.records if self._recorder else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recorder is not None:
            self._recorder.close()
