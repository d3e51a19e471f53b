"""The command line of the benchmark."""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import machine, report
from bench.campaign import Campaign
from bench.choice import PEERS, Contenders, choose_kinds, choose_rows
from bench.compile import compile_programs
from bench.measure import Manner, Timing
from bench.proxies import Mrcpbalance
from bench.rows import ROWS


def parser() -> argparse.ArgumentParser:
    """Describe the options."""
    names = ", ".join(row.name for row in ROWS)
    options = argparse.ArgumentParser(
        prog="bench/run.py", description="mrcpbalance beside other proxies, measured in one go."
    )
    add = options.add_argument
    add("--rows", default="", metavar="NAME,…", help=f"only these: {names}")
    add(
        "--peers",
        default="haproxy,nginx,kamailio",
        metavar="NAME,…",
        help=f"measured beside: {', '.join(PEERS)}",
    )
    add(
        "--python",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="one more mrcpbalance: of this interpreter",
    )
    add(
        "--checkout",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="one more mrcpbalance: of this source tree",
    )
    add("--base", default="haproxy", metavar="NAME", help="whom the others are compared with (%(default)s)")
    add("--quick", action="store_true", help="two short rounds: a look, not a result")
    add("--rounds", type=int, metavar="N", help="rounds of each row (5; quick: 2)")
    add("--seconds", type=float, metavar="S", help="what one run counts (0.7; quick: 0.25)")
    add("--limit", type=float, metavar="S", help="leave out rounds beyond this (280; quick: 36)")
    add("--apart", action="store_true", help="backends send response and event in two writes")
    add("--silent", action="store_true", help="MRCPv1 callers don't answer events")
    add("--json", type=Path, metavar="FILE", help="write every sample there too")
    return options


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when anything of ours failed, 2 when asked for what there isn't."""
    options = parser().parse_args(words)
    try:
        rows = choose_rows(options.rows, machine.allow_many_files(), quick=options.quick)
        contenders = choose_kinds(options.peers, options.python, options.checkout)
        campaign = _campaign(options, contenders)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    about = machine.describe() | _describe(contenders)
    others = machine.Others()
    try:
        campaign.measure(rows)
    except KeyboardInterrupt:
        campaign.errors["the rest", "all"] = "interrupted"
    about["others"] = f"used about {others.share():.0%} of the machine meanwhile"
    about["pinning"] = report.pinning(worked=campaign.pinned)
    print(report.text(campaign, about, options.base))
    if options.json:
        options.json.write_text(json.dumps(report.data(campaign, about, options.base), indent=1) + "\n")
    ours_missing = any(isinstance(kind, Mrcpbalance) for kind in contenders.left_out)
    return 1 if campaign.errors or ours_missing else 0


def _campaign(options: argparse.Namespace, contenders: Contenders) -> Campaign:
    quick = options.quick
    return Campaign(
        kinds=contenders.kinds,
        programs=compile_programs(),
        manner=Manner(apart=options.apart, silent=options.silent),
        timing=Timing(warm=0.1 if quick else 0.2, seconds=options.seconds or (0.25 if quick else 0.7)),
        rounds=options.rounds or (2 if quick else 5),
        limit=options.limit or (34 if quick else 280),
    )


def _describe(contenders: Contenders) -> dict[str, str]:
    told = {kind.name: kind.describe() for kind in contenders.kinds if isinstance(kind, Mrcpbalance)}
    return told | {kind.name: f"LEFT OUT: {reason}" for kind, reason in contenders.left_out.items()}
