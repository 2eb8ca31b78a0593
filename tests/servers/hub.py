"""A Hugging Face hub on loopback: what huggingface_hub sends to upload a data set, received and checked."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_loopback"


class Hub(ThreadingHTTPServer):
    """`repositories`: name -> {"private": bool, "files": path -> content, "message"}. Files named in `large` go by LFS.
    `status`: answer every call with it instead."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, bytes] = {}
        self.large = (".parquet", ".jsonl", ".json")
        self.asked: list[str] = []
        self.status: int | None = None
        self.address = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        hub, path, body = self.server, self.path.split("?")[0], self._body()
        hub.asked.append(f"POST {path}")
        if self._refused():
            return
        if path == "/api/repos/create":
            asked = json.loads(body)
            name = asked.get("organization", "me") + "/" + asked["name"]
            assert asked["type"] == "dataset"
            known = name in hub.repositories
            hub.repositories.setdefault(name, {"private": asked["visibility"] == "private", "files": {}, "message": ""})
            self._answer(409 if known else 200, {"url": f"{hub.address}/datasets/{name}"})
        elif path == "/api/validate-yaml":
            content = json.loads(body)["content"]
            assert content.startswith("---\n") and json.loads(body)["repoType"] == "dataset"
            self._answer(200, {"errors": [], "warnings": []})
        elif path.endswith("/preupload/main"):
            files = [
                {
                    "path": f["path"],
                    "uploadMode": "lfs" if f["path"].endswith(hub.large) else "regular",
                    "shouldIgnore": False,
                }
                for f in json.loads(body)["files"]
            ]
            self._answer(200, {"files": files})
        elif path.endswith("/info/lfs/objects/batch"):
            actions = [
                {**o, "actions": {"upload": {"href": f"{hub.address}/lfs/{o['oid']}"}}}
                for o in json.loads(body)["objects"]
            ]
            self._answer(200, {"transfer": "basic", "objects": actions})
        elif "/commit/" in path:
            self._commit(path, [json.loads(line) for line in body.splitlines()])
        else:
            self._answer(404, {"error": f"no route {path}"})

    def do_PUT(self) -> None:
        content = self._body()
        self.server.asked.append(f"PUT {self.path}")
        oid = self.path.rsplit("/", 1)[1]
        right = hashlib.sha256(content).hexdigest() == oid
        if right:
            self.server.stored[oid] = content
        self._answer(200 if right else 400, {})

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        if self._refused():
            return
        name = self.path.split("?")[0].removeprefix("/api/datasets/").removesuffix("/revision/main")
        if name in self.server.repositories:
            self._answer(200, {"id": name, "private": self.server.repositories[name]["private"], "sha": "0" * 40})
        else:
            self._answer(404, {"error": "not here"})

    def _commit(self, path: str, lines: list[dict[str, Any]]) -> None:
        name = path.removeprefix("/api/datasets/").split("/commit/")[0]
        repository = self.server.repositories[name]
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                repository["message"] = value["summary"]
            elif line["key"] == "file":
                repository["files"][value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                repository["files"][value["path"]] = self.server.stored[value["oid"]]
            else:
                raise AssertionError(line["key"])
        oid = "1" * 40
        url = f"{self.server.address}/datasets/{name}/commit/{oid}"
        self._answer(200, {"commitUrl": url, "commitOid": oid, "hookOutput": ""})

    def _refused(self) -> bool:
        status = self.server.status or (200 if self.headers.get("authorization") == f"Bearer {TOKEN}" else 401)
        if status != 200:
            self._answer(status, {"error": "refused by the test"})
        return status != 200

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            blocks = []
            while size := int(self.rfile.readline(), 16):
                blocks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(blocks)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def running() -> Iterator[Hub]:
    """A hub that listens while the block runs."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
