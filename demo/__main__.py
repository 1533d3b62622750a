"""Run the demo: start a fresh stack, tell the story, print the table, write .local/demo/report.json."""

import argparse
import sys

from demo.reconciling import Reconciling
from demo.report import Report
from demo.stack import HOME, running
from demo.story import Story


def main() -> int:
    """0 if every step succeeded."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--without", action="append", default=[], help="leave an engine out (the demo must then fail)")
    options = parser.parse_args()
    report = Report(HOME / "report.json")
    report.say("[bold]Bookentry[/]: starting a chain, a database, web, worker, beat and engines ...")
    try:
        with running(lambda line: report.say(f"[dim]  {line}[/]"), without=options.without) as stack:
            report.say(f"[dim]  API {stack.web}/api/docs   chain {stack.chain}[/]\n")
            return _tell(Story(stack), report)
    except (RuntimeError, TimeoutError) as error:
        report.say(f"[red]{error}[/]")
        return 1


def _tell(story: Story, report: Report) -> int:
    books = Reconciling(story)
    steps = (
        ("onboard two investors, and one who is not", story.onboard),
        ("create the security and its token", story.create_security),
        ("bring cash and allow settlement", story.bring_cash),
        ("issue, with four eyes", story.issue),
        ("refuse an ineligible investor", story.refuse_ineligible),
        ("refuse an overdraft", story.refuse_overdraft),
        ("trade with a partial fill, settle", story.trade),
        ("kill -9 the engines during settlement", story.crash),
        ("reorganise the chain under a settlement", story.reorganise),
        ("reconcile: clean", books.agree),
        ("plant three faults past the platform", books.plant),
        ("reconcile: three breaks, named", books.find),
        ("resolve one, with four eyes", books.resolve),
        ("undo the other two: clean again", books.mend),
        ("prove a position to its holder", books.prove),
        ("audit log: proven, tampering refused", story.prove_audit),
    )
    for name, act in steps:
        if not report.step(name, act):
            break
    return 0 if report.close(expected=len(steps)) else 1


if __name__ == "__main__":
    sys.exit(main())
