"""Pulling from departments' databases: streaming, deltas, retries, sources that are held back."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from pipelines.config import Config
from pipelines.errors import SourceHeld
from pipelines.extract import database, hold_source, mirror_raw, postgresql, pull_source
from pipelines.home import Home
from pipelines.night import Night
from pipelines.store import lay_out
from schemas.district import District, Limits
from schemas.source import PersonMap, SourceColumn, SourceMap

POSTGRESQL = os.environ.get(
    "ONEGRID_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)
MARIADB = os.environ.get("ONEGRID_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test")

PENSION = SourceMap(
    source="pension",
    label="养老",
    department="social_security",
    kind="database",
    database="office",
    table="Pension_Member",
    key=("member",),
    natural_key=("name", "id_number"),
    observed="updated",
    purposes=("population",),
    minimum_rows=2,
    columns={
        "member": SourceColumn(aliases=("AAC001", "个人编号"), required=True),
        "name": SourceColumn(aliases=("AAC003",), required=True),
        "id_number": SourceColumn(aliases=("AAC002",)),
        "amount": SourceColumn(aliases=("amount",)),
        "updated": SourceColumn(aliases=("order",)),
        "absent": SourceColumn(aliases=("nowhere",)),
    },
    persons=(PersonMap(role="self", fields={"name": "name", "id_number": "id_number"}),),
)
ROWS = [
    {"aac001": str(n), "AAC003": f"人{n}", "AAC002": f"33019919800101{n:04d}", "amount": 600.0}
    for n in range(1, 8)
]


EMPTY = {"AAC002": None, "amount": None}


class Office:
    """A department's database that the tests change between nights."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        meta = sa.MetaData()
        self.table = sa.Table(
            "pension_member",
            meta,
            sa.Column("aac001", sa.String(40)),
            sa.Column("AAC003", sa.String(40)),
            sa.Column("AAC002", sa.String(40)),
            sa.Column("secret", sa.String(40)),
            sa.Column("amount", sa.Float),
            sa.Column("order", sa.Date),
        )
        meta.drop_all(self.engine)
        meta.create_all(self.engine)
        self.fill(ROWS)

    def fill(self, rows: list[dict]) -> None:
        stamped = [{**EMPTY, "order": date(2026, 5, 1), "secret": "密", **row} for row in rows]
        with self.engine.begin() as con:
            con.execute(self.table.delete())
            if stamped:
                con.execute(self.table.insert(), stamped)

    def say(self, sql: str) -> None:
        with self.engine.begin() as con:
            con.exec_driver_sql(sql)


def make_night(root: Path, source: SourceMap, number: int = 1, base: int = 0, **urls: str) -> Night:
    home = Home.at(root / "home")
    config = Config(
        district=District(
            name="试验镇",
            township_code="330199101",
            databases={},
            limits=Limits(memory="1GB", threads=1, batch_rows=3),
        ),
        sources={source.source: source},
        forms={},
        databases=urls,
        ledgers=home.inbox,
        journal_url="sqlite://",
        fingerprint="test",
    )
    night = Night(home, config, number, date(2026, 11, 23), base, base, is_full=base == 0)
    night.folder.mkdir(parents=True, exist_ok=True)
    with night.open() as con:
        lay_out(con)
    return night


def landed(night: Night, sql: str) -> list[tuple]:
    with night.open_landed() as con:
        return con.execute(sql).fetchall()


def everything(night: Night) -> list[tuple]:
    return landed(night, f"SELECT * FROM main.{next(iter(night.config.sources))} ORDER BY ALL")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    url = {
        "sqlite": f"sqlite:///{tmp_path}/office.sqlite",
        "postgresql": POSTGRESQL,
        "mariadb": MARIADB,
    }[request.param]
    try:
        return Office(url)
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip(f"no {request.param} server to try this with")


@pytest.fixture
def sqlite_office(tmp_path: Path) -> Office:
    return Office(f"sqlite:///{tmp_path}/office.sqlite")


def test_a_table_streams_in_batches_as_text_with_only_the_listed_columns(office, tmp_path):
    night = make_night(tmp_path, PENSION, office=office.url)
    counts = pull_source(night, "pension")
    assert (counts["rows_pulled"], counts["rows_new"]) == (7, 7)
    rows = landed(
        night,
        "SELECT source_key, name, id_number, amount, updated, observed, absent FROM main.pension "
        "ORDER BY source_key",
    )
    assert rows[0] == (
        "1", "人1", "330199198001010001", "600", "2026-05-01", "2026-05-01", None,
    )  # fmt: skip
    assert not landed(
        night, "SELECT 1 FROM information_schema.columns WHERE column_name = 'secret'"
    )


def test_hashes_tell_new_changed_and_vanished_rows(office, tmp_path):
    first = make_night(tmp_path, PENSION, office=office.url)
    pull_source(first, "pension")
    office.fill([{**ROWS[0], "AAC003": "改名"}, *ROWS[1:6], {"aac001": "9", "AAC003": "新人"}])
    second = make_night(tmp_path, PENSION, 2, 1, office=office.url)
    counts = pull_source(second, "pension")
    assert [counts[f"rows_{what}"] for what in ("pulled", "new", "changed", "vanished")] == [
        7, 1, 1, 1,
    ]  # fmt: skip
    assert landed(
        second, "SELECT source_key FROM main.pension WHERE until_night = 2 ORDER BY 1"
    ) == [
        ("1",),
        ("7",),
    ]


def test_a_repeated_pull_in_one_night_ends_in_the_same_state(sqlite_office, tmp_path):
    pull_source(make_night(tmp_path, PENSION, office=sqlite_office.url), "pension")
    sqlite_office.fill([{**ROWS[0], "AAC003": "改名"}, *ROWS[1:6]])
    night = make_night(tmp_path, PENSION, 2, 1, office=sqlite_office.url)
    first = pull_source(night, "pension")
    state = everything(night)
    again = pull_source(night, "pension")
    assert everything(night) == state
    assert first == again
    assert landed(night, "SELECT count(*) FROM main.pull WHERE night = 2") == [(1,)]


def test_an_unchanged_table_brings_no_version(sqlite_office, tmp_path):
    pull_source(make_night(tmp_path, PENSION, office=sqlite_office.url), "pension")
    night = make_night(tmp_path, PENSION, 2, 1, office=sqlite_office.url)
    counts = pull_source(night, "pension")
    assert counts["rows_new"] + counts["rows_changed"] + counts["rows_vanished"] == 0
    assert landed(night, "SELECT count(*) FROM main.pension WHERE since_night = 2") == [(0,)]


def test_repeated_and_empty_keys_are_told_apart_and_counted(sqlite_office, tmp_path):
    sqlite_office.fill([*ROWS, {**ROWS[0], "AAC003": "重号"}, {"aac001": " ", "AAC003": "无号"}])
    night = make_night(tmp_path, PENSION, office=sqlite_office.url)
    assert pull_source(night, "pension")["duplicate_keys"] == 2
    keys = [row[0] for row in landed(night, "SELECT source_key FROM main.pension")]
    assert len(set(keys)) == len(keys) == 9
    assert "1~2" in keys
    assert any(len(key) == 16 for key in keys)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DROP TABLE pension_member", "没有表"),
        ('ALTER TABLE pension_member DROP COLUMN "AAC003"', "缺少必需的列"),
        ("DELETE FROM pension_member", "少于最低行数"),
        ("DELETE FROM pension_member WHERE aac001 > '3'", "不见了"),
    ],
)
def test_a_broken_source_is_held_and_changes_nothing(sqlite_office, tmp_path, damage, words):
    pull_source(make_night(tmp_path, PENSION, office=sqlite_office.url), "pension")
    sqlite_office.say(damage)
    night = make_night(tmp_path, PENSION, 2, 1, office=sqlite_office.url)
    before = everything(night)
    with pytest.raises(SourceHeld, match=words) as caught:
        pull_source(night, "pension")
    assert not caught.value.transient
    hold_source(night, "pension", caught.value.reason_zh)
    assert everything(night) == before
    assert landed(night, "SELECT status, rows_pulled FROM main.pull WHERE night = 2") == [
        ("held", 7)
    ]


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///{folder}/absent.sqlite",
        "postgresql+psycopg://someone:s3cret@127.0.0.1:1/nothing",
        "mysql+pymysql://someone:s3cret@127.0.0.1:1/nothing",
    ],
)
def test_an_unreachable_database_is_worth_another_try_and_shows_no_password(tmp_path, url):
    night = make_night(tmp_path, PENSION, office=url.format(folder=tmp_path))
    with pytest.raises(SourceHeld, match="连接不上") as caught:
        pull_source(night, "pension")
    assert caught.value.transient
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not (tmp_path / "absent.sqlite").exists()


def test_a_file_that_is_no_database_is_held(tmp_path):
    (tmp_path / "junk.sqlite").write_bytes(b"junk" * 1000)
    night = make_night(tmp_path, PENSION, office=f"sqlite:///{tmp_path}/junk.sqlite")
    with pytest.raises(SourceHeld, match="读取出错"):
        pull_source(night, "pension")


def test_odd_values_become_text(tmp_path, sqlite_office):
    with sqlite3.connect(tmp_path / "office.sqlite") as con:
        con.execute(
            "INSERT INTO pension_member (aac001, AAC003, AAC002) VALUES (77, ?, 1.5e17)",
            ["张三".encode("gb18030")],
        )
    night = make_night(tmp_path, PENSION, office=sqlite_office.url)
    pull_source(night, "pension")
    rows = landed(night, "SELECT name, id_number FROM main.pension WHERE source_key = '77'")
    assert rows == [("张三", "1.5e+17")]


def test_the_mirror_follows_the_landing_zone_and_may_be_repeated(sqlite_office, tmp_path):
    first = make_night(tmp_path, PENSION, office=sqlite_office.url)
    pull_source(first, "pension")
    mirror_raw(first)
    sqlite_office.fill([{**ROWS[0], "AAC003": "改名"}, *ROWS[1:6]])
    second = make_night(tmp_path, PENSION, 2, 1, office=sqlite_office.url)
    second.file.write_bytes(first.file.read_bytes())
    pull_source(second, "pension")
    for _ in range(2):
        assert mirror_raw(second)["pension"] == 3
        with second.open(landed=True) as con:
            assert (
                con.execute(
                    "WITH landed AS (SELECT * EXCLUDE (server_hash) FROM landed.main.pension) "
                    "(FROM raw.pension EXCEPT ALL FROM landed) UNION ALL "
                    "(FROM landed EXCEPT ALL FROM raw.pension)"
                ).fetchall()
                == []
            )
            assert con.execute("SELECT night FROM raw.pull ORDER BY 1").fetchall() == [(1,), (2,)]


def test_a_source_held_on_its_first_night_has_an_empty_table(tmp_path):
    night = make_night(tmp_path, PENSION, office=f"sqlite:///{tmp_path}/absent.sqlite")
    hold_source(night, "pension", "连接不上")
    mirror_raw(night)
    with night.open() as con:
        assert con.execute("SELECT count(*) FROM raw.pension").fetchall() == [(0,)]
        assert con.execute("SELECT status FROM raw.pull").fetchall() == [("held",)]


def test_a_column_that_the_map_gains_changes_only_rows_that_fill_it(sqlite_office, tmp_path):
    columns = {k: v for k, v in PENSION.columns.items() if k not in {"amount", "absent"}}
    narrow = PENSION.model_copy(update={"columns": columns})
    sqlite_office.say("UPDATE pension_member SET amount = NULL WHERE aac001 <> '1'")
    pull_source(make_night(tmp_path, narrow, office=sqlite_office.url), "pension")
    night = replace(make_night(tmp_path, PENSION, 2, 0, office=sqlite_office.url), previous=1)
    assert pull_source(night, "pension")["rows_changed"] == 1


# Increments by watermark, and columns that come and go


DATED = PENSION.model_copy(update={"watermark": "updated", "overlap_days": 2, "compare_every": 3})


def dated(days: dict[int, int], **more: object) -> list[dict]:
    """Rows by number, last written on that day of May 2026."""
    return [{**ROWS[n - 1], "order": date(2026, 5, day), **more} for n, day in days.items()]


def test_a_watermark_asks_for_the_late_rows_and_now_and_then_for_all(office, tmp_path):
    days = dict.fromkeys(range(1, 7), 1) | {7: 10}
    office.fill(dated(days))
    first = make_night(tmp_path, DATED, office=office.url)
    assert "drawn_since" not in pull_source(first, "pension")

    # row 2 changes with its date, row 3 changes in secret, row 4 vanishes, and one comes too late
    rows = dated(days | {2: 11})
    rows[1]["AAC003"], rows[2]["AAC003"] = "改名", "暗改"
    late = {"aac001": "90", "AAC003": "迟到", "order": date(2026, 4, 1)}
    office.fill([rows[0], rows[1], rows[2], *rows[4:], late])
    second = make_night(tmp_path, DATED, 2, 1, office=office.url)
    counts = pull_source(second, "pension")
    assert (counts["drawn_since"], counts["rows_drawn"]) == ("2026-05-08", 2)
    told = ("rows_pulled", "rows_new", "rows_changed", "rows_vanished")
    assert [counts[name] for name in told] == [7, 0, 1, 0]
    state = everything(second)
    pull_source(second, "pension")
    assert everything(second) == state

    assert "drawn_since" in pull_source(
        make_night(tmp_path, DATED, 3, 2, office=office.url), "pension"
    )
    fourth = make_night(tmp_path, DATED, 4, 3, office=office.url)
    counts = pull_source(fourth, "pension")
    assert "drawn_since" not in counts
    assert [counts[name] for name in told] == [7, 1, 1, 1]


def test_a_clock_that_runs_ahead_hides_nothing(sqlite_office, tmp_path):
    sqlite_office.fill([*dated({1: 1, 2: 1}), {**ROWS[2], "order": date(2099, 1, 1)}])
    pull_source(make_night(tmp_path, DATED, office=sqlite_office.url), "pension")
    second = make_night(tmp_path, DATED, 2, 1, office=sqlite_office.url)
    assert pull_source(second, "pension")["drawn_since"] == "2026-11-21"


def test_columns_that_go_come_and_change_are_told_and_stop_only_where_required(
    sqlite_office, tmp_path
):
    pull_source(make_night(tmp_path, PENSION, office=sqlite_office.url), "pension")
    sqlite_office.say("ALTER TABLE pension_member RENAME COLUMN amount TO bzje")
    second = make_night(tmp_path, PENSION, 2, 1, office=sqlite_office.url)
    assert "列“amount”疑似改名为“bzje”" in pull_source(second, "pension")["columns_changed"]
    sqlite_office.say("ALTER TABLE pension_member ADD COLUMN note VARCHAR(9)")
    sqlite_office.say("ALTER TABLE pension_member DROP COLUMN AAC003")
    third = make_night(tmp_path, PENSION, 3, 2, office=sqlite_office.url)
    with pytest.raises(SourceHeld):
        pull_source(third, "pension")
    hold_source(third, "pension", "缺列")
    mirror_raw(third)
    with third.open() as con:
        seen = con.execute(
            """SELECT column_name, since_night, until_night FROM raw.source_column
            WHERE since_night = 3 OR until_night = 3 ORDER BY ALL"""
        ).fetchall()
    assert seen == [("AAC003", 1, 3), ("note", 3, None)]


def test_a_refused_account_is_not_tried_again(tmp_path):
    url = sa.make_url(POSTGRESQL).set(username="onegrid_nobody", database="onegrid_nowhere")
    night = make_night(tmp_path, PENSION, office=url.render_as_string(hide_password=False))
    with pytest.raises(SourceHeld) as caught:
        pull_source(night, "pension")
    if "refused" in caught.value.reason_zh:
        pytest.skip("no PostgreSQL server to try this with")
    assert not caught.value.transient


def test_a_server_gives_up_what_takes_too_long(tmp_path):
    try:
        office = Office(POSTGRESQL)
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip("no PostgreSQL server to try this with")
    office.say("DROP VIEW IF EXISTS slow_member")
    office.say("CREATE VIEW slow_member AS SELECT m.* FROM pension_member m, pg_sleep(20)")
    source = PENSION.model_copy(update={"table": "slow_member"})
    night = make_night(tmp_path, source, office=office.url)
    limits = night.config.district.limits.model_copy(update={"statement_seconds": 1})
    district = night.config.district.model_copy(update={"limits": limits})
    night = replace(night, config=replace(night.config, district=district))
    try:
        with pytest.raises(SourceHeld, match="timeout") as caught:
            pull_source(night, "pension")
        assert not caught.value.transient
    finally:
        office.say("DROP VIEW slow_member")


def test_both_carriers_of_postgresql_spell_alike(tmp_path, monkeypatch):
    try:
        engine = sa.create_engine(POSTGRESQL, poolclass=sa.NullPool)
        with engine.begin() as con:
            con.exec_driver_sql("DROP TABLE IF EXISTS spelled_member")
            con.exec_driver_sql("""CREATE TABLE spelled_member AS SELECT * FROM (VALUES
                (1::bigint, '张三'::text, 1.50::numeric(9, 2), 600::float8, true, date '2026-01-02',
                    timestamp '2026-01-02 03:04:05', 'ab'::varchar(4)),
                (2, NULL, NULL, 'NaN', false, 'infinity', NULL, '李'),
                (3, E'a\\tb', 0, 0.1, NULL, NULL, timestamp '2026-01-02', ''))
                v (id, t, n, f, b, d, m, c)""")
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip("no PostgreSQL server to try this with")
    columns = {name: SourceColumn(aliases=(name,)) for name in "id t n f b d m c".split()}
    source = PENSION.model_copy(
        update={"table": "spelled_member", "key": ("id",), "columns": columns, "persons": ()}
    )
    carried = [list(database.stream(source, POSTGRESQL, database.Reading(2)))]
    monkeypatch.setattr(postgresql, "is_plain", lambda types: False)
    carried.append(list(database.stream(source, POSTGRESQL, database.Reading(2))))
    with engine.begin() as con:
        con.exec_driver_sql("DROP TABLE spelled_member")
    by_arrow, by_rows = (
        pa.Table.from_batches(batches).drop_columns(postgresql.ROW_HASH).to_pylist()
        for batches in carried
    )
    assert by_arrow == by_rows
    assert by_arrow[0]["f"] == "600"


@pytest.mark.parametrize(
    "table",
    [
        "pension_member; DROP TABLE pension_member",
        "(SELECT * FROM pension_member) x",
        'pension_member" WHERE 1=1 --',
        "pension_member`; DROP TABLE pension_member; -- ",
        "x.pension_member; DROP TABLE pension_member",
    ],
)
def test_a_table_that_is_sql_is_no_table(office, tmp_path, table):
    source = PENSION.model_copy(update={"table": table})
    with pytest.raises(SourceHeld, match="没有表") as caught:
        pull_source(make_night(tmp_path, source, office=office.url), "pension")
    assert not caught.value.transient
    counts = pull_source(make_night(tmp_path / "after", PENSION, office=office.url), "pension")
    assert counts["rows_pulled"] == 7


def test_names_that_look_like_sql_are_names(office, tmp_path):
    mark = "`" if office.engine.dialect.name in {"mysql", "mariadb"} else '"'
    odd, share = f"{mark}odd'; DROP TABLE x; --{mark}", f"{mark}比例(%){mark}"
    if office.engine.dialect.name != "sqlite":
        share = share.replace("%", "%%")  # for the driver, not for the server
    office.say(f"DROP TABLE IF EXISTS {odd}")
    office.say(
        f"CREATE TABLE {odd} (aac001 VARCHAR(9) PRIMARY KEY, {mark}AAC003{mark} VARCHAR(9), "
        f"{share} VARCHAR(9))"
    )
    office.say(f"INSERT INTO {odd} VALUES ('1', '张三', '5'), ('2', '李四', '7')")
    columns = PENSION.columns | {"amount": SourceColumn(aliases=("比例(%)",))}
    source = PENSION.model_copy(update={"table": odd.strip(mark), "columns": columns})
    try:
        night = make_night(tmp_path, source, office=office.url)
        pull_source(night, "pension")
        assert landed(night, "SELECT name, amount FROM main.pension ORDER BY 1") == [
            ("张三", "5"),
            ("李四", "7"),
        ]
    finally:
        office.say(f"DROP TABLE {odd}")
