"""A program that serves: started, used by others over loopback, and stopped whatever happens."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .program import Command

READY_WITHIN = 20  # seconds
BACKSTOP = 900     # seconds after which a server ends by itself, should whoever started it have been killed outright


class NotServed(Exception):
    """A client did not end well, or a server did not come up. The message says which."""


class NotUp(NotServed):
    """The server did not come up, so it has not been asked to end."""


@dataclass(frozen=True)
class Service(Command):
    """A server to start, which writes its process id to `pid_file` once it listens on `port`; the clients to run against
    it, one after another; and how many operations these ask for."""

    pid_file: Path = None
    port: int = 0
    clients: tuple = ()
    operations: int = 0

    def attend(self, alive, limit):
        """Effects: waits until the server is ready, runs the clients, each for `limit` seconds at most, asks the server to
        end. `alive()` tells whether the server still runs.  Returns: what it has to tell: its operations, and the bytes
        resident before it ended."""
        pid = self._ready(alive)
        try:
            for client in self.clients:
                done = subprocess.run(client, capture_output=True, text=True, errors="replace", check=False,
                                      timeout=limit)
                if done.returncode != 0:
                    raise NotServed(f"{client[0]} ended with exit status {done.returncode}: {done.stderr.strip()[-200:]}")
            return {"operations": self.operations, "resident_bytes": resident_bytes(pid)}
        except subprocess.TimeoutExpired:
            raise NotServed(f"{self.clients[0][0]} did not end within {limit:.0f} s") from None
        finally:
            os.kill(pid, signal.SIGTERM)

    def _ready(self, alive):
        """Returns: the server's process id. It counts as ready when it has written that: another process may listen there."""
        end = time.monotonic() + READY_WITHIN
        while time.monotonic() < end and alive():
            if self.pid_file.exists() and (text := self.pid_file.read_text()).endswith("\n") and answers(self.port):
                return int(text)
            time.sleep(0.01)
        raise NotUp(f"{Path(self.argv[0]).name} did not come up")


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
