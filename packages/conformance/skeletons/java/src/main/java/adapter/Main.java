package adapter;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

/** Speaks the protocol of the conformance kit: one JSON object per line in, one out. There is nothing to change here. */
public final class Main {
    /** The library looked and said no. */
    static final class Rejected extends Exception {
        final String code;

        Rejected(String code, String message) {
            super(message);
            this.code = code;
        }
    }

    /** An operation: what the library says, or how it says no. */
    interface Operation {
        JsonObject run(JsonObject params) throws Exception;
    }

    public static void main(String[] args) throws IOException {
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        System.setOut(System.err); // what a library prints is no answer
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            JsonObject call = JsonParser.parseString(line).getAsJsonObject();
            JsonObject answer = answer(call);
            answer.add("id", call.get("id"));
            out.print(answer + "\n");
            out.flush();
        }
    }

    private static JsonObject answer(JsonObject call) {
        String op = call.get("op").getAsString();
        JsonObject params = call.getAsJsonObject("params");
        if (call.has("needs") && !call.getAsJsonArray("needs").isEmpty()) {
            // Nothing is promised that is not understood. Once `at` is honoured: any need but "clock".
            return word("unsupported", "reason", "needs " + call.get("needs"));
        }
        if (op.equals("hello")) return hello(params);
        if (op.equals("bye") || op.equals("reset")) return ok(new JsonObject());
        Operation operation = Operations.ALL.get(op);
        if (operation == null) return word("unsupported", "reason", "no " + op);
        try {
            return ok(operation.run(params));
        } catch (Rejected rejected) {
            JsonObject answer = word("reject", "code", rejected.code);
            answer.getAsJsonObject("reject").addProperty("message", rejected.getMessage());
            return answer;
        } catch (Exception error) { // anything else is no verdict
            return word("fault", "message", error.toString());
        }
    }

    private static JsonObject hello(JsonObject params) {
        if (!params.getAsJsonArray("protocol").contains(new JsonPrimitive(1))) {
            JsonObject answer = word("reject", "code", "unknown");
            answer.getAsJsonObject("reject").addProperty("message", "this adapter speaks protocol 1");
            return answer;
        }
        JsonArray ops = new JsonArray();
        Operations.ALL.keySet().stream().sorted().forEach(ops::add);
        JsonObject capabilities = new JsonObject();
        capabilities.add("ops", ops);
        JsonObject hello = new JsonObject();
        hello.addProperty("protocol", 1);
        hello.add("implementation", Operations.implementation());
        hello.add("capabilities", capabilities);
        return ok(hello);
    }

    private static JsonObject ok(JsonObject value) {
        JsonObject answer = new JsonObject();
        answer.add("ok", value);
        return answer;
    }

    private static JsonObject word(String word, String name, String value) {
        JsonObject body = new JsonObject();
        body.addProperty(name, value);
        JsonObject answer = new JsonObject();
        answer.add(word, body);
        return answer;
    }
}
