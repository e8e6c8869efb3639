from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

from account_rig import TOKEN, WALL_NS, AccountRig, virtual
from leadline.clock import NS_PER_S
from leadline.core.account_session import CredentialRefused
from leadline.core.session import Send
from leadline.errors import AuthError, ConnectFailed
from leadline.model.account import WalletKind
from leadline.model.order import Event
from leadline.net.http import Purpose
from leadline.venues.kraken.limits import Tier
from leadline.venues.kraken.rest_orders import PAGE_ROWS
from leadline.venues.ports import Path
from private_frames import no, rest_booking, rest_order, rest_trade, yes


@virtual
async def test_one_token_is_fetched_however_many_ask() -> None:
    rig = AccountRig()
    await asyncio.gather(*(rig.account.authorise(rig.session) for _ in range(20)))
    assert rig.venue.names() == ["GetWebSocketsToken"]
    assert rig.http.counts == {Purpose.CREDENTIAL: 1}


@virtual
async def test_a_failure_to_get_a_token_is_everybodys() -> None:
    rig = AccountRig()
    rig.venue.reply("GetWebSocketsToken", "EGeneral:Permission denied")
    outcomes = await asyncio.gather(
        *(rig.account.authorise(rig.session) for _ in range(5)), return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [AuthError] * 5
    assert len(rig.venue.asked) == 1


@virtual
async def test_each_line_has_a_token_of_its_own() -> None:
    rig = AccountRig()
    other = rig.account.session(lambda news, now_ns: None)
    other.poke = lambda: None
    rig.venue.reply("GetWebSocketsToken", *({"token": f"canary{name}", "expires": 900} for name in "AB"))
    await asyncio.gather(rig.account.authorise(rig.session), rig.account.authorise(other))
    tokens = set()
    for session in (rig.session, other):
        session.opened(rig.clock.mono_ns())
        sent = [json.loads(output.text) for output in session.outputs() if isinstance(output, Send)]
        tokens.add(sent[0]["params"]["token"])

    assert tokens == {"canaryA", "canaryB"}
    assert rig.http.counts == {Purpose.CREDENTIAL: 2}


@virtual
async def test_who_gives_up_on_the_token_tells_those_who_waited_with_it() -> None:
    rig = AccountRig()
    first = asyncio.create_task(rig.account.authorise(rig.session))
    second = asyncio.create_task(rig.account.authorise(rig.session))
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(ConnectFailed, match="gave up"):
        await second
    await rig.account.authorise(rig.session)
    assert len(rig.venue.asked) == 2


@virtual
async def test_an_unused_token_is_kept_ten_minutes_and_a_used_one_never() -> None:
    rig = AccountRig()
    await rig.account.authorise(rig.session)
    await asyncio.sleep(599)
    await rig.account.authorise(rig.session)
    assert len(rig.venue.asked) == 1
    await asyncio.sleep(2)
    await rig.account.authorise(rig.session)
    assert len(rig.venue.asked) == 2
    rig.session.opened(rig.clock.mono_ns())
    await rig.account.authorise(rig.session)
    assert len(rig.venue.asked) == 3


@virtual
async def test_a_refused_token_is_renewed_on_the_standing_connection() -> None:
    rig = AccountRig()
    await rig.live()
    rig.venue.reply("GetWebSocketsToken", {"token": "canaryOTHER", "expires": 900})
    cancelling = asyncio.create_task(rig.account.cancel_all(Path.STREAM))
    (request,) = await rig.asked()
    rig.hear(no(request, "ESession:Invalid session"))
    with pytest.raises(AuthError):
        await cancelling
    assert [type(one) for one in rig.news] == [CredentialRefused]
    await rig.account.authorise(rig.session)
    subscriptions = [one for one in rig.sent if one["method"] == "subscribe"]
    assert [one["params"]["token"] for one in subscriptions] == ["canaryOTHER"] * 2


@virtual
async def test_the_token_of_a_connection_is_in_its_subscriptions() -> None:
    rig = AccountRig()
    await rig.account.authorise(rig.session)
    rig.session.opened(rig.clock.mono_ns())
    rig.poke()
    assert [one["params"]["token"] for one in rig.sent] == [TOKEN] * 2


@virtual
async def test_the_tier_is_learned_from_the_stream() -> None:
    rig = AccountRig()
    await rig.account.authorise(rig.session)
    rig.session.opened(rig.clock.mono_ns())
    rig.poke()
    rig.hear(yes(rig.sent[0], {"channel": "executions", "maxratecount": 180}))
    assert rig.limits.tier is Tier.PRO


@virtual
async def test_open_orders_are_reports_of_what_stands() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenOrders", {"open": {"OA": rest_order(), "OB": rest_order(cl_ord_id="x")}})
    reports = await rig.account.fetch_open_orders(Purpose.RECOVERY)
    assert [(report.event, report.order_id, report.snapshot) for report in reports] == [
        (Event.STANDS, "OA", True),
        (Event.STANDS, "OB", True),
    ]


@virtual
async def test_fills_are_read_to_the_last_page_oldest_first_and_each_once() -> None:
    rig = AccountRig()
    times = [WALL_NS // NS_PER_S + 100 - number for number in range(PAGE_ROWS + 3)]
    rows = {f"T{number}": rest_trade(time=at_s) for number, at_s in enumerate(times)}
    first = dict(list(rows.items())[:PAGE_ROWS])
    second = dict(list(rows.items())[PAGE_ROWS - 1 :])  # one was booked meanwhile, so one comes twice
    rig.venue.reply("TradesHistory", {"trades": first, "count": 53}, {"trades": second, "count": 54})
    fills = await rig.account.fetch_fills(WALL_NS, Purpose.HISTORY)
    assert [fill.exec_id for fill in fills] == list(reversed(rows))
    assert rig.venue.asked[1][1]["ofs"] == str(PAGE_ROWS)
    assert int(rig.venue.asked[0][1]["start"]) == WALL_NS // NS_PER_S - 1


@virtual
async def test_what_was_booked_at_one_moment_stays_in_order_although_rest_tells_the_newest_first() -> None:
    rig = AccountRig()
    at_s = WALL_NS // NS_PER_S + 7
    rig.venue.reply("TradesHistory", {"trades": {one: rest_trade(time=at_s) for one in ["TC", "TB", "TA"]}})
    rows = {one: rest_booking(time=at_s) for one in ["LC", "LB", "LA"]}
    rig.venue.reply("Ledgers", {"ledger": rows})
    fills = await rig.account.fetch_fills(WALL_NS, Purpose.HISTORY)
    entries = await rig.account.fetch_ledger(WALL_NS, Purpose.HISTORY)

    assert [fill.exec_id for fill in fills] == ["TA", "TB", "TC"]
    assert [entry.ledger_id for entry in entries] == ["LA", "LB", "LC"]


@virtual
async def test_fills_before_the_moment_asked_for_are_left_out() -> None:
    rig = AccountRig()
    since_s = WALL_NS // NS_PER_S
    rows = {"TA": rest_trade(time=since_s - 0.5), "TB": rest_trade(time=since_s)}
    rig.venue.reply("TradesHistory", {"trades": rows, "count": 2})
    assert [fill.exec_id for fill in await rig.account.fetch_fills(WALL_NS, Purpose.HISTORY)] == ["TB"]


@virtual
async def test_bookings_are_read_to_the_last_page_oldest_first() -> None:
    rig = AccountRig()
    first_s = WALL_NS // NS_PER_S + 100
    rows = {f"L{number}": rest_booking(time=first_s - number) for number in range(PAGE_ROWS + 1)}
    rig.venue.reply(
        "Ledgers", {"ledger": dict(list(rows.items())[:PAGE_ROWS])}, {"ledger": {"L50": rows["L50"]}}
    )
    entries = await rig.account.fetch_ledger(WALL_NS, Purpose.HISTORY)
    assert [entry.ledger_id for entry in entries] == list(reversed(rows))
    assert (entries[0].asset, entries[0].amount) == ("USD", Decimal(-1))


@virtual
async def test_balances_tell_what_orders_hold_and_keep_earn_wallets_apart() -> None:
    rig = AccountRig()
    rig.venue.reply(
        "BalanceEx",
        {
            "ZUSD": {"balance": "25435.2100", "hold_trade": "8249.7600"},
            "ETH.F": {"balance": "2.5", "hold_trade": "0"},
        },
    )
    (usd, ether) = (await rig.account.fetch_balances(Purpose.ACCOUNT)).balances
    assert (usd.asset, str(usd.held), str(usd.available)) == ("USD", "8249.7600", "17185.4500")
    assert ether.wallets[0].kind is WalletKind.EARN


@virtual
async def test_open_positions_are_read() -> None:
    rig = AccountRig()
    rig.venue.reply("OpenPositions", {})
    assert await rig.account.fetch_positions(Purpose.ACCOUNT) == ()
