"""When nights begin by themselves."""

from __future__ import annotations

import dagster as dg

from assets.jobs import nightly

every_night = dg.ScheduleDefinition(
    name="every_night",
    job=nightly,
    cron_schedule="0 2 * * *",
    execution_timezone="Asia/Shanghai",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="每日 02:00（北京时间）。 Every day at 02:00, Asia/Shanghai.",
)
