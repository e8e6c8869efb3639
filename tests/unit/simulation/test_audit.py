from __future__ import annotations

from decimal import Decimal

from leadline.model.market import Bar, Channel, Gap, GapCause, Side, Trade
from leadline.simulation.audit import BarAudit, TradeAudit
from leadline.simulation.report import Findings
from leadline.simulation.truth import Candle, Print, SymbolTruth

S = 10**9
BTC = "BTC/USD"
ONE = Decimal(1)
ENDED_NS = 600 * S


def truth_of(ids: range) -> SymbolTruth:
    """One trade a second."""
    truth = SymbolTruth(10)
    truth.prints = {number: Print(number, number * S, ONE, ONE, True) for number in ids}
    return truth


def trade(number: int) -> Trade:
    return Trade(BTC, Side.BUY, ONE, ONE, number, None)


def gap(from_s: int, until_s: int, missing: int, *, filled: bool = False) -> Gap:
    return Gap(Channel.TRADES, BTC, GapCause.SKIPPED, from_s * S, until_s * S, missing, filled)


def found(*items: Trade | Gap, ids: range = range(1, 21)) -> dict[str, int]:
    audit, findings = TradeAudit(BTC, 0), Findings(1, "again")
    for item in items:
        audit.take(item)
    audit.close(truth_of(ids), ENDED_NS, findings, 0)
    return dict(findings.kinds)


ALL = tuple(trade(number) for number in range(1, 21))
HOLED = (*ALL[:4], *ALL[7:])  # 5, 6 and 7 are missing


def test_every_trade_once_is_right() -> None:
    assert found(*ALL) == {}


def test_a_trade_twice_is_wrong() -> None:
    assert found(*ALL, trade(3)) == {"served_wrong": 1}


def test_a_missing_trade_without_a_gap_is_unexplained() -> None:
    assert found(*HOLED) == {"gap_unexplained": 1}


def test_a_gap_of_the_right_span_and_count_explains() -> None:
    assert found(*HOLED, gap(4, 8, 3)) == {}


def test_a_gap_elsewhere_or_called_filled_explains_nothing() -> None:
    assert found(*HOLED, gap(10, 12, 3))["gap_unexplained"] >= 1
    assert found(*HOLED, gap(4, 8, 3), gap(4, 8, 3, filled=True)) == {"gap_unexplained": 1}


def test_a_gap_of_the_wrong_count_is_unexplained() -> None:
    assert found(*HOLED, gap(4, 8, 2)) == {"gap_unexplained": 1}


def test_what_happened_just_before_the_end_may_be_under_way() -> None:
    late = truth_of(range(595, 599))
    findings = Findings(1, "again")
    TradeAudit(BTC, 0).close(late, ENDED_NS, findings, 0)
    assert not findings.kinds


def bar(begin_s: int) -> Bar:
    return Bar(BTC, 60, begin_s * S, ONE, ONE, ONE, ONE, ONE, ONE, 1, complete=True)


def test_a_minute_that_traded_and_was_not_told_complete_needs_a_hole() -> None:
    truth = SymbolTruth(10)
    truth.candles = {begin: {1: Candle(ONE, ONE, ONE, ONE, ONE)} for begin in (60, 120, 180)}
    hole = Gap(Channel.BARS, BTC, GapCause.DISCONNECTED, 125 * S, 130 * S)
    results = []
    for told in ((bar(60), bar(120), bar(180)), (bar(60), bar(180)), (bar(60), bar(180), hole)):
        findings = Findings(1, "again")
        audit = BarAudit(BTC, 0)
        for item in told:
            audit.take(item)
        audit.close(truth, ENDED_NS, findings, 0)
        results.append(dict(findings.kinds))

    assert results == [{}, {"gap_unexplained": 1}, {}]
