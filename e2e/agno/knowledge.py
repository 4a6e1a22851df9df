"""Uses the knowledge of a running AgentOS through Agno's own client and prints, as one JSON object, what came back.

    python knowledge.py BASE_URL
"""

import asyncio
import json
import sys

from agno.client import AgentOSClient

QUESTION = "How long is the warranty of a lamp?"
EXPRESSION = {"op": "AND", "conditions": [{"op": "EQ", "key": "team", "value": "lamps"}]}


def text_of(value) -> str:
    return value.value if hasattr(value, "value") else value


async def use(base_url: str) -> dict:
    client = AgentOSClient(base_url=base_url)
    seen: dict = {}

    config = await client.aget_config()
    seen["instances"] = len(config.knowledge.knowledge_instances or [])
    abilities = await client.get_knowledge_config()
    seen["config"] = {"readers": sorted(abilities.readers or {}), "chunkers": sorted(abilities.chunkers or {})}

    uploaded = await client.upload_knowledge_content(
        name="warranty.md",
        description="What is guaranteed",
        text_content="Every lamp has a warranty of six years. Bulbs have none.",
        metadata={"team": "lamps"},
    )
    seen["uploaded"] = text_of(uploaded.status)
    for _ in range(300):
        status = await client.get_knowledge_content_status(uploaded.id)
        if text_of(status.status) != "processing":
            break
        await asyncio.sleep(0.1)
    seen["status"] = text_of(status.status)

    found = await client.search_knowledge(QUESTION, max_results=3, filters={"team": "lamps"})
    seen["found"] = [{"name": hit.name, "content": hit.content, "team": (hit.meta_data or {}).get("team")} for hit in found.data]

    page = await client.list_knowledge_content(limit=10)
    seen["listed"] = sorted(content.name for content in page.data)
    one = await client.get_knowledge_content(uploaded.id)
    seen["one"] = {"name": one.name, "description": one.description, "metadata": one.metadata, "status": text_of(one.status)}

    run = await client.run_agent("handbook", QUESTION, knowledge_filters=EXPRESSION)
    events = [event async for event in client.run_agent_stream("handbook", QUESTION, knowledge_filters={"team": "lamps"})]
    seen["run"] = {
        "content": run.content,
        "references": [{"query": each.query, "count": len(each.references or [])} for each in run.references or []],
        "last": events[-1].event,
        "last_references": len(events[-1].references or []),
    }

    renamed = await client.update_knowledge_content(uploaded.id, name="guarantee.md", metadata={"team": "light"})
    seen["renamed"] = {"name": renamed.name, "metadata": renamed.metadata}
    seen["deleted"] = (await client.delete_knowledge_content(uploaded.id)).id == uploaded.id
    seen["after"] = [hit.name for hit in (await client.search_knowledge(QUESTION, max_results=3)).data]
    return seen


print(json.dumps(asyncio.run(use(sys.argv[1]))))
