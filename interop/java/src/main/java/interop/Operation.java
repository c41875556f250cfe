package interop;

import com.google.gson.JsonObject;
import java.util.Map;

/** Answers a call with what the library says, or throws what it threw. */
@FunctionalInterface
interface Operation {
    Map<String, ?> apply(JsonObject params) throws Exception;
}
