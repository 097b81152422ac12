"""Count every rule over all rows, in as few scans as possible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from pipelines import store
from pipelines.deliver.affected import register_affected
from pipelines.night import Night
from pipelines.validate.result import RuleResult
from schemas.fields import FIELDS
from schemas.forms import FormContract
from schemas.suites import RULES, Grain, Rule

_ANEW = 7
"""Every so many nights all rows are counted, whatever the night changed."""


def count_rules(
    con: duckdb.DuckDBPyConnection, night: Night, rules: Iterable[Rule] = RULES
) -> list[RuleResult]:
    """Count `rules` (in their order); a rule that compares passes where nothing is published.

    In a delta night a rule whose rows are judged one by one (`Rule.grain`) is counted over what the
    night may have changed, as it stood before and as it stands now, and the difference is added to
    what the night before counted. Every seventh night counts everything anew.

    Cost: in a full night about one scan a table, and one of every form's rows.
    """
    rules = tuple(rules)
    live = _prepare(con, night)
    delta = night.base > 0 and night.base == night.previous and night.number % _ANEW > 0
    grains = {rule.grain for rule in rules} - {None}
    changed = _register_changed(con, night) if delta and grains else set()
    previous = night.home.night_file(night.previous)
    has_previous = night.previous > 0 and previous.exists()
    if has_previous:
        con.execute(f"ATTACH '{store.escape(previous)}' AS previous (READ_ONLY)")
    counts = {rule.name: (0, 0) for rule in rules if rule.compares and not has_previous}
    try:
        carried = _carried(con, night, rules, changed) if has_previous else {}
        counter = _Counter(con, night, live)
        counts |= counter.count([r for r in rules if r.name not in counts | carried])
        if carried:
            partly = [rule for rule in rules if rule.name in carried]
            words = counter.words(partly)
            with _looking_at_changed(con, _own_name(con), changed, words):
                now = counter.count(partly)
            with _looking_at_changed(con, "previous", changed, words):
                before = counter.count(partly)
            for name, (checked, bad) in carried.items():
                counts[name] = (
                    checked + now[name][0] - before[name][0],
                    bad + now[name][1] - before[name][1],
                )
    finally:
        if has_previous:
            con.execute("DETACH previous")
    return [_result(rule, *counts[rule.name]) for rule in rules]


def _prepare(con: duckdb.DuckDBPyConnection, night: Night) -> str:
    """Set the variables and the table the rules refer to; returns SQL of the live source rows."""
    con.execute(f"SET VARIABLE today = DATE '{night.business_date}'")
    con.execute(f"SET VARIABLE night = {night.number}")
    con.execute("CREATE OR REPLACE TEMP TABLE rule_form (form VARCHAR, for_everybody BOOLEAN)")
    for contract in night.config.forms.values():
        con.execute(
            "INSERT INTO rule_form VALUES (?, ?)",
            [contract.form, contract.target.strip().upper() == "TRUE"],
        )
    landed = {
        row[0]
        for row in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'raw'"
        ).fetchall()
    }
    parts = [
        f"SELECT '{source.source}' AS source, source_key FROM raw.{store.quote(source.source)} "
        "WHERE until_night IS NULL"
        for source in night.config.sources.values()
        if source.source in landed
    ]
    return " UNION ALL ".join(parts) or "SELECT '' AS source, '' AS source_key WHERE FALSE"


def _register_changed(con: duckdb.DuckDBPyConnection, night: Night) -> set[Grain]:
    """The temporary tables ``changed_record`` and ``changed_resident``; which of them are there."""
    con.execute("CREATE OR REPLACE TEMP TABLE changed_record AS SELECT record_id FROM delta.record")
    if not register_affected(con, night):
        return {"record"}
    con.execute("CREATE OR REPLACE TEMP TABLE changed_resident AS FROM affected")
    return {"record", "resident"}


def _carried(
    con: duckdb.DuckDBPyConnection, night: Night, rules: Iterable[Rule], changed: set[Grain]
) -> dict[str, tuple[int, int]]:
    """What the night before counted, for the rules that need not be counted anew."""
    rows = con.execute(
        """SELECT q.rule, q.rows_checked, q.rows_bad, n.business_date
        FROM previous.quality.result q JOIN previous.meta.night n USING (night)
        WHERE q.night = ?""",
        [night.base],
    ).fetchall()
    found = {rule: (checked, bad, day) for rule, checked, bad, day in rows}
    return {
        rule.name: found[rule.name][:2]
        for rule in rules
        if rule.grain in changed
        and found.get(rule.name, (0,))[0] > 0
        and (found[rule.name][2] == night.business_date or not rule.looks_at_the_day)
    }


_PARTLY: dict[str, Grain] = {
    "std.record": "record",
    "master.resident": "resident",
    "master.provenance": "resident",
    "deliver.form_row": "resident",
}
"""Tables of which rules with a grain see the changed rows only; all others they see whole."""


@contextmanager
def _looking_at_changed(
    con: duckdb.DuckDBPyConnection, database: str, changed: set[Grain], words: set[str]
) -> Iterator[None]:
    """Within the block the same SQL sees the changed rows of an attached file, and no others.

    Of the columns it sees those named in `words`.

    Cost: a scan of each table of `_PARTLY`; its changed rows are held in memory.
    """
    own = _own_name(con)
    tables = con.execute(
        """SELECT t.schema_name, t.table_name, list(c.column_name ORDER BY c.column_index)
        FROM duckdb_tables() t JOIN duckdb_columns() c USING (table_oid, database_name)
        WHERE database_name = ? AND NOT t.internal AND NOT t.temporary GROUP BY ALL""",
        [database],
    ).fetchall()
    con.execute("ATTACH ':memory:' AS part")
    try:
        for schema, table, columns in tables:
            con.execute(f"CREATE SCHEMA IF NOT EXISTS part.{schema}")
            name, origin = f'part.{schema}."{table}"', f'"{database}".{schema}."{table}"'
            grain = _PARTLY.get(f"{schema}.{table}")
            if grain in changed:
                named = ", ".join(f'"{c}"' for c in columns if c in {*words, f"{grain}_id"})
                con.execute(
                    f"CREATE TABLE {name} AS SELECT {named} FROM {origin} "
                    f"SEMI JOIN changed_{grain} USING ({grain}_id)"
                )
            else:
                con.execute(f"CREATE VIEW {name} AS FROM {origin}")
        con.execute("USE part")
        yield
    finally:
        con.execute(f'USE "{own}"')
        con.execute("DETACH part")


def _own_name(con: duckdb.DuckDBPyConnection) -> str:
    """The name under which the connection knows its own file."""
    return str(con.execute("SELECT current_database()").fetchall()[0][0])


@dataclass(frozen=True)
class _Counter:
    """Counts rules over the tables that the connection looks at."""

    con: duckdb.DuckDBPyConnection
    night: Night
    live: str

    def count(self, rules: Iterable[Rule]) -> dict[str, tuple[int, int]]:
        """Rule → rows checked and rows bad."""
        counts: dict[str, tuple[int, int]] = {}
        scans: dict[str, list[Rule]] = {}
        for rule in rules:
            if rule.over is not None:
                scans.setdefault(rule.over, []).append(rule)
            else:
                counts[rule.name] = self._numbers(rule.sql.replace("{live}", self.live))
        for over, together in scans.items():
            counts |= self._scan_forms(over, together)
        return counts

    def words(self, rules: Iterable[Rule]) -> set[str]:
        """Every word of the rules' SQL, among them the columns they look at."""
        said: list[str] = []
        for rule in rules:
            said += (rule.over or "", rule.checked, rule.sql)
            contracts = self.night.config.forms.values() if rule.by_cell else ()
            said += [self._any_cell(rule, contract) for contract in contracts] or [rule.bad]
        return set(re.findall(r"\w+", " ".join(said)))

    def _scan_forms(self, over: str, rules: list[Rule]) -> dict[str, tuple[int, int]]:
        """One scan; where a rule is about cells, one for every form, with the form's items."""
        if not any(rule.by_cell for rule in rules):
            return self._scan(over, {rule: rule.bad for rule in rules})
        total = dict.fromkeys((rule.name for rule in rules), (0, 0))
        for contract in self.night.config.forms.values():
            bad = {rule: self._any_cell(rule, contract) for rule in rules}
            where = f"{over} WHERE f.form = '{contract.form}'"
            for name, (checked, broken) in self._scan(where, bad).items():
                total[name] = total[name][0] + checked, total[name][1] + broken
        return total

    def _any_cell(self, rule: Rule, contract: FormContract) -> str:
        """SQL: one of the row's cells breaks the rule."""
        if not rule.by_cell:
            return rule.bad
        rows = self.con.execute(
            "SELECT source_no FROM meta.source WHERE list_contains(purposes, ?) ORDER BY 1",
            [contract.purpose],
        ).fetchall()
        served = ", ".join(str(number) for (number,) in rows) or "-1"
        own = [item.field for item in contract.items]
        cells = [
            rule.bad.replace("{f}", name)
            .replace("{served}", served)
            .replace("{identified}", str(name in contract.identifies).upper())
            for name in own
        ]
        if rule.beside:
            cells += [
                rule.beside.replace("{f}", field.name) for field in FIELDS if field.name not in own
            ]
        return " OR ".join(f"({cell})" for cell in cells)

    def _scan(self, rows: str, bad: dict[Rule, str]) -> dict[str, tuple[int, int]]:
        columns = ", ".join(
            f"count(*) FILTER ({rule.checked}), "
            f"count(*) FILTER (({rule.checked}) AND coalesce(({broken}), FALSE))"
            for rule, broken in bad.items()
        )
        try:
            found = self._read(f"SELECT {columns} FROM {rows}")
        except duckdb.Error:
            if len(bad) == 1:
                return {rule.name: (0, 1) for rule in bad}
            found = [self._scan(rows, {rule: broken})[rule.name] for rule, broken in bad.items()]
        return {rule.name: numbers for rule, numbers in zip(bad, found, strict=True)}

    def _numbers(self, sql: str) -> tuple[int, int]:
        """The pair that `sql` selects; (0, 1) where it cannot be run."""
        try:
            return self._read(sql)[0]
        except duckdb.Error:
            return 0, 1

    def _read(self, sql: str) -> list[tuple[int, int]]:
        row = [int(value or 0) for value in self.con.execute(sql).fetchall()[0]]
        return list(zip(row[::2], row[1::2], strict=True))


def _result(rule: Rule, checked: int, bad: int) -> RuleResult:
    found = RuleResult(rule.name, rule.suite, rule.severity, checked, bad, rule.allowed, True)
    return RuleResult(
        rule.name,
        rule.suite,
        rule.severity,
        checked,
        bad,
        rule.allowed,
        found.share <= rule.allowed,
    )
