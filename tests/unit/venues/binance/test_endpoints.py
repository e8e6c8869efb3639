from __future__ import annotations

from dataclasses import astuple

import pytest

from leadline.net.endpoint import endpoint
from leadline.venues.binance.endpoints import PRODUCTION, TESTNET, Endpoints


@pytest.mark.parametrize("endpoints", [PRODUCTION, TESTNET])
def test_every_address_is_a_safe_one_and_streams_are_asked_for_on_a_route_of_their_own(
    endpoints: Endpoints,
) -> None:
    endpoint(endpoints.rest, "https")
    for address in astuple(endpoints)[1:]:
        endpoint(address, "wss")

    assert endpoints.ws_public.endswith("/public/stream")
    assert endpoints.ws_market.endswith("/market/stream")
    assert endpoints.ws_private.endswith("/private/stream")


def test_no_address_is_of_both_environments() -> None:
    assert not set(astuple(PRODUCTION)) & set(astuple(TESTNET))
