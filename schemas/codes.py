"""Code lists: canonical values, spellings that mean one of them, and junk that means nothing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from schemas.contract import Contract, parse_contract


class CodeList(Contract):
    """One code list.

    Attributes:
        name: the name fields refer to.
        label: Chinese title.
        standard: number of the standard, or where the list comes from.
        values: code → Chinese label, in the order in which a form offers them.
        offered: codes a form offers; empty: all of `values`.
        fixes: other spelling → code.
        junk: spellings that carry no information and become empty.
    """

    name: str
    label: str
    standard: str
    values: dict[str, str]
    offered: tuple[str, ...] = ()
    fixes: dict[str, str] = {}
    junk: tuple[str, ...] = ()

    def spelling(self) -> dict[str, str]:
        """Every known spelling (code, label, fix) → code."""
        return {
            **{code: code for code in self.values},
            **{label: code for code, label in self.values.items()},
            **self.fixes,
        }


@cache
def code_list(name: str) -> CodeList:
    """The packaged code list `name`.

    Raises:
        FileNotFoundError: there is no such list.
        ContractError: the file does not fit `CodeList`.
    """
    resource = files("schemas") / "codes" / f"{name}.yaml"
    return parse_contract(resource.read_text("utf-8"), f"schemas/codes/{name}.yaml", CodeList)
