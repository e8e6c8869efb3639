from __future__ import annotations

import pytest

from leadline.clock import ManualClock
from leadline.engine.halts import CROSS_CHECK, OPERATOR, RECONCILIATION, Halts, drift
from leadline.engine.order_news import OrderNews, SymbolHalted, SymbolResumed
from leadline.engine.records import AnyRecord, Drifted, Halted, Resumed
from leadline.errors import UnknownSymbol

BTC, ETH = "BTC/USD", "ETH/USD"


class Rig:
    def __init__(self) -> None:
        self.noted: list[AnyRecord] = []
        self.news: list[OrderNews] = []
        self.clock = ManualClock()
        self.halts = self.make()

    def make(self) -> Halts:
        return Halts(self.clock, self.noted.append, self.news.append)

    def restarted(self) -> Halts:
        halts = self.make()
        halts.replay(tuple(self.noted))
        return halts


def test_a_symbol_is_free_when_the_last_holder_has_let_go() -> None:
    halts = Rig().halts
    halts.halt(BTC, "the views differ", RECONCILIATION)
    halts.halt(BTC, "REST contradicts the stream", CROSS_CHECK)

    halts.resume(BTC, "they agree", RECONCILIATION)
    assert halts.why(BTC) == "REST contradicts the stream"
    halts.resume(BTC, "they agree", CROSS_CHECK)
    assert halts.why(BTC) is None


def test_one_holder_cannot_let_go_for_another() -> None:
    rig = Rig()
    rig.halts.halt(BTC, "looking into it", OPERATOR)
    rig.halts.resume(BTC, "they agree", CROSS_CHECK)

    assert rig.halts.reasons() == {BTC: "looking into it"}
    assert not [news for news in rig.news if isinstance(news, SymbolResumed)]


def test_without_a_holder_everybody_lets_go() -> None:
    halts = Rig().halts
    halts.halt(BTC, "one", OPERATOR)
    halts.halt(BTC, "two", CROSS_CHECK)
    halts.resume(BTC, "a person said so")

    assert halts.reasons() == {}


def test_an_operator_may_use_any_spelling_of_a_symbol_and_is_told_of_one_that_is_none() -> None:
    rig = Rig()

    def spelled(symbol: str) -> str:
        if symbol in ("XBT/USD", BTC):
            return BTC
        raise UnknownSymbol(symbol)

    halts = Halts(rig.clock, rig.noted.append, rig.news.append, spelled)
    halts.halt("XBT/USD", "looking into it", OPERATOR)
    assert (halts.why(BTC), halts.reasons()) == ("looking into it", {BTC: "looking into it"})
    assert [news.symbol for news in rig.news if isinstance(news, SymbolHalted)] == [BTC]
    assert rig.restarted().why(BTC) == "looking into it"
    halts.halt(BTC, "they differ", RECONCILIATION)
    halts.resume("XBT/USD", "looked into", OPERATOR)
    assert halts.why(BTC) == "they differ"
    halts.resume("XBT/USD", "all is well")
    assert halts.why(BTC) is None
    for wrong in (lambda: halts.halt("BTC/EUR", "?", OPERATOR), lambda: halts.resume("BTC/EUR", "?")):
        with pytest.raises(UnknownSymbol):
            wrong()


def test_what_is_listed_no_longer_is_held_and_let_go_of_all_the_same() -> None:
    rig = Rig()

    def spelled(symbol: str) -> str:
        raise UnknownSymbol(symbol)

    halts = Halts(rig.clock, rig.noted.append, rig.news.append, spelled)
    halts.halt(BTC, "they differ", RECONCILIATION)
    halts.resume(ETH, "they agree", RECONCILIATION)
    assert halts.why(BTC) == "they differ"
    halts.resume(BTC, "a person said so")
    assert halts.why(BTC) is None


def test_reasons_are_told_by_holder_and_together() -> None:
    halts = Rig().halts
    halts.halt(BTC, "one", OPERATOR)
    halts.halt(BTC, "two", CROSS_CHECK)
    halts.halt(ETH, "three", CROSS_CHECK)
    halts.halt(ETH, "four", CROSS_CHECK)

    assert halts.reasons() == {BTC: "one; two", ETH: "four"}
    assert halts.reasons(CROSS_CHECK) == {BTC: "two", ETH: "four"}
    assert halts.reasons(RECONCILIATION) == {}


def test_an_asset_in_doubt_is_told_for_every_symbol_that_trades_it() -> None:
    halts = Rig().halts
    halts.doubt("USD", "1000, REST 999")
    halts.doubt("ETH", "2, REST 3")

    assert halts.doubt_of(BTC) == "USD: 1000, REST 999"
    assert halts.doubt_of(ETH) == "ETH: 2, REST 3; USD: 1000, REST 999"
    assert halts.doubt_of("SOL/EUR") is None
    halts.trust("USD")
    assert halts.doubt_of(BTC) is None
    assert halts.reasons() == {}


def test_of_a_contract_only_the_asset_it_is_settled_in_matters() -> None:
    halts = Rig().halts
    halts.doubt("BTC", "stream and REST differ")
    assert halts.doubt_of("BTC/USDT:USDT") is None
    halts.doubt("USDT", "stream and REST differ")
    assert halts.doubt_of("BTC/USDT:USDT") == "USDT: stream and REST differ"
    assert halts.doubt_of("BTC/USDT:USDT-261225") is not None


def test_each_change_is_told_with_who_still_holds() -> None:
    rig = Rig()
    rig.halts.halt(BTC, "one", OPERATOR)
    rig.halts.halt(BTC, "two", CROSS_CHECK)
    rig.halts.resume(BTC, "done", OPERATOR)
    rig.halts.resume(BTC, "agreed", CROSS_CHECK)

    assert rig.news == [
        SymbolHalted(BTC, "one", OPERATOR),
        SymbolHalted(BTC, "two", CROSS_CHECK),
        SymbolResumed(BTC, "done", OPERATOR, (CROSS_CHECK,)),
        SymbolResumed(BTC, "agreed", CROSS_CHECK),
    ]


def test_an_operators_halt_outlasts_the_program_and_a_cross_checks_does_not() -> None:
    rig = Rig()
    rig.halts.halt(BTC, "looking into it", OPERATOR)
    rig.halts.halt(ETH, "they differ", CROSS_CHECK)

    assert [type(record) for record in rig.noted] == [Halted]
    assert rig.restarted().reasons() == {BTC: "looking into it"}
    rig.halts.resume(BTC, "looked at", OPERATOR)
    assert rig.restarted().reasons() == {}


def test_what_a_person_lets_go_for_everybody_is_free_after_a_restart_too() -> None:
    rig = Rig()
    rig.noted.append(Drifted(at_ns=1, symbol=BTC, ours="1", theirs="2"))
    halts = rig.restarted()
    assert halts.reasons(RECONCILIATION) == {BTC: drift("1", "2")}

    halts.resume(BTC, "looked at")

    assert rig.noted[-1] == Resumed(at_ns=rig.clock.wall_ns(), symbol=BTC, why="looked at", by="")
    assert rig.restarted().reasons() == {}
