"""The page on a phone whose connection comes and goes, and somebody who is on no form."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from onegrid.fill.app import make_app
from onegrid.fill.desk import Desk
from onegrid.fill.door import Door
from pipelines.config import load_config
from pipelines.home import Home
from tests.browser_fixture import MISSING, browser
from tests.district_fixture import Districts, ask, copy, onegrid
from tests.fill_fixture import DRAFTS, SMALL, TYPE, having, kept, token, working
from tests.returned_fixture import number_of

_PAGES = """caches.open('onegrid-fill-pages').then(function (pages) {
    return pages.keys(); }).then(function (found) {
    return found.map(function (one) { return new URL(one.url).pathname; }).sort(); })"""
_OLD = """return caches.open('onegrid-fill-pages').then(function (pages) {
    var kept = String(Date.now() - 13 * 3600 * 1000);
    return pages.put('/', new Response('<body data-page="old">', {
        headers: { 'X-Onegrid-Kept': kept, 'Content-Type': 'text/html' } })); })"""
_SEND = "document.querySelector('[data-do=send]').click()"


@pytest.fixture
def home(districts: Districts, tmp_path: Path) -> Home:
    return copy(districts.before, tmp_path / "home")


@pytest.fixture
def grid(districts: Districts) -> str:
    sql = "SELECT grid_code FROM deliver.form WHERE form = 'population' ORDER BY residents DESC"
    return str(ask(districts.before, sql)[0][0])


class Line:
    """The connection between a phone and the page: the page itself stays what it is."""

    def __init__(self, home: Home) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.desk = Desk(home, load_config(home))
        door = Door(self.desk.tokens, frozenset({f"127.0.0.1:{self._port}"}))
        self._app = make_app(self.desk, door)
        self.url = f"http://127.0.0.1:{self._port}/"

    def join(self) -> None:
        config = uvicorn.Config(self._app, port=self._port, lifespan="off", log_config=None)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive()

    def cut(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def connected(home: Home) -> Iterator[Line]:
    line = Line(home)
    line.join()
    try:
        yield line
    finally:
        line.cut()
        line.desk.close()


def new(form_id: str, **answers: str) -> dict[str, Any]:
    """What the page's script would send of somebody who is on no form."""
    row = {"form_id": form_id, "version": 1, "row_id": "", "digest": "", "right": []}
    return {"resident_id": "new", "rows": [{**row, "answers": answers}]}


def test_somebody_new_is_sent_from_the_page_and_mended_there(home: Home, grid: str) -> None:
    with working(home, grid, "甲") as client:
        key = next(iter(client.sheet.households))
        page = client.get("/newcomer").text
        assert ('name="new:id_number"' in page, 'name="new:address"' in page) == (True, True)
        place = client.sheet.households[key].place
        assert f'value="{place}"' in client.get(f"/newcomer?household={key}").text
        assert client.get("/newcomer?household=H000").status_code == 404
        assert client.sheet.newcomer is not None
        form_id = client.sheet.newcomer.form_id

        def sent(number: int, **answers: str) -> dict[str, Any]:
            return client.hand_in(new(form_id, **answers), submission=f"new-{number:08d}").json()

        mends = {
            text: [
                (m["resident_id"], m["field"]) for m in sent(n, **said)["mend"] if text in m["text"]
            ]
            for n, (text, said) in enumerate(
                {
                    "请填姓名": {"phone": "13955550001"},
                    "只有姓名": {"name": "欧阳新晨"},
                    "还没有收": {"name": "欧阳新晨", "id_number": "330199199004120000"},
                }.items()
            )
        }
        assert [len(found) for found in mends.values()] == [1, 1, 1]
        assert mends["还没有收"] == [("new", "id_number")]
        assert kept(home) == []
        said = {"name": "欧阳新晨", "id_number": number_of("19900412"), "address": place}
        assert sent(7, **said) == {
            "said": "已交：新增人员 1 位，下一次汇总后编入名册",
            "mend": [],
        }
        assert "已交的新增人员：欧阳新晨" in client.get("/").text
        before = kept(home)
        assert {k[1:] for k in before} == {
            (field, "new", "applied", "甲") for field in ("name", "id_number", "address")
        }
        sent(7, **said)
        sent(8, **said)
        assert kept(home) == before
        with working(home, grid, "乙") as second:
            differing = new(form_id, **{**said, "address": "大滨社区翠苑小区990幢1单元101室"})
            answer = second.hand_in(differing, submission="new-by-another").json()
            assert "要由街道核定" in answer["said"]
        assert kept(home)[-1][1:] == ("address", "new", "review", "乙")
        before = kept(home)
        other = form_id.replace(grid, "330199101999999")
        assert client.hand_in(new(other, name="某", phone="13955550001")).status_code == 422
        both = [new(form_id, name="某", phone="13955550001")] * 2
        assert client.hand_in(*both, submission="two-at-once").status_code == 422
        assert kept(home) == before


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
def test_pages_that_were_opened_work_without_connection_until_somebody_signs_out(
    home: Home, grid: str, tmp_path: Path
) -> None:
    with working(home, grid, "找") as client:
        key, member = having(client, "ask:phone", "ask:education")
        unseen = next(k for k in client.homes() if k != key)
    me = member["resident_id"]
    with connected(home) as line, browser(tmp_path / "profile") as window:
        window.resize(360, 740)
        window.open(f"{line.url}sign-in#{token(home, grid, '张网格员')}")
        window.until("document.body.dataset.page === 'list'")
        window.until("navigator.serviceWorker.controller")
        for path in (f"household/{key}", "newcomer"):
            window.open(f"{line.url}{path}")
        assert window.run("return document.documentElement.scrollWidth <= innerWidth")
        window.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        assert window.run(f"return {SMALL}") == 0
        opened = ["/", f"/household/{key}", "/newcomer"]
        assert window.until(_PAGES) == opened
        window.screenshot(tmp_path / "newcomer.png", whole=True)

        line.cut()
        window.open(f"{line.url}household/{unseen}")
        assert window.run("return document.body.dataset.page") == "offline"
        window.open(line.url)
        window.until("document.getElementById('offline').textContent.indexOf('存下的页面') > 0")
        assert window.run(f"return !!document.querySelector('[data-key={key}] a')")
        window.screenshot(tmp_path / "list-offline.png")
        window.open(f"{line.url}household/{key}")
        window.run(TYPE.format(name=f"{me}:phone", value="13912345678"))
        window.open(f"{line.url}household/{key}")
        window.until(f"document.getElementsByName('{me}:phone')[0].value === '13912345678'")
        window.run(_SEND)
        window.until("!document.getElementById('offline').hidden")
        window.open(f"{line.url}newcomer")
        for name, value in (("name", "欧阳新晨"), ("phone", "13955550001")):
            window.run(TYPE.format(name=f"new:{name}", value=value))
        window.run(_SEND)
        window.until("document.getElementById('state').textContent.indexOf('有网后') > 0")
        window.open(line.url)
        window.until("!document.getElementById('queued').hidden")
        assert window.run(f"return {DRAFTS}") == 2
        assert kept(home) == []

        line.join()
        assert window.until(f"{DRAFTS} === 0", 20)
        assert {(k[1], k[2]) for k in kept(home)} == {
            *(("phone", "answer"), ("name", "new"), ("phone", "new"))
        }
        window.open(line.url)
        window.until("document.querySelector('[data-do=keep-all]').offsetHeight > 0")
        many = window.run("return document.querySelectorAll('#homes li.open').length")
        window.run("document.querySelector('[data-do=keep-all]').click()")
        window.until("document.querySelector('[data-do=keep-all]').textContent[0] === '已'", 60)
        assert len(window.run(f"return {_PAGES}")) >= many + 2
        window.run("document.querySelector('[data-do=sign-out]').click()")
        window.until("document.body.dataset.page === 'sign-in'")
        assert window.run(f"return {_PAGES}") == []
        line.cut()
        for path in ("", f"household/{key}"):
            window.open(f"{line.url}{path}")
            assert window.run("return document.body.dataset.page") == "offline"
            assert place_free(window.run("return document.body.textContent"))
        window.run(_OLD)
        window.open(line.url)
        assert window.run("return document.body.dataset.page") == "offline"
        assert window.run(f"return {_PAGES}") == []
        line.join()

        # a token that is taken away takes the pages with it
        text = token(home, grid, "李网格员")
        window.open(f"{line.url}sign-in#{text}")
        window.until("document.body.dataset.page === 'list'")
        window.until(f"{_PAGES}.then(function (found) {{ return found.length; }})")
        assert onegrid("fill", "revoke", "3", home=home).code == 0
        window.open(f"{line.url}household/{key}")
        window.until("document.body.dataset.page === 'sign-in'")
        assert window.run(f"return {_PAGES}") == []


def place_free(text: str) -> bool:
    return "没有网络" in text and "室" not in text
