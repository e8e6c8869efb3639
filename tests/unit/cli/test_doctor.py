from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from leadline.cli.main import cli


def test_what_fails_is_marked_and_what_to_do_stands_below(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["doctor", "--config", str(tmp_path / "absent.yaml")])

    assert done.exit_code == 1
    assert done.stdout.startswith("✗ configuration: cannot read ")
    assert "\n  → correct the file; nothing else was looked at\n✓ versions: Python " in done.stdout
    assert done.stdout.endswith("Not everything works; see the lines marked ✗.\n")


def test_json_is_one_object_with_every_check(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["doctor", "--config", str(tmp_path / "absent.yaml"), "--json"])

    found = json.loads(done.stdout)
    assert (done.exit_code, found["ok"]) == (1, False)
    assert [check["name"] for check in found["checks"]] == ["configuration", "versions"]
    assert set(found["checks"][0]) == {"name", "ok", "found", "advice"}
