from __future__ import annotations

import random

from leadline.emulator.fault_forms import decoded
from leadline.simulation.account_weather import DOWN_S, account_weather
from leadline.simulation.strikes import Event, Strike

SYMBOLS = ["BTC/USD", "ETH/USD", "XRP/USD"]
UNTIL_S = 200.0


def all_strikes() -> list[Strike]:
    return [
        strike for seed in range(300) for strike in account_weather(random.Random(seed), UNTIL_S, SYMBOLS)
    ]


def test_a_kill_is_followed_by_a_start_within_ten_seconds() -> None:
    kills = [strike for strike in all_strikes() if strike.event is Event.KILL]

    assert len(kills) > 200
    assert all(0 <= strike.lasts_s <= DOWN_S[1] and strike.end_s <= UNTIL_S for strike in kills)


def test_the_clock_steps_an_hour_in_either_direction() -> None:
    steps = {strike.step_s for strike in all_strikes() if strike.event is Event.CLOCK_STEP}

    assert steps == {-3600.0, 3600.0}


def test_the_venue_takes_every_fault_and_all_of_the_account_come() -> None:
    faults = [strike.fields for strike in all_strikes() if strike.event is None]
    for fields in faults:
        decoded(fields, SYMBOLS)

    assert {fields["kind"] for fields in faults} >= {
        *("ACCEPT_THEN_DROP", "REPLY", "SHUFFLE", "TOKEN_INVALID", "RATE", "STATUS", "STALL"),
        *("DROP", "DUP", "REORDER", "CORRUPT"),
    }
    assert any(fields.get("accepted") for fields in faults)
    assert {fields["symbol"] for fields in faults if "burn" in fields and "symbol" in fields} == set(SYMBOLS)
