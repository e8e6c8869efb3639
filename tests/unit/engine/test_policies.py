from __future__ import annotations

from leadline.engine import policies
from leadline.engine.order_news import BACKLOG
from leadline.engine.policies import AtBound
from leadline.engine.readers import LOSSLESS_BOUND
from leadline.model.market import Channel
from leadline.venues.memory import CONTRACTS


def test_every_kind_that_is_streamed_has_a_policy() -> None:
    assert set(Channel) - set(policies.BY_CHANNEL) == {Channel.INSTRUMENTS}


def test_states_conflate_what_happens_is_counted_and_orders_are_summed_up() -> None:
    newest = {channel for channel, policy in policies.BY_CHANNEL.items() if policy.at_bound is AtBound.NEWEST}

    counted = (Channel.TRADES, Channel.BARS, Channel.LIQUIDATIONS)
    states = {Channel.TICKER, Channel.BOOK, Channel.LEVEL3, Channel.TOP, Channel.MARK, Channel.STATS}
    assert newest == states
    assert {policies.BY_CHANNEL[each].at_bound for each in counted} == {AtBound.GAP}
    assert policies.ACCOUNT.at_bound is AtBound.SUM


def test_readers_keep_to_the_table() -> None:
    assert (policies.EVERY.bound, policies.ACCOUNT.bound) == (LOSSLESS_BOUND, BACKLOG)


def test_what_rest_stands_in_for_may_be_served_again_for_a_while() -> None:
    assert set(policies.TTL_S) == CONTRACTS.rest_channels
