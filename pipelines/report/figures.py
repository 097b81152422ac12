"""The figures of the report page: counts only, never a personal value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines import store
from pipelines.deliver.states import STATES
from pipelines.extract import drift
from pipelines.night import Night
from pipelines.report import texts
from pipelines.report.burden import By, label, read_burden

Row = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """Everything the page shows.

    Attributes:
        headline: residents, living, households, grids and the cells by state.
        before: the same of the night published last; None: there is none.
        seconds_spared: time of a grid worker that the cells not asked again would have cost.
        events: identity events of the night by kind.
        model: the linkage model, how many records were open when it was trained and are now, what
            kept the one in force from being used, and the blocks too large to be compared.
        forms, fields: what is required, spared and asked; see `burden.read_burden`.
        sources, defects, tiers, reviews, rules, grids, stages: rows of the page's tables.
    """

    headline: Row
    before: Row | None
    seconds_spared: float
    events: dict[str, int]
    model: Row | None
    forms: list[Row]
    fields: list[Row]
    sources: list[Row]
    defects: list[Row]
    tiers: list[Row]
    reviews: list[Row]
    rules: list[Row]
    grids: list[Row]
    stages: list[Row]


def read_figures(con: duckdb.DuckDBPyConnection, night: Night) -> Figures:
    """Count what the page shows; the night published last is opened read-only for comparison."""
    previous = night.home.night_file(night.previous)
    before = None
    if night.previous > 0 and previous.exists():
        con.execute(f"ATTACH '{store.escape(previous)}' AS previous (READ_ONLY)")
        try:
            before = _headline(con, "previous.")
        except duckdb.Error:
            before = None  # the file of an older version: there is nothing to compare with
        finally:
            con.execute("DETACH previous")
    forms, fields = read_burden(con, night.config, "form", "field")
    return Figures(
        headline=_headline(con, ""),
        before=before,
        seconds_spared=sum(row["seconds_spared"] for row in forms),
        events=dict(
            con.execute(
                "SELECT kind, count(*) FROM master.event WHERE night = ? GROUP BY kind",
                [night.number],
            ).fetchall()
        ),
        model=_model(con, night),
        forms=_labelled(forms, "form", night),
        fields=_labelled(fields, "field", night),
        sources=_sources(con, night),
        defects=_defects(con),
        tiers=_tiers(con),
        reviews=_reviews(con),
        rules=_rows(
            con,
            """SELECT rule, suite, severity, rows_checked, rows_bad, allowed, passed
            FROM quality.result WHERE night = ?
            ORDER BY passed, severity, suite, rule""",
            night.number,
        ),
        grids=_grids(con),
        stages=_rows(
            con,
            "SELECT stage, seconds FROM meta.stage WHERE night = ? ORDER BY finished_at",
            night.number,
        ),
    )


def _rows(con: duckdb.DuckDBPyConnection, sql: str, *parameters: object) -> list[Row]:
    result = con.execute(sql, list(parameters))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _headline(con: duckdb.DuckDBPyConnection, file: str) -> Row:
    cells = ", ".join(f"coalesce(sum({state}_cells), 0)::BIGINT AS {state}" for state in STATES)
    return _rows(
        con,
        f"""SELECT * FROM (SELECT count(*) AS residents,
                count(*) FILTER (death_date IS NULL) AS living,
                count(*) FILTER (grid_code IS NOT NULL AND death_date IS NULL) AS placed
            FROM {file}master.resident),
            (SELECT count(*) AS households FROM {file}master.household),
            (SELECT count(*) AS records FROM {file}std.record),
            (SELECT count(*) AS quarantined FROM {file}std.quarantine),
            (SELECT count(*) AS reviews FROM {file}link.review),
            (SELECT count(DISTINCT grid_code) AS grids, count(*) AS forms,
                coalesce(sum(required_cells), 0)::BIGINT AS required, {cells}
            FROM {file}deliver.form)""",
    )[0]


def _labelled(rows: list[Row], by: By, night: Night) -> list[Row]:
    """Rows of `read_burden` with the groups called as people call them."""
    return [{**row, "label": label(by, row["group"], night.config)} for row in rows]


def _sources(con: duckdb.DuckDBPyConnection, night: Night) -> list[Row]:
    rows = _rows(
        con,
        """SELECT s.source, s.label, s.department_label AS department, p.status, p.reason,
            p.rows_pulled, p.rows_new, p.rows_changed, p.rows_vanished, p.seconds
        FROM meta.source s LEFT JOIN raw.pull p ON p.source = s.source AND p.night = ?
        ORDER BY s.department_label, s.label""",
        night.number,
    )
    table = "raw.source_column"
    return [
        {**row, "columns": drift.changes(con, table, night.number, row["source"])} for row in rows
    ]


def _defects(con: duckdb.DuckDBPyConnection) -> list[Row]:
    rows = _rows(
        con,
        """SELECT coalesce(l.label, d.department) AS department, d.kind,
            count(*) AS times, count(*) FILTER (d.severity = 'error') AS errors
        FROM std.defect d LEFT JOIN (SELECT DISTINCT department, department_label AS label
            FROM meta.source) l ON l.department = d.department
        GROUP BY ALL ORDER BY department, times DESC, kind""",
    )
    return [{**row, "label": texts.DEFECT_LABELS.get(row["kind"], row["kind"])} for row in rows]


def _tiers(con: duckdb.DuckDBPyConnection) -> list[Row]:
    rows = _rows(
        con,
        """SELECT tier, verdict, count(*) AS times FROM link.pair
        GROUP BY ALL ORDER BY times DESC""",
    )
    return [
        {
            **row,
            "tier": texts.TIER_LABELS.get(row["tier"], row["tier"]),
            "verdict": texts.VERDICT_LABELS.get(row["verdict"], row["verdict"]),
        }
        for row in rows
    ]


def _model(con: duckdb.DuckDBPyConnection, night: Night) -> Row | None:
    rows = _rows(
        con,
        """SELECT counts ->> 'model' AS version, (counts ->> 'model_night')::INTEGER AS night,
            (counts ->> 'open_share_trained')::DOUBLE AS open_then,
            (SELECT avg(is_open::INTEGER) FROM link.standing) AS open_now,
            counts ->> 'model_problem' AS problem,
            (SELECT count(*) FROM link.crowd) AS blocks,
            (SELECT coalesce(sum(open_records), 0)::BIGINT FROM link.crowd) AS skipped
        FROM meta.stage WHERE stage = 'score_pairs' AND night = ?""",
        night.number,
    )
    return rows[0] if rows and rows[0]["version"] else None


def _reviews(con: duckdb.DuckDBPyConnection) -> list[Row]:
    rows = _rows(
        con,
        "SELECT reason, count(*) AS times FROM link.review GROUP BY reason ORDER BY times DESC",
    )
    return [{**row, "label": texts.REVIEW_LABELS.get(row["reason"], row["reason"])} for row in rows]


def _grids(con: duckdb.DuckDBPyConnection) -> list[Row]:
    cells = ", ".join(f"sum({state}_cells)::BIGINT AS {state}" for state in STATES)
    return _rows(
        con,
        f"""SELECT f.grid_code AS code, coalesce(d.village_name, '') AS village,
            coalesce(d.grid_name, f.grid_code) AS name, max(f.residents) AS residents, {cells},
            sum(f.required_cells)::BIGINT AS required
        FROM deliver.form f LEFT JOIN (SELECT grid_code, min(village_name) AS village_name,
                min(grid_name) AS grid_name FROM master.dwelling GROUP BY grid_code) d
            ON d.grid_code = f.grid_code
        GROUP BY ALL ORDER BY sum(f.ask_cells + f.verify_cells) DESC, code""",
    )
