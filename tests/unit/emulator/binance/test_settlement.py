from __future__ import annotations

from pit import MARKET, Pit


def test_a_fill_books_profit_and_fee_as_rows_of_their_own_under_its_trade() -> None:
    pit = Pit()
    pit.long("0.010")
    pit.crowd("BUY", "50100.0")
    pit.order(MARKET, side="SELL", quantity="0.004")
    rows = pit.ask("GET", "/fapi/v1/income").value
    assert [(row["incomeType"], row["income"]) for row in rows] == [
        ("COMMISSION", "-0.25000000"),
        ("REALIZED_PNL", "0.40000000"),
        ("COMMISSION", "-0.10020000"),
    ]
    assert rows[1]["tradeId"] == rows[2]["tradeId"] != rows[0]["tradeId"]
    assert len({row["tranId"] for row in rows}) == 3
    trade = pit.account.trades[-1]
    assert (trade.realised, trade.commission) == (40_000_000, 10_020_000)


def test_an_account_update_tells_the_wallet_after_the_fill() -> None:
    pit = Pit()
    pit.crowd("SELL", "50000.0")
    pit.order(MARKET)
    (event,) = pit.told("ACCOUNT_UPDATE")
    (balance,), (position,) = event["a"]["B"], event["a"]["P"]
    assert balance == {"a": "USDT", "wb": "99999.75000000", "cw": "99999.75000000", "bc": "0"}
    assert (position["pa"], position["ep"], position["bep"], position["mt"]) == (
        "0.01",
        "50000",
        "50025",
        "cross",
    )


def test_what_was_realised_stays_with_the_position() -> None:
    pit = Pit()
    pit.long("0.010")
    pit.crowd("BUY", "49900.0")
    pit.order(MARKET, side="SELL")
    position = pit.told("ACCOUNT_UPDATE")[0]["a"]["P"][0]
    assert (position["pa"], position["ep"], position["cr"]) == ("0", "0", "-1")
