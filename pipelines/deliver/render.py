"""The workbooks of a night: only those whose content changed, or of a whole published file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from pipelines.config import Config
from pipelines.deliver.manifest import write_manifests
from pipelines.deliver.press import press
from pipelines.home import MANIFEST
from pipelines.journal import open_journal
from pipelines.night import Night


def render_forms(night: Night) -> dict[str, int]:
    """Draw the forms that changed, list all forms in force, and note the issues.

    A form is drawn if its content is not that of its last issue (a new version, handed out this
    night) or if its workbook is missing from the home (the same issue again, the same bytes).
    Without a manifest all are missing: a rollback that did not come to its end leaves workbooks of
    the night that it undid.

    Returns:
        counts: forms_written, forms_issued, forms_unchanged, bytes.
    """
    with night.stage("render_forms") as counts:
        folder = night.folder / "forms"
        with open_journal(night.config.journal_url) as journal:
            issues = journal.issues()
        are_listed = (night.home.forms / MANIFEST).exists()
        with night.open() as con:
            _note_issues(con, night, issues)
            missing = [
                form_id
                for form_id, file in con.execute(
                    "SELECT form_id, file FROM deliver.form WHERE file_sha256 IS NOT NULL"
                ).fetchall()
                if not (are_listed and (night.home.forms / file).exists())
            ]
            changed = [row[0] for row in con.execute(_CHANGED).fetchall()]
            written = press(con, night.config, folder, {*missing, *changed})
            _note_hashes(con, written)
            total = write_manifests(con, night.config.forms, folder)
        counts["forms_written"] = len(written)
        counts["forms_issued"] = len(changed)
        counts["forms_unchanged"] = total - len(changed)
        counts["bytes"] = sum(size for _, size in written.values())
    return counts


def render_all(con: duckdb.DuckDBPyConnection, folder: Path, config: Config) -> dict[str, int]:
    """Draw every form of a published file again, byte for byte, with its manifests.

    Args:
        con: the published file; it may be read-only.
        folder: gets what the home's forms folder held when the file was published.
        config: the configuration that the file was made under.

    Returns:
        counts: forms_written, and forms_differing from the hash that was published (the contract
        or the layout has changed since, or the form is encrypted).
    """
    published = dict(con.execute("SELECT form_id, file_sha256 FROM deliver.form").fetchall())
    written = press(con, config, folder, set(published))
    write_manifests(con, config.forms, folder, written)
    differing = sum(published[form_id] != digest for form_id, (digest, _) in written.items())
    return {"forms_written": len(written), "forms_differing": differing}


_CHANGED = """SELECT f.form_id FROM deliver.form f JOIN deliver.issue i USING (form_id)
    WHERE i.night = (SELECT max(night) FROM meta.night)"""


def _note_issues(con: duckdb.DuckDBPyConnection, night: Night, issues: list[dict]) -> None:
    """Let `deliver.issue` hold the last issue of every form, this night's included."""
    names = ("form_id", "version", "night", "issued_on", "due_on", "file_sha256")
    kept = pa.table({name: [issue[name] for issue in issues] for name in names})
    con.execute("BEGIN")
    con.execute("""UPDATE deliver.form f SET file_sha256 = NULL FROM deliver.issue i
        WHERE i.form_id = f.form_id AND i.night = ?""", [night.number])  # fmt: skip
    con.execute("DELETE FROM deliver.issue")
    if issues:
        con.register("journal_issue", kept)
        con.execute(f"INSERT INTO deliver.issue SELECT {', '.join(names)} FROM journal_issue")
        con.unregister("journal_issue")
    con.execute("""DELETE FROM deliver.issue WHERE form_id IN
        (SELECT form_id FROM deliver.form WHERE file_sha256 IS NULL)""")
    for contract in night.config.forms.values():
        due = night.business_date + timedelta(days=contract.due_days)
        con.execute(
            """INSERT INTO deliver.issue SELECT form_id, version, ?, ?, ?, NULL
            FROM deliver.form WHERE file_sha256 IS NULL AND form = ? ORDER BY form_id""",
            [night.number, night.business_date, due, contract.form],
        )
    con.execute("COMMIT")


def _note_hashes(con: duckdb.DuckDBPyConnection, written: dict[str, tuple[str, int]]) -> None:
    """Keep the hash of every workbook that was written."""
    table = pa.table(
        {
            "form_id": pa.array(list(written), pa.string()),
            "sha256": pa.array([digest for digest, _ in written.values()], pa.string()),
        }
    )
    con.register("written", table)
    con.execute("BEGIN")
    for target in ("deliver.form", "deliver.issue"):
        con.execute(f"""UPDATE {target} t SET file_sha256 = w.sha256 FROM written w
            WHERE w.form_id = t.form_id""")
    con.execute("COMMIT")
    con.unregister("written")
