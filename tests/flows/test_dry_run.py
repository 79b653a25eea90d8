"""A dry run says what would be done, and nothing is done: not a byte of the storage root changes."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.actions.dry_run import PREVIEWS
from flows.commands.launching import PREVIEWED
from nightsort.config.intake import ClassifyParams
from nightsort.dataset.versions import Dataset
from nightsort.errors import WriteError
from nightsort.leases import lease
from nightsort.quarantine import Quarantine
from nightsort.storage import Storage
from tasks.preview import Preview
from tests.flows.commands import Said

Fingerprint = Callable[[Path], dict[str, str]]


@pytest.fixture
def dry(
    nightsort: Callable[..., Said], root: Path, fingerprint: Fingerprint, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """A command with --dry-run on the copied root, which must stay as it is, and nobody may hold it."""
    monkeypatch.setattr("tasks.runs.hold", lambda *_, **__: pytest.fail("a dry run took a lease"))
    before = fingerprint(root)

    def run(*words: object) -> Said:
        said = nightsort(*words, "--storage", root, "--dry-run", "--json")
        assert fingerprint(root) == before
        assert said.code == 0, said.err
        assert said.data["dry_run"] is True and any("nothing was written" in line for line in said.err)
        return said

    return run


def test_every_flow_that_is_said_to_have_one_has_one() -> None:
    assert set(PREVIEWED) == PREVIEWS.keys()


def test_classify_says_what_is_new_and_by_which_model(dry: Callable[..., Said], tmp_path: Path, pictures: Any) -> None:
    drop = pictures.mixed(tmp_path / "drop")
    said = dry("classify", drop.folder, "--settle-seconds", 0)
    read = drop.tally["discovered"] - drop.tally["deferred"] - drop.tally["skipped"]
    assert (said.data["discovered"], said.data["new"], said.data["model"]) == (drop.tally["discovered"], read, 1)
    assert said.data["reasons"] == {"still_written": 1, "ignored_name": 1}
    assert f"model 1 would classify {read} pictures on openvino-fp32" in said.err[1]
    assert said.data["seconds"] is None  # no night has shown how fast it is


def test_classify_tells_what_it_knows_and_how_long_the_rest_takes(
    nightsort: Callable[..., Said], dry: Callable[..., Said], tmp_path: Path, root: Path, pictures: Any,
    fingerprint: Fingerprint, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    drop = pictures.plain(tmp_path / "drop", 6).folder
    monkeypatch.undo()
    words = ("classify", drop, "--storage", root, "--settle-seconds", 0, "--sample", 0)
    monkeypatch.setattr("flows.launch.is_alive", lambda _: False)
    monkeypatch.setattr("flows.classify.Workers", pytest.importorskip("tests.flows.conftest").Inline)
    assert nightsort(*words).code == 0
    pictures.plain(tmp_path / "more", 3, start=5000)
    for file in (tmp_path / "more").iterdir():
        shutil.copy(file, drop / f"new-{file.name}")
    before = fingerprint(root)
    said = nightsort(*words, "--dry-run", "--json")
    assert (said.data["discovered"], said.data["new"], said.data["reasons"]) == (9, 3, {"known": 6})
    assert said.data["seconds"] > 0 and "at the" in said.err[2]
    assert fingerprint(root) == before


def test_ingest_names_classes_and_what_has_no_label(dry: Callable[..., Said], tmp_path: Path, pictures: Any) -> None:
    folder = pictures.labelled(tmp_path / "new", {"red": 2, "amber": 5}, start=500)
    (folder / "stray.png").write_bytes(pictures.one("red", 900))
    (folder / "Thumbs.db").write_bytes(b"windows was here")
    said = dry("ingest", folder, "--settle-seconds", 0)
    assert said.data["classes"] == {"red": 2, "amber": 5}
    assert (said.data["unlabelled"], said.data["reasons"]) == (1, {"ignored_name": 1})
    assert said.data["dataset_version"] is not None
    rows = [line.split() for line in said.err if line.startswith("  ")]
    assert rows[1:] == [["amber", "0", "5"], ["red", "40", "42"]]  # the rarest first


def test_train_shows_the_plan_of_its_balance(dry: Callable[..., Said]) -> None:
    said = dry("train", "--balance", "undersampling")
    classes = said.data["classes"]
    rarest = min(splits["train"] for splits in classes.values())
    assert classes.keys() == {"red", "green", "blue"}
    assert {splits["undersampling"] for splits in classes.values()} == {rarest}
    assert "small_resnet would learn 3 classes" in said.err[0]


def test_retrain_tells_the_verdict_of_the_rule(dry: Callable[..., Said], tmp_path: Path, pictures: Any) -> None:
    assert dry("retrain", "--if-needed").data["needed"] is False
    source = pictures.labelled(tmp_path / "new", {"red": 3}, start=500)
    said = dry("retrain", "--source", source, "--rescore", tmp_path)
    assert said.data["ingest"]["classes"] == {"red": 3} and said.data["train"]["model"] == "small_resnet"
    assert any("would be classified again" in line for line in said.err)


def test_augment_counts_the_copies(dry: Callable[..., Said], root: Path) -> None:
    train = {label: splits["train"] for label, splits in Dataset(Storage(str(root))).counts().items()}
    below = max(train.values()) + 1
    assert dry("augment", "--below", below).data["copies"] == {label: below - have for label, have in train.items()}


def test_promote_says_who_would_follow_whom(
    dry: Callable[..., Said], nightsort: Callable[..., Said], root: Path
) -> None:
    assert dry("promote").data == {"dry_run": True, "flow": "promote", "model": 1, "champion": 1}
    assert "would be judged against champion 1" in dry("models", "promote", 1).err[0]
    for words in (("models", "rollback", "--why", "x"), ("models", "promote", 1, "--force", "--why", "x")):
        assert nightsort(*words, "--storage", root, "--dry-run").code == 2  # as without --dry-run


def test_what_keeps_order_has_one_too(
    dry: Callable[..., Said], nightsort: Callable[..., Said], tmp_path: Path, root: Path
) -> None:
    rows = Quarantine(Storage(str(root))).rows("reason").num_rows
    assert dry("quarantine", "requeue", "--all").data["requeued"] == rows
    small = dry("datasets", "--compact").data["merged"]
    assert nightsort("datasets", "--compact", "--storage", root, "--json").data["merged"] == small > 1
    assert nightsort("datasets", "--dry-run", "--storage", root).code == 2
    assert nightsort("backup", tmp_path / "kept", "--storage", root).code == 0
    said = nightsort("restore", tmp_path / "kept", "--dry-run", "--storage", tmp_path / "new", "--json")
    assert (said.code, said.data["dry_run"]) == (0, True) and said.data["files"] > 0
    assert not (tmp_path / "new").exists()
    assert nightsort("restore", tmp_path / "kept", "--dry-run", "--storage", root).code == 2


def test_a_pipeline_has_the_dry_run_of_its_flow(nightsort: Callable[..., Said], tmp_path: Path, pictures: Any) -> None:
    pictures.labelled(tmp_path / "pictures", {"red": 3, "blue": 4})
    file = tmp_path / "pipelines.yaml"
    file.write_text(
        "storage: none\npipelines:\n  take: {flow: ingest, parameters: {source: pictures, settle_seconds: 0}}\n"
        "  look: {flow: audit}\n"
    )
    said = nightsort("run", "take", "--dry-run", "--config", file, "--json")
    assert said.data["classes"] == {"red": 3, "blue": 4} and "the first version" in said.err[1]
    refused = nightsort("run", "look", "--dry-run", "--config", file)
    assert (refused.code, len(refused.err)) == (2, 1) and "audit has none" in refused.err[0]
    assert not (tmp_path / "none").exists()


def test_a_mistake_is_the_same_mistake(nightsort: Callable[..., Said], tmp_path: Path) -> None:
    for words in (f"classify {tmp_path}", "train", f"ingest {tmp_path / 'nowhere'}", "retrain --if-needed"):
        said, dry = (nightsort(*words.split(), "--storage", tmp_path / "none", *more) for more in ((), ("--dry-run",)))
        assert (dry.code, dry.err) == (said.code, said.err) == (2, said.err)
    assert not (tmp_path / "none").exists()


def test_a_preview_can_write_nothing(root: Path) -> None:
    with Preview("classify", ClassifyParams(source="drop", storage=str(root))) as run:
        for write in (run.storage.write_bytes, run.storage.create_bytes):
            with pytest.raises(WriteError, match="a dry run writes nothing"):
                write("reports/x", b"")
        with pytest.raises(WriteError):
            run.storage.remove("reports")
    with lease.hold(Storage(str(root)), "dataset"):
        pass
