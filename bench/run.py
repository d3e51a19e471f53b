"""The command: mrcpbalance beside haproxy and nginx, in one go, with the same load and the same backends."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # so that `bench` is found from anywhere

from bench.cli import main  # noqa: E402 - the path comes first

if __name__ == "__main__":
    sys.exit(main())
