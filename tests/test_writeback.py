"""Write-back to real servers: what changed, once, whatever happens in between."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.writeback.outbox import OUTBOX
from tests.district_fixture import Districts, Done, ask, copy, journal_url, onegrid

SERVERS = {
    "postgresql": os.environ.get(
        "ONEGRID_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
    ),
    "mariadb": os.environ.get("ONEGRID_TEST_MARIADB", "mysql+pymysql://root@127.0.0.1:3306/test"),
    "sqlite": "",
}
TABLE = f"onegrid_push_{os.getpid()}"
CONTRACT = f"""
target: platform
label: 区网格化平台
url: ${{PLATFORM_URL}}
table: {TABLE}
purpose: population
legal_basis: 示例
key: resident_id
columns:
  name: xm
  sex: {{column: xb, codes: labels}}
  birth_date: csrq
  id_number: sfzh
  phone: lxdh
  grid_code: wgbm
identifies: [name]
mark: {{column: zt, active: 1, dead: 2, moved: 3, merged: 4, merged_into: bh, clears: [id_number]}}
digest: md5
version: version
batch_rows: 200
"""
COLUMNS = {"xm": 60, "xb": 10, "sfzh": 18, "lxdh": 20, "wgbm": 15, "bh": 32, "md5": 32}


class Platform:
    """A platform's table, and the command that writes to it."""

    def __init__(self, url: str, home: Home, folder: Path) -> None:
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.url, self.home, self.folder = url, home, folder
        (folder / "targets").mkdir(parents=True)
        packaged = Path(__file__).parents[1] / "schemas" / "district.yaml"
        shutil.copy(packaged, folder)
        self.promise(CONTRACT)
        self.table = sa.Table(
            TABLE,
            sa.MetaData(),
            sa.Column("resident_id", sa.String(32), primary_key=True),
            *(sa.Column(name, sa.String(length)) for name, length in COLUMNS.items()),
            sa.Column("csrq", sa.Date),
            sa.Column("zt", sa.SmallInteger, nullable=False),
            sa.Column("version", sa.BigInteger),
        )
        self.table.drop(self.engine, checkfirst=True)
        self.table.create(self.engine)

    def promise(self, contract: str) -> None:
        (self.folder / "targets" / "platform.yaml").write_text(contract, "utf-8")

    def push(self, *flags: str) -> Done:
        environment = {"PLATFORM_URL": self.url}
        command = ("push", *flags, "--config", self.folder)
        return onegrid(*command, home=self.home, environment=environment)

    def ask(self, sql: str) -> list[tuple]:
        with self.engine.connect() as con:
            return [tuple(row) for row in con.execute(sa.text(sql.format(t=TABLE)))]

    def do(self, *statements: str) -> None:
        with self.engine.begin() as con:
            for sql in statements:
                con.execute(sa.text(sql.format(t=TABLE)))


@pytest.fixture
def platform(
    request: pytest.FixtureRequest, districts: Districts, tmp_path: Path
) -> Iterator[Platform]:
    url = SERVERS[request.param] or f"sqlite:///{tmp_path}/platform.sqlite"
    try:
        with sa.create_engine(url, connect_args={}).connect():
            pass
    except sa.exc.OperationalError:
        pytest.skip(f"no {request.param} server here")
    made = Platform(url, copy(districts.before, tmp_path / "home"), tmp_path / "config")
    yield made
    made.table.drop(made.engine)


def _expected(home: Home) -> set[tuple]:
    """Who should be in force, by the published file."""
    return set(
        ask(
            home,
            """SELECT resident_id, name, grid_code FROM master.resident r
            WHERE death_date IS NULL AND grid_code IS NOT NULL AND NOT EXISTS (
                FROM deliver.way_out w WHERE w.resident_id = r.resident_id AND stays_off
                AND w.grid_code = r.grid_code)""",
        )
    )


def _in_force(platform: Platform) -> set[tuple]:
    return set(platform.ask("SELECT resident_id, xm, wgbm FROM {t} WHERE zt = 1"))


def _next_night(platform: Platform, districts: Districts) -> None:
    published = platform.home.root / "published"
    shutil.rmtree(published)
    shutil.copytree(districts.after.root / "published", published)


@pytest.mark.parametrize("platform", SERVERS, indirect=True)
def test_only_what_changed_is_sent_and_who_is_gone_is_marked(
    platform: Platform, districts: Districts
) -> None:
    tried = platform.push("--dry-run")
    assert (tried.code, "试算，没有发送" in tried.out) == (0, True), tried.err
    assert tried.out.count("新增") == 1 + 3, "the count, and three rows of it"
    assert platform.ask("SELECT count(*) FROM {t}") == [(0,)]
    assert platform.push().code == 0
    first = _expected(platform.home)
    assert _in_force(platform) == first
    again = platform.push()
    assert (again.code, "没有变化，无需发送" in again.out) == (0, True)

    _next_night(platform, districts)
    tried = platform.push("--dry-run", "--rows", "50")
    assert not any(name in tried.out for _, name, _ in first if name)
    lines = [line.split("│") for line in tried.out.splitlines() if line.startswith("R")]
    kinds = [(who.strip(), kind.strip()) for who, kind, *_ in lines]
    there = {who for who, *_ in first}
    assert {kind for who, kind in kinds if who not in there} == {"新增"}
    assert {kind for who, kind in kinds if who in there} == {"更新", "标记"}
    before = dict(platform.ask("SELECT resident_id, version FROM {t}"))
    sent = platform.push()
    assert sent.code == 0, sent.err
    assert _in_force(platform) == _expected(platform.home)
    after = dict(platform.ask("SELECT resident_id, version FROM {t}"))
    touched = {who for who, version in after.items() if before.get(who) != version}
    assert 0 < len(touched) < len(after) / 2
    gone = {who for who, *_ in first} - {who for who, *_ in _expected(platform.home)}
    marks = platform.ask("SELECT resident_id, zt, sfzh FROM {t} WHERE zt <> 1")
    assert {who for who, _, _ in marks} == gone
    assert {number for _, _, number in marks} <= {None}
    assert not any(name in sent.out for _, name, _ in first if name)


@pytest.mark.parametrize("platform", ["postgresql"], indirect=True)
def test_a_row_that_is_refused_goes_aside_and_a_push_that_breaks_goes_on(
    platform: Platform,
) -> None:
    poor = sorted(_expected(platform.home))[900][0]
    platform.do(
        f"ALTER TABLE {{t}} ADD CONSTRAINT never_them CHECK (resident_id <> '{poor}')",
        """CREATE OR REPLACE FUNCTION onegrid_push_dies() RETURNS trigger AS $$ BEGIN
        IF (SELECT count(*) FROM {t}) >= 600 THEN PERFORM pg_terminate_backend(pg_backend_pid());
        END IF; RETURN NEW; END $$ LANGUAGE plpgsql""",
        """CREATE TRIGGER dies BEFORE INSERT ON {t} FOR EACH ROW
        EXECUTE FUNCTION onegrid_push_dies()""",
    )
    broken = platform.push()
    assert (broken.code, "中途断开" in broken.err) == (1, True), broken.err
    assert 0 < len(_in_force(platform)) <= 600
    platform.do("DROP FUNCTION onegrid_push_dies CASCADE")
    resumed = platform.push()
    assert (resumed.code, "目标库拒收·CheckViolation" in resumed.out) == (1, True)
    assert {who for who, *_ in _expected(platform.home)} - {poor} == {
        who for who, *_ in _in_force(platform)
    }
    assert "以前被拒收，内容未变" in platform.push().out
    with open_journal(journal_url(platform.home)) as journal, journal.engine.connect() as con:
        states = sa.select(OUTBOX.c.state, sa.func.count()).group_by(OUTBOX.c.state)
        assert {state for state, _ in con.execute(states)} == {"done", "sent", "aside"}
    platform.do("ALTER TABLE {t} DROP CONSTRAINT never_them")
    assert platform.push("--again").code == 0
    assert _in_force(platform) == _expected(platform.home)


@pytest.mark.parametrize("platform", ["sqlite"], indirect=True)
def test_a_contract_that_does_not_fit_is_told_before_anything_is_sent(platform: Platform) -> None:
    for old, new, said in (
        ("phone: lxdh", "phone: dianhua", "缺少列：dianhua"),
        (f"table: {TABLE}", "table: nowhere", "没有表“nowhere”"),
        ("key: resident_id", "key: xm", "is filled twice"),
        ("  phone: lxdh", "  political_status: lxdh\n  pone: lxdh", "phone"),
        ("purpose: population", "purpose: elderly", "FINE"),
        ("url: ${PLATFORM_URL}", "url: ${NOT_SET}", "NOT_SET is not set"),
    ):
        platform.promise(CONTRACT.replace(old, new))
        done = platform.push("--dry-run")
        if said == "FINE":
            assert done.code == 0, done.err
        else:
            assert (done.code, said in done.err) == (1, True), (said, done.err)
    assert platform.ask("SELECT count(*) FROM {t}") == [(0,)]
