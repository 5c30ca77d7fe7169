"""Command line page: in step with the commands, and each is loaded from where the table says that it is."""

import click
import pytest

from dispatcher.__main__ import cli
from dispatcher.commands.table import COMMANDS
from tests.house.cli_page import PAGE, page


def test_the_page_is_in_step_with_the_commands() -> None:
    assert PAGE.read_text() == page()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_names_a_command_and_says_what_it_says_of_itself(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.name, bool(command.help)) == (name, True)
