"""The documentation can be followed: its queries run over a published night and find something."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb

from tests.district_fixture import Districts

PAGE = Path(__file__).parents[1] / "docs" / "walkthrough.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_every_query_of_the_walkthrough_finds_the_chosen_resident(districts: Districts) -> None:
    choosing, *following = QUERIES
    with duckdb.connect(str(districts.before.published), read_only=True) as con:
        con.execute(choosing)
        assert con.execute("SELECT getvariable('who')").fetchall()[0][0]
        for query in following:
            assert con.execute(query).fetchall(), query


def test_the_two_readmes_name_the_same_commands_and_pages() -> None:
    root = PAGE.parents[1]
    english, chinese = (
        (root / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    for pattern in (r"^(?:make|onegrid) [a-z]+", r"\]\((docs/[a-z-]+\.md)\)"):
        assert sorted(re.findall(pattern, english, re.MULTILINE)) == sorted(
            re.findall(pattern, chinese, re.MULTILINE)
        )


def test_every_page_that_the_readme_names_is_there() -> None:
    root = PAGE.parents[1]
    for page in re.findall(
        r"\]\(([a-z]+/[A-Za-z-]+\.md)\)", (root / "README.md").read_text("utf-8")
    ):
        assert (root / page).exists(), page
