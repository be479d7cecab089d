"""Plays a fixed story to a real Moonraker with Klipper on a stand-in controller and writes down what it answers.

    python record_moonraker.py http://127.0.0.1:7125 > fixtures/moonraker-0.11.0.jsonl

Each line is one step with the answer and the notifications that came before the next step. The simulator is held to that
file by the test `the_recorded_story_is_told_alike`. What differs from run to run (times, temperatures) is masked. Needs aiohttp;
the
folder `story` of the G-code files must not be there before, and Klipper must be fresh: nothing printed since its start.
"""

import asyncio
import hashlib
import json
import sys

import aiohttp

NUMBERS = {
    "eventtime", "modified", "print_start_time", "start_time", "end_time", "print_duration", "total_duration", "filament_used",
    "printing_time", "temperature", "power", "progress", "file_position", "used", "free", "total", "target",
}
DROPPED = {
    "metadata", "auxiliary_data", "traceback", "user", "uuid", "job_id", "hostname", "slicer", "components", "warnings",
    "registered_directories", "failed_components", "websocket_count", "info", "thumbnails", "path_info",
}
NOISE = {"notify_proc_stat_update", "notify_filelist_changed", "notify_active_spool_set"}
FIELDS = [("print_stats", "state"), ("print_stats", "filename"), ("print_stats", "message"), ("webhooks", "state")]
QUERY = "/printer/objects/query?webhooks&print_stats&virtual_sdcard&display_status&extruder=temperature,target&heater_bed=temperature,target&none"
GCODE = "G28\nM104 S200\nM109 S200\nG90\nM83\n" + "G1 X10 Y10 E0.6 F2400\nG1 X30 Y10 E0.6\nG4 P100\n" * 12
BROKEN = "G28\nG1 X9999 F3000\n"


def mask(value, key=""):
    if isinstance(value, dict):
        return {inner: mask(value[inner], inner) for inner in value if inner not in DROPPED}
    if isinstance(value, list):
        told = [mask(inner) for inner in value if not (isinstance(inner, dict) and inner.get("dirname") == ".thumbs")]
        return sorted(told, key=lambda one: one["filename"]) if key == "files" else told
    if key in NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
        return "#"
    if isinstance(value, str) and "/gcodes" in value:
        start = min((at for at in (value.find("("), value.find(" /")) if at >= 0), default=-1)
        return value[: start + 1] + value[value.find("/gcodes"):]
    return value


class Recorder:
    def __init__(self, session, base):
        self.session, self.base, self.events, self.shown = session, base, [], {}

    async def listen(self, socket):
        async for message in socket:
            message = json.loads(message.data)
            method, params = message.get("method"), message.get("params", [None])
            if method == "notify_status_update" or "status" in (message.get("result") or {}):
                status = params[0] if method else message["result"]["status"]
                self.changed(status, quiet=not method)
            elif method == "notify_history_changed":
                job = params[0]["job"]
                self.events.append([method, params[0]["action"], job["filename"], job["status"]])
            elif method == "notify_gcode_response":
                if not params[0].startswith("B:"):
                    self.events.append([method, params[0].split(":")[0] if "out of range" in params[0] else params[0]])
            elif method and method not in NOISE:
                self.events.append([method] + params)

    def changed(self, status, quiet):
        for pair in FIELDS:
            told = (status.get(pair[0]) or {}).get(pair[1])
            if told is not None and self.shown.get(pair) != told:
                self.shown[pair] = told
                if not quiet:
                    self.events.append([".".join(pair), told.split(":")[0]])

    async def note(self, **step):
        await asyncio.sleep(0.8)
        events, self.events = self.events, []
        print(json.dumps({**step, "events": events}), flush=True)

    async def call(self, method, path, body=None, key=None):
        headers = {"X-Api-Key": key} if key else {}
        async with self.session.request(method, self.base + path, json=body, headers=headers) as answer:
            told = await answer.json(content_type=None)
        await self.note(do="call", method=method, path=path, json=body, key=key, status=answer.status, answer=mask(told))

    async def upload(self, name, content, **form):
        data = aiohttp.FormData()
        for field, value in form.items():
            data.add_field(field, value)
        data.add_field("file", content.encode(), filename=name)
        async with self.session.post(self.base + "/server/files/upload", data=data) as answer:
            told = await answer.json(content_type=None)
        await self.note(do="upload", name=name, content=content, form=form, status=answer.status, answer=mask(told))

    async def wait(self, *wanted):
        for _ in range(1200):
            async with self.session.get(self.base + "/printer/objects/query?webhooks&print_stats") as answer:
                told = (await answer.json()).get("result", {}).get("status", {})
            state = told.get("webhooks", {}).get("state"), told.get("print_stats", {}).get("state")
            if state == wanted:
                return await self.note(do="wait", host=wanted[0], state=wanted[1])
            await asyncio.sleep(0.1)
        sys.exit(f"never {wanted}, still {state}")

    async def subscribe(self, socket):
        objects = {"webhooks": None, "print_stats": None}
        message = {"jsonrpc": "2.0", "method": "printer.objects.subscribe", "params": {"objects": objects}, "id": 1}
        await socket.send_str(json.dumps(message))
        await self.note(do="subscribe")


def path(name):
    return "gcodes/story/" + name


async def files(at):
    await at.call("GET", "/server/info")
    await at.call("GET", "/server/info", key="wrong")
    await at.call("GET", "/api/nothing")
    await at.call("GET", QUERY)
    await at.call("GET", "/server/files/directory?path=gcodes/story")
    await at.call("POST", "/server/files/directory", {"path": "gcodes/story"})
    await at.call("POST", "/server/files/directory", {"path": "gcodes/story"})
    await asyncio.sleep(3)
    form = {"root": "gcodes", "path": "story", "checksum": hashlib.sha256(GCODE.encode()).hexdigest()}
    await at.upload("a.gcode", GCODE, **{**form, "checksum": "0" * 64})
    await at.upload("a.gcode", GCODE, **form)
    await at.upload("bad.gcode", BROKEN, root="gcodes", path="story")
    await at.call("POST", "/server/files/copy", {"source": path("a.gcode"), "dest": path("one.gcode")})
    await at.call("POST", "/server/files/copy", {"source": path("a.gcode"), "dest": path("one.gcode")})
    await at.call("POST", "/server/files/copy", {"source": path("none.gcode"), "dest": path("x.gcode")})
    await at.call("DELETE", "/server/files/" + path("none.gcode"))
    await at.call("GET", "/server/files/directory?path=gcodes/story")


async def prints(at):
    for verb in ("pause", "resume", "cancel"):
        await at.call("POST", "/printer/print/" + verb)
    await at.call("POST", "/printer/print/start", {"filename": "story/none.gcode"})
    await at.call("POST", "/printer/print/start", {"filename": "story/one.gcode"})
    await at.call("POST", "/printer/print/start", {"filename": "story/a.gcode"})
    await at.call("DELETE", "/server/files/" + path("one.gcode"))
    await at.call("POST", "/server/files/copy", {"source": path("a.gcode"), "dest": path("one.gcode")})
    await at.upload("one.gcode", GCODE, root="gcodes", path="story")
    await at.wait("ready", "complete")
    await at.call("GET", "/server/history/list?limit=1")
    await at.call("GET", QUERY)
    await at.call("POST", "/printer/print/start", {"filename": "story/one.gcode"})
    await at.call("POST", "/printer/print/pause")
    await at.wait("ready", "paused")
    await at.call("POST", "/printer/print/pause")
    await at.call("POST", "/printer/print/start", {"filename": "story/a.gcode"})
    await at.wait("ready", "printing")
    await at.call("POST", "/printer/print/cancel")
    await at.wait("ready", "cancelled")
    await at.call("GET", "/server/history/list?limit=2")
    await at.call("POST", "/printer/print/start", {"filename": "story/bad.gcode"})
    await at.wait("ready", "error")
    await at.call("GET", "/server/history/list?limit=1")


async def faults(at, socket):
    await at.call("POST", "/printer/print/start", {"filename": "story/one.gcode"})
    await at.call("POST", "/printer/emergency_stop")
    await asyncio.sleep(2)
    await at.call("GET", QUERY)
    await at.call("GET", "/server/info")
    await at.call("POST", "/printer/print/start", {"filename": "story/a.gcode"})
    await at.call("GET", "/server/history/list?limit=1")
    await at.call("POST", "/printer/firmware_restart")
    await at.wait("ready", "standby")
    await asyncio.sleep(2)  # A job that begins in the second of readiness is missing in the history.
    await at.call("POST", "/printer/print/start", {"filename": "story/one.gcode"})
    await at.subscribe(socket)
    await at.call("POST", "/printer/firmware_restart")
    await at.wait("ready", "standby")
    await at.call("GET", "/server/history/list?limit=1")
    await at.call("DELETE", "/server/files/" + path("one.gcode"))
    await at.call("GET", "/server/files/directory?path=gcodes/story")


async def main(base):
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        async with session.ws_connect(base.replace("http", "ws") + "/websocket") as socket:
            at = Recorder(session, base)
            listening = asyncio.create_task(at.listen(socket))
            await at.subscribe(socket)
            await files(at)
            await prints(at)
            await faults(at, socket)
            listening.cancel()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
