package interop;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.bundle.x509bundle.X509BundleSet;
import io.spiffe.exception.BundleNotFoundException;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.workloadapi.X509Source;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** An identity that may be replaced: what the library wants from whoever does not use the Workload API. */
final class StaticSource implements X509Source {

    private X509Svid svid;
    private X509BundleSet bundles;
    private int generation;

    static Map<String, ?> open(JsonObject params) throws Exception {
        StaticSource source = new StaticSource();
        source.set(params);
        return Map.of("handle", Handles.add("s", source));
    }

    static Map<String, ?> get(JsonObject params) throws Exception {
        return of(params).snapshot();
    }

    static Map<String, ?> replace(JsonObject params) throws Exception {
        of(params).set(params);
        return Map.of();
    }

    static Map<String, ?> await(JsonObject params) throws Exception {
        return of(params).await(params.getAsJsonObject("until"), params.get("timeoutMs").getAsLong());
    }

    @Override
    public synchronized X509Svid getX509Svid() {
        return svid;
    }

    @Override
    public synchronized X509Bundle getBundleForTrustDomain(TrustDomain trustDomain) throws BundleNotFoundException {
        return bundles.getBundleForTrustDomain(trustDomain);
    }

    @Override
    public void close() {}

    private static StaticSource of(JsonObject params) {
        return Handles.get(params, "handle", StaticSource.class);
    }

    private void set(JsonObject identity) throws Exception {
        X509Svid next = X509Svid.parse(utf8(identity.get("cert")), utf8(identity.get("key")));
        X509BundleSet all = X509BundleSet.emptySet();
        for (Map.Entry<String, JsonElement> entry : identity.getAsJsonObject("bundles").entrySet()) {
            all.put(X509Bundle.parse(TrustDomain.parse(entry.getKey()), utf8(entry.getValue())));
        }
        synchronized (this) {
            svid = next;
            bundles = all;
            generation++;
            notifyAll();
        }
    }

    private synchronized Map<String, Object> snapshot() throws Exception {
        List<String> chain = Operations.fingerprints(svid.getChain());
        Map<String, List<String>> trusted = new TreeMap<>();
        for (X509Bundle bundle : bundles.getBundles().values()) {
            List<String> authorities = Operations.fingerprints(bundle.getX509Authorities());
            trusted.put(bundle.getTrustDomain().getName(), authorities.stream().sorted().toList());
        }
        return new TreeMap<>(Map.of(
                "state", "ready",
                "id", svid.getSpiffeId().toString(),
                "leafSha256", chain.get(0),
                "chainSha256", chain,
                "bundles", trusted,
                "generation", generation));
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
        if (until.has("leafSha256")) return snapshot.get("leafSha256").equals(until.get("leafSha256").getAsString());
        if (until.has("bundle")) {
            JsonObject bundle = until.getAsJsonObject("bundle");
            Map<?, ?> held = (Map<?, ?>) snapshot.get("bundles");
            List<?> authorities = (List<?>) held.get(bundle.get("trustDomain").getAsString());
            List<String> wanted = Operations.strings(bundle.get("sha256")).toList();
            return authorities != null && new HashSet<>(authorities).equals(new HashSet<>(wanted));
        }
        return until.has("state") && until.get("state").getAsString().equals(snapshot.get("state"));
    }

    private static byte[] utf8(JsonElement text) {
        return text.getAsString().getBytes(StandardCharsets.UTF_8);
    }
}
