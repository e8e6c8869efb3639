from __future__ import annotations

from leadline.core.account_session import OrdersJoined, OrdersReported, OrdersSnapshot
from leadline.core.report_merge import KEPT_REPORTS, ReportMerge
from leadline.model.order import Event, OrderReport


def reported(*numbers: int) -> OrdersReported:
    return OrdersReported(
        tuple(OrderReport(event=Event.WORKING, order_id="O", venue_ns=number) for number in numbers)
    )


def test_a_report_is_told_by_whoever_has_it_first_and_by_nobody_else() -> None:
    merge = ReportMerge()

    assert merge.reported(reported(1, 2)) == reported(1, 2)
    assert merge.reported(reported(1)) is None
    assert merge.reported(reported(2, 3)) == reported(3)
    assert merge.repeated == 2


def test_the_first_snapshot_is_the_truth_and_the_next_one_is_evidence_beside_it() -> None:
    merge = ReportMerge()
    news = OrdersSnapshot(reported(1).reports)

    assert merge.snapshot("a", news) == news
    assert merge.snapshot("a", news) == news
    assert merge.snapshot("b", news) == OrdersJoined(news.reports)


def test_news_is_lost_with_the_last_whole_line_and_the_next_snapshot_is_the_truth() -> None:
    merge = ReportMerge()
    merge.snapshot("a", OrdersSnapshot(()))
    merge.snapshot("b", OrdersSnapshot(()))

    assert not merge.lost("a")
    assert merge.lost("b")
    assert merge.snapshot("a", OrdersSnapshot(())) == OrdersSnapshot(())


def test_what_is_remembered_is_bounded_and_the_oldest_goes() -> None:
    merge = ReportMerge()
    merge.reported(reported(*range(KEPT_REPORTS + 1)))

    assert merge.reported(reported(KEPT_REPORTS)) is None
    assert merge.reported(reported(0)) == reported(0)
