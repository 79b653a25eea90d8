"""Owns what a rehearsal does to the bucket and sees of it, without the program that is rehearsed.

Invariant: reads with boto3 and deltalake as anybody could; what it puts there is remembered with its bytes and with
what should become of it. Does not know what becomes of it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
from deltalake import DeltaTable

from rehearsal.drops import Sent

Row = dict[str, Any]


class Bucket:
    """A bucket of a store, which need not be there all the time: a client tries for half a minute.

    :param store: what S3 clients are told of the store, as environment variables
    """

    def __init__(self, name: str, store: Mapping[str, str]) -> None:
        from botocore.config import Config

        self.name, self._store = name, dict(store)
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=store["AWS_ENDPOINT_URL"],
            aws_access_key_id=store["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=store["AWS_SECRET_ACCESS_KEY"],
            region_name=store["AWS_DEFAULT_REGION"],
            config=Config(retries={"mode": "standard", "total_max_attempts": 8}),
        )

    @property
    def root(self) -> str:
        """The storage root in it."""
        return f"s3://{self.name}/storage"

    def make(self) -> None:
        """Make the bucket."""
        self._client.create_bucket(Bucket=self.name)

    def put(self, folder: Path, prefix: str) -> None:
        """Copy a folder into it."""
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            key = f"{prefix}/{file.relative_to(folder)}"
            self._client.put_object(Bucket=self.name, Key=key, Body=file.read_bytes())

    def sent(self, folder: Path, prefix: str, sent: list[Sent]) -> list[Sent]:
        """What was written to a folder, as it is called once :meth:`put` has copied it."""
        return [replace(each, place=each.place.replace(str(folder), f"s3://{self.name}/{prefix}", 1)) for each in sent]

    def names(self, prefix: str) -> list[str]:
        """Keys below a prefix, without it."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=f"{prefix}/")
        return [item["Key"].removeprefix(f"{prefix}/") for page in pages for item in page.get("Contents", [])]

    def commits(self, table: str) -> int:
        """How many commits a table of the root has seen."""
        return len([name for name in self.names(f"storage/{table}/_delta_log") if name.endswith(".json")])

    def rows(self, table: str, *columns: str) -> list[Row]:
        """Some columns of a table of the root; none where there is no table."""
        if not self.commits(table):
            return []
        options = self._store | {"AWS_REGION": self._store["AWS_DEFAULT_REGION"]}
        found = DeltaTable(f"{self.root}/{table}", storage_options=options).to_pyarrow_table(columns=list(columns))
        rows: list[Row] = found.to_pylist()
        return rows

    def reports(self) -> list[Row]:
        """The data of all reports of the root, in the order in which their runs began."""
        names = sorted(name for name in self.names("storage/reports") if name.endswith("/report.json"))
        bodies = (self._client.get_object(Bucket=self.name, Key=f"storage/reports/{name}")["Body"] for name in names)
        return [json.loads(body.read()) for body in bodies]
