"""What starts or follows a night: ledgers that arrive, and runs that fail."""

import hashlib
import json
from pathlib import Path

import dagster as dg

from assets.jobs import nightly, rebuild
from assets.resources import CAUSE_TAG, KILLED
from pipelines.config import load_config
from pipelines.home import Home
from pipelines.inbox import is_unfinished
from pipelines.privacy import scrub


@dg.sensor(
    job=nightly,
    minimum_interval_seconds=60,
    description="台账有变化且已写完时启动每晚作业。 Starts a night once workbooks in the inbox "
    "have changed and stayed the same for a whole interval.",
)
def ledger_inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Compare a hash of names, sizes and times with the last tick and with the last start."""
    home = Home.at()
    now, files = listing(load_config(home).ledgers)
    cursor = json.loads(context.cursor or "{}")
    if files == 0 or now == cursor.get("started"):
        return dg.SkipReason("no workbook has changed")
    if now != cursor.get("seen"):
        context.update_cursor(json.dumps({**cursor, "seen": now}))
        return dg.SkipReason("workbooks are arriving; waiting until they stay the same")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=now, tags={"onegrid/started_by": "ledger_inbox"})],
        cursor=json.dumps({"seen": now, "started": now}),
    )


def listing(folder: Path) -> tuple[str, int]:
    """A hash of the workbooks below `folder` (names, sizes, times), and how many there are."""
    digest, files = hashlib.sha256(), 0
    for path in sorted(folder.rglob("*")):
        if is_unfinished(path.name) or path.is_symlink() or not path.is_file():
            continue
        state = path.stat()
        digest.update(
            f"{path.relative_to(folder)}\0{state.st_size}\0{state.st_mtime_ns}\n".encode()
        )
        files += 1
    return digest.hexdigest()[:32], files


@dg.run_failure_sensor(
    monitored_jobs=[nightly, rebuild],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="运行失败时，把原因写成标签。 Writes why a run failed, and what to do, on the run.",
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Put the cause on the run, where the list of runs shows it."""
    cause = note_cause(context.instance, context.dagster_run.run_id)
    context.log.error(cause)


def note_cause(instance: dg.DagsterInstance, run_id: str) -> str:
    """Why a run failed, in words a person can act on; kept as a tag of the run."""
    cause = _cause(instance, run_id)
    instance.add_run_tags(run_id, {CAUSE_TAG: cause[:250]})
    return cause


def _cause(instance: dg.DagsterInstance, run_id: str) -> str:
    kinds = {
        dg.DagsterEventType.STEP_FAILURE,
        dg.DagsterEventType.RESOURCE_INIT_FAILURE,
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.RUN_FAILURE,
    }
    events = [
        record.event_log_entry.dagster_event
        for record in instance.get_records_for_run(run_id, of_type=kinds).records
    ]
    broken: list[str] = []
    for event in events:
        if event is None:
            continue
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR:
                broken.append(f"{check.check_name}: {check.description}")
        elif event.event_type == dg.DagsterEventType.STEP_FAILURE:
            failure = event.step_failure_data.user_failure_data
            if failure and failure.description:
                return f"{event.step_key}: {failure.description}"
    if broken:
        return f"{'; '.join(broken)}. Critical: nothing was published, yesterday's forms stay."
    for event in events:
        if event is not None and event.event_type == dg.DagsterEventType.RESOURCE_INIT_FAILURE:
            error = event.engine_event_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            if error is not None:
                return error.message.split(": ", 1)[-1].strip()
    for event in events:
        if event is not None and event.event_type == dg.DagsterEventType.RUN_FAILURE:
            error = event.job_failure_data.error if event.event_specific_data else None
            if error is not None:
                return scrub(error.message.strip())
    return KILLED
