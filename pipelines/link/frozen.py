"""Frozen models: how one is kept, found again, and put in force.

A model is a folder ``models/link-<version>/``: ``parameters.json`` and one Parquet file of term
frequencies a column. The version is a hash over everything in it but the night it was trained on,
so the same input makes the same version and the same bytes. The file ``models/in_force`` names the
one that nights use.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import ModelUnusable
from pipelines.home import Home
from pipelines.link import model
from pipelines.link.context import SHARED_PHONES

FORMAT = 2
"""Raised whenever a reader of models would misunderstand an older one."""

_OUTSIDE = ("version", "trained_on", "files")
"""What the version does not depend on: its own name, the night, and how Parquet packed it."""


@dataclass(frozen=True)
class Model:
    """A frozen model, the folder that holds it, and all that ``parameters.json`` says."""

    version: str
    folder: Path
    prior: float
    parameters: model.Parameters
    body: dict[str, Any]

    @property
    def terms(self) -> dict[str, str]:
        """Column → SQL of the relation with its term frequencies (the column, ``tf_<column>``).

        `SHARED_PHONES` → telephones that several names share (phone, names).
        """
        named = (*model.TERMS, SHARED_PHONES)
        return {term: _sql(self.folder / f"terms_{term}.parquet") for term in named}

    @property
    def night(self) -> int:
        """Number of the night it was trained on."""
        return int(self.body["trained_on"]["night"])


def freeze(home: Home, body: dict[str, Any], terms: dict[str, pa.Table]) -> Model:
    """Keep a model; built aside and moved into place, unless the same one is there already.

    Args:
        home: whose ``models/`` it goes to.
        body: ``trained_on``, ``prior``, ``parameters`` and whatever else should be remembered.
        terms: column → its values and frequencies, in the order of the values.
    """
    body = {
        "format": FORMAT,
        "made_with": {name: version_of(name) for name in ("onegrid", "splink", "duckdb")},
        "comparisons": fingerprint(),
        **body,
        "terms": {name: _content(table) for name, table in terms.items()},
    }
    hashed = {name: value for name, value in body.items() if name not in _OUTSIDE}
    digest = hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()
    version = f"link-{digest[:12]}"
    with suppress(ModelUnusable):
        return load(home, version)
    beside = home.models / "training"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    files = {}
    for name, table in terms.items():
        file = beside / f"terms_{name}.parquet"
        pq.write_table(table, file, compression="zstd")
        files[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
    whole = {"version": version, **body, "files": files}
    (beside / "parameters.json").write_text(json.dumps(whole, indent=1), "utf-8")
    folder = home.models / version
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(beside, folder)
    return load(home, version)


def load(home: Home, version: str) -> Model:
    """The model of that version.

    Raises:
        ModelUnusable: it is not there, not whole, or made for another onegrid; the message names
            the folder and what to do.
    """
    folder = home.models / version
    try:
        body = json.loads((folder / "parameters.json").read_text("utf-8"))
        problem = _problem(folder, body)
        if problem is None:
            parameters = {
                comparison: {level: (pair[0], pair[1]) for level, pair in levels.items()}
                for comparison, levels in body["parameters"].items()
            }
            return Model(version, folder, body["prior"], parameters, body)
    except FileNotFoundError as error:
        problem = f"{Path(error.filename).name} is missing" if folder.exists() else "is not there"
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        problem = f"parameters.json cannot be read ({type(error).__name__})"
    raise ModelUnusable(
        f"linkage model {folder}: {problem}. Put the folder back from a backup, take another with "
        "`onegrid link use VERSION` (`onegrid link models` lists them), or `onegrid link train`"
    )


def _problem(folder: Path, body: dict[str, Any]) -> str | None:
    """What keeps a model from being used; None: nothing does."""
    if body.get("format") != FORMAT:
        return f"has format {body.get('format')}, this onegrid reads {FORMAT}"
    if body["version"] != folder.name:
        return f"says it is {body['version']}; the folder was renamed or mixed up"
    if body["comparisons"] != fingerprint():
        return "was trained for other comparisons than this onegrid makes"
    for name in ("splink", "duckdb"):
        made, here = body["made_with"][name], version_of(name)
        if made.split(".")[0] != here.split(".")[0]:
            return f"was made with {name} {made}, here is {here}"
    for name, digest in body["files"].items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            return f"{name} is damaged"
    hashed = {name: value for name, value in body.items() if name not in _OUTSIDE}
    digest = hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()
    if body["version"] != f"link-{digest[:12]}":
        return "parameters.json was changed by hand"
    return None


def versions(home: Home) -> list[str]:
    """Versions of all folders that hold, or should hold, a model."""
    return sorted(folder.name for folder in home.models.glob("link-*") if folder.is_dir())


def in_force(home: Home) -> str | None:
    """Version of the model that nights use; None: the first night will train one."""
    try:
        return (home.models / "in_force").read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def put_in_force(home: Home, chosen: Model) -> None:
    """From now on nights use `chosen`; the first that does so looks at every record."""
    beside = home.models / "in_force.new"
    beside.write_text(f"{chosen.version}\n", "utf-8")
    os.replace(beside, home.models / "in_force")


def fingerprint() -> str:
    """Hash of what is compared: a model must not score with comparisons it was not trained for."""
    said = [
        [c.name, c.missing, [[level.name, level.sql, level.term] for level in c.levels]]
        for c in model.COMPARISONS
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _content(table: pa.Table) -> dict[str, Any]:
    digest = hashlib.sha256()
    for column in table.columns:
        if pa.types.is_string(column.type):
            digest.update("\0".join(column.to_pylist()).encode())
        else:
            digest.update(column.to_numpy().tobytes())
    return {"values": table.num_rows, "sha256": digest.hexdigest()}


def _sql(path: Path) -> str:
    quoted = str(path).replace("'", "''")
    return f"read_parquet('{quoted}')"
