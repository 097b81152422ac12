"""Everything that is known about one resident, and why: records, links, history, cells."""

from pipelines.explain.resident import Explanation, UnknownResident, explain_resident

__all__ = ["Explanation", "UnknownResident", "explain_resident"]
