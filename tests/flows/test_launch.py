"""A run started from a command line: whatever ends it, people are told, once."""

from pathlib import Path
from typing import Any

import pytest

from flows import launch as module
from nightsort.config.intake import ClassifyParams
from nightsort.leases import lease
from nightsort.storage import Storage
from tests.webhooks import Webhook


def test_a_mistake_is_told_though_it_leaves_no_report(
    nightsort: Any, tmp_path: Path, root: Path, webhook: Webhook
) -> None:
    assert nightsort("classify", tmp_path / "missing", "--storage", root).code == 2
    (told,) = webhook.told
    assert (told["occasion"], told["storage"]) == ("failed", str(root))
    assert told["text"].startswith(
        f"Nightsort: classify failed: SourceError: source {tmp_path / 'missing'}: does not exist"
    )


def test_a_run_that_failed_is_told_once(nightsort: Any, tmp_path: Path, root: Path, webhook: Webhook) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "notes.png").write_text("not a picture")
    said = nightsort(
        "classify", tmp_path / "drop", "--storage", root, "--min-quarantined", 1, "--settle-seconds", 0, "--sample", 0
    )
    assert said.code == 1
    assert [item["text"].split(": ")[1:3] for item in webhook.told] == [["classify failed", "CeilingError"]]


def test_a_run_that_found_another_at_work_is_not(nightsort: Any, root: Path, pictures: Any, webhook: Webhook) -> None:
    drop = pictures.plain(root.parent / "drop", 1)
    with lease.hold(Storage(str(root)), "predictions"):
        assert nightsort("classify", drop.folder, "--storage", root, "--sample", 0).code == 0
    assert webhook.told == []


@pytest.mark.parametrize(
    ("end", "told"), [(SystemExit(143), True), (KeyboardInterrupt(), False), (ValueError("a"), True)]
)
def test_the_hand_of_a_person_is_no_failure(
    end: BaseException, told: bool, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flow(_: ClassifyParams) -> None:
        raise end

    monkeypatch.setattr(module, "function_named", lambda _: flow)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(type(end)):
        module.launch("classify", ClassifyParams(source="drop"), "http://127.0.0.1:9/api")
    assert [item["occasion"] for item in webhook.told] == ["failed"] * told
