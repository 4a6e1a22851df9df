"""Uses a running AgentOS through Agno's own client and prints, as one JSON object, what came back.

    python client.py BASE_URL
"""

import asyncio
import json
import sys
from datetime import date

from agno.client import AgentOSClient
from agno.db.base import SessionType

WEATHER = "What is the weather in Oslo?"
REFUND = "Refund order A101."


def status_of(run) -> str:
    return run.status.value if hasattr(run.status, "value") else run.status


async def decide(client: AgentOSClient, confirmed: bool) -> dict:
    """Runs into a confirmation and answers it, the way a user of the client does."""
    paused = await client.run_agent("refunds", REFUND)
    requirement = paused.active_requirements[0]
    needed = requirement.needs_confirmation
    if confirmed:
        requirement.confirm()
    else:
        requirement.reject("It was used for a year.")
    run = await client.continue_agent_run(
        "refunds", paused.run_id, tools=[requirement.tool_execution], session_id=paused.session_id
    )
    tool = next(tool for tool in run.tools if tool.tool_name == requirement.tool_execution.tool_name)
    return {
        "paused": status_of(paused),
        "content": paused.content,
        "needed": needed,
        "tool": tool.tool_name,
        "status": status_of(run),
        "same_run": run.run_id == paused.run_id,
        "confirmed": tool.confirmed,
        "result": tool.result,
        "error": tool.tool_call_error,
        "left": len(run.active_requirements),
    }


async def decide_streaming(client: AgentOSClient) -> dict:
    paused = [event async for event in client.run_agent_stream("refunds", REFUND)][-1]
    for requirement in paused.active_requirements:
        requirement.confirm()
    tools = [requirement.tool_execution for requirement in paused.requirements]
    stream = client.continue_agent_run_stream("refunds", paused.run_id, tools=tools, session_id=paused.session_id)
    return {"paused": paused.event, "is_paused": paused.is_paused, "events": [event.event async for event in stream]}


async def queue(client: AgentOSClient) -> dict:
    accepted = await client.run_agent("assistant", WEATHER, background=True)
    for _ in range(100):
        await asyncio.sleep(0.1)
        run = await client.get_session_run(accepted.session_id, accepted.run_id)
        if run.status == "COMPLETED":
            break
    return {"accepted": status_of(accepted), "status": run.status, "input": run.run_input}


async def use(base_url: str) -> dict:
    client = AgentOSClient(base_url=base_url)
    seen: dict = {}

    config = await client.aget_config()
    seen["config"] = {
        "os_id": config.os_id,
        "agents": sorted(agent.id for agent in config.agents),
        "session_dbs": [entry.db_id for entry in config.session.dbs],
        "sync_os_id": client.get_config().os_id,
    }
    seen["agents"] = sorted(agent.id for agent in await client.list_agents())

    agent = await client.aget_agent("assistant")
    seen["agent"] = {
        "id": agent.id,
        "name": agent.name,
        "model": agent.model.model,
        "tools": sorted(tool["name"] for tool in agent.tools["tools"]),
        "sync_id": client.get_agent("assistant").id,
    }

    run = await client.run_agent("assistant", WEATHER, user_id="ada")
    seen["run"] = {
        "status": status_of(run),
        "content": run.content,
        "tools": [tool.tool_name for tool in run.tools or []],
        "roles": [message.role for message in run.messages or []],
        "total_tokens": run.metrics.total_tokens,
    }

    events = [event async for event in client.run_agent_stream("assistant", WEATHER, session_id=run.session_id, user_id="ada")]
    seen["stream"] = {
        "events": [event.event for event in events],
        "text": "".join(event.content or "" for event in events if event.event == "RunContent"),
        "final": events[-1].content,
        "same_session": all(event.session_id == run.session_id for event in events),
    }

    seen["approved"] = await decide(client, confirmed=True)
    seen["rejected"] = await decide(client, confirmed=False)
    seen["streamed_approval"] = await decide_streaming(client)
    seen["queue"] = await queue(client)

    created = await client.create_session(
        session_type=SessionType.AGENT,
        session_id="from-agno",
        session_name="First name",
        session_state={"colour": "blue"},
        user_id="ada",
        agent_id="assistant",
    )
    seen["created"] = {"id": created.session_id, "name": created.session_name, "state": created.session_state}

    page = await client.get_sessions(session_type=SessionType.AGENT, component_id="assistant", user_id="ada", limit=10)
    seen["list"] = {
        "ids": sorted(session.session_id for session in page.data),
        "total": page.meta.total_count,
        "expected": sorted(["from-agno", run.session_id]),
    }

    detail = await client.get_session(run.session_id)
    seen["get"] = {"id": detail.session_id, "history": [message["role"] for message in detail.chat_history or []]}

    runs = await client.get_session_runs(run.session_id)
    seen["runs"] = {
        "first_is_ours": runs[0].run_id == run.run_id,
        "statuses": [entry.status for entry in runs],
        "inputs": [entry.run_input for entry in runs],
    }
    seen["one_run"] = (await client.get_session_run(run.session_id, run.run_id)).run_id == run.run_id

    renamed = await client.rename_session("from-agno", "Second name")
    seen["renamed"] = renamed.session_name
    updated = await client.update_session("from-agno", session_state={"colour": "red"}, metadata={"team": "ops"})
    seen["updated"] = {"state": updated.session_state, "metadata": updated.metadata, "name": updated.session_name}

    await client.cancel_agent_run("assistant", run.run_id)

    usage = await client.get_metrics()
    refreshed = await client.refresh_metrics()
    started = await client.refresh_metrics(background=True)
    seen["usage"] = {
        "days": len(usage.metrics),
        "runs": usage.metrics[-1].agent_runs_count,
        "users": usage.metrics[-1].users_count,
        "tokens": usage.metrics[-1].token_metrics["total_tokens"],
        "models": [entry["model_provider"] for entry in usage.metrics[-1].model_metrics],
        "refreshed": refreshed[-1].date == usage.metrics[-1].date,
        "started": started.status,
        "status": (await client.get_metrics_refresh_status()).status,
        "other_days": len((await client.get_metrics(ending_date=date(2026, 1, 1))).metrics),
    }

    await client.delete_session("from-agno")
    await client.delete_sessions([run.session_id], [SessionType.AGENT])
    left = await client.get_sessions(session_type=SessionType.AGENT, user_id="ada")
    seen["left"] = left.meta.total_count
    return seen


print(json.dumps(asyncio.run(use(sys.argv[1]))))
