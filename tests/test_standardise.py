"""Standardisation through the front door: a small district, pulled for real, two days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.config import Config, load_config
from pipelines.extract import mirror_raw, pull_source
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.night import Night, open_night
from pipelines.publish import publish
from pipelines.standardise import records, standardise
from pipelines.store import count, quote
from pipelines.synth import make_district, places

COMPARED = (
    "std.record",
    "std.defect",
    "std.benefit",
    "std.insurance",
    "std.family",
    "std.dwelling",
    "std.placed",
)


def _land(home: Home, config: Config, *, full: bool = False) -> Night:
    night = open_night(home, config, full=full, run_id="test")
    for source in config.sources:
        pull_source(night, source)
    mirror_raw(night)
    standardise(night)
    return night


def _publish(home: Home, config: Config, night: Night) -> None:
    with open_journal(config.journal_url) as journal:
        publish(home, journal, night.number, night.folder, keep=3)


def _rows(night: Night, table: str) -> list[tuple[object, ...]]:
    with night.open() as con:
        return con.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()


@pytest.fixture(scope="module")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("standardise")
    make_district(Home.at(root), residents=1200, seed=7, day=1)
    return root


def conservation(con: duckdb.DuckDBPyConnection, sources: list[str]) -> tuple[int, int, int]:
    """The law that nothing disappears: live raw rows, rows standardised, rows only in quarantine.

    The first must be the sum of the other two. A row of a register is standardised when it places
    a dwelling.
    """
    live = sum(
        count(con, f"SELECT count(*) FROM raw.{quote(source)} WHERE until_night IS NULL")
        for source in sources
    )
    standard = (
        "(SELECT source, source_key FROM std.record "
        "UNION SELECT source, source_key FROM std.placed)"
    )
    done = count(con, f"SELECT count(*) FROM {standard}")
    aside = count(
        con,
        f"""SELECT count(*) FROM (SELECT DISTINCT source, source_key FROM std.quarantine)
        ANTI JOIN {standard} USING (source, source_key)""",
    )
    return live, done, aside


@pytest.fixture(scope="module")
def nights(district: Path) -> Iterator[tuple[Night, dict[str, list[tuple[object, ...]]], Night]]:
    """The first night's rows, then the second as a delta beside a full one of the same input, whose
    records are written in parts."""
    home = Home.at(district)
    config = load_config(home)
    with home.lock():
        first = _land(home, config)
        with first.open() as con:
            assert conservation(con, list(config.sources))[0] > 0
        _publish(home, config, first)
        make_district(home, residents=1200, seed=7, day=2)
        delta = _land(home, config)
        found = {table: _rows(delta, table) for table in (*COMPARED, "delta.record")}
        with delta.open() as con:
            found["law"] = [conservation(con, list(config.sources))]
            found["live"] = con.execute(
                "SELECT count(*), count(DISTINCT record_id) FROM std.record"
            ).fetchall()
        with open_journal(config.journal_url) as journal:
            journal.set_night(delta.number, "failed", "compared only")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records, "RECORD_BYTES", 4 << 20)
            full = _land(home, config, full=True)
        yield delta, found, full


def test_a_delta_leaves_the_same_tables_as_a_full_night(nights) -> None:
    _, found, full = nights
    assert full.is_full
    for table in COMPARED:
        assert _rows(full, table) == found[table], table


def test_a_delta_looks_at_few_records(nights) -> None:
    _, found, _ = nights
    records = found["live"][0][0]
    assert 0 < len(found["delta.record"]) < records / 5


def test_nothing_disappears_between_raw_and_standardised(nights) -> None:
    _, found, full = nights
    live, done, aside = found["law"][0]
    assert live == done + aside
    with full.open() as con:
        assert conservation(con, list(full.config.sources)) == (live, done, aside)


def test_every_record_has_one_number(nights) -> None:
    _, found, _ = nights
    rows, distinct = found["live"][0]
    assert rows == distinct


def test_defects_show_no_personal_value(nights) -> None:
    _, _, full = nights
    with full.open() as con:
        shown = con.execute(
            """SELECT count(*) FROM std.defect d JOIN std.record r USING (record_id)
            WHERE contains(d.old_masked, r.id_number) OR contains(d.new_masked, r.id_number)
                OR contains(d.old_masked, r.phone) OR d.old_masked = r.name"""
        ).fetchall()[0][0]
        kinds = con.execute("SELECT count(DISTINCT kind) FROM std.defect").fetchall()[0][0]
    assert shown == 0
    assert kinds > 5


def test_id_and_row_that_contradict_are_told_apart(nights) -> None:
    _, _, full = nights
    with full.open() as con:
        statuses = dict(
            con.execute("SELECT id_status, count(*) FROM std.record GROUP BY 1").fetchall()
        )
        hidden = con.execute(
            """SELECT count(*) FROM std.record WHERE id_status IN ('valid', 'upgraded')
            AND birth_date <> strptime(substr(id_number, 7, 8), '%Y%m%d')::DATE"""
        ).fetchall()[0][0]
    assert set(statuses) >= {"valid", "upgraded", "conflict", "invalid", "masked", "damaged"}
    assert hidden == 0


def test_a_row_without_name_and_number_waits_in_quarantine(district: Path, nights) -> None:
    _, _, full = nights
    with full.open() as con:
        con.execute(
            """INSERT INTO raw.civil_affairs_old_age BY NAME
            SELECT 'lonely' AS source_key, 1 AS row_hash, 999999 AS since_night"""
        )
    counts = standardise(full)
    with full.open() as con:
        reasons = con.execute(
            "SELECT reason, reason_zh FROM std.quarantine WHERE source_key = 'lonely'"
        ).fetchall()
        live, done, aside = conservation(con, list(full.config.sources))
    assert counts["quarantined"] >= 1
    assert reasons[0][0] == "no_person"
    assert "补齐" in reasons[0][1]
    assert live == done + aside


def test_an_estate_written_otherwise_is_the_one_that_the_register_names(nights) -> None:
    _, _, full = nights
    places = "SELECT record_id, dwelling_key FROM std.record WHERE dwelling_key IS NOT NULL"
    with full.open() as con:
        before = dict(con.execute(places).fetchall())
        estate = con.execute(
            """SELECT split_part(dwelling_key, '|', 2) AS estate, count(*) FROM std.record
            WHERE dwelling_key IS NOT NULL AND NOT contains(estate, '组')
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1"""
        ).fetchall()[0][0]
        changed = con.execute(
            """UPDATE raw.social_security_medical
            SET address = replace(address, $1, $1 || '花园') WHERE contains(address, $1)""",
            [estate],
        ).fetchall()[0][0]
    assert changed > 10
    standardise(full)
    with full.open() as con:
        assert dict(con.execute(places).fetchall()) == before


def test_villages_of_one_name_are_no_reason_to_double_or_misplace_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_FIRST", "柳")
    monkeypatch.setattr(places, "_SECOND", "溪")
    monkeypatch.setattr(places, "_AGAIN", ("",) * 100)
    home = Home.at(tmp_path / "home")
    make_district(home, residents=18_000, seed=1)
    config = load_config(home)
    with home.lock():
        night = _land(home, config)
        with night.open() as con:
            ((villages, names),) = con.execute(
                """SELECT count(DISTINCT village_code), count(DISTINCT village_name)
                FROM std.dwelling"""
            ).fetchall()
            assert villages > names
            assert conservation(con, list(config.sources))[0] > 0
            assert con.execute(
                "SELECT count(*) - count(DISTINCT record_id) FROM std.record"
            ).fetchall() == [(0,)]
            # a record that reaches a dwelling by its address reaches one, of one village
            assert con.execute(
                """SELECT count(*) FROM (SELECT dwelling_key FROM std.dwelling
                GROUP BY dwelling_key HAVING count(*) > 1)"""
            ).fetchall() == [(0,)]
            registered = con.execute(
                """SELECT count(*) FROM (SELECT DISTINCT village_code, p.dwelling_id
                FROM raw.grid_register r JOIN std.placed p USING (source_key)
                WHERE until_night IS NULL)"""
            ).fetchall()
            assert con.execute("SELECT count(*) FROM std.dwelling").fetchall() == registered
