"""Table: the commands by name: where each is, and what it is for in one line. A command is loaded when it is called."""

from importlib import import_module
from typing import Any, Final

import click

from dispatcher.exits import INTERRUPTED

COMMANDS: Final = {
    "up": ("running", "Run everything on this machine: embedded Redis, API, workers."),
    "demo": ("running", "Mail a sample page to a mail catcher on this machine, and show it."),
    "api": ("running", "Serve the public API and the admin API."),
    "worker": ("running", "Run one worker process."),
    "status": ("operating", "What waits, who works, what happened in the last hour."),
    "pause": ("operating", "Stop what is in SCOPE for a time; its jobs wait, and still expire."),
    "resume": ("operating", "End a pause before its time."),
    "drain": ("operating", "Have the workers of POOL claim nothing more, so that they can be stopped."),
    "purge": ("purging", "Cancel jobs that wait; what is in hand goes on."),
    "send": ("sending", "Submit a page to be mailed, and follow its job to the end."),
    "metrics": ("measuring", "Print what Prometheus would read."),
    "health": ("probing", "Exit 0 while the API of this machine's settings lives."),
    "doctor": ("doctor", "Look at Redis, keys, machine and settings; tell what is wrong, and the cure."),
    "prove": ("prove", "Plant canaries, mail and fail, and search every sink for them."),
    "verify": ("looking", "Sign in to a mail account, step by step, and mail nothing."),
    "preview": ("running", "Write the mail that a page in a file would become; nothing runs, nothing is sent."),
    "receipt": ("receipt", "Open the sealed receipts of a status."),
    "debug": ("debug", "Debug sessions: what mail servers say to your jobs now, masked, and sealed to your key."),
    "keys": ("keys", "Sealing keys: make, list, rotate, retire."),
    "api-keys": ("api_keys", "API keys: create, list, revoke."),
    "redis-users": ("redis_users", "Write the users of Redis, and their passwords."),
    "config": ("looking", "What the programs are told by their environment."),
    "openapi": ("looking", "Print the OpenAPI document."),
    "completion": ("probing", "Print what makes a shell complete our commands."),
}


class Table(click.Group):
    """A group that loads one command at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- click's signature
        """Loaded now; None when there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"dispatcher.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's signature
        """Ctrl-C ends a command as a shell expects it; click would say 1, as of a question that is answered by no."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except click.Abort as error:
            if isinstance(error.__context__, KeyboardInterrupt):
                ctx.exit(INTERRUPTED)
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- click's signature
        """From the table, so that help loads none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])
