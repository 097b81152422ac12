"""The page on which reviewers settle matches, through its routes, over a published district."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from onegrid.review.app import make_app
from onegrid.review.desk import Desk
from onegrid.review.guard import Session
from onegrid.review.queries import Item
from onegrid.review.queue import Word, waiting
from onegrid.review.waterfall import draw
from pipelines.config import load_config
from pipelines.home import Home
from pipelines.journal import RECEIPT, open_journal
from pipelines.link.explain import Bar, Evidence
from tests.browser_fixture import MISSING, browser
from tests.district_fixture import (
    Districts,
    ask,
    copy,
    journal_url,
    onegrid,
)

ADDRESS = "127.0.0.1:8765"
EVERYTHING = (
    "r.record_id IN (SELECT record_l FROM link.review UNION SELECT record_r FROM link.review)"
)


@pytest.fixture
def home(districts: Districts, tmp_path: Path) -> Home:
    return copy(districts.before, tmp_path / "home")


class Reviewer(TestClient):
    """A browser that came in through the link."""

    session: Session

    def form(self) -> dict[str, str]:
        return {"X-Onegrid-Form": self.session.form_token}

    def queue(self, **wanted: str) -> list[str]:
        return re.findall(r'href="/item/(V\w+)', self.get("/", params=wanted).text)[1:]

    def say(self, review_id: str, verdict: str, reason: str = "", **more: object):
        content = {"verdict": verdict, "reason": reason, **more}
        return self.post(f"/item/{review_id}/decide", json=content, headers=self.form())

    def undo(self, number: int | None = None):
        return self.post("/undo", json={"number": number}, headers=self.form())


@contextmanager
def visiting(home: Home, author: str = "王干部") -> Iterator[Reviewer]:
    session = Session(frozenset({ADDRESS}))
    app = make_app(Desk(home, load_config(home), author), session)
    with Reviewer(app, base_url=f"http://{ADDRESS}") as client:
        client.session = session
        yield client


@contextmanager
def reviewing(home: Home, author: str = "王干部") -> Iterator[Reviewer]:
    with visiting(home, author) as client:
        assert client.get("/", params={"token": client.session.link_token}).status_code == 200
        yield client


def words(home: Home) -> list[tuple[int, int, str, str, str]]:
    with open_journal(journal_url(home)) as journal:
        return [word[1:6] for word in journal.words()]


def receipts(home: Home) -> list[tuple[str, str, str, dict]]:
    with open_journal(journal_url(home)) as journal, journal.engine.connect() as con:
        columns = (RECEIPT.c.kind, RECEIPT.c.subject, RECEIPT.c.author, RECEIPT.c.payload)
        return [tuple(row) for row in con.execute(sa.select(*columns).order_by(RECEIPT.c.seq))]


def pair(districts: Districts, review_id: str) -> tuple[int, int]:
    """Asked of the home that was copied: DuckDB opens a file in one way at a time."""
    sql = f"SELECT record_l, record_r FROM link.review WHERE review_id = '{review_id}'"
    return ask(districts.before, sql)[0]


# Who may come in


def test_without_the_link_there_is_nothing_to_see_and_the_link_works_once(home: Home) -> None:
    with visiting(home) as client:
        for path in ("/", "/item/V1", "/decided", "/resident/R1", "/review.js", "/?token=x"):
            refused = client.get(path)
            assert refused.status_code == 403
            assert "没有访问权限" in refused.text
        assert client.post("/undo", json={}).status_code == 403
        token = client.session.link_token
        entered = client.get("/", params={"token": token})
        cookie = entered.headers["set-cookie"]
        assert ["HttpOnly" in cookie, "SameSite=strict" in cookie] == [True, True]
        assert client.get("/").status_code == 200
        client.cookies.clear()
        assert client.get("/", params={"token": token}).status_code == 403


def test_another_address_or_another_page_is_refused(home: Home) -> None:
    with reviewing(home) as client:
        assert client.get("/", headers={"Host": "evil.example:8765"}).status_code == 403
        assert client.get("/", headers={"Host": "127.0.0.1:9999"}).status_code == 403
        item = client.queue()[0]
        decide = f"/item/{item}/decide"
        said = {"verdict": "never", "reason": ""}
        assert client.post(decide, json=said).status_code == 403
        assert client.post(decide, json=said, headers={"X-Onegrid-Form": "x"}).status_code == 403
        stolen = {**client.form(), "Origin": "http://evil.example"}
        refused = client.post(decide, json=said, headers=stolen)
        assert (refused.status_code, "不是从本页发出" in refused.json()["said"]) == (403, True)
        assert words(home) == []


def test_pages_load_nothing_from_elsewhere_and_are_not_kept(home: Home) -> None:
    with reviewing(home) as client:
        item = client.queue()[0]
        resident = re.findall(r"/resident/(R\w+)", client.get(f"/item/{item}").text)[0]
        paths = ("/", f"/item/{item}", "/decided", f"/resident/{resident}", "/review.css")
        for path in (*paths, "/review.js"):
            page = client.get(path)
            assert page.status_code == 200
            policy = page.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["cache-control"] == "no-store"
            assert not re.search(r"https?://|@import|url\(|<style| style=| on\w+=", page.text), path


def test_an_error_says_so_in_chinese_and_keeps_values_to_itself(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    with reviewing(home) as client:
        item = client.queue()[0]
        home.published.unlink()
        failed = client.get(f"/item/{item}")
        assert (failed.status_code, "出错了" in failed.text) == (500, True)
        assert "NothingPublished" in capsys.readouterr().err
        assert client.get("/nowhere").status_code in {404, 500}


# The queue


def test_the_queue_is_ordered_filtered_and_without_personal_values(home: Home) -> None:
    names = {name for (name,) in ask(home, f"SELECT name FROM std.record r WHERE {EVERYTHING}")}
    order = [i for (i,) in ask(home, "SELECT review_id FROM link.review ORDER BY value DESC, 1")]
    by_reason = dict(ask(home, "SELECT reason, list(review_id) FROM link.review GROUP BY reason"))
    with reviewing(home) as client:
        text = client.get("/").text
        assert client.queue() == order[:100]
        for reason, items in by_reason.items():
            assert sorted(client.queue(r=reason)) == sorted(items)
        assert client.queue(v="330199101999") == []
        assert not any(name and name in text for name in names)
        assert receipts(home) == []


def test_what_is_decided_leaves_the_queue_at_once_and_unsure_sinks(
    home: Home, districts: Districts
) -> None:
    with reviewing(home) as client:
        first, second, third, *rest = client.queue()
        answer = client.say(first, "always", "电话核实").json()
        assert answer == {"to": f"/item/{second}", "said": "已记：同一人"}
        assert client.say(second, "unsure").json()["to"] == f"/item/{third}"
        assert client.queue() == [third, *rest, second]
        assert "存疑" in client.get("/").text
        assert words(home) == [
            (*pair(districts, first), "always", "王干部", "电话核实"),
            (*pair(districts, second), "unsure", "王干部", "人工比对"),
        ]
        assert "已核 <b>1</b>" in client.get("/").text


def test_undo_takes_back_the_last_word_of_todays_reviewer(home: Home) -> None:
    with reviewing(home, "李核定") as other, reviewing(home) as client:
        first, second, third, *_ = client.queue()
        client.say(first, "never")
        client.say(second, "never")
        other.say(third, "never")
        assert client.undo().json() == {"to": f"/item/{second}", "said": "已撤销：不同人"}
        assert client.queue()[0] == second
        assert client.undo().json()["to"] == f"/item/{first}"
        assert client.undo().status_code == 409
        assert [word[2] for word in words(home)] == ["never", "withdrawn", "withdrawn"]
        assert "李核定" in client.get("/decided").text


def test_the_slower_of_two_reviewers_is_told(home: Home) -> None:
    with reviewing(home, "李核定") as other, reviewing(home) as client:
        first = client.queue()[0]
        other.say(first, "never")
        told = client.say(first, "always")
        assert (told.status_code, told.json()["said"][:3]) == (409, "李核定")
        assert [word[2:4] for word in words(home)] == [("never", "李核定")]


def test_reasons_hold_no_numbers_and_are_short(home: Home) -> None:
    with reviewing(home) as client:
        first = client.queue()[0]
        assert client.say(first, "never", "电话13800000001核实").status_code == 409
        assert client.say(first, "never", "长" * 201).status_code == 409
        assert client.say(first, "perhaps").status_code == 400
        assert client.say("V0", "never").status_code == 404
        assert words(home) == []


def test_a_decision_that_a_night_could_not_carry_out_waits_again() -> None:
    item = Item(
        *("V1", 1, 2, "R1", "R2", "cut", 1.0, "", None, "", "", 1, 1, ()),
        known_word=7,
    )
    for number, left in ((7, [item]), (8, [])):
        said = Word(number, (1, 2), "always", "王干部", "", datetime(2026, 11, 23, tzinfo=UTC))
        assert waiting([item], {(1, 2): said}) == left


# An item


def test_the_waterfall_ends_where_prior_and_bars_add_up_to() -> None:
    bars = (
        Bar("name", "same", "姓名相同", 8.0, 3.0),
        Bar("birth", "else", "出生日期不同", -6.0, 0.0),
        Bar("phone", "missing", "缺", 0.0, 0.0),
    )
    found = draw(Evidence(1, 2, "probable", "review", -12.0, bars, -7.0, 0.008, "", None), 0.99)
    prior, name, birth, phone, total = found.steps
    assert name.start == pytest.approx(prior.start)
    assert birth.start + birth.width == pytest.approx(name.start + name.width)
    assert total.start == pytest.approx(birth.start)
    assert total.start + total.width == pytest.approx(found.zero)
    assert name.term_start + name.term_width == pytest.approx(name.start + name.width)
    assert (phone.weight, phone.width) == (None, 0.0)
    assert all(0 < step.start <= step.start + step.width < 100 for step in found.steps)


def test_numbers_are_masked_until_asked_and_every_look_is_kept(
    home: Home, districts: Districts
) -> None:
    with reviewing(home) as client:
        for item in client.queue()[:8]:
            numbers = ask(
                districts.before,
                f"""SELECT unnest(list_concat([id_number, id_partial], phones))
                FROM std.record JOIN link.cluster USING (record_id) JOIN link.review v
                ON v.review_id = '{item}' AND resident_id IN (v.resident_l, v.resident_r)""",
            )
            page = client.get(f"/item/{item}").text
            assert not any(number and number in page for (number,) in numbers)
        shown = client.post(f"/item/{item}/numbers", json={}, headers=client.form()).text
        text = re.sub(r"</?mark>", "", shown)
        assert all(number in text for (number,) in numbers if number)
    seen = receipts(home)
    assert [row[:3] for row in seen[-2:]] == [("view", item, "王干部")] * 2
    assert [row[3]["revealed"] for row in seen[-2:]] == [False, True]
    assert {key for row in seen for key in row[3]} == {"what", "night", "revealed"}


def test_an_item_shows_records_differences_origin_score_and_effects(home: Home) -> None:
    ((item, left, right),) = ask(
        home,
        """SELECT v.review_id, l.name, r.name FROM link.review v
        JOIN std.record l ON l.record_id = record_l JOIN std.record r ON r.record_id = record_r
        WHERE l.name <> r.name AND l.name_key <> r.name_key AND length(l.name) = length(r.name)
        ORDER BY value DESC LIMIT 1""",
    )
    with reviewing(home) as client:
        page = client.get(f"/item/{item}").text
    plain = re.sub(r"</?mark>", "", page)
    differing = [a for a, b in zip(left, right, strict=True) if a != b]
    assert all(name in plain for name in (left, right))
    assert all(re.search(rf"<mark>[^<]*{a}", page) for a in differing)
    for part in ("判同一人", "判不同人", "合计", "同户", "起点", 'class="waterfall"'):
        assert part in page
    labels = [label for (label,) in ask(home, "SELECT label FROM meta.source")]
    assert any(f"<b>{label}</b>" in page for label in labels)


def test_a_resident_is_explained_with_masked_numbers(home: Home) -> None:
    ((resident, number),) = ask(
        home,
        """SELECT m.resident_id, m.id_number FROM master.resident m JOIN link.review v
        ON v.resident_l = m.resident_id WHERE m.id_number IS NOT NULL AND record_count > 1
        ORDER BY v.value DESC LIMIT 1""",
    )
    with reviewing(home) as client:
        page = client.get(f"/resident/{resident}")
        assert (page.status_code, number in page.text) == (200, False)
        for part in ("为什么是同一人", "与谁分开", "编号的历史", "主档每一项从哪里来"):
            assert part in page.text
        shown = client.post(f"/resident/{resident}/numbers", json={}, headers=client.form())
        assert number in shown.text
        assert client.get("/resident/R0000").status_code == 404
    assert [row[:2] for row in receipts(home)] == [("view", resident)] * 2


# Nights


# The command and the browser


def test_the_command_wants_a_night_and_says_what_other_addresses_mean(
    home: Home, tmp_path: Path
) -> None:
    done = onegrid("review", home=Home.at(tmp_path / "empty"))
    assert (done.code, "run a night first" in done.err) == (1, True)
    done = onegrid("review", "--host", "192.0.2.1", home=home)
    assert (done.code, "add --exposed" in done.err) == (1, True)
    done = onegrid("review", "--host", "0.0.0.0", "--exposed", home=home)
    assert (done.code, "name the one" in done.err) == (1, True)


@contextmanager
def serving(home: Home) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = ["-m", "onegrid", "review", "--port", "0", "--author", "王干部", "--home", home.root]
    server = subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip(), server
    finally:
        server.terminate()
        server.communicate(timeout=10)


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
def test_a_reviewer_works_with_keys_alone_in_a_narrow_window(
    home: Home, districts: Districts, tmp_path: Path
) -> None:
    with serving(home) as (url, server), browser(tmp_path / "profile") as window:
        window.resize(360, 760)
        window.open(url)
        window.until("document.querySelector('main.queue')")
        window.press("j")
        window.until("document.body.dataset.item")
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        window.screenshot(tmp_path / "item.png")
        first = window.run("return document.body.dataset.item")
        window.press("v")
        window.until("document.querySelector('[data-do=numbers]').hidden")
        window.press("r")
        window.press("2")  # a letter of the reason, not a decision
        assert window.run("return document.getElementById('reason').value") == "2"
        window.run("document.activeElement.blur()")
        window.until("'settled' in document.body.dataset")
        window.press("2")
        window.until(f"document.body.dataset.item && document.body.dataset.item !== '{first}'")
        assert window.until("document.getElementById('toast').textContent") == "已记：不同人"
        assert words(home)[-1] == (*pair(districts, first), "never", "王干部", "2")
        window.press("z")
        window.until(f"document.body.dataset.item === '{first}'")
        assert words(home)[-1][2] == "withdrawn"
        assert window.run("return document.querySelectorAll('mark').length") > 0
        assert server.poll() is None
    assert (tmp_path / "item.png").stat().st_size > 10_000
