package interop;

import com.google.gson.JsonObject;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.workloadapi.X509Source;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A source as calls ask for it: how it is, and when it comes to something. */
abstract class KitSource implements X509Source {

    private int generation;
    private Throwable lastError;

    static Map<String, ?> get(JsonObject params) throws Exception {
        return of(params).snapshot();
    }

    static Map<String, ?> await(JsonObject params) throws Exception {
        return of(params).await(params.getAsJsonObject("until"), params.get("timeoutMs").getAsLong());
    }

    private static KitSource of(JsonObject params) {
        return Handles.get(params, "handle", KitSource.class);
    }

    /** What it is: `ready` where it has an SVID. */
    abstract String state();

    /** All bundles that it has, where it is ready. */
    abstract Collection<X509Bundle> bundles();

    /** It has something else now. */
    final synchronized void changed() {
        generation++;
        lastError = null;
        notifyAll();
    }

    /** It has what it had, and a problem. */
    final synchronized void failed(Throwable error) {
        lastError = error;
        notifyAll();
    }

    final synchronized Map<String, Object> snapshot() throws Exception {
        Map<String, Object> snapshot = new TreeMap<>(Map.of("state", state(), "generation", generation));
        Map<String, List<String>> trusted = new TreeMap<>();
        if (state().equals("ready")) {
            X509Svid svid = getX509Svid();
            List<String> chain = Operations.fingerprints(svid.getChain());
            snapshot.put("id", svid.getSpiffeId().toString());
            snapshot.put("leafSha256", chain.get(0));
            snapshot.put("chainSha256", chain);
            for (X509Bundle bundle : bundles()) trusted.putAll(Operations.describe(bundle));
        }
        snapshot.put("bundles", trusted);
        if (lastError != null) snapshot.put("lastError", Reasons.problem(lastError));
        return snapshot;
    }

    private synchronized Map<String, ?> await(JsonObject until, long timeoutMs) throws Exception {
        long end = System.nanoTime() + timeoutMs * 1_000_000;
        while (true) {
            Map<String, Object> snapshot = snapshot();
            boolean met = isMet(until, snapshot);
            long leftMs = (end - System.nanoTime()) / 1_000_000;
            snapshot.put("met", met);
            if (met || leftMs <= 0) return snapshot;
            wait(leftMs);
        }
    }

    private static boolean isMet(JsonObject until, Map<String, Object> snapshot) {
        if (until.has("leafSha256")) return until.get("leafSha256").getAsString().equals(snapshot.get("leafSha256"));
        if (until.has("bundle")) {
            JsonObject bundle = until.getAsJsonObject("bundle");
            Map<?, ?> held = (Map<?, ?>) snapshot.get("bundles");
            List<?> authorities = (List<?>) held.get(bundle.get("trustDomain").getAsString());
            List<String> wanted = Operations.strings(bundle.get("sha256")).toList();
            return authorities != null && new HashSet<>(authorities).equals(new HashSet<>(wanted));
        }
        if (until.has("error")) return snapshot.containsKey("lastError");
        return until.get("state").getAsString().equals(snapshot.get("state"));
    }
}
