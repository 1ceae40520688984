"""OpenAI's own Python package against the gateway; prints one JSON object, scenario name to what was seen."""
import asyncio

import openai
from openai import AsyncOpenAI, OpenAI

from scenarios import (
    ANSWERED_ONCE, MODEL, THINKING_MODEL, TWO_CITIES_QUESTION, WEATHER_QUESTION, WEATHER_RESULT, WEATHER_TOOL, WRONG_KEY, report)

client = OpenAI(max_retries=0)
# As most people make theirs: it repeats by itself what it takes for a passing trouble.
default_client = OpenAI()


def completion_seen(completion):
    choice = completion.choices[0]
    return {
        "id": completion.id,
        "model": completion.model,
        "request_id": completion._request_id,
        "role": choice.message.role,
        "text": choice.message.content,
        "finish_reason": choice.finish_reason,
        "usage": completion.usage.model_dump(),
    }


class StreamSeen:
    def __init__(self):
        self.ids, self.pieces, self.finish_reasons, self.usages = set(), [], [], []

    def add(self, chunk):
        self.ids.add(chunk.id)
        if chunk.usage:
            self.usages.append({"choices": len(chunk.choices), **chunk.usage.model_dump()})
        for choice in chunk.choices:
            if choice.delta.content:
                self.pieces.append(choice.delta.content)
            if choice.finish_reason:
                self.finish_reasons.append(choice.finish_reason)

    def report(self):
        return {
            "ids": len(self.ids),
            "pieces": len(self.pieces),
            "text": "".join(self.pieces),
            "finish_reasons": self.finish_reasons,
            "usages": self.usages,
        }


def chat():
    return completion_seen(client.chat.completions.create(model=MODEL, messages=ANSWERED_ONCE))


def stream(**options):
    return stream_read(client.chat.completions.create(model=MODEL, messages=ANSWERED_ONCE, stream=True, **options))


def stream_with_usage():
    return stream(stream_options={"include_usage": True})


def async_chat():
    async def ask():
        async with AsyncOpenAI(max_retries=0) as async_client:
            return completion_seen(await async_client.chat.completions.create(model=MODEL, messages=ANSWERED_ONCE))

    return asyncio.run(ask())


def async_stream():
    async def ask():
        seen = StreamSeen()
        async with AsyncOpenAI(max_retries=0) as async_client:
            chunks = await async_client.chat.completions.create(
                model=MODEL, messages=ANSWERED_ONCE, stream=True, stream_options={"include_usage": True})
            async for chunk in chunks:
                seen.add(chunk)
        return seen.report()

    return asyncio.run(ask())


def tools():
    asked = client.chat.completions.create(model=MODEL, messages=WEATHER_QUESTION, tools=[WEATHER_TOOL])
    message = asked.choices[0].message
    calls = message.tool_calls or []
    results = [{"role": "tool", "tool_call_id": call.id, "content": WEATHER_RESULT} for call in calls]
    answered = client.chat.completions.create(
        model=MODEL, messages=[*WEATHER_QUESTION, message, *results], tools=[WEATHER_TOOL])
    return {
        "finish_reason": asked.choices[0].finish_reason,
        "calls": [{"id": call.id, "type": call.type, **call.function.model_dump()} for call in calls],
        "answer": completion_seen(answered),
    }


def tools_stream(messages=WEATHER_QUESTION, **options):
    calls = {}
    finish_reasons = []
    for chunk in client.chat.completions.create(
            model=MODEL, messages=messages, tools=[WEATHER_TOOL], stream=True, **options):
        for choice in chunk.choices:
            if choice.finish_reason:
                finish_reasons.append(choice.finish_reason)
            for piece in choice.delta.tool_calls or []:
                call = calls.setdefault(piece.index, {"ids": [], "names": [], "arguments": ""})
                call["ids"] += [piece.id] if piece.id is not None else []
                call["names"] += [piece.function.name] if piece.function.name is not None else []
                call["arguments"] += piece.function.arguments or ""
    return {"finish_reasons": finish_reasons, "calls": list(calls.values())}


def thinking_stream():
    thoughts, pieces = [], []
    for chunk in client.chat.completions.create(
            model=THINKING_MODEL, messages=ANSWERED_ONCE, stream=True, extra_body={"enable_thinking": True}):
        for choice in chunk.choices:
            thoughts.append(getattr(choice.delta, "reasoning_content", None) or "")
            pieces.append(choice.delta.content or "")
    return {"reasoning": "".join(thoughts), "text": "".join(pieces)}


def refused(**options):
    """The error of a call that must fail; `with_key` is another key than the good one."""
    key = options.pop("with_key", None)
    asking = client.with_options(api_key=key) if key else client
    try:
        answer = asking.chat.completions.create(**{"model": MODEL, "messages": ANSWERED_ONCE, **options})
    except openai.APIStatusError as error:
        return failure_seen(error)
    return {"answered": completion_seen(answer)}


def failure_seen(error):
    return {
        "class": type(error).__name__,
        "status_code": error.status_code,
        "code": error.code,
        "type": error.type,
        "message": error.message,
        "request_id": error.request_id,
    }


def limited(**options):
    """Whatever comes of a call by a client that may repeat it; `limit` is what the answer says beside OpenAI's words."""
    try:
        answer = default_client.chat.completions.create(model=MODEL, messages=ANSWERED_ONCE, **options)
    except openai.RateLimitError as error:
        return {**failure_seen(error), "is_rate_limit_error": True, "limit": error.body.get("limit")}
    return stream_read(answer) if options.get("stream") else completion_seen(answer)


def stream_read(chunks):
    seen = StreamSeen()
    for chunk in chunks:
        seen.add(chunk)
    return seen.report()


def broken_stream():
    seen = StreamSeen()
    try:
        for chunk in client.chat.completions.create(model=MODEL, messages=ANSWERED_ONCE, stream=True):
            seen.add(chunk)
    except openai.APIError as error:
        return {**seen.report(), "class": type(error).__name__, "code": error.code, "message": error.message}
    return seen.report()


def models():
    listed = [model.id for model in client.models.list()]
    return {"ids": listed, "retrieved": client.models.retrieve(MODEL).id}


report({
    "chat": chat,
    "stream": stream,
    "stream_with_usage": stream_with_usage,
    "async_chat": async_chat,
    "async_stream": async_stream,
    "tools": tools,
    "tools_stream": tools_stream,
    "parallel_tools_stream": lambda: tools_stream(TWO_CITIES_QUESTION, parallel_tool_calls=True),
    "thinking_stream": thinking_stream,
    "unauthorized": lambda: refused(with_key=WRONG_KEY),
    "unknown_model": lambda: refused(model="no-such-model"),
    "out_of_range": lambda: refused(temperature=2.5),
    "broken_stream": broken_stream,
    "models": models,
    "limited": limited,
    "limited_stream": lambda: limited(stream=True),
})
