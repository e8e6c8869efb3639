from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from leadline.errors import ConfigError, ConnectFailed, ConnectionLost
from leadline.net.control_socket import LONGEST_PATH, MOST_AT_ONCE, ControlSocket, ask, own_folder, peer_uid


async def echo(line: bytes) -> bytes:
    return b"told: " + line.strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control" / "socket"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def open_folder() -> Path:
    """A folder that everybody can enter; nobody but us can enter the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="leadline"))
    folder.chmod(0o755)
    return folder


def let_in(path: Path) -> None:
    path.parent.chmod(0o755)
    path.chmod(0o666)


async def test_a_line_is_answered_with_a_line(path: Path) -> None:
    async with ControlSocket(path, echo):
        assert await ask(path, b"hello") == b"told: hello\n"
        assert await ask(path, b"again") == b"told: again\n"


async def test_only_its_user_can_reach_it(path: Path) -> None:
    async with ControlSocket(path, echo):
        assert (mode(path.parent), mode(path)) == (0o700, 0o600)


async def test_a_folder_that_others_could_enter_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir(mode=0o755)

    async with ControlSocket(path, echo):
        assert mode(path.parent) == 0o700


async def test_another_user_is_refused_unanswered_and_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "leadline"):
        async with ControlSocket(path, echo, uid_of=lambda connected: os.getuid() + 1):
            with pytest.raises(ConnectionLost, match="hung up; does it belong to another user"):
                await ask(path, b"report")

    assert f"a control request of user {os.getuid() + 1} was refused" in caplog.text


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the system does not tell who is there")
async def test_the_system_tells_who_is_at_the_other_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_uid(ours) == os.getuid()


NOBODY = 65_534


@pytest.mark.skipif(not hasattr(socket, "SO_PEERCRED"), reason="the system does not tell who is there")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_somebody_else_is_refused_even_where_the_folder_lets_them_in() -> None:
    folder = open_folder()
    path, answered = folder / "control" / "socket", []

    async def answer(line: bytes) -> bytes:
        answered.append(line)
        return line

    async with ControlSocket(path, answer):
        let_in(path)
        with socket.socket(socket.AF_UNIX) as connected:
            os.seteuid(NOBODY)
            try:
                connected.connect(os.fspath(path))
            finally:
                os.seteuid(0)
            reader, writer = await asyncio.open_unix_connection(sock=connected)
            with suppress(ConnectionError):
                writer.write(b"report\n")
                assert await reader.read() == b""
            writer.close()
    shutil.rmtree(folder)

    assert answered == []


async def test_what_a_dead_process_left_is_replaced(path: Path) -> None:
    own_folder(path.parent)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))

    async with ControlSocket(path, echo):
        assert await ask(path, b"x") == b"told: x\n"


async def test_nothing_is_left_behind(path: Path) -> None:
    async with ControlSocket(path, echo):
        pass

    assert list(path.parent.iterdir()) == []
    with pytest.raises(ConnectFailed, match="nothing is running that listens at"):
        await ask(path, b"x")


async def test_leaving_hangs_up_on_who_says_nothing(path: Path) -> None:
    async with asyncio.timeout(5):
        async with ControlSocket(path, echo):
            reader, writer = await asyncio.open_unix_connection(os.fspath(path))
            writer.write(b"x\n")
            assert await reader.readline() == b"told: x\n"
        assert await reader.read() == b""
        writer.close()


async def test_more_at_once_than_allowed_are_hung_up_on(path: Path) -> None:
    async with ControlSocket(path, echo):
        open_now = []
        for _ in range(MOST_AT_ONCE):
            reader, writer = await asyncio.open_unix_connection(os.fspath(path))
            writer.write(b"x\n")
            assert await reader.readline()
            open_now.append(writer)

        with pytest.raises(ConnectionLost):
            await ask(path, b"x")
        open_now.pop().close()
        async with asyncio.timeout(5):
            while True:
                try:
                    assert await ask(path, b"x") == b"told: x\n"
                    break
                except ConnectionLost:
                    await asyncio.sleep(0)
        for writer in open_now:
            writer.close()


async def test_a_line_without_an_end_is_hung_up_on(path: Path) -> None:
    async with ControlSocket(path, echo):
        reader, writer = await asyncio.open_unix_connection(os.fspath(path))
        writer.write(b"x" * (3 << 20))
        with suppress(ConnectionResetError):  # what it had not read went with it
            assert await reader.read() == b""
        writer.close()
        assert await ask(path, b"x") == b"told: x\n"


async def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="cannot make the control socket"):
        async with ControlSocket(tmp_path / "file" / "socket", echo):
            pass


async def test_a_name_too_long_for_a_socket_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is too long for a socket's name; set a shorter state_dir"):
        async with ControlSocket(tmp_path / ("x" * LONGEST_PATH) / "socket", echo):
            pass
