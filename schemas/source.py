"""Source maps: what one feed of one department holds, under which names, and what is left out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Key
from pydantic import model_validator

from schemas.contract import Contract, refer
from schemas.fields import FIELD

Department = Literal["civil_affairs", "social_security", "family_planning", "community", "grid"]
Purpose = Literal["population", "assistance", "elderly", "family_planning", "migrant"]
Identifier = Key(pattern=r"^[a-z][a-z0-9_]*$")

_NO_COLUMN = "is not under 'columns'"

DEPARTMENT_LABELS: dict[str, str] = {
    "civil_affairs": "民政",
    "social_security": "人社",
    "family_planning": "卫健",
    "community": "村社台账",
    "grid": "网格",
}


class SourceColumn(Contract):
    """A column that is pulled.

    Attributes:
        aliases: header words or column names under which it is known, best first; matched after
            removing spaces, line breaks and brackets, and folding width and case.
        group: for workbooks, the key under ``groups`` of the header group it stands under: the
            words are then those of the group followed by an alias (配偶 over 姓名, or 配偶姓名).
        required: without it the source (database) or sheet (ledger) is held back.
    """

    aliases: tuple[str, ...]
    group: str | None = None
    required: bool = False


class Excluded(Contract):
    """A column the source has and onegrid does not take (data minimisation)."""

    column: str
    why: str


class FactMap(Contract):
    """A domain fact of a person: a row of `std.benefit`, `std.insurance` or `std.family`.

    `values` maps a column of that table to a column of this source, `constants` to a fixed text.
    """

    table: Literal["benefit", "insurance", "family"]
    values: dict[str, str] = {}
    constants: dict[str, str] = {}


class PersonMap(Contract):
    """One person in a row of the source; a marriage has two, a mother's row may have five.

    Attributes:
        role: becomes part of the record's key, e.g. ``self``, ``husband``, ``child1``.
        fields: canonical field → column of this source.
        constants: canonical field → fixed value (written as the source would spell it).
        present_if: the person exists only where one of these columns is filled.
        household_key: column with the source's own household number.
        relation_of: for documentation of kin inside a row, the role this person is kin to.
        facts: domain facts of this person.
    """

    role: str = Identifier
    fields: dict[str, str]
    constants: dict[str, str] = {}
    present_if: tuple[str, ...] = ()
    household_key: str | None = None
    relation_of: str | None = None
    facts: tuple[FactMap, ...] = ()


class Place(Contract):
    """A column of the grid register that places a dwelling; see `SourceMap.register`."""

    village_code: str
    village_name: str
    grid_code: str
    grid_name: str
    address: str
    dwelling_key: str
    household_key: str
    head_name: str


class SourceMap(Contract):
    """One source.

    Attributes:
        source: its name, also the name of `raw.<source>`.
        label: Chinese name.
        department: who owns it and receives its defects.
        kind: ``database`` (a table or view), ``workbook`` (a family of Excel, text or zip files) or
            ``returns`` (what came back on forms, kept in the journal).
        database: for databases, the key under ``databases`` in district.yaml.
        table: for databases, the table or view.
        files: for workbooks, a glob below the district's ledger folder. What a file is, its content
            tells and not its suffix: ``population/*`` takes all that comes.
        passwords: for workbooks, names of environment variables; each holds a password that is
            tried on files that ask for one.
        sheets: for workbooks, a regular expression that the sheet's title must match.
        village_from_file: for workbooks, a regular expression with one group: the village's name.
        key: columns that name a row for good. Where they are empty, and for workbooks without any,
            the row is keyed by ``natural_key`` and its occurrence.
        natural_key: columns that identify a person in the row when there is no key.
        observed: the column that dates the row, or None: the date of the pull (for workbooks the
            date in the title rows or of the file).
        authority: 0–100, whose word counts; `field_authority` overrides it for single fields.
        purposes: what the values may be used for on forms.
        groups: for workbooks, people who stand in columns of a resident's row: name → words of
            the header over those columns, best first. Groups that share a word (子女) take its
            repetitions in order.
        columns, excluded, persons: see those classes.
        register: set for the grid register only.
        watermark: for databases, the column with the day on which a row was last written. Between
            full compares only rows from shortly before its newest value on are asked for.
        overlap_days: how far before.
        compare_every: in every so manieth pull all rows are compared, whatever their watermark.
        minimum_rows: fewer rows than this mean that the source is broken, not empty.
        maximum_vanished: the share of known rows that may vanish in one night before the source is
            held back.
    """

    source: str = Identifier
    label: str
    department: Department
    kind: Literal["database", "workbook", "returns"]
    database: str | None = None
    table: str | None = None
    files: str | None = None
    sheets: str = ".*"
    village_from_file: str | None = None
    passwords: tuple[Annotated[str, Key(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = ()
    key: tuple[str, ...] = ()
    natural_key: tuple[str, ...] = ()
    observed: str | None = None
    authority: int = Key(default=50, ge=0, le=100)
    field_authority: dict[str, int] = {}
    purposes: tuple[Purpose, ...]
    groups: dict[str, tuple[str, ...]] = {}
    columns: dict[str, SourceColumn]
    excluded: tuple[Excluded, ...] = ()
    persons: tuple[PersonMap, ...] = ()
    register_: Place | None = Key(default=None, alias="register")
    watermark: str | None = None
    overlap_days: int = Key(default=3, ge=0)
    compare_every: int = Key(default=7, ge=1)
    minimum_rows: int = 1
    maximum_vanished: float = 0.5

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> SourceMap:
        known = set(self.columns)
        for number, person in enumerate(self.persons):
            person_at = ("persons", number)
            for part, fields in (("fields", person.fields), ("constants", person.constants)):
                for name in fields:
                    refer(name, FIELD, "is not a field", (*person_at, part, name))
            for name, column in person.fields.items():
                refer(column, known, _NO_COLUMN, (*person_at, "fields", name))
            for column in person.present_if:
                refer(column, known, _NO_COLUMN, (*person_at, "present_if"))
            for place, fact in enumerate(person.facts):
                for name, column in fact.values.items():
                    refer(column, known, _NO_COLUMN, (*person_at, "facts", place, "values", name))
        for name, own in self.columns.items():
            if own.group:
                at = ("columns", name, "group")
                refer(own.group, self.groups, "is not under 'groups'", at)
        for part in ("key", "natural_key"):
            for column in getattr(self, part):
                refer(column, known, _NO_COLUMN, (part,))
        for part in ("observed", "watermark"):
            if column := getattr(self, part):
                refer(column, known, _NO_COLUMN, (part,))
        if self.watermark and self.kind != "database":
            raise ValueError("only a database source has a 'watermark'")
        if self.kind == "database" and not (self.database and self.table and self.key):
            raise ValueError("a database source needs 'database', 'table' and 'key'")
        if self.kind == "returns" and self.key != ("row_key",):
            raise ValueError("a source of returned forms has the key 'row_key'")
        if self.kind == "workbook" and not self.files:
            raise ValueError("a workbook source needs 'files'")
        return self
