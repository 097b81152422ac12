"""Write a drafted source map: YAML with reasons, marks for confirmation and a masked preview."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from pipelines.draft import texts
from pipelines.draft.perhaps import label
from pipelines.draft.propose import Proposal
from pipelines.draft.sample import Sample
from pipelines.draft.words import SELF
from pipelines.privacy import mask
from schemas.contract import UNCONFIRMED
from schemas.fields import FIELD
from schemas.headers import header_words

_PLAIN = re.compile(r"[A-Za-z\u4e00-\u9fff_][\w\u4e00-\u9fff/]*")
_SPECIAL = frozenset("y n yes no true false on off null nan inf".split())
_PREVIEW = 10
_PREVIEW_WIDTH = 20
_ROLES = {"id_number": "id", "birth_date": "birth", "marital_status": "status"}


@dataclass(frozen=True)
class Target:
    """Where the draft's source lies.

    Attributes:
        source: its name.
        database, table: for databases.
        files, village_from_file: for workbooks, the glob and where the village's name stands.
    """

    source: str
    database: str | None = None
    table: str | None = None
    files: str | None = None
    village_from_file: str | None = None


def draft_yaml(sample: Sample, proposals: list[Proposal], target: Target) -> str:
    """The draft. As long as a mark stands in it, the configuration's loader refuses it."""
    names = _names(proposals)
    used = [p for p in proposals if p.place in names]
    key = [names[p.place] for p in used if p.slot.name == "key"]
    natural = [n for n in ("name", "id_number") if n in names.values()]
    observed = next((names[p.place] for p in used if p.slot.name == "updated_on"), None)
    lines = [
        *texts.preamble(_safe(sample.name), sample.rows),
        f"source: {target.source}",
        f"label: {UNCONFIRMED}  # {texts.LABEL}",
        f"department: {UNCONFIRMED}  # {texts.DEPARTMENT}",
    ]
    if target.database is not None:
        lines += ["kind: database", f"database: {target.database}", f"table: {_text(target.table)}"]
        lines += [f"key: [{', '.join(key)}]" if key else f"key: [{UNCONFIRMED}]  # {texts.KEY}"]
    else:
        sheets = "|".join(re.escape(title) for title in sample.sheets)
        lines += ["kind: workbook", f"files: {_text(target.files)}  # {texts.FILES}"]
        if target.village_from_file is not None:
            lines.append(f"village_from_file: {_quoted(target.village_from_file)}")
        lines += [f"sheets: {_quoted(f'^(?:{sheets})$')}  # {texts.SHEETS}"]
    if natural:
        lines.append(f"natural_key: [{', '.join(natural)}]")
    if observed:
        lines.append(f"observed: {observed}")
    lines += [f"purposes: [{UNCONFIRMED}]  # {texts.PURPOSES}", "columns:"]
    lines += [_column(sample, proposal, names[proposal.place]) for proposal in used]
    if not used:
        lines[-1] = f"columns: {{}}  # {texts.NOTHING}"
    left = [proposal for proposal in proposals if proposal.place not in names]
    if left:
        lines += ["excluded:", *(_excluded(sample, proposal) for proposal in left)]
    lines += _persons(used, names)
    lines += _preview(sample)
    return "\n".join(lines) + "\n"


def _names(proposals: list[Proposal]) -> dict[int, str]:
    """Place → the column's name in the map, for the columns that are pulled."""
    people = header_words().people
    names: dict[int, str] = {}
    for proposal in proposals:
        role, name = proposal.slot
        if not name or (role != SELF and not people[role].own):
            continue  # somebody else's data: nobody has asked for it
        wanted = name if role == SELF else f"{role}_{_ROLES.get(name, name)}"
        wanted = "row_key" if wanted == "key" else wanted
        number, free = 1, wanted
        while free in names.values():
            number += 1
            free = f"{wanted}_{number}"
        names[proposal.place] = free
    return names


def _column(sample: Sample, proposal: Proposal, name: str) -> str:
    column, claim = sample.columns[proposal.place], proposal.claim
    assert claim is not None
    aliases = ", ".join(_text(word) for word in (column.word, column.comment) if word)
    parts = [f"aliases: [{aliases}]"]
    if name in {"name", "id_number"} or column.is_key:
        parts.append("required: true")
    if not proposal.is_sure:
        parts.append(f"confirm: {UNCONFIRMED}")
    why = f"{claim.confidence:.2f} {claim.reason}"
    if proposal.rival:
        why += f"；{texts.rival(_safe(proposal.rival))}"
    return f"  {name}: {{{', '.join(parts)}}}  # {why}"


def _excluded(sample: Sample, proposal: Proposal) -> str:
    word = _text(sample.columns[proposal.place].word)
    claim = proposal.claim or proposal.nearest
    if claim is None:
        hint = proposal.note or texts.NOTHING
    elif not claim.slot.name:
        hint = claim.reason
    else:
        hint = f"{texts.nearest(label(claim.slot), claim.confidence)}：{claim.reason}"
    if proposal.rival:
        hint += f"；{texts.rival(_safe(proposal.rival))}"
    return f"  - {{column: {word}, why: {UNCONFIRMED}}}  # {hint}"


def _persons(used: list[Proposal], names: dict[int, str]) -> list[str]:
    people: dict[str, dict[str, str]] = {}
    for proposal in used:
        role, name = proposal.slot
        if name in FIELD:
            people.setdefault(role, {})[name] = names[proposal.place]
    register = {p.slot.name: names[p.place] for p in used}
    if {"grid_code", "village_code", "dwelling_key"} <= register.keys():
        return _register(register)
    if not people:
        return []
    lines = ["persons:"]
    own = names.values()
    facts = [n for n in ("amount", "since", "until", "status", "marriage_date") if n in own]
    for role, fields in people.items():
        lines.append(f"  - role: {role}")
        if "household_no" in own:
            lines.append("    household_key: household_no")
        telling = [fields[n] for n in ("name", "id_number") if n in fields]
        if role != SELF and telling:
            lines.append(f"    present_if: [{', '.join(telling)}]")
        if (sex := _sex(role)) and "sex" not in fields:
            lines.append(f"    constants: {{sex: {sex}}}")
        lines.append("    fields:")
        lines += [f"      {name}: {column}" for name, column in fields.items()]
    if facts:
        values = ", ".join(f"{name}: {name}" for name in facts)
        lines += [f"    # {texts.FACTS}", "    # facts:", "    #   - table: benefit"]
        lines += [f"    #     values: {{{values}}}", "    #     constants: {kind: …}"]
    return lines


def _sex(role: str) -> str | None:
    return header_words().people[role].sex if role != SELF else None


def _register(columns: dict[str, str]) -> list[str]:
    keys = ("village_code", "village_name", "grid_code", "grid_name", "address", "dwelling_key")
    lines = [f"register:  # {texts.REGISTER}"]
    wanted = [*zip(keys, keys, strict=True)]
    wanted += [("household_key", "household_no"), ("head_name", "head_name")]
    return lines + [f"  {key}: {columns.get(name, UNCONFIRMED)}" for key, name in wanted]


def _preview(sample: Sample) -> list[str]:
    lines = [f"# {texts.PREVIEW}"]
    rows = [[_safe(column.word)[:_PREVIEW_WIDTH] for column in sample.columns]]
    for row in list(zip(*sample.values, strict=True))[:_PREVIEW]:
        rows.append([_safe(mask(value) or "")[:_PREVIEW_WIDTH] for value in row])
    return lines + ["#   " + " | ".join(row) for row in rows]


def _text(value: str | None) -> str:
    """A scalar as YAML in a flow collection reads it back."""
    value = value or ""
    if _PLAIN.fullmatch(value) and value.casefold() not in _SPECIAL:
        return value
    return _quoted(value)


def _quoted(value: str) -> str:
    """YAML allows fewer characters than JSON, and nobody sees those that do not print."""
    shown = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in shown)


def _safe(value: str) -> str:
    """On one line: it stands in a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


def write_draft(text: str, out: Path) -> None:
    """Write the draft, or leave what is there.

    Raises:
        FileExistsError: somebody may have worked on it.
    """
    with out.open("x", encoding="utf-8") as file:
        file.write(text)
