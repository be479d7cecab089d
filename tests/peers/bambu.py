#!/usr/bin/env python3
"""Starts a real Mosquitto and a real vsftpd as a Bambu Lab printer has them, and owns them: TLS with a certificate of X.509 version 1
that names the serial number, the user bblp with its code, data connections that must resume the TLS session. A test reads one JSON
line {"broker", "inside", "files", "serial", "code", "home", "authority"} once both answer, and ends them by closing our standard
input (or by SIGTERM). Nothing of them outlives us or leaves the machine.

    bambu.py --folder SCRATCH

Needs root (or sudo without a password): vsftpd signs in a user of the system, which is made here and removed again. Needs
mosquitto, vsftpd and openssl; Python's own library only.
"""

import argparse
import fcntl
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from owning import NotStarted, end_when_asked, start, stop, wait_for, wait_for_the_end

START_WITHIN_SECONDS = 60
USER, CODE, SERIAL = "bblp", "12345678", "01P00A123456789"
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

MOSQUITTO = """
per_listener_settings false
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence false
log_type error
listener {broker} 127.0.0.1
certfile {folder}/chain.pem
keyfile {folder}/key.pem
tls_version tlsv1.2
listener {inside} 127.0.0.1
"""

ACL = """
user {user}
topic read device/{serial}/report
topic write device/{serial}/request
user machine
topic readwrite device/{serial}/#
"""

VSFTPD = """
listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
listen_port={files}
background=NO
anonymous_enable=NO
local_enable=YES
write_enable=YES
chroot_local_user=YES
allow_writeable_chroot=YES
ssl_enable=YES
implicit_ssl=YES
force_local_data_ssl=YES
force_local_logins_ssl=YES
require_ssl_reuse=YES
ssl_tlsv1=YES
ssl_ciphers=HIGH
rsa_cert_file={folder}/chain.pem
rsa_private_key_file={folder}/key.pem
pasv_min_port=50000
pasv_max_port=50100
seccomp_sandbox=NO
secure_chroot_dir={folder}/empty
local_umask=022
pam_service_name=vsftpd
userlist_enable=NO
"""


def main():
    if os.geteuid() != 0:
        os.execvp("sudo", ["sudo", "--non-interactive", "--preserve-env=PATH", sys.executable, *sys.argv])
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, type=Path)
    folder = parser.parse_args().folder.resolve()
    end_when_asked()
    # The system's user is one for all: whoever comes second waits.
    lock = open("/run/lock/gantry-peer-bblp", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    running = []
    try:
        ports = free_ports(3)
        told = prepare(folder, *ports)
        running.append(start([tool("mosquitto"), "-c", str(folder / "mosquitto.conf")], sys.stderr))
        running.append(start([tool("vsftpd"), str(folder / "vsftpd.conf")], sys.stderr))
        for port in ports:
            wait_for(lambda: answers(port), f"port {port}", running, START_WITHIN_SECONDS)
        print(json.dumps(told), flush=True)
        wait_for_the_end(running)
    except NotStarted as why:
        print(why, file=sys.stderr)
        sys.exit(1)
    finally:
        for process in reversed(running):
            stop(process)
        subprocess.run(["userdel", USER], stderr=subprocess.DEVNULL, env={"PATH": PATH})


def prepare(folder, broker, inside, files):
    home = folder / "home"
    for place in (home, folder / "empty"):
        place.mkdir()
    certificates(folder)
    make_user(home)
    shutil.chown(home, USER)
    # The folder is the test's own, and the servers' other users come through it.
    for place in (folder, *folder.parents[:-1]):
        if place.stat().st_uid == folder.stat().st_uid and place != Path("/tmp"):
            place.chmod(place.stat().st_mode | 0o011)
    home.chmod(0o777)
    values = {"folder": folder, "home": home, "broker": broker, "inside": inside, "files": files, "user": USER, "serial": SERIAL}
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(**values))
    (folder / "acl").write_text(ACL.format(**values))
    (folder / "vsftpd.conf").write_text(VSFTPD.format(**values).lstrip())
    os.chown(folder / "vsftpd.conf", 0, 0)
    (folder / "passwords").write_text(f"{USER}:{CODE}\nmachine:inside\n")
    run([tool("mosquitto_passwd"), "-U", str(folder / "passwords")])
    for name in ("acl", "passwords", "chain.pem", "key.pem"):
        (folder / name).chmod(0o644)
    authority = (folder / "ca.pem").read_text()
    return {
        "broker": broker, "inside": inside, "files": files, "serial": SERIAL, "code": CODE, "home": str(home), "authority": authority,
    }


def certificates(folder):
    """Without a file of extensions openssl makes a certificate of version 1, as the printers have."""
    at = lambda name: str(folder / name)
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Test Authority",
         "-keyout", at("ca.key"), "-out", at("ca.pem")])
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={SERIAL}", "-keyout", at("key.pem"), "-out", at("leaf.csr")])
    run(["openssl", "x509", "-req", "-in", at("leaf.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-days", "2",
         "-out", at("leaf.pem")])
    (folder / "chain.pem").write_text((folder / "leaf.pem").read_text() + (folder / "ca.pem").read_text())


def make_user(home):
    """Another may be left over from a run that was killed."""
    try:
        pwd.getpwnam(USER)
        run(["userdel", USER])
    except KeyError:
        pass
    run(["useradd", "--no-create-home", "--home-dir", str(home), "--shell", "/bin/bash", USER])
    run(["chpasswd"], f"{USER}:{CODE}\n")


def run(command, text=""):
    done = subprocess.run(command, input=text, text=True, capture_output=True, env={**os.environ, "PATH": PATH})
    if done.returncode != 0:
        raise NotStarted(f"{command[0]}: {done.stderr}")


def tool(name):
    found = shutil.which(name, path=PATH)
    if not found:
        raise NotStarted(f"{name} is not installed")
    return found


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
