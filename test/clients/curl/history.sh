# The page's example of `input.history`, which the vendor means to retire, with the default text format.
curl -sS -X POST "$DASHGATE_URL/api/v1/services/aigc/text-generation/generation" \
-H "Authorization: Bearer $DASHSCOPE_API_KEY" \
-H "Content-Type: application/json" \
-d '{
    "model": "qwen-coder-turbo",
    "input": {
        "prompt": "那你有什么地方推荐？",
        "history": [{ "user": "今天天气好吗？", "bot": "今天天气不错，要出去玩玩嘛？" }]
    }
}'
