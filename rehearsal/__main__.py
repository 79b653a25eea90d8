"""`make month`: thirty nights in some minutes, and what became of them. Exits with 1 if an expectation is broken.

python -m rehearsal [--into month]
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from nightsort.errors import NightsortError
from rehearsal import story, telling
from rehearsal.account import account
from rehearsal.expectations import broken
from rehearsal.month import Month
from rehearsal.place import claim
from rehearsal.truth import held_against


def main() -> None:
    """Live the month, look at it, print."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    parser.add_argument("--into", type=Path, default=Path("month"), help="folder to work in, begun anew each time")
    folder = parser.parse_args().into.resolve()
    try:
        claim(folder)
        faults = _rehearse(folder)
    except NightsortError as error:
        faults = [str(error)]
    for fault in faults:
        print(f"BROKEN {fault}")
    sys.exit(bool(faults))


def _rehearse(folder: Path) -> list[str]:
    start = time.monotonic()
    month = Month(folder, lambda words: print(words, flush=True))
    month.live()
    last = [each for each in month.sent if each.night > story.DAYS - story.LAST]
    files, held = account(month.sent, month.records), held_against(last, month.records)
    faults = broken(month.diary, month.records, files, held, Counter(each.night for each in month.sent))
    for line in telling.close(month.diary, month.records, files, held):
        print(line)
    print(f"{time.monotonic() - start:.0f} s; {len(faults) or 'no'} expectation{'s' * (len(faults) != 1)} broken")
    return faults


main()
