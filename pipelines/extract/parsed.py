"""The Parquet file that a workbook's rows are written to while the next ones are read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.source import SourceMap

_PLACES = (("src_sheet", pa.string()), ("src_row", pa.int32()), ("src_mark", pa.string()))


class NotWritten(Exception):
    """The disk does not take the rows: nothing that the workbook could be blamed for."""


class ParsedRows:
    """Takes the rows of a workbook block by block, and holds one block at most.

    The file has src_sheet, src_row, src_mark and the columns of the map, all but the row's number
    as text.
    """

    def __init__(self, target: Path, source: SourceMap) -> None:
        """`target` becomes the file, with the columns of the map `source`."""
        self._target, self._names = target, list(source.columns)
        self._schema = pa.schema([*_PLACES, *((name, pa.string()) for name in self._names)])
        self._stack = ExitStack()
        self._writing: Future[None] | None = None

    def __enter__(self) -> ParsedRows:
        with _blaming_the_disk():
            # read once and thrown away: to make it small would not pay
            self._writer = self._stack.enter_context(
                pq.ParquetWriter(
                    self._target,
                    self._schema,
                    compression="none",
                    use_dictionary=False,
                    write_statistics=False,
                )
            )
        self._beside = self._stack.enter_context(ThreadPoolExecutor(1))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _blaming_the_disk(), self._stack:
            if error is None:
                self._wait()

    def add(self, title: str, table: pa.Table) -> None:
        """Rows of the sheet `title`: src_row, src_mark and the columns of the map.

        Raises:
            NotWritten: the block before could not be.
        """
        if table.num_rows:
            with _blaming_the_disk():
                self._wait()
            self._writing = self._beside.submit(self._write, title, table)

    def _wait(self) -> None:
        if self._writing is not None:
            self._writing.result()

    def _write(self, title: str, table: pa.Table) -> None:
        sheet = pa.repeat(pa.scalar(title, pa.string()), table.num_rows)
        columns = {name: table[name] for name in self._schema.names[1:]}
        self._writer.write_table(pa.table({"src_sheet": sheet, **columns}, schema=self._schema))


@contextmanager
def _blaming_the_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotWritten(error.strerror or "disk i/o error") from error
