"""What both Python programs share: the prompts, the tool, and how a scenario is run and reported."""
import json
import os
import sys
import traceback

MODEL = os.environ["DASHGATE_CLIENT_MODEL"]
THINKING_MODEL = "qwen-plus"
WRONG_KEY = "sk-not-a-key-of-this-gateway"
ANSWERED_ONCE = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "请用一句话介绍素数，并举出三个例子。"},
]
WEATHER_QUESTION = [{"role": "user", "content": "What is the weather in Paris?"}]
TWO_CITIES_QUESTION = [{"role": "user", "content": "What is the weather in Paris and in London?"}]
WEATHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}
WEATHER_RESULT = '{"temperature": 22, "unit": "celsius"}'


def report(scenarios):
    """Runs the scenarios named on the command line (all without a name) and prints one JSON object of what each saw."""
    seen = {name: observe(scenarios[name]) for name in sys.argv[1:] or scenarios}
    print(json.dumps(seen, ensure_ascii=False))


def observe(scenario):
    try:
        return scenario()
    except Exception as error:  # an exception is an observation too: the suite asserts that there is none
        traceback.print_exc()
        return {"raised": f"{type(error).__name__}: {error}"}
