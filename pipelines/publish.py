"""Publication: one atomic swap of the file that readers open; and its undoing.

A night's status in the journal, its file under `published/nights` and the link
`published/onegrid.duckdb` are the only facts. Every function here may be repeated after a crash.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from pipelines import store
from pipelines.config import Config
from pipelines.errors import NothingPublished
from pipelines.home import MANIFEST, Home
from pipelines.journal import Journal
from schemas.district import Limits


def publish(home: Home, journal: Journal, number: int, folder: Path, *, keep: int) -> None:
    """Make the night that was built in `folder` the one readers see.

    Journal rows come first, then the swap, then the forms, the report and the data docs: a crash
    at any point is finished by `recover`.
    """
    with store.connect(folder / "onegrid.duckdb", Limits(), folder / "spill") as con:
        con.execute("CHECKPOINT")
        journal.append_identities(number, _identity_rows(con, number))
        journal.append_issues(number, _issue_rows(con, number))
    journal.set_night(number, "publishing")
    _finish(home, journal, number)
    _forget_old(home, journal, keep)


def recover(home: Home, journal: Journal, *, keep_run: str | None = None) -> None:
    """Settle what a killed run left: finish what had begun, drop any other night.

    A running night that `keep_run` began is left as it is, so that a retried run goes on with it.
    """
    if voiding := journal.nights("voiding"):
        _finish_voiding(home, journal, [row.night for row in voiding])
    for row in journal.nights("publishing"):
        _finish(home, journal, row.night)
    for row in journal.nights("running"):
        if keep_run is None or row.run_id != keep_run:
            journal.set_night(row.night, "failed", "interrupted before publication")
    running = {_folder(home, row.night) for row in journal.nights("running")}
    published = {_folder(home, row.night): row.night for row in journal.nights("published")}
    for folder in sorted(home.work.glob("night-*")):
        if folder in published:
            _deliver(home, folder)
            _show_pages(home, published[folder])
        if folder not in running:
            shutil.rmtree(folder, ignore_errors=True)
    kept = home.night_file(max(published.values(), default=0))
    if kept.exists() and not (home.published.exists() and home.published.samefile(kept)):
        _link(kept, home.published)


def roll_back(home: Home, journal: Journal, night: int, limits: Limits) -> int:
    """Void `night` and every later one; readers get the newest night before it. Returns its number.

    The landing zone is taken back to that night too. A crash at any point is finished by `recover`.
    The workbooks are not kept by night: those in the home have no manifest until `restore_forms`,
    or the next night, has drawn them again. May be repeated.

    Raises:
        NothingPublished: `night` is not published, or no file of an earlier night is kept.
    """
    recover(home, journal)
    published = [row.night for row in journal.nights("published")]
    if night not in published:
        is_void = any(row.night == night for row in journal.nights("voided"))
        if is_void and published and published[-1] < night:
            return published[-1]  # the command is given again, since its forms were not drawn
        raise NothingPublished(f"night {night} is not published, so there is nothing to roll back")
    earlier = [number for number in published if number < night]
    if not earlier or not home.night_file(earlier[-1]).exists():
        raise NothingPublished(
            f"the file of the night before {night} is not kept, so there is nothing to go back to; "
            "use `onegrid rebuild`"
        )
    journal.begin_voiding(night)
    _finish_voiding(home, journal, [n for n in published if n >= night], limits)
    return earlier[-1]


def restore_forms(home: Home, config: Config) -> None:
    """Render the forms of the published night again, as after `roll_back`."""
    from pipelines.deliver import render_all  # noqa: PLC0415  (deliver stands after publication)

    staged = home.work / "forms-again"
    shutil.rmtree(staged, ignore_errors=True)
    with store.connect(
        home.published, config.district.limits, home.work / "spill", read_only=True
    ) as con:
        render_all(con, staged / "forms", config)
    _deliver_forms(home, staged / "forms")
    shutil.rmtree(staged)


def _finish(home: Home, journal: Journal, number: int) -> None:
    folder, kept = _folder(home, number), home.night_file(number)
    built = folder / "onegrid.duckdb"
    if built.exists():
        _fsync(built)
        os.replace(built, kept)
        _fsync(kept.parent)
    if not kept.exists():
        journal.set_night(number, "failed", "its file is gone")
        return
    _link(kept, home.published)
    journal.set_night(number, "published")
    _deliver(home, folder)
    _show_pages(home, number)
    shutil.rmtree(folder, ignore_errors=True)


def _finish_voiding(
    home: Home, journal: Journal, doomed: list[int], limits: Limits | None = None
) -> None:
    for listing in home.forms.glob("manifest.*"):
        listing.unlink()
    with store.connect(home.landed, limits or Limits(), home.work / "spill") as con:
        _rewind_landing(con, min(doomed))
    earlier = [row.night for row in journal.nights("published") if row.night < min(doomed)]
    if earlier and home.night_file(earlier[-1]).exists():
        _link(home.night_file(earlier[-1]), home.published)
        _show_pages(home, earlier[-1])
    for number in doomed:
        home.night_file(number).unlink(missing_ok=True)
        shutil.rmtree(home.nights / f"{number:06d}", ignore_errors=True)
        journal.set_night(number, "voided", "rolled back")


def _deliver(home: Home, folder: Path) -> None:
    """Move the night's pages beside its file, and its workbooks into the forms folder."""
    pages = home.nights / folder.name.removeprefix("night-")
    for name in ("report.html", "data_docs"):
        if (folder / name).exists():
            pages.mkdir(parents=True, exist_ok=True)
            if (pages / name).is_dir():
                shutil.rmtree(pages / name)
            os.replace(folder / name, pages / name)
    _deliver_forms(home, folder / "forms")


def _deliver_forms(home: Home, staged: Path) -> None:
    """Move workbooks from `staged` into the forms folder, and remove what the manifest lacks.

    The manifest comes last: it names only workbooks that are there.
    """
    if not staged.exists():
        return
    for workbook in sorted(staged.rglob("*.xlsx")):
        target = home.forms / workbook.relative_to(staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(workbook, target)
    for listing in sorted(staged.glob("manifest.*")):
        os.replace(listing, home.forms / listing.name)
    remove_unlisted_forms(home)


def remove_unlisted_forms(home: Home) -> None:
    """Delete workbooks under forms/ that the manifest does not name."""
    manifest = home.forms / MANIFEST
    if not manifest.exists():
        return
    listed = {line.split("  ", 1)[1] for line in manifest.read_text("utf-8").splitlines() if line}
    for workbook in home.forms.rglob("*.xlsx"):
        if str(workbook.relative_to(home.forms)) not in listed:
            workbook.unlink()


def _show_pages(home: Home, number: int) -> None:
    """Let report/ and data_docs/ show the pages of the night `number`."""
    pages = home.nights / f"{number:06d}"
    if (pages / "report.html").exists():
        home.report.parent.mkdir(parents=True, exist_ok=True)
        beside = home.report.with_suffix(".new")
        shutil.copyfile(pages / "report.html", beside)
        os.replace(beside, home.report)
    if (pages / "data_docs").exists():
        beside = home.data_docs.with_name("data_docs.new")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(pages / "data_docs", beside)
        shutil.rmtree(home.data_docs, ignore_errors=True)
        os.replace(beside, home.data_docs)


def _rewind_landing(con: duckdb.DuckDBPyConnection, night: int) -> None:
    """Take back every landed version that `night` or a later one brought or ended."""
    tables = con.execute(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'until_night'"
    ).fetchall()
    con.execute("BEGIN")
    for (table,) in tables:
        name = f"main.{store.quote(table)}"
        con.execute(f"DELETE FROM {name} WHERE since_night >= ?", [night])
        con.execute(f"UPDATE {name} SET until_night = NULL WHERE until_night >= ?", [night])
    con.execute("COMMIT")


def _forget_old(home: Home, journal: Journal, keep: int) -> None:
    numbers = [row.night for row in journal.nights("published")]
    for number in numbers[:-keep]:
        home.night_file(number).unlink(missing_ok=True)
        shutil.rmtree(home.nights / f"{number:06d}", ignore_errors=True)


def _identity_rows(
    con: duckdb.DuckDBPyConnection, night: int
) -> Iterator[tuple[str, str, str | None, str | None, int | None]]:
    result = con.execute(
        """SELECT kind, resident_id, other_id, field, record_id FROM master.event
        WHERE night = ? ORDER BY kind, resident_id, other_id, field, record_id""",
        [night],
    )
    while batch := result.fetchmany(50_000):
        yield from batch


def _issue_rows(con: duckdb.DuckDBPyConnection, night: int) -> list[dict[str, object]]:
    columns = ("form_id", "version", "content_hash", "file_sha256", "issued_on", "due_on")
    rows = con.execute(
        """SELECT i.form_id, i.version, f.content_hash, i.file_sha256, i.issued_on, i.due_on
        FROM deliver.issue i JOIN deliver.form f USING (form_id)
        WHERE i.night = ? ORDER BY i.form_id""",
        [night],
    ).fetchall()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _link(target: Path, link: Path) -> None:
    """Point `link` at the same file as `target`, in one step that readers cannot see half done."""
    beside = link.with_suffix(".new")
    beside.unlink(missing_ok=True)
    try:
        os.link(target, beside)
    except OSError:  # a file system without hard links
        shutil.copyfile(target, beside)
    os.replace(beside, link)
    _fsync(link.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folder(home: Home, number: int) -> Path:
    return home.work / f"night-{number:06d}"
