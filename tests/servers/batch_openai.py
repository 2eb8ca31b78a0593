"""OpenAI's files and batches on loopback (API reference: Files, Batch; batch request input and output objects)."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from servers.batch_base import Batch, Call, File, Provider

TAG = "cotdistill_batch"


class OpenAIProvider(Provider):
    """/v1/files and /v1/batches, for chat completions and responses."""

    def result_line(self, key: str, request: Any) -> bytes:
        text = f"First, 1 + 1 = 2. This is for {key}. The answer is 2"
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        body: dict[str, Any] = {
            "id": f"chatcmpl-{key}",
            "object": "chat.completion",
            "model": request["body"]["model"] + "-2024-08-06",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"},
            ],
            "usage": usage,
        }
        if request["url"] == "/v1/responses":
            part = {"type": "output_text", "text": text, "annotations": []}
            message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
            body = {"id": f"resp_{key}", "object": "response", "status": "completed", "output": [message]}
            body |= {"model": request["body"]["model"], "error": None, "incomplete_details": None}
            body |= {"usage": {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}}
        return _line(key, {"status_code": 200, "request_id": "req_1", "body": body}, None)

    def error_line(self, key: str, code: int, message: str) -> bytes:
        body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
        return _line(key, {"status_code": code, "request_id": "req_2", "body": body}, None)

    def unrun_line(self, key: str, status: str) -> bytes | None:
        if status not in ("expired", "cancelled"):
            return None
        said = {"code": f"batch_{status}", "message": "This request could not be executed before the end."}
        return _line(key, None, said)

    def publish(self, batch: Batch, lines: list[bytes], errors: list[bytes]) -> None:
        if lines:
            batch.out = self.add_file(f"{batch.id}_output.jsonl", b"".join(lines)).id
        if errors:
            batch.errors = self.add_file(f"{batch.id}_error.jsonl", b"".join(errors)).id

    def handle(self, call: Call) -> None:
        match call.command, call.route.strip("/").split("/"):
            case "POST", ["v1", "files"]:
                fields = _form(call)
                assert fields["purpose"][1] == b"batch"
                name, data = fields["file"]
                call.send(_file(self.add_file(name or "", data)))
            case "GET", ["v1", "files"]:
                with self.lock:
                    files = [f for f in self.files.values() if not f.deleted and "_" not in f.name]
                    found = _page(call, [_file(f) for f in reversed(files)], 10_000)
                call.send(found)
            case "DELETE", ["v1", "files", file_id]:
                with self.lock:
                    file = self.files.get(file_id)
                    known = file is not None and not file.deleted
                    if file is not None:
                        file.deleted = True
                if known:
                    call.send({"id": file_id, "object": "file", "deleted": True})
                else:
                    call.send(_error(f"No such File object: {file_id}"), 404)
            case "GET", ["v1", "files", file_id, "content"]:
                call.send_file(self.files[file_id].data)
            case "POST", ["v1", "batches"]:
                self._create(call, json.loads(call.body))
            case "GET", ["v1", "batches"]:
                with self.lock:
                    found = _page(call, [_shown(b) for b in reversed(self.batches.values())], self.page)
                call.send(found)
            case "GET", ["v1", "batches", batch_id]:
                with self.lock:
                    batch = self.batches.get(batch_id)
                    if batch is not None:
                        self.tick(batch)
                if batch is None:
                    call.send(_error(f"No batch found with id '{batch_id}'."), 404)
                else:
                    call.send(_shown(batch))
            case _:
                call.send(_error(f"no route {call.command} {call.route}"), 404)

    def _create(self, call: Call, asked: dict[str, Any]) -> None:
        with self.lock:
            tag = (asked.get("metadata") or {}).get(TAG)
            file = self.files.get(asked["input_file_id"])
            if file is None or file.deleted:
                self.refused.append(str(tag))
                answer, code = _error("Invalid input_file_id: no such file"), 400
            else:
                assert asked["completion_window"] == "24h"
                lines = [json.loads(line) for line in file.data.splitlines()]
                assert all(line["method"] == "POST" and line["url"] == asked["endpoint"] for line in lines)
                batch = self.new_batch(tag, {line["custom_id"]: line for line in lines}, "batch_")
                answer, code = _shown(batch), 200
        call.send(answer, code)


def _line(key: str, response: Any, error: Any) -> bytes:
    return json.dumps({"id": "batch_req_1", "custom_id": key, "response": response, "error": error}).encode() + b"\n"


def _form(call: Call) -> dict[str, tuple[str | None, bytes]]:
    """The fields of a multipart/form-data body: file name (None for a plain field) and content."""
    head = f"Content-Type: {call.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + call.body)
    fields = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        fields[str(name)] = (part.get_filename(), part.get_payload(decode=True))
    return fields


def _page(call: Call, rows: list[dict[str, Any]], size: int) -> dict[str, Any]:
    size = min(size, int(call.query.get("limit", size)))
    after = call.query.get("after")
    start = next((i + 1 for i, row in enumerate(rows) if row["id"] == after), 0)
    page = rows[start : start + size]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": start + size < len(rows),
    }


def _file(file: File) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.data),
        "created_at": 1,
        "filename": file.name,
        "purpose": "batch",
        "status": "processed",
    }


def _shown(batch: Batch) -> dict[str, Any]:
    problem = batch.problem
    errors = {"object": "list", "data": [{"code": problem[0], "message": problem[1]}]} if problem else None
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": "/v1/chat/completions",
        "errors": errors,
        "input_file_id": "file-1",
        "completion_window": "24h",
        "status": batch.status,
        "output_file_id": batch.out,
        "error_file_id": batch.errors,
        "created_at": batch.created,
        "request_counts": {"total": len(batch.keys), "completed": batch.n_done, "failed": batch.n_failed},
        "metadata": {TAG: batch.tag} if batch.tag else None,
    }


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
