"""Uses the memories of a running AgentOS through Agno's own client and prints, as one JSON object, what came back.

    python memory.py BASE_URL
"""

import asyncio
import json
import sys

from agno.client import AgentOSClient


async def use(base_url: str) -> dict:
    client = AgentOSClient(base_url=base_url)
    seen: dict = {}

    config = await client.aget_config()
    seen["config"] = [entry.db_id for entry in config.memory.dbs]

    events = [event async for event in client.run_agent_stream("companion", "My name is Ada.", user_id="ada")]
    names = [event.event for event in events]
    seen["events"] = names[names.index("RunContentCompleted") :]
    made = next(event for event in events if event.event == "MemoryUpdateCompleted")
    seen["made"] = [memory["memory"] for memory in made.memories]
    summed = next(event for event in events if event.event == "SessionSummaryCompleted")
    seen["summed"] = bool(summed.session_summary)
    session = await client.get_session(events[0].session_id)
    seen["summary"] = "Ada" in session.session_summary["summary"]
    known = await client.run_agent("companion", "What is my name?", user_id="ada")
    seen["known"] = known.content
    seen["memory_tokens"] = known.metrics.details["memory_model"][0].total_tokens > 0

    tea = await client.create_memory("Likes tea.", user_id="ada", topics=["drinks", "taste"])
    seen["created"] = {"memory": tea.memory, "topics": tea.topics, "user_id": tea.user_id, "at": tea.updated_at is not None}
    seen["read"] = (await client.get_memory(tea.memory_id, user_id="ada")).memory
    page = await client.list_memories(user_id="ada", topics=["taste"], search_content="TEA", limit=5)
    seen["listed"] = {"memories": [memory.memory for memory in page.data], "total": page.meta.total_count}
    changed = await client.update_memory(tea.memory_id, "Likes coffee.", user_id="ada")
    seen["changed"] = {"memory": changed.memory, "topics": changed.topics}
    seen["topics"] = await client.get_memory_topics(user_id="ada")
    stats = await client.get_user_memory_stats()
    seen["stats"] = [{"user_id": user.user_id, "total": user.total_memories} for user in stats.data]
    optimized = await client.optimize_memories("ada", apply=False)
    seen["optimized"] = {"before": optimized.memories_before, "after": optimized.memories_after}

    await client.delete_memory(tea.memory_id, user_id="bob")
    seen["kept"] = (await client.list_memories(user_id="ada")).meta.total_count
    await client.delete_memory(tea.memory_id, user_id="ada")
    rest = [memory.memory_id for memory in (await client.list_memories(user_id="ada")).data]
    await client.delete_memories(rest, user_id="ada")
    seen["left"] = (await client.list_memories()).meta.total_count
    try:
        await client.get_memory(tea.memory_id)
    except Exception as error:  # noqa: BLE001 (whatever the client makes of a 404)
        seen["missing"] = getattr(error, "status_code", None) or str(error)
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(use(sys.argv[1]))))
