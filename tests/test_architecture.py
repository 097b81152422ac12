"""The house stands as drawn: imports point left, generated pages are fresh, pins fit."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

REPOSITORY = Path(__file__).resolve().parents[1]
STOREYS = ("schemas", "pipelines", "assets", "onegrid")
MAY_IMPORT = {
    "schemas": {"schemas"},
    "pipelines": {"schemas", "pipelines"},
    "assets": {"schemas", "pipelines", "assets"},
    "onegrid": set(STOREYS),
}


def imports(storey: str) -> dict[str, set[str]]:
    """File → top-level names that it imports, wherever in the file."""
    found: dict[str, set[str]] = {}
    for file in (REPOSITORY / storey).rglob("*.py"):
        names: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file}: relative import"
                names.add((node.module or "").split(".")[0])
        found[str(file.relative_to(REPOSITORY))] = names
    return found


@pytest.mark.parametrize("storey", STOREYS)
def test_imports_point_left_only(storey: str) -> None:
    wrong = {
        file: sorted(names & set(STOREYS) - MAY_IMPORT[storey])
        for file, names in imports(storey).items()
        if names & set(STOREYS) - MAY_IMPORT[storey]
    }
    assert wrong == {}


@pytest.mark.parametrize("storey", ["schemas", "pipelines"])
def test_dagster_is_known_to_the_orchestration_storey_and_the_door_alone(storey: str) -> None:
    assert [file for file, names in imports(storey).items() if "dagster" in names] == []


def test_contracts_do_no_input_or_output() -> None:
    doing = {"duckdb", "sqlalchemy", "pandas", "openpyxl", "socket", "subprocess", "os"}
    assert {
        file: names & doing for file, names in imports("schemas").items() if names & doing
    } == {}


@pytest.mark.parametrize("storey", STOREYS)
def test_each_package_is_the_one_of_this_repository(storey: str) -> None:
    spec = find_spec(storey)
    assert spec is not None
    assert Path(str(spec.origin)).is_relative_to(REPOSITORY)


def test_the_command_starts_without_heavy_imports() -> None:
    heavy = "{'dagster', 'duckdb', 'pandas', 'splink', 'great_expectations', 'pyarrow', 'numpy'}"
    code = f"import sys, onegrid.main; sys.exit(sorted({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("child", ["pipelines.extract.reader", "pipelines.intake.reader"])
def test_a_child_that_reads_files_starts_without_what_it_never_uses(child: str) -> None:
    heavy = "{'duckdb', 'pandas', 'pypinyin', 'sqlalchemy', 'splink', 'openpyxl'}"
    code = f"import sys, {child}; sys.exit(repr({heavy} & sys.modules.keys() or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() in {"", "''"}


def test_the_reference_of_the_tables_is_fresh() -> None:
    from onegrid.reference import tables_reference

    written = (REPOSITORY / "docs" / "tables.md").read_text("utf-8")
    assert written == tables_reference(), "run `onegrid docs`"


def test_every_dependency_is_pinned_within_its_range_and_without_an_address() -> None:
    text = (REPOSITORY / "constraints.txt").read_text("utf-8")
    assert not re.search(r"://|@|^-", text, re.MULTILINE)
    pins = dict(
        line.lower().replace("_", "-").split("==")
        for line in text.splitlines()
        if line and not line.startswith("#")
    )
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [*project["dependencies"], *chain.from_iterable(extras)]
    for requirement in map(Requirement, wanted):
        pin = pins.get(requirement.name.lower())
        assert pin is not None, f"{requirement.name} is not pinned"
        assert Version(pin) in requirement.specifier, f"{requirement.name}=={pin}"


def test_the_check_of_every_change_is_make_test_and_nothing_else() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text("utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert commands[-1] == "exec make test"
    assert len(commands) == 3
