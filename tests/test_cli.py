"""The command: what it takes, what it says, how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.home import Home
from pipelines.journal import open_journal
from tests.district_fixture import Districts, ask, copy, journal_url, onegrid


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home")


def test_wrong_use_says_what_is_right(home: Home) -> None:
    done = onegrid("synth", "--residents", "12", home=home)
    assert done.code == 2
    assert "12 is not in the range" in done.err
    done = onegrid("synth", "--database", "grid", home=home)
    assert done.code == 2
    assert "'grid' is not NAME=URL" in done.err


@pytest.mark.parametrize("command", [("rollback", "1"), ("run", "--plain"), ("rebuild", "--plain")])
def test_a_home_without_anything_is_told_in_one_line(command: tuple[str, ...], home: Home) -> None:
    done = onegrid(*command, home=home)
    assert done.code == 1
    assert done.err.startswith("onegrid: ")
    assert "Traceback" not in done.err
    assert not home.published.exists()


def test_nights_are_listed_with_how_they_ended(districts: Districts) -> None:
    done = onegrid("nights", home=districts.after)
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if "published" in line]
    assert ["everything" in lines[0], "night 1" in lines[1]] == [True, True]


def test_a_decision_is_kept_and_may_be_withdrawn(districts: Districts, tmp_path: Path) -> None:
    home = copy(districts.before, tmp_path / "home")
    ((one, other),) = ask(
        home,
        """SELECT record_l, record_r FROM link.pair
        WHERE tier = 'probable' AND verdict = 'joined' ORDER BY ALL LIMIT 1""",
    )
    said = ("--author", "王干部", "--reason", "同名同日生")
    assert onegrid("decide", str(one), str(other), "never", *said, home=home).code == 0
    with open_journal(journal_url(home)) as journal:
        ((kept),) = journal.decisions()
        assert "never" in str(kept)
    assert onegrid("decide", str(one), str(other), "withdraw", *said, home=home).code == 0
    with open_journal(journal_url(home)) as journal:
        assert journal.decisions() == []
    done = onegrid("decide", str(one), str(one), "always", *said, home=home)
    assert (done.code, "about two records" in done.err) == (2, True)
    done = onegrid("decide", str(one), "12345", "never", *said, home=home)
    assert (done.code, "no record has this number" in done.err) == (2, True)


def test_a_demo_never_clears_a_home_that_is_in_use(districts: Districts, tmp_path: Path) -> None:
    home = copy(districts.before, tmp_path / "home")
    done = onegrid("demo", "--residents", "1000", home=home)
    assert (done.code, "is in use" in done.err) == (2, True)
    assert home.published.exists()
