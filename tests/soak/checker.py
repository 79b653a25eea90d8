"""Owns the verdict on a storage root after a classification: what was lost, doubled, put to the wrong file, or torn.

Invariant: knows the bytes of the source and the files of the tables, and nothing of the program that wrote them: it
hashes by itself, reads with deltalake and pyarrow, and imports nothing of Nightsort.
"""

import hashlib
import json
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

BROKEN = ("broken", "deadly")
"""How the name of a file begins that is no picture, or that kills who decodes it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Expected:
    """What lies in a source: `path` or `path!member`, relative to it, and the SHA-256 of the bytes there."""

    good: dict[str, str]
    bad: dict[str, str]


@dataclass
class Findings:
    """What is wrong, a list of places or hashes for each kind of fault; all are empty where nothing is."""

    lost: list[str] = field(default_factory=list)  # pictures without a prediction, files without a verdict
    doubled: list[str] = field(default_factory=list)  # more than one row for one picture, place or verdict
    misplaced: list[str] = field(default_factory=list)  # a row whose place holds other bytes, or that nobody sent
    torn: list[str] = field(default_factory=list)  # a file of a log that is missing, short, damaged, or not as stated
    differing: list[str] = field(default_factory=list)  # another answer than that of the undisturbed run
    forgotten: list[str] = field(default_factory=list)  # copies that would be read again every night

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def midway(self) -> "Findings":
        """The same, leaving out what a run that has not ended may still owe."""
        return Findings(doubled=self.doubled, misplaced=self.misplaced, torn=self.torn, differing=self.differing)

    def __str__(self) -> str:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return "; ".join(f"{len(rows)} {name}: {', '.join(rows[:3])}" for name, rows in found.items() if rows) or "none"


def survey(source: Path) -> Expected:
    """Hash every file and every member of every archive."""
    found = {place: hashlib.sha256(data).hexdigest() for place, data in _contents(source)}
    bad = {place: digest for place, digest in found.items() if _name(place).startswith(BROKEN)}
    return Expected({place: digest for place, digest in found.items() if place not in bad}, bad)


def check(root: Path, source: Path, expected: Expected, answers: dict[str, Row], tolerance: float) -> Findings:
    """Hold the tables of a storage root against the source and the answers of an undisturbed run.

    :param answers: SHA-256 -> label and confidence, as :func:`predictions` gives them; empty compares none
    :param tolerance: largest difference of two confidences that counts as none
    """
    findings = Findings()
    rows = {name: _rows(root / name, findings.torn) for name in ("predictions", "copies", "quarantine")}
    for name in rows:
        for row in rows[name]:
            row["place"] = _place(row, source)
    verdicts = [row for row in rows["quarantine"] if row["flow"] == "classify"]
    _check_once(rows["predictions"], rows["copies"], verdicts, expected, findings)
    _check_places([*rows["predictions"], *rows["copies"], *verdicts], expected, findings)
    predicted = {row["sha256"]: row for row in rows["predictions"]}
    for sha256, answer in answers.items():
        if (row := predicted.get(sha256)) and (
            row["label"] != answer["label"] or abs(row["confidence"] - answer["confidence"]) > tolerance
        ):
            findings.differing.append(f"{row['place']} {row['label']} {row['confidence']:.4f}, not {answer}")
    return findings


def predictions(root: Path) -> dict[str, Row]:
    """SHA-256 -> label and confidence of every prediction."""
    return {
        row["sha256"]: {key: row[key] for key in ("label", "confidence")} for row in _rows(root / "predictions", [])
    }


def _check_once(
    predicted: list[Row], copies: list[Row], verdicts: list[Row], expected: Expected, findings: Findings
) -> None:
    of_model = Counter((row["sha256"], row["model_version"], row["preprocessing"]) for row in predicted)
    found = {sha256 for sha256, *_ in of_model}
    findings.lost += sorted(set(expected.good.values()) - found)
    findings.doubled += [f"{key[0]} x{count}" for key, count in of_model.items() if count > 1]
    places = Counter(row["place"] for row in verdicts)
    findings.lost += sorted(expected.bad.keys() - places.keys())
    findings.doubled += [f"{place} quarantined x{count}" for place, count in places.items() if count > 1]
    kept = Counter((row["place"], row["stamp"]) for row in copies)
    findings.doubled += [f"{place} copied x{count}" for (place, _), count in kept.items() if count > 1]
    known = {row["place"] for row in (*predicted, *copies)}
    findings.forgotten += sorted(place for place, sha256 in expected.good.items() if place not in known)


def _check_places(rows: Iterable[Row], expected: Expected, findings: Findings) -> None:
    """Every row lies where it says, and only what is bad is in quarantine."""
    for row in rows:
        sent = expected.bad if "reason" in row else expected.good
        if row["place"] not in sent:
            findings.misplaced.append(f"{row['place']}: {row.get('reason', row.get('label'))}, was not sent so")
        elif row["sha256"] not in (sent[row["place"]], None if "reason" in row else sent[row["place"]]):
            findings.misplaced.append(f"{row['place']}: {row['sha256']}, holds {sent[row['place']]}")


def _rows(table: Path, torn: list[str]) -> list[Row]:
    """All rows of a Delta table; what of its log or its files cannot be read is said in `torn`."""
    if not any((table / "_delta_log").glob("*.json")):
        return []  # not made yet, or cut off while it was being made
    torn += _torn_log(table / "_delta_log")
    try:
        actions = pa.table(DeltaTable(str(table)).get_add_actions(flatten=True)).to_pylist()
    except Exception as error:
        torn.append(f"{table}: {error}")
        return []
    rows: list[Row] = []
    for action in actions:
        file = table / action["path"]
        try:
            found = pq.ParquetFile(file, page_checksum_verification=True).read().to_pylist()
            if (file.stat().st_size, len(found)) != (action["size_bytes"], action["num_records"]):
                torn.append(f"{file}: not the bytes or rows that the log states")
            rows += found
        except (OSError, pa.ArrowException) as error:
            torn.append(f"{file}: {error}")
    return rows


def _torn_log(log: Path) -> list[str]:
    entries = sorted(log.glob("*.json"))
    torn = [f"{log}: entry {number} is missing" for number, file in enumerate(entries) if int(file.stem) != number][:1]
    for file in entries:
        try:
            if not [json.loads(line) for line in file.read_text().splitlines()]:
                torn.append(f"{file}: is empty")
        except ValueError as error:
            torn.append(f"{file}: {error}")
    return torn


def _contents(source: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(place for place in source.rglob("*") if place.is_file()):
        name = str(file.relative_to(source))
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                yield from ((f"{name}!{member}", archive.read(member)) for member in archive.namelist())
        elif ".tar" in file.suffixes:
            with tarfile.open(file) as archive:
                yield from ((f"{name}!{entry.name}", _read(archive, entry)) for entry in archive)
        else:
            yield name, file.read_bytes()


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(entry)
    assert file is not None, f"{entry.name}: the sources have regular members only"
    return file.read()


def _place(row: Row, source: Path) -> str:
    path = row["path"].removeprefix(f"{source}/")
    return f"{path}!{row['member']}" if row["member"] else path


def _name(place: str) -> str:
    return place.rpartition("!")[2].rpartition("/")[2]
