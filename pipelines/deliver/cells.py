"""The cells of an item in all rows at once, as pieces: Python looks at distinct cells only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.deliver import texts
from pipelines.deliver.content import SHOWN, Sources, note_text
from pipelines.deliver.layout import STATES, kind_of, note_column, value_column
from pipelines.deliver.pieces import (
    Numbers,
    Ordered,
    Own,
    Part,
    Pieces,
    dictionary,
    xml_column,
    xml_text,
)
from pipelines.deliver.template import Template
from schemas.codes import code_list
from schemas.fields import FIELD

OPEN, CLOSE = ' t="inlineStr"><is><t>', "</t></is></c>"
"""What makes a cell a text, and ends it."""
_ABSENT = STATES.index("absent")
_BEFORE_1970, _MONTHS = 2400, 1 << 14
"""Months are counted from 1770 and fit into 14 bits."""
_NO_DAY = -(1 << 31)
_IS_SHOWN = np.array([state in SHOWN for state in STATES], np.int32)


@dataclass(frozen=True)
class Item:
    """An item of the form in all rows.

    Attributes:
        state: number of the state in `STATES`.
        value, note: its two cells, from the style on, each with the opening of the next cell.
        said: the value alone, where there is one.
        length: of the value, in characters.
    """

    state: Numbers
    value: list[Part]
    note: Part
    said: Part
    length: Numbers


class Cells:
    """The cells of a portion of rows (`rows_sql`), of which some are their household's first."""

    def __init__(
        self,
        portion: Ordered,
        origins: Ordered,
        template: Template,
        sources: Sources,
        pieces: Pieces,
    ) -> None:
        self.portion, self.origins, self.is_first = portion, origins, portion.is_first
        self.template, self.sources, self.pieces = template, sources, pieces

    def styled(self, style: str, rest: str, is_first: Numbers | None = None) -> Part:
        """The pieces from a style to `rest`; the style is another one on a household's first."""
        both = [f'" s="{self._style(style, first)}"{rest}' for first in (False, True)]
        return self.pieces.numbers(both)[self.is_first if is_first is None else is_first]

    def item(self, number: int) -> Item:
        """The item `number` in all rows."""
        contract = self.template.contract
        field = FIELD[contract.items[number].field]
        state = self._states(number)
        kind = kind_of(field)
        opens_note = f'<c r="{note_column(number)}'
        look = self._coded if field.codes else self._plain
        value, said, length = look(f"x{number}", state, kind, opens_note, field.codes or "")
        return Item(state, value, self._notes(number, state), said, length)

    def _states(self, number: int) -> Numbers:
        names, codes = self.portion.dictionary(f"s{number}")
        known = [_ABSENT if name is None else STATES.index(name) for name in names]
        return np.array(known, np.int32)[codes]

    def _notes(self, number: int, state: Numbers) -> Part:
        """The cell that says where the value is from."""
        source = self.origins.numbers(f"o{number}", -1).astype(np.int32)
        where = (source + 1) * 2 + self.origins.numbers(f"c{number}")
        where = where * _MONTHS + self._months(self.origins.numbers(f"d{number}", _NO_DAY))
        key = (where * _IS_SHOWN[state] * len(STATES) + state) * 2 + self.is_first
        keys, codes = dictionary(pa.array(key))
        opens_next = f'<c r="{value_column(number + 1)}'
        return self.pieces.numbers(self._note(each, opens_next) for each in keys)[codes]

    def _note(self, key: int, opens_next: str) -> str:
        rest, is_first = divmod(key, 2)
        rest, state = divmod(rest, len(STATES))
        rest, month = divmod(rest, _MONTHS)
        source, is_contested = divmod(rest, 2)
        said = note_text(
            STATES[state],
            self.sources.labels.get(source - 1) if source else None,
            f"{1770 + month // 12}-{month % 12 + 1:02}" if month else None,
            is_contested=bool(is_contested),
        )
        style = self._style(f"{STATES[state]}:note", is_first)
        return f'" s="{style}"{OPEN}{xml_text(said)}{CLOSE}{opens_next}'

    @staticmethod
    def _months(days: Numbers) -> Numbers:
        """Months since 1770, 0 where there is no day."""
        last = int(days.max(initial=0))
        first = int(days.min(where=days != _NO_DAY, initial=last))
        counted = np.arange(first, last + 1).astype("datetime64[D]").astype("datetime64[M]")
        numbered = np.append(counted.astype(np.int32) + _BEFORE_1970, np.int32(0))
        return numbered[np.where(days == _NO_DAY, len(counted), days - first)]

    def _coded(
        self, column: str, state: Numbers, kind: str, opens_next: str, codes: str
    ) -> tuple[list[Part], Part, Numbers]:
        """A code: every cell is one of few."""
        labels = code_list(codes).values
        names, coded = self.portion.dictionary(column)
        words = [None if name is None else labels.get(name, name) for name in names]
        key = (coded * len(STATES) + state) * 2 + self.is_first
        keys, places = dictionary(pa.array(key))
        cells = []
        for each in keys:
            rest, is_first = divmod(each, 2)
            word, shown = divmod(rest, len(STATES))
            cells.append(
                "".join(self._cell(STATES[shown], kind, is_first, opens_next, words[word]))
            )
        said = self.pieces.numbers(xml_text(word or "") for word in words)[coded]
        length = np.array([len(word or "") for word in words], np.int32)[coded]
        return [self.pieces.numbers(cells)[places]], said, length

    def _plain(
        self, name: str, state: Numbers, kind: str, opens_next: str, _: str
    ) -> tuple[list[Part], Part, Numbers]:
        """A text: the row's own, between two of few pieces."""
        column = self.portion.texts(name)
        has = column.is_valid().to_numpy(zero_copy_only=False)
        shapes = [
            self._cell(shown, kind, is_first, opens_next, "" if has_text else None)
            for shown in STATES
            for has_text in (False, True)
            for is_first in (False, True)
        ]
        key = (state * 2 + has) * 2 + self.is_first
        opened = self.pieces.numbers(before for before, _, _ in shapes)[key]
        closed = self.pieces.numbers(text + after for _, text, after in shapes)[key]
        own = Own(xml_column(column))
        return [opened, own, closed], own, pc.utf8_length(column).fill_null(0).to_numpy()

    def _cell(
        self, state: str, kind: str, is_first: int, opens_next: str, text: str | None
    ) -> tuple[str, str, str]:
        """A cell from its style on: before, text, and after with what opens the next one."""
        opened = f'" s="{self._style(f"{state}:{kind}", is_first)}"'
        said = texts.WITHHELD if state == "withheld" else text if state in SHOWN else None
        if said is None:
            return f"{opened}/>{opens_next}", "", ""
        return opened + OPEN, xml_text(said), CLOSE + opens_next

    def _style(self, name: str, is_first: bool | int) -> int:
        return self.template.styles[f"{name}/first" if is_first else name]
