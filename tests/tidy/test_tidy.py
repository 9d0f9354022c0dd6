"""The house rules that a program can check: sizes, names, bans, services' independence, documented deviations."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "mrak"
FILES = sorted(SOURCE.rglob("*.py"))
SERVICES = SOURCE / "services"

LARGEST_FILE_LINES = 600
LARGEST_FUNCTION_LINES = 70
MOST_PARAMETERS = 6
MOST_CONSTRUCTOR_PARAMETERS = 9
MOST_PUBLIC_METHODS = 18
COMPARED_WITH = {"granian", "uvicorn"}  # the extra `soak`: any version serves, and mrak never loads them
BANNED_MODULE_NAMES = re.compile(r"(utils?|helpers?|managers?|common|misc)\.py")


@dataclass(frozen=True)
class Module:
    path: Path
    text: str
    tree: ast.Module


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.fixture(scope="module", params=FILES, ids=relative)
def module(request: pytest.FixtureRequest) -> Module:
    """Each file is parsed once: pytest asks all questions about one before it goes on to the next."""
    path: Path = request.param
    text = path.read_text()
    return Module(path, text, ast.parse(text))


def test_sizes_and_names(module: Module) -> None:
    """A reader finds the room by its name, and can hold a file in the head."""
    assert len(module.text.splitlines()) <= LARGEST_FILE_LINES, "this file wants to become two"
    assert not BANNED_MODULE_NAMES.fullmatch(module.path.name), "name it after what it holds"
    tree = module.tree
    if module.text.strip():
        assert ast.get_docstring(tree), "a module's docstring says what and why"
    for function in functions(tree):
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= LARGEST_FUNCTION_LINES, f"{function.name} has {lines} lines"
        arguments = function.args
        own = [a.arg for a in (*arguments.posonlyargs, *arguments.args) if a.arg not in ("self", "cls")]
        most = MOST_CONSTRUCTOR_PARAMETERS if function.name == "__init__" else MOST_PARAMETERS
        assert len(own) <= most, f"{function.name} has {len(own)} parameters"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            public = [f.name for f in node.body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)]
            public = [name for name in public if not name.startswith("_")]
            if not _shares_the_vocabularys_shape(node.name):
                assert len(public) <= MOST_PUBLIC_METHODS, f"{node.name} has {len(public)} public methods"


def _shares_the_vocabularys_shape(name: str) -> bool:
    """`Context` and `Transaction` are what every handler sees, and their implementations have as many methods; the
    model's classes are read-only views with a property for each fact."""
    return name.endswith(("Context", "Transaction", "ServiceModel"))


def test_nothing_swallows(module: Module) -> None:
    """A broad except outside the engine hides bugs; bare ones and `except: pass` are nowhere right."""
    room = module.path.relative_to(SOURCE).parts[0]
    if "runtimes" in module.path.parts:
        return  # This runs in the function's process, where whatever the user's code raises is the answer.
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        assert node.type is not None, f"line {node.lineno}: a bare except"
        names = {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
        if names & {"Exception", "BaseException"}:
            reraises = any(isinstance(n, ast.Raise) for n in ast.walk(node))
            assert room in ("engine", "edge") or reraises, f"line {node.lineno}: a broad except outside the engine"


def test_services_know_each_other_by_their_exports(module: Module) -> None:
    """What a service keeps to itself can be changed; only `exports` is a promise."""
    parts = module.path.relative_to(SOURCE).parts
    if parts == ("app.py",):
        return  # The composition root knows every part.
    own = f"mrak.services.{parts[1]}" if parts[0] == "services" and len(parts) > 2 else None
    for node in ast.walk(module.tree):
        for name in _imported(node):
            if not name.startswith("mrak.services.") or (own and f"{name}.".startswith(f"{own}.")):
                continue
            assert name.endswith(".exports"), f"line {node.lineno}: imports {name}"  # type: ignore[attr-defined]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        if re.fullmatch(r"mrak\.services\.\w+", node.module):
            return [f"{node.module}.{alias.name}" for alias in node.names]
        if node.module == "mrak.services":
            return [f"mrak.services.{alias.name}" for alias in node.names]
        return [node.module]
    return []


def test_only_config_reads_the_environment() -> None:
    """One reader of os.environ, so that settings are in one place."""
    for path in FILES:
        text = path.read_text()
        if path != SOURCE / "config.py" and "runtimes" not in path.parts:
            assert "os.environ" not in text and "os.getenv" not in text, relative(path)


def test_time_and_randomness_are_parameters() -> None:
    """Only the clock and the entropy modules ask the machine, so that a run can be replayed from a seed."""
    pattern = re.compile(r"\b(time\.time\(|datetime\.now\(|utcnow\(|uuid\.uuid[14]\(|os\.urandom\(|random\.random\()")
    allowed = {SOURCE / "core" / "clock.py", SOURCE / "core" / "entropy.py"}
    for path in FILES:
        if path in allowed or "runtimes" in path.parts or path.relative_to(SOURCE).parts[0] in ("cli", "edge"):
            continue
        assert not pattern.search(path.read_text()), relative(path)


def test_deviations_are_documented_and_tested() -> None:
    """A known difference from AWS has an id in the code, a line in docs/compat and a test."""
    call = re.compile(r'deviation\("([A-Z0-9]+-\d{3})"\)')
    in_code = {name for path in FILES for name in call.findall(path.read_text())}
    docs = "".join(path.read_text() for path in (ROOT / "docs" / "compat").glob("*.md"))
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    documented = set(re.findall(r"\b[A-Z0-9]+-\d{3}\b", docs))
    in_tests = set(re.findall(r"\b[A-Z0-9]+-\d{3}\b", tests))
    assert in_code <= documented, f"not in docs/compat: {sorted(in_code - documented)}"
    assert documented <= in_code, f"no place in the code: {sorted(documented - in_code)}"
    assert in_code <= in_tests, f"no test names: {sorted(in_code - in_tests)}"


@pytest.mark.parametrize("package", sorted(p for p in SERVICES.iterdir() if (p / "__init__.py").exists()), ids=str)
def test_a_service_has_the_exemplars_shape(package: Path) -> None:
    """Errors are made where every reader looks for them: a service that words some has errors.py."""
    makes_errors = any("ApiError(" in path.read_text() for path in package.rglob("*.py"))
    assert not makes_errors or (package / "errors.py").exists(), f"{package.name} has no errors.py"


def test_the_pages_name_what_exists() -> None:
    """Whoever follows a walk through the house finds each `file.py` and `file.py::name` on the way."""
    for page in (ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"):
        for name, member in re.findall(r"`([\w/.]+\.py)(?:::([\w.]+))?`", page.read_text()):
            places = [path for path in (*FILES, *(ROOT / "tests").rglob("*.py")) if f"/{path}".endswith(f"/{name}")]
            defined = rf"^\s*(async def|def|class) {member.rpartition('.')[2]}\b"
            assert places, f"{page.name}: no {name}"
            assert not member or any(re.search(defined, path.read_text(), re.M) for path in places), (page.name, member)


def declared() -> set[str]:
    """What pyproject.toml depends on, in each of its lists."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return {normal(re.split(r"[\[<>=]", wanted)[0]) for one in lists for wanted in one}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def test_a_constraint_for_each_dependency() -> None:
    """The whole tree is pinned, by version and never by address."""
    constraints = (ROOT / "constraints.txt").read_text()
    lines = [line for line in constraints.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+( ;.*)?", line) for line in lines)
    assert "://" not in constraints
    pinned = {normal(line.partition("==")[0]) for line in lines}
    assert declared() - COMPARED_WITH <= pinned


def test_each_dependency_is_explained() -> None:
    """Whoever asks why a library is here finds it in one place, and nothing that has gone."""
    page = (ROOT / "docs" / "dependencies.md").read_text()
    cells = re.findall(r"^\| ([^|]+?)(?: \([^|]*\))? \|", page, re.M)
    explained = {normal(name) for cell in cells for name in cell.split(",")} - {"library"}
    assert declared() - COMPARED_WITH == explained


def test_the_coverage_page_is_current() -> None:
    """It is what users look at before they try."""
    command = [sys.executable, str(ROOT / "tools" / "coverage.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
