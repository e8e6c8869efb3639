"""The command as a user runs it: processes, pipes, signals and terminals; every wait is bounded."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

COMMAND = [sys.executable, "-W", "error", "-m", "leadline"]
PATIENCE_S = 40.0
LEAVE_S = 5.0


@dataclass(frozen=True)
class Done:
    """What a process left behind."""

    code: int
    out: str
    err: str
    took_s: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def leadline(*arguments: object, env: dict[str, str] | None = None) -> Done:
    """Run a verb to its end."""
    begun_s = time.monotonic()
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE_S, env=env
    )
    return Done(done.returncode, done.stdout, done.stderr, time.monotonic() - begun_s)


@contextmanager
def begun(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A verb that runs on; killed at the end of the block if it is still there."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stop(process: subprocess.Popen[str], number: int = signal.SIGINT) -> Done:
    """Send a signal and wait, no longer than anybody should."""
    begun_s = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=LEAVE_S)
    return Done(process.returncode, out, err, time.monotonic() - begun_s)


@dataclass(frozen=True)
class Emulator:
    """A local Kraken in its own process."""

    config: Path
    control: str
    port: int


@contextmanager
def emulator(folder: Path, *arguments: object) -> Iterator[Emulator]:
    """One for the length of the block, and the settings file that leads to it."""
    with begun("emulate", "--json", "--rate", "60", *arguments) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        config = folder / "leadline.yaml"
        config.write_text(yaml.safe_dump({"venues": {"kraken": {"endpoints": told["kraken"]["endpoints"]}}}))
        yield Emulator(config, told["control"], int(told["control"].split(":")[2].split("/")[0]))


def in_terminal(
    *arguments: object, until: str, keys: bytes = b"\x03", rows: int = 40, columns: int = 130
) -> Done:
    """Run a verb in a terminal, press keys (Ctrl-C) when it shows this text, and take all it has drawn."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(columns), LINES=str(rows))
        os.execv(COMMAND[0], [*COMMAND, *map(str, arguments)])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    begun_s = time.monotonic()
    pressed_s: float | None = None
    drawn = b""
    while time.monotonic() - (pressed_s or begun_s) < (LEAVE_S if pressed_s else PATIENCE_S):
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                part = os.read(terminal, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            drawn += part
        if pressed_s is None and until.encode() in drawn:
            os.write(terminal, keys)
            pressed_s = time.monotonic()
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    took_s = time.monotonic() - (pressed_s or begun_s)
    return Done(os.waitstatus_to_exitcode(status), drawn.decode(errors="replace"), "", took_s)
