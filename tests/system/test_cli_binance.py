"""The verbs on a venue with contracts, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from commands import begun, leadline

BTC = "BTC/USDT:USDT"


@dataclass(frozen=True)
class Files:
    """Settings files that lead to one local exchange."""

    alone: Path
    both: Path

    def asked(self, *arguments: object, file: Path | None = None) -> Any:
        """What a verb says in JSON."""
        done = leadline(*arguments, "--json", "--config", file or self.alone)
        assert done.code == 0, done.err
        return json.loads(done.out)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """One for each test: all verbs together need more weight than the venue allows in a minute."""
    folder = tmp_path
    with begun("emulate", "--json", "--rate", "30") as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        found = Files(folder / "alone.yaml", folder / "both.yaml")
        for file, names in ((found.alone, ["binance"]), (found.both, ["kraken", "binance"])):
            venues = {name: told[name] for name in names}
            file.write_text(json.dumps({"venues": venues, "state_dir": str(folder / "state")}))
        yield found


@pytest.mark.parametrize("spelling", [BTC, "BTCUSDT", "btcusdt"])
def test_a_symbol_may_be_named_in_any_spelling(files: Files, spelling: str) -> None:
    found = files.asked("funding", spelling)

    assert list(found) == ["venue", "symbol", "mark", "index", "rate", "next_time", "settled"]
    assert (found["venue"], found["symbol"]) == ("binance", BTC)
    assert list(found["settled"][0]) == ["time", "rate", "mark"]


def test_an_order_becomes_a_position_that_can_be_closed(files: Files) -> None:
    bought = files.asked("order", "buy", "BTCUSDT", "0.010", "--yes")["order"]
    [position] = files.asked("positions")["positions"]
    sold = files.asked("order", "sell", BTC, "0.010", "--reduce-only", "--yes")["order"]

    assert (bought["state"], bought["symbol"], sold["state"]) == ("filled", BTC, "filled")
    assert (position["venue"], position["symbol"], position["side"], position["qty"]) == (
        "binance", BTC, "net", "0.010"
    )  # fmt: skip
    paid = Decimal(bought["filled_cost"]) / Decimal(bought["filled_qty"])
    assert Decimal(position["entry_price"]) == paid
    assert files.asked("positions") == {"account": "main", "positions": []}


def test_resting_and_conditional_orders_are_listed_and_all_are_cancelled(files: Files) -> None:
    files.asked("order", "buy", BTC, "0.010", "--limit", "40000", "--yes")
    files.asked("order", "sell", BTC, "0.010", "--stop", "30000", "--yes")

    listed = files.asked("orders")
    assert sorted(order["type"] for order in listed["orders"]) == ["limit", "stop-loss"]
    assert files.asked("cancel-all", "--yes")["count"] >= 1
    assert files.asked("orders", "--emergency")["orders"] == []


def test_a_leverage_is_set_and_beyond_the_venues_most_refused(files: Files) -> None:
    assert files.asked("leverage", "BTCUSDT", 7) == {
        "account": "main", "venue": "binance", "symbol": BTC, "before": 20, "leverage": 7,
    }  # fmt: skip
    done = leadline("leverage", BTC, 126, "--config", files.alone)
    assert (done.code, done.out) == (1, "")
    assert "leverage 126 is not between 1 and 125" in done.err


def test_balances_are_asked_for_where_the_stream_tells_only_changes(files: Files) -> None:
    found = files.asked("balance")

    assert found["source"] == "rest"
    assert {row["asset"] for row in found["balances"]} == {"USDT", "USDC"}


def test_of_two_venues_in_a_file_the_one_that_is_meant_must_be_named(files: Files) -> None:
    done = leadline("balance", "--config", files.both)

    assert (done.code, done.out) == (1, "")
    assert (
        done.err
        == "error: kraken and binance: both have an account; say which is meant, such as --venue kraken\n"
    )
    assert files.asked("balance", "--venue", "kraken", file=files.both)["account"] == "main"
    assert files.asked("positions", file=files.both)["positions"] == []
    assert files.asked("funding", "BTCUSDT", file=files.both)["venue"] == "binance"


def test_candles_fills_and_bookings_are_written(files: Files, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    bars = files.asked("history", "binance", "BTCUSDT", "--hours", 1, "--out", out)
    files.asked("order", "buy", BTC, "0.010", "--yes")
    fills = files.asked("history", "binance", "--fills", "--out", tmp_path / "f.csv")
    files.asked("order", "sell", BTC, "0.010", "--yes")

    assert bars["series"][0]["symbol"] == BTC
    assert bars["series"][0]["bars"] >= 12
    assert fills["rows"] >= 1
    assert fills["shortfall"] is None


def test_fills_that_the_venue_keeps_no_longer_are_said_to_be_missing(files: Files, tmp_path: Path) -> None:
    files.asked("order", "buy", BTC, "0.010", "--yes")
    long_ago = ("history", "binance", "--fills", "--since", "2020-01-01", "--out", tmp_path / "f.csv")
    fills = files.asked(*long_ago)
    files.asked("order", "sell", BTC, "0.010", "--yes")

    assert fills["rows"] >= 1
    assert "binance keeps fills and bookings for 90 days" in fills["shortfall"]


def test_the_doctor_looks_at_both_routes_and_the_account(files: Files) -> None:
    found = files.asked("doctor")

    names = [check["name"] for check in found["checks"]]
    assert found["ok"]
    assert {"WebSocket, public streams", "WebSocket, market streams", "account main"} <= set(names)


def test_an_rsa_key_handed_as_a_secret_is_named_before_anything_is_asked(
    files: Files, tmp_path: Path
) -> None:
    told = json.loads(files.alone.read_text())
    told["venues"]["binance"]["credentials"]["api_secret"] = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow"
    (tmp_path / "rsa.yaml").write_text(json.dumps(told))

    done = leadline("balance", "--config", tmp_path / "rsa.yaml")

    assert (done.code, done.out) == (1, "")
    assert "venues.binance.credentials: the Binance secret key" in done.err
    assert "is an RSA key: Leadline signs with HMAC keys" in done.err
    assert "MIIEow" not in done.err


def test_a_recording_of_binance_replays_and_a_diff_that_is_missing_is_found_where_it_shows(
    files: Files, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    channels = ("--channels", "book,ticker,trades")
    recorded = files.asked("record", "binance", "BTCUSDT", "--out", whole, "--seconds", 5, *channels)
    replayed = json.loads(leadline("replay", whole, "--json").out)
    records = [json.loads(line) for line in whole.read_text().splitlines()]
    diffs = [at for at, record in enumerate(records) if "depthUpdate" in json.dumps(record)]
    missing, shows = diffs[-6:-4]
    cut.write_text("".join(json.dumps(one) + "\n" for at, one in enumerate(records) if at != missing))
    broken = leadline("replay", cut, "--json")

    assert recorded["records"] == len(records) - 1
    [book] = replayed["books"].values()
    assert list(book) == [
        "updates", "applied", "stale", "bridges", "breaks", "first_break_n", "bbo_compared", "bbo_equal",
        "state_hash",
    ]  # fmt: skip
    assert (book["breaks"], book["bridges"], book["bbo_equal"]) == (0, 1, book["bbo_compared"])
    assert book["updates"] == book["applied"] + book["stale"] >= 10
    [found] = json.loads(broken.out)["books"].values()
    assert (broken.code, found["breaks"], found["first_break_n"]) == (1, 1, records[shows]["n"])


def test_the_status_of_two_venues_is_that_of_each(files: Files) -> None:
    found = files.asked("status", file=files.both)
    told = leadline("status", "--config", files.both).out

    assert found["venue"] == "kraken"
    assert [(one["mode"], one["breaker"]) for one in found["venues"].values()] == [("online", "closed")] * 2
    assert [text.split(":")[0] for text in told.split("\n\n")] == ["kraken", "binance"]


def test_a_check_tells_the_symbols_that_no_venue_has_of_both_venues_at_once(
    files: Files, tmp_path: Path
) -> None:
    told = json.loads(files.both.read_text())
    told["venues"]["kraken"]["symbols"] = ["BTC/UDS"]
    told["venues"]["binance"]["symbols"] = ["BTC/USDT:USTD", BTC]
    (tmp_path / "wrong.yaml").write_text(json.dumps(told))

    done = leadline("run", tmp_path / "wrong.yaml", "--check", "--json")

    problems = json.loads(done.out)["problems"]
    assert done.code == 1
    assert [one.split("; did")[0] for one in problems] == [
        "venues.kraken.symbols: unknown symbol 'BTC/UDS'",
        "venues.binance.symbols: unknown symbol 'BTC/USDT:USTD'",
    ]
