"""The S3 server of the topology: what it acknowledged is there after kill -9, and of many who create one succeeds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.waiting import until
from topology.supervisor import answers, free_ports

REPOSITORY = Path(__file__).resolve().parent.parent.parent
Start = Callable[[], "subprocess.Popen[bytes]"]


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def start(port: int, tmp_path: Path) -> Iterator[Start]:
    """Starter of the server on one journal."""
    started: list[subprocess.Popen[bytes]] = []

    def begin() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "topology.store", str(port), str(tmp_path / "journal")]
        process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
        started.append(process)
        until(lambda: answers(port), "the store")
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def client(port: int) -> Any:
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", **keys)


def test_kill_9_loses_nothing_that_was_acknowledged(start: Start, client: Any, tmp_path: Path) -> None:
    process = start()
    client.create_bucket(Bucket="bucket")
    for number in range(20):
        client.put_object(Bucket="bucket", Key=f"some/{number}", Body=bytes([number]) * number)
    client.delete_object(Bucket="bucket", Key="some/7")
    where = {"Bucket": "bucket", "Key": "parts"}
    upload = {**where, "UploadId": client.create_multipart_upload(**where)["UploadId"]}
    first = client.upload_part(**upload, PartNumber=1, Body=b"a" * 5 * 1024 * 1024)["ETag"]
    before = client.list_objects_v2(Bucket="bucket")["Contents"]

    def create(number: int) -> bool:
        try:
            client.put_object(Bucket="bucket", Key="once", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = [number for number, success in enumerate(pool.map(create, range(8))) if success]
    process.send_signal(signal.SIGKILL)
    process.wait()
    with (tmp_path / "journal").open("ab") as journal:
        journal.write(b"\0\0\0\0\0\0\1\0half a cha")  # what kill -9 leaves of a change that nobody was told of

    process = start()
    after = client.list_objects_v2(Bucket="bucket")["Contents"]
    assert [item for item in after if item["Key"] != "once"] == before, "also the dates"
    assert len(before) == 19 and len(won) == 1
    assert client.get_object(Bucket="bucket", Key="once")["Body"].read() == b"%d" % won[0]
    assert not create(9)
    second = client.upload_part(**upload, PartNumber=2, Body=b"b")["ETag"]
    parts = [{"PartNumber": 1, "ETag": first}, {"PartNumber": 2, "ETag": second}]
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    process.send_signal(signal.SIGKILL)
    process.wait()
    start()
    assert client.head_object(Bucket="bucket", Key="parts")["ContentLength"] == 5 * 1024 * 1024 + 1
