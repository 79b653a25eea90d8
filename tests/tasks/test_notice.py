"""People are told once, by a plain webhook, of what they want to be told of; its address stays a secret."""

import logging
import socket
import threading

import pytest

from tasks import notice
from tests.webhooks import Webhook

EVERY = ("failed", "crashed", "refused", "drift")


def test_what_is_told_is_one_json_object(webhook: Webhook) -> None:
    notice.tell("/srv/data", EVERY, "drift", 'pictures drifted: "sharpness" <b>', run_id="r1")
    text = 'Nightsort: pictures drifted: "sharpness" <b>'
    assert webhook.told == [{"text": text, "occasion": "drift", "storage": "/srv/data", "run_id": "r1"}]


def test_a_long_story_is_cut(webhook: Webhook) -> None:
    notice.tell("/srv/data", EVERY, "failed", "x" * 100_000)
    assert 100 < len(webhook.told[0]["text"]) < 2000


def test_nobody_is_told_of_what_they_do_not_want(webhook: Webhook) -> None:
    notice.tell("/srv/data", ("failed",), "drift", "pictures drifted")
    assert webhook.told == []


def test_without_an_address_nothing_is_sent(receiver: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(notice.ADDRESS, raising=False)
    receiver.told.clear()
    notice.tell("/srv/data", EVERY, "drift", "pictures drifted")
    assert receiver.told == []


def test_where_an_automation_tells_the_plain_webhook_is_silent(
    webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notice, "in_flow_run", lambda: True)
    monkeypatch.setattr(notice, "is_automated", lambda _, occasion: occasion == "drift")
    for occasion in ("drift", "refused"):
        notice.tell("/srv/data", EVERY, occasion, "something")
    assert [item["occasion"] for item in webhook.told] == ["refused"]


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9/s3cret", "s3cret", "gopher://s3cret", "http://s3cret\n", "http://[s3cret"]
)
def test_an_address_that_does_not_work_is_a_warning_without_the_address(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(notice.ADDRESS, address)
    with caplog.at_level(logging.WARNING):
        notice.tell("/srv/data", EVERY, "drift", "pictures drifted")
    (record,) = [item for item in caplog.records if item.name == "tasks.notice"]
    assert "NIGHTSORT_WEBHOOK" in record.getMessage() and "pictures drifted" in record.getMessage()
    assert "s3cret" not in caplog.text


def test_an_address_that_refuses_is_a_warning(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    webhook.status = 503
    with caplog.at_level(logging.WARNING):
        notice.tell("/srv/data", EVERY, "drift", "pictures drifted")
    assert "it answered 503" in caplog.text and "s3cret" not in caplog.text


def test_an_answer_that_never_ends_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        open_ones = []

        def answer() -> None:
            open_ones.append(server.accept()[0])
            open_ones[0].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        monkeypatch.setenv(notice.ADDRESS, f"http://127.0.0.1:{server.getsockname()[1]}/")
        notice.post("/srv/data", EVERY, "drift", "pictures drifted")
        thread.join()
        open_ones[0].close()
    assert caplog.records == []
