"""Drives an OctoPrint with the third-party client octorest and prints what it saw, one line a step.

    python judge_octorest.py http://127.0.0.1:5000 <api key>

The output names no address, time or key, so the output for the simulator and the output for a
real OctoPrint (with its virtual printer) must be equal. Exits with 1 when a step does not happen.
"""

import io
import sys
import time

from octorest import OctoRest

FILE = "judge.gcode"
COPY = "judge-attempt.gcode"
GCODE = (
    ";TIME:6\nG28\nM140 S40\nM104 S50\nM190 S40\nM109 S50\n" + "G4 P100\nG1 X10 Y10 E1 F3000\n" * 60
).encode()


def say(step, *seen):
    print(step + ":", *seen, flush=True)


def wait(client, *states, seconds=60):
    end = time.time() + seconds
    while time.time() < end:
        if client.state() in states:
            return client.state()
        time.sleep(0.05)
    print("expected", states, "but it stays", client.state())
    sys.exit(1)


def refusal(call, *args, **named):
    try:
        call(*args, **named)
        return "accepted"
    except RuntimeError as error:
        return "refused " + str(error).rsplit("(", 1)[1].rstrip(")")


def prints(client, name):
    told = client.files_info("local", name).get("prints")
    if told is None:
        return "never printed"
    last = told["last"]
    return f"success {told['success']} failure {told['failure']} last {last['success']} timed {'printTime' in last}"


def flags(client):
    return sorted(name for name, value in client.printer()["state"]["flags"].items() if value is True)


def main(url, key):
    say("wrong key", refusal(OctoRest, url=url, apikey="wrong"))
    client = OctoRest(url=url, apikey=key)
    say("version", client.version["text"])
    if client.state() == "Closed":
        client.connect()
    wait(client, "Operational")
    say("idle flags", flags(client))
    for name in (FILE, COPY):
        refusal(client.delete, name)

    upload = client.upload((FILE, io.BytesIO(GCODE)))
    say("upload", upload["done"], upload["files"]["local"]["path"], upload["effectivePrint"])
    info = client.files_info("local", FILE)
    say("file", info["size"], info["hash"], info["typePath"], prints(client, FILE))
    client.copy(FILE, COPY)
    say("copy", prints(client, COPY), "again", refusal(client.copy, FILE, COPY))
    say("upload of a text", refusal(client.upload, ("judge.txt", io.BytesIO(b"no"))))
    say("start of nothing known", refusal(client.select, "nothing.gcode", print=True))

    client.select(COPY, print=True)
    wait(client, "Printing")
    job = client.job_info()
    say("printing", job["job"]["file"]["path"], job["job"]["file"]["origin"], flags(client))
    say("second start", refusal(client.start), refusal(client.select, FILE, print=True))
    say("delete while printing", refusal(client.delete, COPY))
    say("overwrite while printing", refusal(client.upload, (COPY, io.BytesIO(GCODE))))
    time.sleep(3)
    progress = client.job_info()["progress"]
    say("progress", 0 < progress["completion"] < 100, 0 < progress["filepos"] < info["size"])
    heat = client.printer()["temperature"]
    say("heat", heat["tool0"]["target"], heat["bed"]["target"], heat["tool0"]["actual"] > 25)

    client.pause()
    wait(client, "Paused")
    say("paused", flags(client), refusal(client.pause), refusal(client.start))
    client.resume()
    wait(client, "Printing")
    say("resumed", flags(client))
    client.cancel()
    wait(client, "Operational")
    time.sleep(1)
    job = client.job_info()
    say("cancelled", job["state"], job["progress"]["completion"], prints(client, COPY), refusal(client.cancel))

    client.start()
    wait(client, "Printing")
    wait(client, "Operational")
    time.sleep(1)
    job = client.job_info()
    say("done", job["progress"]["completion"], job["progress"]["printTimeLeft"], job["job"]["lastPrintTime"] > 4)
    say("history", prints(client, COPY), "/ original", prints(client, FILE))
    client.delete(COPY)
    say("deleted", client.job_info()["job"]["file"]["path"], refusal(client.delete, COPY), refusal(client.start))

    client.disconnect()
    wait(client, "Closed")
    say("disconnected", refusal(client.printer), client.job_info()["state"], refusal(client.start))
    client.connect()
    wait(client, "Operational")
    client.delete(FILE)
    say("end", flags(client))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
