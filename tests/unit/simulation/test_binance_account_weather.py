from __future__ import annotations

import random

from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.faults import decoded
from leadline.simulation.binance_account_weather import binance_account_weather
from leadline.simulation.strikes import Event

SYMBOLS = [contract.symbol for contract in DEMO_CONTRACTS]
UNTIL_S = 200.0


def test_the_venue_takes_every_fault_and_all_of_the_account_come() -> None:
    strikes = [
        strike
        for seed in range(300)
        for strike in binance_account_weather(random.Random(seed), UNTIL_S, SYMBOLS)
    ]
    faults = [strike.fields for strike in strikes if strike.event is None]
    for fields in faults:
        decoded({"venue": "binance", **fields}, SYMBOLS)

    assert {fields["kind"] for fields in faults} == {
        *("ACCEPT_THEN_DROP", "BACKEND", "REPLY", "LISTENKEY_EXPIRE", "SHUFFLE", "RATE", "STATUS", "STALL"),
        *("DROP", "DUP", "REORDER", "CORRUPT"),
    }
    expiries = [fields["silent"] for fields in faults if fields["kind"] == "LISTENKEY_EXPIRE"]
    assert set(expiries) == {True, False}
    assert {strike.event for strike in strikes} == {None, Event.KILL, Event.CLOCK_STEP}
    assert all(strike.at_s < UNTIL_S for strike in strikes)
