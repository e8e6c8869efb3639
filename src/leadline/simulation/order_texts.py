"""How requests and answers about orders look at a venue, as far as judges must read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from leadline.net.http import Request


@dataclass(frozen=True, slots=True)
class OrderTexts:
    """What a judge asks of one venue's texts; names are the client's own names of orders."""

    placed: Callable[[str], set[str]]
    """The orders that a text on an account's connection places; empty where it places none."""
    placed_by_rest: Callable[[Request], set[str]]
    """The orders that a request places."""
    number: Callable[[str], str | None]
    """The number of a request on a connection, in it and in its answer."""
    undone: Callable[[str], bool]
    """Whether an answer on a connection says that the request was not acted on."""
    refused: Callable[[Request, Answer | RefusedConnect], set[str]]
    """The orders that were certainly not placed by a request answered so."""
