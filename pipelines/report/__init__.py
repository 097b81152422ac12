"""The night's report: one page that a person can read, print and keep, without a network."""

from pipelines.report.page import write_failure_report, write_report

__all__ = ["write_failure_report", "write_report"]
