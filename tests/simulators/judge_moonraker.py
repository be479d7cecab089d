"""Drives a Moonraker with the third-party client moonraker-api and prints what it saw, one line a step.

    python judge_moonraker.py 127.0.0.1 7125

The output names no address, time or id, so the output for the simulator and the output for a real Moonraker (with Klipper on a
stand-in board) must be equal. Klipper must be fresh: nothing printed since its start. Exits with 1 when a step does not happen.
"""

import asyncio
import hashlib
import sys

import aiohttp
from moonraker_api import MoonrakerClient, MoonrakerListener

FOLDER, FILE, COPY = "judge", "judge.gcode", "judge/attempt.gcode"
GCODE = (";TIME:12\nG28\nM104 S200\nM109 S200\nG90\nM83\n" + "G1 X10 Y10 E0.6 F2400\nG1 X30 Y10 E0.6\nG4 P100\n" * 12).encode()


def say(step, *seen):
    print(step + ":", *seen, flush=True)


class Judge(MoonrakerListener):
    def __init__(self, host, port):
        self.base = f"http://{host}:{port}"
        self.client = MoonrakerClient(self, host, port)
        self.status, self.ends, self.methods = {}, [], set()

    async def state_changed(self, state):
        pass

    async def on_exception(self, exception):
        pass

    async def on_notification(self, method, data):
        self.methods.add(method)
        if method == "notify_status_update":
            self.merge(data[0])
        elif method == "notify_history_changed":
            job = data[0]["job"]
            self.ends.append((data[0]["action"], job["filename"], job["status"]))

    def merge(self, status):
        for name, fields in status.items():
            self.status.setdefault(name, {}).update(fields)

    async def call(self, method, **params):
        try:
            return await self.client.call_method(method, **params)
        except Exception as refused:  # The client has a kind of its own for each, and for none.
            return f"refused {type(refused).__name__}"

    async def subscribe(self):
        objects = {"webhooks": None, "print_stats": None, "virtual_sdcard": None, "extruder": ["temperature", "target"]}
        whole = await self.call("printer.objects.subscribe", objects=objects)
        self.merge(whole["status"])
        return sorted(whole["status"])

    async def until(self, name, field, wanted, seconds=90):
        for _ in range(seconds * 20):
            if self.status.get(name, {}).get(field) == wanted:
                return wanted
            await asyncio.sleep(0.05)
        print("expected", wanted, "but it stays", self.status.get(name, {}).get(field))
        sys.exit(1)

    async def upload(self, content, checksum):
        data = aiohttp.FormData()
        for field, value in {"root": "gcodes", "path": FOLDER, "checksum": checksum}.items():
            data.add_field(field, value)
        data.add_field("file", content, filename=FILE)
        async with aiohttp.ClientSession() as session, session.post(self.base + "/server/files/upload", data=data) as answer:
            told = await answer.json(content_type=None)
            return answer.status, told.get("action"), told.get("print_started"), (told.get("item") or {}).get("size")


async def files(judge):
    await judge.call("server.files.post_directory", path=f"gcodes/{FOLDER}")
    await asyncio.sleep(3)
    say("upload with a wrong hash", *await judge.upload(GCODE, "0" * 64))
    say("upload", *await judge.upload(GCODE, hashlib.sha256(GCODE).hexdigest()))
    copied = await judge.call("server.files.copy", source=f"gcodes/{FOLDER}/{FILE}", dest=f"gcodes/{COPY}")
    say("copy", copied["action"], copied["item"]["size"])
    listed = await judge.call("server.files.get_directory", path=f"gcodes/{FOLDER}")
    say("listing", sorted((file["filename"], file["size"]) for file in listed["files"]))


async def prints(judge):
    say("start of nothing known", await judge.call("printer.print.start", filename="judge/none.gcode"))
    say("start", await judge.call("printer.print.start", filename=COPY))
    say("printing", await judge.until("print_stats", "state", "printing"), judge.status["print_stats"]["filename"])
    say("second start", await judge.call("printer.print.start", filename=COPY))
    say("heat", await judge.until("extruder", "target", 200.0))
    say("pause", await judge.call("printer.print.pause"), await judge.until("print_stats", "state", "paused"))
    say("resume", await judge.call("printer.print.resume"), await judge.until("print_stats", "state", "printing"))
    say("cancel", await judge.call("printer.print.cancel"), await judge.until("print_stats", "state", "cancelled"))
    say("start", await judge.call("printer.print.start", filename=COPY))
    await judge.until("print_stats", "state", "printing")
    say("complete", await judge.until("print_stats", "state", "complete"), judge.status["virtual_sdcard"]["progress"])
    await asyncio.sleep(1)
    say("history as it went", judge.ends)


async def faults(judge):
    await judge.call("printer.print.start", filename=COPY)
    await judge.until("print_stats", "state", "printing")
    await judge.call("printer.emergency_stop")
    say("emergency stop", await judge.until("webhooks", "state", "shutdown"), await judge.client.get_klipper_status())
    await asyncio.sleep(2)
    await judge.call("printer.firmware_restart")
    for _ in range(600):
        await asyncio.sleep(0.1)
        if "notify_klippy_ready" in judge.methods:
            break
    say("restarted", await judge.client.get_klipper_status(), await judge.subscribe())
    listed = await judge.call("server.history.list", limit=3)
    say("history", [(job["filename"], job["status"]) for job in listed["jobs"]])
    say("deleted", (await judge.call("server.files.delete_file", path=f"gcodes/{COPY}"))["action"])
    say("told of", sorted(judge.methods & {"notify_klippy_shutdown", "notify_klippy_disconnected", "notify_klippy_ready"}))


async def main(host, port):
    judge = Judge(host, int(port))
    await judge.client.connect()
    say("klipper", await judge.client.get_klipper_status(), (await judge.client.get_server_info())["moonraker_version"])
    say("printer", (await judge.client.get_host_info())["state_message"])
    modules = await judge.client.get_supported_modules()
    say("objects", [name for name in ("webhooks", "print_stats", "virtual_sdcard", "extruder", "heater_bed") if name in modules])
    say("subscribed", await judge.subscribe())
    await files(judge)
    await prints(judge)
    await faults(judge)
    await judge.client.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
