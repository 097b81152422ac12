"""The canonical fields of a resident: meaning, sensitivity, and how the best value is chosen.

One row of `FIELDS` drives the columns of `std.record`, `master.resident` and `master.provenance`,
the survivorship SQL, the forms and the generated field reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sensitivity(StrEnum):
    """How a value must be shown outside the owning grid's form (PIPL art. 28, GB/T 35273)."""

    OPEN = "open"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


class Survivor(StrEnum):
    """Which of several values becomes the master's (survivorship rule).

    AUTHORITY: the source with the highest authority for the field, then the newest.
    NEWEST: the newest observation, then the highest authority.
    MOST_FREQUENT: the value most records agree on, then the highest authority, then the newest.
    """

    AUTHORITY = "authority"
    NEWEST = "newest"
    MOST_FREQUENT = "most_frequent"


@dataclass(frozen=True)
class Field:
    """One fact about a resident.

    Attributes:
        name: column name in every storey.
        label: what a grid worker reads (Chinese).
        meaning: one English sentence.
        type: DuckDB type of the standardised value.
        sensitivity: see `Sensitivity`.
        survivor: see `Survivor`.
        fresh_days: a value observed longer ago is stale (to verify); None: never stale.
        alone_days: the same for a value that one record alone holds, where nothing else vouches for
            it; None: it is as good as any other.
        codes: name of the code list in `schemas/codes/`, if the value is a code.
        standard: the national standard or other origin of the definition.
    """

    name: str
    label: str
    meaning: str
    type: str = "VARCHAR"
    sensitivity: Sensitivity = Sensitivity.PERSONAL
    survivor: Survivor = Survivor.AUTHORITY
    fresh_days: int | None = None
    alone_days: int | None = None
    codes: str | None = None
    standard: str = ""


_YEAR = 365

FIELDS: tuple[Field, ...] = (
    Field("name", "姓名", "Full name as registered.", survivor=Survivor.MOST_FREQUENT),
    Field("former_name", "曾用名", "A name used before; several have 、 between them."),
    Field("sex", "性别", "Sex.", codes="sex", standard="GB/T 2261.1-2003"),
    Field("birth_date", "出生日期", "Date of birth, Gregorian.", type="DATE"),
    Field(
        "id_number",
        "身份证号",
        "Citizen identification number, 18 characters, check digit valid.",
        sensitivity=Sensitivity.SENSITIVE,
        standard="GB 11643-1999",
    ),
    Field("ethnic_group", "民族", "Ethnic group.", codes="ethnic_group", standard="GB/T 3304-1991"),
    Field(
        "relation",
        "与户主关系",
        "Kinship to the head of the household.",
        survivor=Survivor.NEWEST,
        fresh_days=3 * _YEAR,
        codes="relation",
        standard="GB/T 4761-2008",
    ),
    Field(
        "marital_status",
        "婚姻状况",
        "Marital status.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=2 * _YEAR,
        codes="marital_status",
        standard="GB/T 2261.2-2003",
    ),
    Field(
        "education",
        "文化程度",
        "Highest education level.",
        survivor=Survivor.NEWEST,
        fresh_days=5 * _YEAR,
        codes="education",
        standard="GB/T 4658-2006",
    ),
    Field(
        "political_status",
        "政治面貌",
        "Political affiliation.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=3 * _YEAR,
        codes="political_status",
        standard="GB/T 4762-1984",
    ),
    Field(
        "phone",
        "联系电话",
        "Telephone number at which the resident is reached, digits only.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=18 * 30,
        alone_days=6 * 30,
    ),
    Field(
        "address",
        "现住址",
        "Where the resident lives now, from village down to room.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=2 * _YEAR,
    ),
    Field("hukou_address", "户籍地址", "Address of household registration.", fresh_days=5 * _YEAR),
    Field(
        "hukou_type",
        "户口性质",
        "Agricultural or non-agricultural household registration.",
        codes="hukou_type",
    ),
    Field(
        "residence_type",
        "居住类型",
        "How the resident lives here: registered and present, migrant, registered but away.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="residence_type",
    ),
    Field(
        "employer",
        "工作单位",
        "Employer or kind of work.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
    ),
    Field(
        "pension_insurance",
        "养老保险",
        "Pension scheme the resident belongs to.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="pension_insurance",
    ),
    Field(
        "medical_insurance",
        "医疗保险",
        "Medical scheme the resident belongs to.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="medical_insurance",
    ),
    Field(
        "disability_type",
        "残疾类别",
        "Kind of disability on the disability certificate.",
        sensitivity=Sensitivity.SENSITIVE,
        codes="disability_type",
        standard="GB/T 2261.3-2003",
    ),
    Field(
        "disability_grade",
        "残疾等级",
        "Grade of disability, 1 (gravest) to 4.",
        sensitivity=Sensitivity.SENSITIVE,
        codes="disability_grade",
        standard="GB/T 26341-2010",
    ),
    Field(
        "children_count",
        "子女数",
        "Number of living children.",
        type="INTEGER",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
    ),
    Field(
        "health",
        "健康状况",
        "State of health.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="health",
        standard="GB/T 2261.3-2003",
    ),
    Field(
        "self_care",
        "自理能力",
        "Whether the resident manages daily life alone, with aid, or with nursing.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="self_care",
        standard="MZ 008-2001",
    ),
    Field(
        "assistance",
        "救助类别",
        "Social assistance that the resident's household receives.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="assistance",
    ),
    Field(
        "old_age_allowance",
        "高龄津贴",
        "Bracket of the old-age allowance that the resident receives.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="old_age_allowance",
    ),
    Field(
        "arrival_date",
        "来本地日期",
        "Since when a migrant has lived here.",
        type="DATE",
        survivor=Survivor.NEWEST,
        fresh_days=5 * _YEAR,
        standard="GA/T 1223",
    ),
    Field(
        "stay_reason",
        "居住事由",
        "Why a migrant lives here.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
        codes="stay_reason",
    ),
    Field(
        "landlord",
        "房东（姓名、电话）",
        "Who lets the dwelling, and the telephone number.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
    ),
    Field(
        "school",
        "就读学校",
        "School or kindergarten that a child attends.",
        survivor=Survivor.NEWEST,
        fresh_days=_YEAR,
    ),
    Field(
        "guardian",
        "监护人（姓名、电话）",
        "Who looks after a child, and the telephone number.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=2 * _YEAR,
    ),
    Field(
        "concern",
        "问题诉求",
        "What the household asks the community to settle, in its own words.",
        sensitivity=Sensitivity.SENSITIVE,
        survivor=Survivor.NEWEST,
        fresh_days=60,
    ),
    Field(
        "death_date",
        "死亡日期",
        "Date of death; empty for the living.",
        type="DATE",
        sensitivity=Sensitivity.SENSITIVE,
    ),
)

FIELD: dict[str, Field] = {field.name: field for field in FIELDS}
