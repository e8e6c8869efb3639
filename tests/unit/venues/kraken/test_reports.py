from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.model.account import Wallet, WalletKind
from leadline.model.market import Side, parse_time_ns
from leadline.model.order import Event, Fee, OrderKind, OrderReport, OrderState
from leadline.venues.kraken import reports
from leadline.venues.kraken.reports import BalancesFrame, ExecutionReader, ExecutionsFrame
from leadline.venues.kraken.wire import NOT_UNDERSTOOD
from private_frames import BOOKING, FILLED, LIMIT_BUY, NEW, TRADE, USDT, balances, executions, row
from vectors import VECTORS, needs_vectors, records


def executions_frame(*rows: str, kind: str = "update") -> ExecutionsFrame:
    frame = reports.decode(executions(1, *rows, kind=kind))
    assert isinstance(frame, ExecutionsFrame)
    return frame


def balances_frame(*rows: str, kind: str = "update") -> BalancesFrame:
    frame = reports.decode(balances(1, *rows, kind=kind))
    assert isinstance(frame, BalancesFrame)
    return frame


def read(*rows: str, kind: str = "update") -> list[OrderReport]:
    told, skipped = ExecutionReader().read(executions_frame(*rows, kind=kind))
    assert not skipped
    return told


def test_the_life_of_an_order_is_told_event_by_event() -> None:
    told = read(LIMIT_BUY, NEW, TRADE, FILLED)
    assert [(report.event, report.state) for report in told] == [
        (Event.ACCEPTED, OrderState.WORKING),
        (Event.WORKING, OrderState.WORKING),
        (Event.FILL, None),
        (Event.FILLED, OrderState.FILLED),
    ]
    first = told[0]
    assert (first.client_id, first.symbol, first.side, first.kind) == (
        "ours-1",
        "BTC/USD",
        Side.BUY,
        OrderKind.LIMIT,
    )
    assert (first.qty, first.limit_price, first.trigger_price) == (
        Decimal("0.0001"),
        Decimal("80000.0"),
        None,
    )
    assert first.venue_ns == parse_time_ns("2026-01-22T06:06:19.833306Z")


def test_a_fill_keeps_every_digit_of_the_wire() -> None:
    (report,) = read(TRADE)
    fill = report.fill
    assert fill is not None
    assert [str(number) for number in (fill.qty, fill.price, fill.cost)] == [
        "0.00010000",
        "79999.9",
        "7.99999",
    ]
    assert (fill.exec_id, fill.trade_id, fill.maker) == ("TAAAAA-AAAAA-AAAAA1", 7, False)
    assert fill.fees == (Fee("USD", Decimal("0.0208")),)
    assert (report.filled_qty, report.filled_cost) == (Decimal("0.0001"), Decimal("7.99999"))


def test_a_fill_never_says_that_the_order_is_complete() -> None:
    for status in ("partially_filled", "filled"):
        (report,) = read(row(TRADE, order_status=status))
        assert report.state is None


def test_a_fill_of_a_snapshot_is_a_fill_and_an_order_of_it_stands() -> None:
    fill, order = read(row(TRADE, order_status="filled"), row(NEW, cum_qty="0.5"), kind="snapshot")
    assert (fill.event, fill.state, fill.snapshot) == (Event.FILL, None, True)
    assert (order.event, order.state, order.snapshot) == (Event.STANDS, OrderState.WORKING, True)


def test_a_later_frame_takes_symbol_and_side_from_an_earlier_one() -> None:
    reader = ExecutionReader()
    reader.read(executions_frame(LIMIT_BUY))
    bare = row(TRADE, symbol=None, side=None)
    ((report,), _) = reader.read(executions_frame(bare))
    assert report.fill is not None
    assert (report.fill.symbol, report.fill.side) == ("BTC/USD", Side.BUY)


def test_what_is_known_of_a_finished_order_is_forgotten() -> None:
    reader = ExecutionReader()
    reader.read(executions_frame(LIMIT_BUY, FILLED))
    ((report,), _) = reader.read(executions_frame(NEW))
    assert report.symbol is None


def test_a_fill_that_lacks_what_a_fill_needs_is_told_without_it() -> None:
    for missing in ("symbol", "exec_id", "last_qty", "last_price"):
        (report,) = read(row(TRADE, **{missing: None}))
        assert (report.event, report.fill) == (Event.FILL, None)
        assert report.filled_qty == Decimal("0.0001")


def test_a_fill_without_its_cost_costs_price_times_quantity() -> None:
    (report,) = read(row(TRADE, cost=None, last_qty="0.5", last_price="3", liquidity_ind=None))
    assert report.fill is not None
    assert (report.fill.cost, report.fill.maker) == (Decimal("1.5"), None)


def test_a_userref_of_zero_is_none() -> None:
    (with_one, without) = read(row(NEW, order_userref=5), row(NEW, order_userref=0, cl_ord_id=""))
    assert (with_one.userref, without.userref, without.client_id) == (5, None, None)


def test_a_trigger_a_parent_and_a_reason_are_told() -> None:
    (report,) = read(
        row(
            LIMIT_BUY,
            order_type="stop-loss-limit",
            triggers={"price": "0.2", "reference": "index", "status": "untriggered"},
            ord_ref_id="OPPPPP-PPPPP-PPPPPP",
            reason="because",
        )
    )
    assert (report.trigger_price, report.parent_id, report.reason) == (
        Decimal("0.2"),
        "OPPPPP-PPPPP-PPPPPP",
        "because",
    )


@pytest.mark.parametrize("exec_type", ["restated", "status", "iceberg_refill"])
def test_what_the_venue_changes_by_itself_is_a_restatement(exec_type: str) -> None:
    (report,) = read(row(NEW, exec_type=exec_type))
    assert report.event is Event.RESTATED


def test_a_row_that_is_not_understood_is_skipped_and_kept_and_spoils_no_other() -> None:
    wrong = [
        row(NEW, exec_type="teleported"),
        row(NEW, order_status="asleep"),
        row(NEW, order_id=None),
        row(NEW, cum_qty="NaN"),
        row(NEW, order_qty="-1"),
        row(LIMIT_BUY, limit_price="Infinity"),
        row(TRADE, last_qty="-1"),
    ]
    told, skipped = ExecutionReader().read(executions_frame(*wrong, FILLED))
    assert [report.event for report in told] == [Event.FILLED]
    assert [one.row.decode() for one in skipped] == wrong
    assert all(one.why for one in skipped)


def test_only_so_many_orders_are_remembered() -> None:
    reader = ExecutionReader()
    rows = [row(LIMIT_BUY, order_id=f"O{number}") for number in range(reports.REMEMBERED_ORDERS + 1)]
    reader.read(executions_frame(*rows))
    ((oldest, newest), _) = reader.read(
        executions_frame(row(NEW, order_id="O0"), row(NEW, order_id=f"O{reports.REMEMBERED_ORDERS}"))
    )
    assert (oldest.symbol, newest.symbol) == (None, "BTC/USD")


def test_balances_keep_earn_wallets_apart_to_the_last_digit() -> None:
    (balance,) = reports.read_balances(balances_frame(USDT, kind="snapshot")).balances
    assert balance.asset == "USDT"
    assert [(wallet.kind, wallet.name, str(wallet.qty)) for wallet in balance.wallets] == [
        (WalletKind.SPOT, "main", "100.00000000"),
        (WalletKind.EARN, "flexible", "5.50"),
    ]
    assert (balance.held, balance.tradable, balance.total) == (None, Decimal(100), Decimal("105.5"))


def test_an_asset_without_wallets_lies_in_the_spot_wallet() -> None:
    (balance,) = reports.read_balances(
        balances_frame('{"asset":"KAR","balance":774.6366982600,"wallets":[]}', kind="snapshot")
    ).balances
    assert balance.wallets == (Wallet(WalletKind.SPOT, "main", Decimal("774.6366982600")),)


def test_a_wallet_of_an_unknown_kind_cannot_be_traded() -> None:
    strange = USDT.replace('"spot"', '"vault"')
    (balance,) = reports.read_balances(balances_frame(strange, kind="snapshot")).balances
    assert balance.tradable == 0


def test_balances_are_read_whole_or_not_at_all() -> None:
    for wrong in ('{"asset":"USD"}', '{"asset":"USD","balance":"NaN"}'):
        with pytest.raises((*NOT_UNDERSTOOD, ValueError)):
            reports.read_balances(balances_frame(USDT, wrong, kind="snapshot"))


def test_a_booking_is_told_with_the_wallet_as_it_is_afterwards() -> None:
    ((entry,), skipped) = reports.read_bookings(balances_frame(BOOKING))
    assert not skipped
    assert (entry.ledger_id, entry.ref_id, entry.kind) == (
        "LAAAAA-AAAAA-AAAAA1",
        "TAAAAA-AAAAA-AAAAA1",
        "trade",
    )
    assert [str(number) for number in (entry.amount, entry.fee, entry.balance)] == [
        "-19.9743",
        "0.0499",
        "118.0677",
    ]
    assert entry.wallet == Wallet(WalletKind.SPOT, "main", Decimal("118.0677"))


def test_a_booking_that_is_not_understood_spoils_no_other() -> None:
    entries, skipped = reports.read_bookings(
        balances_frame(row(BOOKING, amount="NaN"), row(BOOKING, fee=None), BOOKING)
    )
    assert [len(entries), len(skipped)] == [1, 2]


def test_the_channel_of_a_frame_that_cannot_be_read_is_still_known() -> None:
    assert reports.channel_of(b'{"channel":"executions","data":17}') == "executions"
    assert reports.channel_of(b'{"channel":"executions"') is None


@needs_vectors
def test_every_recorded_private_frame_is_understood() -> None:
    read_frames = 0
    for path in sorted((VECTORS / "kraken" / "ws").glob("*.fixtures.jsonl")):
        for record in records(path):
            if not record["kind"].startswith(("executions.", "balances.")):
                continue
            frame = reports.decode(record["raw"])
            read_frames += 1
            if isinstance(frame, ExecutionsFrame):
                told, skipped = ExecutionReader().read(frame)
                assert [len(told), skipped] == [len(frame.data), []], record["id"]
            elif isinstance(frame, BalancesFrame) and frame.type == "snapshot":
                assert len(reports.read_balances(frame).balances) == len(frame.data)
            elif isinstance(frame, BalancesFrame):
                entries, skipped = reports.read_bookings(frame)
                assert [len(entries), skipped] == [len(frame.data), []], record["id"]
    assert read_frames >= 6
