"""Read a district's configuration: district.yaml, its source maps, forms and targets."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pipelines.errors import ConfigError
from pipelines.home import Home
from schemas.contract import ContractError, parse_contract
from schemas.district import District
from schemas.forms import FormContract
from schemas.source import SourceMap
from schemas.suites import RULES
from schemas.tables import TABLES
from schemas.targets import TargetContract

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PLACE = re.compile(r"(?<!\$)\{(home|config)\}")
CODE_VERSION = "7"
"""Raised whenever cleaning, linkage or survivorship change what they make of the same input."""

FORM_SECRET = "ONEGRID_FORM_SECRET"
"""Environment variable from which the passwords of encrypted forms are made."""
SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Config:
    """A district ready to run.

    Attributes:
        district: parsed district.yaml.
        sources: source maps by name, in alphabetical order.
        forms: form contracts by name, in the order in which they ask.
        databases: logical name → SQLAlchemy URL with placeholders filled (may hold a password).
        ledgers: folder of the workbooks.
        journal_url: SQLAlchemy URL of the journal.
        fingerprint: hash of all contracts that make the master and its forms, and of the code
            version; a change of it makes a full night.
        targets: contracts of grid platforms by name; their addresses wait for `from_environment`.
    """

    district: District
    sources: dict[str, SourceMap]
    forms: dict[str, FormContract]
    databases: dict[str, str] = field(repr=False)
    ledgers: Path
    journal_url: str = field(repr=False)
    fingerprint: str
    targets: dict[str, TargetContract] = field(default_factory=dict)


def load_config(home: Home, folder: Path | None = None) -> Config:
    """The configuration in `folder`, else ``ONEGRID_CONFIG``, else the packaged synthetic district.

    Raises:
        ConfigError: a file is missing or wrong; the message names file, line, key and the nearest
            valid key, or the environment variable that is not set.
    """
    if folder is None and (named := os.environ.get("ONEGRID_CONFIG")):
        folder = Path(named)
    packaged = files("schemas")
    root: Traversable = folder if folder is not None else packaged
    origin = str(folder) if folder is not None else "schemas"
    try:
        text = (root / "district.yaml").read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{origin}/district.yaml cannot be read: {error.strerror}") from error
    try:
        district = parse_contract(text, f"{origin}/district.yaml", District)
        own_sources = root if district.sources == "own" else packaged
        own_forms = root if district.forms == "own" else packaged
        sources = {
            contract.source: contract
            for name, body in _yaml_files(own_sources / "sources")
            for contract in [parse_contract(body, name, SourceMap)]
        }
        forms = {
            contract.form: contract
            for name, body in _yaml_files(own_forms / "forms")
            for contract in [parse_contract(body, name, FormContract)]
        }
        targets = {
            contract.target: contract
            for name, body in (_yaml_files(root / "targets") if (root / "targets").is_dir() else ())
            for contract in [parse_contract(body, name, TargetContract)]
        }
    except ContractError as error:
        raise ConfigError(str(error)) from error

    def fill(value: str) -> str:
        return from_environment(_fill_places(value, home, folder), f"{origin}/district.yaml")

    for source in sources.values():
        if source.database and source.database not in district.databases:
            raise ConfigError(
                f"{origin}/district.yaml: source {source.source} needs '{source.database}' "
                f"under 'databases'; there are: {', '.join(district.databases) or 'none'}"
            )
    if (locked := [form for form in forms.values() if form.encrypted]) and (
        len(os.environ.get(FORM_SECRET, "")) < SHORTEST_SECRET
    ):
        raise ConfigError(
            f"form {locked[0].form} is encrypted: the environment variable {FORM_SECRET} must be "
            f"set to at least {SHORTEST_SECRET} characters"
        )
    digest = hashlib.sha256(CODE_VERSION.encode())
    for contract in (*sources.values(), *forms.values()):
        digest.update(contract.model_dump_json().encode())
    for table in TABLES:
        digest.update(table.ddl().encode())
    digest.update(repr(RULES).encode())
    return Config(
        district=district,
        sources=dict(sorted(sources.items())),
        forms={form.form: form for form in sorted(forms.values(), key=lambda f: (f.order, f.form))},
        databases={name: fill(url) for name, url in district.databases.items()},
        ledgers=Path(fill(district.ledgers)),
        journal_url=fill(district.journal),
        fingerprint=digest.hexdigest()[:16],
        targets={
            name: target.model_copy(update={"url": _fill_places(target.url, home, folder)})
            for name, target in targets.items()
        },
    )


def _yaml_files(folder: Traversable) -> list[tuple[str, str]]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    found = [item for item in folder.iterdir() if item.name.endswith(".yaml")]
    return [(str(item), item.read_text("utf-8")) for item in sorted(found, key=lambda i: i.name)]


def from_environment(value: str, origin: str) -> str:
    """`value` with every ``${NAME}`` replaced by the environment variable.

    Raises:
        ConfigError: one is not set; the message names `origin` and the variable.
    """

    def replace(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"{origin}: the environment variable {match[1]} is not set")
        return os.environ[match[1]]

    return _VARIABLE.sub(replace, value)


def _fill_places(value: str, home: Home, folder: Path | None) -> str:
    places = {"home": home.root, "config": (folder or home.root).resolve()}
    return _PLACE.sub(lambda match: str(places[match[1]]), value)
