package interop;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import io.spiffe.spiffeid.SpiffeId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Answers the calls of the conformance kit with java-spiffe: one JSON object per line in, one out. It adds no check, no
 * retry and no normalisation of its own.
 */
public final class Adapter {

    private static final int PROTOCOL = 1;
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    private final Map<String, Operation> operations;

    private Adapter(Map<String, Operation> operations) {
        this.operations = operations;
    }

    public static void main(String[] args) throws IOException {
        // What a library prints must not end up between the answers.
        PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        Adapter adapter = new Adapter(Operations.all());
        var calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            JsonObject call = GSON.fromJson(line, JsonObject.class);
            JsonObject answer = adapter.answer(call);
            answer.add("id", call.get("id"));
            answers.println(GSON.toJson(answer));
        }
    }

    /** The answer to a call, without its id, in one of the four words of the protocol. */
    private JsonObject answer(JsonObject call) {
        if (call.has("needs") && !call.getAsJsonArray("needs").isEmpty()) {
            return word("unsupported", Map.of("reason", "the need " + call.getAsJsonArray("needs").get(0)));
        }
        String op = call.get("op").getAsString();
        JsonObject params = call.getAsJsonObject("params");
        try {
            return switch (op) {
                case "hello" -> hello(params);
                case "bye", "reset" -> word("ok", Map.of());
                default -> {
                    Operation operation = operations.get(op);
                    yield operation == null
                            ? word("unsupported", Map.of("reason", "the operation " + op))
                            : word("ok", operation.apply(params));
                }
            };
        } catch (Exception error) {
            return Reasons.isVerdict(error)
                    ? word("reject", Map.of("code", Reasons.of(error), "message", String.valueOf(error.getMessage())))
                    : word("fault", Map.of("message", error.toString(), "trace", trace(error)));
        } catch (StackOverflowError error) {
            return word("fault", Map.of("message", error.toString()));
        }
    }

    private JsonObject hello(JsonObject params) {
        boolean common = params.getAsJsonArray("protocol").asList().stream().anyMatch(one -> one.getAsInt() == PROTOCOL);
        if (!common) {
            return word("reject", Map.of("code", "unknown", "message", "this adapter speaks protocol " + PROTOCOL));
        }
        return word("ok", Map.of(
                "protocol", PROTOCOL,
                "implementation", Map.of(
                        "name", "java-spiffe",
                        "version", libraryVersion(),
                        "language", "java",
                        "runtime", Runtime.version().toString(),
                        "homepage", "https://github.com/spiffe/java-spiffe"),
                "capabilities", Map.of(
                        "ops", List.copyOf(operations.keySet()),
                        "clock", false,
                        "concurrency", 1,
                        "profiles", List.of(),
                        "rules", Rules.KINDS,
                        "build", List.of("segments"),
                        "verify", List.of(),
                        "resetIsClean", true)));
    }

    /** The version in the name of the jar: its manifest has none. */
    private static String libraryVersion() {
        String jar = SpiffeId.class.getProtectionDomain().getCodeSource().getLocation().getPath();
        return jar.replaceAll(".*java-spiffe-core-|\\.jar$", "");
    }

    private static JsonObject word(String word, Map<String, ?> body) {
        JsonObject answer = new JsonObject();
        answer.add(word, GSON.toJsonTree(body));
        return answer;
    }

    private static String trace(Throwable error) {
        var text = new StringWriter();
        error.printStackTrace(new PrintWriter(text));
        return text.toString();
    }
}
