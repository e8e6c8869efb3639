from __future__ import annotations

import logging

import pytest

from account_rig import API_KEY, SECRET, TOKEN, WALL_NS, AccountRig, virtual
from leadline.clock import NS_PER_S
from leadline.core.breaker import Breaker, BreakerState
from leadline.errors import (
    Acted,
    AuthError,
    BreakerOpen,
    ConfigError,
    ConnectFailed,
    ConnectionLost,
    Held,
    ProtocolError,
    RateLimited,
    Rejected,
    VenueDown,
)
from leadline.net.http import Purpose, Response
from leadline.net.key_state import MemoryKey, MemoryKeyState
from leadline.venues.kraken import rest_private
from leadline.venues.kraken.rest_trading import cancel_all


def state(rig: AccountRig) -> BreakerState:
    return rig.breaker.state(rig.clock.mono_ns())


async def balance(rig: AccountRig, purpose: Purpose = Purpose.ACCOUNT) -> object:
    return await rig.rest.ask(rest_private.balance(rig.symbols), purpose)


@virtual
async def test_an_answer_is_read_and_noted_in_the_audit() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", {"ZUSD": "1.5"})
    assert await balance(rig)
    (operation,) = rig.audit.operations
    assert (operation.name, operation.path, operation.purpose) == ("Balance", "rest", Purpose.ACCOUNT)
    assert (operation.outcome, operation.latency_ns) == ("ok", NS_PER_S // 10)


@virtual
async def test_a_refusal_is_an_answer_and_noted() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", "EGeneral:Permission denied")
    for _ in range(4):
        with pytest.raises(AuthError):
            await balance(rig)
    assert state(rig) is BreakerState.CLOSED
    assert rig.audit.operations[0].outcome == "AuthError: EGeneral:Permission denied"


@virtual
async def test_three_failures_open_the_breaker_and_it_is_kept_for_a_restart() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", Response(520, (), b""), ConnectionLost("reset"), ConnectFailed("no way"))
    for expected in (VenueDown, ConnectionLost, ConnectFailed):
        with pytest.raises(expected):
            await balance(rig)
    with pytest.raises(BreakerOpen):
        await balance(rig)
    assert len(rig.venue.asked) == 3
    kept = await rig.state.load_breaker()
    assert kept is not None
    other = Breaker()
    other.load(kept, rig.clock.mono_ns(), rig.clock.wall_ns())
    assert other.state(rig.clock.mono_ns()) is BreakerState.OPEN


@virtual
async def test_what_cancels_or_looks_up_passes_the_open_breaker() -> None:
    rig = AccountRig()
    rig.breaker.force(BreakerState.OPEN, "for the test")
    rig.venue.reply("Balance", {})
    rig.venue.reply("CancelAll", {"count": 2})
    assert await rig.rest.ask(cancel_all(), Purpose.CANCEL) == 2
    assert await balance(rig, Purpose.LOOKUP)
    with pytest.raises(BreakerOpen):
        await balance(rig)
    assert rig.audit.operations[-1].outcome.startswith("BreakerOpen")


@virtual
async def test_a_rate_limit_of_the_account_opens_the_breaker_for_five_minutes() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", "EAPI:Rate limit exceeded")
    with pytest.raises(RateLimited):
        await balance(rig)
    assert state(rig) is BreakerState.OPEN
    assert rig.breaker.trips[-1].span_s == 300.0


@virtual
async def test_a_throttle_with_a_moment_opens_the_breaker_until_then() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", f"EService: Throttled: {WALL_NS // NS_PER_S + 20}")
    with pytest.raises(RateLimited):
        await balance(rig)
    assert rig.breaker.trips[-1].span_s == pytest.approx(19.9)


@virtual
async def test_the_order_counter_of_a_pair_never_opens_the_breaker() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelAll", "EOrder:Rate limit exceeded")
    for _ in range(4):
        with pytest.raises(RateLimited):
            await rig.rest.ask(cancel_all(), Purpose.ORDER)
    assert state(rig) is BreakerState.CLOSED


@virtual
async def test_a_trading_mode_is_no_failure_of_the_venue() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelAll", "EService:Market in cancel_only mode")
    for _ in range(4):
        with pytest.raises(VenueDown):
            await rig.rest.ask(cancel_all(), Purpose.ORDER)
    assert state(rig) is BreakerState.CLOSED


@virtual
async def test_an_answer_that_cannot_be_read_may_have_been_acted_on() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelAll", Response(200, (), b"<html>"))
    with pytest.raises(ProtocolError) as caught:
        await rig.rest.ask(cancel_all(), Purpose.CANCEL)
    assert caught.value.acted is Acted.MAYBE


@virtual
async def test_a_nonce_that_is_refused_for_good_stops_the_key() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", "EAPI:Invalid nonce")
    with pytest.raises(AuthError, match="larger nonce"):
        await balance(rig)
    assert len(rig.venue.asked) == 1
    with pytest.raises(AuthError, match="larger nonce"):
        await balance(rig)
    assert len(rig.venue.asked) == 1


@virtual
async def test_a_key_that_was_stopped_tells_the_breaker_nothing_of_the_venue() -> None:
    rig = AccountRig()
    rig.venue.reply("Balance", "EAPI:Invalid nonce")
    with pytest.raises(AuthError):
        await balance(rig)
    rig.breaker.limited(0.0, "for the test", rig.clock.mono_ns())
    with pytest.raises(AuthError):
        await balance(rig)
    assert state(rig) is BreakerState.HALF_OPEN


@virtual
async def test_a_call_goes_once_more_after_the_nonces_have_moved_to_the_floor() -> None:
    rig = AccountRig(floor=WALL_NS * 10)
    rig.venue.reply("Balance", "EAPI:Invalid nonce", {"ZUSD": "1"})
    assert await balance(rig)
    assert len(rig.venue.asked) == 2


@virtual
async def test_a_nonce_refused_a_second_time_is_not_tried_a_third() -> None:
    rig = AccountRig(floor=WALL_NS * 10)
    rig.venue.reply("Balance", "EAPI:Invalid nonce")
    with pytest.raises(AuthError):
        await balance(rig)
    assert len(rig.venue.asked) == 2


@virtual
async def test_a_plain_no_leaves_the_breaker_closed() -> None:
    rig = AccountRig()
    rig.venue.reply("CancelAll", "EOrder:Insufficient funds")
    for _ in range(4):
        with pytest.raises(Rejected):
            await rig.rest.ask(cancel_all(), Purpose.ORDER)
    assert state(rig) is BreakerState.CLOSED


def test_neither_key_nor_secret_nor_token_is_in_the_log_or_in_the_audit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @virtual
    async def work() -> None:
        rig = AccountRig()
        await rig.account.authorise(rig.session)
        rig.venue.reply("GetWebSocketsToken", Response(200, (), b'{"error":[],"result":{"token":"canary'))
        with pytest.raises(ProtocolError) as caught:
            await rig.rest.ask(rest_private.websockets_token(), Purpose.CREDENTIAL)
        assert b"canary" not in caught.value.frame
        assert "canary" not in repr(rig.audit.operations) + repr(caught.value)

    with caplog.at_level(logging.DEBUG):
        work()
    assert rig_secrets_in(caplog.text) == []


def rig_secrets_in(text: str) -> list[str]:
    return [secret for secret in (API_KEY, SECRET, TOKEN) if secret in text]


@virtual
async def test_in_emergency_only_mode_balance_open_orders_and_cancels_pass_and_nothing_else() -> None:
    rig = AccountRig()
    rig.rest.emergency_only = True
    rig.venue.reply("BalanceEx", {})
    rig.venue.reply("CancelAll", {"count": 0})
    await rig.rest.ask(rest_private.balance_ex(rig.symbols), Purpose.ACCOUNT)
    await rig.rest.ask(cancel_all(), Purpose.CANCEL)
    with pytest.raises(Held, match="emergency-only mode: Balance"):
        await balance(rig)
    rig.rest.emergency_only = False
    rig.venue.reply("Balance", {"ZUSD": "1.5"})
    assert await balance(rig)


@virtual
async def test_in_emergency_only_mode_those_reads_pass_an_open_breaker_too() -> None:
    rig = AccountRig()
    rig.venue.reply("BalanceEx", {})
    rig.breaker.limited(None, "for the test", rig.clock.mono_ns())
    with pytest.raises(BreakerOpen):
        await rig.rest.ask(rest_private.balance_ex(rig.symbols), Purpose.ACCOUNT)
    rig.rest.emergency_only = True
    await rig.rest.ask(rest_private.balance_ex(rig.symbols), Purpose.ACCOUNT)
    assert rig.venue.names() == ["BalanceEx"]
    assert rig.audit.operations[-1].purpose is Purpose.EMERGENCY


class _FullDisk(MemoryKeyState):
    """Gives nonces and keeps nothing."""

    async def save_breaker(self, kept: bytes) -> None:
        raise ConfigError("the disk is full")


@virtual
async def test_a_breaker_that_cannot_be_stored_makes_no_lost_answer_certain() -> None:
    rig = AccountRig(state=_FullDisk(MemoryKey()))
    rig.venue.reply("Balance", ConnectionLost("reset"))
    for _ in range(3):
        with pytest.raises(ConnectionLost) as lost:
            await balance(rig)
        assert lost.value.acted is Acted.MAYBE
    assert state(rig) is BreakerState.OPEN
    assert rig.breaker.changed


@virtual
async def test_reads_that_can_wait_are_held_with_the_reason_and_nothing_else_is() -> None:
    rig = AccountRig()
    rig.rest.reads_held = "the service level is OUTAGE (no line has stood for 7.0 s)"
    rig.venue.reply("BalanceEx", {})
    rig.venue.reply("CancelAll", {"count": 0})
    await rig.rest.ask(rest_private.balance_ex(rig.symbols), Purpose.ACCOUNT)
    await rig.rest.ask(cancel_all(), Purpose.CANCEL)
    with pytest.raises(Held, match=r"level is OUTAGE .*: Balance does not leave until that is over"):
        await balance(rig)
    rig.rest.reads_held = ""
    rig.venue.reply("Balance", {"ZUSD": "1.5"})
    assert await balance(rig)


@virtual
async def test_a_held_back_read_does_not_pass_an_open_breaker_because_of_it() -> None:
    rig = AccountRig()
    rig.venue.reply("BalanceEx", {})
    rig.breaker.limited(None, "for the test", rig.clock.mono_ns())
    rig.rest.reads_held = "the service level is OUTAGE"
    with pytest.raises(BreakerOpen):
        await rig.rest.ask(rest_private.balance_ex(rig.symbols), Purpose.ACCOUNT)
