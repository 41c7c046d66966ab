"""Runs software that others published on Paddock, and says how each file fared.

    .venv/bin/python tests/peers/run.py CHECKOUT... [--only TEXT] [--runtime 3.13] [--sdk released|checkout] [--keep]

A checkout is a folder with somebody's repository: cloudflare/workerd, cloudflare/workers-py,
cloudflare/python-workers-examples, or any Python Worker. Its files are copied, never changed. Ends with 1 when
something failed. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cases import Case
from dev import StartFailed, serving
from drive import drive
from finding import find_cases
from internet import Internet
from outcome import Outcome, markdown
from project import lay_out
from runtimes import RUNTIMES


def main() -> int:
    """Run what the command line names and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkout", type=Path, nargs="+")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--runtime", choices=RUNTIMES, default="3.13")
    parser.add_argument("--sdk", choices=("released", "checkout"), default="released")
    parser.add_argument("--session", action="store_true", help="lay out in /session/metadata, as production does")
    parser.add_argument("--keep", action="store_true", help="keep the projects and their logs")
    arguments = parser.parse_args()
    outcomes: list[Outcome] = []
    for checkout in arguments.checkout:
        for case in find_cases(checkout.resolve(), RUNTIMES[arguments.runtime], own_sdk=arguments.sdk == "checkout"):
            if arguments.only in case.name:
                outcomes += _run(case, in_session=arguments.session, keep=arguments.keep)
    print(markdown(outcomes))
    return any(outcome.failures for outcome in outcomes)


def _run(case: Case, *, in_session: bool, keep: bool) -> list[Outcome]:
    print(f"- {case.name}", flush=True)
    scratch = Path(tempfile.mkdtemp(prefix="peers-"))
    folder = Path("/session/metadata") if in_session else scratch / "worker"
    try:
        folder.mkdir(parents=True)
        with Internet(scratch) as internet:
            config = lay_out(case.worker, folder, is_driven=case.drive == "test")
            with serving(config, internet.environment()) as address:
                if case.internet is None:
                    return drive(case, address, folder)
                (scratch / "internet").mkdir()
                with serving(lay_out(case.internet, scratch / "internet", is_driven=False), {}) as internet.worker:
                    return drive(case, address, folder)
    except StartFailed as error:
        return [Outcome(case.name).fail("start", str(error))]
    except subprocess.CalledProcessError as error:
        return [Outcome(case.name).fail("install", f"could not install {', '.join(case.worker.requirements)}: {error}")]
    finally:
        if keep:
            print(f"  kept in {folder}", flush=True)
        else:
            shutil.rmtree(scratch, ignore_errors=True)
        if in_session and not keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
