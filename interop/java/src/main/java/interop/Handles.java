package interop;

import com.google.gson.JsonObject;
import java.io.Closeable;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** What calls opened and others close. */
final class Handles {

    private static final Map<String, Closeable> OPEN = new ConcurrentHashMap<>();
    private static final AtomicInteger LAST = new AtomicInteger();

    private Handles() {}

    static String add(String prefix, Closeable thing) {
        String handle = prefix + LAST.incrementAndGet();
        OPEN.put(handle, thing);
        return handle;
    }

    /** Writes an event of something that is open. Who closes it is answered after the last one. */
    static void tell(String event, String handle, Map<String, ?> data) {
        synchronized (OPEN) {
            if (OPEN.containsKey(handle)) Adapter.write(Map.of("event", event, "handle", handle, "data", data));
        }
    }

    static <T extends Closeable> T get(JsonObject params, String name, Class<T> kind) {
        Closeable thing = OPEN.get(params.get(name).getAsString());
        if (kind.isInstance(thing)) return kind.cast(thing);
        throw new IllegalStateException(name + " is no open handle of that kind");
    }

    static Map<String, ?> close(JsonObject params) throws IOException {
        Closeable thing = remove(params.get("handle").getAsString());
        if (thing == null) throw new IllegalStateException("handle is not open");
        thing.close();
        return Map.of();
    }

    static Map<String, ?> closeAll() throws IOException {
        for (String handle : OPEN.keySet()) {
            Closeable thing = remove(handle);
            if (thing != null) thing.close();
        }
        return Map.of();
    }

    private static Closeable remove(String handle) {
        synchronized (OPEN) {
            return OPEN.remove(handle);
        }
    }
}
