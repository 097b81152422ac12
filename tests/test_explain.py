"""Why records are one resident, as a reader of the published file is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest

from pipelines.errors import OnegridError
from pipelines.explain import UnknownResident, explain_resident
from pipelines.home import Home
from pipelines.link.explain import pair_evidence
from tests.district_fixture import Districts

Reader = duckdb.DuckDBPyConnection


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


def test_residents_are_explained_from_their_records_to_every_cell(
    districts: Districts, con: Reader
) -> None:
    chosen = con.execute(
        """SELECT resident_id, record_count FROM master.resident
        ORDER BY record_count DESC, resident_id LIMIT 8"""
    ).fetchall()
    for resident_id, records in chosen:
        found = explain_resident(con, districts.after, resident_id)
        assert found.leads_to == resident_id
        assert len(found.records) == records
        assert len(found.links) == records - 1, "a tree holds the records together"
        assert found.history[0].kind in {"birth", "split"}
        cells = con.execute(
            """SELECT field, source, observed_date, contested FROM master.cell
            WHERE resident_id = ? ORDER BY field""",
            [resident_id],
        ).fetchall()
        labels = dict(con.execute("SELECT source, label FROM meta.source").fetchall())
        assert [(field, labels[source], *rest) for field, source, *rest in cells] == sorted(
            (cell.field, cell.source, cell.observed, cell.contested) for cell in found.cells
        )
        assert {cell.record_id for cell in found.cells} <= {c.record_id for c in found.records}


def test_contested_cells_show_what_others_say_and_contested_numbers_whose_they_are(
    districts: Districts, con: Reader
) -> None:
    ((resident_id,),) = con.execute(
        "SELECT min(resident_id) FROM master.cell WHERE field = 'phone' AND contested"
    ).fetchall()
    found = explain_resident(con, districts.after, resident_id)
    (phone,) = [cell for cell in found.cells if cell.field == "phone"]
    assert phone.others
    assert all(said.value != phone.value for said in phone.others)
    assert any("phone" in fields for fields in found.differing.values())
    review_id, left, right = con.execute(
        """SELECT review_id, resident_l, resident_r FROM link.review
        WHERE reason = 'contested_id' ORDER BY review_id LIMIT 1"""
    ).fetchall()[0]
    found = explain_resident(con, districts.after, left)
    (apart,) = [a for a in found.apart if a.rival.resident_id == right]
    assert (apart.rival.reason, apart.rival.review_id) == ("contested_id", review_id)
    assert any({left, right} <= set(contest.claimants) for contest in found.contests)


def test_masks_hide_every_value_and_keep_what_explains(districts: Districts, con: Reader) -> None:
    ((resident_id, name),) = con.execute(
        "SELECT resident_id, name FROM master.resident ORDER BY record_count DESC, 1 LIMIT 1"
    ).fetchall()
    shown = explain_resident(con, districts.after, resident_id)
    hidden = shown.masked()
    assert any(name in card.values.values() for card in shown.records)
    assert name not in str(hidden)
    assert not re.search(r"\d{17}", str([card.values for card in hidden.records]))
    assert hidden.links == shown.links
    assert hidden.differing == shown.differing
    with pytest.raises(UnknownResident, match="没有编号为 R0 的居民"):
        explain_resident(con, districts.after, "R0")
