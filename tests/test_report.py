from __future__ import annotations

import re
from pathlib import Path

from pipelines.night import Night
from pipelines.report import write_failure_report, write_report
from pipelines.report.figures import read_figures
from pipelines.report.texts import DEFECT_LABELS, duration
from pipelines.standardise.defect import SEVERITY
from pipelines.validate import RuleResult
from pipelines.validate.count import count_rules
from tests.quality_fixture import make_night, publish_by_hand

CANARY_ID = "330199194912310017"
CANARY_NAME = "钱塘金丝雀"


def _text(page: Path) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.read_text("utf-8")))


def _sql(night: Night, *statements: str) -> None:
    with night.open() as con:
        for statement in statements:
            con.execute(statement)


def test_the_report_loads_nothing_from_outside(tmp_path: Path) -> None:
    html = write_report(make_night(tmp_path)).read_text("utf-8")
    assert "http:" not in html
    assert "https:" not in html
    assert not re.search(r"<(link|img|iframe|script\s+src)|@import|url\(|src=", html)


def test_the_report_shows_the_figures_of_the_night(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=1200)
    with night.open() as con:
        figures = read_figures(con, night)
    known, ask = figures.headline["known"], figures.headline["ask"]
    assert figures.headline["residents"] == 1200
    assert figures.seconds_spared == known * 20
    text = _text(write_report(night))
    for expected in ("1,200", f"{known:,}", f"{ask:,}", "首次运行", "第000网格", "人口台账"):
        assert expected in text


def test_the_report_compares_with_the_night_before(tmp_path: Path) -> None:
    publish_by_hand(make_night(tmp_path, residents=500))
    night = make_night(tmp_path, number=2, previous=1, residents=520)
    with night.open() as con:
        figures = read_figures(con, night)
    assert figures.before is not None
    assert figures.headline["residents"] - figures.before["residents"] == 20
    assert figures.headline["records"] - figures.before["records"] == 40
    text = _text(write_report(night))
    assert "居民 520 500 +20" in text
    assert "增量运行（基于第 1 批）" in text


def test_personal_values_never_reach_the_report(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=60)
    _sql(
        night,
        f"UPDATE master.resident SET name = '{CANARY_NAME}', id_number = '{CANARY_ID}'",
        f"UPDATE std.record SET name = '{CANARY_NAME}', phone = '{CANARY_ID}'",
        f"""INSERT INTO link.review BY NAME SELECT 'doubtful' AS reason,
        '{CANARY_NAME}' AS explanation""",
    )
    failed = write_failure_report(
        night.home, night, f"invalid input '{CANARY_NAME}' {CANARY_ID}", []
    )
    for page in (write_report(night), failed):
        html = page.read_text("utf-8")
        assert CANARY_NAME not in html
        assert CANARY_ID not in html


def test_a_held_source_says_why_and_a_broken_rule_is_shown(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=60)
    _sql(
        night,
        """UPDATE raw.pull SET status = 'held', reason = '连接不上数据库'
        WHERE source = 'ledger_population'""",
        """INSERT INTO quality.result VALUES
        (1, 'crosswalk_once', 'master', 'critical', 100, 7, 0, FALSE)""",
    )
    text = _text(write_report(night, "blocked", "质检未通过"))
    for expected in ("连接不上数据库", "每条记录恰好归属一名居民", "未发布：质检未通过"):
        assert expected in text


def test_a_failure_report_leaves_the_published_page_alone(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=60)
    night.home.report.parent.mkdir(parents=True)
    night.home.report.write_text("yesterday", "utf-8")
    with night.open() as con:
        con.execute("DELETE FROM master.crosswalk")
        broken = count_rules(con, night)
    page = write_failure_report(night.home, night, "质检未通过", broken)
    assert page == night.home.root / "report" / "night-000001.failed.html"
    assert "每条记录恰好归属一名居民" in _text(page)
    assert "grid_exists" not in _text(page)
    assert night.home.report.read_text("utf-8") == "yesterday"


def test_the_report_of_an_empty_night_can_be_written(tmp_path: Path) -> None:
    night = make_night(tmp_path, residents=0)
    result = RuleResult("residents_exist", "master", "critical", 1, 1, 0.0, False)
    assert "未发布" in _text(write_failure_report(night.home, night, "没有数据", [result]))
    assert "没有记录对" in _text(write_report(night))


def test_durations_read_naturally() -> None:
    assert [duration(s) for s in (0.42, 37, 720, 30_600, 4_334_400)] == [
        "0.4秒",
        "37秒",
        "12分",
        "8.5小时",
        "1,204小时",
    ]


def test_every_kind_of_defect_has_a_chinese_label() -> None:
    assert set(SEVERITY) | {"id_slip", "id_borrowed"} <= set(DEFECT_LABELS)
