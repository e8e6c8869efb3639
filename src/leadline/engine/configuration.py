"""How the account trades contracts: read at the start, watched, and held against what is expected of it.

Rule: no order leaves while the account is not known to be as expected; what differs is said with its cure.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from leadline.clock import Clock
from leadline.core.account_session import ConfigurationReported
from leadline.engine.alarm import Alarm, Spawn
from leadline.engine.risk import reduces
from leadline.errors import CheckFailed, Error, Held
from leadline.model.account import AccountConfiguration, MarginMode, SymbolConfiguration
from leadline.model.market import Side
from leadline.model.order import OrderRequest, PositionSide
from leadline.net.http import Purpose
from leadline.venues.ports import Account

WATCH_S = 60.0
"""How often it is read: a change of the position mode is told by no event (dossier §12.8)."""

RETRY_S = 5.0
"""The same while it has not been read since the start, or something is asked about that is not known."""

_log = logging.getLogger("leadline")


@dataclass(frozen=True, slots=True)
class ExpectedConfiguration:
    """What the settings say of the account; None expects nothing.

    `margin_mode` and `leverage` are of every symbol that is traded; `symbols` are those whose mode is looked
    at from the start on, others are from their first order on.
    """

    hedge: bool | None = None
    multi_assets: bool | None = None
    margin_mode: MarginMode | None = None
    leverage: int | None = None
    symbols: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether anything is expected at all."""
        return self.of_account or self.of_symbols

    @property
    def of_account(self) -> bool:
        """Whether anything is expected of the account as a whole."""
        return self.hedge is not None or self.multi_assets is not None

    @property
    def of_symbols(self) -> bool:
        """Whether anything is expected of single symbols."""
        return self.margin_mode is not None or self.leverage is not None


class ConfigurationChanged(Struct, frozen=True):
    """How the account trades is another than it was; `before` is None when it is known for the first time.

    `problems` say where it is not as expected, each with its cure; while there are any, orders are held.
    """

    configuration: AccountConfiguration
    before: AccountConfiguration | None
    problems: tuple[str, ...]


class Configuration:
    """The configuration of one account; `freed` is called when what held orders is over."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        expected: ExpectedConfiguration,
        tell: Callable[[ConfigurationChanged], None],
        freed: Callable[[], None],
        spawn: Spawn,
    ) -> None:
        self.expected = expected
        self.known: AccountConfiguration | None = None
        """As it was last told, by stream or REST; None before that, and where there are no contracts."""
        self._account = account
        self._tell = tell
        self._freed = freed
        self._alarm = Alarm(clock, spawn)
        self._watched = dict.fromkeys(expected.symbols)

    def __repr__(self) -> str:
        return f"Configuration({self.known}, {len(self.problems)} problems)"

    # --- how it stands ---

    @property
    def problems(self) -> tuple[str, ...]:
        """Where the account is not as expected, each with its cure; of the symbols that are watched."""
        if self.known is None:
            return ()
        symbols = [each for each in self.known.symbols if each.symbol in self._watched]
        of_symbols = (problem for each in symbols for problem in _symbol(self.expected, each))
        return (*_whole(self.expected, self.known), *of_symbols)

    def of(self, symbol: str) -> SymbolConfiguration | None:
        """Leverage and margin mode of a symbol; None where they are not known."""
        if self.known is None:
            return None
        return next((each for each in self.known.symbols if each.symbol == symbol), None)

    # --- what an order may do ---

    def check(self, request: OrderRequest) -> None:
        """Raise Held while the account is not known to be as expected, CheckFailed for a wrong position side.

        What only makes exposure smaller passes, unless long and short positions are not kept as expected: it
        might open one then.
        """
        if self.known is None:
            if self.expected.anything:
                self._alarm.wake()
                raise Held("how the account trades contracts is not known yet; it is being read")
            return
        self._refuse(_hedge(self.expected, self.known))
        _check_side(request, self.known)
        if reduces(request):
            return
        if not self.known.can_trade:
            raise Held("the venue does not let this account trade; see what it says on its pages")
        self._refuse(_assets(self.expected, self.known))
        if self.expected.of_symbols:
            self._check_symbol(request.symbol)

    def _check_symbol(self, symbol: str) -> None:
        self._watched.setdefault(symbol)
        told = self.of(symbol)
        if told is None:
            self._alarm.wake()
            raise Held(f"leverage and margin mode of {symbol} are not known yet; they are being read")
        self._refuse(_symbol(self.expected, told))

    def _refuse(self, problems: Iterable[str]) -> None:
        for problem in problems:
            raise Held(problem)

    # --- news ---

    def receive(self, news: ConfigurationReported) -> None:
        """Take in what the stream, or whoever reads for it, says: the whole."""
        self._take(news.configuration)

    def _take(self, told: AccountConfiguration) -> None:
        before, problems = self.known, self.problems
        if told == before:
            return
        self.known = told
        now = self.problems
        if now != problems or before is None or _changed(before, told):
            self._tell(ConfigurationChanged(told, before, now))
        for problem in now:
            if problem not in problems:
                _log.error("the account is not as expected: %s", problem)
        self._freed()

    # --- reads ---

    async def read(self, symbols: Iterable[str] = (), purpose: Purpose = Purpose.ACCOUNT) -> None:
        """Read it by REST now, with these symbols and all that are known; raises what asking raises.

        What another program has set is told by an event that can be lost, or by none.
        """
        kept = {each.symbol: each for each in ([] if self.known is None else self.known.symbols)}
        wanted = tuple(dict.fromkeys((*self._watched, *kept, *symbols)))
        told = await self._account.fetch_configuration(wanted, purpose)
        if told is None:
            return  # no contracts: there is nothing to watch
        kept = {each.symbol: each for each in ([] if self.known is None else self.known.symbols)}
        kept |= {each.symbol: each for each in told.symbols}
        self._take(replace(told, symbols=tuple(kept.values())))

    async def set_leverage(self, symbol: str, leverage: int) -> int:
        """Set the leverage of a symbol's positions; what holds then. Orders that waited for it may leave.

        Raises CheckFailed beyond what the symbol allows, and what asking raises.
        """
        held = await self._account.set_leverage(symbol, leverage)
        await self.read((symbol,))
        return held

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set how a symbol's positions are margined; otherwise as `set_leverage`."""
        await self._account.set_margin_mode(symbol, mode)
        await self.read((symbol,))

    async def set_hedge(self, on: bool) -> None:
        """Keep long and short positions apart, or not; otherwise as `set_leverage`."""
        await self._account.set_hedge(on)
        await self.read()

    async def run(self) -> None:
        """Read it at the start, again and again, and at once where an order asks for what is not known.

        Ends where the venue has no contracts.
        """
        told = ""
        while True:
            try:
                await self.read(purpose=Purpose.RECOVERY)
                told = ""
                if self.known is None:
                    return
            except Error as error:
                if str(error) != told:
                    told = str(error)
                    _log.warning("how the account trades contracts could not be read: %s", error)
            await self._alarm.wait(RETRY_S if told else WATCH_S)


def _changed(before: AccountConfiguration, told: AccountConfiguration) -> bool:
    """Whether anything is another than it was; a symbol told of for the first time is not."""
    known = {each.symbol: each for each in before.symbols}
    if replace(before, symbols=()) != replace(told, symbols=()):
        return True
    return any(known.get(each.symbol, each) != each for each in told.symbols)


def _whole(expected: ExpectedConfiguration, known: AccountConfiguration) -> list[str]:
    return [*_hedge(expected, known), *_assets(expected, known)]


def _hedge(expected: ExpectedConfiguration, known: AccountConfiguration) -> list[str]:
    if expected.hedge is None or expected.hedge is known.hedge:
        return []
    names = {True: "hedge mode", False: "one-way mode"}
    problem = (
        f"the account is in {names[known.hedge]}, and {names[expected.hedge]} is expected: switch it with"
        f" configuration.set_hedge({expected.hedge}) once it has no orders and no positions, or change"
        " `hedge` in the settings"
    )
    return [problem]


def _assets(expected: ExpectedConfiguration, known: AccountConfiguration) -> list[str]:
    if expected.multi_assets is None or expected.multi_assets is known.multi_assets:
        return []
    names = {True: "multi-assets mode", False: "single-asset mode"}
    problem = (
        f"the account is in {names[known.multi_assets]}, and {names[expected.multi_assets]} is expected:"
        " switch it on the venue's pages, or change `multi_assets` in the settings"
    )
    return [problem]


def _symbol(expected: ExpectedConfiguration, told: SymbolConfiguration) -> list[str]:
    problems: list[str] = []
    mode, leverage = expected.margin_mode, expected.leverage
    if mode is not None and mode is not told.margin_mode:
        problems.append(
            f"{told.symbol} is margined {told.margin_mode.value}, and {mode.value} is expected: set it with"
            f" configuration.set_margin_mode({told.symbol!r}, ...), or change `margin_mode` in the settings"
        )
    if leverage is not None and leverage != told.leverage:
        problems.append(
            f"{told.symbol} has leverage {told.leverage}, and {leverage} is expected: set it with"
            f" configuration.set_leverage({told.symbol!r}, {leverage}), or change `leverage` in the settings"
        )
    return problems


def _check_side(request: OrderRequest, known: AccountConfiguration) -> None:
    side = request.position_side
    if known.hedge and side is PositionSide.NET:
        raise CheckFailed(
            f"{request.symbol}: the account is in hedge mode; say with position_side whether the order is of"
            " the long or the short position"
        )
    if not known.hedge and side is not PositionSide.NET:
        raise CheckFailed(
            f"{request.symbol}: the account is in one-way mode and has one position for both directions;"
            f" leave position_side out (it is {side.value})"
        )
    unwinds = (side is PositionSide.LONG) is (request.side is Side.SELL)
    if side is not PositionSide.NET and (request.reduce_only or request.close_position) and not unwinds:
        raise CheckFailed(
            f"{request.symbol}: a {request.side.value} makes the {side.value} position larger; to close it"
            f" {'sell' if side is PositionSide.LONG else 'buy'}"
        )
