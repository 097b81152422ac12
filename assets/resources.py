"""The night as a resource: locked, opened, and handed to every step of one run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
from pydantic import PrivateAttr

from assets.edge import step_edge
from pipelines.config import Config, load_config
from pipelines.errors import NightBlocked
from pipelines.home import Home
from pipelines.journal import open_journal
from pipelines.night import Night, open_night

HOME_TAG = "onegrid/home"
NIGHT_TAG = "onegrid/night"
CAUSE_TAG = "onegrid/cause"
KILLED = (
    "The process of this run was ended from outside. Nothing was published and nothing is lost; "
    "the next run cleans up."
)
_UNFINISHED = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


class NightResource(dg.ConfigurableResource["NightResource"]):
    """The night that a run works on; its home's lock is held from the first step to the last.

    Attributes:
        home: home folder; empty: ``ONEGRID_HOME``, else ``./var``.
        config_folder: the district's folder; empty: ``ONEGRID_CONFIG``, else the packaged one.
        full: recompute everything from the landing zone and the journal.
    """

    home: str = ""
    config_folder: str = ""
    full: bool = False
    _night: Night | None = PrivateAttr(default=None)
    _kept: ExitStack = PrivateAttr(default_factory=ExitStack)

    @property
    def current(self) -> Night:
        """The night that is open while a run goes on."""
        if self._night is None:
            raise NightBlocked("no run is going on")
        return self._night

    def let_go(self) -> Night:
        """The night, with its file closed so that it can be moved into place."""
        self._kept.close()
        return self.current

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[NightResource]:
        """Open the night, or go on with the one that the run this is a re-execution of began."""
        home = Home.at(self.home or None)
        run = context.run
        if run is None:
            raise NightBlocked("a night needs a run")
        with step_edge():
            config = load_config(home, Path(self.config_folder) if self.config_folder else None)
            lock = home.lock()
            lock.__enter__()
        try:
            with step_edge():
                if context.instance is not None:
                    end_orphans(context.instance, home, run.run_id)
                _refuse_half_a_night(home, config, run)
                self._night = night = open_night(
                    home, config, run_id=run.root_run_id or run.run_id, full=self.full
                )
                if context.instance is not None:
                    tags = {HOME_TAG: str(home.root), NIGHT_TAG: str(night.number)}
                    if run.parent_run_id and CAUSE_TAG in run.tags:  # copied from the parent
                        tags[CAUSE_TAG] = f"goes on after run {run.parent_run_id[:8]} failed"
                    context.instance.add_run_tags(run.run_id, tags)
                with self._kept:
                    self._kept.enter_context(night.keep_open())
                    yield self
        finally:
            lock.__exit__(None, None, None)


def _refuse_half_a_night(home: Home, config: Config, run: dg.DagsterRun) -> None:
    """The later steps of a night that is over cannot be run on a new one."""
    if not run.parent_run_id or not (run.step_keys_to_execute or run.asset_selection):
        return
    with open_journal(config.journal_url) as journal:
        running = journal.nights("running")
    if not running or running[-1].run_id != run.root_run_id:
        raise NightBlocked(
            "the night of this run is over and cannot be gone on with: start the job 'nightly'"
        )


def end_orphans(instance: dg.DagsterInstance, home: Home, this_run: str) -> int:
    """Close runs that a killed process left unfinished. The caller holds the home's lock.

    Whoever holds the lock knows that no other run of this home is alive. Returns their number.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=list(_UNFINISHED)))
    orphans = [
        record.dagster_run
        for record in records
        if record.dagster_run.run_id != this_run
        and record.dagster_run.tags.get(HOME_TAG, str(home.root)) == str(home.root)
    ]
    for run in orphans:
        instance.report_run_failed(run, KILLED)
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return len(orphans)
