# `Accept: text/event-stream` alone switches streaming on, and without `incremental_output` every frame repeats the text so far.
curl -sSN -X POST "$DASHGATE_URL/api/v1/services/aigc/text-generation/generation" \
-H "Authorization: Bearer $DASHSCOPE_API_KEY" \
-H "Content-Type: application/json" \
-H "Accept: text/event-stream" \
-d '{
    "model": "qwen-coder-turbo",
    "input": { "messages": [{ "role": "user", "content": "你好，附近哪里有博物馆？" }] },
    "parameters": { "result_format": "message" }
}'
