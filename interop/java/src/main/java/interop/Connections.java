package interop;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.spiffe.provider.SpiffeIdVerifier;
import io.spiffe.provider.SpiffeKeyManager;
import io.spiffe.provider.SpiffeSslContextFactory;
import io.spiffe.provider.SpiffeSslContextFactory.SslContextOptions;
import io.spiffe.provider.SpiffeTrustManager;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.cert.Certificate;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;

/** Servers and clients that let the library judge their peers. */
final class Connections {

    private static final Gson GSON = new Gson();

    private Connections() {}

    static Map<String, ?> serve(JsonObject params) throws Exception {
        if (!params.get("protocol").getAsString().equals("line")) throw new IllegalStateException("protocol");
        Party party = new Party(params);
        var socket = (SSLServerSocket) party.context.getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
        socket.setSSLParameters(party.restricted(socket.getSSLParameters()));
        socket.setNeedClientAuth(true);
        Server server = new Server(socket, party);
        Adapter.THREADS.execute(server::accept);
        return Map.of("handle", Handles.add("v", server), "port", socket.getLocalPort());
    }

    static Map<String, ?> stop(JsonObject params) throws Exception {
        Handles.get(params, "handle", Server.class).drain(params.has("graceMs") ? params.get("graceMs").getAsLong() : 0);
        return Handles.close(params);
    }

    /** One connection, and the first line of the server. */
    static Map<String, ?> connect(JsonObject params) throws Exception {
        Party party = new Party(params);
        int timeoutMs = params.has("timeoutMs") ? params.get("timeoutMs").getAsInt() : 10_000;
        try (Socket plain = new Socket()) {
            var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), params.get("port").getAsInt());
            plain.connect(address, timeoutMs);
            plain.setSoTimeout(timeoutMs);
            String name = params.has("serverName") ? params.get("serverName").getAsString() : null;
            var factory = party.context.getSocketFactory();
            try (SSLSocket socket = (SSLSocket) factory.createSocket(plain, name, address.getPort(), true)) {
                socket.setSSLParameters(party.restricted(socket.getSSLParameters()));
                socket.startHandshake();
                String peer = party.peerOf(socket);
                var in = new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8);
                String line = new BufferedReader(in).readLine();
                if (line == null) throw new SSLException("the server ended the connection");
                // A context of its own has no session to resume.
                return Map.of("peer", peer, "line", line, "resumed", false);
            }
        }
    }

    /** One's own identity, and the rule for peers. */
    private static final class Party {
        final SSLContext context;
        private final boolean wants13;
        private final Map<Certificate, String> verified = new ConcurrentHashMap<>();

        Party(JsonObject params) throws Exception {
            StaticSource source = Handles.get(params, "source", StaticSource.class);
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

        SSLParameters restricted(SSLParameters parameters) {
            if (wants13) parameters.setProtocols(new String[] {"TLSv1.3"});
            return parameters;
        }

        /** Whom the library took the peer for. */
        String peerOf(SSLSocket socket) throws SSLException {
            return verified.get(socket.getSession().getPeerCertificates()[0]);
        }
    }

    /** Says who the peer is, and then sends back what it gets. */
    private static final class Server implements Closeable {
        private final SSLServerSocket listener;
        private final Party party;
        private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

        Server(SSLServerSocket listener, Party party) {
            this.listener = listener;
            this.party = party;
        }

        void accept() {
            try {
                while (true) {
                    SSLSocket socket = (SSLSocket) listener.accept();
                    sockets.add(socket);
                    Adapter.THREADS.execute(() -> talk(socket));
                }
            } catch (IOException closed) {
                // That is how it ends.
            }
        }

        private void talk(SSLSocket socket) {
            try (socket) {
                socket.startHandshake();
                String greeting = GSON.toJson(Map.of("peer", party.peerOf(socket))) + "\n";
                socket.getOutputStream().write(greeting.getBytes(StandardCharsets.UTF_8));
                socket.getInputStream().transferTo(socket.getOutputStream());
            } catch (IOException refused) {
                // The peer was turned away, or went.
            } finally {
                sockets.remove(socket);
            }
        }

        void drain(long graceMs) throws Exception {
            listener.close();
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(graceMs);
            while (!sockets.isEmpty() && System.nanoTime() < end) Thread.sleep(10);
        }

        @Override
        public void close() throws IOException {
            listener.close();
            for (Socket socket : sockets) socket.close();
        }
    }
}
