"""Gemini's files and batches on loopback (API reference: models.batchGenerateContent, batches, files)."""

import json
from typing import Any

from servers.batch_base import Batch, Call, File, Provider

PREFIX = "cotdistill-"
STATES = {
    "validating": "BATCH_STATE_PENDING",
    "in_progress": "BATCH_STATE_RUNNING",
    "finalizing": "BATCH_STATE_RUNNING",
    "completed": "BATCH_STATE_SUCCEEDED",
    "failed": "BATCH_STATE_FAILED",
    "cancelled": "BATCH_STATE_CANCELLED",
    "expired": "BATCH_STATE_EXPIRED",
}


class GeminiProvider(Provider):
    """/upload/v1beta/files, /v1beta/files, :batchGenerateContent and /v1beta/batches."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(seed)
        self.uploads: dict[str, dict[str, Any]] = {}

    def result_line(self, key: str, request: Any) -> bytes:
        text = f"First, 1 + 1 = 2. This is for {key}. The answer is 2"
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
        usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}
        response = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-test"}
        return json.dumps({"key": key, "response": response}).encode() + b"\n"

    def error_line(self, key: str, code: int, message: str) -> bytes:
        rpc = {400: 3, 429: 8, 503: 14}[code]
        return json.dumps({"key": key, "error": {"code": rpc, "message": message}}).encode() + b"\n"

    def unrun_line(self, key: str, status: str) -> bytes | None:
        return None

    def publish(self, batch: Batch, lines: list[bytes], errors: list[bytes]) -> None:
        name = "files/batch-" + batch.id.split("/")[1]
        batch.out = self.add_file(name, b"".join([*lines, *errors]), name).id

    def handle(self, call: Call) -> None:
        match call.command, call.route.strip("/").split("/"):
            case "POST", ["upload", "v1beta", "files"]:
                self._upload(call)
            case "DELETE", ["v1beta", "files", name]:
                with self.lock:
                    file = self.files.get(f"files/{name}")
                    known = file is not None and not file.deleted
                    if file is not None:
                        file.deleted = True
                said = "You do not have permission to access the File or it may not exist."
                call.send({} if known else _error(403, said, "PERMISSION_DENIED"), 200 if known else 403)
            case "GET", ["v1beta", "files", name] if name.endswith(":download"):
                call.send_file(self.files["files/" + name.removesuffix(":download")].data)
            case "POST", ["v1beta", "models", model] if model.endswith(":batchGenerateContent"):
                self._create(call, json.loads(call.body)["batch"])
            case "GET", ["v1beta", "batches"]:
                size = min(self.page, int(call.query.get("pageSize", self.page)))
                start = int(call.query.get("pageToken", 0))
                with self.lock:
                    rows = [_shown(b) for b in reversed(self.batches.values())]
                more = {"nextPageToken": str(start + size)} if start + size < len(rows) else {}
                call.send({"operations": rows[start : start + size]} | more)
            case "GET", ["v1beta", "batches", name]:
                with self.lock:
                    batch = self.batches.get(f"batches/{name}")
                    if batch is not None:
                        self.tick(batch)
                if batch is None:
                    call.send(_error(404, "Requested entity was not found.", "NOT_FOUND"), 404)
                else:
                    call.send(_shown(batch))
            case _:
                call.send(_error(404, f"no route {call.command} {call.route}", "NOT_FOUND"), 404)

    def _upload(self, call: Call) -> None:
        """The resumable upload: `start` gives an address, `upload, finalize` makes the file."""
        if call.headers["X-Goog-Upload-Command"] == "start":
            wanted = json.loads(call.body)["file"]
            with self.lock:
                there = self.files.get(wanted["name"])
                taken = there is not None and not there.deleted
                ticket = str(len(self.uploads))
                self.uploads[ticket] = wanted | {"size": int(call.headers["X-Goog-Upload-Header-Content-Length"])}
            if taken:
                call.send(_error(409, f"File {wanted['name']} already exists.", "ALREADY_EXISTS"), 409)
                return
            url = f"http://{call.headers['Host']}/upload/v1beta/files?upload_id={ticket}"
            call.send({}, 200, {"x-goog-upload-url": url, "x-goog-upload-status": "active"})
            return
        wanted = self.uploads[call.query["upload_id"]]
        assert call.headers["X-Goog-Upload-Command"] == "upload, finalize"
        assert len(call.body) == wanted["size"]
        file = self.add_file(wanted["name"], call.body, wanted["name"])
        call.send({"file": _file(file, wanted)}, 200, {"x-goog-upload-status": "final"})

    def _create(self, call: Call, asked: dict[str, Any]) -> None:
        with self.lock:
            name = asked["displayName"]
            tag = name.removeprefix(PREFIX) if name.startswith(PREFIX) else None
            file = self.files.get(asked["inputConfig"]["fileName"])
            if file is None or file.deleted:
                self.refused.append(str(tag))
                answer, code = _error(400, "The input file does not exist.", "INVALID_ARGUMENT"), 400
            else:
                lines = [json.loads(line) for line in file.data.splitlines()]
                assert all("contents" in line["request"] for line in lines)
                batch = self.new_batch(tag, {line["key"]: line["request"] for line in lines}, "batches/b")
                answer, code = _shown(batch), 200
        call.send(answer, code)


def _file(file: File, wanted: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": file.id,
        "displayName": wanted.get("displayName"),
        "sizeBytes": str(len(file.data)),
        "state": "ACTIVE",
    }


def _shown(batch: Batch) -> dict[str, Any]:
    done = batch.status not in ("validating", "in_progress", "finalizing")
    meta: dict[str, Any] = {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
        "model": "models/gemini-test",
        "displayName": PREFIX + batch.tag if batch.tag else "somebody else's",
        "createTime": "2026-01-02T03:04:05.123456Z",
        "state": STATES[batch.status],
        "name": batch.id,
    }
    if batch.out is not None:
        meta["output"] = {"responsesFile": batch.out}
    return {"name": batch.id, "metadata": meta, "done": done}


def _error(code: int, message: str, status: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status}}
