"""Target contracts: what a grid platform is told of whom, under which names and codes."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field as Key
from pydantic import field_validator, model_validator

from schemas.codes import code_list
from schemas.contract import Contract, mistake, refer
from schemas.fields import FIELD
from schemas.forms import COVERED, IDENTIFYING
from schemas.source import Identifier, Purpose

PLACES: dict[str, str] = {
    "grid_code": "网格",
    "village_code": "村（社区）",
    "dwelling_id": "房屋",
    "household_id": "户",
    "is_head": "是否户主",
}
"""Columns of `master.resident` beside the fields: where a resident belongs. Any target may know."""

Reason = Literal["dead", "moved", "merged", "ended"]
REASONS: dict[Reason, str] = {
    "dead": "死亡",
    "moved": "迁出",
    "merged": "并入他人",
    "ended": "不再登记",
}
"""Why a resident whom the target knows is marked there."""

Value = bool | int | str
_COLUMN = r"^[^\W\d]\w{0,62}$"
_TABLE = r"^([^\W\d]\w{0,62}\.)?[^\W\d]\w{0,62}$"
_PASSWORD = re.compile(r"://[^/@]*?:(?P<password>[^@]*)@")


class TargetColumn(Contract):
    """A column of the target that a field fills.

    A plain name in YAML is short for a column without more.

    Attributes:
        column: its name.
        codes: code of onegrid → code of the target, for fields with a code list; ``labels``: the
            Chinese label is written; None: the code as it is.
        otherwise: what codes that are not under `codes` become.
        format: for dates in a text column, as of strftime: ``%Y%m%d``.
    """

    column: str = Key(pattern=_COLUMN)
    codes: dict[str, Value] | Literal["labels"] | None = None
    otherwise: Value | None = None
    format: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given


class Mark(Contract):
    """The column that says that a row no longer counts. Nothing is ever deleted.

    Attributes:
        column: its name.
        active: its value for a resident in force.
        dead, moved, merged: its value for who died, no longer lives in the grids of the contract,
            or is the same person as another resident.
        ended: for whoever no source knows any more, or the contract no longer means; by default
            as `moved`.
        merged_into: column for the resident_id that goes on; None: the target has none.
        clears: fields whose columns are emptied when a row is marked, such as a number that only
            one row may carry.
    """

    column: str = Key(pattern=_COLUMN)
    active: Value
    dead: Value
    moved: Value
    merged: Value
    ended: Value | None = None
    merged_into: str | None = Key(default=None, pattern=_COLUMN)
    clears: tuple[str, ...] = ()

    def value(self, reason: Reason) -> Value:
        """What the column says for `reason`."""
        if reason == "ended" and self.ended is None:
            return self.moved
        said: Value = getattr(self, reason)
        return said


class TargetContract(Contract):
    """A table of a grid platform that is kept like the master.

    Attributes:
        target: identifier.
        label: Chinese name of the platform.
        url: SQLAlchemy URL. ``${NAME}`` comes from the environment when it is needed; a password
            may stand nowhere else. ``{home}`` and ``{config}`` are those folders.
        table: ``table`` or ``schema.table``; it must exist.
        purpose: only values whose source serves it are sent; the others stay empty.
        legal_basis: why the platform may have them.
        grids: codes of grids, or beginnings of them (a village, a town); none: every grid.
        residents: SQL condition over `master.resident` (alias r), as `FormContract.target`.
        key: the column that holds the resident_id; it must be unique.
        columns: field, or one of `PLACES` → column.
        identifies: fields (of `IDENTIFYING`) sent whatever their source may be used for.
        constants: column → value, for columns that the target wants and no field fills.
        mark: see `Mark`.
        digest: column for the md5 of what was sent, 32 characters; None: the target has none.
        version: column for the number in the outbox, which grows with every change; None: none.
        empty: ``clear``: what the master does not know is emptied at the target; ``keep``: what the
            platform has there stays.
        nightly: the nightly job tells the target what it has published; otherwise only the command
            `onegrid push` does.
        batch_rows: rows to a transaction.
        most_set_aside: rows a push sets aside at most; beyond that the contract is wrong, and the
            push stops.
    """

    target: str = Identifier
    label: str
    url: str
    table: str = Key(pattern=_TABLE)
    purpose: Purpose
    legal_basis: str
    grids: tuple[str, ...] = ()
    residents: str = "TRUE"
    key: str = Key(pattern=_COLUMN)
    columns: dict[str, TargetColumn] = Key(min_length=1)
    identifies: tuple[Literal["name", "sex", "birth_date"], ...] = ()
    constants: dict[str, Value] = {}
    mark: Mark
    digest: str | None = Key(default=None, pattern=_COLUMN)
    version: str | None = Key(default=None, pattern=_COLUMN)
    empty: Literal["clear", "keep"] = "clear"
    nightly: bool = False
    batch_rows: int = Key(default=1_000, ge=1, le=10_000)
    most_set_aside: int = Key(default=1_000, ge=0)

    @field_validator("url")
    @classmethod
    def _no_password(cls, url: str) -> str:
        found = _PASSWORD.search(url)
        if found and found["password"] and not re.fullmatch(r"\$\{\w+\}", found["password"]):
            raise ValueError("a password belongs in the environment: write ${NAME} in its place")
        return url

    @field_validator("grids")
    @classmethod
    def _are_codes(cls, grids: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [code for code in grids if not re.fullmatch(r"\d{2,15}", code)]:
            raise ValueError(f"{wrong[0]!r} is no code of a grid: 2 to 15 digits, in quotes")
        return grids

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> TargetContract:
        allowed = {*COVERED[self.purpose], *PLACES} - {"death_date"}
        for name, column in self.columns.items():
            at = ("columns", name)
            refer(name, {*FIELD, *PLACES}, "is not a field", at)
            if name == "death_date":
                raise mistake("'death_date' is not sent: who died is marked, see 'mark'", at)
            refer(name, allowed, f"is not covered by the purpose '{self.purpose}'", at)
            _check_codes(name, column)
        for name in self.mark.clears:
            refer(name, self.columns, "is not under 'columns'", ("mark", "clears"))
        for name in self.identifies:
            refer(name, set(self.columns) & set(IDENTIFYING), "is not sent", ("identifies",))
        names = [name.casefold() for name in self.written()]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise mistake(f"a column is filled twice: {', '.join(twice)}", ("columns",))
        return self

    def written(self) -> list[str]:
        """Every column of the target that this contract writes, the key first."""
        own = (self.mark.column, self.mark.merged_into, self.digest, self.version)
        return [
            self.key,
            *(column.column for column in self.columns.values()),
            *self.constants,
            *(name for name in own if name),
        ]


def _check_codes(name: str, column: TargetColumn) -> None:
    codes = FIELD[name].codes if name in FIELD else None
    at = ("columns", name)
    if column.codes is None:
        if column.otherwise is not None:
            raise mistake("'otherwise' needs 'codes'", (*at, "otherwise"))
    elif codes is None:
        raise mistake(f"'{name}' is no code, there is nothing to translate", (*at, "codes"))
    elif column.codes != "labels":
        known = code_list(codes).values
        for code in column.codes:
            refer(code, known, f"is not a code of '{codes}'", (*at, "codes", code))
        missing = [f"{c} {label}" for c, label in known.items() if c not in column.codes]
        if missing and column.otherwise is None:
            raise mistake(
                f"no translation of {', '.join(missing)}; add them, or 'otherwise'", (*at, "codes")
            )
    if column.format is not None and (name not in FIELD or FIELD[name].type != "DATE"):
        raise mistake("'format' is for dates", (*at, "format"))
