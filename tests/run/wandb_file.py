"""Reads what W&B wrote offline: records of protobuf in blocks of LevelDB's log format."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER, BLOCK, CHUNK = 7, 32768, 7  # bytes: of the file, of a block, before each piece of a record


def _records(content: bytes) -> Iterator[bytes]:
    place, whole = HEADER, b""
    while place < len(content):
        if BLOCK - place % BLOCK < CHUNK:  # padding
            place += BLOCK - place % BLOCK
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        whole += content[place + CHUNK : place + CHUNK + length]
        place += CHUNK + length
        if kind in (1, 4):  # whole, or its last piece
            yield whole
            whole = b""


def history_and_summary(file: Path) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    """The rows logged, the summary, and the configuration."""
    from wandb.proto.wandb_internal_pb2 import Record

    history: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for data in _records(file.read_bytes()):
        record = Record.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "history":
            items = {
                (item.key or "/".join(item.nested_key)): json.loads(item.value_json) for item in record.history.item
            }
            history.append(items)
        elif kind == "summary":
            summary |= {(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in record.summary.update}
        elif kind == "run":
            config |= {i.key: json.loads(i.value_json) for i in record.run.config.update}
    return history, summary, config
