from __future__ import annotations

from typing import Any

import pytest

from emulated import QUIET, START_NS, S
from leadline.emulator.kraken import order_forms
from leadline.emulator.kraken.form import Form
from leadline.emulator.orders import AccountOrder, Close, Refused, Ticket, Trigger

LAST = 600_000
"""60000.0 in ticks."""


def fields(**changed: Any) -> dict[str, Any]:
    return {"type": "buy", "ordertype": "limit", "volume": "1.25", "price": "30010.0", **changed}


def ticket(**changed: Any) -> Ticket:
    return order_forms.ticket(Form(fields(**changed)), QUIET, LAST, START_NS, START_NS + S)


def refusal(**changed: Any) -> str:
    with pytest.raises(Refused) as caught:
        ticket(**changed)
    return caught.value.text


def test_a_limit_order_is_read_into_ticks_and_lots() -> None:
    assert ticket() == Ticket(
        symbol="BTC/USD",
        side="buy",
        order_type="limit",
        qty=125_000_000,
        limit_price=300_100,
        deadline_ns=START_NS + S,
    )


@pytest.mark.parametrize(
    ("text", "side", "ticks"),
    [
        ("+100", "buy", 601_000),
        ("-100", "buy", 599_000),
        ("-1%", "sell", 594_000),
        ("+0.00003%", "sell", 600_000),
        ("#100", "buy", 599_000),
        ("#100", "sell", 601_000),
        ("#2%", "sell", 612_000),
    ],
)
def test_a_relative_limit_is_counted_from_the_last_price(text: str, side: str, ticks: int) -> None:
    assert ticket(price=text, type=side).limit_price == ticks


def test_a_stop_keeps_a_relative_trigger_and_its_limit_is_worked_out() -> None:
    relative = ticket(ordertype="stop-loss-limit", type="sell", price="-2%", price2="-100")
    plain = ticket(ordertype="take-profit-limit", price="50000", price2="#1%")

    assert relative.trigger == Trigger(-200, "pct")
    assert relative.limit_price == 587_000
    assert plain.trigger == Trigger(500_000)
    assert plain.limit_price == 495_000


def test_an_automatic_stop_lies_on_the_unfavourable_side() -> None:
    assert ticket(ordertype="stop-loss", price="#100").trigger == Trigger(1_000, "quote")
    assert ticket(ordertype="stop-loss", price="#100", type="sell").trigger == Trigger(-1_000, "quote")


def test_a_trailing_stop_takes_distances() -> None:
    one = ticket(ordertype="trailing-stop-limit", type="sell", price="+100", price2="-100", trigger="index")

    assert one.trigger == Trigger(1_000, "quote", "index")
    assert (one.limit_price, one.limit_price_type) == (-1_000, "quote")
    assert refusal(ordertype="trailing-stop", price="100") == "EGeneral:Invalid arguments:price"


def test_flags_are_read_from_one_list() -> None:
    one = ticket(oflags="post, fcib")
    market = ticket(ordertype="market", oflags="viqc,nompp", volume="10")

    assert (one.post_only, one.fee_in_base) == (True, True)
    assert (market.cash, market.qty) == (1_000_000, 0)


def test_times_are_unix_seconds_or_distances() -> None:
    at_s = START_NS // S + 100
    one = ticket(timeinforce="GTD", expiretm=str(at_s), starttm="+30")

    assert (one.time_in_force, one.expire_ns, one.effective_ns) == ("gtd", at_s * S, START_NS + 30 * S)
    assert ticket(expiretm="0", starttm="0").effective_ns is None


def test_hyphens_leverage_and_identifiers_are_understood() -> None:
    one = ticket(stptype="cancel-both", leverage="5", cl_ord_id="abc")

    assert (one.stp, one.margin, one.cl_ord_id) == ("cancel_both", True, "abc")
    assert ticket(userref="-7", leverage="none") == ticket(userref="-7")
    assert ticket(userref="-7").userref == -7


def test_a_conditional_close_is_read_with_its_distances() -> None:
    close = {"ordertype": "stop-loss-limit", "price": "#5%", "price2": "22000"}

    assert ticket(close=close).close == Close("stop-loss-limit", 220_000, "static", Trigger(-500, "pct"))
    assert ticket(close={"ordertype": "limit", "price": "35000"}).close == Close("limit", 350_000)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"ordertype": "magic"}, "EGeneral:Invalid arguments:ordertype"),
        ({"type": "hold"}, "EGeneral:Invalid arguments:type"),
        ({"volume": "1e3"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "-1"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.123456789"}, "EGeneral:Invalid arguments:volume"),
        ({"price": "30010.05"}, "EOrder:Tick size check failed"),
        ({"price": "0"}, "EOrder:Invalid price"),
        ({"price": "10%"}, "EGeneral:Invalid arguments:price"),
        ({"price": ""}, "EGeneral:Invalid arguments:price"),
        ({"oflags": "fast"}, "EGeneral:Invalid arguments:oflags"),
        ({"oflags": "viqc"}, "EGeneral:Invalid arguments:viqc"),
        ({"stptype": "cancel-none"}, "EGeneral:Invalid arguments:stptype"),
        ({"timeinforce": "GTD"}, "EGeneral:Invalid arguments:expiretm"),
        ({"starttm": "+4"}, "EGeneral:Invalid arguments:starttm"),
        ({"starttm": "9" * 30}, "EGeneral:Invalid arguments:starttm"),
        ({"volume": "1" * 5_000}, "EGeneral:Invalid arguments:volume"),
        ({"starttm": "soon"}, "EGeneral:Invalid arguments:starttm"),
        ({"cl_ord_id": "x" * 19}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "x", "userref": "1"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"userref": str(2**31)}, "EGeneral:Invalid arguments:userref"),
        ({"close": {"ordertype": "market"}}, "EGeneral:Invalid arguments:ordertype"),
    ],
)
def test_what_cannot_be_an_order_is_refused_in_rests_own_names(changed: dict[str, Any], text: str) -> None:
    assert refusal(**changed) == text


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("2026-09-21T13:33:19Z", "EService:Deadline elapsed"),
        ("2026-09-21T14:13:21Z", "EGeneral:Invalid arguments:deadline"),
        ("2026-09-21T14:14:21Z", "EGeneral:Invalid arguments:deadline"),
        ("tomorrow", "EGeneral:Invalid arguments:deadline"),
    ],
)
def test_a_deadline_lies_2_to_60_seconds_ahead(text: str, refused: str) -> None:
    with pytest.raises(Refused) as caught:
        order_forms.deadline(Form({"deadline": text}), START_NS)
    assert caught.value.text == refused


def test_a_deadline_within_its_range_is_kept() -> None:
    told = order_forms.deadline(Form({"deadline": "2026-09-21T14:13:22.500Z"}), START_NS)

    assert told == START_NS + 2_500_000_000
    assert order_forms.deadline(Form({}), START_NS) == START_NS + 60 * S


def placed(**changed: Any) -> AccountOrder:
    asked = ticket(**changed)
    return AccountOrder("OAAAAA-BBBBB-CCCCCC", asked, START_NS, "new", asked.qty, asked.limit_price)


def test_an_edit_changes_what_it_names_and_drops_the_tags() -> None:
    order = placed(oflags="post", cl_ord_id="abc")
    form = Form({"price": "+100", "userref": "3"})
    made = order_forms.edited(form, order, QUIET, LAST, START_NS, START_NS + S)

    assert (made.limit_price, made.qty, made.post_only) == (601_000, 125_000_000, False)
    assert (made.cl_ord_id, made.userref) == (None, 3)


def test_an_amendment_reads_what_it_names() -> None:
    form = Form({"limit_price": "-1%", "order_qty": "2", "post_only": "true"})
    one = order_forms.amendment(form, placed(), QUIET, LAST, START_NS + S)

    assert (one.limit_price, one.qty, one.post_only) == (594_000, 200_000_000, True)
    assert (one.trigger_price, one.display_qty) == (None, None)


def test_a_trailing_distance_is_amended_as_a_distance() -> None:
    order = placed(ordertype="trailing-stop", price="+1%")
    one = order_forms.amendment(Form({"trigger_price": "+2%"}), order, QUIET, LAST, START_NS + S)

    assert one.trigger_price == 200
