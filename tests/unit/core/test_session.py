from __future__ import annotations

from leadline.core.session import Coverage, Reconnect, Send, SubscriptionRefused
from leadline.errors import Rejected
from leadline.model.market import Channel, Subscription


def test_outputs_are_values_that_compare_by_what_they_say() -> None:
    assert Send("{}") == Send("{}")
    assert Reconnect("silent") != Reconnect("late")


def test_a_refusal_names_the_subscription_and_carries_the_venues_words() -> None:
    refused = SubscriptionRefused(Subscription(Channel.BOOK, "XBT/USD", 10), Rejected("not supported"))

    assert refused.subscription.symbol == "XBT/USD"
    assert refused.error.text == "not supported"


def test_wanted_confirmed_and_receiving_are_told_apart() -> None:
    assert len(set(Coverage)) == 4
