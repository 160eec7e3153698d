#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""POOL SYNC: what capabilities say of a synchronization is what dry runs say.

What is listed without Force is accepted; what is listed with Force is refused
without it and accepted with it; what is not listed is refused with it, too."""

import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dm import Dm  # noqa: E402


def listed(sync):
    """Operation -> (accepted, accepted with Force), as capabilities say; and the reasons."""
    text = subprocess.run(["replctl", "capabilities", sync, "--json"], check=True,
                          capture_output=True, text=True).stdout
    rows = json.loads(text)["SupportedOperations"]
    accepted = {r["Operation"]["value"]: (bool(r["PossibleNow"] and not r["RequiresForce"]),
                                          bool(r["PossibleNow"])) for r in rows}
    return accepted, {r["Operation"]["value"]: r["Reason"] for r in rows}


def dry(dm, pool, operation, sync_id, *words):
    try:
        dm.message(pool, "modify", operation, sync_id, *words, "dry_run")
        return True
    except OSError:
        return False


def wrong(dm, pool, sync, sync_id):
    """What is not as listed, in words."""
    accepted, reasons = listed(sync)
    assert len(accepted) == 23, accepted
    found = {o: (dry(dm, pool, o, sync_id), dry(dm, pool, o, sync_id, "force")) for o in accepted}
    return ["operation %d: listed %s, dry runs %s (%s)" % (o, accepted[o], found[o], reasons[o])
            for o in accepted if accepted[o] != found[o]]


def main():
    pool, sync, sync_id = sys.argv[1:]
    # A fault or an end of a copy may come between.
    end = time.monotonic() + 30
    while True:
        bad = wrong(Dm(), pool, sync, sync_id)
        if not bad or time.monotonic() > end:
            break
        time.sleep(0.2)
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
