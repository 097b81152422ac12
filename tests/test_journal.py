"""The journal on SQLite and PostgreSQL: what a night wrote, what people said, many at once."""

from __future__ import annotations

import multiprocessing
import os
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.journal import Journal, open_journal

POSTGRES = os.environ.get(
    "ONEGRID_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)
DAY = date(2026, 11, 23)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/journal/journal.sqlite"
        return
    try:
        admin = sa.create_engine(POSTGRES, connect_args={"connect_timeout": 3})
        schema = f"journal_{uuid.uuid4().hex[:12]}"
        with admin.begin() as con:
            con.execute(sa.schema.CreateSchema(schema))
    except (sa.exc.OperationalError, ModuleNotFoundError) as error:
        pytest.skip(f"no PostgreSQL to test with: {type(error).__name__}")
    own = sa.make_url(POSTGRES).update_query_dict({"options": f"-csearch_path={schema}"})
    yield own.render_as_string(hide_password=False)
    with admin.begin() as con:
        con.execute(sa.schema.DropSchema(schema, cascade=True))
    admin.dispose()


def _begin(journal: Journal) -> int:
    row = journal.begin_night(DAY, 0, is_full=True, fingerprint="f", run_id=None)
    return row.night


def _births(count: int) -> list[tuple[str, str, str | None, str | None, int | None]]:
    return [("birth", f"R{number:015x}", None, None, number) for number in range(count)]


def _identities(journal: Journal) -> list[tuple]:
    return [row for batch in journal.identities() for row in batch]


def test_identities_count_only_while_their_night_is_published(url: str) -> None:
    with open_journal(url) as journal:
        night = _begin(journal)
        journal.append_identities(night, _births(3))
        assert _identities(journal) == []
        journal.set_night(night, "published")
        assert [row[3] for row in _identities(journal)] == [row[1] for row in _births(3)]
        assert _identities(journal)[0][:2] == (night, DAY)
        journal.begin_voiding(night)
        assert _identities(journal) == []


def test_a_second_attempt_at_a_night_replaces_the_first(url: str) -> None:
    with open_journal(url) as journal:
        night = _begin(journal)
        journal.append_identities(night, _births(5))
        journal.append_identities(night, _births(2))
        journal.set_night(night, "published")
        assert len(_identities(journal)) == 2


def test_a_failed_append_leaves_nothing(url: str) -> None:
    def broken() -> Iterator[tuple[str, str, str | None, str | None, int | None]]:
        yield from _births(2)
        raise OSError("the night's file cannot be read")

    with open_journal(url) as journal:
        night = _begin(journal)
        with pytest.raises(OSError):
            journal.append_identities(night, broken())
        journal.set_night(night, "published")
        assert _identities(journal) == []


def test_events_keep_their_order_and_their_empty_columns(url: str) -> None:
    rows = [
        ("merge", "R2", "R1", None, 7),
        ("changed", "R1", None, "name", None),
        ("birth", "R3", None, None, 2**62),
    ]
    with open_journal(url) as journal:
        night = _begin(journal)
        journal.append_identities(night, rows)
        journal.set_night(night, "published")
        assert [row[2:] for row in _identities(journal)] == rows


def test_night_numbers_are_never_used_twice(url: str) -> None:
    with open_journal(url) as journal:
        first = _begin(journal)
        journal.set_night(first, "failed", "for a reason")
        assert _begin(journal) == first + 1
        assert [row.reason for row in journal.nights("failed")] == ["for a reason"]


def test_the_last_word_on_a_pair_counts_in_either_order(url: str) -> None:
    with open_journal(url) as journal:
        journal.decide(2, 1, "always", "clerk", "same person")
        journal.decide(1, 2, "never", "clerk", "twins")
        journal.decide(3, 4, "always", "clerk", "same person")
        journal.decide(4, 3, "withdrawn", "clerk", "mistake")
        assert [row[1:4] for row in journal.decisions()] == [(1, 2, "never")]


def test_unsure_is_kept_but_decides_nothing(url: str) -> None:
    with open_journal(url) as journal:
        journal.decide(1, 2, "always", "clerk", "same person")
        journal.decide(2, 1, "unsure", "clerk", "on second thought")
        journal.decide(3, 4, "unsure", "clerk", "cannot tell")
        journal.decide(3, 4, "never", "clerk", "asked at the door")
        assert [row[1:4] for row in journal.decisions()] == [(3, 4, "never")]
        assert [row[1:4] for row in journal.words()] == [(1, 2, "unsure"), (3, 4, "never")]
        assert {row[6].utcoffset() for row in journal.words()} == {timedelta(0)}


def test_the_latest_issue_of_a_form_is_the_one_of_the_last_published_night(url: str) -> None:
    issue = {"form_id": "f", "content_hash": "c", "file_sha256": "s", "issued_on": DAY}
    with open_journal(url) as journal:
        for version in (1, 2):
            night = _begin(journal)
            journal.append_issues(night, [{**issue, "version": version, "due_on": DAY}])
            journal.set_night(night, "published" if version == 1 else "failed")
        assert [row["version"] for row in journal.issues()] == [1]


def _say(url: str, author: str, times: int) -> None:
    with open_journal(url) as journal:
        for number in range(times):
            journal.decide(number, number + 1, "always", author, "spoken at once")
            journal.append_receipt("view", "form", author, {"number": number})


def test_many_write_at_once_while_a_night_appends(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    people = [context.Process(target=_say, args=(url, f"clerk{n}", 20)) for n in range(3)]
    for person in people:
        person.start()
    with open_journal(url) as journal:
        night = _begin(journal)
        for _ in range(4):
            journal.append_identities(night, _births(20_000))
        journal.set_night(night, "published")
        for person in people:
            person.join(60)
        assert [person.exitcode for person in people] == [0, 0, 0]
        with journal.engine.connect() as con:
            assert con.execute(sa.text("SELECT count(*) FROM decision")).scalar() == 60
            assert con.execute(sa.text("SELECT count(*) FROM receipt")).scalar() == 60
        assert len(_identities(journal)) == 20_000


def test_a_hundred_thousand_identities_are_kept_in_seconds(url: str) -> None:
    with open_journal(url) as journal:
        night = _begin(journal)
        start = time.perf_counter()
        journal.append_identities(night, iter(_births(100_000)))
        assert time.perf_counter() - start < 5


def test_the_sqlite_journal_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with open_journal(f"sqlite:///{tmp_path}/journal/journal.sqlite") as journal:
            _begin(journal)
            for path in (tmp_path / "journal").iterdir():
                assert path.stat().st_mode & 0o077 == 0, path.name
    finally:
        os.umask(before)
    assert (tmp_path / "journal").stat().st_mode & 0o077 == 0
