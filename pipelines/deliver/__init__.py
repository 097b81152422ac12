"""Forms: what each grid is asked, and the workbooks that ask it."""

from pipelines.deliver.plan import plan_forms
from pipelines.deliver.render import render_all, render_forms

__all__ = ["plan_forms", "render_all", "render_forms"]
