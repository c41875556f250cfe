package interop;

import com.google.gson.JsonObject;
import io.spiffe.provider.SpiffeIdVerifier;
import io.spiffe.provider.SpiffeKeyManager;
import io.spiffe.provider.SpiffeSslContextFactory;
import io.spiffe.provider.SpiffeSslContextFactory.SslContextOptions;
import io.spiffe.provider.SpiffeTrustManager;
import java.security.cert.Certificate;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.TrustManager;

/** One's own identity, and the rule for peers, as a context of the library. */
final class Party {

    private final SSLContext context;
    private final boolean wants13;
    private final Map<Certificate, String> verified = new ConcurrentHashMap<>();

    Party(JsonObject params) throws Exception {
        KitSource source = Handles.get(params, "source", KitSource.class);
        wants13 = params.has("minTls") && params.get("minTls").getAsString().equals("1.3");
        if (!params.has("authorize")) {
            context = SpiffeSslContextFactory.getSslContext(
                    SslContextOptions.builder().x509Source(source).build());
            return;
        }
        SpiffeIdVerifier rule = Rules.of(params.getAsJsonObject("authorize"));
        var trust = new SpiffeTrustManager(source, (id, chain) -> {
            rule.verify(id, chain);
            verified.put(chain[0], id.toString());
        });
        context = SSLContext.getInstance("TLS");
        context.init(new KeyManager[] {new SpiffeKeyManager(source)}, new TrustManager[] {trust}, null);
    }

    SSLContext context() {
        return context;
    }

    SSLParameters restricted(SSLParameters parameters) {
        if (wants13) parameters.setProtocols(new String[] {"TLSv1.3"});
        return parameters;
    }

    /** Whom the library took the peer for. */
    String peerOf(SSLSession session) throws SSLException {
        return verified.get(session.getPeerCertificates()[0]);
    }
}
