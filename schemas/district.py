"""The district's own configuration (`district.yaml`): where its sources lie, how nights run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Key

from schemas.contract import Contract


class Limits(Contract):
    """What a night may use.

    Attributes:
        memory: DuckDB's memory limit, e.g. ``4GB``.
        landing_memory: the limit while sources are pulled, however large they are.
        linking_memory: the limit while records are compared and joined.
        threads: worker threads; 0: ``ONEGRID_THREADS``, else as many as the machine has.
        spill: limit of DuckDB's temporary files.
        batch_rows: rows pulled from a source at a time.
        statement_seconds: after which a source's server gives up what it was asked.
    """

    memory: str = "4GB"
    landing_memory: str = "550MB"
    linking_memory: str = "800MB"
    threads: int = Key(default=0, ge=0)
    spill: str = "40GB"
    batch_rows: int = Key(default=50_000, ge=1)
    statement_seconds: int = Key(default=1_800, ge=1)


class Linkage(Contract):
    """How pairs are judged, and how many of them people are asked about.

    Attributes:
        accept: match probability from which a pair of the probabilistic tier joins by itself.
        review: match probability from which a pair waits for a person.
        seed: of the samples a model is trained on.
        review_budget: items of the review queue at most, the most valuable ones.
    """

    accept: float = 0.99
    review: float = 0.5
    seed: int = 20261101
    review_budget: int = Key(default=2_000, ge=0)


class District(Contract):
    """One district.

    Attributes:
        name: Chinese name, printed on forms and the report.
        township_code: 9 digits, GB/T 2260 plus GB/T 10114.
        databases: logical name → SQLAlchemy URL. ``${NAME}`` is replaced from the environment,
            ``{home}`` and ``{config}`` by those folders. Passwords belong in the environment.
        ledgers: folder with the workbooks.
        journal: SQLAlchemy URL of the journal; default: SQLite in the home folder.
        keep_nights: how many published nights are kept.
        keep_originals: days for which the original of a ledger is kept after it was last in the
            ledger folder; one in force is kept longer.
        timezone: business time zone.
    """

    name: str
    township_code: str = Key(pattern=r"^\d{9}$")
    databases: dict[str, str]
    ledgers: str = "{home}/inbox"
    journal: str = "sqlite:///{home}/journal/journal.sqlite"
    sources: Literal["packaged", "own"] = "packaged"
    forms: Literal["packaged", "own"] = "packaged"
    keep_nights: int = Key(default=7, ge=1)
    keep_originals: int = Key(default=365, ge=0)
    timezone: str = "Asia/Shanghai"
    limits: Limits = Limits()
    linkage: Linkage = Linkage()
