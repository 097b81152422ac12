"""What a form says, from the master and the planned states: hashed for planning, as text to draw.

Only what is shown is in it: a withheld value is not.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import duckdb

from pipelines.deliver import texts
from pipelines.deliver.layout import LAYOUT
from schemas.codes import code_list
from schemas.fields import FIELD
from schemas.forms import MASKED, FormContract

SEPARATOR = "chr(31)"
LONGEST = 300
SHOWN = ("known", "verify", "waits")
"""States of cells that show the master's value."""
_FIXED_NOTES = {
    "ask": texts.ASK,
    "none": texts.OPTIONAL,
    "withheld": texts.WITHHELD_WHY,
    "absent": texts.NOT_CONCERNED,
}
_UNCLEAN = r"[\x{00}-\x{1f}\x{7f}\x{85}\x{2028}\x{2029}\x{fffe}\x{ffff}]|^\s|\s$"
_BREAKS = r"[\x{00}-\x{1f}\x{7f}\x{85}\x{2028}\x{2029}\x{fffe}\x{ffff}]+"


@dataclass(frozen=True)
class Sources:
    """The sources of a night, as forms see them: who they are, and whom they may serve."""

    labels: dict[int, str]
    purposes: dict[int, frozenset[str]]

    def serving(self, purpose: str) -> list[int]:
        """Numbers of the sources whose values may be used for `purpose`."""
        return sorted(number for number, served in self.purposes.items() if purpose in served)


def read_sources(con: duckdb.DuckDBPyConnection) -> Sources:
    """The sources as `meta.source` declares them."""
    rows = con.execute("SELECT source_no, department_label, purposes FROM meta.source").fetchall()
    return Sources(
        labels={number: label for number, label, _ in rows},
        purposes={number: frozenset(served or ()) for number, _, served in rows},
    )


def fingerprint(contract: FormContract, district: str) -> str:
    """What every form of the contract says beside its rows: items, titles, code lists, layout."""
    lists = {
        name: code_list(name).values
        for item in contract.items
        if (name := FIELD[item.field].codes) is not None
    }
    said = [contract.model_dump(mode="json"), lists, district, LAYOUT]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def literal(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def content_sql(contract: FormContract, sources: Sources, *, grids: str = "TRUE") -> str:
    """SELECT of one row per resident on the form, as people read it.

    Columns: grid_code, row_no, resident_id, is_first (of its household), place, for the item number
    i: s<i> (state, NULL: does not concern this resident), v<i> (text shown), n<i> (its 来源), and
    digest, as in `rows_sql`.

    Args:
        contract: the form.
        sources: of the night.
        grids: SQL condition over ``w`` (`deliver.form_row`) that limits the grids.
    """
    values, joins = [], []
    for number, item in enumerate(contract.items):
        shown = f"x{number}"
        if codes := FIELD[item.field].codes:
            rows = ", ".join(
                f"({literal(code)}, {literal(label)})"
                for code, label in code_list(codes).values.items()
            )
            table = f"code{number}"
            joins.append(
                f"LEFT JOIN (VALUES {rows}) {table}(code, label) ON {table}.code = {shown}"
            )
            shown = f"coalesce({table}.label, {shown})"
        values.append(
            f"""s{number}, CASE s{number} WHEN 'withheld' THEN '{texts.WITHHELD}'
                ELSE {shown} END AS v{number}, {_note(number, sources)} AS n{number}"""
        )
    return f"""
    SELECT grid_code, row_no, resident_id,
        row_no = min(row_no) OVER (PARTITION BY grid_code, household) AS is_first,
        place, {", ".join(values)}, digest
    FROM ({rows_sql(contract, sources, grids=grids)})
    JOIN ({origins_sql(contract, grids=grids)}) USING (grid_code, row_no) {" ".join(joins)}"""


def rows_sql(
    contract: FormContract,
    sources: Sources,
    *,
    grids: str = "TRUE",
    places: tuple[str, str] | None = None,
) -> str:
    """SELECT of one row per resident on the form, with what lies behind its cells.

    Columns: grid_code, row_no, resident_id, household (the resident, where there is none), place,
    for the item number i: s<i> (state), x<i> (text or code, where it is shown), and digest: the md5
    of form, row, resident, place, states and values. Arguments as for `content_sql`, and tables
    made from `places_sql` and `own_places_sql` where several queries can share them.

    The forms' rows are few and narrow beside the master's, so they are what it is looked up in:
    a wide row is passed on, and never kept.
    """
    values = []
    for number, item in enumerate(contract.items):
        field, state = item.field, f'w."{item.field}_state"'
        values.append(
            f"""{state} AS s{number},
            CASE WHEN {state} IN {SHOWN!r} THEN {_text(field, contract.mask)} END AS x{number}"""
        )
    told = ", ".join(
        f"s{number}, {SEPARATOR}, x{number}, {SEPARATOR}" for number in range(len(contract.items))
    )
    served = ", ".join(map(str, sources.serving(contract.purpose))) or "NULL"
    place, own = places or (f"({places_sql()})", f"({own_places_sql(f'({places_sql()})')})")
    return f"""
    WITH said AS (SELECT w.grid_code, w.row_no, w.period, w.resident_id,
            coalesce(w.household_id, w.resident_id) AS household,
            coalesce(place.place, own.place, '{texts.NO_PLACE}') AS place, {", ".join(values)}
        FROM deliver.form_row w
        JOIN master.resident r ON r.resident_id = w.resident_id
        LEFT JOIN {place} place ON place.dwelling_id = r.dwelling_id
        LEFT JOIN (FROM {own} WHERE source IN ({served})) own ON own.resident_id = w.resident_id
        WHERE w.form = {literal(contract.form)} AND {grids})
    SELECT * EXCLUDE (period),
        md5(concat({form_id_sql(contract.form, "period", "grid_code")}, {SEPARATOR},
            row_no, {SEPARATOR}, resident_id, {SEPARATOR}, place, {SEPARATOR}, {told})) AS digest
    FROM said"""


def origins_sql(contract: FormContract, *, grids: str = "TRUE") -> str:
    """SELECT of where the values of the rows of `rows_sql` are from.

    Columns: grid_code, row_no, and for the item number i: o<i>, d<i>, c<i> (number of its source,
    day it was observed, whether it is contested).
    """
    values = ", ".join(
        f'p."{item.field}_source" AS o{number}, p."{item.field}_observed" AS d{number}, '
        f'p."{item.field}_contested" AS c{number}'
        for number, item in enumerate(contract.items)
    )
    return f"""SELECT w.grid_code, w.row_no, {values} FROM deliver.form_row w
        LEFT JOIN master.provenance p ON p.resident_id = w.resident_id
        WHERE w.form = {literal(contract.form)} AND {grids}"""


def places_sql() -> str:
    """SELECT of dwelling_id and place: its address as its village says it."""
    return f"""
    WITH village AS (SELECT grid_code, min(village_name) AS village_name
        FROM master.dwelling WHERE grid_code IS NOT NULL GROUP BY grid_code)
    SELECT d.dwelling_id, {_clean(_within_village())} AS place
    FROM master.dwelling d LEFT JOIN village g ON g.grid_code = d.grid_code"""


def own_places_sql(places: str) -> str:
    """SELECT of resident_id, place and source: own addresses of those whose dwelling has none.

    Args:
        places: `places_sql`, or a table made from it.
    """
    return f"""
    SELECT r.resident_id, {_clean("r.address")} AS place, p.address_source AS source
    FROM (FROM master.resident
        ANTI JOIN (FROM {places} WHERE place IS NOT NULL) USING (dwelling_id)
        WHERE grid_code IS NOT NULL AND address IS NOT NULL) r
    JOIN master.provenance p USING (resident_id)"""


def seal_sql(contract: FormContract, sources: Sources) -> str:
    """SQL of a row's seal: a hash of all that it would show but its number.

    Over the alias w: resident_id, household_id, door (address of the dwelling), village,
    own_address and own_address_source, and for every item its state, value, source, observed and
    contested. Two rows with one seal say the same, given the same `fingerprint`. It is taken from
    the values before they become text, at a quarter of the cost of `content_sql`; another release
    of DuckDB may hash otherwise, and then every form goes out once more.
    """
    parts = ["w.resident_id", "w.household_id", "w.door", "w.village"]
    numbers = _label_numbers(sources)
    for item in contract.items:
        field, state = item.field, f'w."{item.field}_state"'
        observed = f'w."{field}_observed"'
        parts += [
            state,
            *(
                f"CASE WHEN {state} IN ('known', 'verify', 'waits') THEN {shown} END"
                for shown in (
                    f'w."{field}"',
                    f'{numbers}[w."{field}_source" + 1]',
                    f"year({observed}) * 12 + month({observed})",
                )
            ),
            f"{state} = 'verify' AND w.\"{field}_contested\"",
        ]
    served = ", ".join(map(str, sources.serving(contract.purpose))) or "NULL"
    address = f"CASE WHEN w.own_address_source IN ({served}) THEN {_clean('w.own_address')} END"
    return f"hash({', '.join(parts)}, CASE WHEN w.door IS NULL THEN {address} END)"


def _label_numbers(sources: Sources) -> str:
    """SQL list: source number → a number for each label; sources of one office look alike."""
    labels = [
        sources.labels.get(number, "") for number in range(max(sources.labels, default=0) + 1)
    ]
    return "[" + ", ".join(str(labels.index(label)) for label in labels) + "]"


def form_id_sql(form: str, period: str, grid_code: str) -> str:
    """SQL of a form's identifier."""
    return f"concat({literal(form)}, '-', {period}, '-', {grid_code})"


def _text(name: str, mask: str) -> str:
    """SQL of a value as text, a code as it is."""
    field, value = FIELD[name], f'r."{name}"'
    if field.type != "VARCHAR":
        return f"CAST({value} AS VARCHAR)"
    if field.codes:
        return value
    return _masked(_clean(value), mask) if name in MASKED else _clean(value)


def _masked(value: str, level: str) -> str:
    """SQL of a number of which a form shows its ends, its last four figures, or all."""
    if level == "none":
        return value
    ends = f"CASE WHEN length({value}) > 12 THEN 6 ELSE 3 END" if level == "middle" else "0"
    hidden = f"greatest(length({value}) - 4 - {ends}, 0)"
    return f"concat(left({value}, {ends}), repeat('*', {hidden}), right({value}, 4))"


def _clean(value: str) -> str:
    """SQL of a text that XML and a cell can hold: no control characters, no blanks around it."""
    return f"""CASE WHEN strlen({value}) <= {LONGEST} AND NOT regexp_matches({value}, '{_UNCLEAN}')
        THEN {value}
        ELSE trim(left(regexp_replace({value}, '{_BREAKS}', ' ', 'g'), {LONGEST})) END"""


def _note(number: int, sources: Sources) -> str:
    """SQL of the words in the 来源 column: state, source and month. As `note_text` says them."""
    labels = [
        sources.labels.get(source, "") for source in range(max(sources.labels, default=0) + 1)
    ]
    listed = "[" + ", ".join(literal(label) for label in labels) + "]"
    origin = f"""concat({listed}[o{number} + 1], CASE WHEN d{number} IS NOT NULL
        THEN ' ' || left(CAST(d{number} AS VARCHAR), 7) ELSE '' END)"""
    return f"""CASE s{number} WHEN 'known' THEN {origin}
        WHEN 'verify' THEN concat('{texts.VERIFY}·', CASE WHEN c{number}
            THEN '{texts.CONTESTED}·' ELSE '' END, {origin})
        WHEN 'waits' THEN concat('{texts.WAITS}', CASE WHEN o{number} IS NOT NULL
            THEN '·' || {origin} ELSE '' END)
        WHEN 'ask' THEN '{texts.ASK}' WHEN 'none' THEN '{texts.OPTIONAL}'
        WHEN 'withheld' THEN '{texts.WITHHELD_WHY}' ELSE '{texts.NOT_CONCERNED}' END"""


def note_text(state: str, source: str | None, month: str | None, *, is_contested: bool) -> str:
    """The words in the 来源 column; `source` is its label, `month` e.g. 2026-11."""
    origin = (source or "") + (f" {month}" if month else "")
    if state == "verify":
        contested = f"{texts.CONTESTED}·" if is_contested else ""
        return f"{texts.VERIFY}·{contested}{origin}"
    if state == "waits":
        return texts.WAITS if source is None else f"{texts.WAITS}·{origin}"
    return origin if state == "known" else _FIXED_NOTES[state]


def _within_village() -> str:
    """SQL of a dwelling's address without what all addresses of the village begin with."""
    tail = "substr(d.address, instr(d.address, g.village_name) + length(g.village_name))"
    return f"""CASE WHEN length(g.village_name) > 0 AND contains(d.address, g.village_name)
        AND length({tail}) > 1 THEN {tail} ELSE d.address END"""
