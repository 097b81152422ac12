"""What is wrong in the data of one department, as the published night knows it.

Cost: a pass over `std.defect` and the department's records, one join with its raw rows, and one
with the master for each field in which something was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import pyarrow as pa

from pipelines.corrections import Kept
from pipelines.explain.records import readable
from pipelines.extract.keys import version_sql
from pipelines.merge import survivorship
from pipelines.standardise.intake import record_id_sql
from pipelines.store import quote
from schemas.fields import FIELD, FIELDS, Field
from schemas.source import SourceMap

MOST = 5_000
"""Items in one workbook; a person works through no more in a month."""
UNKNOWN_DAYS = 180
"""What nobody could tell is not asked again for so long."""
_USABLE = "('valid', 'upgraded', 'conflict')"
_ASIDE = ("no_person", "no_identity", "no_place")
"""Reasons of `std.quarantine` that the department can do something about."""


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong in one row.

    Attributes:
        record_id, source, source_key, role: the record, see `std.record`.
        row_hash: the version of its row.
        place: table or file; sheet, row_no: for ledgers.
        name: as the row writes it.
        field: canonical field; empty: the whole row.
        kind, severity: see docs/defects.md; severity is ``error`` or ``warning``.
        settles: items of the review queue (by their value) and cells of forms that wait for it.
        own: what the row says in the field, as it writes it.
        other: source_key, file, sheet and row of another row of the same source, where it is about
            two of them.
        evidence: what the master says from elsewhere, readable; None: nothing, or it is hidden.
        evidence_source, evidence_on: where and when that was observed.
        is_hidden: something is known from elsewhere that this department may not see.
        promised_on: the department said then that it had mended it, and its data is unchanged.
    """

    record_id: int
    source: str
    source_key: str
    role: str
    row_hash: int
    file: str | None
    sheet: str | None
    row_no: int | None
    name: str | None
    field: str
    kind: str
    severity: str
    settles: float
    own: str | None
    other: tuple[str, str | None, str | None, int | None] | None
    evidence: str | None
    evidence_source: str | None
    evidence_on: date | None
    is_hidden: bool
    promised_on: date | None


@dataclass(frozen=True)
class Found:
    """The defects that go out, and how many there are.

    Attributes:
        defects: at most `MOST`, gravest first.
        counts: kind → number, of all that could go out.
        answered: left out because the department has answered.
        minor: of severity ``info``: mended by cleaning, nothing to do.
    """

    defects: list[Defect]
    counts: dict[str, int]
    answered: int
    minor: int


def find_defects(
    con: duckdb.DuckDBPyConnection,
    sources: Mapping[str, SourceMap],
    department: str,
    answers: Iterable[Kept],
    month: date,
    *,
    most: int = MOST,
) -> Found:
    """The defects of a department, ordered by severity and by what mending them settles.

    Args:
        con: a published file, read only.
        sources: source maps by name.
        department: whose data.
        answers: what departments have answered, see `Corrections.in_force`.
        month: first day of the month for which it is made.
        most: at most so many.
    """
    own = {
        name: source
        for name, source in sources.items()
        if source.department == department and source.kind != "returns"
    }
    con.execute(
        """CREATE OR REPLACE TEMP TABLE found (record_id BIGINT, source VARCHAR, source_key VARCHAR,
        role VARCHAR, field VARCHAR, kind VARCHAR, severity VARCHAR, other_key VARCHAR)"""
    )
    _in_rows(con, own)
    _between_rows(con, own)
    _against_the_master(con, own)
    _set_aside(con, own)
    _place(con, own)
    _weigh(con, sources, own)
    _answered(con, answers, month)
    counts = con.execute(
        "SELECT kind, count(*) FROM open_defect GROUP BY kind ORDER BY 2 DESC, 1"
    ).fetchall()
    ((total,),) = con.execute("SELECT count(*) FROM weighed").fetchall()
    ((minor,),) = con.execute(
        """SELECT count(*) FROM std.defect
        WHERE severity = 'info' AND kind <> 'corrected' AND list_contains(?, source)""",
        [list(own)],
    ).fetchall()
    rows = con.execute(
        """SELECT * FROM open_defect ORDER BY severity, settles DESC, kind, source, file, sheet,
        row_no, source_key, role, field LIMIT ?""",
        [most],
    )
    names = [column[0] for column in rows.description or ()]
    defects = [_defect(dict(zip(names, row, strict=True))) for row in rows.fetchall()]
    open_ones = sum(number for _, number in counts)
    return Found(defects, dict(counts), total - open_ones, minor)


def _in_rows(con: duckdb.DuckDBPyConnection, own: Mapping[str, SourceMap]) -> None:
    """What cleaning and linkage wrote down."""
    con.execute(
        """INSERT INTO found
        SELECT DISTINCT d.record_id, r.source, r.source_key, r.role, d.field, d.kind, d.severity,
            NULL::VARCHAR
        FROM std.defect d JOIN std.record r USING (record_id)
        WHERE d.severity IN ('error', 'warning') AND list_contains(?, r.source)""",
        [list(own)],
    )


def _between_rows(con: duckdb.DuckDBPyConnection, own: Mapping[str, SourceMap]) -> None:
    """``id_of_two``: one valid number on two residents, told to who is not known to be its holder.
    ``listed_twice``: one person in two rows of a source; of these the newest row is not told."""
    con.execute(
        f"""INSERT INTO found
        WITH held AS (SELECT r.*, c.resident_id FROM std.record r JOIN link.cluster c
            USING (record_id) WHERE r.id17 IS NOT NULL AND r.id_status IN {_USABLE}),
        shared AS (SELECT id17 FROM held GROUP BY id17
            HAVING min(resident_id) <> max(resident_id))
        SELECT h.record_id, h.source, h.source_key, h.role, 'id_number', 'id_of_two', 'error',
            (SELECT min(o.source_key) FROM held o WHERE o.id17 = h.id17 AND o.source = h.source
                AND o.resident_id <> h.resident_id)
        FROM held h SEMI JOIN shared USING (id17)
        SEMI JOIN ({survivorship.NOT_HELD}) n ON n.record_id = h.record_id
        WHERE list_contains(?, h.source) AND h.record_id NOT IN
            (SELECT record_id FROM found WHERE kind = 'id_borrowed')""",
        [list(own)],
    )
    con.execute(
        """INSERT INTO found
        SELECT record_id, source, source_key, role, '', 'listed_twice', 'warning', newest
        FROM (SELECT r.*, last(source_key) OVER same AS newest, count(*) OVER same AS listed
            FROM std.record r JOIN link.cluster c USING (record_id)
            WHERE role = 'self' AND list_contains(?, source)
            WINDOW same AS (PARTITION BY c.resident_id, source ORDER BY observed_date, record_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING))
        WHERE listed > 1 AND source_key <> newest""",
        [list(own)],
    )


def _against_the_master(con: duckdb.DuckDBPyConnection, own: Mapping[str, SourceMap]) -> None:
    """``contested``: the master chose another value, and doubts it. ``dead_listed``: the resident
    has died; grave where money still flows."""
    doubts = ", ".join(f'bool_or("{field.name}_contested")' for field in FIELDS)
    ((*is_doubted,),) = con.execute(f"SELECT {doubts} FROM master.provenance").fetchall()
    for field, is_contested in zip(FIELDS, is_doubted, strict=True):
        if is_contested:
            _contested(con, field, own)
    databases = [name for name, source in own.items() if source.kind == "database"]
    con.execute(
        """INSERT INTO found
        SELECT r.record_id, r.source, r.source_key, r.role, 'death_date', 'dead_listed',
            CASE WHEN r.record_id IN (
                SELECT record_id FROM std.benefit b WHERE coalesce(b.until > m.death_date, TRUE)
                UNION ALL SELECT record_id FROM std.insurance i
                WHERE i.status IN ('active', 'receiving')
                    AND coalesce(i.until > m.death_date, TRUE))
                THEN 'error' ELSE 'warning' END, NULL
        FROM std.record r JOIN link.cluster USING (record_id)
        JOIN master.resident m USING (resident_id)
        WHERE m.death_date IS NOT NULL AND r.death_date IS NULL AND r.role = 'self'
            AND list_contains($own, r.source)
            AND (list_contains($databases, r.source) OR r.observed_date > m.death_date)""",
        {"own": list(own), "databases": databases},
    )


def _contested(con: duckdb.DuckDBPyConnection, field: Field, own: Mapping[str, SourceMap]) -> None:
    name = field.name
    con.execute(
        f"""INSERT INTO found
        SELECT r.record_id, r.source, r.source_key, r.role, '{name}', 'contested', 'warning', NULL
        FROM (SELECT r.*, x.record_id IS NULL AS holds_number FROM std.record r
            LEFT JOIN ({survivorship.NOT_HELD}) x USING (record_id)
            WHERE list_contains(?, source) AND r."{name}" IS NOT NULL) r
        JOIN link.cluster k ON k.record_id = r.record_id
        JOIN master.provenance p ON p.resident_id = k.resident_id AND p."{name}_contested"
        JOIN (SELECT r.record_id, r."{name}", {survivorship.compared(name)} AS "{name}_compared"
            FROM std.record r) c ON c.record_id = p."{name}_record"
        WHERE c.record_id <> r.record_id AND ({survivorship.otherwise(field)})""",
        [list(own)],
    )


def _set_aside(con: duckdb.DuckDBPyConnection, own: Mapping[str, SourceMap]) -> None:
    """Rows in quarantine."""
    for name, source in own.items():
        for role in ("", *(person.role for person in source.persons)):
            con.execute(
                f"""INSERT INTO found SELECT {record_id_sql("source_key", name, role)}, source,
                source_key, role, '', reason, 'error', NULL FROM std.quarantine
                WHERE source = ? AND role = ? AND list_contains(?, reason)""",
                [name, role, list(_ASIDE)],
            )


def _place(con: duckdb.DuckDBPyConnection, own: Mapping[str, SourceMap]) -> None:
    """The temporary table ``placed``: where each row stands now, and what it says."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE placed AS SELECT *, NULL::BIGINT AS row_hash,
        NULL::VARCHAR AS file, NULL::VARCHAR AS sheet, NULL::INTEGER AS row_no,
        NULL::VARCHAR AS name, NULL::VARCHAR AS own, NULL::VARCHAR AS other_file,
        NULL::VARCHAR AS other_sheet, NULL::INTEGER AS other_row FROM found LIMIT 0"""
    )
    for name, source in own.items():
        roles = {person.role: person.fields for person in source.persons} | {"": {}}
        for role, fields in roles.items():
            told = " ".join(
                f"WHEN '{field}' THEN r.{quote(column)}" for field, column in fields.items()
            )
            named = f"r.{quote(fields['name'])}" if "name" in fields else "NULL"
            con.execute(
                f"""INSERT INTO placed
                SELECT f.*, {version_sql(source, "r")}, r.file, r.sheet, r.row_no, trim({named}),
                    trim(coalesce(c.value, {f"CASE f.field {told} END" if told else "NULL"})),
                    o.file, o.sheet, o.row_no
                FROM found f JOIN raw.{quote(name)} r
                    ON r.source_key = f.source_key AND r.until_night IS NULL
                LEFT JOIN std.correction c ON c.record_id = f.record_id AND c.field = f.field
                LEFT JOIN raw.{quote(name)} o
                    ON o.source_key = f.other_key AND o.until_night IS NULL
                WHERE f.source = '{name}' AND f.role = '{role}'"""
            )
    con.execute("DROP TABLE found")


def _weigh(
    con: duckdb.DuckDBPyConnection, sources: Mapping[str, SourceMap], own: Mapping[str, SourceMap]
) -> None:
    """The temporary table ``weighed``: with what the master says, and what mending settles."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE evidence (record_id BIGINT, field VARCHAR, value VARCHAR,
        source VARCHAR, observed DATE, cells BIGINT)"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE asked AS SELECT DISTINCT record_id, resident_id, field
        FROM placed JOIN link.cluster USING (record_id) WHERE field <> ''"""
    )
    for (name,) in con.execute("SELECT DISTINCT field FROM asked ORDER BY field").fetchall():
        con.execute(
            f"""INSERT INTO evidence
            SELECT a.record_id, a.field,
                CASE WHEN p."{name}_record" <> a.record_id AND CAST(m."{name}" AS VARCHAR)
                    IS DISTINCT FROM CAST(r."{name}" AS VARCHAR)
                    THEN CAST(m."{name}" AS VARCHAR) END,
                s.source, p."{name}_observed", coalesce(w.cells, 0)
            FROM asked a JOIN master.resident m USING (resident_id)
            JOIN master.provenance p USING (resident_id) JOIN std.record r USING (record_id)
            LEFT JOIN meta.source s ON s.source_no = p."{name}_source"
            LEFT JOIN (SELECT resident_id, count(*) AS cells FROM deliver.form_row
                WHERE "{name}_state" IN ('verify', 'ask') GROUP BY resident_id) w
                USING (resident_id)
            WHERE a.field = '{name}'"""
        )
    seen = [
        (holder, name)
        for holder in own
        for name in sources
        if may_see(sources[holder], sources[name])
    ]
    con.register(
        "visible",
        pa.table(
            {
                "holder": pa.array([holder for holder, _ in seen], pa.string()),
                "seen": pa.array([name for _, name in seen], pa.string()),
            }
        ),
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE weighed AS
        SELECT p.*, coalesce(v.value, 0) + coalesce(e.cells, 0) AS settles,
            s.seen IS NULL AND e.value IS NOT NULL AS is_hidden,
            CASE WHEN s.seen IS NOT NULL THEN e.value END AS evidence,
            l.label AS evidence_label, l.department_label AS evidence_department,
            e.observed AS evidence_on
        FROM placed p
        LEFT JOIN evidence e USING (record_id, field)
        LEFT JOIN visible s ON s.holder = p.source AND s.seen = e.source
        LEFT JOIN meta.source l ON l.source = s.seen
        LEFT JOIN (SELECT record_id, max(value) AS value FROM (
                SELECT record_l AS record_id, value FROM link.review
                UNION ALL SELECT record_r, value FROM link.review) GROUP BY record_id) v
            USING (record_id)
        -- a death that may not be told is not told by asking about it either
        WHERE NOT (p.kind = 'dead_listed' AND s.seen IS NULL)"""
    )
    con.unregister("visible")


def may_see(holder: SourceMap, other: SourceMap) -> bool:
    """Whether the department that holds one source may see values of another.

    Its own always; a stranger's only where that one may be used for every purpose for which the
    first is kept.
    """
    return other.department == holder.department or set(holder.purposes) <= set(other.purposes)


def _answered(con: duckdb.DuckDBPyConnection, answers: Iterable[Kept], month: date) -> None:
    """The temporary table ``open_defect``: without what the department has answered."""
    kept = list(answers)
    kinds = {
        "record_id": pa.int64(),
        "field": pa.string(),
        "kind": pa.string(),
        "row_hash": pa.int64(),
        "verdict": pa.string(),
        "value": pa.string(),
        "answered_on": pa.date32(),
    }
    con.register(
        "said",
        pa.table(
            {name: pa.array([getattr(k, name) for k in kept], t) for name, t in kinds.items()}
        ),
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE open_defect AS
        SELECT w.*, CASE WHEN a.verdict = 'mended' THEN a.answered_on END AS promised_on
        FROM weighed w LEFT JOIN said a USING (record_id, field, kind, row_hash)
        WHERE (a.verdict = 'right' OR a.value IS NOT NULL
            OR (a.verdict = 'mended' AND a.answered_on >= DATE '{month}')
            OR (a.verdict = 'unknown' AND a.answered_on > DATE '{month}' - {UNKNOWN_DAYS}))
            IS NOT TRUE"""
    )
    con.unregister("said")


def _defect(row: dict) -> Defect:
    evidence = row["evidence"]
    if evidence is not None and row["field"] in FIELD:
        evidence = readable(row["field"], evidence)
    other = (row["other_key"], row["other_file"], row["other_sheet"], row["other_row"])
    return Defect(
        record_id=row["record_id"],
        source=row["source"],
        source_key=row["source_key"],
        role=row["role"],
        row_hash=row["row_hash"],
        file=row["file"],
        sheet=row["sheet"],
        row_no=row["row_no"],
        name=row["name"],
        field=row["field"],
        kind=row["kind"],
        severity=row["severity"],
        settles=row["settles"],
        own=row["own"],
        other=other if row["other_key"] else None,
        evidence=evidence,
        evidence_source="·".join(
            part for part in (row["evidence_department"], row["evidence_label"]) if part
        )
        or None,
        evidence_on=row["evidence_on"] if evidence is not None else None,
        is_hidden=row["is_hidden"],
        promised_on=row["promised_on"],
    )
