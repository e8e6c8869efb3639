from __future__ import annotations

from pathlib import Path

from leadline.net.capture import Direction, Precision, Record, read_recording
from leadline.venues.binance.players import StreamPlayer as BinancePlayer
from leadline.venues.kraken.players import LegacyPlayer
from leadline.venues.kraken.players import StreamPlayer as KrakenPlayer
from leadline.venues.players import Tally
from leadline.venues.replaying import PLAYING
from recordings import Recording


def player_of(path: Path, raw: bytes) -> type:
    recording = read_recording(path)
    first = Record(2, 1, None, Direction.RX, raw)
    playing = PLAYING[recording.meta.venue]
    return type(playing.player(recording, first, Tally(), lambda symbol: Precision(1, 1)))


def test_each_venue_has_its_player(tmp_path: Path) -> None:
    for name, kind in (("kraken", KrakenPlayer), ("binance", BinancePlayer), ("binance-usdm", BinancePlayer)):
        path = Recording(venue=name).write(tmp_path / f"{name}.jsonl")
        assert player_of(path, b"{}") is kind


def test_the_old_form_of_a_venue_is_known_by_its_name_and_by_its_shape(tmp_path: Path) -> None:
    named = Recording(api="ws v1").write(tmp_path / "named.jsonl")
    bare = Recording().write(tmp_path / "bare.jsonl")

    assert player_of(named, b"{}") is LegacyPlayer
    assert player_of(bare, b'[1,{"as":[],"bs":[]},"book-10","XBT/USD"]') is LegacyPlayer
