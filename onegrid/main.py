"""The command `onegrid`. Ends with 0: done, 1: failed or blocked, 2: wrong use, 3: in use."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click

from onegrid.book import review_book
from onegrid.burden import burden
from onegrid.defects import defects
from onegrid.explain import explain
from onegrid.fill.command import fill
from onegrid.form import form
from onegrid.linking import link
from onegrid.options import CONFIG as _CONFIG
from onegrid.options import HOME as _HOME
from onegrid.options import load as _load
from onegrid.options import published as _published
from onegrid.push import push
from onegrid.quarantine import quarantine
from onegrid.returned import returned
from onegrid.review.command import review
from onegrid.source import source

if TYPE_CHECKING:
    from pipelines.config import Config
    from pipelines.home import Home
    from pipelines.summary import Summary

FAILED, RUNNING = 1, 3


def main() -> None:
    """Run the command; an error is one clear line."""
    from pipelines.errors import (  # noqa: PLC0415
        FULL_DISK,
        NightRunning,
        OnegridError,
        concerns_disk,
    )
    from pipelines.privacy import scrub  # noqa: PLC0415

    warnings.simplefilter("ignore")
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.Abort:
        _complain("interrupted; nothing is lost, the next run recovers")
        sys.exit(130)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except NightRunning as error:
        _complain(str(error))
        sys.exit(RUNNING)
    except OnegridError as error:
        _complain(str(error))
        sys.exit(FAILED)
    except Exception as error:
        if os.environ.get("ONEGRID_TRACEBACK"):
            raise
        text = scrub(str(error)).strip().splitlines()
        _complain(f"{type(error).__name__}: {text[0] if text else 'no further message'}")
        if concerns_disk(error):
            _complain(FULL_DISK)
        sys.exit(FAILED)


def _complain(message: str) -> None:
    click.echo(f"onegrid: {message}", err=True)


@click.group()
@click.version_option(package_name="onegrid")
def cli() -> None:
    """One master record a resident, given back as forms that ask only what nobody knows yet."""


cli.add_command(link)
cli.add_command(explain)
cli.add_command(review)
cli.add_command(review_book)
cli.add_command(returned)
cli.add_command(burden)
cli.add_command(defects)
cli.add_command(form)
cli.add_command(fill)
cli.add_command(quarantine)
cli.add_command(push)
cli.add_command(source)


@cli.command()
@click.option("--residents", type=click.IntRange(1_000, 10_000_000), default=20_000)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--day", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--database",
    "databases",
    multiple=True,
    metavar="NAME=URL",
    help="Write a department's database elsewhere (SQLAlchemy URL); may be repeated.",
)
@click.option(
    "--mess",
    multiple=True,
    metavar="KIND",
    help="Keep the ledgers plain but for this kind of mess (see docs/ledgers.md), all or none; may "
    "be repeated. Without it every village has its own habits.",
)
@_HOME
def synth(  # noqa: PLR0917
    residents: int,
    seed: int,
    day: int,
    databases: tuple[str, ...],
    mess: tuple[str, ...],
    home: Path | None,
) -> None:
    """Make a synthetic district: departments' databases and ledgers, with the truth beside them."""
    from pipelines.home import Home  # noqa: PLC0415
    from pipelines.synth.kinds import chosen  # noqa: PLC0415

    urls = {}
    for item in databases:
        name, given, url = item.partition("=")
        if not given:
            raise click.BadParameter(f"{item!r} is not NAME=URL", param_hint="--database")
        urls[name] = url
    try:
        kinds = chosen(mess)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--mess") from None
    _make(Home.at(home), residents, seed, day, databases=urls or None, mess=kinds)


@cli.command()
@click.option("--plain", is_flag=True, help="Call the steps without Dagster.")
@_CONFIG
@_HOME
def run(plain: bool, config: Path | None, home: Path | None) -> None:
    """Run a night: pull, recognise, merge, check, publish."""
    _night(home, config, full=False, plain=plain)


@cli.command()
@click.option("--plain", is_flag=True, help="Call the steps without Dagster.")
@_CONFIG
@_HOME
def rebuild(plain: bool, config: Path | None, home: Path | None) -> None:
    """Recompute everything from what has landed and the journal, with the same resident ids."""
    _night(home, config, full=True, plain=plain)


@cli.command()
@click.argument("night", type=click.IntRange(1))
@_CONFIG
@_HOME
def rollback(night: int, config: Path | None, home: Path | None) -> None:
    """Undo NIGHT and every later one; readers get the night before it."""
    from pipelines.journal import open_journal  # noqa: PLC0415
    from pipelines.publish import restore_forms, roll_back  # noqa: PLC0415

    place, settings = _load(home, config)
    with place.lock(), open_journal(settings.journal_url) as journal:
        now = roll_back(place, journal, night, settings.district.limits)
        restore_forms(place, settings)
    click.echo(f"night {night} is undone; readers see night {now} again, and its forms")


@cli.command()
@click.option("--residents", type=click.IntRange(1_000, 10_000_000), default=20_000)
@_HOME
def demo(residents: int, home: Path | None) -> None:
    """A synthetic district and two nights, in a home that is cleared first if it was a demo's."""
    from onegrid import show  # noqa: PLC0415
    from pipelines.home import Home  # noqa: PLC0415

    place = Home.at(home)
    mark = place.root / ".demo"
    with place.lock():
        if mark.exists():
            _clear(place)
        elif place.published.exists() or (place.root / "district").exists():
            raise click.UsageError(f"{place.root} is in use; choose another --home")
        mark.touch()
    for day in (1, 2):
        _make(place, residents, 1, day)
        _night(place.root, None, full=False, plain=False)
    show.OUT.print("\n[bold]Dagster[/]          make ui  →  http://127.0.0.1:3000")


@cli.command()
@_CONFIG
@_HOME
def nights(config: Path | None, home: Path | None) -> None:
    """List the nights of this home."""
    from rich.table import Table  # noqa: PLC0415

    from onegrid.show import OUT  # noqa: PLC0415
    from pipelines.errors import NightRunning  # noqa: PLC0415
    from pipelines.journal import open_journal  # noqa: PLC0415

    place, settings = _load(home, config)
    try:
        with place.lock():
            unfinished = "interrupted"
    except NightRunning:
        unfinished = "running"
    with open_journal(settings.journal_url) as journal:
        rows = journal.nights()
    table = Table("night", "day", "status", "from", "kept", "why")
    for row in rows:
        table.add_row(
            str(row.night),
            row.business_date.isoformat(),
            unfinished if row.status == "running" else row.status,
            "everything" if row.is_full else f"night {row.base_night}",
            "yes" if place.night_file(row.night).exists() else "",
            row.reason or "",
        )
    OUT.print(table)


@cli.command()
@click.argument("record_l", type=int)
@click.argument("record_r", type=int)
@click.argument("verdict", type=click.Choice(["always", "never", "withdraw"]))
@click.option("--author", required=True, help="Who decided.")
@click.option("--reason", required=True, help="Why.")
@_CONFIG
@_HOME
def decide(  # noqa: PLR0917
    record_l: int,
    record_r: int,
    verdict: str,
    author: str,
    reason: str,
    config: Path | None,
    home: Path | None,
) -> None:
    """Say that two records are always or never the same person; the next night obeys."""
    from pipelines.journal import open_journal  # noqa: PLC0415

    if record_l == record_r:
        raise click.BadParameter("a decision is about two records", param_hint="RECORD_R")
    place, settings = _load(home, config)
    kept = "withdrawn" if verdict == "withdraw" else verdict
    if verdict != "withdraw":
        with _published(place, settings) as con:
            for name, record in (("RECORD_L", record_l), ("RECORD_R", record_r)):
                if not con.execute("FROM std.record WHERE record_id = ?", [record]).fetchall():
                    raise click.BadParameter("no record has this number", param_hint=name)
    with open_journal(settings.journal_url) as journal:
        number = journal.decide(record_l, record_r, kept, author, reason)
    click.echo(f"decision {number} is kept: {kept}")


@cli.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("docs/tables.md"),
    show_default=True,
)
def docs(out: Path) -> None:
    """Write the field-by-field reference of the tables from the contracts."""
    from onegrid.reference import tables_reference  # noqa: PLC0415

    out.write_text(tables_reference(), "utf-8")
    click.echo(f"{out} is written")


@cli.command()
@click.option("--port", type=int, default=3000, show_default=True)
@_CONFIG
@_HOME
def ui(port: int, config: Path | None, home: Path | None) -> None:
    """Open Dagster's pages and run its schedules and sensors, on this machine only."""
    from onegrid.instance import settle  # noqa: PLC0415

    place, _ = _load(home, config)
    settle(place, config)
    click.echo(f"http://127.0.0.1:{port}  (ctrl-c ends it)")
    program = [sys.executable, "-W", "ignore", "-m", "dagster", "dev", "--host", "127.0.0.1"]
    arguments = ["--port", str(port), "--workspace", str(place.dagster / "workspace.yaml")]
    os.execv(sys.executable, [*program, *arguments])


def _make(
    home: Home,
    residents: int,
    seed: int,
    day: int,
    *,
    databases: dict[str, str] | None = None,
    mess: frozenset[str] | None = None,
) -> None:
    from pipelines.synth import make_district  # noqa: PLC0415

    counts = make_district(home, residents, seed, day, databases=databases, mess=mess)
    click.echo(
        f"day {counts['day']} ({counts['date']}): {counts['residents']:,} residents, "
        f"{sum(counts['rows'].values()):,} rows in {len(counts['rows'])} sources, "
        f"{counts['workbooks']} workbooks, {counts['seconds']} s"
    )


def _clear(home: Home) -> None:
    """Remove what a demo made; the lock stays where it is."""
    for path in home.root.iterdir():
        if path != home.work and path.is_dir():
            shutil.rmtree(path)
    for path in home.work.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    type(home).at(home.root)


def _night(home: Path | None, config: Path | None, *, full: bool, plain: bool) -> None:
    from onegrid import show  # noqa: PLC0415

    place, settings = _load(home, config)
    with place.lock():
        pass  # a second run ends here, before anything is started
    start = time.perf_counter()
    with show.progress(settings):
        done = (
            _plainly(place, settings, full) if plain else _in_dagster(place, settings, config, full)
        )
    show.summary(place, settings, done, time.perf_counter() - start)


def _plainly(home: Home, config: Config, full: bool) -> Summary:
    from pipelines.run import run_night  # noqa: PLC0415

    return run_night(home, config, full=full, pull=not full)


def _in_dagster(home: Home, settings: Config, config: Path | None, full: bool) -> Summary:
    from onegrid.instance import run_job, settle  # noqa: PLC0415

    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    settle(home, config)
    return run_job(home, "rebuild" if full else "nightly", settings.district.limits)
