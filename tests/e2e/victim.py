"""A daemon to be killed: what `tocsin run --once` runs, with a snapshot every half second instead of every minute."""

from __future__ import annotations

import sys

from tocsin.assemble import assemble
from tocsin.config.load import load_config
from tocsin.log import setup

if __name__ == "__main__":
    config = load_config(sys.argv[1])
    setup("info", "json")
    sys.exit(assemble(config, snapshot_every_s=0.5).daemon.run(once=True))
