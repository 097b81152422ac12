"""All that Dagster loads: the same graph everywhere, only the resource differs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import dagster as dg

from assets import delivered, forms, linked, master, quality, standardised
from assets.extract import build_raw_assets
from assets.jobs import nightly, rebuild
from assets.resources import NightResource
from assets.schedules import every_night
from assets.sensors import failed_runs, ledger_inbox
from assets.targets import build_target_assets
from pipelines.config import load_config
from pipelines.home import Home
from schemas.source import SourceMap
from schemas.targets import TargetContract

LOCATION = "onegrid"
STAGES = (standardised, linked, master, forms, quality, delivered)


def build_definitions(
    sources: Iterable[SourceMap] | None = None,
    targets: Iterable[TargetContract] = (),
    resources: Mapping[str, object] | None = None,
) -> dg.Definitions:
    """The definitions for `sources` and `targets` (default: those of the configured district).

    Raises:
        ConfigError: the district's configuration cannot be used.
    """
    if sources is None:
        # Only read: a code location that is merely loaded makes no folders.
        home = Home(Path(os.environ.get("ONEGRID_HOME") or "var").resolve())
        config = load_config(home)
        sources, targets = config.sources.values(), config.targets.values()
    return dg.Definitions(
        assets=[
            *build_raw_assets(sources),
            *build_target_assets(targets),
            *dg.load_assets_from_modules(STAGES),
        ],
        jobs=[nightly, rebuild],
        schedules=[every_night],
        sensors=[ledger_inbox, failed_runs],
        resources={"night": NightResource(), **(resources or {})},
        executor=dg.in_process_executor,
    )


defs = build_definitions()
