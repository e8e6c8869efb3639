"""The private stream of a Binance account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from binance_private import BTC, KEY, T0, account, algo, contracts, held, lite, order, trade, wrapped
from leadline.clock import NS_PER_S
from leadline.core.account_session import (
    AccountGap,
    BalancesReported,
    ConfigurationReported,
    CredentialRefused,
    LedgerReported,
    MarginCalled,
    OrdersReported,
    OrdersSnapshot,
    PositionsReported,
)
from leadline.core.session import FrameSkipped, LineDown, LineUp, Reconnect
from leadline.model.account import AccountConfiguration, MarginMode, Position, SymbolConfiguration
from leadline.model.order import Event, OrderKey, OrderReport, OrderState
from leadline.venues.binance.account_session import BinanceAccountSession
from leadline.venues.binance.account_wishes import AccountSnapshot, Wishes
from leadline.venues.binance.algo_orders import AlgoOrders
from leadline.venues.binance.holdings import AssetHeld
from leadline.venues.binance.user_events import MS
from script import Script

ONE_WAY = AccountConfiguration(False, False, True, (SymbolConfiguration(BTC, 5, MarginMode.CROSS),))
OPEN = OrderReport(
    event=Event.STANDS,
    order_id="BTCUSDT:7",
    symbol=BTC,
    qty=Decimal("0.010"),
    limit_price=Decimal(90000),
    state=OrderState.WORKING,
    snapshot=True,
)


class Play(Script[Any]):
    """A session, what it wishes for, and an account that REST would describe so."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes = Wishes()
        self.algos = AlgoOrders()
        self.algos.listed([], [])
        self.session = BinanceAccountSession(self.emit, contracts(), self.wishes, self.algos)  # type: ignore[arg-type]
        self.session.authorise(KEY, 0)

    def connect(self) -> None:
        """The connection stands and its subscription is acknowledged."""
        self.open()
        (asked,) = self.sent()
        self.hear({"result": None, "id": asked["id"]})

    def describe(self, *orders: OrderReport, usdt: str = "100", asked_s: float | None = None) -> None:
        """REST answers the wish."""
        asked_ns = self.now_ns if asked_s is None else round(asked_s * NS_PER_S)
        position = Position(symbol=BTC, qty=Decimal("0.1"), venue_ns=T0 * MS)
        told = AccountSnapshot(
            orders, (AssetHeld("USDT", Decimal(usdt), T0),), (position,), ONE_WAY, asked_ns
        )
        self.session.snapshot(told, self.now_ns)

    def whole(self) -> Play:
        self.connect()
        self.describe()
        self.news()
        self.session.outputs()
        return self


def test_a_connection_subscribes_the_key_and_then_wishes_for_the_account() -> None:
    play = Play()
    play.open()
    (asked,) = play.sent()
    assert (asked["method"], asked["params"]) == ("SUBSCRIBE", [KEY])
    assert play.wishes.waiting() == []
    play.hear({"result": None, "id": asked["id"]})
    assert play.wishes.waiting() == [play.session]
    assert not play.session.ready(play.now_ns)
    play.describe(OPEN)
    assert play.session.ready(play.now_ns)
    assert play.wishes.waiting() == []
    kinds = [type(news) for news in play.news()]
    assert kinds == [LineUp, OrdersSnapshot, BalancesReported, PositionsReported, ConfigurationReported]


def test_orders_are_told_while_the_snapshot_is_on_its_way() -> None:
    play = Play()
    play.connect()
    play.hear(trade(5, "0.004", "0.004"))
    (news,) = play.news(OrdersReported)
    assert isinstance(news, OrdersReported)
    assert news.reports[0].fill is not None


def test_a_snapshot_asked_for_before_the_connection_stood_says_nothing() -> None:
    play = Play()
    play.wait(10)
    play.connect()
    play.describe(asked_s=9)
    assert not play.session.ready(play.now_ns)
    play.describe()
    assert play.session.ready(play.now_ns)


def test_values_of_an_order_that_the_stream_told_of_meanwhile_are_not_taken_from_the_snapshot() -> None:
    play = Play()
    play.connect()
    play.hear(order("AMENDMENT", "NEW", q="0.020"))
    play.describe(OPEN)
    (news,) = play.news(OrdersSnapshot)
    assert isinstance(news, OrdersSnapshot)
    assert (news.reports[0].qty, news.reports[0].state) == (None, OrderState.WORKING)


def test_a_balance_told_before_the_snapshot_and_newer_is_in_it() -> None:
    play = Play()
    play.connect()
    play.hear(account(USDT="90", at=9))
    assert play.news(LedgerReported) == []
    play.describe(usdt="100")
    (news,) = play.news(BalancesReported)
    assert isinstance(news, BalancesReported)
    assert news.snapshot.balances[0].total == Decimal(90)


def test_what_an_earlier_connection_knew_counts_nothing_on_the_next_one() -> None:
    play = Play().whole()
    play.hear(account(held("0.2", s="ETHUSDT"), USDT="90", BNB="3", at=9))
    play.news()
    play.close()
    play.session.authorise(KEY, play.now_ns)
    play.connect()
    play.hear(account(USDT="80", at=10))  # what was booked in between nobody knows
    assert play.news(LedgerReported) == []
    play.describe(usdt="80")
    (told,) = play.news(BalancesReported)
    assert isinstance(told, BalancesReported)
    assert {one.asset: one.total for one in told.snapshot.balances} == {"USDT": Decimal(80)}
    play.hear(account(BNB="1", at=11))
    (booked,) = play.news(LedgerReported)
    assert isinstance(booked, LedgerReported)
    assert [(entry.asset, entry.amount) for entry in booked.entries] == [("BNB", Decimal(1))]


def test_a_fill_tells_its_booking_and_its_position() -> None:
    play = Play().whole()
    play.hear(account(held("0.2"), USDT="99.982", at=1))
    booked, moved = play.news()
    assert isinstance(booked, LedgerReported)
    assert isinstance(moved, PositionsReported)
    assert booked.entries[0].amount == Decimal("-0.018")
    assert (moved.snapshot, moved.positions[0].qty) == (False, Decimal("0.2"))


def test_the_early_copy_of_a_match_counts_nothing() -> None:
    play = Play().whole()
    play.hear(lite(5))
    assert play.news() == []
    play.hear(trade(5, "0.004", "0.004"))
    (news,) = play.news()
    assert isinstance(news, OrdersReported)
    assert sum(report.fill is not None for report in news.reports) == 1
    play.hear(lite(5))
    play.wait(4.5)
    assert play.news(AccountGap) == []


def test_a_match_that_was_announced_and_never_reported_is_a_hole_and_mended() -> None:
    play = Play().whole()
    at_ns = play.now_ns
    play.hear(lite(5))
    play.wait(3)
    gaps = play.news(AccountGap)
    assert [(gap.channel, gap.since_ns) for gap in gaps if isinstance(gap, AccountGap)] == [
        ("executions", at_ns),
        ("balances", at_ns),
    ]
    assert play.wishes.waiting() == [play.session]
    assert not play.session.ready(play.now_ns)


def test_a_stream_that_tells_nothing_of_an_accepted_order_is_left() -> None:
    play = Play().whole()
    at_ns = play.now_ns
    for wire, number in (("BTCUSDT", 7), ("algo", 2146760), ("BTCUSDT", 8)):
        play.session.expect(wire, number, at_ns, at_ns)
    play.hear(order("NEW"), algo("NEW"))
    outputs = play.wait(2.9)
    assert not any(isinstance(output, Reconnect) for output in outputs)
    outputs = play.wait(0.2)
    assert isinstance(outputs[-1], Reconnect)
    gaps = [news for news in play.news() if isinstance(news, AccountGap)]
    assert {gap.since_ns for gap in gaps} == {at_ns}


def test_an_order_that_was_told_before_its_acceptance_is_not_missed() -> None:
    play = Play().whole()
    play.hear(order("NEW"))
    play.session.expect("BTCUSDT", 7, play.now_ns, play.now_ns)
    assert not any(isinstance(output, Reconnect) for output in play.wait(4.5))


def test_an_order_asked_for_before_the_connection_was_subscribed_is_not_missed() -> None:
    play = Play()
    play.wait(10)
    play.whole()
    play.session.expect("BTCUSDT", 7, play.now_ns - 1, play.now_ns)
    assert not any(isinstance(output, Reconnect) for output in play.wait(4.5))


def test_a_triggered_order_goes_on_under_the_name_of_the_conditional_one() -> None:
    play = Play().whole()
    filled = trade(6, "0.010", "0.010", "FILLED", i=88, c="other", S="SELL", o="MARKET")
    play.hear(algo("NEW"), filled, algo("TRIGGERED", ai="88", at=1))
    reports = [each for news in play.news(OrdersReported) for each in news.reports]  # type: ignore[union-attr]
    assert {each.order_id for each in reports} == {"algo:2146760"}
    assert any(each.fill is not None for each in reports)


def test_what_waited_for_the_list_of_conditional_orders_is_told_with_the_snapshot() -> None:
    play = Play()
    play.algos = AlgoOrders()
    play.session = BinanceAccountSession(play.emit, contracts(), play.wishes, play.algos)  # type: ignore[arg-type]
    play.session.authorise(KEY, 0)
    play.connect()
    play.hear(order("NEW"))
    assert play.news(OrdersReported) == []
    play.algos.listed([], [])
    play.describe()
    assert len(play.news(OrdersReported)) == 1


def test_an_order_that_no_conditional_one_has_placed_is_told_once_rest_has_said_so() -> None:
    play = Play().whole()
    play.hear(algo("NEW"), order("NEW", i=88, c="theirs", S="SELL"))
    play.news()
    for _ in range(3):
        play.wait(0.9)
        play.hear({"result": [KEY], "id": 99})
    (question,) = play.wishes.questions()
    assert question.asker is play.session
    assert question.suspects == [OrderKey("algo:2146760", conditional=True)]
    assert play.news(OrdersReported) == []
    play.session.joined(question.names, play.now_ns)
    (news,) = play.news(OrdersReported)
    assert isinstance(news, OrdersReported)
    assert news.reports[0].order_id == "BTCUSDT:88"


def test_an_expired_key_is_a_hole_and_is_refused() -> None:
    play = Play().whole()
    play.hear(wrapped({"e": "listenKeyExpired", "E": T0, "listenKey": KEY}))
    assert [type(news) for news in play.news()] == [AccountGap, AccountGap, CredentialRefused]
    assert not play.session.ready(play.now_ns)
    assert play.session.refused_key == KEY
    play.session.authorise("another", play.now_ns)
    assert [type(output) for output in play.session.outputs()] == [Reconnect]


def test_a_key_that_is_not_renewed_in_time_ends_the_connection() -> None:
    play = Play().whole()
    play.hear(wrapped({"e": "listenKeyExpired", "E": T0}))
    for _ in range(5):
        outputs = play.wait(1)
        play.hear({"result": [KEY], "id": 99})
    assert isinstance(outputs[-1], Reconnect)
    assert "not renewed" in outputs[-1].reason


def test_a_key_replaced_behind_its_back_is_a_hole_since_it_was_last_proven() -> None:
    play = Play().whole()
    play.session.superseded(77, "the venue had forgotten the one before", play.now_ns)
    gaps = [news for news in play.news() if isinstance(news, AccountGap)]
    assert {gap.since_ns for gap in gaps} == {77}
    assert isinstance(play.session.outputs()[-1], Reconnect)


def test_the_same_key_again_changes_nothing() -> None:
    play = Play().whole()
    play.session.authorise(KEY, play.now_ns)
    assert play.session.outputs() == []
    assert play.session.ready(play.now_ns)


def test_an_idle_connection_is_asked_each_second_and_left_after_five_without_a_frame() -> None:
    play = Play().whole()
    outputs = play.wait(5)
    assert isinstance(outputs[-1], Reconnect)
    assert len(outputs) == 5
    assert not play.session.ready(play.now_ns)


def test_a_connection_that_has_lost_its_stream_is_left() -> None:
    play = Play().whole()
    play.hear({"result": [KEY], "id": 50})
    assert play.session.outputs() == []
    play.hear({"result": [], "id": 51})
    assert isinstance(play.session.outputs()[-1], Reconnect)


def test_a_subscription_that_is_not_answered_or_refused_ends_the_connection() -> None:
    play = Play()
    play.open()
    for _ in range(5):
        outputs = play.wait(1)
        play.hear(b'{"e":"unheardOf"}')
    assert isinstance(outputs[-1], Reconnect)
    refused = Play()
    refused.open()
    (asked,) = refused.sent()
    refused.hear({"error": {"code": 2, "msg": "no"}, "id": asked["id"]})
    assert isinstance(refused.session.outputs()[-1], Reconnect)


def test_a_new_snapshot_is_wished_for_when_somebody_doubts() -> None:
    play = Play().whole()
    play.session.resubscribe("an order does not fit", play.now_ns)
    assert play.wishes.waiting() == [play.session]
    assert play.session.outputs() == []


def test_a_cut_forgets_everything_the_connection_had_told() -> None:
    play = Play().whole()
    play.close()
    assert [type(news) for news in play.news()] == [LineDown]
    assert (play.wishes.standing(), play.session.wake_at()) == ([], None)
    play.connect()
    play.describe(usdt="50")
    (news,) = play.news(BalancesReported)
    assert isinstance(news, BalancesReported)
    assert news.snapshot.balances[0].total == Decimal(50)


def test_a_change_of_the_leverage_counts_at_once_and_is_read_again() -> None:
    play = Play().whole()
    play.hear(wrapped({"e": "ACCOUNT_CONFIG_UPDATE", "E": T0, "T": T0, "ac": {"s": "BTCUSDT", "l": 25}}))
    (news,) = play.news(ConfigurationReported)
    assert isinstance(news, ConfigurationReported)
    assert news.configuration.symbols[0].leverage == 25
    assert play.wishes.configuration


def test_a_change_of_the_asset_mode_counts_at_once() -> None:
    play = Play().whole()
    play.hear(wrapped({"e": "ACCOUNT_CONFIG_UPDATE", "E": T0, "T": T0, "ai": {"j": True}}))
    (news,) = play.news(ConfigurationReported)
    assert isinstance(news, ConfigurationReported)
    assert news.configuration.multi_assets


def test_a_position_that_cannot_be_has_the_configuration_read_again() -> None:
    play = Play().whole()
    play.hear(account(held("1", ps="LONG"), at=1))
    assert play.wishes.configuration


def test_a_margin_call_is_told() -> None:
    play = Play().whole()
    rows = [{"s": "BTCUSDT", "ps": "BOTH", "pa": "0.1", "mm": "5.5"}]
    play.hear(wrapped({"e": "MARGIN_CALL", "E": T0, "p": rows}))
    (news,) = play.news()
    assert isinstance(news, MarginCalled)
    assert news.maintenance_margin == Decimal("5.5")


def test_what_is_not_understood_is_skipped_and_shows_no_key() -> None:
    play = Play().whole()
    play.hear(wrapped({"e": "ORDER_TRADE_UPDATE", "key": KEY}), b"no json", order("REBORN"))
    skipped = [news for news in play.news() if isinstance(news, FrameSkipped)]
    assert len(skipped) == play.session.skipped_count == 3
    assert not any(KEY.encode() in news.frame or KEY in news.why for news in skipped)


@pytest.mark.parametrize("kind", ["STRATEGY_UPDATE", "GRID_UPDATE", "CONDITIONAL_ORDER_TRIGGER_REJECT"])
def test_events_without_use_are_passed_over(kind: str) -> None:
    play = Play().whole()
    play.hear(wrapped({"e": kind, "E": T0}))
    assert play.news() == []


def test_a_loop_that_was_held_up_has_the_line_asked_at_once() -> None:
    play = Play().whole()
    play.session.held_up(0, play.now_ns)
    assert [each["method"] for each in play.sent()] == ["LIST_SUBSCRIPTIONS"]
