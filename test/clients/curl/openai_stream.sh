# The page's command for the OpenAI style, streamed, with the usage at the end.
curl -sSN -X POST $DASHGATE_URL/compatible-mode/v1/chat/completions \
-H "Authorization: Bearer $DASHSCOPE_API_KEY" \
-H "Content-Type: application/json" \
-d '{
    "model": "qwen-coder-turbo",
    "messages": [
        {
            "role": "system",
            "content": "You are a helpful assistant."
        },
        {
            "role": "user", 
            "content": "请编写一个Python函数 find_prime_numbers，该函数接受一个整数 n 作为参数，并返回一个包含所有小于 n 的质数(素数)的列表。质数是指仅能被1和其自身整除的正整数，如2, 3, 5, 7等。"
        }
    ],
    "stream": true,
    "stream_options": { "include_usage": true }
}'
