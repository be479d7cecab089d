"""Drives a PrusaLink with the third-party client pyprusalink and prints what it saw, one line a step.

    python judge_pyprusalink.py http://127.0.0.1:8081 <user> <password> <storage>

The output names no address, time or number of a job, so the output for the simulator and the output for a real PrusaLink (with
a stand-in printer) must be equal. Exits with 1 when a step does not happen. The client cannot upload or start; that is done by
its own HTTP client and its own answer to the server's challenge.
"""

import asyncio
import sys
import time

from httpx import AsyncClient, HTTPStatusError
from pyprusalink import PrusaLink
from pyprusalink.types import Conflict, InvalidAuth, NotFound

FILE = "judge/judge.gcode"
GCODE = (";TIME:6\nG28\n" + "G4 P100\nG1 X10 Y10 E1 F3000\n" * 60).encode()


def say(step, *seen):
    print(step + ":", *seen, flush=True)


class Judge:
    def __init__(self, http, url, user, password, storage):
        self.http, self.url, self.storage = http, url, storage
        self.link = PrusaLink(http, url, user, password)

    def path(self, name=FILE):
        return f"/api/v1/files/{self.storage}/{name}"

    async def put(self, name, content, **headers):
        sent = {"Content-Type": "text/x.gcode", **{key.replace("_", "-"): value for key, value in headers.items()}}
        answer = await self.http.put(self.url + self.path(name), content=content, headers=sent, auth=self.link.client._auth)
        return answer.status_code

    async def refusal(self, asked):
        try:
            await asked
            return "accepted"
        except (Conflict, NotFound, InvalidAuth) as why:
            return type(why).__name__
        except HTTPStatusError as why:
            return why.response.status_code

    async def ask(self, method, path):
        async with self.link.client.request(method, path) as answer:
            return answer

    async def state(self):
        return (await self.link.get_status())["printer"]["state"]

    async def wait(self, *states, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = await self.state()
            if state in states:
                return state
            await asyncio.sleep(0.1)
        print("expected", states, "but it stays", await self.state())
        sys.exit(1)

    async def lies_there(self, name=FILE):
        """A server may see a new file a moment later."""
        for _ in range(100):
            try:
                return (await self.ask("GET", self.path(name))).json()
            except NotFound:
                await asyncio.sleep(0.1)
        print(name, "does not appear")
        sys.exit(1)

    async def until(self, wanted, ask):
        """What a server says once it came to that: it may tell a state before it has gone all the way there."""
        for _ in range(100):
            if (seen := await self.refusal(ask())) == wanted:
                break
            await asyncio.sleep(0.1)
        return seen

    async def job(self):
        job = await self.link.get_job()
        return None if job is None else job["id"]


async def story(judge, stranger):
    link = judge.link
    say("wrong password", await stranger.refusal(stranger.link.get_version()))
    version = await link.get_version()
    say("version", version["api"], version["text"].split(" ")[0], version["capabilities"])
    info = await link.get_info()
    say("info", info["nozzle_diameter"], bool(info["serial"]), info["min_extrusion_temp"])
    say("start", await judge.wait("IDLE"), await link.get_job(), await link.get_transfer())
    storages = await link.get_storage()
    say("storage", [one["path"].strip("/") for one in storages if one["available"] and not one["read_only"]])
    while "target_nozzle" not in (status := await link.get_status())["printer"]:
        await asyncio.sleep(0.1)  # A Raspberry Pi does not know them at first.
    say("temperatures", status["printer"]["temp_nozzle"] > 15, status["printer"]["target_nozzle"], "job" in status)
    old = await link.get_legacy_printer()
    say("old door", old["state"]["flags"]["printing"], old["temperature"]["tool0"]["target"])

    await judge.refusal(judge.ask("DELETE", judge.path()))
    say("upload", await judge.put(FILE, GCODE))
    file = await judge.lies_there()
    say("file", file["display_name"], file["size"] == len(GCODE), file["type"])
    say("upload over it", await judge.put(FILE, GCODE), await judge.put(FILE, GCODE, Overwrite="?1"))
    folder = await judge.ask("GET", judge.path("judge"))
    say("folder", [child["display_name"] for child in folder.json()["children"]])
    say("start of nothing known", await judge.refusal(judge.ask("POST", judge.path("judge/none.gcode"))))
    say("look at nothing known", await judge.refusal(judge.ask("GET", judge.path("judge/none.gcode"))))

    await judge.lies_there()
    await judge.ask("POST", judge.path())
    await judge.wait("PRINTING")
    job = await link.get_job()
    say("printing", job["state"], job["file"]["display_name"], 0 <= job["progress"] < 100)
    number = job["id"]
    say("second start", await judge.refusal(judge.ask("POST", judge.path())))
    say("delete while printing", await judge.refusal(judge.ask("DELETE", judge.path())))
    say("resume", await judge.refusal(link.resume_job(number)))
    say("pause of another", await judge.refusal(link.pause_job(number + 7)))

    await link.pause_job(number)
    say("paused", await judge.wait("PAUSED"), (await link.get_job())["state"], await judge.refusal(link.pause_job(number)))
    await judge.until("accepted", lambda: link.resume_job(number))
    say("resumed", await judge.wait("PRINTING"), await judge.job() == number)
    await link.cancel_job(number)
    say("cancelled", await judge.wait("STOPPED"), await link.get_job(), await judge.refusal(link.cancel_job(number)))
    if judge.storage == "local":
        say("idle again", await judge.wait("IDLE"))

    await judge.ask("POST", judge.path())
    await judge.wait("PRINTING")
    say("next job", await judge.job() == number + 1)
    say("done", await judge.wait("FINISHED"), await link.get_job())
    if judge.storage == "local":
        say("idle again", await judge.wait("IDLE"))
    await judge.ask("DELETE", judge.path())
    say("deleted", await judge.until("NotFound", lambda: judge.ask("GET", judge.path())))


async def main(url, user, password, storage):
    async with AsyncClient(timeout=30, trust_env=False) as http, AsyncClient(timeout=30, trust_env=False) as other:
        stranger = Judge(other, url, user, password + "?", storage)
        await story(Judge(http, url, user, password, storage), stranger)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
