#!/usr/bin/env python3
"""Starts a real OctoPrint with its virtual printer and owns it: a test reads one JSON line {"pid", "url", "key"} once the printer
is Operational, and ends it by closing our standard input (or by SIGTERM). Nothing of it outlives us or leaves the machine.

    octoprint.py --octoprint BINARY --folder SCRATCH [--port N] [--key HEX] [--hard]

Needs Python's own library only.
"""

import argparse
import http.client
import json
import secrets
import subprocess
import sys
import urllib.request
from pathlib import Path

from owning import NotStarted, end_when_asked, free_port, start, stop, tail_of, wait_for, wait_for_the_end

START_WITHIN_SECONDS = 90

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


def main():
    asked = arguments()
    folder = Path(asked.folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    port = asked.port or free_port()
    key = asked.key or secrets.token_hex(16).upper()
    end_when_asked()

    log = folder / "output.log"
    try:
        prepare(asked.octoprint, folder, key, asked.hard)
        with log.open("ab") as output:
            # The flag is needed as root and harmless otherwise.
            serve = [asked.octoprint, "serve", "--iknowwhatimdoing", "--basedir", folder, "--host", "127.0.0.1", "--port", str(port)]
            server = start(serve, output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(lambda: state(url, key) == "Operational", "an operational printer", [server], START_WITHIN_SECONDS)
            print(json.dumps({"pid": server.pid, "url": url, "key": key}), flush=True)
            wait_for_the_end([server])
        finally:
            stop(server)
    except NotStarted as why:
        sys.exit(f"octoprint.py: {why}\n{tail_of(log)}")


def arguments():
    parser = argparse.ArgumentParser(description="Own a real OctoPrint for the time of a test.")
    parser.add_argument("--octoprint", required=True, help="the octoprint command of a virtual environment")
    parser.add_argument("--folder", required=True, help="a scratch folder; kept, so that a second start finds the first one's files")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", help="32 hex digits; random without it")
    parser.add_argument("--hard", action="store_true", help="keep the virtual printer's own line errors and resends")
    return parser.parse_args()


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


def state(url, key):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{url}/api/connection", headers={"X-Api-Key": key})
    try:
        with opener.open(request, timeout=5) as answer:
            return json.load(answer)["current"]["state"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):  # its starter answers no HTTP
        return None


if __name__ == "__main__":
    main()
