from __future__ import annotations

import pytest

from leadline.errors import CheckFailed
from leadline.model.market import Channel, Subscription
from leadline.venues.binance.stream_names import INSTRUMENTS, route_of, stream_name


@pytest.mark.parametrize(
    ("channel", "param", "name", "route"),
    [
        (Channel.TICKER, 0, "btcusdt@bookTicker", "public"),
        (Channel.BOOK, 500, "btcusdt@depth@100ms", "public"),
        (Channel.TOP, 5, "btcusdt@depth5@100ms", "public"),
        (Channel.TRADES, 0, "btcusdt@aggTrade", "market"),
        (Channel.BARS, 60, "btcusdt@kline_1m", "market"),
        (Channel.BARS, 604800, "btcusdt@kline_1w", "market"),
        (Channel.MARK, 0, "btcusdt@markPrice@1s", "market"),
        (Channel.STATS, 0, "btcusdt@ticker", "market"),
        (Channel.LIQUIDATIONS, 0, "btcusdt@forceOrder", "market"),
    ],
)
def test_a_subscription_has_one_name_on_one_route(
    channel: Channel, param: int, name: str, route: str
) -> None:
    subscription = Subscription(channel, "BTC/USDT:USDT", param)

    assert stream_name(subscription, "BTCUSDT", 100) == name
    assert route_of(subscription) == route


def test_letters_without_a_small_form_stay_and_all_others_are_small() -> None:
    assert stream_name(Subscription(Channel.TICKER, "x"), "牛来USDT", 100) == "牛来usdt@bookTicker"
    assert (
        stream_name(Subscription(Channel.TICKER, "x"), "BTCUSDT_261225", 100) == "btcusdt_261225@bookTicker"
    )


@pytest.mark.parametrize(("speed", "suffix"), [(0, "@0ms"), (100, "@100ms"), (250, ""), (500, "@500ms")])
def test_the_speed_of_depth_is_in_its_name(speed: int, suffix: str) -> None:
    assert stream_name(Subscription(Channel.BOOK, "x", 10), "BTCUSDT", speed) == f"btcusdt@depth{suffix}"
    assert stream_name(Subscription(Channel.TOP, "x", 20), "BTCUSDT", speed) == f"btcusdt@depth20{suffix}"


def test_some_streams_tell_of_every_symbol() -> None:
    assert stream_name(INSTRUMENTS, "*", 100) == "!contractInfo"
    assert stream_name(Subscription(Channel.LIQUIDATIONS, "*"), "*", 100) == "!forceOrder@arr"


@pytest.mark.parametrize(
    ("subscription", "choices"),
    [
        (Subscription(Channel.TOP, "x", 7), "7 is no depth of a top; Binance has 5, 10, 20"),
        (Subscription(Channel.BARS, "x", 61), "61 s is no interval; Binance has 60, 180"),
        (Subscription(Channel.LEVEL3, "x"), "Binance streams no level3"),
    ],
)
def test_what_the_venue_has_not_is_refused_with_what_it_has(subscription: Subscription, choices: str) -> None:
    with pytest.raises(CheckFailed, match=choices):
        stream_name(subscription, "BTCUSDT", 100)


def test_a_channel_without_a_route_is_refused() -> None:
    with pytest.raises(CheckFailed, match="no level3"):
        route_of(Subscription(Channel.LEVEL3, "x"))
