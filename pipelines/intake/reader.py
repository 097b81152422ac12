"""The child process that reads returned forms, see `pipelines.extract.reader`."""

from __future__ import annotations

from pipelines.extract.reader import serve
from pipelines.intake.read import read_form


def main() -> None:
    """Read forms; there is nothing to be told at the start."""
    serve(lambda path, target, *_: read_form(path, target), lambda _: None)


if __name__ == "__main__":
    main()
