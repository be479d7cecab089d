#!/usr/bin/env python3
"""Starts a real OctoPrint with its virtual printer and owns it: a test reads one JSON line {"pid", "url", "key"} once the printer
is Operational, and ends it by closing our standard input (or by SIGTERM). Nothing of it outlives us or leaves the machine.

    octoprint.py --octoprint BINARY --folder SCRATCH [--port N] [--key HEX] [--hard]

Needs Python's own library only.
"""

import argparse
import ctypes
import http.client
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

START_WITHIN_SECONDS = 90
STOP_WITHIN_SECONDS = 10
PR_SET_PDEATHSIG = 1

# No wizard, no look-ups: every part that would call out is off.
CONFIG = {
    "server": {
        "host": "127.0.0.1",
        "firstRun": False,
        "seenWizards": {"corewizard": 4, "tracking": 1, "backup": 1, "classicwebcam": 1},
        "onlineCheck": {"enabled": False},
        "pluginBlacklist": {"enabled": False},
    },
    "plugins": {
        "_disabled": [
            "achievements", "announcements", "backup", "discovery", "errortracking", "firmware_check", "health_check",
            "pluginmanager", "softwareupdate", "tracking",
        ],
        "virtual_printer": {"_config_version": 2, "enabled": True},
    },
    "serial": {"port": "VIRTUAL", "baudrate": 115200, "autoconnect": True},
}


class NotStarted(Exception):
    pass


def main():
    asked = arguments()
    folder = Path(asked.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    port = asked.port or free_port()
    key = asked.key or secrets.token_hex(16).upper()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))

    log = folder / "output.log"
    try:
        prepare(asked.octoprint, folder, key, asked.hard)
        with log.open("ab") as output:
            server = start(asked.octoprint, folder, port, output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_operational(server, url, key)
            print(json.dumps({"pid": server.pid, "url": url, "key": key}), flush=True)
            wait_for_the_end(server)
        finally:
            stop(server)
    except NotStarted as why:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""
        sys.exit(f"octoprint.py: {why}\n{tail}")


def arguments():
    parser = argparse.ArgumentParser(description="Own a real OctoPrint for the time of a test.")
    parser.add_argument("--octoprint", required=True, help="the octoprint command of a virtual environment")
    parser.add_argument("--folder", required=True, help="a scratch folder; kept, so that a second start finds the first one's files")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", help="32 hex digits; random without it")
    parser.add_argument("--hard", action="store_true", help="keep the virtual printer's own line errors and resends")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def prepare(octoprint, folder, key, hard):
    """Users first: that command writes a config.yaml of its own."""
    users = folder / "users.yaml"
    if not users.exists():
        made = subprocess.run(
            [octoprint, "--basedir", folder, "user", "add", "--password", secrets.token_hex(8), "--group", "admins", "admin"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )
        if made.returncode != 0 or not users.exists():
            raise NotStarted(f"no user could be added: {made.stdout}")
    lines = [f"  apikey: {key}" if line.startswith("  apikey:") else line for line in users.read_text().splitlines()]
    users.write_text("\n".join(lines) + "\n")

    config = json.loads(json.dumps(CONFIG))
    if not hard:
        config["plugins"]["virtual_printer"]["simulated_errors"] = []
    (folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML


def start(octoprint, folder, port, output):
    # The flag is needed as root and harmless otherwise.
    return subprocess.Popen(
        [octoprint, "serve", "--iknowwhatimdoing", "--basedir", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, preexec_fn=die_with_parent,
    )


def die_with_parent():
    """Even a SIGKILL of us leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_until_operational(server, url, key):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{url}/api/connection", headers={"X-Api-Key": key})
    deadline = time.monotonic() + START_WITHIN_SECONDS
    state = "no answer"
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise NotStarted(f"it ended with {server.returncode}")
        try:
            with opener.open(request, timeout=5) as answer:
                state = json.load(answer)["current"]["state"]
        except (OSError, http.client.HTTPException, ValueError, KeyError) as not_yet:  # its starter answers no HTTP
            state = str(not_yet)
        if state == "Operational":
            return
        time.sleep(0.1)
    raise NotStarted(f"not Operational within {START_WITHIN_SECONDS} s: {state}")


def wait_for_the_end(server):
    """Returns when our standard input closes; a server that dies first is an error."""
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 0.5)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            return
        if server.poll() is not None:
            raise NotStarted(f"it ended by itself with {server.returncode}")


def stop(server):
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    server.wait()


if __name__ == "__main__":
    main()
