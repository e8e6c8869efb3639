from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from base64 import b64encode

import pytest

from leadline.app.account_settings import AccountSettings
from leadline.app.logs import MOST_TEXT, bound_logger, logging_to, secrets_of
from leadline.app.settings import AlertSettings, LogFormat, LogSettings, Settings
from leadline.clock import ManualClock
from leadline.net.audit import AUDIT_LOG
from leadline.venues.kraken.auth import Credentials
from leadline.venues.kraken.kit import KrakenKey

KEY, SECRET, HOOK = "K3Y" * 18, b64encode(b"s" * 64).decode(), "https://hooks.example/T0K3N"
SETTINGS = Settings(
    accounts=(AccountSettings("main", KrakenKey(Credentials(KEY, SECRET, "0tpPass"))),),
    alerts=AlertSettings(None, HOOK),
)


def logged(settings: LogSettings, say: object, secrets: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    with logging_to(stream, settings, ManualClock(), secrets):
        assert callable(say)
        say()
    return stream.getvalue()


def as_json(say: object, level: str = "info", secrets: tuple[str, ...] = ()) -> list[dict[str, object]]:
    text = logged(LogSettings(level, LogFormat.JSON), say, secrets)
    return [json.loads(line) for line in text.splitlines()]


def test_json_is_one_object_a_line_with_time_and_level() -> None:
    [row] = as_json(lambda: bound_logger().warning("level changed", now="FULL", reasons=["a", "b"]))

    assert row == {
        "timestamp": "2026-09-21T14:13:20.000Z",
        "level": "warning",
        "event": "level changed",
        "now": "FULL",
        "reasons": ["a", "b"],
    }


def test_people_read_the_same_in_one_line() -> None:
    text = logged(LogSettings(), lambda: bound_logger().info("ready", after_s=1.5))

    assert text == "2026-09-21T14:13:20.000Z [info     ] ready after_s=1.5\n"


def test_the_standard_logger_of_the_library_comes_out_the_same_way() -> None:
    [row] = as_json(lambda: logging.getLogger("leadline").warning("the breaker is %s", "open"))

    assert (row["event"], row["level"]) == ("the breaker is open", "warning")


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_what_is_below_the_level_is_left_out(level: str, lines: int) -> None:
    def say() -> None:
        log = bound_logger()
        log.debug("a")
        log.info("b")
        log.warning("c")

    assert len(as_json(say, level)) == lines


@pytest.mark.parametrize(("level", "lines"), [("debug", 1), ("info", 0)])
def test_the_audit_of_single_operations_is_for_debugging(level: str, lines: int) -> None:
    assert len(as_json(lambda: logging.getLogger(AUDIT_LOG).info("AddOrder"), level)) == lines


def test_other_libraries_are_heard_from_warning_on() -> None:
    def say() -> None:
        logging.getLogger("aiohttp").info("request")
        logging.getLogger("aiohttp").warning("unclosed")

    assert [row["event"] for row in as_json(say, "debug")] == ["unclosed"]


def test_every_secret_of_the_settings_is_known() -> None:
    assert set(secrets_of(SETTINGS)) == {KEY, SECRET, "0tpPass", HOOK}
    assert secrets_of(Settings()) == ()


@pytest.mark.parametrize("form", list(LogFormat))
def test_no_secret_is_in_any_line_wherever_it_stands(form: LogFormat) -> None:
    def say() -> None:
        log, other = bound_logger(), logging.getLogger("aiohttp")
        log.warning(f"message {KEY}", field=f"a {SECRET}", nested={"deep": [HOOK, 1]}, error=ValueError(KEY))
        log.warning("by name", api_key="abc-by-name", Token="def-by-name", webhook="ghi-by-name")
        other.warning('{"token":"jkl-by-form"} %s', "0tpPass")
        try:
            raise ValueError(SECRET)
        except ValueError:
            log.exception("traceback")
            other.exception("traceback")

    text = logged(LogSettings("debug", form), say, secrets_of(SETTINGS))

    assert "***" in text
    assert text.count("Traceback") == 2
    hidden = (KEY, SECRET, HOOK, "0tpPass", "abc-by-name", "def-by-name", "ghi-by-name", "jkl-by-form")
    assert [secret for secret in hidden if secret in text] == []


def test_a_line_is_not_longer_than_anybody_reads() -> None:
    [row] = as_json(lambda: bound_logger().info("x", what="y" * 10 * MOST_TEXT))

    assert row["what"] == "y" * MOST_TEXT + "… (cut)"


def test_after_the_block_the_loggers_are_as_before() -> None:
    root, ours = logging.getLogger(), logging.getLogger("leadline")
    before = (list(root.handlers), root.level, ours.level)

    logged(LogSettings("debug"), lambda: None)

    assert (list(root.handlers), root.level, ours.level) == before


def test_the_library_alone_configures_nothing() -> None:
    program = (
        "import logging, leadline, leadline.app.run;"
        "print(logging.getLogger('leadline').handlers, logging.getLogger().handlers,"
        " logging.getLogger('leadline').level)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[] [] 0"
