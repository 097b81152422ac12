"""What the process does once from which the tests fork their commands, so that none has to."""

from __future__ import annotations

from pathlib import Path

from pipelines.config import load_config
from pipelines.deliver.template import build_template
from pipelines.home import Home

for _contract in load_config(Home(Path("nowhere").resolve())).forms.values():
    build_template(_contract)
