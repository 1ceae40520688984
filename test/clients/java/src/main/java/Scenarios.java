import com.alibaba.dashscope.aigc.generation.Generation;
import com.alibaba.dashscope.aigc.generation.GenerationOutput;
import com.alibaba.dashscope.aigc.generation.GenerationParam;
import com.alibaba.dashscope.aigc.generation.GenerationResult;
import com.alibaba.dashscope.common.Message;
import com.alibaba.dashscope.common.Role;
import com.alibaba.dashscope.common.Status;
import com.alibaba.dashscope.exception.ApiException;
import com.alibaba.dashscope.tools.FunctionDefinition;
import com.alibaba.dashscope.tools.ToolCallBase;
import com.alibaba.dashscope.tools.ToolCallFunction;
import com.alibaba.dashscope.tools.ToolFunction;
import com.alibaba.dashscope.utils.JsonUtils;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Alibaba's DashScope library for Java against the gateway; prints one JSON object, scenario name to what was seen. */
public class Scenarios {
    private static final String MODEL = System.getenv("DASHGATE_CLIENT_MODEL");
    private static final String WRONG_KEY = "sk-not-a-key-of-this-gateway";
    private static final String WEATHER_PARAMETERS =
            "{\"type\":\"object\",\"properties\":{\"location\":{\"type\":\"string\"}},\"required\":[\"location\"]}";

    private interface Scenario {
        JsonElement run() throws Exception;
    }

    private static final Map<String, Scenario> SCENARIOS = new LinkedHashMap<>();

    static {
        SCENARIOS.put("call", () -> call(question().build()));
        SCENARIOS.put("text", () -> call(question().resultFormat(GenerationParam.ResultFormat.TEXT).build()));
        SCENARIOS.put("stream_incremental", () -> stream(question().incrementalOutput(true).build()));
        SCENARIOS.put("stream_default", () -> stream(question().build()));
        SCENARIOS.put("stream_not_incremental", () -> stream(question().incrementalOutput(false).build()));
        SCENARIOS.put("tools", Scenarios::tools);
        SCENARIOS.put("unauthorized", () -> refused(question().apiKey(WRONG_KEY).build()));
        SCENARIOS.put("unknown_model", () -> refused(question().model("no-such-model").build()));
        SCENARIOS.put("out_of_range", () -> refused(question().temperature(2.5f).build()));
        SCENARIOS.put("limited", () -> refused(question().build()));
        SCENARIOS.put("refused_stream", () -> broken(question().temperature(2.5f).incrementalOutput(true).build()));
        SCENARIOS.put("broken_stream", () -> broken(question().incrementalOutput(true).build()));
    }

    public static void main(String[] names) {
        JsonObject seen = new JsonObject();
        for (String name : names.length > 0 ? List.of(names) : SCENARIOS.keySet()) {
            seen.add(name, observe(SCENARIOS.get(name)));
        }
        new PrintStream(System.out, true, StandardCharsets.UTF_8).println(seen);
        System.exit(0);
    }

    private static JsonElement observe(Scenario scenario) {
        try {
            return scenario.run();
        } catch (Exception unexpected) {
            unexpected.printStackTrace();
            JsonObject raised = new JsonObject();
            raised.addProperty("raised", unexpected.toString());
            return raised;
        }
    }

    private static GenerationParam.GenerationParamBuilder<?, ?> question() {
        return GenerationParam.builder().model(MODEL).resultFormat(GenerationParam.ResultFormat.MESSAGE)
                .messages(List.of(
                        message(Role.SYSTEM, "You are a helpful assistant."),
                        message(Role.USER, "请用一句话介绍素数，并举出三个例子。")));
    }

    private static Message message(Role role, String content) {
        return Message.builder().role(role.getValue()).content(content).build();
    }

    private static JsonElement call(GenerationParam param) throws Exception {
        return json(new Generation().call(param));
    }

    /** Every text and finish reason in order, and the last result whole. A text is what one result said, not a sum. */
    private static JsonElement stream(GenerationParam param) throws Exception {
        JsonObject seen = new JsonObject();
        JsonArray texts = new JsonArray();
        JsonArray finishReasons = new JsonArray();
        for (GenerationResult result : new Generation().streamCall(param).blockingIterable()) {
            GenerationOutput.Choice choice = result.getOutput().getChoices().get(0);
            texts.add(choice.getMessage().getContent());
            finishReasons.add(choice.getFinishReason());
            seen.add("last", json(result));
        }
        seen.add("texts", texts);
        seen.add("finish_reasons", finishReasons);
        return seen;
    }

    private static JsonElement tools() throws Exception {
        List<Message> messages = new ArrayList<>(List.of(message(Role.USER, "What is the weather in Paris?")));
        GenerationResult asked = new Generation().call(weatherQuestion(messages));
        GenerationOutput.Choice choice = asked.getOutput().getChoices().get(0);
        List<ToolCallBase> calls = choice.getMessage().getToolCalls();
        messages.add(choice.getMessage());
        for (ToolCallBase call : calls) {
            messages.add(Message.builder().role(Role.TOOL.getValue()).content("{\"temperature\": 22, \"unit\": \"celsius\"}")
                    .name(((ToolCallFunction) call).getFunction().getName()).build());
        }
        JsonObject seen = new JsonObject();
        seen.addProperty("finish_reason", choice.getFinishReason());
        seen.add("calls", json(calls));
        seen.add("answer", json(new Generation().call(weatherQuestion(messages))));
        return seen;
    }

    private static GenerationParam weatherQuestion(List<Message> messages) {
        FunctionDefinition weather = FunctionDefinition.builder().name("get_current_weather")
                .description("Get the current weather in a given location")
                .parameters(JsonParser.parseString(WEATHER_PARAMETERS).getAsJsonObject()).build();
        return GenerationParam.builder().model(MODEL).resultFormat(GenerationParam.ResultFormat.MESSAGE)
                .messages(messages).tools(List.of(ToolFunction.builder().function(weather).build())).build();
    }

    private static JsonElement refused(GenerationParam param) throws Exception {
        try {
            return call(param);
        } catch (ApiException error) {
            return failure(error);
        }
    }

    /** What arrived before the stream failed, and how it failed. */
    private static JsonElement broken(GenerationParam param) throws Exception {
        JsonArray texts = new JsonArray();
        JsonObject seen = new JsonObject();
        try {
            for (GenerationResult result : new Generation().streamCall(param).blockingIterable()) {
                texts.add(result.getOutput().getChoices().get(0).getMessage().getContent());
            }
        } catch (ApiException error) {
            seen = failure(error);
        }
        seen.add("texts", texts);
        return seen;
    }

    private static JsonObject failure(ApiException error) {
        Status status = error.getStatus();
        JsonObject seen = new JsonObject();
        seen.addProperty("class", error.getClass().getSimpleName());
        seen.addProperty("status_code", status.getStatusCode());
        seen.addProperty("code", status.getCode());
        seen.addProperty("message", status.getMessage());
        seen.addProperty("request_id", status.getRequestId());
        return seen;
    }

    private static JsonElement json(Object value) {
        return JsonParser.parseString(JsonUtils.toJson(value));
    }
}
