"""A process of its own that writes workbooks: ``python -m pipelines.synth.scribe JOB``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipelines.synth.ledgers import run_job

if __name__ == "__main__":
    os.umask(0o077)
    run_job(Path(sys.argv[1]))
