"""A function that runs only when this very call was approved.

python guarded_function.py api 3.2.1
"""

import sys

from approvals import ApprovalError, requires_approval


@requires_approval(
    reason=lambda service, version: f"deploy {service} {version}",
    resources=lambda service: [{"kind": "service", "id": service}],
    params=True,  # the arguments of the call
    timeout=300,
)
def deploy(service: str, version: str) -> None:
    print(f"done: deployed {service} {version}")


if __name__ == "__main__":
    try:
        deploy(*sys.argv[1:])
    except ApprovalError as error:
        sys.exit(f"not deployed: {error}")
