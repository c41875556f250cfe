package adapter;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;

/** What the kit asks, put to your library. Nothing may be checked, retried, cached or tidied up here. */
final class Operations {
    static final Map<String, Main.Operation> ALL = Map.of("id.parse", Operations::parseId);

    static JsonObject implementation() {
        JsonObject implementation = new JsonObject();
        implementation.addProperty("name", "my-spiffe");
        implementation.addProperty("version", "0.1.0");
        implementation.addProperty("language", "java");
        return implementation;
    }

    private static JsonObject parseId(JsonObject params) throws Exception {
        String text = params.has("id")
                ? params.get("id").getAsString()
                : new String(Base64.getDecoder().decode(params.get("idB64").getAsString()), StandardCharsets.UTF_8);
        Library.SpiffeId id;
        try {
            id = Library.SpiffeId.parse(text);
        } catch (Library.InvalidSpiffeIdException error) {
            // The library's own error is its verdict.
            throw new Main.Rejected("unknown", error.getMessage());
        }
        JsonArray segments = new JsonArray();
        if (!id.path().isEmpty()) for (String one : id.path().substring(1).split("/", -1)) segments.add(one);
        JsonObject ok = new JsonObject();
        ok.addProperty("id", id.toString());
        ok.addProperty("trustDomain", id.trustDomain());
        ok.addProperty("path", id.path());
        ok.add("segments", segments);
        return ok;
    }
}
