"""The life of the model: trained, frozen, chosen, damaged, checked, and measured by decisions."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from linkage_fixture import Record, district, make_home, run_night

from pipelines.errors import ModelUnusable
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.link import drift, frozen, train
from pipelines.link.bench import on_bench, train_on_bench
from pipelines.link.decided import wilson
from pipelines.validate.count import count_rules
from schemas.suites import RULE
from tests.district_fixture import ask, copy, onegrid


@pytest.fixture(scope="module")
def people() -> list[Record]:
    return district(600, 4)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def published(home: Home, config, records: list[Record]):
    """A night of the fixture that readers can open."""
    night = run_night(home, config, records)
    home.published.unlink(missing_ok=True)
    os.link(home.night_file(night.number), home.published)
    return night


@pytest.mark.thorough
def test_a_model_is_trained_listed_chosen_and_used_by_the_next_night(districts, tmp_path):
    home = copy(districts.before, tmp_path / "home")
    first = str(frozen.in_force(home))
    again = onegrid("link", "train", home=home)
    assert (again.code, "nothing changes" in again.out) == (0, True), again.err
    other = onegrid("link", "train", "--seed", "7", home=home)
    second = str(frozen.in_force(home))
    assert f"instead of {first}" in other.out
    assert onegrid("link", "use", first, home=home).code == 0
    assert onegrid("link", "use", second, home=home).code == 0
    listed = onegrid("link", "models", home=home).out.splitlines()
    assert [("yes" in line) for line in listed if "link-" in line] == [
        name == second for name in sorted([first, second])
    ]
    assert onegrid("run", "--plain", home=home).code == 0
    assert ask(home, "SELECT model_version FROM meta.night ORDER BY night") == [(first,), (second,)]
    counts = "SELECT counts FROM meta.stage WHERE stage = 'score_pairs' ORDER BY night DESC LIMIT 1"
    assert "trained_seconds" not in json.loads(ask(home, counts)[0][0])
    pages = (home.models / second / "charts.html").read_text("utf-8")
    assert ("<svg" in pages, "http" in pages.replace("http-equiv", "")) == (True, False)
    missing = onegrid("link", "use", "link-000000000000", home=home)
    assert (missing.code, "link-000000000000: is not there" in missing.err) == (1, True)


def _cut(folder: Path) -> None:
    file = folder / "terms_name_key.parquet"
    file.write_bytes(file.read_bytes()[:100])


def _change(**changed: object):
    def change(folder: Path) -> None:
        file = folder / "parameters.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changed))

    return change


DAMAGE = {
    "is damaged": _cut,
    "is missing": lambda folder: (folder / "terms_name_pinyin.parquet").unlink(),
    "has format 1": _change(format=1),
    "other comparisons": _change(comparisons="0"),
    "made with splink 4.0.0": _change(made_with={"splink": "4.0.0", "duckdb": "2.0.0"}),
    "changed by hand": _change(prior=0.5),
    "cannot be read": lambda folder: (folder / "parameters.json").write_text("{"),
    "is not there": shutil.rmtree,
}


@pytest.mark.parametrize("why", DAMAGE)
def test_a_damaged_model_is_refused_with_its_folder_and_the_way_out(districts, tmp_path, why):
    shutil.copytree(districts.before.models, tmp_path / "models")
    home = Home(tmp_path)
    version = str(frozen.in_force(home))
    frozen.load(home, version)
    DAMAGE[why](home.models / version)
    with pytest.raises(ModelUnusable, match=why) as refused:
        frozen.load(home, version)
    assert str(home.models / version) in str(refused.value)
    assert "onegrid link train" in str(refused.value)


def test_a_night_with_a_damaged_model_trains_another_and_says_so(tmp_path):
    home, config = make_home(tmp_path)
    run_night(home, config, district(60, 1))
    broken = str(frozen.in_force(home))
    _cut(home.models / broken)
    night = run_night(home, config, district(61, 1))
    with night.open() as con:
        (warned,) = count_rules(con, night, [RULE["model_usable"]])
        ((said, used),) = con.execute(
            """SELECT counts ->> 'model_problem', model_version FROM meta.stage
            JOIN meta.night USING (night) WHERE stage = 'score_pairs' AND night = ?""",
            [night.number],
        ).fetchall()
    assert (warned.passed, warned.severity) == (False, "warning")
    assert f"{broken}: terms_name_key.parquet is damaged" in said
    assert used == frozen.in_force(home) != broken
    listed = onegrid("link", "models", home=home).out
    assert ("unusable" in listed, "is damaged" in listed) == (True, True)


def test_a_check_says_to_keep_what_fits(districts):
    done = onegrid("link", "check", home=districts.after)
    assert done.code == 0, done.err
    assert "the model still fits" in done.out


@pytest.mark.thorough
def test_a_check_says_to_train_when_the_records_have_changed(tmp_path, people):
    home, config = make_home(tmp_path)
    some = people[:1_500]
    published(home, config, some)
    changed = [
        replace(record, phones=(), address_key=None) if record.truth % 4 else record
        for record in some
    ]
    published(home, config, changed)
    with on_bench(home, config) as bench:
        found = drift.check(bench, frozen.load(home, str(frozen.in_force(home))))
    said = {finding.about: finding.verdict for finding in found.findings}
    assert said["levels of phone"] == said["levels of place"] == found.verdict == "retrain"
    assert said["levels of sex"] == said["open records"] == "keep"
    assert "onegrid link train" in found.advice


@pytest.mark.thorough
def test_what_people_decide_measures_the_model_and_trains_it_within_bounds(
    tmp_path, people, monkeypatch
):
    monkeypatch.setattr(train, "ENOUGH_RECORDS", 1_000)
    monkeypatch.setattr(train, "_RANDOM_RECORDS", 200)
    home, config = make_home(tmp_path)
    some = people[:1_200]
    published(home, config, some)
    before = frozen.load(home, str(frozen.in_force(home)))
    kin = [r for r in some if r.id17 and r.phones]
    pairs = [
        (a, b) for a, b in zip(kin, kin[9:], strict=False)
        if a.truth != b.truth and not set(a.phones) & set(b.phones)
    ]  # fmt: skip
    with open_journal(config.journal_url) as journal:
        for place, (one, other) in enumerate(pairs[:200]):
            verdict = "never" if place % 4 == 0 else "always"
            journal.decide(one.record_id, other.record_id, verdict, "tester", "a test")
    with on_bench(home, config) as bench:
        trained = train_on_bench(bench, home)
        found = drift.check(bench, trained)
    assert before.body["levels"]["phone"]["else"] == 0
    moved, _ = trained.parameters["phone"]["else"]
    assert moved == pytest.approx(train.DECISION_SHARE / (1 + train.DECISION_SHARE), abs=1e-4)
    assert sum(band.pairs for band in found.bands) == 200
    assert (found.bands[0].never, found.bands[0].always) == (50, 150)
    low, high = found.bands[0].interval
    assert low < 0.75 < high


def test_wilsons_interval_is_right_for_few_and_for_extreme_shares():
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
