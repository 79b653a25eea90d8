"""Owns the words of the topology's rehearsal that are not those of a step: how it began, and how it ended.

Invariant: every number comes from the tables, the reports or the server. Does not know what is right.
"""

from collections.abc import Iterator

import httpx

from topology.ending import Ending
from topology.services import Services
from topology.story import Story


def started(services: Services) -> str:
    """What runs, and that a stranger is told nothing."""
    names = ", ".join(unit.name for unit in services.units())
    stranger = httpx.get(f"{services.api}/admin/version", timeout=30).status_code
    return f"{names} run; who gives no password gets {stranger}"


def close(story: Story, end: Ending) -> Iterator[str]:
    """How it ended."""
    words = {
        "predictions": "classified",
        "copies": "copies",
        "quarantine": "set aside",
        "ignored": "no pictures by name",
    }
    files = sum(end.account.outcomes.values())
    terms = " + ".join(f"{end.account.outcomes.get(table, 0)} {word}" for table, word in words.items())
    yield f"\nfiles: {files} dropped = {terms}; {len(end.account.faults) or 'no'} faults"
    yield "runs: " + ", ".join(f"{count} {state}" for state, count in sorted(end.states.items()))
    yield "killed: " + ", ".join(f"{name} ({count} processes)" for name, count in story.killed.items())
    champion = [report["training"]["model_version"] for report in story.bucket.reports() if report.get("training")]
    yield f"models trained: {', '.join(map(str, champion))}"
    rows = story.services.postgres.ask(
        "SELECT relname, n_live_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables ORDER BY 3 DESC LIMIT 4"
    )
    yield "largest in PostgreSQL: " + ", ".join(f"{name} {int(size) / 1e6:.1f} MB" for name, _, size in rows)
