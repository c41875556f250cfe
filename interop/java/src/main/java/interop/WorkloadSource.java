package interop;

import com.google.gson.JsonObject;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.exception.BundleNotFoundException;
import io.spiffe.exception.X509SourceException;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.workloadapi.DefaultX509Source;
import io.spiffe.workloadapi.DefaultX509Source.X509SourceOptions;
import io.spiffe.workloadapi.Watcher;
import io.spiffe.workloadapi.WorkloadApiClient;
import io.spiffe.workloadapi.X509Context;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.function.Function;

/**
 * The library's source of X.509-SVIDs. It is given a client that lets this class look on: the source itself tells neither
 * when it has something else nor the trust domains that it has bundles of.
 */
final class WorkloadSource extends KitSource {

    private final WorkloadApiClient client;
    private String handle;
    private DefaultX509Source source;
    private X509Context last;
    private boolean isOver;

    private WorkloadSource(JsonObject params) throws Exception {
        // What the library logs on a thread of this client is about this source.
        client = Workload.client(params, Executors.newCachedThreadPool(task -> new Troubles.Heard(task, this::trouble)));
    }

    static Map<String, ?> open(JsonObject params) throws Exception {
        WorkloadSource made = new WorkloadSource(params);
        made.handle = Handles.add("s", made);
        Thread thread = new Thread(() -> made.init(params));
        // It waits for the first identity, which may never come.
        thread.setDaemon(true);
        return Opened.of(Map.of("handle", made.handle), thread::start);
    }

    @Override
    public X509Svid getX509Svid() {
        return opened().getX509Svid();
    }

    @Override
    public X509Bundle getBundleForTrustDomain(TrustDomain trustDomain) throws BundleNotFoundException {
        return opened().getBundleForTrustDomain(trustDomain);
    }

    @Override
    public void close() throws IOException {
        DefaultX509Source open = opened();
        if (open != null) open.close();
        else client.close();
    }

    @Override
    String state() {
        if (isOver) return "failed";
        if (source == null) return "waiting";
        try {
            source.getX509Svid();
            return "ready";
        } catch (IllegalStateException without) {
            return "empty";
        }
    }

    @Override
    Collection<X509Bundle> bundles() {
        return last.getX509BundleSet().getBundles().values();
    }

    private synchronized DefaultX509Source opened() {
        return source;
    }

    private void init(JsonObject params) {
        var options = X509SourceOptions.builder().workloadApiClient(observed()).svidPicker(picker(params));
        try {
            DefaultX509Source made = DefaultX509Source.newSource(options.build());
            synchronized (this) {
                source = made;
                if (last != null) tellUpdate();
            }
        } catch (Exception error) {
            synchronized (this) {
                isOver = true;
            }
            trouble(error);
        }
    }

    private static Function<List<X509Svid>, X509Svid> picker(JsonObject params) {
        JsonObject options = params.has("options") ? params.getAsJsonObject("options") : new JsonObject();
        if (!options.has("pick")) return null;
        String hint = options.getAsJsonObject("pick").get("hint").getAsString();
        return svids -> svids.stream().filter(svid -> hint.equals(svid.getHint())).findFirst().orElse(null);
    }

    /** The client, whose watcher this class hears before it is heard by the source. */
    private WorkloadApiClient observed() {
        return (WorkloadApiClient) Proxy.newProxyInstance(
                WorkloadApiClient.class.getClassLoader(),
                new Class<?>[] {WorkloadApiClient.class},
                (proxy, method, arguments) -> {
                    try {
                        if (!method.getName().equals("watchX509Context")) return method.invoke(client, arguments);
                        @SuppressWarnings("unchecked")
                        var watcher = (Watcher<X509Context>) arguments[0];
                        client.watchX509Context(observed(watcher));
                        return null;
                    } catch (InvocationTargetException error) {
                        throw error.getCause();
                    }
                });
    }

    private Watcher<X509Context> observed(Watcher<X509Context> watcher) {
        return new Watcher<>() {
            @Override
            public void onUpdate(X509Context update) {
                watcher.onUpdate(update);
                synchronized (WorkloadSource.this) {
                    last = update;
                    changed();
                    if (source != null) tellUpdate();
                }
            }

            @Override
            public void onError(Throwable error) {
                watcher.onError(error);
            }
        };
    }

    private void tellUpdate() {
        try {
            Handles.tell("source.update", handle, snapshot());
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }

    private void trouble(Throwable error) {
        failed(error);
        Handles.tell("source.error", handle, Reasons.problem(error));
    }
}
