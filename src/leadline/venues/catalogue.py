"""Every venue there is; whoever needs one gets it here, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leadline.venues.binance.kit import BINANCE
from leadline.venues.kit import VenueKit
from leadline.venues.kraken.kit import KRAKEN

AnyKit = VenueKit[Any, Any, Any]

DEFAULT: AnyKit = KRAKEN
"""Taken where nobody has named a venue."""

_ALL: tuple[AnyKit, ...] = (KRAKEN, BINANCE)

VENUES: Mapping[str, AnyKit] = {kit.name: kit for kit in _ALL}
