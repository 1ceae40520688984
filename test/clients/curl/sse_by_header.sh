# `X-DashScope-SSE: enable` alone switches streaming on; curl itself sends `Accept: */*`.
curl -sSN -X POST "$DASHGATE_URL/api/v1/services/aigc/text-generation/generation" \
-H "Authorization: Bearer $DASHSCOPE_API_KEY" \
-H "Content-Type: application/json" \
-H "X-DashScope-SSE: enable" \
-d '{
    "model": "qwen-coder-turbo",
    "input": { "messages": [{ "role": "user", "content": "你好，附近哪里有博物馆？" }] },
    "parameters": { "result_format": "message", "incremental_output": true }
}'
