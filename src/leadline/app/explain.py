"""What settings mean, in plain words, and whether the venue knows the symbols in them.

Rule: no secret is in it, nor anything that is not so.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

from leadline.app.durations import span
from leadline.app.embedded import embedded
from leadline.app.opening import unloaded_market
from leadline.app.run import check_runnable, check_symbols
from leadline.app.settings import LogFormat, Settings
from leadline.clock import SystemClock
from leadline.engine.configuration import ExpectedConfiguration
from leadline.engine.protection import ProtectionPolicy
from leadline.errors import ConfigError, Error
from leadline.model.market import Channel

PATIENCE_S = 15.0


async def explained(settings: Settings) -> list[str]:
    """One line for each matter; raises ConfigError with every symbol that the venue does not have."""
    check_runnable(settings)
    lines = [*_venue(settings), *_streams(settings), *_safety(settings), *_told(settings)]
    return [*lines, await _symbols(settings)]


def _venue(settings: Settings) -> list[str]:
    emulator, kit = settings.emulator, settings.kit
    if emulator is None:
        streams = [kit.market_address(settings.endpoints, route) for route in kit.routes]
        where = f"Venue: {kit.title}, at {', '.join(streams)} and {settings.endpoints.rest}."
        if settings.environment != kit.environments[0]:
            where += f" It is the {settings.environment}: no real money."
    else:
        where = (
            f"Venue: a local exchange on port {emulator.port} in the place of {kit.title}, {emulator.rate:g} "
            "market events a second; delete the block `emulator` to go to the venue."
        )
    if settings.trade_on is None:
        return [where, "Account: none; market data only, and no order can leave."]
    account = settings.account(settings.trade_on)
    told = [f"Account: {account.name}; its orders are journalled before they leave."]
    if emulator is not None:
        told = ["Account: an invented one, with invented money."]
    if account.dead_man_s:
        what = settings.kit.dead_man_cancels
        told.append(f"The venue cancels {what} {account.dead_man_s} s after we fall silent.")
    if account.cancel_on_exit:
        told.append("Every order of it is cancelled when the process ends.")
    if account.expected.anything:
        told.append(f"No order leaves unless it has {expectation(account.expected)}.")
    if account.protection is not ProtectionPolicy.NONE:
        told.append(f"{_ANSWERS[account.protection]} when an order that guards a position is missing.")
    return [where, " ".join(told)]


_ANSWERS = {
    ProtectionPolicy.CLOSE: "The position is closed",
    ProtectionPolicy.CANCEL: "Every order of the symbol is cancelled",
}


def expectation(expected: ExpectedConfiguration) -> str:
    """How an account must be configured, in words."""
    hedge = {True: "hedge mode", False: "one-way mode", None: ""}[expected.hedge]
    assets = {True: "multi-assets mode", False: "single-asset mode", None: ""}[expected.multi_assets]
    margin = "" if expected.margin_mode is None else f"{expected.margin_mode.value} margin"
    leverage = "" if expected.leverage is None else f"leverage {expected.leverage}"
    return ", ".join(word for word in (hedge, assets, margin, leverage) if word)


def _streams(settings: Settings) -> list[str]:
    market, lines = settings.market, settings.lines
    if not market.symbols:
        return ["Streams: none of the market."]
    details = {
        Channel.BOOK: f" ({market.depth} levels a side)",
        Channel.BARS: f" ({span(market.interval_s)})",
    }
    channels = ", ".join(channel.value + details.get(channel, "") for channel in market.channels)
    streams = f"Streams: {channels} of {', '.join(market.symbols)}."
    if market.critical:
        streams += f" Checked most often: {', '.join(market.critical)}."
    how = "one connection"
    if lines.count > 1:
        each = "every stream on each of them" if lines.redundant else "each stream on one of them"
        how = f"{lines.count} connections, {each}"
    rotate_s = lines.rotate_after_s
    replaced = "never replaced in good health" if rotate_s is None else f"replaced after {span(rotate_s)}"
    told = f"Lines: {how}, {replaced}."
    if settings.trade_on is not None and lines.private > 1:
        told += f" {lines.private} for the account."
    ready = f"Ready: within {span(settings.ready_s)}; what is missing then is said, and used when it comes."
    return [streams, told, ready]


def _safety(settings: Settings) -> list[str]:
    share = f"Reads: {settings.stream_share:.0%} or more are to come from streams; less is warned of."
    kept = f"market state every {span(settings.checkpoint_s)}, orders and balances at once"
    return [share, f"State: in {settings.home}; {kept}."]


def _told(settings: Settings) -> list[str]:
    metrics, alerts = settings.metrics, settings.alerts
    lines = ["Metrics: none."]
    if metrics is not None:
        where = f"http://127.0.0.1:{metrics.port}/metrics"
        lines = [f"Metrics: {where}, for this machine alone; up to {metrics.symbols} symbols by name."]
    if alerts is None:
        lines.append("Alerts: none.")
    else:
        rules = "the rules that come along" if alerts.rules is None else f"the rules of {alerts.rules}"
        whom = "nobody is called" if alerts.webhook is None else "the webhook gets each change once"
        lines.append(f"Alerts: {rules}; {whom}.")
    form = "as JSON lines" if settings.log.format is LogFormat.JSON else "for people"
    lines.append(f"Log: on stderr {form}, from {settings.log.level} on.")
    lines.append(f"Control: `leadline report`, `status` and `level`, through {settings.control_path}.")
    return lines


async def _symbols(settings: Settings) -> str:
    """Whether the venue knows them all, in words."""
    if not settings.market.symbols:
        return "Symbols: none to look up."
    try:
        async with AsyncExitStack() as stack:
            if settings.emulator is not None:
                await _stand_in(settings, stack)
            market = await stack.enter_async_context(unloaded_market(settings))
            await market.load()
    except Error as error:
        return f"Symbols: not looked up, only their form is right; the venue cannot be asked: {error}"
    check_symbols(settings, market.reference)
    count = len(settings.market.symbols)
    return f"Symbols: the venue knows {f'all {count}' if count > 1 else 'it'}."


async def _stand_in(settings: Settings, stack: AsyncExitStack) -> None:
    """The local exchange, for as long as it is asked; one that runs on the port already is asked as well."""
    assert settings.emulator is not None
    try:
        await stack.enter_async_context(embedded(settings.emulator, SystemClock()))
    except ConfigError:
        return
