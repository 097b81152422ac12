"""The rows of many grids' workbooks as pieces: what each row of the list and of the tasks says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.deliver import texts
from pipelines.deliver.cells import CLOSE, OPEN, Cells, Item
from pipelines.deliver.content import Sources
from pipelines.deliver.layout import HEADER_ROW, ROW_HEIGHT, STATES, end_columns
from pipelines.deliver.pieces import (
    EMPTY,
    Numbers,
    Ordered,
    Own,
    Part,
    Pieces,
    Strung,
    string,
    xml_column,
    xml_text,
)
from pipelines.deliver.template import Template
from schemas.fields import FIELD

_ASK, _VERIFY = STATES.index("ask"), STATES.index("verify")
_SHORT_LINE = 22.0
_ASKED_LINE, _VERIFIED_LINE = 14, 23
"""So many Chinese characters fit on a line of these two columns of the tasks."""


@dataclass(frozen=True)
class Drawing:
    """The rows of some grids' workbooks, ready to be strung together.

    Attributes:
        starts: where among the rows each grid's begin, and where the last one's end.
        households: of each grid.
        pieces: see `string`.
        list_row, task_row, link: what a row of the list, one of the tasks and its link consist of.
        pending: which rows have something to ask or to verify.
    """

    starts: Numbers
    households: Numbers
    pieces: pa.Array
    list_row: list[Part]
    task_row: list[Part]
    link: list[Part]
    pending: Numbers

    def listed(self, first: int, last: int) -> Strung:
        """XML of the list rows of the grids from number `first` to before `last`."""
        return string(self.pieces, self.list_row, slice(self.starts[first], self.starts[last]))

    def tasks(self, first: int, last: int) -> tuple[Numbers, Strung, Strung]:
        """Where each of these grids' tasks begin among them; XML of their rows, and their links."""
        begins = np.searchsorted(self.pending, self.starts[first : last + 1])
        rows = self.pending[begins[0] : begins[-1]]
        task_rows, links = (
            string(self.pieces, parts, rows) for parts in (self.task_row, self.link)
        )
        return begins - begins[0], task_rows, links


def draw(
    tables: Iterable[pa.Table],
    template: Template,
    sources: Sources,
    forms: dict[str, tuple[str, int]],
) -> Drawing:
    """Lay rows out.

    Args:
        tables: `rows_sql` and `origins_sql` of the grids, their rows in any order.
        template: of the form.
        sources: of the night.
        forms: grid_code → form_id and version, in the order that the grids shall have.
    """
    places = {grid: number for number, grid in enumerate(forms)}
    portion, origins = (Ordered.by_grid(table, places) for table in tables)
    grid_no = portion.grid_no
    starts = np.searchsorted(grid_no, np.arange(len(forms) + 1))
    pieces = Pieces(int(portion.numbers("row_no").max()) + HEADER_ROW)
    cells = Cells(portion, origins, template, sources, pieces)
    items = [cells.item(number) for number in range(len(template.contract.items))]
    open_cells = [(item.state == _ASK) | (item.state == _VERIFY) for item in items]
    pending = np.flatnonzero(np.logical_or.reduce(open_cells))
    laid = _Rows(portion, template, pieces, cells, items)
    task_row, link = laid.tasks(pending, grid_no)
    return Drawing(
        starts=starts,
        households=np.add.reduceat(portion.is_first, starts[:-1]),
        list_row=laid.list_row(grid_no, list(forms.values())),
        task_row=task_row,
        link=link,
        pending=pending,
        pieces=pieces.texts(),
    )


class _Rows:
    """Lays the cells of a row one behind the other; every cell ends by opening the next one."""

    def __init__(
        self,
        portion: Ordered,
        template: Template,
        pieces: Pieces,
        cells: Cells,
        items: list[Item],
    ) -> None:
        self.portion, self.template, self.cells, self.items = portion, template, cells, items
        self.piece, self.numbers = pieces.number, pieces.numbers
        self.row_no = portion.numbers("row_no")
        self.sheet_row = self.row_no + HEADER_ROW
        self.place = xml_column(portion.texts("place"))

    def list_row(self, grid_no: Numbers, forms: list[tuple[str, int]]) -> list[Part]:
        """The parts of a list row, given the form_id and version of each grid's form."""
        piece, n, styled = self.piece, self.sheet_row, self.cells.styled
        remark, row_id, resident, version, digest = end_columns(self.template.contract)[1:]
        hidden = f'" s="{self.template.styles["hidden"]}"'
        form_ids = [f"{hidden}{OPEN}{xml_text(form_id)}#" for form_id, _ in forms]
        versions = [f'{hidden}><v>{of}</v></c><c r="{digest}' for _, of in forms]
        return [
            *(piece('<row r="'), n, piece(f'" ht="{ROW_HEIGHT}" customHeight="1"><c r="A'), n),
            *(styled("number", "><v>"), self.row_no, piece('</v></c><c r="B'), n),
            *(styled("place", OPEN), Own(self.place), piece(f'{CLOSE}<c r="C')),
            *(part for item in self.items for part in (n, *item.value, n, item.note)),
            *(n, styled("answer", f'/><c r="{remark}'), n, styled("remark", f'/><c r="{row_id}')),
            *(n, self.numbers(form_ids)[grid_no], self.row_no),
            *(piece(f'{CLOSE}<c r="{resident}'), n, piece(f"{hidden}{OPEN}")),
            *(Own(xml_column(self.portion.texts("resident_id"))), piece(f'{CLOSE}<c r="{version}')),
            *(n, self.numbers(versions)[grid_no], n, piece(f"{hidden}{OPEN}")),
            *(Own(xml_column(self.portion.texts("digest"))), piece(f"{CLOSE}</row>")),
        ]

    def tasks(self, pending: Numbers, grid_no: Numbers) -> tuple[list[Part], list[Part]]:
        """The parts of a task's row and of its link, for the `pending` rows in their order only."""
        piece = self.piece
        number = np.zeros(len(self.row_no), np.int32)
        number[pending] = (
            np.arange(len(pending)) - np.searchsorted(grid_no[pending], grid_no[pending]) + 1
        )
        n = number + HEADER_ROW
        is_first = self._is_first_task(pending, number)
        asked, asked_length = self._asked()
        verified, verified_length = self._verified()
        lines = np.maximum(-(-asked_length // _ASKED_LINE), -(-verified_length // _VERIFIED_LINE))
        heights = [f"{_SHORT_LINE + 15 * more:.1f}" for more in range(max(lines.max(), 1))]

        def styled(style: str, rest: str) -> Part:
            return self.cells.styled(style, rest, is_first)

        row = [
            *(piece('<row r="'), n, piece('" ht="')),
            *(
                self.numbers(heights)[np.maximum(lines, 1) - 1],
                piece('" customHeight="1"><c r="A'),
                n,
            ),
            *(styled("number", "><v>"), number, piece('</v></c><c r="B'), n),
            *(styled("place", OPEN), Own(self.place), piece(f'{CLOSE}<c r="C'), n),
            *(styled("link", OPEN), *self._called(), piece(f'{CLOSE}<c r="D'), n),
            *(styled("ask_list", OPEN), *asked, piece(f'{CLOSE}<c r="E'), n),
            *(styled("verify_list", OPEN), *verified, piece(f'{CLOSE}<c r="F'), n),
            *(styled("remark", '/><c r="G'), n, styled("answer", '/><c r="H'), n),
            *(styled("number", "><v>"), self.sheet_row, piece("</v></c></row>")),
        ]
        reference = piece(f"\" location=\"'{texts.LIST}'!C")
        return row, [piece('<hyperlink ref="C'), n, reference, self.sheet_row, piece('"/>')]

    def _is_first_task(self, pending: Numbers, number: Numbers) -> Numbers:
        """Whether a task is the first of its place."""
        places = self.place.take(pa.array(pending))
        is_first = np.ones(len(self.row_no), np.int32)
        if len(pending) > 1:
            moved = pc.not_equal(places[1:], places[:-1]).to_numpy(zero_copy_only=False)
            is_first[pending[1:]] = moved | (number[pending[1:]] == 1)
        return is_first

    def _called(self) -> list[Part]:
        """The resident's name, or what stands for it."""
        no_name = self.piece(texts.NO_NAME)
        for item, asked in zip(self.items, self.template.contract.items, strict=True):
            if asked.field == "name":
                withheld = self.piece(texts.WITHHELD)
                otherwise = np.where(item.state == STATES.index("withheld"), withheld, no_name)
                return [item.said, np.where(item.length > 0, EMPTY, otherwise)]
        return [no_name]

    def _asked(self) -> tuple[list[Part], Numbers]:
        """The labels of what a resident is asked, and their length."""
        parts: list[Part] = []
        length = np.zeros(len(self.row_no), np.int32)
        for item, label in self._labelled():
            is_asked = item.state == _ASK
            label_of = self.numbers((label, f"、{label}"))[(length > 0).astype(np.int8)]
            parts.append(np.where(is_asked, label_of, EMPTY))
            length += is_asked * (len(label) + (length > 0))
        return parts, length

    def _verified(self) -> tuple[list[Part], Numbers]:
        """The labels and values of what is to be verified, and their length."""
        parts: list[Part] = []
        length = np.zeros(len(self.row_no), np.int32)
        for item, label in self._labelled():
            shown = item.state == _VERIFY
            label_of = self.numbers((f"{label}：", f"；{label}："))[(length > 0).astype(np.int8)]
            parts.append(np.where(shown, label_of, EMPTY))
            if isinstance(item.said, Own):
                parts.append(Own(item.said.texts, shown))
            else:
                parts.append(np.where(shown, item.said, EMPTY))
            length += shown * (len(label) + 1 + item.length + (length > 0))
        return parts, length

    def _labelled(self) -> Iterator[tuple[Item, str]]:
        for item, asked in zip(self.items, self.template.contract.items, strict=True):
            yield item, FIELD[asked.field].label
