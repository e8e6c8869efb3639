"""Who plays the recordings of each venue.

Rule: a recording names its venue in its first line, and only here is that name read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from leadline.net.capture import Precision, Record, Recording
from leadline.venues.binance import players as binance
from leadline.venues.kraken import players as kraken
from leadline.venues.players import Player, Precisions, Tally


@dataclass(frozen=True, slots=True)
class Playing:
    """How recordings of one venue are played."""

    player: Callable[[Recording, Record, Tally, Precisions], Player]
    """The player of a recording, given its first record."""
    decimals: Callable[[Recording], dict[str, Precision]]
    """What the frames themselves tell of decimals, by symbol."""


_BINANCE = Playing(binance.player, binance.decimals)

PLAYING: Mapping[str, Playing] = {
    "kraken": Playing(kraken.player, kraken.decimals),
    "binance": _BINANCE,
    "binance-usdm": _BINANCE,
}
"""By the venue's name in a recording; others write the second name for the same venue."""
