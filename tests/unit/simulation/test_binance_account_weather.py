from __future__ import annotations

import random
from itertools import pairwise

from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.fault_forms import decoded
from leadline.simulation.binance_account_weather import binance_account_weather
from leadline.simulation.binance_others import OTHERS, SETTINGS
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
        if fields["kind"] not in OTHERS:
            decoded({"venue": "binance", **fields}, SYMBOLS)

    assert {fields["kind"] for fields in faults} == {
        *("ACCEPT_THEN_DROP", "BACKEND", "REPLY", "LISTENKEY_EXPIRE", "SHUFFLE", "RATE", "STATUS", "STALL"),
        *("DROP", "DUP", "REORDER", "CORRUPT", "FORCE_CLOSE", "FUNDING", "CONFIGURE"),
    }
    assert {fields["what"] for fields in faults if fields["kind"] == "CONFIGURE"} == set(SETTINGS)
    expiries = [fields["silent"] for fields in faults if fields["kind"] == "LISTENKEY_EXPIRE"]
    assert set(expiries) == {True, False}
    assert {strike.event for strike in strikes} == {None, Event.KILL, Event.CLOCK_STEP, Event.CUT}
    assert all(strike.at_s < UNTIL_S for strike in strikes)


def test_half_of_what_the_venue_does_by_itself_happens_just_after_the_streams_are_cut() -> None:
    own = hidden = 0
    for seed in range(100):
        strikes = binance_account_weather(random.Random(seed), UNTIL_S, SYMBOLS)
        assert strikes == sorted(strikes, key=lambda strike: strike.at_s)
        for before, strike in pairwise(strikes):
            if strike.fields.get("kind") in (*OTHERS, "FORCE_CLOSE"):
                own += 1
                hidden += before.event is Event.CUT and strike.at_s - before.at_s < 0.1

    assert 0.4 < hidden / own < 0.6
