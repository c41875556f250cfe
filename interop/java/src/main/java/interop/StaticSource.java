package interop;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.bundle.x509bundle.X509BundleSet;
import io.spiffe.exception.BundleNotFoundException;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.x509svid.X509Svid;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.Map;

/** An identity that may be replaced: what the library wants from whoever does not use the Workload API. */
final class StaticSource extends KitSource {

    private X509Svid svid;
    private X509BundleSet bundles;

    static Map<String, ?> open(JsonObject params) throws Exception {
        StaticSource source = new StaticSource();
        source.set(params);
        return Map.of("handle", Handles.add("s", source));
    }

    static Map<String, ?> replace(JsonObject params) throws Exception {
        Handles.get(params, "handle", StaticSource.class).set(params);
        return Map.of();
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

    @Override
    String state() {
        return "ready";
    }

    @Override
    Collection<X509Bundle> bundles() {
        return bundles.getBundles().values();
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
            changed();
        }
    }

    private static byte[] utf8(JsonElement text) {
        return text.getAsString().getBytes(StandardCharsets.UTF_8);
    }
}
