"""What the server asks of an emulated venue, whichever it is: time in, frames and answers out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from leadline.emulator.fault_board import Active, FaultBoard, RefusedConnect
from leadline.emulator.market import Market
from leadline.emulator.wire import Answer, Close, Frame, Ping


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a venue is to be reached, and with what.

    `sockets` are the patterns of its WebSocket addresses with the route each leads to, `rest` is the
    beginning of every REST path, `endpoints` what a client is told to connect to by route, `credentials`
    the invented key of the demo account.
    """

    sockets: Mapping[str, str]
    rest: str
    endpoints: Mapping[str, str]
    credentials: Mapping[str, str]


class VenueLine(Protocol):
    """One WebSocket connection of a venue, without the socket."""

    route: str
    ended: bool
    frozen: bool

    def received(self, text: str, now_ns: int) -> None:
        """Act on one text frame of the client."""

    def touched(self, now_ns: int) -> None:
        """Note a ping of the client."""

    def ponged(self, payload: bytes) -> None:
        """Note a pong of the client."""

    def outputs(self) -> Sequence[Frame | Ping | Close]:
        """What is to go out now, in order; each is handed over once."""

    def closed(self) -> None:
        """The client has gone."""


class AccountTruth(Protocol):
    """What a venue itself knows of one account, in rows with the venue's own names; amounts are texts."""

    def orders(self, client_id: str | None = None) -> Sequence[Mapping[str, Any]]:
        """Every order there has ever been (or those of one client id), oldest first."""

    def fills(self) -> Sequence[Mapping[str, Any]]:
        """Every fill there has ever been, oldest first."""

    def balances(self) -> Mapping[str, Any]:
        """What it owns, by asset."""

    def positions(self) -> Sequence[Mapping[str, Any]] | None:
        """The positions that are not empty; None where the venue has none."""


class EmulatedVenue(Protocol):
    """A venue driven by whoever tells it the time, in Unix nanoseconds."""

    board: FaultBoard
    market: Market

    @property
    def doors(self) -> Doors:
        """Where it is to be reached."""

    def refusal(self, now_ns: int, route: str = ...) -> RefusedConnect | None:
        """How the next connect is turned away, None where `connect` may follow; counts the try."""

    def connect(self, now_ns: int, route: str = ..., address: str = ...) -> VenueLine:
        """A new connection on a route; `address` is the path with its query, where that says more."""

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | str,
        now_ns: int,
        headers: Iterable[tuple[str, str]] = ...,
        body: bytes = ...,
    ) -> Answer | RefusedConnect:
        """The answer to one REST request, and how it is cut off where none comes."""

    def advance(self, now_ns: int) -> None:
        """Let everything due by then happen."""

    def next_event_at(self) -> int:
        """When `advance` next has something to do."""

    def book_proof(self, symbol: str) -> Mapping[str, int]:
        """What the venue proves its book of that symbol by, under its own name."""

    def account_names(self) -> list[str]:
        """Every account there is."""

    def truth(self, account: str | None = None) -> AccountTruth | None:
        """What it knows of an account, the demo one where none is named; None where there is none such."""

    def inject(self, fields: Any, now_ns: int) -> Active:
        """Put a fault on, described as posted JSON; raises `fault_forms.FaultError`."""

    def end_faults(self, now_ns: int, fault_id: int | None = None) -> int:
        """End one fault, or all; returns how many were on."""
