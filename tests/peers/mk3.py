#!/usr/bin/env python3
"""A stand-in for a Prusa MK3S+ (firmware 3.14.0) on a serial line, as far as PrusaLink talks to it: numbered lines and resends,
temperatures that climb, moves that take a moment, pause and resume by host actions, the parts of the EEPROM that are asked for.

    mk3.py LINK

makes LINK a name of the line's other end. Needs Python's own library only.
"""

import os
import pty
import re
import sys
import threading
import time
import tty

ROOM_CELSIUS = 25.0
TICK_SECONDS = 0.25
# PrusaLink 0.8.1 breaks over these if they are confirmed at once: a race that no real printer wins.
SLOW = {"M400": 0.5, "M110": 0.5}
MOVE_SECONDS = 0.02

PROGRESS = " MODE: Percent done: {}; print time remaining in mins: {}; Change in mins: -1"
FIXED = {
    "M862.2 Q": "302",
    "M862.1 Q": "0.40",
    "PRUSA Fir": "3.14.0-8094",
    "PRUSA SN": "CZPX0000X000XC00000",
    "M220": "100%",
    "M221": "100%",
    "M27 P": "Not SD printing",
    "M420": "Mesh bed leveling not active.",
    "M21": "echo:SD card ok",
    "M601": "// action:paused",
    "M602": "// action:resumed",
}
HEATS = {"M104": "T", "M109": "T", "M140": "B", "M190": "B"}
WAITS = ("M109", "M190")
SHEETS = b"Smooth1\xff\xff<\x1e" * 8


class Printer:
    def __init__(self, line):
        self.line = line
        self.lock = threading.Lock()
        self.heat = {"T": ROOM_CELSIUS, "B": ROOM_CELSIUS}
        self.goal = {"T": 0.0, "B": 0.0}
        self.place = dict.fromkeys("XYZE", 0.0)
        self.eeprom = {}
        self.reports_each_seconds = 0.0
        self.last = 0
        self.told = (-1, -1)

    def say(self, text):
        with self.lock:
            os.write(self.line, (text + "\n").encode())

    def live(self):
        """Heats, and tells of itself as often as it was asked to."""
        ticks = 0
        while True:
            time.sleep(TICK_SECONDS)
            ticks += 1
            for name, degrees in self.heat.items():
                self.heat[name] += ((self.goal[name] or ROOM_CELSIUS) - degrees) * 0.25
            each = int(self.reports_each_seconds / TICK_SECONDS)
            if each and ticks % each == 0:
                self.report()

    def report(self):
        nozzle, bed = (f"{self.heat[name]:.1f} /{self.goal[name]:.1f}" for name in "TB")
        self.say(f"T:{nozzle} B:{bed} T0:{nozzle} @:0 B@:0 P:25.0 A:30.0")
        place = " ".join(f"{axis}:{at:.2f}" for axis, at in self.place.items())
        self.say(f"{place} Count {place}")
        self.say("E0:3000 RPM PRN1:0 RPM E0@:0 PRN1@:0")

    def take(self, line):
        numbered = re.match(r"N(-?\d+)\s*(.*?)\*(\d+)$", line)
        code = numbered[2].strip() if numbered else line
        if numbered:
            wrong = self.what_is_wrong(line, int(numbered[1]), code, int(numbered[3]))
            if wrong:
                return self.say(f"Error:{wrong}, Last Line: {self.last}\nResend: {self.last + 1}\nok")
            self.last = int(numbered[1])
        if restart := re.match(r"M110\s*N(-?\d+)", code):
            self.last = int(restart[1])
        self.carry_out(code)
        self.say("ok")

    def what_is_wrong(self, line, number, code, told):
        check = 0
        for byte in line[: line.rindex("*")].encode():
            check ^= byte
        if check != told:
            return "checksum mismatch"
        if not code.startswith("M110") and number != self.last + 1:
            return "Line Number is not Last Line Number+1"
        return None

    def carry_out(self, code):
        name = code.split(" ")[0]
        if code in FIXED:
            self.say(FIXED[code])
        elif name == "M73":
            percent, minutes = self.told
            self.told = int(number(code, "P", percent)), int(number(code, "R", minutes))
            told = PROGRESS.format(*self.told)
            self.say(f"NORMAL{told}\nSILENT{told}")
        elif name == "M20":
            self.say("Begin file list\nEnd file list")
        elif read := re.match(r"D3 Ax([0-9A-F]+) C(\d+)$", code):
            self.read_eeprom(int(read[1], 16), int(read[2]))
        elif write := re.match(r"D3 Ax([0-9A-F]+) X([0-9a-fA-F]+)$", code):
            self.eeprom[int(write[1], 16)] = bytes.fromhex(write[2])
        elif name == "M155":
            self.reports_each_seconds = number(code, "S")
        elif name in HEATS:
            self.goal[HEATS[name]] = number(code, "S")
            if name in WAITS:
                self.wait_for_heat(HEATS[name])
        elif name in SLOW:
            time.sleep(SLOW[name])
        elif name == "G4":
            time.sleep(number(code, "P") / 1000 + number(code, "S"))
        elif name in ("G0", "G1"):
            self.place.update({axis: number(code, axis, at) for axis, at in self.place.items()})
            time.sleep(MOVE_SECONDS)

    def read_eeprom(self, address, count):
        data = self.eeprom.get(address, SHEETS if count == 88 else bytes(count))
        for at in range(0, count, 16):
            self.say(f"{address + at:04x}  " + " ".join(f"{byte:02x}" for byte in data[at : at + 16]))

    def wait_for_heat(self, name):
        while self.goal[name] and abs(self.heat[name] - self.goal[name]) > 1:
            self.say("echo:busy: processing")
            time.sleep(1)


def number(code, letter, otherwise=0.0):
    found = re.search(letter + r"(-?[\d.]+)", code)
    return float(found[1]) if found else otherwise


def main():
    line, other_end = pty.openpty()
    tty.setraw(other_end)
    link = sys.argv[1]
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(os.ttyname(other_end), link)

    printer = Printer(line)
    threading.Thread(target=printer.live, daemon=True).start()
    printer.say("start")
    waiting = b""
    while True:
        waiting += os.read(line, 4096)
        while b"\n" in waiting:
            text, waiting = waiting.split(b"\n", 1)
            if text.strip():
                printer.take(text.decode(errors="replace").strip())


if __name__ == "__main__":
    main()
