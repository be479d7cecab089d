#!/usr/bin/env python3
"""Stands in for the board of a Klipper printer, on a pseudo terminal: speaks its wire protocol, keeps no step timing, and heats
two virtual heaters (gpio10 is read at analog0, the hotend; gpio11 at analog1, the bed; 10 mV per degree).

    klipper_mcu.py LINK        LINK becomes a symbolic link to the terminal

Needs Python's own library only.
"""

import json
import os
import pty
import re
import select
import struct
import sys
import time
import tty
import zlib

TICKS_PER_SECOND = 16_000_000
HOTEND, BED = 10, 11
HEATER_READ_AT = {64: HOTEND, 65: BED}
DEGREES_PER_SECOND = {HOTEND: 40, BED: 12}
ROOM = 25.0

COMMANDS = """
identify offset=%u count=%c
get_uptime
get_clock
get_config
config_reset
finalize_config crc=%u
allocate_oids count=%c
emergency_stop
clear_shutdown
reset
set_digital_out pin=%u value=%c
config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u
set_digital_out_pwm_cycle oid=%c cycle_ticks=%u
queue_digital_out oid=%c clock=%u on_ticks=%u
update_digital_out oid=%c value=%c
config_analog_in oid=%c pin=%u
query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u min_value=%hu max_value=%hu range_check_count=%c
config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u
queue_step oid=%c interval=%u count=%hu add=%hi
set_next_step_dir oid=%c dir=%c
reset_step_clock oid=%c clock=%u
stepper_get_position oid=%c
stepper_stop_on_trigger oid=%c trsync_oid=%c
config_endstop oid=%c pin=%c pull_up=%c
endstop_query_state oid=%c
endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c trsync_oid=%c trigger_reason=%c
config_trsync oid=%c
trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c
trsync_set_timeout oid=%c clock=%u
trsync_trigger oid=%c reason=%c
"""
RESPONSES = """
identify_response offset=%u data=%.*s
uptime high=%u clock=%u
clock clock=%u
config is_config=%c crc=%u is_shutdown=%c move_count=%hu
stats count=%u sum=%u sumsq=%u
starting
is_shutdown static_string_id=%hu
shutdown clock=%u static_string_id=%hu
analog_in_state oid=%c next_clock=%u value=%hu
stepper_position oid=%c pos=%i
endstop_state oid=%c homing=%c next_clock=%u pin_value=%c
trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u
"""


def numbered(table, first, rest):
    """The first line's number is fixed by the protocol."""
    return dict(zip(table.split("\n")[1:-1], [first, *range(rest, rest + 50)]))


def fields(line):
    return re.findall(r"(\w+)=(%\S+)", line)


COMMAND_NUMBERS = numbered(COMMANDS, 1, 2)
RESPONSE_NUMBERS = numbered(RESPONSES, 0, 50)
COMMAND_BY_NUMBER = {number: (line.split()[0], fields(line)) for line, number in COMMAND_NUMBERS.items()}
RESPONSE_BY_NAME = {line.split()[0]: (number, fields(line)) for line, number in RESPONSE_NUMBERS.items()}
DICTIONARY = zlib.compress(json.dumps({
    "version": "stand-in", "build_versions": "python", "app": "Klipper", "license": "none",
    "config": {"CLOCK_FREQ": TICKS_PER_SECOND, "MCU": "stand-in", "STATS_SUMSQ_BASE": 256, "ADC_MAX": 4095, "PWM_MAX": 255,
               "RECEIVE_WINDOW": 4096},
    "enumerations": {"pin": {"gpio0": [0, 64], "analog0": [64, 8]}, "static_string_id": {"Command request": 1}},
    "commands": COMMAND_NUMBERS, "responses": RESPONSE_NUMBERS, "output": {},
}).encode())


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc


def packed(value):
    """Groups of seven bits with a sign, the big end first."""
    length = 1
    while not -(1 << (7 * length - 2)) <= value < 3 << (7 * length - 2):
        length += 1
    return bytes((value >> (7 * at)) & 0x7F | (0x80 if at else 0) for at in range(length - 1, -1, -1))


def unpacked(data, at, signed):
    value = -(data[at] & 0x60 == 0x60) << 7 | data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = value << 7 | data[at] & 0x7F
    return (value if signed else value & 0xFFFFFFFF), at + 1


class Board:
    def __init__(self, link):
        self.terminal, self.other_end = pty.openpty()
        tty.setraw(self.other_end)
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(os.ttyname(self.other_end), link)
        self.sequence = 0
        self.began = time.monotonic()
        self.told_config = None
        self.clear()

    def clear(self):
        self.crc, self.is_shut_down = None, 0
        self.outputs, self.inputs, self.syncs = {}, {}, {}
        self.triggers, self.temperatures = [], {}

    def clock(self):
        return int((time.monotonic() - self.began) * TICKS_PER_SECOND) + TICKS_PER_SECOND

    def write(self, body=b""):
        block = bytes([len(body) + 5, 0x10 | self.sequence & 15]) + body
        os.write(self.terminal, block + struct.pack(">H", crc16(block)) + b"\x7e")

    def send(self, name, *values):
        number, known = RESPONSE_BY_NAME[name]
        body = packed(number)
        for _, value in zip(known, values):
            if isinstance(value, bytes):
                body += bytes([len(value)]) + value
            else:
                body += packed(value - (1 << 32) if value >= 1 << 31 else value)
        self.write(body)

    def celsius(self, pin):
        degrees, since = self.temperatures.get(pin, (ROOM, time.monotonic()))
        now = time.monotonic()
        heater = HEATER_READ_AT.get(pin)
        duty = max((output["duty"] for output in self.outputs.values() if output["pin"] == heater), default=0)
        degrees += (now - since) * (duty * DEGREES_PER_SECOND.get(heater, 0) - 0.05 * (degrees - ROOM))
        self.temperatures[pin] = degrees, now
        return degrees

    def trigger(self, oid, reason):
        sync = self.syncs.get(oid)
        if sync and sync["on"]:
            sync.update(on=False, reason=reason)
            self.send("trsync_state", oid, 0, reason, self.clock() & 0xFFFFFFFF)

    def tick(self):
        clock = self.clock()
        for oid, one in self.inputs.items():
            if one.get("rest") and clock >= one["next"]:
                one["next"] = max(one["next"], clock - one["rest"]) + one["rest"]
                value = int(self.celsius(one["pin"]) / 500 * 4095 + 0.5) * one["count"]
                self.send("analog_in_state", oid, one["next"] & 0xFFFFFFFF, min(0xFFFF, value))
        for oid, sync in self.syncs.items():
            if sync.get("on") and sync["every"] and clock >= sync["next"]:
                sync["next"] += sync["every"]
                self.send("trsync_state", oid, 1, 0, clock & 0xFFFFFFFF)
        due = [one for one in self.triggers if clock >= one[0]]
        self.triggers = [one for one in self.triggers if clock < one[0]]
        for _, oid, reason in due:
            self.trigger(oid, reason)

    def command(self, name, given):
        clock, oid = self.clock(), given.get("oid")
        low = clock & 0xFFFFFFFF
        if name == "identify":
            self.send("identify_response", given["offset"], DICTIONARY[given["offset"]:given["offset"] + given["count"]])
        elif name == "get_uptime":
            self.send("uptime", clock >> 32, low)
        elif name == "get_clock":
            self.send("clock", low)
        elif name == "get_config":
            # A second answer to an impatient host would be taken for that to a later question.
            told = self.crc, self.is_shut_down, clock // (TICKS_PER_SECOND // 4)
            if told != self.told_config:
                self.told_config = told
                self.send("config", int(self.crc is not None), self.crc or 0, self.is_shut_down, 1024)
        elif name == "finalize_config":
            self.crc = given["crc"]
        elif name in ("reset", "config_reset"):
            self.clear()
        elif name == "emergency_stop":
            self.is_shut_down = 1
            self.send("shutdown", low, 1)
            for output in self.outputs.values():
                output["duty"] = 0
        elif name == "clear_shutdown":
            self.is_shut_down = 0
        elif name == "config_digital_out":
            self.outputs[oid] = {"pin": given["pin"], "cycle": 0, "duty": given["value"]}
        elif name == "set_digital_out_pwm_cycle":
            self.outputs[oid]["cycle"] = given["cycle_ticks"]
        elif name == "queue_digital_out":
            output = self.outputs[oid]
            output["duty"] = given["on_ticks"] / output["cycle"] if output["cycle"] else float(given["on_ticks"] > 0)
        elif name == "config_analog_in":
            self.inputs[oid] = {"pin": given["pin"]}
        elif name == "query_analog_in":
            self.inputs[oid].update(rest=given["rest_ticks"], count=given["sample_count"], next=clock + given["rest_ticks"])
        else:
            self.motion(name, given, oid, clock)

    def motion(self, name, given, oid, clock):
        low = clock & 0xFFFFFFFF
        if name == "stepper_get_position":
            self.send("stepper_position", oid, 0)
        elif name == "endstop_query_state":
            self.send("endstop_state", oid, 0, low, 0)
        elif name == "endstop_home" and given["sample_count"]:
            self.triggers.append((clock + TICKS_PER_SECOND // 2, given["trsync_oid"], given["trigger_reason"]))
        elif name == "config_trsync":
            self.syncs[oid] = {"on": False, "reason": 0}
        elif name == "trsync_start":
            every = given["report_ticks"]
            self.syncs[oid].update(on=True, every=every, next=clock + every, reason=0)
        elif name == "trsync_trigger":
            if self.syncs[oid]["on"]:
                self.trigger(oid, given["reason"])
            else:
                self.send("trsync_state", oid, 0, self.syncs[oid]["reason"], low)

    def take(self, block):
        is_whole = block[-1] == 0x7E and crc16(block[:-3]) == struct.unpack(">H", block[-3:-1])[0]
        is_next = is_whole and block[1] & 15 == self.sequence & 15
        if is_next:
            self.sequence += 1
        self.write()  # An acknowledgement, or else what is expected.
        at = 2
        while is_next and at < len(block) - 3:
            number, at = unpacked(block, at, False)
            name, known = COMMAND_BY_NUMBER[number]
            given = {}
            for field, kind in known:
                given[field], at = unpacked(block, at, kind in ("%i", "%hi"))
            self.command(name, given)

    def run(self):
        waiting, stats_at = b"", time.monotonic()
        while True:
            if select.select([self.terminal], [], [], 0.005)[0]:
                waiting += os.read(self.terminal, 4096)
            while waiting:
                length = waiting[0]
                if not 5 <= length <= 64:
                    waiting = waiting[1:]
                    continue
                if len(waiting) < length:
                    break
                block, waiting = waiting[:length], waiting[length:]
                self.take(block)
            self.tick()
            if time.monotonic() - stats_at > 5:
                stats_at = time.monotonic()
                self.send("stats", 100, 1000, 1000)


if __name__ == "__main__":
    try:
        os.nice(-10)
    except OSError:
        pass
    Board(sys.argv[1]).run()
