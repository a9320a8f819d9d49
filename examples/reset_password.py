import asyncio
import os

from approvals import approval


async def reset_password(userId, reason):
    await approval({
        "reason": reason,
        "resources": [
            {
                "kind": "action",
                "id": f"reset-password:{userId}",
                "displayName": f"Reset Password (user:{userId})",
            },
        ],
    })

    # by default, wait up to 10 seconds for approval
    # 95% of approvals take less than 10 seconds

    # -> do something to reset the user's password
    print(f"done: password reset user:{userId}")


asyncio.run(reset_password(os.getenv("USER"), os.getenv("REASON")))
