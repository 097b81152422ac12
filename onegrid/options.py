"""Options that several commands share, and how they find home and configuration."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import duckdb

    from pipelines.config import Config
    from pipelines.home import Home

HOME = click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Home folder of all that a run makes (default: $ONEGRID_HOME, else ./var).",
)
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with district.yaml (default: $ONEGRID_CONFIG, else the synthetic district).",
)


def author(given: str | None) -> str:
    """Who is at work: `given`, else the login name.

    Raises:
        click.BadParameter: there is neither, or it is too long to be kept.
    """
    try:
        name = (given or getpass.getuser()).strip()
    except (OSError, KeyError):
        name = ""
    if not 1 <= len(name) <= 64:
        raise click.BadParameter("1 to 64 characters are needed", param_hint="--author")
    return name


def load(home: Path | None, config: Path | None) -> tuple[Home, Config]:
    """The home and its configuration."""
    from pipelines.config import load_config  # noqa: PLC0415
    from pipelines.home import Home  # noqa: PLC0415

    place = Home.at(home)
    return place, load_config(place, config)


@contextmanager
def published(home: Home, config: Config) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published file, read only.

    Raises:
        NothingPublished: there is none.
    """
    from pipelines import store  # noqa: PLC0415
    from pipelines.errors import NothingPublished  # noqa: PLC0415

    if not home.published.exists():
        raise NothingPublished(
            f"nothing is published under {home.root}: run a night first (`onegrid run`)"
        )
    limits = config.district.limits
    with store.connect(home.published, limits, home.work / "spill", read_only=True) as con:
        yield con
