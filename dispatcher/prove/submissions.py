"""Submissions: every field that a user fills, each with a canary of its own."""

from base64 import b64encode
from typing import Any, Final

from dispatcher.prove.canaries import Canaries

PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db00000000049454e44ae426082"
)


def whole(plant: Canaries, account: dict[str, Any], local_part: str = "", receipt_key: bytes = b"") -> dict[str, Any]:
    """To be mailed by this account; `local_part` asks a catcher for a fault. The sender's domain is no secret: the Message-ID shows it."""

    def person(field: str) -> dict[str, str]:
        return {"name": f"Name {plant(f'{field} name')}", "address": f"{plant(f'{field} address')}@{plant(f'{field} domain')}.example"}

    recipient = {"name": plant("to name"), "address": f"{local_part or plant('to address')}@{plant('to domain')}.example"}
    image = {"id": f"att{plant('image id')}", "name": f"{plant('image name')}.png", "type": "image/png", "role": "image"}
    attached = {"id": plant("part id"), "name": f"{plant('part name')}.txt", "type": f"application/x-{plant('part type')}"}
    site = f"https://{plant('site host')}.example"
    return {
        "from": {"name": plant("from name"), "address": f"{plant('from address')}@example.com"},
        "reply_to": [person("reply_to")],
        "to": [recipient],
        "cc": [person("cc")],
        "bcc": [person("bcc")],
        "subject": f"About {plant('subject')}",
        "message": f"Look at {plant('message')}",
        "page": {
            "title": f"Title {plant('page title')}",
            "body": f"<p>{plant('page body')} " * 400 + f'</p><img src="/wiki/download/attachments/1/{plant("image name")}.png" />',
            "url": f"{site}/{plant('page url')}",
            "space": plant("space"),
        },
        "site": {"url": f"{site}/wiki", "name": plant("site name")},
        "user": {"name": plant("user name"), "address": f"{plant('user address')}@example.com"},
        "layout": {
            "subject_prefix": f"[{plant('prefix')}]",
            "header_text": f"{plant('header')} {{user_name}} {{space_name}} {{site_name}}",
            "button_label": plant("button"),
            "custom_css": f".{plant('css')} {{ color: red }}",
        },
        "parts": [
            image | {"content": b64encode(PIXEL + plant("image content").encode()).decode()},
            attached | {"role": "attachment", "content": b64encode(plant("part content").encode() * 99).decode()},
        ],
        "account": account | {"ehlo_name": f"{plant('ehlo name')}.example"},
        "policy": {"allowed_domains": ["*.example", f"{plant('policy')}.example"]},
        "callback": {
            "url": f"https://{plant('callback host')}.invalid/{plant('callback path')}",
            "secret": f"whsec_{b64encode(plant('callback secret').encode().ljust(24)).decode()}",
        },
    } | ({"receipt_key": b64encode(receipt_key).decode()} if receipt_key else {})
