"""What the owners of real counterparts have in common: they start programs, wait until these are there and until a test closes our
standard input, and leave none of them behind. Needs Python's own library only.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time

STOP_WITHIN_SECONDS = 10
PR_SET_PDEATHSIG = 1


class NotStarted(Exception):
    pass


def end_when_asked():
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: sys.exit(0))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, output):
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, preexec_fn=die_with_parent,
    )


def die_with_parent():
    """Even a SIGKILL of us leaves no server behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def wait_for(condition, what, running, within_seconds):
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        all_run(running)
        if condition():
            return
        time.sleep(0.1)
    raise NotStarted(f"{what} was not there within {within_seconds} s")


def wait_for_the_end(running):
    """Returns when our standard input closes; a server that dies first is an error."""
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 0.5)
        if readable and not os.read(sys.stdin.fileno(), 4096):
            return
        all_run(running)


def all_run(running):
    for process in running:
        if process.poll() is not None:
            raise NotStarted(f"{' '.join(map(str, process.args[:2]))} ended by itself with {process.returncode}")


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def tail_of(log):
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""
