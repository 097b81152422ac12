"""What each grid is asked: a state for every cell, from the form contracts and the master."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

from pipelines.deliver.affected import register_affected
from pipelines.deliver.content import (
    Sources,
    fingerprint,
    form_id_sql,
    literal,
    read_sources,
    seal_sql,
)
from pipelines.deliver.manifest import register_file_names, register_grids
from pipelines.deliver.returned import REFUSED, register_returns
from pipelines.deliver.states import STATES, check_target, people_sql, period_of, state_sql
from pipelines.deliver.walk import register_walk
from pipelines.journal import open_journal
from pipelines.night import Night
from pipelines.progress import tell
from schemas.forms import FormContract

_OPEN = ("ask", "verify")


def plan_forms(night: Night) -> dict[str, int]:
    """Fill `deliver.form_row` and `deliver.form` for every contract and every grid.

    In a delta night only the rows of those it affects are made anew; all are numbered.

    A form whose content is that of its last issue keeps its version and its workbook; any other is
    left without `file_sha256`, which tells `render_forms` to draw it.

    What several forms lack, the first of them asks (`FormContract.order`); on the others it waits.

    Returns:
        counts: forms, forms_changed, residents, planned (rows made anew), and the cells by state.

    Raises:
        ConfigError: the target of a contract is no condition over a resident.
    """
    with (
        night.stage("plan_forms") as counts,
        night.open() as con,
        open_journal(night.config.journal_url) as journal,
    ):
        sources = read_sources(con)
        _register_issues(con, journal.issues())
        register_returns(con, night, journal)
        chosen = "SEMI JOIN affected USING (resident_id)" if register_affected(con, night) else ""
        register_walk(con)
        register_grids(con)
        _register_planned(con, chosen)
        con.execute("BEGIN")
        among = "resident_id IN (FROM affected)" if chosen else "TRUE"
        con.execute(f"DELETE FROM deliver.form_row WHERE {among}")
        con.execute("DELETE FROM deliver.form")
        earlier: list[FormContract] = []
        counts["planned"] = 0
        for number, contract in enumerate(night.config.forms.values()):
            tell("plan_forms", number, len(night.config.forms))
            check_target(con, contract)
            waiting = _register_asked(con, contract, earlier, night.business_date, chosen=chosen)
            counts["planned"] += _fill_rows(
                con,
                contract,
                sources,
                night.business_date,
                waiting=waiting,
            )
            earlier.append(contract)
            _number_rows(con, contract)
            _fill_forms(con, contract, night.business_date, night.config.district.name)
        con.execute("COMMIT")
        counts.update(_count(con))
    return counts


def _register_planned(con: duckdb.DuckDBPyConnection, chosen: str) -> None:
    """``planned_resident`` and ``planned_provenance``: those whose rows are made anew.

    Every form looks at them, so in a delta night they are taken out of the master once.
    """
    kind = "TABLE" if chosen else "VIEW"
    for table in ("resident", "provenance"):
        con.execute(
            f"CREATE OR REPLACE TEMP {kind} planned_{table} AS FROM master.{table} {chosen}"
        )


def _register_asked(
    con: duckdb.DuckDBPyConnection,
    contract: FormContract,
    earlier: list[FormContract],
    day: date,
    *,
    chosen: str,
) -> set[str]:
    """The temporary table ``asked_before``: residents on `earlier` forms that share fields.

    Columns: resident_id and, for each field that is returned, whether an earlier form asks it, has
    it verified, or was refused it. `chosen` is a join that leaves those who are planned.
    """
    parts: list[str] = []
    shared: set[str] = set()
    for other in earlier:
        both = {item.field for item in other.items} & {item.field for item in contract.items}
        if not both:
            continue
        shared |= both
        asks = ", ".join(
            f"""coalesce("{field}_state" IN {_OPEN!r} OR ("{field}_state" = 'none'
                AND resident_id IN (SELECT resident_id FROM deliver.way_out w
                    WHERE w.way = '{REFUSED}' AND w.form = f.form AND w.period = f.period)), FALSE)
                AS "{field}" """
            for field in sorted(both)
        )
        parts.append(
            f"SELECT resident_id, {asks} FROM deliver.form_row f {chosen} "
            f"WHERE form = {literal(other.form)} AND period = {literal(period_of(other, day))}"
        )
    if parts:
        asked = ", ".join(f'bool_or("{field}") AS "{field}"' for field in sorted(shared))
        con.execute(
            f"""CREATE OR REPLACE TEMP TABLE asked_before AS
            SELECT resident_id, {asked} FROM ({" UNION ALL BY NAME ".join(parts)})
            GROUP BY resident_id"""
        )
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE asked_before (resident_id VARCHAR)")
    return shared


def _fill_rows(
    con: duckdb.DuckDBPyConnection,
    contract: FormContract,
    sources: Sources,
    day: date,
    *,
    waiting: set[str],
) -> int:
    """One row per planned resident who is alive, placed in a grid and meant; returns how many.

    The fields that are `waiting` may be asked by a form of ``asked_before``. Rows are not numbered
    yet.
    """
    period = period_of(contract, day)
    states = ", ".join(
        f"{state_sql(item, contract, sources, day, may_wait=item.field in waiting)} "
        f'AS "{item.field}_state"'
        for item in contract.items
    )
    required = [item.field for item in contract.items if item.required]
    cells = ", ".join(
        f"({' + '.join(_is(field, state) for field in required) or '0'})::UTINYINT AS {state}_cells"
        for state in STATES
    )
    filled = ", ".join(f'w."{item.field}_state"' for item in contract.items)
    shown = ", ".join(
        f'r."{item.field}", p."{item.field}_source", p."{item.field}_observed", '
        f'p."{item.field}_contested"'
        for item in contract.items
    )
    rows = con.execute(f"""INSERT INTO deliver.form_row BY NAME
    WITH meant AS (SELECT resident_id FROM {people_sql(day, "planned_resident")} r
        WHERE ({contract.target})
        AND (r.resident_id, r.grid_code) NOT IN (
            SELECT (resident_id, grid_code) FROM deliver.way_out WHERE stays_off)),
    refuser AS (SELECT resident_id, grid_code, TRUE AS refuses FROM deliver.way_out
        WHERE way = '{REFUSED}' AND form = {literal(contract.form)} AND period = {literal(period)}),
    village AS (SELECT grid_code, min(village_name) AS village
        FROM master.dwelling WHERE grid_code IS NOT NULL GROUP BY grid_code),
    stated AS (SELECT a.grid_code, a.place, a.resident_id, r.household_id, d.address AS door,
            v.village, r.address AS own_address, p.address_source AS own_address_source, {shown},
            {states}
        FROM walk a JOIN meant USING (resident_id)
        JOIN planned_resident r ON r.resident_id = a.resident_id
        LEFT JOIN planned_provenance p ON p.resident_id = a.resident_id
        LEFT JOIN refuser o ON o.resident_id = a.resident_id AND o.grid_code = a.grid_code
        LEFT JOIN told_lately u ON u.resident_id = a.resident_id
        LEFT JOIN asked_before b ON b.resident_id = a.resident_id
        LEFT JOIN master.dwelling d ON d.dwelling_id = r.dwelling_id
        LEFT JOIN village v ON v.grid_code = d.grid_code)
    SELECT {literal(contract.form)} AS form, {literal(period)} AS period, w.grid_code, 0 AS row_no,
        w.resident_id, w.household_id, {seal_sql(contract, sources)} AS seal, {cells}, {filled}
    FROM stated w ORDER BY w.grid_code, w.place""").fetchall()
    return int(rows[0][0])


def _is(field: str, state: str) -> str:
    return f"""coalesce(w."{field}_state" = '{state}', FALSE)::UTINYINT"""


def _number_rows(con: duckdb.DuckDBPyConnection, contract: FormContract) -> None:
    """Number the rows of every grid's form in walking order."""
    con.execute(f"""UPDATE deliver.form_row f SET row_no = n.row_no
    FROM (SELECT resident_id,
            row_number() OVER (PARTITION BY w.grid_code ORDER BY w.place) AS row_no
        FROM deliver.form_row JOIN walk w USING (resident_id)
        WHERE form = {literal(contract.form)}) n
    WHERE f.form = {literal(contract.form)} AND f.resident_id = n.resident_id
        AND f.row_no <> n.row_no""")


def _fill_forms(
    con: duckdb.DuckDBPyConnection, contract: FormContract, day: date, district: str
) -> None:
    period = period_of(contract, day)
    base = fingerprint(contract, district)
    cells = ", ".join(f"sum({state}_cells)::BIGINT AS {state}" for state in STATES)
    register_file_names(con, contract, period)
    con.execute(f"""INSERT INTO deliver.form
    WITH counted AS (SELECT grid_code, count(*) AS residents, {cells},
            concat(bit_xor(hash(seal, row_no)), ' ', sum(hash(seal, row_no)::HUGEINT)) AS seals
        FROM deliver.form_row WHERE form = {literal(contract.form)} GROUP BY grid_code),
    hash AS (SELECT {form_id_sql(contract.form, literal(period), "grid_code")} AS form_id, *,
            sha256(concat('{base}', chr(31), village, chr(31), grid_name, chr(31), seals))
                AS content_hash
        FROM counted JOIN file_name USING (grid_code))
    SELECT h.form_id, {literal(contract.form)}, {literal(period)}, h.grid_code,
        CASE WHEN i.form_id IS NULL THEN 1
            ELSE i.version + (i.content_hash <> h.content_hash)::INTEGER END,
        h.residents, h.known + h.verify + h.ask + h.waits + h.withheld, h.known, h.verify, h.ask,
        h.waits, h.withheld, h.content_hash, h.file,
        CASE WHEN i.content_hash = h.content_hash THEN i.file_sha256 END
    FROM hash h LEFT JOIN last_issue i ON i.form_id = h.form_id
    ORDER BY h.grid_code""")


def _register_issues(con: duckdb.DuckDBPyConnection, issues: list[dict[str, object]]) -> None:
    """The temporary table last_issue: the last issue of every form, from the journal."""
    columns = ("form_id", "version", "content_hash", "file_sha256")
    table = pa.table({name: [issue[name] for issue in issues] for name in columns})
    con.register("journal_issue", table)
    con.execute("""CREATE OR REPLACE TEMP TABLE last_issue AS SELECT form_id::VARCHAR AS form_id,
        version::INTEGER AS version, content_hash::VARCHAR AS content_hash,
        file_sha256::VARCHAR AS file_sha256 FROM journal_issue""")
    con.unregister("journal_issue")


def _count(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = ("forms", "forms_changed", "residents", "required", *STATES)
    sums = ", ".join(f"coalesce(sum({state}_cells), 0)" for state in ("required", *STATES))
    row = con.execute(f"""SELECT count(*), count(*) FILTER (file_sha256 IS NULL),
        coalesce(sum(residents), 0), {sums} FROM deliver.form""").fetchall()[0]
    return dict(zip(names, map(int, row), strict=True))
