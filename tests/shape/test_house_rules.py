"""The rules of the house that a tool can see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import leadline

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src" / "leadline").rglob("*.py"))
MOST_MODULE_LINES = 450
MOST_FUNCTION_LINES = 60
BANNED_WORDS = re.compile(
    r"Manager|Helper|Handler|Util|Service|Coordinator|Processor|Enhanced|Smart|Unified|Strategic|Advanced"
)
CLOCK_KEEPERS = {Path("src/leadline/clock.py"), Path("src/leadline/simulation/loop.py")}
"""The port with its two real kinds, and the virtual one."""

CLOCKS = {
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("time", "monotonic_ns"),
    ("time", "perf_counter"), ("time", "perf_counter_ns"), ("time", "sleep"), ("asyncio", "sleep"),
    ("datetime", "now"), ("datetime", "utcnow"), ("date", "today"),
}  # fmt: skip


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCES:
        yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 80


def test_no_module_outgrows_one_idea() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in SOURCES}

    assert {str(path): lines for path, lines in lengths.items() if lines > MOST_MODULE_LINES} == {}


def test_no_function_outgrows_a_screen() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > MOST_FUNCTION_LINES
    ]

    assert long == []


def test_classes_are_named_for_what_they_are() -> None:
    named = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and BANNED_WORDS.search(node.name)
    ]

    assert named == []


def test_only_the_clock_reads_a_clock_or_sleeps() -> None:
    read = [
        f"{path}:{node.lineno} {node.value.id}.{node.attr}"
        for path, tree in trees()
        if path not in CLOCK_KEEPERS
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in CLOCKS
    ]

    assert read == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path) for path, tree in trees() if path.name != "__init__.py" and not ast.get_docstring(tree)
    ]

    assert silent == []


def test_every_unit_test_stands_where_its_module_stands() -> None:
    unit = ROOT / "tests" / "unit"
    modules = {path.relative_to(ROOT / "src" / "leadline").with_suffix("") for path in SOURCES}
    strays = [
        str(test.relative_to(ROOT))
        for test in sorted(unit.rglob("test_*.py"))
        if test.relative_to(unit).with_name(test.stem.removeprefix("test_")) not in modules
    ]

    assert strays == []


def test_the_public_surface_is_what_it_says() -> None:
    assert all(getattr(leadline, name) is not None for name in leadline.__all__)


def test_every_feature_id_has_a_state() -> None:
    told = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    wanted = {
        f"{letter}{number}"
        for letter, most in {
            "A": 9,
            "B": 10,
            "C": 7,
            "D": 8,
            "E": 3,
            "F": 3,
            "G": 5,
            "H": 8,
            "I": 6,
            "J": 7,
        }.items()
        for number in range(1, most + 1)
    }
    rows = set(re.findall(r"^\| ([A-Z]\d+) \|", told, re.MULTILINE))

    assert wanted - rows == set()


def test_what_features_cite_exists() -> None:
    told = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
    cited = re.findall(r"`(tests/[^`]+)`", told)

    assert cited
    assert [path for path in cited if not (ROOT / path).exists()] == []
