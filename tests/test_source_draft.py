"""Drafted source maps: what headers and values give away, what people decide, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner

from onegrid.source import source
from pipelines.config import load_config
from pipelines.draft.perhaps import perhaps
from pipelines.draft.propose import Proposal, propose
from pipelines.draft.sample import Sample, SampleColumn, sample_table
from pipelines.draft.words import LEFT_OUT, SELF, HeaderWords, Slot, slots_of
from pipelines.draft.workbook import sample_workbook
from pipelines.extract import pull_source
from pipelines.extract.words import fold
from pipelines.standardise.id_cards import check_digit
from schemas.contract import ContractError, parse_contract
from schemas.fields import FIELD
from schemas.source import SourceMap
from tests.district_fixture import Districts
from tests.test_extract_database import landed, make_night
from tests.test_ledger import LEDGER, write

TODAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def samples(districts: Districts) -> list[tuple[SourceMap, Sample]]:
    """Every table and one workbook of each family of the synthetic district, with its map."""
    home = districts.before
    config = load_config(home)
    found = []
    for own in config.sources.values():
        if own.kind == "database":
            found.append((own, sample_table(config.databases[own.database or ""], own.table or "")))
        elif own.kind == "workbook":
            path = next(iter(sorted(home.inbox.glob(own.files or ""))))
            found.append((own, sample_workbook(path, HeaderWords(), None, TODAY)))
    return found


def meant(own: SourceMap, word: str) -> Slot:
    """What the shipped map says of a column."""
    slots = slots_of(own)
    for name, column in own.columns.items():
        words = {fold(alias) for alias in column.aliases}
        if not column.group and {fold(word), fold(word, inside=False)} & words:
            return slots.get(name, Slot(SELF, LEFT_OUT))
    return Slot(SELF, LEFT_OUT)


def judged(
    samples: list[tuple[SourceMap, Sample]], *, nonsense: bool = False
) -> Iterator[tuple[Slot, Proposal]]:
    """What each column is by its shipped map, and as drafted without knowledge of that map."""
    maps = [own for own, _ in samples]
    for own, sample in samples:
        words = HeaderWords([other for other in maps if other is not own])
        shown = sample
        if nonsense:
            columns = (replace(c, word=f"c{n}", comment="") for n, c in enumerate(sample.columns))
            shown = replace(sample, columns=tuple(columns))
        for proposal in propose(shown, words, TODAY):
            yield meant(own, sample.columns[proposal.place].word), proposal


def test_drafts_agree_with_the_shipped_maps_that_they_do_not_know(samples):
    pairs = list(judged(samples))
    right = sum(1 for wanted, proposal in pairs if proposal.slot == wanted)
    assert len(pairs) > 180
    assert right >= 0.95 * len(pairs), f"{right} of {len(pairs)}"


def test_values_alone_tell_most_columns_and_claim_little_that_is_wrong(samples):
    pairs = list(judged(samples, nonsense=True))
    fields = [(wanted, p) for wanted, p in pairs if wanted.name in FIELD]
    right = sum(1 for wanted, p in fields if p.slot.name == wanted.name)
    known = sum(1 for w, p in fields if p.nearest and p.rival and p.nearest.slot.name == w.name)
    wrong = sum(1 for w, p in pairs if p.slot.name in FIELD and p.slot.name != w.name)
    assert right >= 0.7 * len(fields), f"{right} of {len(fields)}"
    assert right + known >= 0.85 * len(fields), f"{right} and {known} of {len(fields)}"
    assert wrong <= 0.05 * len(pairs), f"{wrong} of {len(pairs)}"


def test_no_field_is_given_to_two_columns(samples):
    for own, sample in samples:
        fields = [p.slot for p in propose(sample, HeaderWords(), TODAY) if p.slot.name in FIELD]
        assert len(fields) == len(set(fields)), own.source


def number(n: int) -> str:
    digits = f"330199{1950 + n % 50}{n % 12 + 1:02d}{n % 28 + 1:02d}{n % 900 + 100:03d}"
    return digits + check_digit(digits)


def made(**columns: list[str]) -> Sample:
    shown = tuple(SampleColumn(word) for word in columns)
    return Sample("made", shown, tuple(tuple(values) for values in columns.values()))


def test_household_codes_are_no_id_numbers_and_two_telephones_are_told():
    rows = range(60)
    sample = made(
        身份证号=[number(n) for n in rows],
        编码=[f"33019910120{n // 3:03d}0000" for n in rows],
        户主身份证=[number(n // 4) for n in rows],
        联系电话=[f"138{n:08d}" for n in rows],
        手机=[f"139{n:08d}" for n in rows],
        乱码=["甲乙" for _ in rows],
    )
    own, code, head, phone, mobile, strange = propose(sample, HeaderWords(), TODAY)
    assert (own.slot, own.is_sure) == (Slot(SELF, "id_number"), True)
    assert code.slot.name != "id_number"
    assert head.slot != own.slot
    assert phone.slot == Slot(SELF, "phone")
    assert (mobile.slot.name, mobile.rival) == (LEFT_OUT, "联系电话")
    assert (phone.rival, phone.is_sure) == ("手机", False)
    assert strange.claim is None


def draft(*arguments: object, home: Path) -> str:
    done = CliRunner().invoke(source, ["draft", *map(str, arguments), "--home", str(home)])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def office(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/office.sqlite"
    engine = sa.create_engine(url)
    people = sa.Table(
        "people",
        sa.MetaData(),
        sa.Column("bh", sa.String, primary_key=True),
        *(sa.Column(name, sa.String) for name in ("xm", "sfzh", "x2", "yhzh", "x1")),
        sa.Column("zp", sa.LargeBinary),
    )
    people.metadata.create_all(engine)
    with engine.begin() as con:
        rows = [
            {
                "bh": f"B{n}",
                "xm": f"王{'伟芳娜敏静'[n % 5]}",
                "sfzh": number(n),
                "x2": f"138{n:08d}",
                "yhzh": f"6228{n:012d}",
                "x1": "男" if int(number(n)[16]) % 2 else "女",
                "zp": b"\x00" * 10,
            }
            for n in range(40)
        ]
        con.execute(people.insert(), rows)
    return url


def test_a_draft_is_refused_until_it_is_confirmed_and_then_loads(office, tmp_path, monkeypatch):
    assert draft(office, home=tmp_path / "home").split() == ["people"]
    monkeypatch.setenv("OFFICE_URL", office)
    out = tmp_path / "people.yaml"
    draft("${OFFICE_URL}", "--table", "people", "--out", out, home=tmp_path / "home")
    text = out.read_text("utf-8")
    assert number(7) not in text and "13800000007" not in text and "王芳" not in text
    with pytest.raises(ContractError) as refused:
        parse_contract(text, "people.yaml", SourceMap)
    problems = "\n".join(refused.value.problems)
    assert "'label' is not confirmed yet" in problems
    assert re.search(r"\d+: 'columns\.\w+\.confirm' is not confirmed yet", problems)
    assert "'excluded.why'" in problems

    confirmed = re.sub(r", confirm: 待确认", "", text)
    for key, value in (("label", "人员"), ("department", "community"), ("why", "no form asks")):
        confirmed = confirmed.replace(f"{key}: 待确认", f"{key}: {value}")
    confirmed = confirmed.replace("[待确认]", "[population]")
    loaded = parse_contract(confirmed, "people.yaml", SourceMap)
    assert loaded.key == ("row_key",)
    assert loaded.persons[0].fields == {
        "name": "name",
        "id_number": "id_number",
        "phone": "phone",
        "sex": "sex",
    }
    assert {item.column for item in loaded.excluded} == {"yhzh", "zp"}


def test_a_file_that_is_there_is_left_alone(office, tmp_path):
    out = tmp_path / "mine.yaml"
    out.write_text("mine", "utf-8")
    arguments = ["draft", office, "--table", "people", "--out", str(out)]
    done = CliRunner().invoke(source, [*arguments, "--home", str(tmp_path / "home")])
    assert (done.exit_code, out.read_text("utf-8")) == (2, "mine")


def test_a_workbook_with_a_title_groups_and_strange_words(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "居民"
    sheet.append(["东风村登记簿"])
    sheet.append(["序号", "居民姓名", "证件", "联系方法", "配偶", None])
    sheet.append([None, None, None, None, "姓名", "身份证号"])
    sheet.merge_cells("E2:F2")
    for n in range(30):
        name = f"李{'强军勇杰涛'[n % 5]}{'明华平'[n % 3]}"
        sheet.append([n + 1, name, number(n), f"138{n:08d}", f"张{name[1:]}", number(n + 300)])
    sheet.append(["合计", None, 30])
    path = tmp_path / "东风村人口登记.xlsx"
    book.save(path)
    text = draft(path, home=tmp_path / "home")
    assert "样本" in text and "30 行" in text
    assert re.search(r"^  name: \{aliases: \[居民姓名\]", text, re.M)
    assert re.search(r"^  id_number: \{aliases: \[证件\].*confirm: 待确认", text, re.M)
    assert re.search(r"^  phone: \{aliases: \[联系方法\].*confirm: 待确认.*联系方式", text, re.M)
    assert re.search(r"^  spouse_id: \{aliases: \[配偶身份证号\]", text, re.M)
    assert "role: spouse" in text
    assert number(3) not in text


def test_unknown_words_of_ledgers_get_a_proposal(tmp_path):
    night = make_night(tmp_path, LEDGER)
    head = ["姓名", "身份证号", "联系方法", "鸡鸭数量"]
    people = [[f"人{n}", number(n), f"138{n:08d}", n] for n in range(3)]
    write(night.home.inbox / "东风村台账.xlsx", [head, *people])
    pull_source(night, "ledger")
    kind = "kind = 'column_unknown'"
    sql = f"SELECT reason_zh FROM main.ledger_finding WHERE {kind} ORDER BY column_letter"
    (phone,), (poultry,) = landed(night, sql)
    assert phone.endswith("可能是：联系电话")
    assert "可能是" not in poultry


def test_whatever_names_and_words_hold_the_draft_is_yaml_and_shows_all_of_it(tmp_path):
    words = ["姓名", "\u202e证\x95件\u2028号", "\U000e0001：'\"", "备注#{[&*!|>%@`"]
    book = openpyxl.Workbook()
    for row in (words, *([f"李{name}明", n, "甲", "乙"] for n, name in enumerate("强军勇杰"))):
        book.active.append([str(cell) for cell in row])
    path = tmp_path / "东风村\n  source: mine.xlsx"
    book.save(path)
    text = draft(path, home=tmp_path / "home")
    told = yaml.safe_load(text)
    assert told["source"].startswith("ledger_dfc")
    asked = [alias for column in told["columns"].values() for alias in column["aliases"]]
    left = [item["column"] for item in told["excluded"]]
    assert set(map(fold, asked + left)) == set(map(fold, words))
    assert all(line.isprintable() for line in text.splitlines())


def test_what_words_may_mean():
    words = HeaderWords()
    assert perhaps(words, "联系方法") == "可能是：联系电话"
    assert perhaps(words, "配偶手机号") == "可能是：配偶的联系电话"
    assert perhaps(words, "鸡鸭数量") is None
