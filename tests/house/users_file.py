"""Users file: `deploy/users.acl`, written from what `dispatcher/acl.py` says, as `python tests/house/users_file.py --write`."""

import sys
from pathlib import Path
from typing import Final

from dispatcher.acl import users_file

FILE: Final = Path(__file__).parents[2] / "deploy" / "users.acl"


if __name__ == "__main__":
    if "--write" in sys.argv:
        FILE.write_text(users_file({}))
    else:
        print(users_file({}), end="")
