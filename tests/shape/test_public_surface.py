"""What `import leadline` offers, and how little it loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

import leadline

SURFACE = [
    "AccountConfiguration", "Acted", "Agreement", "Amendment", "AuthError", "Balance", "Balances", "Bar",
    "BarBatch", "Between", "BookView", "BreakerOpen", "CancelOutcome", "Cause", "Channel", "CheckFailed",
    "ConditionalClose", "ConfigError", "ConnectFailed", "ConnectionLost", "DayStats", "Desk", "Error",
    "Event", "Fee", "FeeIn", "Feed", "Fill", "FrozenBook", "FundingRate", "Gap", "GapCause", "Held",
    "Instrument", "InstrumentStatus", "JournalBusy", "JournalError", "LedgerEntry", "Leg", "Level",
    "Level3", "Liquidation", "MarginMode", "MarkPrice", "NewsGap", "NewsSummed", "Order", "OrderEvent",
    "OrderKind", "OrderNews", "OrderRequest", "OrderState", "Orders", "Position", "PositionSide",
    "Positions", "PriceMatch", "PriceType", "Prices", "ProtocolError", "Provenance", "RateLimited",
    "Reading", "RecordingError", "Refused", "Rejected", "RestingOrder", "SelfTrade", "ServiceLevel",
    "Settings", "Side", "Source", "Stale", "SymbolConfiguration", "System", "Throttled", "Ticker",
    "TimeInForce", "TopOfBook", "Trade", "TradeBatch", "TransportError", "Trigger", "TriggerReference",
    "UnknownSymbol", "VenueDown", "VenueError", "Wallet", "WalletKind", "batched", "load_settings", "only",
    "open",
]  # fmt: skip


def test_the_public_surface_is_this_and_nothing_else() -> None:
    assert sorted(leadline.__all__) == sorted(SURFACE)


@pytest.mark.parametrize("name", SURFACE)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(leadline, name) is not None
    assert name in dir(leadline)


def test_a_service_level_and_a_books_level_are_told_apart() -> None:
    assert leadline.ServiceLevel.OUTAGE > leadline.ServiceLevel.FULL
    assert leadline.Level.__struct_fields__[:2] == ("price", "qty")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        leadline.opne  # noqa: B018


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("leadline", ("asyncio", "aiohttp", "click", "msgspec", "rich", "ssl", "structlog", "yaml")),
        ("leadline.app.opening", ("click", "leadline.emulator", "prometheus_client", "rich", "structlog")),
        ("leadline.cli.main", ("asyncio", "aiohttp", "msgspec", "rich", "ssl", "yaml")),
    ],
)
def test_an_import_loads_only_what_it_needs(imported: str, absent: tuple[str, ...]) -> None:
    program = f"import sys, {imported}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_the_import_costs_less_than_anybody_notices() -> None:
    """P45 wants 300 ms at most; the fastest of three, because others use this machine as well."""
    program = "import time; t = time.perf_counter(); import leadline; print(time.perf_counter() - t)"
    command = [sys.executable, "-c", program]
    took_s = [float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(3)]

    assert min(took_s) < 0.3
