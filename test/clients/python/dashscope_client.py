"""Alibaba's DashScope package for Python against the gateway; prints one JSON object, scenario name to what was seen."""
import asyncio

from dashscope import AioGeneration, Generation, MultiModalConversation

from scenarios import (
    ANSWERED_ONCE, MODEL, THINKING_MODEL, TWO_CITIES_QUESTION, WEATHER_QUESTION, WEATHER_RESULT, WEATHER_TOOL, WRONG_KEY, report)

HISTORY = [{"user": "今天天气好吗？", "bot": "今天天气不错，要出去玩玩嘛？"}]
PROMPT = "那你有什么地方推荐？"


def response_seen(response):
    """The response as the package built it: status_code, code and message of an error, or output and usage."""
    return {key: response.get(key) for key in ("status_code", "code", "message", "request_id", "output", "usage")}


def stream_seen(responses):
    """Every text and finish reason in order, and the last response whole. A text is what a frame said, not a sum."""
    texts, finish_reasons, last = [], [], None
    for response in responses:
        last = response_seen(response)
        choice = first_choice(last)
        if choice:
            texts.append(choice["message"]["content"])
            finish_reasons.append(choice["finish_reason"])
    return {"texts": texts, "finish_reasons": finish_reasons, "last": last}


def first_choice(seen):
    choices = (seen["output"] or {}).get("choices") or [None]
    return choices[0]


def call(**options):
    return response_seen(Generation.call(MODEL, **options))


def message_call():
    return call(messages=ANSWERED_ONCE, result_format="message")


def stream(**options):
    return stream_seen(Generation.call(
        MODEL, messages=ANSWERED_ONCE, result_format="message", stream=True, **options))


def text_stream():
    """The package's defaults: text format, and every frame repeats the text so far."""
    responses = [response_seen(response) for response in Generation.call(MODEL, messages=ANSWERED_ONCE, stream=True)]
    return {
        "texts": [response["output"]["text"] for response in responses],
        "finish_reasons": [response["output"]["finish_reason"] for response in responses],
        "last": responses[-1],
    }


def async_call():
    return response_seen(asyncio.run(AioGeneration.call(MODEL, messages=ANSWERED_ONCE, result_format="message")))


def async_stream(**options):
    async def collect():
        responses = await AioGeneration.call(
            MODEL, messages=ANSWERED_ONCE, result_format="message", stream=True, **options)
        return [response async for response in responses]

    return stream_seen(asyncio.run(collect()))


def tools():
    """The page's way: the result goes back under the function's name, without a call id."""
    options = {"tools": [WEATHER_TOOL], "result_format": "message"}
    asked = response_seen(Generation.call(MODEL, messages=WEATHER_QUESTION, **options))
    choice = first_choice(asked)
    message = choice["message"]
    calls = message.get("tool_calls") or []
    results = [{"role": "tool", "name": each["function"]["name"], "content": WEATHER_RESULT} for each in calls]
    answered = Generation.call(MODEL, messages=[*WEATHER_QUESTION, message, *results], **options)
    return {"finish_reason": choice["finish_reason"], "calls": calls, "answer": response_seen(answered)}


def tools_stream(messages=WEATHER_QUESTION, **options):
    """The tool calls of the last frame, which in cumulative mode must be whole."""
    seen = stream_seen(Generation.call(
        MODEL, messages=messages, tools=[WEATHER_TOOL], result_format="message", stream=True, **options))
    choice = first_choice(seen["last"])
    return {"finish_reason": choice["finish_reason"], "calls": choice["message"].get("tool_calls") or []}


def thinking_stream():
    responses = list(Generation.call(
        THINKING_MODEL, messages=ANSWERED_ONCE, result_format="message", stream=True, incremental_output=True, enable_thinking=True))
    messages = [first_choice(response_seen(response))["message"] for response in responses]
    return {
        "reasoning": "".join(message.get("reasoning_content") or "" for message in messages),
        "text": "".join(message["content"] for message in messages),
    }


def multimodal():
    messages = [{"role": "user", "content": [{"text": PROMPT}]}]
    return response_seen(MultiModalConversation.call(model="qwen3-coder-plus", messages=messages))


report({
    "call": message_call,
    "text": lambda: call(messages=ANSWERED_ONCE),
    "prompt": lambda: call(prompt=PROMPT),
    "history": lambda: call(prompt=PROMPT, history=HISTORY),
    "stream_incremental": lambda: stream(incremental_output=True),
    "stream_default": stream,
    "stream_not_incremental": lambda: stream(incremental_output=False),
    "text_stream": text_stream,
    "async_call": async_call,
    "async_stream": lambda: async_stream(incremental_output=True),
    "async_stream_default": async_stream,
    "tools": tools,
    "tools_stream": tools_stream,
    "tools_stream_merged": lambda: tools_stream(incremental_output=False),
    "parallel_tools_stream": lambda: tools_stream(TWO_CITIES_QUESTION, parallel_tool_calls=True),
    "parallel_tools_stream_merged": lambda: tools_stream(
        TWO_CITIES_QUESTION, parallel_tool_calls=True, incremental_output=False),
    "thinking_stream": thinking_stream,
    "unauthorized": lambda: call(messages=ANSWERED_ONCE, api_key=WRONG_KEY),
    "unknown_model": lambda: response_seen(Generation.call("no-such-model", messages=ANSWERED_ONCE)),
    "out_of_range": lambda: call(messages=ANSWERED_ONCE, temperature=2.5),
    "refused_stream": lambda: stream(temperature=2.5),
    "broken_stream": lambda: stream(incremental_output=True),
    "multimodal": multimodal,
})
