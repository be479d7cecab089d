#!/usr/bin/env python3
"""Starts a real PrusaLink with a stand-in printer on a serial line and owns both: a test reads one JSON line {"pid", "url", "key"}
once the printer is idle, and ends them by closing our standard input (or by SIGTERM). Nothing of them outlives us or leaves the
machine: PrusaLink would announce itself on every network and look for the maker's cloud, so it lives in a network of its own,
and what comes to our port is handed on to it there.

    prusalink.py --prusalink BINARY --folder SCRATCH [--port N] [--key KEY] [--password PASSWORD]

SCRATCH must not lie under /tmp: PrusaLink keeps no files there. Needs Python's own library only.
"""

import argparse
import ctypes
import fcntl
import hashlib
import http.client
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

from owning import NotStarted, die_with_parent, end_when_asked, free_port, start, stop, tail_of, wait_for, wait_for_the_end

START_WITHIN_SECONDS = 120
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1
INSIDE_PORT = 8081

CONFIG = """
[daemon]
data_dir = {folder}/data
pid_file = {folder}/prusalink.pid
[http]
address = 127.0.0.1
port = {port}
[printer]
port = {folder}/line
baudrate = 115200
settings = {folder}/settings.ini
directory = {folder}/gcodes
[cameras]
auto_detect = False
"""

# A printer that was set up: no wizard.
SETTINGS = """
[printer]
type = MK3S
[service::local]
enable = 1
username = maker
digest = {digest}
api_key = {key}
"""


def main():
    asked = arguments()
    folder = Path(asked.folder).resolve()
    if asked.inside:
        return inside(asked.prusalink, folder)
    port = asked.port or free_port()
    key = asked.key or secrets.token_hex(8)
    end_when_asked()

    log = folder / "output.log"
    running = []
    try:
        prepare(folder, key, asked.password)
        with log.open("ab") as output:
            running.append(start([sys.executable, Path(__file__).with_name("mk3.py"), folder / "line"], output))
            wait_for(lambda: (folder / "line").exists(), "the printer", running, START_WITHIN_SECONDS)
            itself = [sys.executable, __file__, "--inside", "--prusalink", asked.prusalink, "--folder", folder]
            running.append(start(itself, output))
        doors = threading.Thread(target=hand_on, args=(tcp_door(port), lambda: unix_socket(folder / "door")), daemon=True)
        doors.start()
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: state(url, key) == "IDLE", "an idle printer", running, START_WITHIN_SECONDS)
        pid = int((folder / "inside.pid").read_text())
        print(json.dumps({"pid": pid, "url": url, "key": key}), flush=True)
        wait_for_the_end(running)
    except NotStarted as why:
        sys.exit(f"prusalink.py: {why}\n{tail_of(log)}")
    finally:
        for process in reversed(running):
            stop(process)


def arguments():
    parser = argparse.ArgumentParser(description="Own a real PrusaLink for the time of a test.")
    parser.add_argument("--prusalink", required=True, help="the prusalink command of a virtual environment")
    parser.add_argument("--folder", required=True, help="a scratch folder; kept, so that a second start finds the first one's files")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", help="random without it")
    parser.add_argument("--password", default="Pass1234", help="of the user maker")
    parser.add_argument("--inside", action="store_true", help="ours: the half that lives in PrusaLink's own network")
    return parser.parse_args()


def prepare(folder, key, password):
    for name in ("data", "gcodes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for left in ("prusalink.pid", "door", "line"):
        (folder / left).unlink(missing_ok=True)
    digest = hashlib.md5(f"maker:Administrator:{password}".encode()).hexdigest()
    (folder / "prusalink.ini").write_text(CONFIG.format(folder=folder, port=INSIDE_PORT))
    (folder / "settings.ini").write_text(SETTINGS.format(digest=digest, key=key))


# --- the half in PrusaLink's own network -----------------------------------------------------------------------------------------


def inside(prusalink, folder):
    enter_own_network()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "door"))
    listener.listen()
    threading.Thread(target=hand_on, args=(listener, lambda: tcp_socket(INSIDE_PORT)), daemon=True).start()
    server = subprocess.Popen(
        [prusalink, "-f", "-i", "-c", folder / "prusalink.ini"], stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
    )
    (folder / "inside.pid").write_text(str(server.pid))
    sys.exit(server.wait())


def enter_own_network():
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        sys.exit(f"no network of its own: {os.strerror(ctypes.get_errno())}")
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH", b"lo", IFF_UP))


# --- from one network into the other ---------------------------------------------------------------------------------------------


def hand_on(listener, dial):
    while True:
        near, _ = listener.accept()
        threading.Thread(target=carry, args=(near, dial), daemon=True).start()


def carry(near, dial):
    try:
        far = dial()
    except OSError:
        return near.close()
    threading.Thread(target=pour, args=(near, far), daemon=True).start()
    pour(far, near)


def pour(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def tcp_door(port):
    return socket.create_server(("127.0.0.1", port))


def tcp_socket(port):
    return socket.create_connection(("127.0.0.1", port))


def unix_socket(place):
    door = socket.socket(socket.AF_UNIX)
    door.connect(str(place))
    return door


# --- owning ----------------------------------------------------------------------------------------------------------------------


def state(url, key):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(f"{url}/api/v1/status", headers={"X-Api-Key": key}), timeout=5) as answer:
            return json.load(answer)["printer"]["state"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return None


if __name__ == "__main__":
    main()
