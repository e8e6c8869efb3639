from __future__ import annotations

from leadline.engine import policies
from leadline.engine.order_news import BACKLOG
from leadline.engine.policies import AtBound
from leadline.engine.readers import LOSSLESS_BOUND
from leadline.model.market import Channel


def test_every_kind_that_is_streamed_has_a_policy() -> None:
    assert set(Channel) - set(policies.BY_CHANNEL) == {Channel.INSTRUMENTS}


def test_books_and_tickers_conflate_trades_and_bars_are_counted_and_orders_are_summed_up() -> None:
    newest = {channel for channel, policy in policies.BY_CHANNEL.items() if policy.at_bound is AtBound.NEWEST}

    assert newest == {Channel.TICKER, Channel.BOOK, Channel.LEVEL3}
    assert {policies.BY_CHANNEL[each].at_bound for each in (Channel.TRADES, Channel.BARS)} == {AtBound.GAP}
    assert policies.ACCOUNT.at_bound is AtBound.SUM


def test_readers_keep_to_the_table() -> None:
    assert (policies.EVERY.bound, policies.ACCOUNT.bound) == (LOSSLESS_BOUND, BACKLOG)
