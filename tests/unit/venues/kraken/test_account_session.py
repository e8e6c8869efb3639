from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from kraken_frames import HEARTBEAT, status_frame
from leadline.clock import NS_PER_S
from leadline.core.account_session import (
    AccountGap,
    AccountRefused,
    BalancesReported,
    CredentialRefused,
    LedgerReported,
    OrdersReported,
    OrdersSnapshot,
)
from leadline.core.session import FrameSkipped, LineDown, LineUp, Reconnect
from leadline.core.venue_time import VenueTime
from leadline.errors import AuthError, ConnectFailed
from leadline.model.market import VenueMode, VenueStatus
from leadline.model.order import Event
from leadline.venues.kraken.account_session import KrakenAccountSession
from leadline.venues.kraken.answers import Answer
from private_frames import BOOKING, LIMIT_BUY, NEW, TRADE, USDT, balances, executions, no, row, yes
from script import Script

TOKEN = "canary+token/1"
Play = Script[Any]


def script() -> Play:
    """A session with a credential, not connected yet."""
    made = Play()
    made.limits = []  # type: ignore[attr-defined]
    made.time = VenueTime()  # type: ignore[attr-defined]
    made.session = KrakenAccountSession(made.emit, made.time, made.limits.append)  # type: ignore
    made.session.authorise(TOKEN, 0)
    return made


def opened() -> tuple[Play, dict[str, Any], dict[str, Any]]:
    """A session on a connection, and its two subscriptions, not answered yet."""
    made = script()
    made.open()
    first, second = made.sent()
    return made, first, second


def live() -> Play:
    """A session that has heard both snapshots."""
    made, first, second = opened()
    made.now_s = 0.05
    made.hear(yes(first, {"channel": "executions", "maxratecount": 125}), yes(second))
    made.hear(executions(1, LIMIT_BUY, kind="snapshot"), balances(1, USDT, kind="snapshot"))
    made.session.outputs()
    made.news()
    return made


class Waiting:
    """Somebody who waits for so many answers."""

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self.answers: list[Answer] = []
        self.reason: str | None = None

    def answered(self, answer: Answer, now_ns: int) -> bool:
        self.answers.append(answer)
        return len(self.answers) >= self.count

    def lost(self, reason: str) -> None:
        self.reason = reason


def test_executions_then_balances_are_subscribed_with_the_credential_on_opening() -> None:
    made, first, second = opened()
    assert first["method"] == second["method"] == "subscribe"
    assert first["params"] == {
        "channel": "executions",
        "token": TOKEN,
        "snap_orders": True,
        "snap_trades": True,
        "order_status": True,
        "ratecounter": True,
    }
    assert second["params"] == {"channel": "balances", "token": TOKEN, "snapshot": True}
    assert made.news() == [LineUp()]


def test_it_is_ready_once_both_snapshots_have_come() -> None:
    made, first, second = opened()
    made.hear(yes(first), yes(second), executions(1, kind="snapshot"))
    assert not made.session.ready(made.now_ns)
    made.hear(balances(1, USDT, kind="snapshot"))
    assert made.session.ready(made.now_ns)
    assert not made.session.ready(made.now_ns + 5 * NS_PER_S + 1)


def test_snapshots_and_news_are_told_as_they_come() -> None:
    made, _, _ = opened()
    made.news()
    made.hear(executions(1, LIMIT_BUY, TRADE, kind="snapshot"), balances(1, USDT, kind="snapshot"))
    made.hear(executions(2, NEW), balances(2, BOOKING), executions(3))
    orders, wallets, report, ledger = made.news()
    assert isinstance(orders, OrdersSnapshot)
    assert [one.event for one in orders.reports] == [Event.STANDS, Event.FILL]
    assert isinstance(wallets, BalancesReported)
    assert isinstance(report, OrdersReported)
    assert report.reports[0].event is Event.WORKING
    assert isinstance(ledger, LedgerReported)
    assert ledger.entries[0].asset == "USD"


def test_the_threshold_of_the_order_counter_is_passed_on() -> None:
    made = live()
    assert made.limits == [125]  # type: ignore[attr-defined]


def test_an_answer_teaches_the_time_of_the_venue() -> None:
    made = live()
    assert made.time.known  # type: ignore[attr-defined]


def test_a_hole_is_told_before_what_revealed_it_and_mended_by_a_new_snapshot() -> None:
    made = live()
    made.now_s = 3.0
    made.hear(executions(3, TRADE))
    gap, report = made.news()
    assert isinstance(gap, AccountGap)
    assert (gap.channel, gap.since_ns) == ("executions", NS_PER_S // 20)
    assert isinstance(report, OrdersReported)
    assert report.reports[0].fill is not None
    leave, again = made.sent()
    assert (leave["method"], leave["params"]) == ("unsubscribe", {"channel": "executions", "token": TOKEN})
    assert again["method"] == "subscribe"
    assert not made.session.ready(made.now_ns)
    made.hear(executions(4, NEW))  # still of the old subscription, and true
    made.hear(yes(leave), yes(again), executions(1, kind="snapshot"), executions(2, NEW))
    assert [type(one) for one in made.news()] == [OrdersReported, OrdersSnapshot, OrdersReported]
    assert made.session.ready(made.now_ns)


def test_holes_one_after_the_other_are_mended_with_back_off() -> None:
    made = live()
    pauses = []
    for _ in range(3):
        made.hear(balances(7, BOOKING))
        before_s = made.now_s
        while not (sent := made.wait_and_sent(0.5)):
            made.hear(HEARTBEAT)
        pauses.append(made.now_s - before_s)
        made.hear(balances(1, USDT, kind="snapshot"))
        assert [one["params"]["channel"] for one in sent] == ["balances", "balances"]
    assert [round(pause, 3) for pause in pauses] == [0.5, 1.0, 2.0]


def test_a_repeated_message_is_dropped_and_counted() -> None:
    made = live()
    made.hear(executions(2, TRADE), executions(2, TRADE))
    assert len(made.news()) == 1
    assert made.session.repeated("executions") == 1
    assert made.session.ready(made.now_ns)


def test_a_snapshot_nobody_asked_for_is_a_hole_unless_it_is_a_repetition() -> None:
    made = live()
    made.hear(executions(1, LIMIT_BUY, kind="snapshot"))
    assert made.news() == []
    made.hear(executions(1, kind="snapshot"))
    assert [type(one) for one in made.news()] == [AccountGap]


def test_a_private_message_that_cannot_be_read_is_kept_and_is_a_hole() -> None:
    made = live()
    made.hear('{"channel":"balances","type":"update","data":{}}')
    skipped, gap = made.news()
    assert isinstance(skipped, FrameSkipped)
    assert isinstance(gap, AccountGap)
    assert gap.channel == "balances"


def test_a_row_that_is_not_understood_is_kept_and_the_others_are_told() -> None:
    made = live()
    made.hear(executions(2, row(NEW, exec_type="teleported"), NEW), balances(2, "{}", BOOKING))
    assert [type(one) for one in made.news()] == [FrameSkipped, OrdersReported, FrameSkipped, LedgerReported]
    assert made.session.skipped_count == len(made.session.skipped) == 2


def test_balances_that_cannot_be_read_whole_are_asked_for_again() -> None:
    made, first, second = opened()
    made.hear(yes(first), yes(second), executions(1, kind="snapshot"))
    made.hear(balances(1, '{"asset":"USD"}', kind="snapshot"))
    made.news()
    asked = []
    for _ in range(12):
        asked += made.wait_and_sent(1.0)
        made.hear(HEARTBEAT)
    assert [one["params"]["channel"] for one in asked] == ["balances", "balances"]


def test_without_a_snapshot_it_asks_again_once_and_then_leaves() -> None:
    made, first, second = opened()
    made.hear(yes(first), yes(second), balances(1, USDT, kind="snapshot"))
    outputs = []
    for _ in range(40):
        outputs += made.wait(0.5)
        made.hear(HEARTBEAT)
    assert [output for output in outputs if isinstance(output, Reconnect)] == [
        Reconnect("no snapshot of executions")
    ]
    assert made.session.wake_at() is None


def test_five_seconds_of_silence_end_the_connection() -> None:
    made = live()
    assert made.wait(4.9) == []
    assert made.wait(0.2) == [Reconnect("no frame for 5.0 s")]
    assert not made.session.ready(made.now_ns)


def test_every_thirty_seconds_it_pings_and_learns_the_time_from_the_answer() -> None:
    made = live()
    sent: list[dict[str, Any]] = []
    for _ in range(61):
        sent += made.wait_and_sent(1.0)
        made.hear(HEARTBEAT)
        made.hear(*(yes(one, method="pong") for one in sent[-1:]))
    assert [one["method"] for one in sent] == ["ping", "ping"]
    assert "params" not in sent[0]


def test_a_refused_credential_is_told_once_and_used_no_more() -> None:
    made, first, second = opened()
    made.news()
    made.hear(no(first, "ESession:Invalid session"), no(second, "EAPI:Invalid token"))
    (told,) = made.news()
    assert isinstance(told, CredentialRefused)
    assert isinstance(told.error, AuthError)
    assert made.wait_and_sent(1.0) == []


def test_a_renewed_credential_subscribes_anew_on_the_standing_connection() -> None:
    made, first, second = opened()
    made.hear(no(first, "ESession:Invalid session"), no(second, "ESession:Invalid session"))
    made.session.authorise("other", made.now_ns)
    again = made.sent()
    assert [one["params"]["token"] for one in again] == ["other", "other"]
    assert [one["method"] for one in again] == ["subscribe", "subscribe"]


def test_a_credential_that_is_not_renewed_ends_the_connection() -> None:
    made, first, second = opened()
    made.hear(no(first, "ESession:Invalid session"), no(second, "ESession:Invalid session"))
    made.wait(4.0)
    made.hear(HEARTBEAT)
    assert made.wait(1.0) == [Reconnect("the credential was refused and not renewed")]


def test_a_credential_refused_again_and_again_is_renewed_every_four_seconds() -> None:
    made, *asked = opened()
    renewed_s: list[float] = []
    while len(renewed_s) < 4:
        made.hear(*(no(one, "ESession:Invalid session") for one in asked if one["method"] == "subscribe"))
        if any(isinstance(one, CredentialRefused) for one in made.news()):
            renewed_s.append(made.now_s)
            made.session.authorise(f"other {len(renewed_s)}", made.now_ns)
        assert not made.session.ready(made.now_ns)
        asked = made.wait_and_sent(0.25)
        made.hear(HEARTBEAT)

    assert [later - earlier for earlier, later in pairwise(renewed_s)] == [4.0, 4.0, 4.0]


def test_a_refusal_of_the_credential_before_says_nothing_of_the_present_one() -> None:
    made, first, second = opened()
    made.news()
    made.session.authorise("other", made.now_ns)
    made.hear(no(first, "ESession:Invalid session"), no(second, "ESession:Invalid session"))
    assert made.news() == []
    assert [one["params"]["token"] for one in made.sent() if one["method"] == "subscribe"] == ["other"] * 2


def test_a_refused_credential_of_a_request_has_it_renewed_and_both_channels_asked_for_anew() -> None:
    made = live()
    waiting = Waiting()
    made.session.ask("cancel_all", (), made.now_ns, waiting)
    (asked,) = made.sent()
    made.hear(no(asked, "ESession:Invalid session"))
    assert [type(one) for one in made.news()] == [CredentialRefused]
    assert not made.session.ready(made.now_ns)
    assert len(waiting.answers) == 1
    made.session.authorise("other", made.now_ns)
    assert [one["method"] for one in made.sent()] == ["unsubscribe", "subscribe"] * 2


def test_a_channel_the_key_may_not_see_is_refused_alone() -> None:
    made, first, second = opened()
    made.news()
    made.hear(no(first, "EGeneral:Permission denied"), yes(second), balances(1, USDT, kind="snapshot"))
    refused, _ = made.news()
    assert isinstance(refused, AccountRefused)
    assert refused.channel == "executions"
    assert not made.session.ready(made.now_ns)
    assert made.wait_and_sent(4.0) == []


@pytest.mark.parametrize("text", ["Exceeded msg rate", "EService:Unavailable", "Already subscribed"])
def test_a_subscription_the_venue_cannot_take_now_is_asked_for_later(text: str) -> None:
    made, first, second = opened()
    made.hear(no(first, text), yes(second), balances(1, USDT, kind="snapshot"))
    assert made.sent() == []
    assert [one["method"] for one in made.wait_and_sent(1.0)] == ["unsubscribe", "subscribe"]


def test_maintenance_makes_reconnecting_slower_until_the_venue_is_online() -> None:
    made = live()
    made.hear(status_frame("maintenance"))
    assert made.session.retry_floor_s == 5.0
    made.hear(status_frame("online"))
    assert made.session.retry_floor_s == 0.0
    assert made.news() == [
        VenueStatus(VenueMode.MAINTENANCE, "maintenance"),
        VenueStatus(VenueMode.ONLINE, "online"),
    ]


def test_a_request_carries_the_credential_and_every_answer_finds_its_asker() -> None:
    made = live()
    one, two = Waiting(2), Waiting()
    made.session.ask("cancel_order", (("order_id", '["OA","OB"]'),), made.now_ns, one)
    made.session.ask("cancel_all", (), made.now_ns, two)
    first, second = made.sent()
    assert first["params"] == {"token": TOKEN, "order_id": ["OA", "OB"]}
    assert second["params"] == {"token": TOKEN}
    made.hear(yes(second, {"count": 0}), no(first, "EOrder:Unknown order"), yes(first, {"order_id": "OB"}))
    made.hear(yes(first, {"order_id": "OB"}))  # nobody waits for a third
    assert [len(one.answers), len(two.answers)] == [2, 1]


def test_a_forgotten_request_has_no_answer() -> None:
    made = live()
    waiting = Waiting()
    request_id = made.session.ask("cancel_all", (), made.now_ns, waiting)
    (asked,) = made.sent()
    made.session.forget(request_id)
    made.hear(yes(asked, {"count": 0}))
    assert waiting.answers == []


def test_a_lost_connection_is_told_to_everybody_who_waits() -> None:
    made = live()
    waiting = Waiting()
    made.session.ask("cancel_all", (), made.now_ns, waiting)
    made.close("cut")
    assert waiting.reason == "cut"
    assert made.news() == [LineDown("cut")]
    assert made.session.outputs() == []


def test_nothing_can_be_asked_without_a_connection() -> None:
    made = script()
    with pytest.raises(ConnectFailed):
        made.session.ask("cancel_all", (), 0, Waiting())


def test_after_a_reconnect_everything_is_subscribed_again_and_counted_from_one() -> None:
    made = live()
    made.hear(executions(2, NEW))
    made.close()
    made.session.authorise("other", made.now_ns)
    made.open()
    assert [one["params"]["token"] for one in made.sent()] == ["other", "other"]
    made.hear(executions(1, kind="snapshot"), balances(1, kind="snapshot"), executions(2, NEW))
    assert [type(one) for one in made.news()][-1] is OrdersReported
    assert made.session.ready(made.now_ns)


def test_new_snapshots_can_be_asked_for_at_any_time() -> None:
    made = live()
    made.session.resubscribe("they differ", made.now_ns)
    assert [(one["method"], one["params"]["channel"]) for one in made.sent()] == [
        ("unsubscribe", "executions"),
        ("subscribe", "executions"),
        ("unsubscribe", "balances"),
        ("subscribe", "balances"),
    ]


def test_outputs_are_announced_by_the_changed_flag() -> None:
    made = live()
    assert not made.session.changed
    made.hear(HEARTBEAT, executions(2, NEW))
    assert not made.session.changed
    made.hear(executions(9, NEW))
    assert made.session.changed


def test_data_and_control_frames_are_told_apart_for_the_proof_of_a_connection() -> None:
    made, first, _ = opened()
    made.now_s = 1.0
    made.hear(yes(first), HEARTBEAT)
    assert (made.session.last_frame_ns, made.session.last_data_ns) == (made.now_ns, None)
    made.hear(executions(1, kind="snapshot"))
    assert made.session.last_data_ns == made.now_ns


def test_no_frame_that_is_kept_shows_the_credential() -> None:
    made = live()
    made.hear(
        f'{{"error":"bad {TOKEN}","method":"error","success":false}}',
        f'{{"what":"{TOKEN}"}}',
        '{"what":"' + TOKEN.replace("/", "\\/") + '"}',
        executions(2, f'{{"token":"{TOKEN}"}}'),
    )
    assert len(made.session.skipped) == 4
    assert "canary" not in repr(made.news()) + repr(made.session.skipped)


def test_a_refusal_of_nothing_we_asked_for_is_kept() -> None:
    made = live()
    made.hear('{"Error":"Exceeded msg rate"}')
    (skipped,) = made.news()
    assert isinstance(skipped, FrameSkipped)
    assert "Exceeded msg rate" in skipped.why


def test_a_venue_that_is_down_when_it_is_left_is_left_once() -> None:
    made = live()
    made.wait(6.0)
    made.session.resubscribe("too late", made.now_ns)
    assert made.session.outputs() == []
    assert made.session.wake_at() is None
    with pytest.raises(ConnectFailed):
        made.session.ask("cancel_all", (), made.now_ns, Waiting())


def test_before_the_first_connection_it_waits_for_nothing() -> None:
    made = script()
    assert made.session.wake_at() is None
    made.session.woke(0)
    assert made.session.outputs() == []


def test_a_repeated_booking_is_dropped() -> None:
    made = live()
    made.hear(balances(2, BOOKING), balances(2, BOOKING), balances(1, USDT, kind="snapshot"), balances(3))
    assert [type(one) for one in made.news()] == [LedgerReported, AccountGap]
    assert made.session.repeated("balances") == 1


def test_only_requests_of_ours_are_outstanding_until_they_are_answered_or_forgotten() -> None:
    made = live()
    assert made.session.outstanding == 0
    first = made.session.ask("cancel_all", (), made.now_ns, Waiting())
    second = made.session.ask("cancel_all", (), made.now_ns, Waiting())
    assert made.session.outstanding == 2
    made.hear(yes({"method": "cancel_all", "req_id": first}))
    made.session.forget(second)

    assert made.session.outstanding == 0
