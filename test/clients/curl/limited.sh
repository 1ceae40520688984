# Whatever comes of a request, with its head: a limit tells in both when to come again.
curl -sS -i "$DASHGATE_URL/v1/chat/completions" \
-H "Authorization: Bearer $OPENAI_API_KEY" \
-H "Content-Type: application/json" \
-d '{
    "model": "qwen-coder-turbo",
    "messages": [{ "role": "user", "content": "hi" }]
}'
