package interop;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import io.spiffe.spiffeid.SpiffeId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Answers the calls of the conformance kit with java-spiffe: one JSON object per line in, one out. It adds no check, no
 * retry and no normalisation of its own.
 */
public final class Adapter {

    /** For calls and connections. */
    static final ExecutorService THREADS = Executors.newCachedThreadPool();

    private static final int PROTOCOL = 1;
    private static final Gson GSON = new GsonBuilder()
            .disableHtmlEscaping()
            // As in a token: seconds.
            .registerTypeAdapter(Date.class, (JsonSerializer<Date>)
                    (date, type, context) -> new JsonPrimitive(date.getTime() / 1000))
            .create();

    private static final Map<String, ?> CLAIMS = Map.ofEntries(
            Map.entry("clock", false),
            Map.entry("concurrency", 1),
            Map.entry("profiles", List.of()),
            Map.entry("rules", Rules.KINDS),
            Map.entry("build", List.of("segments")),
            Map.entry("verify", List.of()),
            Map.entry("sources", List.of("static", "workloadApi", "workloadApiJwt")),
            // The name of a server that the library sends over a Unix socket is its path, which node:http2 refuses.
            Map.entry("endpoints", List.of("tcp", "unix")),
            Map.entry("options", List.of("bundles", "minTls", "pick")),
            Map.entry("protocols", List.of("line", "http1")),
            Map.entry("events", List.of("source.update", "source.error", "server.rejected")),
            Map.entry("stats", List.of()),
            Map.entry("resetIsClean", true));

    /** What a library prints must not end up between the answers. */
    private static final PrintStream LINES = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final Map<String, Operation> operations;

    private Adapter(Map<String, Operation> operations) {
        this.operations = operations;
    }

    public static void main(String[] args) throws IOException {
        System.setOut(System.err);
        Troubles.listen();
        Adapter adapter = new Adapter(Operations.all());
        var calls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = calls.readLine(); line != null; line = calls.readLine()) {
            JsonObject call = GSON.fromJson(line, JsonObject.class);
            // A call that waits holds up no other.
            THREADS.execute(() -> adapter.take(call));
        }
        THREADS.shutdown();
        Handles.closeAll();
    }

    /** Writes one object in a line, at once. */
    static void write(Object object) {
        LINES.println(GSON.toJson(object));
    }

    private void take(JsonObject call) {
        List<Opened> opened = new ArrayList<>();
        JsonObject answer = answer(call, opened);
        answer.add("id", call.get("id"));
        write(answer);
        opened.forEach(Opened::begin);
    }

    /** The answer to a call, without its id, in one of the four words of the protocol. */
    private JsonObject answer(JsonObject call, List<Opened> opened) {
        if (call.has("needs") && !call.getAsJsonArray("needs").isEmpty()) {
            return word("unsupported", Map.of("reason", "the need " + call.getAsJsonArray("needs").get(0)));
        }
        String op = call.get("op").getAsString();
        JsonObject params = call.getAsJsonObject("params");
        try {
            return switch (op) {
                case "hello" -> hello(params);
                case "bye", "reset" -> word("ok", Handles.closeAll());
                default -> {
                    Operation operation = operations.get(op);
                    if (operation == null) yield word("unsupported", Map.of("reason", "the operation " + op));
                    Map<String, ?> result = operation.apply(params);
                    if (result instanceof Opened one) opened.add(one);
                    yield word("ok", result);
                }
            };
        } catch (Exception error) {
            return Reasons.isVerdict(error)
                    ? word("reject", Reasons.problem(error))
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
        Map<String, Object> capabilities = new HashMap<>(CLAIMS);
        capabilities.put("ops", List.copyOf(operations.keySet()));
        return word("ok", Map.of(
                "protocol", PROTOCOL,
                "implementation", Map.of(
                        "name", "java-spiffe",
                        "version", libraryVersion(),
                        "language", "java",
                        "runtime", Runtime.version().toString(),
                        "homepage", "https://github.com/spiffe/java-spiffe"),
                "capabilities", capabilities));
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
