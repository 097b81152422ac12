"""The page on which grid workers fill in their forms: who may, what is taken, and on a phone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from onegrid.fill.door import MOST_WRONG
from pipelines.home import Home
from tests.browser_fixture import MISSING, browser
from tests.district_fixture import Districts, ask, copy, onegrid
from tests.fill_fixture import (
    DRAFTS,
    HERE,
    SMALL,
    TYPE,
    having,
    kept,
    says,
    serving,
    token,
    traces,
    visiting,
    working,
)


@pytest.fixture(scope="module")
def shared(districts: Districts, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A district of which tests change the journal alone, each another household's part."""
    return copy(districts.before, tmp_path_factory.mktemp("fill") / "home")


@pytest.fixture(scope="module")
def grids(districts: Districts) -> list[str]:
    """The grids, the largest first."""
    sql = "SELECT grid_code FROM deliver.form WHERE form = 'population' ORDER BY residents DESC"
    return [grid for (grid,) in ask(districts.before, sql)]


# Who may come in


def test_only_a_token_opens_the_page_and_only_its_hash_is_kept(
    shared: Home, grids: list[str]
) -> None:
    text = token(shared, grids[0], "李网格员")
    with visiting(shared) as client:
        for path in ("/", "/household/H1"):
            away = client.get(path, follow_redirects=False)
            assert (away.status_code, away.headers["location"]) == (303, "/sign-in")
        assert client.post("/send", json={}).status_code == 401
        assert client.post("/sign-in", json={"token": text}).status_code == 403  # from elsewhere
        for wrong in ("", "x", "AAAA-AAAA-AAAA-AAAA", text[:-1], None, {"a": 1}, text + "2"):
            refused = client.post("/sign-in", json={"token": wrong}, headers=HERE)
            assert (refused.status_code, "口令不对" in refused.json()["said"]) == (403, True)
        entered = client.enter(f" {text.lower().replace('-', ' ')} ")
        cookie = entered.headers["set-cookie"]
        assert all(words in cookie for words in ("HttpOnly", "SameSite=strict", "Max-Age="))
        page = client.get("/")
        assert (page.status_code, "任务清单" in page.text) == (200, True)
        policy = page.headers["content-security-policy"]
        assert (page.headers["cache-control"], "default-src 'none'" in policy) == ("no-store", True)
        assert not re.search(r"(?:src|href|action)=(?![\"'](?:/|data:))", page.text)
        stored = shared.journal.read_bytes() + Path(f"{shared.journal}-wal").read_bytes()
        assert text.replace("-", "").encode() not in stored
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
        own = {"X-Onegrid-Form": re.findall(r'data-form="([^"]+)"', page.text)[0]}
        stolen = {**own, "Origin": "http://evil.example"}
        assert client.post("/sign-out", json={}, headers=stolen).status_code == 403
        assert client.post("/sign-out", json={}, headers=HERE).status_code == 403
        assert client.post("/sign-out", json={}, headers=own).status_code == 200
        client.cookies.set(*cookie.split(";")[0].split("=", 1))
        assert client.get("/", follow_redirects=False).status_code == 303


def test_tokens_end_by_date_or_by_word_and_guessing_is_slowed(
    shared: Home, grids: list[str]
) -> None:
    old = token(shared, grids[0], "旧", days=-1)
    with visiting(shared) as client:
        assert "已到期" in client.enter(old).json()["said"]
        done = onegrid("fill", "token", grids[1], "--author", "王", home=shared)
        assert done.code == 0, done.err
        text, number = done.out.split()[0], re.findall(r"token (\d+)", done.err)[0]
        assert client.enter(text).status_code == 200
        assert client.get("/", follow_redirects=False).status_code == 200
        assert onegrid("fill", "revoke", number, home=shared).code == 0
        assert client.get("/", follow_redirects=False).status_code == 303
        assert client.hand_in().status_code == 401
        assert "已停用" in client.enter(text).json()["said"]
        for _ in range(MOST_WRONG):
            client.enter("AAAA-AAAA-AAAA-AAAA")
        slowed = client.enter(token(shared, grids[0], "李"))
        assert (slowed.status_code, "15 分钟" in slowed.json()["said"]) == (429, True)
    listed = onegrid("fill", "tokens", home=shared).out
    assert ("已停用" in listed, "已到期" in listed, text in listed) == (True, True, False)


def test_nobody_sees_or_fills_in_another_grid(shared: Home, grids: list[str]) -> None:
    with working(shared, grids[1], "乙") as other:
        key, stranger = having(other, "ask:phone")
    before = kept(shared)
    with working(shared, grids[0], "甲") as client:
        assert key not in client.homes("\\w+")
        assert client.get(f"/household/{key}").status_code == 404
        refused = client.hand_in(says(stranger, {"phone": "13912345670"}))
        assert (refused.status_code, "不是您的网格" in refused.json()["said"]) == (422, True)
        _, mine = having(client, "ask:phone")
        mixed = says(mine, {"phone": "13912345670"})
        for row, own in zip(stranger["rows"], mixed["rows"], strict=False):
            own["row_id"], own["digest"] = row["row_id"], row["digest"]
        assert client.hand_in(mixed).status_code == 422
        mixed = {**says(mine, {"phone": "13912345670"}), "resident_id": stranger["resident_id"]}
        answer = client.hand_in(mixed)
        assert "刷新" in answer.json()["mend"][0]["text"]
    assert kept(shared) == before
    assert not [t for t in traces(shared) if t[1] == "甲" and key in json.dumps(t)]


def test_whatever_is_sent_nothing_breaks_and_nothing_is_kept(
    shared: Home, grids: list[str]
) -> None:
    before = kept(shared)
    with working(shared, grids[0], "丁") as client:
        _, member = having(client, "ask:phone")
        good = says(member, {"phone": "13912345671"})
        row = good["rows"][0]

        def bent(**changes: object) -> dict[str, object]:
            return {**good, "rows": [{**row, **changes}]}

        own = {"X-Onegrid-Form": re.findall(r'data-form="([^"]+)"', client.get("/").text)[0]}
        bodies: list[object] = [
            [], None, 7, {}, {"submission": "a" * 20}, {"submission": 7, "members": [good]},
            {"submission": "../../etc", "members": [good]},
            *({"submission": "abcdefgh-1", "members": members} for members in (
                {}, [7], [good] * 500, [{**good, "rows": 7}], [{**good, "result": "飞走了"}],
                [{**good, "remark": "长" * 900}], [{**good, "resident_id": {}}], [],
                [{**good, "rows": [], "result": "拒答"}],
                [bent(version="1")], [bent(version=-1)], [bent(version=True + 10**9)],
                [bent(form_id="' OR 1=1 --")], [bent(row_id="x#1")], [bent(answers=[])],
                [bent(answers={"phone": 7})], [bent(answers={"phone": "1" * 5_000})],
                [bent(answers={"x'); DROP TABLE said; --": "1"})], [bent(right="phone")],
                [bent(answers={"death_date": "2026-01-01"})], [bent(answers={"phone": "\ud800"})],
            )),
        ]  # fmt: skip
        for number, content in enumerate(bodies):
            answer = client.post("/send", content=json.dumps(content), headers=own)
            assert 400 <= answer.status_code < 500, (number, answer.status_code)
            assert answer.status_code == 413 or answer.json()["said"]
        for raw in (b"", b"[" * 90_000, b"{" * 10, b"\xff\xfe", b"x" * 300_000):
            assert 400 <= client.post("/send", content=raw, headers=own).status_code < 500
        odd = client.hand_in(
            says(member, {"phone": "<script>alert(1)</script>\x00' OR ''='"}),
            submission="a-strange-one",
        )
        assert odd.json()["mend"] == [
            {
                "resident_id": member["resident_id"],
                "field": "phone",
                "text": "看不懂，请检查后重填。",
            }
        ]
        assert client.get("/household/%2e%2e%2fx").status_code == 404
        assert client.get("/nothing").status_code == 404
    assert kept(shared) == before


# What is taken


def test_a_cell_counts_if_it_was_answered_once_and_by_the_rules_of_workbooks(
    shared: Home, grids: list[str]
) -> None:
    with working(shared, grids[0], "甲") as client:
        key, member = having(client, "ask:phone", "ask:education")
        me = member["resident_id"]
        told = says(member, {"phone": "139 1234 5678", "education": "不知道什么"}, remark="新增")
        first = client.hand_in(told, submission="one-household")
        assert [(m["field"], m["text"][:3]) for m in first.json()["mend"]] == [
            ("education", "看不懂")
        ]
        mine = [k for k in kept(shared) if k[4] == "甲"]
        assert mine == [(me, "phone", "answer", "applied", "甲")]  # nothing else was touched
        assert "交了一部分" in client.get("/").text
        again = client.hand_in(told, submission="one-household")
        assert again.json()["mend"] == first.json()["mend"]
        assert [k for k in kept(shared) if k[4] == "甲"] == mine

        _, checked = having(client, "verify:phone")
        right = says(checked, {}, right=("phone",))
        assert "收下 1 项" in client.hand_in(right, submission="confirmed-1").json()["said"]
        assert kept(shared)[-1][1:] == ("phone", "confirmed", "applied", "甲")

        home = next(k for k in client.homes() if k != key)
        *people, last = client.members(home)
        died = {"result": "已死亡", "died_on": "2999-01-01"}
        wrong = client.hand_in(says(last, {}, **died), submission="death-0001").json()["mend"]
        assert [(m["resident_id"], m["field"]) for m in wrong] == [(last["resident_id"], "result")]
        out = [says(person, {}, result="拒答") for person in people]
        dead = says(last, {}, result="已死亡", died_on="2026-10-03")
        assert client.hand_in(*out, dead, submission="death-0002").json()["mend"] == []
        assert home in client.homes("done")
        ways = {k[1] for k in kept(shared) if k[0] == last["resident_id"]}
        assert ways == {"outcome", "death_date"}
    with working(shared, grids[0], "乙") as other:
        told = says(member, {"phone": "13912345679"})
        assert "要由街道核定" in other.hand_in(told, submission="another-1").json()["said"]
        assert kept(shared)[-1] == (me, "phone", "answer", "review", "乙")
    seen = [t for t in traces(shared) if t[1] in {"甲", "乙"}]
    assert {t[2]["what"] for t in seen} == {"in", "list", "household", "sent"}
    assert any(t[0] == key and me not in json.dumps(t) for t in seen)
    sent = [t[2] for t in seen if t[2]["what"] == "sent"]
    assert all(row.split("#")[0].endswith(grids[0]) for s in sent for row in s["rows"])
    assert not re.search(r"139|education|2026-10-03", json.dumps(seen))
    archived = [p.read_text("utf-8") for p in shared.archive.glob("*.json")]
    assert any('"新增"' in text and '"甲"' in text for text in archived)


def test_numbers_are_masked_and_all_forms_of_the_grid_are_there(
    shared: Home, districts: Districts, grids: list[str]
) -> None:
    sql = "SELECT id_number FROM master.resident WHERE id_number IS NOT NULL"
    numbers = {number for (number,) in ask(districts.before, sql)}
    issued = {
        form
        for (form,) in ask(
            districts.before, f"SELECT form FROM deliver.form WHERE grid_code = '{grids[0]}'"
        )
    }
    cells = ask(
        districts.before,
        f"""SELECT count(*) FROM deliver.form_cell
        WHERE grid_code = '{grids[0]}' AND state IN ('ask', 'verify')""",
    )[0][0]
    open_cells, forms, masks = 0, set(), 0
    with working(shared, grids[0], "丙") as client:
        homes = client.sheet.households
        for home in homes.values():
            for member in home.members:
                forms |= member.rows.keys() | {cell.form for cell in member.cells.values()}
                open_cells += len(member.of("ask", "verify"))
        for key in list(homes)[::20]:
            page = client.get(f"/household/{key}").text
            assert not numbers & set(re.findall(r"\d{17}[\dX]", page))
            masks += len(re.findall(r"\d{6}\*{8}\d{3}[\dX]", page))
    assert (forms, masks > 5) == (issued, True)
    assert open_cells == cells  # each once, whatever the number of forms


# The command, and a phone


@pytest.mark.thorough
@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
def test_a_worker_fills_in_on_a_phone_without_connection_and_the_night_knows(
    districts: Districts, grids: list[str], tmp_path: Path
) -> None:
    home = copy(districts.before, tmp_path / "home")
    with working(home, grids[0], "找") as client:
        key, member = having(client, "ask:phone", "ask:education")
        doubted = having(client, "verify:phone")
        _, late = having(client, "ask:marital_status")
    me, other = member["resident_id"], doubted[1]["resident_id"]
    text = token(home, grids[0], "张网格员")
    with serving(home) as (url, server), browser(tmp_path / "profile") as window:
        window.resize(360, 740)
        window.open(f"{url}sign-in#{text}")
        window.until("document.body.dataset.page === 'list'")
        assert window.run("return location.href") == url  # the token is in no address
        window.screenshot(tmp_path / "list.png")
        window.run(f"document.querySelector('[data-key={key}] a').click()")
        window.until("document.getElementById('home')")
        for _ in range(2):
            assert window.run("return document.documentElement.scrollWidth <= innerWidth")
            assert window.run(f"return {SMALL}") == 0
            window.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        window.run(TYPE.format(name=f"{me}:phone", value="12345"))
        window.run(TYPE.format(name=f"{me}:education", value="初中"))
        window.open(f"{url}household/{key}")  # typed, and the page went away
        window.until(f"document.getElementsByName('{me}:phone')[0].value === '12345'")
        window.run("document.querySelector('[data-do=send]').click()")
        window.until("document.querySelector('.cell[data-field=phone] .bad:not([hidden])')")
        window.screenshot(tmp_path / "mend.png")
        window.cut_off(offline=True)
        window.run(TYPE.format(name=f"{me}:phone", value="13912345678"))
        window.run("document.querySelector('[data-do=send]').click()")
        window.until("!document.getElementById('offline').hidden")
        assert window.run(f"return {DRAFTS}") == 1
        window.screenshot(tmp_path / "offline.png")
        assert (me, "phone") not in {k[:2] for k in kept(home)}
        window.cut_off(offline=False)
        window.run("window.dispatchEvent(new Event('online'))")
        window.until("(document.getElementById('toast') || {}).textContent.indexOf('已交') === 0")
        assert window.run(f"return {DRAFTS}") == 0
        window.open(f"{url}household/{doubted[0]}")
        window.run(
            f"document.querySelector('[name=\"{other}:phone:right\"][value=yes]').click();"
            "document.querySelector('[data-do=send]').click()"
        )
        window.until(f"document.body.dataset.key !== '{doubted[0]}' && !{DRAFTS}")
        window.open(url)
        window.run("window.confirm = () => true; localStorage.setItem('onegrid-fill:x', '{}')")
        window.run(
            "window.confirm = () => true; document.querySelector('[data-do=sign-out]').click()"
        )
        window.until("document.body.dataset.page === 'sign-in'")
        assert window.until(f"{DRAFTS} === 0")
        assert server.poll() is None
    said = {k[:4] for k in kept(home)}
    assert said == {
        (me, "phone", "answer", "applied"),
        (me, "education", "answer", "applied"),
        (other, "phone", "confirmed", "applied"),
    }
    assert onegrid("run", "--plain", home=home).code == 0
    states = ask(
        home,
        f"""SELECT resident_id, field, state FROM deliver.form_cell WHERE form = 'population'
        AND ((resident_id = '{me}' AND field IN ('phone', 'education'))
            OR (resident_id = '{other}' AND field = 'phone'))""",
    )
    assert {state for *_, state in states} == {"known"}
    assert len(states) == 3
    assert ask(home, f"SELECT phone FROM master.resident WHERE resident_id = '{me}'") == [
        ("13912345678",)
    ]
    assert ask(home, 'SELECT DISTINCT channel FROM deliver."return"') == [("web",)]
    with working(home, grids[0]) as client:  # opened before the night, sent after it
        answer = client.hand_in(says(late, {"marital_status": "已婚"})).json()
    assert answer == {"said": "已交：收下 1 项", "mend": []}
