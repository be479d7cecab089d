#!/usr/bin/env python3
"""OctoPrint's virtual printer, a board that other people wrote, bridged to a pseudo-terminal: a test reads one JSON line {"path"} and ends
it by closing our standard input. Runs in OctoPrint's environment, without OctoPrint's server.

    python -P virtual_board.py --path NAME [--settings JSON]

SIGUSR1 resets the board: what was printed is gone, and it says `start`.
"""

import argparse
import json
import os
import pty
import signal
import sys
import tempfile
import threading
import tty

from octoprint.plugins.virtual_printer import VirtualPrinterPlugin, virtual


class Settings:
    def __init__(self, changed):
        # It can say that it is busy, but then rounds each dwell up to that.
        usual = {"enabled": True, "sendBusy": False, "okAfterResend": True, "simulated_errors": [], "hasBed": True,
                 "okFormatString": "ok N{lastN} P15 B{buffer}"}
        self.values = {**VirtualPrinterPlugin().get_settings_defaults(), **usual, **changed}

    def get(self, path, **_):
        value = self.values
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def get_int(self, path, **_):
        return int(self.get(path) or 0)

    def get_float(self, path, **_):
        return float(self.get(path) or 0)

    def get_boolean(self, path, **_):
        return bool(self.get(path))

    def global_get_basefolder(self, *_, **__):
        return tempfile.mkdtemp()


class Profiles:
    def get_current_or_default(self):
        return {
            "extruder": {"count": 1, "sharedNozzle": False, "offsets": [(0, 0)]},
            "heatedBed": True,
            "heatedChamber": False,
            "volume": {"width": 220, "depth": 220, "height": 250},
        }


class NoHooks:
    def get_hooks(self, _name):
        return {}


class Board:
    def __init__(self, path, changed):
        self.changed = changed
        self.board, host = pty.openpty()
        tty.setraw(host)
        self.host = host  # Kept open, so that reading does not fail while nobody else has it open.
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(os.ttyname(host), path)
        self.printer = None
        self.reset()

    def reset(self, *_):
        if self.printer is not None:
            self.printer.close()
        self.printer = virtual.VirtualPrinter(Settings(self.changed), Profiles(), tempfile.mkdtemp(), read_timeout=1.0)
        threading.Thread(target=self.say, args=[self.printer], daemon=True).start()

    def say(self, printer):
        """What it says, until it is another's turn."""
        while printer is self.printer:
            try:
                line = printer.readline()
            except Exception:  # It was closed under our hands.
                return
            if line:
                text = line if isinstance(line, bytes) else line.encode()
                os.write(self.board, text.rstrip(b"\r\n") + b"\n")

    def hear(self):
        rest = b""
        while True:
            rest += os.read(self.board, 4096)
            while b"\n" in rest:
                line, rest = rest.split(b"\n", 1)
                if line.startswith(b"N-1 M110"):
                    # Numbers below nought, with which some hosts begin, would end its reader; boards take them.
                    self.printer.lastN = self.printer.current_line = -1
                    os.write(self.board, b"ok\n")
                elif line.strip():
                    self.pass_on(line + b"\n")

    def pass_on(self, line):
        """All of it, however long that takes: its buffer takes what it has room for, and a cable loses nothing."""
        printer = self.printer
        while line and printer is self.printer:
            try:
                line = line[printer.write(line):]
            except virtual.SerialTimeoutException:
                pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", required=True)
    parser.add_argument("--settings", default="{}")
    asked = parser.parse_args()
    virtual.plugin_manager = NoHooks
    board = Board(asked.path, json.loads(asked.settings))
    signal.signal(signal.SIGUSR1, board.reset)
    threading.Thread(target=board.hear, daemon=True).start()
    print(json.dumps({"path": asked.path, "pid": os.getpid()}), flush=True)
    while sys.stdin.read(1):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
