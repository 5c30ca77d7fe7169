"""Visitor: a browser without a screen at the dashboard: forms as they are posted, one cookie, no redirect followed."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from tests.system.client import Answer, Client

FORM: Final = "application/x-www-form-urlencoded"
ACTIONS: Final = "/admin/actions"


@dataclass
class Visitor:
    client: Client
    cookie: str = ""

    def get(self, path: str) -> Answer:
        return self.client.ask("GET", path, Cookie=self.cookie)

    def post(self, path: str, **fields: str) -> Answer:
        return self.client.ask("POST", path, urlencode(fields).encode(), Cookie=self.cookie, Content_Type=FORM)

    def sign_in(self, key: str) -> Answer:
        answer = self.post("/admin/sign-in", key=key)
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        return answer

    def act(self, path: str, **fields: str) -> Answer:
        """As the form on the page does it."""
        return self.post(path, form_token=self.form_token, **fields)

    @property
    def form_token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.get(ACTIONS).body.decode())
        assert found
        return found[1]


def visitor(admin: str) -> Visitor:
    """Who has not signed in."""
    return Visitor(Client(admin, None))


def to(answer: Answer) -> tuple[int, str | None]:
    """Where the browser is sent."""
    return answer.status, answer.headers.get("location")
