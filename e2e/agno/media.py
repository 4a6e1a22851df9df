"""Sends an image and a file through Agno's own client and prints, as one JSON object, what came back.

    python media.py BASE_URL AGENT_ID
"""

import asyncio
import base64
import json
import sys

from agno.client import AgentOSClient
from agno.media import File, Image

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def describe(media) -> dict:
    """What the client understands of a medium."""
    reference = media.media_reference
    return {
        "id": media.id,
        "mime_type": media.mime_type,
        "key": reference.storage_key if reference else None,
        "size": reference.size if reference else None,
        "bytes": len(media.content) if media.content else None,
    }


async def use(base_url: str, agent_id: str) -> dict:
    client = AgentOSClient(base_url=base_url)
    run = await client.run_agent(
        agent_id,
        "What do you see?",
        user_id="ada",
        images=[Image(content=PNG, format="png", detail="low")],
        files=[File(content=b"# Notes\n", mime_type="text/markdown", filename="notes.md")],
    )
    stored = await client.get_session_run(run.session_id, run.run_id)
    return {
        "status": run.status.value if hasattr(run.status, "value") else run.status,
        "session_id": run.session_id,
        "images": [describe(image) for image in run.input.images or []],
        "files": [describe(file) for file in run.input.files or []],
        "message_images": [describe(image) for image in run.messages[-2].images or []],
        "stored": {kind: len(items) for kind, items in (stored.input_media or {}).items()},
    }


print(json.dumps(asyncio.run(use(sys.argv[1], sys.argv[2]))))
