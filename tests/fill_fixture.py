"""Grid workers at the page: a phone without a browser, and what a browser is told to do."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import sqlalchemy as sa
from starlette.testclient import TestClient

from onegrid.fill.app import make_app
from onegrid.fill.desk import Desk
from onegrid.fill.door import Door
from onegrid.fill.sheet import Sheet, read_sheet
from pipelines.answers import Answers
from pipelines.config import load_config
from pipelines.home import Home
from pipelines.journal import RECEIPT, open_journal
from pipelines.tokens import Tokens
from tests.district_fixture import journal_url

ADDRESS = "127.0.0.1:8766"
HERE = {"X-Onegrid-Form": "sign-in"}


def token(home: Home, grid: str, author: str, days: int = 30) -> str:
    with open_journal(journal_url(home)) as journal:
        return Tokens(journal).make(grid, author, days, "街道")[1]


class Worker(TestClient):
    """A phone."""

    sheet: Sheet

    def enter(self, text: str):
        return self.post("/sign-in", json={"token": text}, headers=HERE)

    def homes(self, state: str = "open") -> list[str]:
        return re.findall(rf'<li class="{state}" data-key="(\w+)"', self.get("/").text)

    def members(self, key: str) -> list[dict[str, Any]]:
        """Who is on the page of a household, with the classes of the cells."""
        page = self.get(f"/household/{key}")
        assert page.status_code == 200
        found = []
        for part in page.text.split('<section class="card member" ')[1:]:
            resident, rows = re.findall(r'data-(?:resident|rows)="([^"]*)"', part)[:2]
            cells = re.findall(
                r'<div class="cell (\w+)" data-field="(\w+)" data-form="(\w+)">', part
            )
            found.append(
                {
                    "resident_id": resident,
                    "rows": json.loads(html.unescape(rows)),
                    "cells": {field: (state, form) for state, field, form in cells},
                }
            )
        return found

    def hand_in(self, *members: dict[str, Any], submission: str = "submission-1", **headers: str):
        found = re.search(r'data-form="([^"]*)"', self.get("/").text)
        own = {"X-Onegrid-Form": found.group(1) if found else "", **headers}
        content = {"submission": submission, "members": members}
        return self.post("/send", json=content, headers=own)


def says(
    member: dict[str, Any], answers: dict[str, str], right: tuple[str, ...] = (), **more: object
) -> dict[str, Any]:
    """What the page's script would send of `member`."""
    rows = [
        {
            **{name: row[name] for name in ("form_id", "version", "row_id", "digest")},
            "answers": {f: v for f, v in answers.items() if member["cells"][f][1] == row["form"]},
            "right": [f for f in right if member["cells"][f][1] == row["form"]],
        }
        for row in member["rows"]
    ]
    return {"resident_id": member["resident_id"], "rows": rows, **more}


@contextmanager
def visiting(home: Home) -> Iterator[Worker]:
    desk = Desk(home, load_config(home))
    app = make_app(desk, Door(desk.tokens, frozenset({ADDRESS})))
    with Worker(app, base_url=f"http://{ADDRESS}") as client:
        yield client


@contextmanager
def working(home: Home, grid: str, author: str = "张网格员") -> Iterator[Worker]:
    with visiting(home) as client:
        assert client.enter(token(home, grid, author)).status_code == 200
        with duckdb.connect(str(home.published), read_only=True) as con:
            client.sheet = read_sheet(con, load_config(home), grid)
        yield client


def kept(home: Home) -> list[tuple[str, str, str, str, str]]:
    """resident, field, kind, status, author of every answer in the journal."""
    with open_journal(journal_url(home)) as journal:
        return [
            (a.resident_id, a.field, a.kind, a.status, a.author) for a in Answers(journal).all()
        ]


def traces(home: Home) -> list[tuple[str, str, dict[str, Any]]]:
    with open_journal(journal_url(home)) as journal, journal.engine.connect() as con:
        columns = (RECEIPT.c.subject, RECEIPT.c.author, RECEIPT.c.payload)
        query = sa.select(*columns).where(RECEIPT.c.kind == "fill").order_by(RECEIPT.c.seq)
        return [tuple(row) for row in con.execute(query)]


def having(client: Worker, *wanted: str) -> tuple[str, dict[str, Any]]:
    """A household, and somebody in it with a cell of each ``state:field``."""
    found = [
        (home.key, member.resident_id)
        for home in client.sheet.households.values()
        for member in home.members
        if {f"{cell.state}:{cell.field}" for cell in member.cells.values()} >= {*wanted}
    ]
    key, resident = found[0]
    return key, next(m for m in client.members(key) if m["resident_id"] == resident)


@contextmanager
def serving(home: Home) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = ["-m", "onegrid", "fill", "--port", "0", "--home", str(home.root)]
    server = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip(), server
    finally:
        server.terminate()
        assert "Error" not in server.communicate(timeout=10)[1]


TYPE = """var c = document.getElementsByName('{name}')[0]; c.value = '{value}';
c.dispatchEvent(new Event('input', {{bubbles: true}}));"""
DRAFTS = "Object.keys(localStorage).length"
SMALL = """Array.prototype.filter.call(
    document.querySelectorAll('button, select, input:not([type=radio]), textarea, summary, a'),
    function (n) { var r = n.getBoundingClientRect(); return r.width && r.height < 44; }).length"""
