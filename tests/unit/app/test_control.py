from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from leadline.app.control import (
    AskReport,
    AskStatus,
    Control,
    ForceLevel,
    ReleaseLevel,
    asked_of,
    control_socket,
)
from leadline.app.report import LevelReport, Report, Status
from leadline.errors import CheckFailed, ConfigError, ConnectFailed, ProtocolError
from leadline.model.level import Level
from leadline.net.control_socket import ControlSocket


class Standing:
    """A system that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def report(self) -> Report:
        raise CheckFailed("no report today")

    def status(self) -> Status:
        return Status("kraken", "online", "", None, None, LevelReport("FULL"), "")

    def force(self, level: Level, for_s: float) -> None:
        self.told.append((level, for_s))

    def release(self) -> None:
        self.told.append("release")


async def answered(line: bytes, asked: Standing | None = None) -> Any:
    return json.loads(await Control(asked or Standing()).answer(line))


async def test_a_status_is_told() -> None:
    reply = await answered(b'{"ask": "status"}')

    assert (reply["error"], reply["value"]["level"]["name"]) == ("", "FULL")


async def test_an_error_of_the_system_is_told_in_its_words() -> None:
    assert await answered(b'{"ask": "report"}') == {"value": None, "error": "no report today"}


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"hello", b"[]", b"{}", b'{"ask": "money"}', b'{"ask": "force", "level": 1}', b"\xff"),
        *(b'{"ask": "\xff"}', b'{"ask": "report", "x": ' + b"[" * 100_000),
    ],
    ids=range(9),
)
async def test_what_is_no_request_is_refused_and_the_reason_told(line: bytes) -> None:
    assert (await answered(line))["error"].startswith("the request is not understood: ")


async def test_a_level_is_forced_for_a_while_and_released_and_both_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asked = Standing()
    with caplog.at_level(logging.WARNING, "leadline"):
        await answered(b'{"ask": "force", "level": "DEGRADED", "for_s": 600}', asked)
        await answered(b'{"ask": "release"}', asked)

    assert asked.told == [(Level.DEGRADED, 600.0), "release"]
    assert [one.getMessage() for one in caplog.records] == [
        "an operator holds the level at DEGRADED for 10m",
        "an operator has released the level",
    ]


@pytest.mark.parametrize(("level", "for_s"), [("BEST", 5), ("FULL", 0), ("FULL", -1), ("FULL", 1e9)])
async def test_a_level_that_is_none_or_for_ever_is_refused(level: str, for_s: float) -> None:
    asked = Standing()

    reply = await answered(json.dumps({"ask": "force", "level": level, "for_s": for_s}).encode(), asked)

    assert reply["error"] == (
        "a level is one of FULL, DEGRADED, EMERGENCY_ONLY, OUTAGE, for more than nothing and up to 1d"
    )
    assert asked.told == []


async def test_through_the_socket_all_of_it_arrives(tmp_path: Path) -> None:
    path, asked = tmp_path / "control" / "socket", Standing()
    async with control_socket(path, asked):
        assert json.loads(bytes(await asked_of(path, AskStatus())))["mode"] == "online"
        await asked_of(path, ForceLevel("OUTAGE", 5))
        await asked_of(path, ReleaseLevel())
        with pytest.raises(CheckFailed, match="no report today"):
            await asked_of(path, AskReport())

    assert asked.told == [(Level.OUTAGE, 5.0), "release"]


async def test_a_second_process_with_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "control" / "socket"
    async with control_socket(path, Standing()):
        with pytest.raises(ConfigError, match=r"process \d+ runs with this state folder already .*state_dir"):
            async with control_socket(path, Standing()):
                pass
        assert await asked_of(path, AskStatus())
    async with control_socket(path, Standing()):
        assert await asked_of(path, AskStatus())


async def test_where_nothing_runs_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConnectFailed, match="nothing is running that listens at"):
        await asked_of(tmp_path / "socket", AskStatus())


async def test_what_does_not_answer_as_it_should_is_told(tmp_path: Path) -> None:
    async def babble(line: bytes) -> bytes:
        return b"hm"

    path = tmp_path / "control" / "socket"
    async with ControlSocket(path, babble):
        with pytest.raises(ProtocolError, match="does not answer as it should"):
            await asked_of(path, AskStatus())


async def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "control").write_text("")

    with pytest.raises(ConfigError, match="cannot use the folder"):
        async with control_socket(tmp_path / "control" / "socket", Standing()):
            pass
