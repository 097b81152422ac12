"""The Dagster instance that lies in the home folder: its settings, and how a job is run in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pipelines.errors import OnegridError
from pipelines.home import Home
from pipelines.summary import Summary, read_summary
from schemas.district import Limits

SETTINGS = """\
# Written once by onegrid; edit as you like.
telemetry:
  enabled: false
nux:
  enabled: false
# Runs start at once; the home's own lock keeps two apart, and a killed run can block nothing.
run_coordinator:
  module: dagster._core.run_coordinator
  class: DefaultRunCoordinator
# Steps print nothing, and nothing they print is kept.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
retention:
  schedule:
    purge_after_days: 90
  sensor:
    purge_after_days:
      skipped: 7
      failure: 90
      success: 90
"""

WORKSPACE = """\
load_from:
  - python_module:
      module_name: assets.definitions
      location_name: onegrid
"""


def settle(home: Home, config: Path | None) -> None:
    """Point Dagster at `home`; what it loads finds home and configuration in the environment."""
    for name, text in (("dagster.yaml", SETTINGS), ("workspace.yaml", WORKSPACE)):
        file = home.dagster / name
        if not file.exists():
            file.write_text(text, "utf-8")
    os.environ["DAGSTER_HOME"] = str(home.dagster)
    os.environ["ONEGRID_HOME"] = str(home.root)
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    if config is not None:
        os.environ["ONEGRID_CONFIG"] = str(config.resolve())


def run_job(home: Home, job: str, limits: Limits) -> Summary:
    """Run `job` in this process; the pages of the home's Dagster instance show the run.

    Raises:
        NightRunning: another run holds the lock.
        OnegridError: the run failed; the message is its cause and what to do.
    """
    import dagster as dg  # noqa: PLC0415 - takes seconds

    from assets.definitions import LOCATION, build_definitions  # noqa: PLC0415
    from assets.jobs import FULL, REBUILD  # noqa: PLC0415
    from assets.resources import NIGHT_TAG  # noqa: PLC0415
    from assets.sensors import note_cause  # noqa: PLC0415

    settings: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if job == REBUILD:
        settings |= FULL
    with dg.DagsterInstance.get() as instance:
        result = (
            build_definitions()
            .resolve_job_def(job)
            .execute_in_process(
                run_config=settings,
                instance=instance,
                raise_on_error=False,
                tags={".dagster/repository": f"__repository__@{LOCATION}"},
            )
        )
        if not result.success:
            cause = note_cause(instance, result.run_id)
            with home.lock():  # held by another: that is why
                raise OnegridError(cause)
        run = instance.get_run_by_id(result.run_id)
        night = int(run.tags[NIGHT_TAG]) if run else 0
    return read_summary(home, night, limits)
