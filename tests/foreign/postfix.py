"""Postfix: Debian's, beside whatever the machine itself runs; Dovecot looks after the passwords. It needs root."""

import contextlib
import os
import pwd
import subprocess
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
from tests.foreign.tokens import leave_key

DAEMONS: Final = Path("/usr/lib/postfix/sbin")
MAIN: Final = """\
compatibility_level = 3.6
queue_directory = {room}/queue
data_directory = {room}/data
maillog_file_prefixes = {room}
maillog_file = {room}/log
mail_owner = postfix
setgid_group = postdrop
daemon_directory = {daemons}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.{domain}
mydestination =
alias_maps =
alias_database =
local_header_rewrite_clients =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {room}/boxes
virtual_mailbox_maps = texthash:{room}/etc/boxes
virtual_mailbox_limit = 0
virtual_minimum_uid = {nobody}
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
message_size_limit = {max_bytes}
smtputf8_enable = yes
smtpd_tls_cert_file = {room}/etc/certificate.pem
smtpd_tls_key_file = {room}/etc/certificate.pem
smtpd_tls_security_level = encrypt
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {room}/sasl/auth
smtpd_error_sleep_time = 0
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
"""
MASTER: Final = """\
127.0.0.1:{starttls_port} inet n - n - - smtpd
127.0.0.1:{implicit_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{small_port} inet n - n - - smtpd -o message_size_limit={small_bytes}
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
"""
DOVECOT: Final = """\
base_dir = {room}/dovecot
log_path = {room}/dovecot.log
protocols =
ssl = no
auth_mechanisms = scram-sha-256 plain login oauthbearer xoauth2
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  mechanisms = scram-sha-256 plain login
  args = {room}/etc/passwords
}}
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {room}/etc/tokens.conf
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  unix_listener {room}/sasl/auth {{
    mode = 0666
  }}
}}
"""

TOKENS: Final = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={room}/etc/keys/
username_attribute = sub
"""
NOTES: Final = Notes(
    signing_in=(
        r"smtpd\[(\d+)\]: Anonymous TLS connection established from \S+ TLSv1\.3 .*\n(?:.*\n)*?"
        r".*smtpd\[\1\]: (\w+): client=\S+, sasl_method={mechanism}, sasl_username={user}\n(?:.*\n)*?"
        r".*: \2: to=<{address}>"
    ),
    hundred=r"nrcpt=100 ",
    no_mail=r"disconnect from \S+ ehlo=2 starttls=1 auth=1 quit=1 commands=5",
    reset=r"disconnect from \S+ ehlo=2 starttls=1 auth=1 mail=3 rcpt=3 data=3 rset=2 quit=1 commands=16",
)


@contextlib.contextmanager
def running_postfix() -> Iterator[Server]:
    with room() as folder:
        ports = free_ports(3)
        server = Server.at(ports, folder, "log", _furnish(folder, ports), NOTES)
        socket = folder / "sasl" / "auth"
        subprocess.run([program("postfix"), "-c", folder / "etc", "check"], check=True)
        with (
            process(program("dovecot"), "-F", "-c", folder / "etc" / "dovecot.conf", ready=socket.is_socket, said=folder / "said-dovecot"),
            process(DAEMONS / "master", "-c", folder / "etc", "-s", ready=lambda: answer(ports), said=folder / "said-postfix"),
        ):
            yield server


def _furnish(folder: Path, ports: list[int]) -> str:
    """Folders and files; gives the PEM of the authority that proves the server."""
    for name in ("etc", "queue", "data", "boxes", "sasl"):
        (folder / name).mkdir()
    owner = pwd.getpwnam("postfix")
    for name, uid in {"data": owner.pw_uid, "boxes": NOBODY}.items():
        os.chown(folder / name, uid, -1)
    facts = {"room": folder, "daemons": DAEMONS, "domain": DOMAIN, "nobody": NOBODY, "max_bytes": MAX_BYTES, "small_bytes": SMALL_BYTES}
    facts |= dict(zip(("starttls_port", "implicit_port", "small_port"), ports, strict=True))
    files = {"main.cf": MAIN.format(**facts), "master.cf": MASTER.format(**facts), "dovecot.conf": DOVECOT.format(**facts)}
    files["tokens.conf"] = TOKENS.format(**facts)
    files["boxes"] = "".join(f"{name}@{DOMAIN} {name}/\n" for name in BOXES)
    files["passwords"] = f"{USER}:{{PLAIN}}{PASSWORD.password}\n"
    for name, text in files.items():
        (folder / "etc" / name).write_text(text)
    leave_key(folder / "etc" / "keys")
    return certify(folder / "etc")
