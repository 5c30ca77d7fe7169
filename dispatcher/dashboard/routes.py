"""Routes: what there is under `/admin/`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.dashboard import actions, view
from dispatcher.dashboard.access import HOME, action, go_to, page, stream
from dispatcher.dashboard.live import Live
from dispatcher.dashboard.own_files import static
from dispatcher.dashboard.sign_in import SignIn, sign_out


def routes() -> tuple[Route, ...]:
    """Of one process, which counts the attempts to sign in."""
    sign_in = SignIn()
    return (
        Route("/", to_home, methods=["GET"]),
        Route("/admin", to_home, methods=["GET"]),
        Route("/admin/", page(view.show), methods=["GET"]),
        Route("/admin/live", stream(Live().stream), methods=["GET"]),
        Route("/admin/sign-in", sign_in.show, methods=["GET"]),
        Route("/admin/sign-in", sign_in.begin, methods=["POST"]),
        Route("/admin/sign-out", action(sign_out), methods=["POST"]),
        Route("/admin/actions", page(actions.show), methods=["GET"]),
        Route("/admin/pauses", action(actions.pause), methods=["POST"]),
        Route("/admin/pauses/end", action(actions.resume), methods=["POST"]),
        Route("/admin/debug-sessions/end", action(actions.end_debugging), methods=["POST"]),
        Route("/admin/static/{name}", static, methods=["GET"]),
    )


async def to_home(_request: Request) -> Response:
    """Who typed less than the whole address is meant to look."""
    return go_to(HOME)
