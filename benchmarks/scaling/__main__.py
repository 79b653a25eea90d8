"""What one part of a night costs, alone.

python -m benchmarks.scaling PART COUNT      # such as: commits 4000; listing 100000; plan 100000000; scheduler 500
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.scaling import parts
from benchmarks.scaling.asked import requests
from benchmarks.scaling.scheduler import scheduler

PARTS = {
    "listing": parts.listing,
    "commits": parts.commits,
    "plan": parts.planned,
    "firsts": parts.firsts,
    "reports": parts.reports,
    "scheduler": scheduler,
    "requests": requests,
}

if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in PARTS:
        sys.exit(f"{__doc__}\nPART is one of {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        PARTS[sys.argv[1]](Path(folder), int(sys.argv[2]))
