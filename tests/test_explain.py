"""Why records are one resident, as a reader of the published file is told."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from pipelines.errors import OnegridError
from pipelines.home import Home
from pipelines.link.explain import pair_evidence
from tests.district_fixture import Districts, make_districts

Reader = duckdb.DuckDBPyConnection


@pytest.fixture(scope="session")
def districts(tmp_path_factory: pytest.TempPathFactory) -> Districts:
    return make_districts(tmp_path_factory)


@pytest.fixture
def con(districts: Districts) -> Iterator[Reader]:
    with duckdb.connect(str(districts.after.published), read_only=True) as reader:
        yield reader


def test_the_bars_of_every_scored_pair_add_up_to_what_the_night_found(
    districts: Districts, con: Reader
) -> None:
    rows = con.execute(
        """SELECT record_l, record_r, verdict, weight, probability, reasons FROM link.pair
        WHERE tier = 'probable' AND NOT contains(reasons, 'slip of the pen')"""
    ).fetchall()
    assert len(rows) > 100
    found = pair_evidence(con, districts.after, [(right, left) for left, right, *_ in rows])
    for (left, right, verdict, weight, probability, reasons), evidence in zip(
        rows, found, strict=True
    ):
        assert (evidence.record_l, evidence.record_r) == (left, right)
        assert (evidence.tier, evidence.verdict) == ("probable", verdict)
        assert evidence.weight == pytest.approx(weight, abs=1e-3)
        assert evidence.probability == pytest.approx(probability, abs=1e-3)
        total = evidence.prior + sum(bar.weight + bar.term for bar in evidence.bars)
        assert total == pytest.approx(evidence.weight)
        assert sum(bar.level != "missing" for bar in evidence.bars) == len(reasons.split("; "))


def test_certain_and_unknown_pairs_are_explained_as_what_they_are(
    districts: Districts, con: Reader
) -> None:
    ((left, right),) = con.execute(
        """SELECT record_l, record_r FROM link.pair WHERE tier = 'certain' AND verdict = 'joined'
        ORDER BY ALL LIMIT 1"""
    ).fetchall()
    ((one, other),) = con.execute(
        """SELECT min(record_id), max(record_id) FROM link.cluster
        WHERE (SELECT count(*) FROM link.pair) > 0"""
    ).fetchall()
    certain, unknown = pair_evidence(con, districts.after, [(left, right), (one, other)])
    assert certain.tier == "certain"
    assert certain.basis.startswith("同一有效证号")
    assert (unknown.tier, unknown.verdict) == (None, None)
    assert unknown.weight < 0
    assert unknown.basis == "当晚没有比较过这两条记录"
    assert all(bar.says == "缺" for bar in unknown.bars if bar.level == "missing")


def test_what_cannot_be_compared_is_said(
    districts: Districts, con: Reader, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert pair_evidence(con, districts.after, []) == []
    with pytest.raises(OnegridError, match="not in the published night"):
        pair_evidence(con, districts.after, [(1, 2)])
    elsewhere = Home.at(tmp_path_factory.mktemp("elsewhere"))
    with pytest.raises(OnegridError, match="bring the folder back"):
        pair_evidence(con, elsewhere, [(1, 2)])
