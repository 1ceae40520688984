"""OpenAI's own Python package reads usage and costs with an admin key; prints one JSON object, scenario name to what was seen."""
import os

import openai
from openai import OpenAI

from scenarios import report

client = OpenAI(base_url=os.environ["DASHGATE_ADMIN_BASE_URL"], max_retries=0)
usage = client.admin.organization.usage
time = {"start_time": int(os.environ["DASHGATE_START_TIME"])}


def pages():
    """All buckets of two days and a bit, one at a time."""
    buckets, page = [], openai.omit
    while page is not None:
        seen = usage.completions(start_time=time["start_time"] - 172_800, limit=1, page=page)
        buckets += [bucket.model_dump() for bucket in seen.data]
        page = seen.next_page
    return buckets


def refused(ask):
    try:
        return {"answered": ask().model_dump()}
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "type": error.type,
            "param": error.param,
            "message": error.message,
        }


report({
    "usage": lambda: usage.completions(**time).model_dump(),
    "grouped": lambda: usage.completions(
        **time, bucket_width="1h", limit=1, group_by=["project_id", "api_key_id", "model"]).model_dump(),
    "filtered": lambda: usage.completions(
        **time, project_ids=["team-2"], models=["qwen-coder-turbo", "no-such-model"], batch=False).model_dump(),
    "pages": pages,
    "costs": lambda: usage.costs(**time, group_by=["line_item", "project_id"]).model_dump(),
    "by_the_minute": lambda: refused(lambda: usage.completions(**time, bucket_width="1m")),
    "unauthorized": lambda: refused(lambda: client.with_options(admin_api_key="not-the-admin-key").admin.organization.usage.costs(**time)),
})
