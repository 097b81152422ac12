"""Read a YAML contract into its model; a mistake names file, line and the nearest valid key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Hashable, Iterable
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

# libyaml's parser, where PyYAML carries it, is ten times as fast: every command reads 40 contracts.
_Parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOL = "tag:yaml.org,2002:bool"


class _Loader(_Parser):  # type: ignore[misc, valid-type]
    """YAML in which only true and false are truths, as in YAML 1.2: columns are called ``no``."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
        for first, resolvers in _Parser.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF")

UNCONFIRMED = "待确认"
"""Stands in a drafted contract where a person must decide; with it no contract is used."""


class Contract(BaseModel):
    """Base of everything that is declared in YAML: immutable, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


ContractT = TypeVar("ContractT", bound=Contract)


class ContractError(ValueError):
    """A contract file that cannot be used. `problems` holds one readable line per mistake."""

    def __init__(self, origin: str, problems: Iterable[str]) -> None:
        self.origin = origin
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{origin}:{problem}" for problem in self.problems))


def refer(name: str, known: Collection[str], wrong: str, at: tuple[str | int, ...]) -> None:
    """Within a contract's validator: `name` must be one of `known`.

    Raises:
        PydanticCustomError: it is not; `at` is where in the contract it stands.
    """
    if name not in known:
        raise mistake(f"'{name}' {wrong}; {_nearest(name, known)}", at)


def mistake(said: str, at: tuple[str | int, ...]) -> PydanticCustomError:
    """To be raised within a contract's validator: what is wrong, and where in the contract."""
    return PydanticCustomError("reference", "{said}", {"said": said, "at": at})


def parse_contract(text: str, origin: str, model: type[ContractT]) -> ContractT:
    """Parse `text` (YAML, read from `origin`) into `model`.

    Raises:
        ContractError: the text is no YAML mapping, a key is unknown, missing or given twice, a
            value does not fit, or a draft is not confirmed. Each problem reads
            ``line 12: 'tabel' is not a key of ...``.
    """
    try:
        root, data = _load(text)
        duplicates = _duplicate_keys(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise ContractError(origin, [f"{line}: not valid YAML: {error}"]) from error
    if duplicates:
        raise ContractError(origin, duplicates)
    if unconfirmed := _unconfirmed(root):
        raise ContractError(origin, unconfirmed)
    if not isinstance(data, dict):
        raise ContractError(origin, ["1: expected a mapping of keys to values"])
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_describe(dict(item), root, model) for item in error.errors()]
        raise ContractError(origin, problems) from error


def _load(text: str) -> tuple[yaml.Node | None, Any]:
    """The nodes, which know their lines, and the data they stand for."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    finally:
        loader.dispose()


def _duplicate_keys(node: yaml.Node | None) -> list[str]:
    found: list[str] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if key.value in seen:
                found.append(f"{key.start_mark.line + 1}: '{key.value}' is given twice")
            seen.add(key.value)
            found += _duplicate_keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            found += _duplicate_keys(item)
    return found


def _unconfirmed(node: yaml.Node | None, key: str = "") -> list[str]:
    """Places of a draft where a person has not decided yet."""
    if isinstance(node, yaml.MappingNode):
        return [
            problem
            for own, value in node.value
            for problem in _unconfirmed(value, f"{key}.{own.value}" if key else str(own.value))
        ]
    if isinstance(node, yaml.SequenceNode):
        return [problem for value in node.value for problem in _unconfirmed(value, key)]
    if isinstance(node, yaml.ScalarNode) and node.value == UNCONFIRMED:
        line = node.start_mark.line + 1
        advice = (
            "look at the column and take the mark away" if key.endswith("confirm") else "fill in"
        )
        return [f"{line}: '{key}' is not confirmed yet ({UNCONFIRMED}): {advice}"]
    return []


def _describe(item: dict[str, Any], root: yaml.Node | None, model: type[BaseModel]) -> str:
    location: tuple[int | str, ...] = item["loc"]
    line = _line_of(root, location)
    key = ".".join(str(part) for part in location)
    if item["type"] == "extra_forbidden":
        valid = _keys_at(model, location[:-1])
        return f"{line}: '{key}' is not a known key; {_nearest(str(location[-1]), valid)}"
    if item["type"] == "reference":
        return f"{_line_of(root, item['ctx']['at'])}: {item['msg']}"
    if item["type"] == "missing":
        return f"{line}: '{key}' is required"
    return f"{line}: '{key}': {item['msg']}"


def _nearest(name: str, valid: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(valid), n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"valid: {', '.join(sorted(valid))}"


def _line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    line = node.start_mark.line + 1 if node else 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            match = [(k, v) for k, v in node.value if k.value == str(part)]
            if not match:
                continue  # union members and missing keys have no place of their own
            line, node = match[0][0].start_mark.line + 1, match[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    for part in location:
        current = _model_in(current)
        if current is None:
            return []
        if isinstance(part, str) and part in current.model_fields:
            current = current.model_fields[part].annotation
    current = _model_in(current)
    return list(current.model_fields) if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, UnionType, list, tuple, dict):
        for argument in get_args(annotation):
            if (found := _model_in(argument)) is not None:
                return found
    return None
