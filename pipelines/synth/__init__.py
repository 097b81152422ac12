"""The synthetic district: people, offices that err, and the truth kept beside them."""

from pipelines.synth.district import FIRST_DAY, make_district
from pipelines.synth.rates import ErrorRates

__all__ = ["FIRST_DAY", "ErrorRates", "make_district"]
