from __future__ import annotations

import pytest

from leadline.emulator.binance.targets import ENDPOINTS, Target, target_of


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/public/stream", "", Target("ws_public")),
        ("/public/ws/a@b/c@d", "", Target("ws_public", False, ("a@b", "c@d"))),
        ("/market/stream", "streams=a@b/!c@arr", Target("ws_market", True, ("a@b", "!c@arr"))),
        ("/market/ws", "", Target("ws_market", False)),
        ("/ws", "", Target("ws_unrouted", False)),
        ("/stream", "streams=a@b", Target("ws_unrouted", True, ("a@b",))),
        ("/private/ws/KEY", "", Target("ws_private", False, (), (("KEY", None),))),
        ("/private/stream", "streams=KEY", Target("ws_private", True, (), (("KEY", None),))),
        ("/ws-fapi/v1", "", Target("ws_api")),
        ("/ws-fapi/v1", "returnRateLimits=false", Target("ws_api", rate_limits=False)),
        ("/public/ws/%E5%B8%81usdt@depth", "", Target("ws_public", False, ("币usdt@depth",))),
    ],
)
def test_an_address_says_route_form_and_streams(path: str, query: str, target: Target) -> None:
    assert target_of(path, query) == target


def test_listen_keys_in_the_query_may_each_be_narrowed_to_events() -> None:
    found = target_of("/private/stream", "listenKey=A&events=ORDER_TRADE_UPDATE/X&listenKey=B")
    assert found is not None
    assert found.keys == (("A", frozenset({"ORDER_TRADE_UPDATE", "X"})), ("B", None))


def test_nobody_listens_elsewhere() -> None:
    assert target_of("/spot/stream", "") is None


def test_every_endpoint_leads_to_its_route() -> None:
    for route, path in ENDPOINTS.items():
        target = target_of(path, "")
        assert target is not None
        assert target.route == route
