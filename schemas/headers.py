"""Header words: what departments and villages call the columns that onegrid knows."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from pydantic import Field as Key
from pydantic import model_validator

from schemas.contract import Contract, parse_contract, refer
from schemas.fields import FIELD


class Other(Contract):
    """A column that is pulled and is no field: its kind (date, number, code or a code list)."""

    kind: str
    words: tuple[str, ...]


class Beside(Contract):
    """Somebody in a row beside its own person.

    Attributes:
        words: words in front of a column's own.
        own: such a person gets a record.
        sex: where the words say it.
    """

    words: tuple[str, ...]
    own: bool = False
    sex: str | None = None


class Headers(Contract):
    """Header words.

    Attributes:
        meanings: field → words.
        others: column that is no field → its kind and words.
        register: key of `register` in a source map → words.
        people: role → words in front.
        left_out: words of columns that are not pulled.
    """

    meanings: dict[str, tuple[str, ...]]
    others: dict[str, Other]
    register_: dict[str, tuple[str, ...]] = Key(alias="register")
    people: dict[str, Beside]
    left_out: tuple[str, ...]

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Headers:
        for name in self.meanings:
            refer(name, FIELD, "is not a field", ("meanings", name))
        return self


@cache
def header_words() -> Headers:
    """The packaged header words.

    Raises:
        ContractError: the file does not fit `Headers`.
    """
    text = (files("schemas") / "headers.yaml").read_text("utf-8")
    return parse_contract(text, "schemas/headers.yaml", Headers)
