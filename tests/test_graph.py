"""The graph that Dagster sees: a change of it is a change of `tests/graph.txt` one can read."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from assets.definitions import build_definitions
from assets.schedules import every_night
from assets.sensors import ledger_inbox
from schemas.suites import RULES

SNAPSHOT = Path(__file__).with_name("graph.txt")
REPOSITORY = SNAPSHOT.parents[1]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_definitions()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def snapshot(definitions: dg.Definitions) -> str:
    graph = definitions.resolve_asset_graph()
    lines = []
    for spec in sorted(definitions.resolve_all_asset_specs(), key=lambda s: (s.group_name, s.key)):
        lines.append(f"{spec.group_name}: {spec.key.to_user_string()}  {', '.join(spec.owners)}")
        lines += [f"    < {key}" for key in sorted(d.asset_key.to_user_string() for d in spec.deps)]
        lines += [
            f"    ? {key.name}{' (blocking)' if graph.get(key).blocking else ''}"
            for key in sorted(graph.get_check_keys_for_assets({spec.key}), key=lambda k: k.name)
        ]
    return "\n".join(lines) + "\n"


def test_the_graph_is_the_one_that_was_agreed(definitions: dg.Definitions) -> None:
    now = snapshot(definitions)
    if os.environ.get("ONEGRID_ACCEPT"):
        SNAPSHOT.write_text(now, "utf-8")
    assert now == SNAPSHOT.read_text("utf-8"), "if it is meant: ONEGRID_ACCEPT=1 pytest this file"


def test_every_asset_says_what_it_is_and_whose(specs: dict[str, dg.AssetSpec]) -> None:
    for key, spec in specs.items():
        assert spec.group_name != "default", key
        assert spec.owners, key
        assert spec.kinds, key
        assert any("\u4e00" <= letter <= "\u9fff" for letter in spec.description or ""), key
        if "duckdb" in spec.kinds and key != "deliver/publication":
            assert spec.metadata["dagster/column_schema"].columns, key


def test_whatever_an_asset_is_made_from_is_an_asset(specs: dict[str, dg.AssetSpec]) -> None:
    known = set(specs)
    for key, spec in specs.items():
        assert {dep.asset_key.to_user_string() for dep in spec.deps} <= known, key


def test_every_rule_is_a_check_and_critical_ones_hold_publication_back(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    upstream = graph.upstream_key_iterator(dg.AssetKey(["deliver", "publication"]))
    before_publication = graph.get_check_keys_for_assets(set(upstream))
    for rule in RULES:
        key = dg.AssetCheckKey(dg.AssetKey(["quality", rule.suite]), rule.name)
        assert key in before_publication
        assert graph.get(key).blocking == (rule.severity == "critical")
    conserved = dg.AssetCheckKey(dg.AssetKey(["std", "record"]), "rows_conserved")
    assert graph.get(conserved).blocking


def test_steps_can_only_run_in_the_order_of_the_journey(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    order = [level for keys in graph.toposorted_asset_keys_by_level for level in [set(keys)]]
    place = {key.to_user_string(): number for number, keys in enumerate(order) for key in keys}
    journey = (
        *("raw/grid_register", "raw/pull", "std/record", "link/pair", "link/cluster"),
        *("master/dwelling", "master/resident", "deliver/form", "quality/forms"),
        *("deliver/workbook", "deliver/report", "deliver/publication"),
    )
    assert [place[key] for key in journey] == sorted({place[key] for key in journey})


def test_only_extraction_is_tried_again(definitions: dg.Definitions) -> None:
    nodes = definitions.resolve_job_def("nightly").graph.node_defs
    patient = {node.name for node in nodes if node.retry_policy is not None}  # type: ignore[attr-defined]
    assert patient == {node.name for node in nodes if node.name.startswith("raw__")}


def test_a_rebuild_asks_no_source(definitions: dg.Definitions) -> None:
    nodes = {node.name for node in definitions.resolve_job_def("rebuild").graph.node_defs}
    assert not any(name.startswith("raw__") for name in nodes)
    assert {"mirror_raw", "validate", "deliver__publication"} <= nodes


def test_the_night_begins_at_two_in_the_morning_in_shanghai() -> None:
    when = datetime(2026, 11, 24, 2, tzinfo=ZoneInfo("Asia/Shanghai"))
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(instance, scheduled_execution_time=when)
        requests = every_night.evaluate_tick(context).run_requests
    assert len(requests or []) == 1
    assert (every_night.cron_schedule, every_night.execution_timezone, every_night.job_name) == (
        "0 2 * * *",
        "Asia/Shanghai",
        "nightly",
    )


def test_ledgers_start_a_night_once_they_have_stayed_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONEGRID_HOME", str(tmp_path))
    cursor: str | None = None

    def tick() -> int:
        nonlocal cursor
        with dg.DagsterInstance.ephemeral() as instance:
            context = dg.build_sensor_context(instance, cursor=cursor)
            said = ledger_inbox(context)
        cursor = said.cursor if isinstance(said, dg.SensorResult) else context.cursor
        return len(said.run_requests or []) if isinstance(said, dg.SensorResult) else 0

    assert tick() == 0
    workbook = tmp_path / "inbox" / "village.xlsx"
    workbook.write_bytes(b"half")
    (tmp_path / "inbox" / "~$village.xlsx").write_bytes(b"open in Excel")
    assert tick() == 0
    workbook.write_bytes(b"half and half")
    assert tick() == 0, "it was still being written"
    assert tick() == 1
    assert tick() == 0, "a night was started for it already"
    workbook.write_bytes(b"a newer version")
    assert [tick(), tick(), tick()] == [0, 1, 0]


def test_the_workspace_loads_from_any_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate"]
    done = subprocess.run(
        [*command, "-w", str(REPOSITORY / "workspace.yaml")],
        cwd=tmp_path,
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (tmp_path / "var").exists(), "loading makes nothing"
