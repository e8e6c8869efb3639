from __future__ import annotations

import os
import traceback
from pathlib import Path

import pytest

from leadline.app.config import (
    Settings,
    control_paths,
    load_all,
    load_settings,
    parse_settings,
    settings_of,
    settings_of_account,
    settings_with,
)
from leadline.errors import ConfigError
from leadline.venues.binance.endpoints import PRODUCTION
from leadline.venues.kraken.venue import Endpoints


def under_endpoints(lines: str) -> str:
    return "venues:\n  kraken:\n    endpoints:\n" + "".join(f"      {line}\n" for line in lines.splitlines())


@pytest.mark.parametrize("text", ["", "{}", "venues: {}", "venues: {kraken: {}}", "# only a comment"])
def test_what_is_not_said_is_the_venues_own(text: str) -> None:
    assert parse_settings(text, "f.yaml", {}) == Settings(Endpoints())


def test_an_address_replaces_that_one_alone() -> None:
    settings = parse_settings(under_endpoints("rest: http://127.0.0.1:8080"), "f.yaml", {})

    assert settings.endpoints.rest == "http://127.0.0.1:8080"
    assert settings.endpoints.ws_public == Endpoints().ws_public


def test_all_four_addresses_can_be_set() -> None:
    names = ("ws_public", "ws_private", "ws_level3", "rest")
    text = under_endpoints(
        "\n".join(f"{name}: {'https' if name == 'rest' else 'wss'}://{name}.example" for name in names)
    )

    settings = parse_settings(text, "f.yaml", {})

    assert [getattr(settings.endpoints, name).split("//")[1] for name in names] == [
        f"{name}.example" for name in names
    ]


def test_variables_come_from_the_environment() -> None:
    settings = parse_settings(
        under_endpoints("rest: https://${HOST}:${PORT}"), "f.yaml", {"HOST": "h.example", "PORT": "1"}
    )

    assert settings.endpoints.rest == "https://h.example:1"


def test_what_a_variable_holds_is_text_and_not_yaml() -> None:
    with pytest.raises(ConfigError, match=r"rest: with its variables filled in it is no address"):
        parse_settings(under_endpoints("rest: ${X}"), "f.yaml", {"X": "a: [b"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (under_endpoints("rest: ${NOPE}"), r"f\.yaml: venues\.kraken\.endpoints\.rest: .*'NOPE'; set it"),
        (under_endpoints("rset: x"), r"endpoints\.rset: there is no such setting; valid here: ws_public, "),
        ("venues: {bitnance: {}}", r"venues\.bitnance: there is no such setting; .*; did you mean binance\?"),
        ("venue: {}", r"f\.yaml: venue: there is no such setting; valid here: venues"),
        ("venues: [kraken]", r"f\.yaml: venues: expected settings by name, found a list"),
        ("venues: {kraken: {endpoints: {rest: [a]}}}", r"endpoints\.rest: expected a text, found a list"),
        ("hello", r"f\.yaml: the file: expected settings by name, found a text"),
        (under_endpoints("rest: http://api.example"), r"endpoints\.rest: .*unencrypted; use https://"),
        (under_endpoints("ws_public: ftp://127.0.0.1"), r"endpoints\.ws_public: .*not an address of the form wss://"),
        ("a: [b", r"f\.yaml is not YAML: line 1, column 6: "),
        ("a: &x {b: *x}", r"f\.yaml is not YAML: line 1, column 4: .*recursive"),
        ("[" * 5000, r"f\.yaml is not YAML that can be read: it is nested too deeply"),
        ("a: \x00", r"f\.yaml is not YAML: "),
    ],
)  # fmt: skip
def test_an_error_names_the_place_and_the_cure(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_settings(text, "f.yaml", {})

    assert "\n" not in str(caught.value)


PASTED = "+qKeyThatSomebodyPastedInTheWrongPlace/abc=="


@pytest.mark.parametrize(
    "text",
    [
        under_endpoints(f"rest: '${{{PASTED}}}'"),
        f"venues: {{kraken: {{'{PASTED}': x}}}}",
        f"venues: {{kraken: {{accounts: {{'{PASTED}': {{}}}}}}}}",
        under_endpoints(f"rest: 'https://{PASTED}@127.0.0.1'"),
        f"a: '{PASTED}",
    ],
)
def test_what_may_be_a_key_in_the_wrong_place_is_in_no_message_and_no_traceback(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(text, "f.yaml", {})

    assert PASTED not in "".join(traceback.format_exception(caught.value))


def test_an_alias_that_stands_for_billions_of_texts_is_refused_and_not_walked_through() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )

    with pytest.raises(ConfigError, match=r"f\.yaml: 12 problems:\n  a0: there is no such setting"):
        parse_settings(bomb, "f.yaml", {})


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "leadline.yaml"
    file.write_text(under_endpoints("rest: http://localhost:1"))

    assert load_settings(file).endpoints.rest == "http://localhost:1"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*absent\.yaml: No such file"):
        load_settings(tmp_path / "absent.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match="it is not UTF-8 text"):
        load_settings(tmp_path / "latin.yaml")


def test_a_file_name_that_is_no_text_does_not_spoil_the_message(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path / os.fsdecode(b"\xff.yaml"))

    assert str(caught.value).encode().endswith("\ufffd.yaml: No such file or directory".encode())


def test_what_a_variable_holds_is_in_no_message_where_it_is_no_address() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(under_endpoints("rest: ${KEY}"), "f.yaml", {"KEY": PASTED})

    assert "with its variables filled in it is no address of the form https://host/path" in str(caught.value)
    assert PASTED not in str(caught.value)


BINANCE_KEYS = {"BINANCE_API_KEY": "k" * 64, "BINANCE_API_SECRET": "s" * 64}
TESTNET_KEYS = {"BINANCE_TESTNET_API_KEY": "k" * 64, "BINANCE_TESTNET_API_SECRET": "s" * 64}
KRAKEN_KEYS = {"KRAKEN_API_KEY": "K" * 56, "KRAKEN_PRIVATE_KEY": "c" * 86 + "=="}
TWO = (
    f"venues:\n  kraken: {{credentials: {{api_key: {'K' * 56}, private_key: {'c' * 86}==}}}}\n"
    f"  binance: {{credentials: {{api_key: {'k' * 64}, api_secret: {'s' * 64}}}}}\n"
)


@pytest.mark.parametrize(
    ("variables", "venue", "environment"),
    [
        (KRAKEN_KEYS, "kraken", "production"),
        (BINANCE_KEYS, "binance", "production"),
        (TESTNET_KEYS, "binance", "testnet"),
    ],
)
def test_without_a_file_the_venue_is_the_one_whose_key_is_set(
    variables: dict[str, str], venue: str, environment: str
) -> None:
    settings = settings_of_account(None, "main", None, variables)

    assert (settings.venue, settings.environment) == (venue, environment)
    assert len(settings.accounts) == 1
    assert settings_of(None, "binance", variables).accounts == ()


@pytest.mark.parametrize(
    ("contracts", "named", "others"),
    [
        (False, ["KRAKEN_API_KEY", "BINANCE_API_KEY", "venues.kraken.", "venues.binance."], []),
        (True, ["BINANCE_API_KEY", "venues.binance."], ["KRAKEN"]),
    ],
)
def test_where_no_account_is_set_every_venue_that_could_have_it_is_named(
    contracts: bool, named: list[str], others: list[str]
) -> None:
    with pytest.raises(ConfigError, match="no account is set; put ") as caught:
        settings_of_account(None, "main", None, {}, contracts=contracts)

    assert all(name in str(caught.value) for name in named)
    assert not any(name in str(caught.value) for name in others)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (KRAKEN_KEYS | BINANCE_KEYS, "kraken and binance: both have an account; say which .* --venue kraken"),
        (
            BINANCE_KEYS | TESTNET_KEYS,
            "has keys for production and testnet of Binance .*; unset those that are",
        ),
        ({"BINANCE_API_KEY": "k"}, "has BINANCE_API_KEY and no BINANCE_API_SECRET; set both, or neither"),
    ],
)
def test_keys_that_leave_open_what_is_meant_are_not_guessed_about(
    variables: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_of_account(None, "main", None, variables)


def test_a_file_with_two_venues_is_asked_about_one_of_them(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(TWO)

    with pytest.raises(ConfigError, match="both have an account"):
        settings_of_account(file, "main")
    with pytest.raises(ConfigError, match="no account 'x'; there are main at Kraken and main at Binance"):
        settings_of_account(file, "x")
    with pytest.raises(ConfigError, match="has kraken and binance: name the one that is meant, and"):
        load_settings(file)
    assert settings_of(file, contracts=True).venue == "binance"
    assert settings_of(file, "kraken", with_account=True).account().key.api_key == "K" * 56
    assert [one.venue for one in settings_with(file, "main")] == ["kraken", "binance"]
    assert [one.venue for one in settings_with(file, "main", "binance")] == ["binance"]


def test_a_venue_that_the_file_does_not_name_has_what_is_the_venues_own(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("state_dir: /s\nvenues: {kraken: {}}")

    other = settings_of(file, "binance")

    assert (other.endpoints, other.state_dir) == (PRODUCTION, Path("/s"))
    with pytest.raises(ConfigError, match=r"no venue with contracts; write venues\.binance into it"):
        settings_of(file, contracts=True)
    with pytest.raises(ConfigError, match="no account is set; put KRAKEN_API_KEY"):
        settings_with(file, "main")


def test_a_run_of_several_venues_is_asked_at_the_socket_of_each(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text(f"state_dir: {tmp_path}\nvenues: {{kraken: {{}}, binance: {{}}}}")
    (tmp_path / "control").mkdir()

    first, own = tmp_path / "control" / "socket", tmp_path / "control" / "binance"
    assert control_paths(file, "binance") == control_paths(file) == (first,)
    own.touch()
    assert control_paths(file, "binance") == (own,) == (load_all(file)[1].control_path,)
    assert control_paths(file, "kraken") == (first,) == (load_all(file)[0].control_path,)
    assert control_paths(file) == (first, own)
