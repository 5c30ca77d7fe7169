"""Unfailing: what only we can mend is reported as type and place, and answered; no error goes on to the server, which would keep it."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.api.problems import problem
from dispatcher.contracts.privacy import report


class Unfailing:
    """Around everything else of an app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An answer that had begun ends where it is."""
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the caller is told and the report is clean
            report(error)
            if not begun:
                await problem(Request(scope), "internal")(scope, receive, send)
