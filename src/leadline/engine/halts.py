"""Symbols whose orders are held, by whom and why, and assets whose balance is in doubt.

Rule: several may hold one symbol, and it is free when the last of them has let go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from leadline.clock import Clock
from leadline.engine.order_news import OrderNews, SymbolHalted, SymbolResumed
from leadline.engine.records import AnyRecord, Drifted, Halted, Resumed

OPERATOR = "operator"
RECONCILIATION = "reconciliation"
CROSS_CHECK = "cross-check"
ACCOUNT_CHECK = "account cross-check"
BETWEEN_VENUES = "price between venues"

_LASTING = frozenset({OPERATOR, RECONCILIATION})
"""Whose halts outlast the program: cross-checks find out anew."""


def drift(ours: str, theirs: str) -> str:
    """Why a symbol is halted whose two views differ."""
    return f"our view ({ours}) and the venue's ({theirs}) differ"


class Halts:
    """Reasons by symbol and by who holds it; `note` writes down what outlasts the program.

    `spelled` is the name by which orders know a symbol: a person may use any, the program's parts use that.
    """

    def __init__(
        self,
        clock: Clock,
        note: Callable[[AnyRecord], None],
        publish: Callable[[OrderNews], None],
        spelled: Callable[[str], str] = lambda symbol: symbol,
    ) -> None:
        self._clock = clock
        self._note = note
        self._publish = publish
        self._spelled = spelled
        self._held: dict[str, dict[str, str]] = {}
        self._doubted: dict[str, str] = {}

    def replay(self, records: Iterable[AnyRecord]) -> None:
        """Take up what an earlier run has left held."""
        for record in records:
            match record:
                case Drifted():
                    self._put(record.symbol, drift(record.ours, record.theirs), RECONCILIATION)
                case Halted():
                    self._put(record.symbol, record.why, record.by)
                case Resumed():
                    self._lift(record.symbol, record.by)

    def halt(self, symbol: str, why: str, by: str) -> None:
        """Hold a symbol; another reason of the same holder takes the place of the one before.

        Raises UnknownSymbol where an operator names none.
        """
        if by == OPERATOR:
            symbol = self._spelled(symbol)
        self._put(symbol, why, by)
        if by == OPERATOR:  # a reconciliation writes down both sides itself
            self._note(Halted(at_ns=self._clock.wall_ns(), symbol=symbol, why=why, by=by))
        self._publish(SymbolHalted(symbol, why, by))

    def resume(self, symbol: str, why: str, by: str = "") -> None:
        """Let go of a symbol, for everybody where `by` is empty; nothing where it is not held so.

        Raises UnknownSymbol where an operator names none that is held.
        """
        if by in ("", OPERATOR) and symbol not in self._held:  # what is held may be listed no longer
            symbol = self._spelled(symbol)
        lifted = self._lift(symbol, by)
        if not lifted:
            return
        if lifted & _LASTING:
            self._note(Resumed(at_ns=self._clock.wall_ns(), symbol=symbol, why=why, by=by))
        self._publish(SymbolResumed(symbol, why, by, tuple(self._held.get(symbol, ()))))

    def why(self, symbol: str) -> str | None:
        """Every reason a symbol is held for, in words; None where it is free."""
        reasons = self._held.get(symbol)
        return "; ".join(reasons.values()) if reasons else None

    def reasons(self, by: str = "") -> dict[str, str]:
        """Held symbols and why: all of them, or what one holder holds."""
        if not by:
            return {symbol: "; ".join(reasons.values()) for symbol, reasons in self._held.items()}
        return {symbol: reasons[by] for symbol, reasons in self._held.items() if by in reasons}

    def doubt(self, asset: str, why: str) -> None:
        """What is owned of an asset is not known for certain; another reason takes the place of this one."""
        self._doubted[asset] = why

    def trust(self, asset: str) -> None:
        """It is known again."""
        self._doubted.pop(asset, None)

    def doubt_of(self, symbol: str) -> str | None:
        """Why nothing that adds exposure may be done in a symbol; None where its assets are known.

        Of a contract that is the one it is settled in.
        """
        pair, _, settle = symbol.partition(":")
        assets = [settle.partition("-")[0]] if settle else pair.split("/")
        why = [f"{asset}: {self._doubted[asset]}" for asset in assets if asset in self._doubted]
        return "; ".join(why) or None

    def _put(self, symbol: str, why: str, by: str) -> None:
        self._held.setdefault(symbol, {})[by] = why

    def _lift(self, symbol: str, by: str) -> set[str]:
        """Whose holds this has ended."""
        reasons = self._held.get(symbol, {})
        lifted = {one for one in reasons if by in ("", one)}
        for one in lifted:
            del reasons[one]
        if not reasons:
            self._held.pop(symbol, None)
        return lifted
