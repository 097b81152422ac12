"""The child process that unpacks archives of ledgers, see `pipelines.extract.reader`."""

from __future__ import annotations

from pipelines.extract.parcel import unpack_parcel
from pipelines.extract.reader import serve


def main() -> None:
    """Unpack; there is nothing to be told at the start."""
    serve(lambda path, folder, *_: unpack_parcel(path, folder), lambda _: None)


if __name__ == "__main__":
    main()
