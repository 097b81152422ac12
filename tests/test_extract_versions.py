"""Which rows of a database count as new, changed and vanished, night after night."""

from __future__ import annotations

import os
import random

import pytest
import sqlalchemy as sa

from pipelines.extract import hashes, increment, mirror_raw, pull_source, versions
from schemas.source import SourceColumn
from tests.test_extract_database import PENSION, POSTGRESQL, ROWS, Office, landed, make_night

SOURCE = PENSION.model_copy(update={"maximum_vanished": 1.0})
VERSIONS = """SELECT source_key, since_night, until_night, observed, name, id_number, amount
    FROM main.pension ORDER BY ALL"""


@pytest.fixture
def sqlite_office(tmp_path):
    return Office(f"sqlite:///{tmp_path}/office.sqlite")


@pytest.fixture
def postgresql_office(monkeypatch):
    """In a schema of its own: other processes change the tables of the server meanwhile."""
    schema = f"versions_{os.getpid()}"
    monkeypatch.setattr(hashes, "_MOST_CHANGED", 0.5)
    url = sa.make_url(POSTGRESQL).update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        engine = sa.create_engine(POSTGRESQL, poolclass=sa.NullPool)
        with engine.begin() as con:
            con.exec_driver_sql(f"CREATE SCHEMA {schema}")
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip("no PostgreSQL server to try this with")
    yield Office(url.render_as_string(hide_password=False))
    with engine.begin() as con:
        con.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")


def nights(root, office, tables, source=SOURCE):
    """The counts of a night for each of `tables`, and the versions that they leave."""
    told = []
    for number, rows in enumerate(tables, 1):
        office.fill(rows)
        night = make_night(root, source, number, number - 1, office=office.url)
        told.append(pull_source(night, "pension"))
    return told, landed(night, VERSIONS)


def changing(seed, count=8):
    """Tables of which each differs a little from the one before; now and then a key is shared."""
    luck = random.Random(seed)
    rows, tables = list(ROWS), []
    for _ in range(count):
        tables.append(list(rows))
        place = luck.randrange(len(rows))
        match luck.choice(["change", "go", "come", "copy", "stand", "swap"]):
            case "change":
                rows[place] = {**rows[place], "AAC003": f"改{luck.randrange(99)}"}
            case "go" if len(rows) > 4:
                rows.pop(place)
            case "come":
                rows.append({**ROWS[0], "aac001": str(luck.randrange(100, 120))})
            case "copy":
                rows.append({**rows[place], "AAC003": luck.choice([rows[place]["AAC003"], "又"])})
            case "swap":
                luck.shuffle(rows)
    return tables


def nights_that_draw_all(root, office, tables, monkeypatch):
    """As `nights`, where every row is drawn and compared."""
    monkeypatch.setattr(increment, "keys_stand", lambda *_: False)
    return nights(root, office, tables)


@pytest.mark.parametrize("seed", range(6))
def test_holding_only_what_changed_ends_as_holding_every_row_does(
    sqlite_office, tmp_path, monkeypatch, seed
):
    tables = changing(seed)
    narrow, left = nights(tmp_path / "narrow", sqlite_office, tables)
    whole, right = nights_that_draw_all(tmp_path / "whole", sqlite_office, tables, monkeypatch)
    assert left == right
    assert narrow == whole


def test_of_an_unchanged_table_only_what_changed_is_held(sqlite_office, tmp_path, monkeypatch):
    kept = []
    taken = versions.merge_changes
    monkeypatch.setattr(
        versions,
        "merge_changes",
        lambda con, *rest: (
            kept.append(con.execute("SELECT name FROM incoming").fetchall()),
            taken(con, *rest),
        ),
    )
    told, _ = nights(tmp_path, sqlite_office, [ROWS, [*ROWS[1:], {**ROWS[0], "AAC003": "改名"}]])
    assert kept == [[("改名",)]]
    assert (told[1]["rows_new"], told[1]["rows_changed"], told[1]["rows_vanished"]) == (0, 1, 0)


def test_an_engine_that_hashes_otherwise_changes_no_row(sqlite_office, tmp_path):
    nights(tmp_path, sqlite_office, [ROWS])
    night = make_night(tmp_path, SOURCE, 2, 1, office=sqlite_office.url)
    with night.open_landed() as con:
        con.execute("UPDATE main.hashing SET method = 'of old'")
        con.execute("UPDATE main.pension SET row_hash = row_hash // 2")
    counts = pull_source(night, "pension")
    assert counts["rows_new"] + counts["rows_changed"] + counts["rows_vanished"] == 0


def test_a_column_that_the_map_gains_changes_the_rows_that_fill_it(sqlite_office, tmp_path):
    nights(tmp_path, sqlite_office, [[{**row, "secret": None} for row in ROWS]])
    sqlite_office.fill([{**row, "secret": None} for row in ROWS[1:]] + [{**ROWS[0]}])
    wider = {**SOURCE.columns, "noted": SourceColumn(aliases=("secret",))}
    source = SOURCE.model_copy(update={"columns": wider})
    night = make_night(tmp_path, source, 2, 1, office=sqlite_office.url)
    counts = pull_source(night, "pension")
    assert (counts["rows_new"], counts["rows_changed"], counts["rows_vanished"]) == (0, 1, 0)


def test_a_map_that_keys_otherwise_gives_every_row_its_new_key(sqlite_office, tmp_path):
    nights(tmp_path, sqlite_office, [ROWS])
    source = SOURCE.model_copy(update={"key": ("name",)})
    night = make_night(tmp_path, source, 2, 1, office=sqlite_office.url)
    counts = pull_source(night, "pension")
    assert (counts["rows_new"], counts["rows_vanished"]) == (7, 7)
    mirror_raw(night)
    with night.open() as con:
        keys = con.execute("SELECT source_key FROM raw.pension WHERE until_night IS NULL")
        assert {key for (key,) in keys.fetchall()} == {row["AAC003"] for row in ROWS}


@pytest.mark.parametrize("seed", range(2))
def test_asking_for_hashes_first_ends_as_drawing_every_row_does(
    postgresql_office, tmp_path, monkeypatch, seed
):
    tables = changing(seed)
    by_hash, left = nights(tmp_path / "by_hash", postgresql_office, tables)
    monkeypatch.setattr(hashes, "stand", lambda *_: False)
    narrow, middle = nights(tmp_path / "narrow", postgresql_office, tables)
    whole, right = nights_that_draw_all(tmp_path / "whole", postgresql_office, tables, monkeypatch)
    assert left == middle == right
    assert sum(n["rows_drawn"] for n in by_hash) <= sum(n["rows_drawn"] for n in whole)
    assert [{**n, "rows_drawn": 0} for n in by_hash] == [{**n, "rows_drawn": 0} for n in narrow]
    assert narrow == whole


def test_a_server_that_tells_hashes_gives_only_the_rows_that_changed(postgresql_office, tmp_path):
    other = [*ROWS[2:], {**ROWS[0], "AAC003": "改名"}, {**ROWS[0], "aac001": "99"}]
    told, left = nights(tmp_path, postgresql_office, [ROWS, ROWS, other])
    assert [night["rows_drawn"] for night in told] == [7, 0, 2]
    assert [told[2][f"rows_{what}"] for what in ("new", "changed", "vanished")] == [1, 1, 1]
    ended = {row[0] for row in left if row[2] == 3}
    assert ended == {"1", "2"}


def test_a_server_that_hashes_otherwise_changes_no_row(postgresql_office, tmp_path):
    nights(tmp_path, postgresql_office, [ROWS])
    night = make_night(tmp_path, SOURCE, 2, 1, office=postgresql_office.url)
    with night.open_landed() as con:
        con.execute("UPDATE main.pension SET server_hash = server_hash // 2")
    counts = pull_source(night, "pension")
    assert (counts["rows_drawn"], counts["rows_new"], counts["rows_changed"]) == (7, 0, 0)
    night = make_night(tmp_path, SOURCE, 3, 2, office=postgresql_office.url)
    assert pull_source(night, "pension")["rows_drawn"] == 0


def test_an_office_that_moves_to_a_server_without_hashes_is_drawn_whole(
    postgresql_office, sqlite_office, tmp_path
):
    nights(tmp_path, postgresql_office, [ROWS])
    night = make_night(tmp_path, SOURCE, 2, 1, office=sqlite_office.url)
    counts = pull_source(night, "pension")
    assert counts["rows_drawn"] == 7
    assert counts["rows_new"] + counts["rows_vanished"] == 0


def test_a_hash_that_says_changed_is_not_believed_against_the_row(postgresql_office, tmp_path):
    nights(tmp_path, postgresql_office, [ROWS])
    night = make_night(tmp_path, SOURCE, 2, 1, office=postgresql_office.url)
    with night.open_landed() as con:
        con.execute("UPDATE main.pension SET server_hash = 7 WHERE source_key = '3'")
    counts = pull_source(night, "pension")
    assert counts["rows_drawn"] == 1
    assert counts["rows_new"] + counts["rows_changed"] + counts["rows_vanished"] == 0


def test_a_table_that_does_not_wait_is_drawn_whole(postgresql_office, tmp_path, monkeypatch):
    nights(tmp_path, postgresql_office, [ROWS])
    postgresql_office.fill([*ROWS[1:], {**ROWS[0], "AAC003": "改名"}])
    listed = hashes.list_unknown

    def and_then_it_changes(*given):
        found = listed(*given)
        postgresql_office.fill([*ROWS[1:], {**ROWS[0], "AAC003": "又改名"}])
        return found

    monkeypatch.setattr(hashes, "list_unknown", and_then_it_changes)
    night = make_night(tmp_path, SOURCE, 2, 1, office=postgresql_office.url)
    counts = pull_source(night, "pension")
    assert (counts["rows_drawn"], counts["rows_changed"], counts["rows_vanished"]) == (7, 1, 0)
    assert ("又改名",) in landed(night, "SELECT name FROM main.pension WHERE until_night IS NULL")


def test_a_number_that_is_spelled_otherwise_is_another_version(postgresql_office, tmp_path):
    postgresql_office.say("ALTER TABLE pension_member ALTER amount TYPE numeric")
    nights(tmp_path, postgresql_office, [ROWS])
    postgresql_office.say("UPDATE pension_member SET amount = 600.00 WHERE aac001 = '3'")
    night = make_night(tmp_path, SOURCE, 2, 1, office=postgresql_office.url)
    assert pull_source(night, "pension")["rows_changed"] == 1
