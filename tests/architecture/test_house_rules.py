"""Rules of the house that a glance would miss: sizes, folders, prints, bounds."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "segstudio"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 400
TOP_FOLDERS = {"segstudio", "resources", "tests", "packaging"}
TOP_FILES = {"pyproject.toml", "README.md", "LICENSE", "NOTICE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff"}


def tracked() -> list[Path]:
    """Files that belong to the repository, relative to its root."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("no git checkout")
    return [Path(name) for name in done.stdout.split("\0") if name]


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_is_no_longer_than_a_sitting(module):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_module_says_what_lives_there_and_prints_nothing(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "a module starts with one line on what lives there"
    if module.relative_to(PACKAGE).parts[0] == "cli":
        return
    for node in ast.walk(tree):
        is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        assert not is_print, f"print in line {node.lineno}: only the command line prints"
        is_bare = isinstance(node, ast.ExceptHandler) and node.type is None
        assert not is_bare, f"bare except in line {node.lineno}"


def test_top_level_holds_what_it_may():
    names = {path.parts[0] for path in tracked() if len(path.parts) > 1 and not path.parts[0].startswith(".")}
    assert names <= TOP_FOLDERS, sorted(names - TOP_FOLDERS)
    files = {path.name for path in tracked() if len(path.parts) == 1 and not path.name.startswith(".")}
    assert files <= TOP_FILES, sorted(files - TOP_FILES)


def unexplained_bounds(text: str) -> list[str]:
    """Lines of a pyproject.toml that bound a requirement from above without a comment right above them."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if re.match(r'\s*"[A-Za-z0-9_.\[\]-]+[^"]*(<|==|~=)[^"]*"', line) and not lines[number - 1].strip().startswith(
            "#"
        ):
            found.append(line.strip())
    return found


def test_every_upper_bound_has_a_reason():
    assert unexplained_bounds((ROOT / "pyproject.toml").read_text(encoding="utf-8")) == []


def test_bound_without_a_reason_is_noticed():
    text = 'dependencies = [\n  "a>=1",\n  "b>=1,<2",\n  # Because.\n  "c<3",\n  "d==4",\n]'
    assert unexplained_bounds(text) == ['"b>=1,<2",', '"d==4",']


def test_test_modules_have_names_of_their_own():
    """Without packages, pytest knows a test module by its bare name."""
    names = [p.name for p in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_no_absolute_path_of_a_developer_machine():
    pattern = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/\w")
    for path in tracked():
        if (
            path.suffix not in {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".qss", ".json"}
            or path.parts[0] == ".venv"
        ):
            continue
        file = ROOT / path
        if file == Path(__file__) or not file.is_file():
            continue
        hit = pattern.search(file.read_text(encoding="utf-8", errors="replace"))
        assert hit is None, f"{path} names {hit.group()}…"
