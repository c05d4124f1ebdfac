"""What a large file costs the client: seconds and memory, to upload it from a disk and to
download it to one.

The homeserver is a process of its own that throws uploads away and makes downloads of zeros. Each
transfer is a child process; its extra memory is its peak during the transfer less what it had
before. Plain requests, which streams both ways, stands beside it.

    python tests/benchmarks/media.py --size 1024
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CHECKOUT = Path(__file__).resolve().parents[2]
MIB = 1024**2
SERVER_NAME = "hs.test"
BOT = f"@bot:{SERVER_NAME}"
GHOST = f"@_ghost:{SERVER_NAME}"
TOKEN = "as_token"
OURS = "appservice_api"
CLIENTS = (OURS, "requests")
DIRECTIONS = ("upload", "download")


# The homeserver. A media ID is the number of bytes, so that it has nothing to remember.


class Handler(BaseHTTPRequestHandler):
    """Answers what a client of media asks."""

    protocol_version = "HTTP/1.1"
    block = bytearray(MIB)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/_matrix/client/versions":
            self.reply(200, {"versions": ["v1.11", "v1.12"]})
        elif path.endswith("/media/config"):
            self.reply(200, {"m.upload.size": 2**40})
        elif match := re.fullmatch(r"/_matrix/client/v1/media/download/[^/]+/(\d+)", path):
            self.send_zeros(int(match[1]))
        else:
            self.reply(404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})

    def do_POST(self) -> None:
        received = self.discard()
        if urlsplit(self.path).path == "/_matrix/media/v3/upload":
            self.reply(200, {"content_uri": f"mxc://{SERVER_NAME}/{received}"})
        else:
            self.reply(404, {"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"})

    def discard(self) -> int:
        """Read the body and forget it; its number of bytes."""
        length, received = int(self.headers.get("Content-Length", 0)), 0
        view = memoryview(bytearray(MIB))
        while received < length:
            read = self.rfile.readinto(view[: length - received])
            if not read:
                break
            received += read
        return received

    def reply(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.start(status, "application/json", len(body))
        self.wfile.write(body)

    def send_zeros(self, count: int) -> None:
        self.start(200, "application/octet-stream", count)
        while count:
            count -= self.wfile.write(self.block[:count] if count < MIB else self.block)

    def start(self, status: int, kind: str, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Disposition", "attachment")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: only the figures are printed."""


def serve() -> None:
    """Print the base URL, and serve until standard input closes."""
    import threading

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


@contextlib.contextmanager
def homeserver() -> Iterator[str]:
    """The base URL of one in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "serve"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


# The transfers, each in a child.


def our_transfers(url: str) -> dict[str, Callable[[Path, int], int]]:
    from appservice_api import AppServiceAPI

    intent: Any = AppServiceAPI(url, BOT, TOKEN).intent(GHOST)

    def upload(path: Path, size: int) -> int:
        return int(intent.upload_media(path).rpartition("/")[2])

    def download(path: Path, size: int) -> int:
        intent.download_media(f"mxc://{SERVER_NAME}/{size}", path=path)
        return path.stat().st_size

    return {"upload": upload, "download": download}


def requests_transfers(url: str) -> dict[str, Callable[[Path, int], int]]:
    import requests

    session = requests.Session()
    session.trust_env = False
    session.params = {"user_id": GHOST}
    session.headers["Authorization"] = f"Bearer {TOKEN}"

    def upload(path: Path, size: int) -> int:
        with path.open("rb") as file:
            reply = session.post(f"{url}/_matrix/media/v3/upload", data=file, timeout=60)
        reply.raise_for_status()
        return int(reply.json()["content_uri"].rpartition("/")[2])

    def download(path: Path, size: int) -> int:
        address = f"{url}/_matrix/client/v1/media/download/{SERVER_NAME}/{size}"
        with session.get(address, stream=True, timeout=60) as reply, path.open("wb") as file:
            reply.raise_for_status()
            for block in reply.iter_content(MIB // 16):
                file.write(block)
        return path.stat().st_size

    return {"upload": upload, "download": download}


TRANSFERS = {OURS: our_transfers, "requests": requests_transfers}


def memory(name: str) -> int | None:
    """A line of this process's status in bytes, None where the system has none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return None


def begin() -> int:
    """Forget the peak of memory so far; what is in use now, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return peak()
    return memory("VmRSS") or peak()


def peak() -> int:
    """The most memory that was in use, in bytes."""
    found = memory("VmHWM")
    if found is not None:
        return found
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def work(client: str, direction: str, url: str, path: Path, size: int) -> dict[str, float]:
    """One transfer, after small ones both ways that load what is needed."""
    transfers = TRANSFERS[client](url)
    small = path.with_name("small")
    small.write_bytes(bytes(MIB))
    for warm_up in DIRECTIONS:
        assert transfers[warm_up](small, MIB) == MIB
    before = begin()
    wall, cpu = time.perf_counter(), time.process_time()
    moved = transfers[direction](path, size)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    after = peak()
    if moved != size:
        raise SystemExit(f"{moved} bytes instead of {size} were moved")
    return {"seconds": wall, "cpu_seconds": cpu, "extra_mib": (after - before) / MIB,
            "before_mib": before / MIB}  # fmt: skip


def measure(client: str, direction: str, url: str, folder: Path, size: int) -> dict[str, Any]:
    path = folder / "large"
    if direction == "upload":
        make(path, size)
    command = [sys.executable, str(Path(__file__).resolve()), "worker"]
    command += [client, direction, url, str(path), str(size)]
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    paths = [str(CHECKOUT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    try:
        child = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    finally:
        path.unlink(missing_ok=True)
    return {"client": client, "direction": direction, "mib": size / MIB,
            **json.loads(child.stdout)}  # fmt: skip


def make(path: Path, size: int) -> None:
    """A file that is really on the disk."""
    block = os.urandom(MIB)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def show(rows: list[dict[str, Any]]) -> None:
    print(f"{'':26}{'MiB':>7}{'seconds':>10}{'CPU s':>8}{'MiB/s':>8}{'extra MiB':>11}")
    for row in rows:
        print(
            f"{row['client'] + ' ' + row['direction']:26}{row['mib']:7.0f}{row['seconds']:10.2f}"
            f"{row['cpu_seconds']:8.2f}{row['mib'] / row['seconds']:8.0f}{row['extra_mib']:11.1f}"
        )


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        serve()
        return
    if sys.argv[1:2] == ["worker"]:
        client, direction, url, path, size = sys.argv[2:]
        print(json.dumps(work(client, direction, url, Path(path), int(size))))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--size", type=int, default=1024, help="of the file, in MiB")
    parser.add_argument("--folder", type=Path, help="where it is put for a while")
    parser.add_argument("--client", choices=CLIENTS, action="append", help="which to measure")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    rows = []
    with homeserver() as url, tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for direction in DIRECTIONS:
            for client in options.client or CLIENTS:
                rows.append(measure(client, direction, url, Path(folder), options.size * MIB))
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        show(rows)


if __name__ == "__main__":
    main()
