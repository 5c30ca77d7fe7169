"""Exim: Debian's exim4, unpacked and not installed, as its package and that of postfix exclude each other."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.foreign.servers import (
    BOXES,
    DOMAIN,
    MAX_BYTES,
    NOBODY,
    PASSWORD,
    SMALL_BYTES,
    USER,
    Notes,
    Server,
    answer,
    certify,
    free_ports,
    process,
    program,
    room,
)

ACCOUNT: Final = "Debian-exim"  # the name is built in; libnss_wrapper makes us know it
PRELOADED: Final = "LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP".split()
CONFIGURATION: Final = """\
exim_path = {room}/exim4
keep_environment = {preloaded}
spool_directory = {room}/spool
log_file_path = {room}/%slog
log_selector = +tls_cipher +smtp_protocol_error +received_recipients +smtp_no_mail +pid
pid_file_path = {room}/pid
primary_hostname = mail.{domain}
deliver_drop_privilege
local_interfaces = <; [127.0.0.1]:{starttls_port} ; [127.0.0.1]:{implicit_port} ; [127.0.0.1]:{small_port}
tls_on_connect_ports = {implicit_port}
tls_advertise_hosts = *
tls_certificate = {room}/etc/certificate.pem
auth_advertise_hosts = ${{if def:tls_in_cipher {{*}}}}
smtputf8_advertise_hosts = *
chunking_advertise_hosts = *
message_size_limit = ${{if ={{$received_port}}{{{small_port}}} {{{small_bytes}}}{{{max_bytes}}}}}
hostlist rfc1413_hosts =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = recipient
acl_smtp_data = accept
begin acl
recipient:
  deny message = sign in first
    !authenticated = *
  accept verify = recipient
  deny message = no such mailbox
begin routers
boxes:
  driver = accept
  domains = {domain}
  local_parts = lsearch;{room}/etc/boxes
  transport = boxes
begin transports
boxes:
  driver = appendfile
  directory = {room}/boxes/$local_part_data
  maildir_format
  user = {account}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and {{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if and {{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""

NOTES: Final = Notes(
    signing_in=r"P=esmtpsa X=TLS1\.3:\S+ CV=\S+ A=(?i:{mechanism}):{user} .* for {address}\n",
    hundred=r" for(?: box\d+@example\.org){100}\n",
    no_mail=r"no MAIL in SMTP connection from .* A=plain:jane .*C=EHLO,STARTTLS,EHLO,AUTH,QUIT",
    reset=r"\[(\d+)\] \S+ <= .*\n(?:.*\n)*?.*\[\1\] \S+ <= .*\n(?:.*\n)*?.*\[\1\] \S+ <= ",
)


@contextlib.contextmanager
def running_exim() -> Iterator[Server]:
    with room() as folder:
        ports = free_ports(3)
        server = Server.at(ports, folder, "mainlog", _furnish(folder, ports), NOTES)
        values = ("libnss_wrapper.so", str(folder / "etc" / "passwd"), str(folder / "etc" / "group"))
        environment = dict(zip(PRELOADED, values, strict=True))
        command = (folder / "exim4", "-C", folder / "etc" / "exim.conf", "-bdf")
        with process(*command, ready=lambda: answer(ports), said=folder / "said", user=NOBODY, environment=environment):
            yield server


def _furnish(folder: Path, ports: list[int]) -> str:
    """Folders and files; gives the PEM of the authority that proves the server."""
    for name in ("etc", "spool", "boxes"):
        (folder / name).mkdir()
    shutil.copyfile(program("exim4"), folder / "exim4")  # without the right to become root
    (folder / "exim4").chmod(0o755)
    facts = {"room": folder, "domain": DOMAIN, "max_bytes": MAX_BYTES, "small_bytes": SMALL_BYTES, "account": ACCOUNT}
    facts |= {"preloaded": " : ".join(PRELOADED), "user": USER, "password": PASSWORD.password}
    facts |= dict(zip(("starttls_port", "implicit_port", "small_port"), ports, strict=True))
    owner = os.geteuid() or NOBODY
    files = {"exim.conf": CONFIGURATION.format(**facts), "boxes": "".join(f"{name}: {name}\n" for name in BOXES)}
    files["passwd"] = f"root:x:0:0::/:/bin/sh\n{ACCOUNT}:x:{owner}:{owner}::/:/bin/sh\n"
    files["group"] = f"root:x:0:\n{ACCOUNT}:x:{owner}:\n"
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    authority = certify(folder / "etc")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, -1)
    return authority
