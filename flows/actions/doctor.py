"""Owns the order in which an installation is examined, and how it is told.

Invariant: what does not depend on the network comes first. Does not know how anything is found out.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from flows.deployment.server_check import server
from flows.terminal import DEFAULT_CONFIG, Told, declaration_of
from nightsort.errors import NightsortError
from nightsort.operations.checks import clocks, declaration, machine, packages, storage_root
from nightsort.operations.checks.finding import Check, Finding, examine
from nightsort.pipelines import Declaration
from nightsort.storage import Storage
from tasks.scheduler_check import scheduler

_PATIENCE = 90.0  # seconds for what is asked several times by itself


def examined(config: Path | None, root: str | None) -> Iterator[Finding]:
    """All that is found of this machine and of what pipelines.yaml names, subject by subject.

    :param root: a storage root in place of the declared one
    """
    checks: list[tuple[str, Check]] = [
        ("packages", packages.packages),
        ("machine", machine.machine),
        ("gpu", machine.graphics),
        ("temporary files", machine.temporary),
        ("clock", clocks.clock),
        ("webhook", declaration.webhook),
        ("pipelines", partial(declaration.pipelines, config or DEFAULT_CONFIG)),
    ]
    yield from examine(checks)
    try:
        declared = declaration_of(config, root)
    except NightsortError:  # its faults are told already
        declared = Declaration(storage=root) if root else Declaration()
    yield from _of_storage(declared.storage)
    yield from examine(
        [
            ("server", partial(server, declared.server)),
            ("compute", partial(scheduler, declared.compute)),
        ],
        _PATIENCE,
    )


def _of_storage(root: str) -> Iterator[Finding]:
    """Where there is none, or it cannot be used, nothing more is asked of it."""
    rights = list(examine([("storage", partial(_on, storage_root.rights, root))], _PATIENCE))
    yield from rights
    if all(finding.grade == "ok" for finding in rights):
        looks = {
            "disk": storage_root.disk,
            "leases": storage_root.leases,
            "champion": storage_root.champion,
            "clock": clocks.storage_clock,
        }
        yield from examine((subject, partial(_on, look, root)) for subject, look in looks.items())


def _on(look: Callable[[Storage], Iterable[Finding]], root: str) -> Iterable[Finding]:
    return look(Storage(root))


def told(findings: list[Finding]) -> Told:
    """A line for each, a second one where something is to be done."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.grade:4}  {finding.subject:15}  {finding.told}")
        if finding.todo:
            lines.append(f"{'':23}{finding.todo}")
    counts = {grade: sum(finding.grade == grade for finding in findings) for grade in ("ok", "warn", "fail")}
    lines.append(", ".join(f"{count} {grade}" for grade, count in counts.items()))
    return lines, {**counts, "findings": [vars(finding) for finding in findings]}
