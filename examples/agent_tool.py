"""An agent's dangerous tool, gated: the call waits for a person; what runs is what was approved.

    python agent_tool.py refund '{"order": "A-1001", "cents": 2500}'

The tool prints what the agent gets back. A "no" is no crash: the agent reads the reason.
"""

import json
import sys
from typing import Any

from approvals import ApprovalDenied, ApprovalError, Resource, approval_sync


def call_tool(name: str, arguments: dict[str, Any]) -> str:
    """What the agent's framework calls with the model's choice of tool and arguments."""
    try:
        granted = approval_sync(
            reason=f"The agent wants to call {name}",
            resources=[Resource(kind="tool", id=name)],
            params=arguments,  # shown to the reviewer in full, and part of the digest
            timeout=300,
        )
    except ApprovalDenied as denial:
        return f"Denied by {denial.reviewer}: {denial.reason or 'no reason was given'}"
    except ApprovalError as error:  # not decided, no server, …: not approved
        return f"Not approved: {error}"
    # run with what was approved, not with what lies in `arguments` by now
    return TOOLS[name](**granted.params)


def refund(order: str, cents: int) -> str:
    return f"refunded {cents} cents of order {order}"


TOOLS = {"refund": refund}

if __name__ == "__main__":
    print(call_tool(sys.argv[1], json.loads(sys.argv[2])))
