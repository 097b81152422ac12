"""A small district of std.record rows for linkage: residents, their records, and the errors."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines import store
from pipelines.config import Config
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.link import cluster_records, queue_reviews, score_pairs
from pipelines.night import Night
from pipelines.standardise.names import Name, clean_name
from schemas.district import District, Limits

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文海波辉鹏飞雪梅琳"


@dataclass(frozen=True)
class Record:
    """One std.record row, as far as linkage reads it."""

    key: str
    name: str | None
    pinyin: str | None
    sex: str | None = None
    birth: date | None = None
    id17: str | None = None
    id_status: str = "missing"
    id_partial: str | None = None
    phones: tuple[str, ...] = ()
    address_key: str | None = None
    village: str | None = "330199101201"
    source: str = "ledger_population"
    role: str = "self"
    birth_from_id: bool = False
    former_name: str | None = None
    household: str | None = None
    truth: int = -1

    @property
    def record_id(self) -> int:
        """A stable number, like the one standardisation derives."""
        digest = hashlib.md5(f"{self.source}\x1f{self.key}\x1f{self.role}".encode()).digest()
        return int.from_bytes(digest[:8], "little") >> 1


def check_digit(id17: str) -> str:
    """GB 11643 check digit."""
    return "10X98765432"[sum(int(c) * w for c, w in zip(id17, _WEIGHTS, strict=True)) % 11]


def id_of(birth: date, sequence: int, region: str = "330199") -> str:
    """17 digits for a birth date and a sequence number."""
    return f"{region}{birth:%Y%m%d}{sequence:03d}"


def valid(record: Record, id17: str) -> Record:
    """The record with a valid ID number."""
    return replace(record, id17=id17, id_status="valid")


def make_home(folder: Path) -> tuple[Home, Config]:
    """An empty home and a configuration without sources."""
    home = Home.at(folder)
    config = Config(
        district=District(
            name="测试",
            township_code="330199101",
            databases={},
            limits=Limits(memory="1GB", threads=2),
        ),
        sources={},
        forms={},
        databases={},
        ledgers=home.inbox,
        journal_url=f"sqlite:///{home.journal}",
        fingerprint="test",
    )
    return home, config


def run_night(home: Home, config: Config, records: list[Record], *, full: bool = False) -> Night:
    """Link `records` in a new night that starts from the last one, and publish it."""
    with open_journal(config.journal_url) as journal:
        published = journal.nights("published")
        previous = published[-1].night if published else 0
        is_full = full or not previous
        row = journal.begin_night(
            date(2026, 11, 23),
            0 if is_full else previous,
            is_full=is_full,
            fingerprint="test",
            run_id=None,
        )
    night = Night(home, config, row.night, row.business_date, row.base_night, previous, row.is_full)
    night.folder.mkdir(parents=True)
    if not is_full:
        shutil.copyfile(home.night_file(previous), night.file)
    with night.open() as con:
        store.lay_out(con)
        con.execute(
            "INSERT INTO meta.night VALUES (?, ?, ?, ?, now(), 'test', NULL)",
            [night.number, night.business_date, night.base, night.is_full],
        )
        _fill(con, records, full=is_full)
        score_pairs(night)
        cluster_records(night)
        queue_reviews(night)
        events = con.execute(
            """SELECT kind, resident_id, other_id, field, record_id FROM master.event
            WHERE night = ? ORDER BY ALL""",
            [night.number],
        ).fetchall()
        con.execute("CHECKPOINT")
    with open_journal(config.journal_url) as journal:
        journal.append_identities(night.number, events)
        journal.set_night(night.number, "published")
    shutil.copyfile(night.file, home.night_file(night.number))
    return night


@cache
def cleaned(name: str | None) -> Name:
    """The name as standardisation would clean it."""
    return clean_name(name or "")


def _fill(con, records: list[Record], *, full: bool) -> None:  # type: ignore[no-untyped-def]
    con.execute("CREATE OR REPLACE TEMP TABLE before AS FROM std.record")
    con.execute("DELETE FROM std.record")
    con.execute("DELETE FROM delta.record")
    table = pa.table(
        {
            "record_id": pa.array([r.record_id for r in records], pa.int64()),
            "source": pa.array([r.source for r in records], pa.string()),
            "source_key": pa.array([r.key for r in records], pa.string()),
            "role": pa.array([r.role for r in records], pa.string()),
            "department": pa.array(["community"] * len(records), pa.string()),
            "village_code": pa.array([r.village for r in records], pa.string()),
            "name": pa.array([r.name for r in records], pa.string()),
            "former_name": pa.array([r.former_name for r in records], pa.string()),
            "sex": pa.array([r.sex for r in records], pa.string()),
            "birth_date": pa.array([r.birth for r in records], pa.date32()),
            "id_number": pa.array(
                [r.id17 + check_digit(r.id17) if r.id17 else None for r in records], pa.string()
            ),
            "id_status": pa.array([r.id_status for r in records], pa.string()),
            "id17": pa.array([r.id17 for r in records], pa.string()),
            "id_partial": pa.array([r.id_partial for r in records], pa.string()),
            "birth_precision": pa.array(["day" if r.birth else None for r in records], pa.string()),
            "birth_from_id": pa.array([r.birth_from_id for r in records], pa.bool_()),
            "household_key": pa.array([r.household for r in records], pa.string()),
            "surname": pa.array([cleaned(r.name).surname for r in records], pa.string()),
            "name_shape": pa.array([cleaned(r.name).shape for r in records], pa.string()),
            "name_key": pa.array([cleaned(r.name).key for r in records], pa.string()),
            "name_pinyin": pa.array([r.pinyin for r in records], pa.string()),
            "phones": pa.array([list(r.phones) for r in records], pa.list_(pa.string())),
            "address_key": pa.array([r.address_key for r in records], pa.string()),
            "dwelling_key": pa.array([r.address_key for r in records], pa.string()),
        }
    )
    con.register("fixture", table)
    con.execute("INSERT INTO std.record BY NAME SELECT * FROM fixture")
    con.unregister("fixture")
    if full:
        con.execute("INSERT INTO delta.record SELECT record_id, 'new' FROM std.record")
        return
    con.execute(
        """
        INSERT INTO delta.record
        SELECT record_id, 'gone' FROM before ANTI JOIN std.record USING (record_id)
        UNION ALL SELECT record_id, 'new' FROM std.record ANTI JOIN before USING (record_id)
        UNION ALL SELECT DISTINCT record_id, 'changed'
        FROM (FROM std.record EXCEPT FROM before) SEMI JOIN before USING (record_id)
        """
    )


def district(residents: int, seed: int) -> list[Record]:
    """Households of three with records in up to four sources, spoilt at realistic rates."""
    random = np.random.default_rng(seed)
    records: list[Record] = []
    surname_odds = 1 / np.arange(1, len(SURNAMES) + 1)
    surname_odds /= surname_odds.sum()
    family = ("", "", "")
    for person in range(residents):
        if person % 3 == 0:
            number = person // 3
            family = (
                str(random.choice(list(SURNAMES), p=surname_odds)),
                f"138{number:08d}",
                f"330199101{200 + number % 20:03d}|y|{number % 40}|1|{number}",
            )
        surname, phone, dwelling = family
        given = "".join(random.choice(list(GIVEN), size=1 + int(random.random() < 0.8)))
        birth = date(1940, 1, 1) + timedelta(days=int(random.integers(0, 30_000)))
        name = surname + given
        id17 = id_of(birth, int(random.integers(1, 999)))
        sex = "1" if int(id17[16]) % 2 else "2"
        whole = Record(
            key=str(person), name=name, pinyin=" ".join(f"p{ord(c)}" for c in name), sex=sex,
            birth=birth, id17=id17, id_status="valid", phones=(phone,), address_key=dwelling,
            village=dwelling[:12], truth=person,
        )  # fmt: skip
        for source in ("grid", "ledger_population", "medical", "pension"):
            if random.random() < 0.35:
                continue
            record = replace(whole, source=source)
            if source in ("grid", "ledger_population"):
                record = replace(record, household=f"{source}:{person // 3}")
            dice = random.random()
            if dice < 0.06:
                record = replace(record, id17=None, id_status="missing")
            elif dice < 0.09:
                masked = f"{id17[:6]}********{id17[14:]}{check_digit(id17)}"
                record = replace(record, id17=None, id_status="masked", id_partial=masked)
            elif dice < 0.11:
                place = int(random.integers(0, 17))
                wrong = f"{id17[:place]}{(int(id17[place]) + 3) % 10}{id17[place + 1 :]}"
                record = replace(
                    record, id17=None, id_status="invalid", id_partial=wrong + check_digit(id17)
                )
            if random.random() < 0.03:
                other = record.name[:-1] + str(random.choice(list(GIVEN)))
                record = replace(record, name=other)
            if random.random() < 0.2:
                record = replace(record, phones=())
            if random.random() < 0.2:
                record = replace(record, address_key=None)
            records.append(record)
    return records
