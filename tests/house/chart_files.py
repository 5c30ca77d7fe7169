"""Chart files: what the Helm chart has of deploy/, since a chart reads nothing outside, as `python tests/house/chart_files.py --write`."""

import shutil
import sys
from pathlib import Path
from typing import Final

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
COPIES: Final = DEPLOY / "helm" / "beampost" / "files"
ORIGINALS: Final = (DEPLOY / "valkey.conf", DEPLOY / "prometheus" / "alerts.yml", DEPLOY / "grafana" / "beampost.json")


def stale() -> list[str]:
    """Copies that are not what they are copies of."""
    pairs = ((original, COPIES / original.name) for original in ORIGINALS if original.exists())
    return [copy.name for original, copy in pairs if not copy.exists() or copy.read_bytes() != original.read_bytes()]


if __name__ == "__main__":
    if "--write" in sys.argv:
        for file in ORIGINALS:
            shutil.copyfile(file, COPIES / file.name)
    else:
        print("\n".join(stale()))
