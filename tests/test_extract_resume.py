"""Connections that break or hang in the middle of a result, and bytes that are no text, on real
servers."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.errors import SourceHeld
from pipelines.extract import database, postgresql, pull_source
from pipelines.night import Night
from schemas.district import Limits
from tests.test_extract_database import (
    MARIADB,
    PENSION,
    POSTGRESQL,
    everything,
    landed,
    make_night,
)

ROWS, BATCH = 20_000, 1_000
TABLE = "broken_member"
BROKEN = PENSION.model_copy(update={"table": TABLE})
VIEW = PENSION.model_copy(update={"table": f"{TABLE}_view"})


class Server:
    """A server with a table too large for what lies between it and us."""

    def __init__(self, url: str, way: str) -> None:
        self.url, self.way = url, way
        self.engine = sa.create_engine(url, poolclass=sa.NullPool)
        self.is_mariadb = way == "mariadb"
        meta = sa.MetaData()
        self.table = sa.Table(
            TABLE,
            meta,
            sa.Column("aac001", sa.String(40), primary_key=True),
            sa.Column("AAC003", sa.String(600)),
            sa.Column("AAC002", sa.String(40)),
        )
        self.drop()
        meta.create_all(self.engine)
        self.say(f"CREATE VIEW {TABLE}_view AS SELECT * FROM {TABLE}")
        # what stands in a key must not matter: quotation marks, percent signs, backslashes
        rows = [
            {
                "aac001": f"号{n * 7919 % ROWS:05d}%s'\\",
                "AAC003": f"{n}" + "人" * 580,
                "AAC002": str(n),
            }
            for n in range(ROWS)
        ]
        with self.engine.begin() as con:
            con.execute(self.table.insert(), rows)

    def say(self, sql: str) -> None:
        with self.engine.begin() as con:
            con.exec_driver_sql(sql)

    def drop(self) -> None:
        self.say(f"DROP VIEW IF EXISTS {TABLE}_view")
        self.say(f"DROP TABLE IF EXISTS {TABLE}")

    def kill(self) -> None:
        """End every session that draws the table."""
        with self.engine.connect() as con:
            if self.is_mariadb:
                ids = con.exec_driver_sql(
                    "SELECT id FROM information_schema.processlist WHERE id <> connection_id() "
                    f"AND info LIKE '%%{TABLE}%%'"
                )
                for (number,) in ids.fetchall():
                    con.exec_driver_sql(f"KILL {number}")
            else:
                con.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks "
                    f"WHERE relation = '{TABLE}'::regclass AND pid <> pg_backend_pid()"
                )


@pytest.fixture(params=["arrow", "psycopg", "mariadb"])
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(postgresql, "_BATCH_BYTES", 256 << 10)
    if request.param == "psycopg":
        monkeypatch.setattr(postgresql, "is_plain", lambda types: False)
    try:
        one = Server(MARIADB if request.param == "mariadb" else POSTGRESQL, request.param)
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip(f"no server to try {request.param} with")
    yield one
    one.drop()


def night_at(folder: Path, server: Server, source=BROKEN) -> Night:
    night = make_night(folder, source, office=server.url)
    limits = Limits(memory="1GB", threads=1, batch_rows=BATCH, statement_seconds=60)
    district = night.config.district.model_copy(update={"limits": limits})
    return replace(night, config=replace(night.config, district=district))


class Relay:
    """Stands between us and a server, so that little is on its way when something happens."""

    def __init__(self, port: int, most: int, *happenings: Callable[[], None]) -> None:
        """After `most` bytes of an answer the next thing happens; then it goes on."""
        self._to, self._most, self._happenings = port, most, list(happenings)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._kept: list[socket.socket] = []
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._door.accept()
                server = socket.socket()
                server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                server.connect(("127.0.0.1", self._to))
                self._kept += [client, server]
                for ends in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        carried = 0
        with suppress(OSError):
            while piece := source.recv(65_536):
                carried += len(piece)
                if is_answer and carried >= self._most and self._happenings:
                    is_answer = False  # one a connection: more is on its way
                    self._happenings.pop(0)()
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for one in (self._door, *self._kept):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # closing alone wakes no thread
            one.close()


Relays = Callable[..., Relay]


@pytest.fixture
def between(server: Server) -> Iterator[Relays]:
    """Let all that is drawn from the server go through a relay from now on."""
    relays: list[Relay] = []

    def put(*happenings: Callable[[], None], most: int = 4 << 20) -> Relay:
        url = sa.make_url(server.url)
        port = url.port or (3306 if server.is_mariadb else 5432)
        relays.append(Relay(port, most, *happenings))
        url = url.set(host="127.0.0.1", port=relays[-1].port)
        server.url = url.render_as_string(hide_password=False)
        return relays[-1]

    yield put
    for relay in relays:
        relay.close()


def test_a_pull_that_breaks_goes_on_and_ends_like_an_unbroken_one(server, tmp_path, between):
    whole = night_at(tmp_path / "whole", server)
    assert "went_on_after_breaks" not in pull_source(whole, "pension")
    between(server.kill, server.kill)
    broken = night_at(tmp_path / "broken", server)
    counts = pull_source(broken, "pension")
    assert counts["went_on_after_breaks"] == 2
    assert (counts["rows_drawn"], counts["rows_pulled"]) == (ROWS, ROWS)
    assert everything(broken) == everything(whole)


def test_a_view_is_drawn_anew_in_order_once_and_goes_on_from_then_on(server, tmp_path, between):
    whole = night_at(tmp_path / "whole", server, VIEW)
    pull_source(whole, "pension")
    between(server.kill, server.kill)
    broken = night_at(tmp_path / "broken", server, VIEW)
    counts = pull_source(broken, "pension")
    assert (counts["went_on_after_breaks"], counts["rows_drawn"]) == (1, ROWS)
    assert everything(broken) == everything(whole)


@pytest.mark.parametrize("what", ["gone", "another"])
def test_a_table_that_moved_meanwhile_is_begun_anew(server, tmp_path, between, what):
    key = sa.select(sa.func.min(server.table.c.aac001)).scalar_subquery()

    def move() -> None:
        with server.engine.begin() as con:
            first = con.execute(sa.select(key)).scalar_one()
            con.execute(server.table.delete().where(server.table.c.aac001 == first))
            if what == "another":  # as many as before, though not among those that came
                con.execute(server.table.insert(), {"aac001": "号99999", "AAC003": "新"})
        server.kill()

    between(move)
    broken = night_at(tmp_path, server)
    with pytest.raises(SourceHeld, match="对不上") as caught:
        pull_source(broken, "pension")
    assert caught.value.transient
    assert landed(broken, "SELECT count(*) FROM main.pension") == [(0,)]
    assert pull_source(broken, "pension")["rows_pulled"] == ROWS - (what == "gone")


def test_keys_that_are_shared_or_empty_are_begun_anew_and_none_is_lost(server, tmp_path, between):
    server.say(f"DROP VIEW {TABLE}_view")
    key = "NULLIF(LEFT(aac001, 4), '号001')"
    server.say(
        f'CREATE VIEW {TABLE}_view AS SELECT {key} AS aac001, "AAC003", "AAC002" FROM {TABLE}'
        if not server.is_mariadb
        else f"CREATE VIEW {TABLE}_view AS SELECT {key} AS aac001, AAC003, AAC002 FROM {TABLE}"
    )
    whole = night_at(tmp_path / "whole", server, VIEW)
    pull_source(whole, "pension")
    between(server.kill, server.kill)
    broken = night_at(tmp_path / "broken", server, VIEW)
    with pytest.raises(SourceHeld, match="对不上") as caught:
        pull_source(broken, "pension")
    assert caught.value.transient
    assert pull_source(broken, "pension")["rows_pulled"] == ROWS
    assert everything(broken) == everything(whole)


def test_a_server_that_falls_silent_in_the_middle_is_given_up(
    server, tmp_path, monkeypatch, between
):
    monkeypatch.setattr(database, "_GRACE_SECONDS", -58.0)  # of the 60 that a statement may take
    is_over = threading.Event()
    between(is_over.wait)
    try:
        with pytest.raises(SourceHeld, match="no word for 2 s") as caught:
            pull_source(night_at(tmp_path, server), "pension")
        assert not caught.value.transient
    finally:
        is_over.set()


@pytest.mark.parametrize("carrier", ["arrow", "psycopg"])
def test_a_server_that_knows_no_encoding_gives_what_its_bytes_say(tmp_path, monkeypatch, carrier):
    if carrier == "psycopg":
        monkeypatch.setattr(postgresql, "is_plain", lambda types: False)
    name = f"onegrid_bytes_{carrier}"
    admin = sa.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    url = sa.make_url(POSTGRESQL).set(database=name, query={"client_encoding": "utf8"})
    try:
        with admin.connect() as con:
            con.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
            con.exec_driver_sql(
                f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 "
                "LC_COLLATE 'C' LC_CTYPE 'C'"
            )
    except (sa.exc.OperationalError, ModuleNotFoundError):
        pytest.skip("no server to try this with")
    try:
        with sa.create_engine(url, poolclass=sa.NullPool).begin() as con:
            con.exec_driver_sql(
                'CREATE TABLE pension_member (aac001 TEXT PRIMARY KEY, "AAC003" TEXT)'
            )
            for key, written in (("1", "gb18030"), ("2", "utf-8")):
                con.exec_driver_sql(
                    "INSERT INTO pension_member VALUES (%s, convert_from(%s, 'SQL_ASCII'))",
                    (key, "张三".encode(written)),
                )
        url = sa.make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
        night = make_night(tmp_path, PENSION, office=url)
        pull_source(night, "pension")
        assert landed(night, "SELECT name FROM main.pension") == [("张三",)] * 2
    finally:
        with admin.connect() as con:
            con.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
