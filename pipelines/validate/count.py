"""Count every rule over all rows, in as few scans as possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from pipelines import store
from pipelines.night import Night
from schemas.suites import RULES, Rule


@dataclass(frozen=True)
class RuleResult:
    """What a rule found.

    A rule whose SQL cannot be run counts as broken: nothing checked, one bad.
    """

    rule: str
    suite: str
    severity: str
    rows_checked: int
    rows_bad: int
    allowed: float
    passed: bool

    @property
    def share(self) -> float:
        """Bad rows among those checked, 0 to 1."""
        return self.rows_bad / max(self.rows_checked, self.rows_bad, 1)


def count_rules(
    con: duckdb.DuckDBPyConnection, night: Night, rules: Iterable[Rule] = RULES
) -> list[RuleResult]:
    """Count `rules` (in their order); a rule that compares passes where nothing is published."""
    rules = tuple(rules)
    live = _prepare(con, night)
    previous = night.home.night_file(night.previous)
    has_previous = night.previous > 0 and previous.exists()
    if has_previous:
        con.execute(
            f"ATTACH '{str(previous).replace(chr(39), chr(39) * 2)}' AS previous (READ_ONLY)"
        )
    counts: dict[str, tuple[int, int]] = {}
    try:
        scans: dict[str, list[Rule]] = {}
        for rule in rules:
            if rule.over is not None:
                scans.setdefault(rule.over, []).append(rule)
            elif rule.compares and not has_previous:
                counts[rule.name] = (0, 0)
            else:
                counts[rule.name] = _numbers(con, rule.sql.replace("{live}", live), 1)[0]
        for over, together in scans.items():
            counts |= _scan(con, over, together)
    finally:
        if has_previous:
            con.execute("DETACH previous")
    return [_result(rule, *counts[rule.name]) for rule in rules]


def _prepare(con: duckdb.DuckDBPyConnection, night: Night) -> str:
    """Set the variables and the table the rules refer to; returns SQL of the live source rows."""
    con.execute(f"SET VARIABLE today = DATE '{night.business_date}'")
    con.execute(f"SET VARIABLE night = {night.number}")
    con.execute("""CREATE OR REPLACE TEMP TABLE rule_form
        (form VARCHAR, served USMALLINT[], for_everybody BOOLEAN, identifies VARCHAR[])""")
    for contract in night.config.forms.values():
        con.execute(
            """INSERT INTO rule_form SELECT ?, coalesce((SELECT list(source_no) FROM meta.source
                WHERE list_contains(purposes, ?)), []), ?, ?""",
            [
                contract.form,
                contract.purpose,
                contract.target.strip().upper() == "TRUE",
                list(contract.identifies),
            ],
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


def _scan(
    con: duckdb.DuckDBPyConnection, over: str, rules: list[Rule]
) -> dict[str, tuple[int, int]]:
    columns = ", ".join(
        f"count(*) FILTER ({rule.checked}), "
        f"count(*) FILTER (({rule.checked}) AND coalesce(({rule.bad}), FALSE))"
        for rule in rules
    )
    try:
        found = _read(con, f"SELECT {columns} FROM {over}", len(rules))
    except duckdb.Error:
        if len(rules) == 1:
            return {rules[0].name: (0, 1)}
        found = [_scan(con, over, [rule])[rule.name] for rule in rules]
    return {rule.name: numbers for rule, numbers in zip(rules, found, strict=True)}


def _numbers(con: duckdb.DuckDBPyConnection, sql: str, pairs: int) -> list[tuple[int, int]]:
    """The pairs that `sql` selects; (0, 1) where it cannot be run."""
    try:
        return _read(con, sql, pairs)
    except duckdb.Error:
        return [(0, 1)] * pairs


def _read(con: duckdb.DuckDBPyConnection, sql: str, pairs: int) -> list[tuple[int, int]]:
    row = [int(value or 0) for value in con.execute(sql).fetchall()[0]]
    return [(row[2 * place], row[2 * place + 1]) for place in range(pairs)]


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
