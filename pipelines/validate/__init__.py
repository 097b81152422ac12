"""Judge the night: every rule counted by DuckDB, judged and documented by Great Expectations."""

from pipelines.validate.count import RuleResult
from pipelines.validate.expectations import warm_up
from pipelines.validate.run import blocking, validate

__all__ = ["RuleResult", "blocking", "validate", "warm_up"]
