from __future__ import annotations

import random

from leadline.app.config import parse_settings
from leadline.cli.emulate import words
from leadline.emulator.accounts import Account
from leadline.emulator.serve import Endpoints


def test_the_words_hold_a_settings_file_that_can_be_used() -> None:
    demo = Account("demo", random.Random(1), "intermediate", {})
    text = words(Endpoints("127.0.0.1:8080", demo.api_key, demo.secret))

    begin = text.index("venues:")
    settings = parse_settings(text[begin : text.index("\n\n", begin)], "pasted", {})
    assert settings.kraken.rest == "http://127.0.0.1:8080"
    assert "http://127.0.0.1:8080/control/faults" in text
    assert f"credentials:\n      api_key: {demo.api_key}\n      private_key: {demo.secret}\n" in text
    assert "/truth/book?symbol=BTC/USD" in text
