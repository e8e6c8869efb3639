"""Venues differ behind their ports and nowhere else: no other code asks which venue it has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import leadline
from leadline.venues.catalogue import VENUES

ROOT = Path(leadline.__file__).resolve().parent
NAMES = re.compile("|".join(VENUES), re.IGNORECASE)

BLIND = ("model", "core", "net", "engine")
"""Packages that know of venues in general only; what a docstring or a comment cites is no code."""

THROUGH_THE_CATALOGUE = ("app", "cli")

VENUE_CONSTANT = re.compile("VENUE|" + "|".join(name.upper() for name in VENUES))


def trees(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        where = path.relative_to(ROOT)
        if where.parts[0] in packages or (where.stem in packages and len(where.parts) == 1):
            yield str(where), ast.parse(path.read_text(encoding="utf-8"))


def without_docstrings(tree: ast.Module) -> Iterator[ast.AST]:
    cited = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return (node for node in ast.walk(tree) if id(node) not in cited)


def names_in(node: ast.AST) -> list[str]:
    """Every name or text that a node bears itself."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
            return [name]
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Import(names=names):
            return [one.name for one in names]
        case ast.ImportFrom(module=module, names=names):
            return [module or "", *(one.name for one in names)]
    return []


def is_venue(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return text in VENUES
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return VENUE_CONSTANT.fullmatch(name) is not None
        case ast.Tuple(elts=some) | ast.List(elts=some) | ast.Set(elts=some):
            return any(is_venue(one) for one in some)
    return False


def test_what_is_blind_to_venues_names_none() -> None:
    named = [
        f"{where}:{getattr(node, 'lineno', '?')} {name}"
        for where, tree in trees(*BLIND, "errors", "clock")
        for node in without_docstrings(tree)
        for name in names_in(node)
        if NAMES.search(name)
    ]

    assert named == []


def test_application_and_command_line_know_venues_by_the_catalogue_alone() -> None:
    imported = [
        f"{where}:{node.lineno} {name}"
        for where, tree in trees(*THROUGH_THE_CATALOGUE, "__init__")
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in names_in(node)
        if name.startswith("leadline.venues.") and NAMES.search(name)
    ]

    assert imported == []


def test_nobody_asks_which_venue_it_is() -> None:
    outside = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"venues", "__pycache__"}
    asked = [
        f"{where}:{node.lineno} {ast.unparse(node)[:80]}"
        for where, tree in trees(*outside, "__init__")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Compare) and any(is_venue(one) for one in (node.left, *node.comparators)))
        or (isinstance(node, ast.MatchValue) and is_venue(node.value))
    ]

    assert asked == []


def test_the_look_out_for_questions_sees_one() -> None:
    for text in ("venue == 'kraken'", "kit.name in ('binance', 'x')", "VENUE != name", "x.KRAKEN is kit"):
        (compare,) = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Compare)]
        assert is_venue(compare.left) or any(is_venue(one) for one in compare.comparators), text
