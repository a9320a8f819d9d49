"""Ask in one process, go on in another: for jobs that must not sit and wait.

python resume_later.py ask        prints the petition's name and ends
python resume_later.py go NAME    waits for the decision, if there is none yet, and goes on
"""

import asyncio
import sys

from approvals import ApprovalTimeout, Resource, approval, resume

RESOURCES = [Resource(kind="report", id="salaries-2026")]


async def ask() -> None:
    try:
        granted = await approval(
            reason="the quarterly report",
            resources=RESOURCES,
            idempotency_key="salaries-2026-q1",  # asked again, it is the same petition
            timeout=0,
        )
        print(granted.name)
    except ApprovalTimeout as undecided:  # the petition stays open
        print(undecided.petition["name"])


async def go(name: str) -> None:
    # a petition for something else would not do
    granted = await resume(name, resources=RESOURCES, timeout=None)
    print(f"done: report made, approved by {granted.reviewer}")


if __name__ == "__main__":
    asyncio.run(ask() if sys.argv[1] == "ask" else go(sys.argv[2]))
