"""Great Expectations over the table of counts: one suite a storey, one expectation a rule."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from pipelines.validate.pages import make_self_contained
from pipelines.validate.result import RuleResult
from schemas.suites import RULE, SUITE_LABELS


def judge(results: Iterable[RuleResult], pages: Path, run_name: str) -> dict[str, bool]:
    """Rule → passed, as Great Expectations sees it; Data Docs go to `pages`.

    Every suite has one row to look at, with one column a rule: the share of bad rows.
    """
    import_quietly()
    import great_expectations as gx  # noqa: PLC0415 - takes seconds; only this step needs it
    import pandas as pd  # noqa: PLC0415
    from great_expectations.expectations.metadata_types import FailureSeverity  # noqa: PLC0415

    results = list(results)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]
    for site in list(context.list_data_docs_sites()):
        context.delete_data_docs_site(site)
    context.add_data_docs_site(
        "onegrid",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(pages),
            },
        },
    )
    source = context.data_sources.add_pandas("onegrid")
    verdicts: dict[str, bool] = {}
    for suite in SUITE_LABELS:
        rows = [result for result in results if result.suite == suite]
        if not rows:
            continue
        asset = source.add_dataframe_asset(suite)
        expectations = [
            gx.expectations.ExpectColumnMaxToBeBetween(
                column=result.rule,
                max_value=result.allowed,
                severity=FailureSeverity(result.severity),
                description=_describe(result),
                meta={
                    "rule": result.rule,
                    "label": RULE[result.rule].label,
                    "meaning": RULE[result.rule].meaning,
                    "rows_checked": result.rows_checked,
                    "rows_bad": result.rows_bad,
                },
            )
            for result in rows
        ]
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=suite,
                data=asset.add_batch_definition_whole_dataframe("counts"),
                suite=context.suites.add(
                    gx.ExpectationSuite(name=suite, expectations=expectations)
                ),
            )
        )
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(name=suite, validation_definitions=[definition], result_format="BASIC")
        )
        outcome = checkpoint.run(
            batch_parameters={
                "dataframe": pd.DataFrame([{result.rule: result.share for result in rows}])
            },
            run_id=gx.RunIdentifier(run_name=run_name),
        )
        for validation in outcome.run_results.values():
            for found in validation.results:
                config = found.expectation_config
                if config is not None:
                    verdicts[config.kwargs["column"]] = bool(found.success)
    context.build_data_docs()
    make_self_contained(pages, results)
    return verdicts


def _describe(result: RuleResult) -> str:
    rule = RULE[result.rule]
    return (
        f"{rule.label} — {rule.meaning} "
        f"检查 {result.rows_checked:,}，不符 {result.rows_bad:,}，容许 {result.allowed:.2%}"
    )


def import_quietly() -> None:
    """Import Great Expectations, which says nothing to anybody."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with contextlib.suppress(ImportError):
        import great_expectations  # noqa: F401, PLC0415
    for name in ("great_expectations", "great_expectations.data_context"):
        logging.getLogger(name).setLevel(logging.WARNING)
