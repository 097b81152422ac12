"""What each grid is asked: a state for every cell, from the form contracts and the master."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

from pipelines.deliver.content import (
    Sources,
    fingerprint,
    form_id_sql,
    literal,
    read_sources,
    seal_sql,
)
from pipelines.deliver.manifest import register_file_names
from pipelines.deliver.returned import REFUSED, register_returns
from pipelines.errors import ConfigError
from pipelines.journal import open_journal
from pipelines.night import Night
from pipelines.progress import tell
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import FormContract, FormItem

_STATES = ("known", "verify", "ask", "waits", "withheld")
_OPEN = ("ask", "verify")


def plan_forms(night: Night) -> dict[str, int]:
    """Fill `deliver.form_row` and `deliver.form` for every contract and every grid.

    A form whose content is that of its last issue keeps its version and its workbook; any other is
    left without `file_sha256`, which tells `render_forms` to draw it.

    What several forms lack, the first of them asks (`FormContract.order`); on the others it waits.

    Returns:
        counts: forms, forms_changed, residents, and the cells by state.

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
        con.execute("BEGIN")
        register_returns(con, night, journal)
        con.execute("DELETE FROM deliver.form_row")
        con.execute("DELETE FROM deliver.form")
        earlier: list[FormContract] = []
        for number, contract in enumerate(night.config.forms.values()):
            tell("plan_forms", number, len(night.config.forms))
            period = period_of(contract, night.business_date)
            waiting = _register_asked(con, contract, earlier, night.business_date)
            _fill_rows(con, contract, sources, night.business_date, waiting)
            earlier.append(contract)
            _fill_forms(con, contract, sources, period, night.config.district.name)
        con.execute("COMMIT")
        counts.update(_count(con))
    return counts


def period_of(contract: FormContract, day: date) -> str:
    """The period that `day` falls into: ``2026-11``, ``2026Q4`` or ``2026``."""
    if contract.period == "month":
        return f"{day:%Y-%m}"
    if contract.period == "quarter":
        return f"{day.year}Q{(day.month + 2) // 3}"
    return str(day.year)


def _register_asked(
    con: duckdb.DuckDBPyConnection, contract: FormContract, earlier: list[FormContract], day: date
) -> set[str]:
    """The temporary table ``asked_before``: residents on `earlier` forms that share fields.

    Columns: resident_id and, for each field that is returned, whether an earlier form asks it, has
    it verified, or was refused it.
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
            f"SELECT resident_id, {asks} FROM deliver.form_row f "
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
    waiting: set[str],
) -> None:
    """One row per resident who is alive, placed in a grid and meant, in walking order.

    The fields that are `waiting` may be asked by a form of ``asked_before``.
    """
    check_target(con, contract)
    period = period_of(contract, day)
    columns = ", ".join(f'"{item.field}_state"' for item in contract.items)
    states = ", ".join(
        state_sql(item, contract, sources, day, may_wait=item.field in waiting)
        for item in contract.items
    )
    con.execute(f"""INSERT INTO deliver.form_row
        (form, period, grid_code, row_no, resident_id, household_id, {columns})
    WITH register AS (SELECT dwelling_id, min(dwelling_key) AS dwelling_key
        FROM std.dwelling GROUP BY dwelling_id),
    walk AS (SELECT d.dwelling_id, row_number() OVER (ORDER BY {_natural("dwelling_key, address")},
            d.dwelling_id) AS step
        FROM master.dwelling d LEFT JOIN register USING (dwelling_id)),
    asked AS (SELECT r.resident_id, r.grid_code, r.household_id, row_number() OVER (
            PARTITION BY r.grid_code
            ORDER BY walk.step NULLS LAST, r.household_id NULLS LAST,
                coalesce(r.is_head, FALSE) DESC, {_kin_order()}, r.birth_date NULLS LAST,
                r.resident_id) AS row_no
        FROM {people_sql(day)} r LEFT JOIN walk ON walk.dwelling_id = r.dwelling_id
        WHERE r.grid_code IS NOT NULL AND r.death_date IS NULL AND ({contract.target})
            AND (r.resident_id, r.grid_code) NOT IN (
                SELECT (resident_id, grid_code) FROM deliver.way_out WHERE stays_off))
    SELECT {literal(contract.form)}, {literal(period)}, a.grid_code, a.row_no, r.resident_id,
        a.household_id, {states}
    FROM asked a JOIN master.resident r ON r.resident_id = a.resident_id
    LEFT JOIN master.provenance p ON p.resident_id = a.resident_id
    LEFT JOIN (SELECT resident_id, grid_code, TRUE AS refuses FROM deliver.way_out
        WHERE way = '{REFUSED}' AND form = {literal(contract.form)} AND period = {literal(period)}
        ) o ON o.resident_id = a.resident_id AND o.grid_code = a.grid_code
    LEFT JOIN told_lately u ON u.resident_id = a.resident_id
    LEFT JOIN asked_before b ON b.resident_id = a.resident_id
    ORDER BY a.grid_code, a.row_no""")


def people_sql(day: date) -> str:
    """SQL of the residents as a form's target sees them: `master.resident` with their age."""
    return f"(SELECT *, date_sub('year', birth_date, DATE '{day}') AS age FROM master.resident)"


def check_target(con: duckdb.DuckDBPyConnection, contract: FormContract) -> None:
    """Refuse a form's target that is not one whole condition, see `check_condition`."""
    check_condition(con, contract.target, f"form {contract.form}: 'target'")


def check_condition(con: duckdb.DuckDBPyConnection, condition: str, said: str) -> None:
    """Refuse what is not one whole SQL condition over a resident; `said` is where it stands.

    It must stand both bare and in brackets: so it can neither close the brackets it is put into
    and escape the other conditions, nor go on after them.

    Raises:
        ConfigError: it is something else.
    """
    for written in (condition, f"({condition})"):
        query = f"SELECT 1 FROM {people_sql(date.min)} r WHERE {written} LIMIT 0"
        try:
            statements = len(con.extract_statements(query))
            if statements == 1:
                con.execute(query).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{said} cannot be used: {reason}") from error
        if statements != 1:
            raise ConfigError(f"{said} must be one SQL condition")


def state_sql(
    item: FormItem,
    contract: FormContract,
    sources: Sources,
    day: date,
    *,
    may_wait: bool = False,
) -> str:
    """SQL of the state of one cell.

    Over `master.resident` as r and `master.provenance` as p; o.refuses says that the resident would
    not answer this form in its period, u.fields what they have answered lately and, where the cell
    `may_wait`, b."field" that an earlier form asks it.
    """
    value, source = f'r."{item.field}"', f'p."{item.field}_source"'
    observed, contested = f'p."{item.field}_observed"', f'p."{item.field}_contested"'
    fresh_days = FIELD[item.field].fresh_days if item.fresh_days is None else item.fresh_days
    served = ", ".join(map(str, sources.serving(contract.purpose))) or "NULL"
    stale = "FALSE"
    if fresh_days is not None:
        within, alone_days = str(fresh_days), FIELD[item.field].alone_days
        if alone_days is not None and alone_days < fresh_days:
            within = f"""CASE WHEN p."{item.field}_alone" THEN {alone_days} ELSE {within} END"""
        stale = f"coalesce({observed} < DATE '{day}' - {within}, TRUE)"
    youngest, oldest = item.ages
    concerned = "TRUE"
    if (youngest, oldest) != (0, 200):
        age = f"date_sub('year', r.birth_date, DATE '{day}')"
        concerned = f"coalesce({age} BETWEEN {youngest} AND {oldest}, TRUE)"
    # Who would not say is not pressed again within the period; the cell stays open.
    asked = "CASE WHEN o.refuses THEN 'none' ELSE 'ask' END" if item.required else "'none'"
    waits = f"""WHEN coalesce(b."{item.field}", FALSE) THEN 'waits'""" if may_wait else ""
    withheld = f"WHEN NOT coalesce({source} IN ({served}), FALSE) THEN 'withheld'"
    if item.field in contract.identifies:
        withheld = f"WHEN {source} IS NULL THEN 'withheld'"
    return f"""CASE WHEN NOT {concerned} THEN NULL
        WHEN {value} IS NULL THEN {f"CASE {waits} ELSE {asked} END" if waits else asked}
        {withheld}
        WHEN (coalesce({contested}, FALSE) OR {stale})
            AND NOT coalesce(list_contains(u.fields, '{item.field}'), FALSE)
            THEN {f"CASE {waits} ELSE 'verify' END" if waits else "'verify'"}
        ELSE 'known' END"""


def _natural(columns: str) -> str:
    """SQL of a sort key in which 2 comes before 10."""
    return f"""array_to_string(list_transform(
        regexp_extract_all(coalesce({columns}, ''), '[0-9]+|[^0-9]+'),
        lambda part: CASE WHEN part[1] BETWEEN '0' AND '9'
            THEN lpad(part, greatest(8, length(part))::INTEGER, '0') ELSE part END), '')"""


def _kin_order() -> str:
    """SQL of the order within a household, as the code list of kinship orders it."""
    codes = list(code_list("relation").values)
    return f"coalesce(list_position({codes!r}, r.relation), {len(codes) + 1})"


def _fill_forms(
    con: duckdb.DuckDBPyConnection,
    contract: FormContract,
    sources: Sources,
    period: str,
    district: str,
) -> None:
    required = [item.field for item in contract.items if item.required]
    counted = ", ".join(
        f"sum({' + '.join(_is(field, state) for field in required) or '0'}) AS {state}"
        for state in _STATES
    )
    base = fingerprint(contract, district)
    register_file_names(con, contract, period)
    con.execute(f"""INSERT INTO deliver.form
    WITH counted AS (SELECT grid_code, count(*) AS residents, {counted}
        FROM deliver.form_row WHERE form = {literal(contract.form)} GROUP BY grid_code),
    hashed AS (SELECT grid_code, string_agg(seal::VARCHAR, ' ' ORDER BY row_no) AS seals
        FROM ({seal_sql(contract, sources)}) GROUP BY grid_code),
    hash AS (SELECT {form_id_sql(contract.form, literal(period), "grid_code")} AS form_id, *,
            sha256(concat('{base}', chr(31), village, chr(31), grid_name, chr(31), seals))
                AS content_hash
        FROM counted JOIN hashed USING (grid_code) JOIN file_name USING (grid_code))
    SELECT h.form_id, {literal(contract.form)}, {literal(period)}, h.grid_code,
        CASE WHEN i.form_id IS NULL THEN 1
            ELSE i.version + (i.content_hash <> h.content_hash)::INTEGER END,
        h.residents, h.known + h.verify + h.ask + h.waits + h.withheld, h.known, h.verify, h.ask,
        h.waits, h.withheld, h.content_hash, h.file,
        CASE WHEN i.content_hash = h.content_hash THEN i.file_sha256 END
    FROM hash h LEFT JOIN last_issue i ON i.form_id = h.form_id
    ORDER BY h.grid_code""")


def _is(field: str, state: str) -> str:
    return f"""coalesce("{field}_state" = '{state}', FALSE)::INTEGER"""


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
    names = ("forms", "forms_changed", "residents", "required", *_STATES)
    sums = ", ".join(f"coalesce(sum({state}_cells), 0)" for state in ("required", *_STATES))
    row = con.execute(f"""SELECT count(*), count(*) FILTER (file_sha256 IS NULL),
        coalesce(sum(residents), 0), {sums} FROM deliver.form""").fetchall()[0]
    return dict(zip(names, map(int, row), strict=True))
