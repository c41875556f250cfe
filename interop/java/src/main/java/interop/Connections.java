package interop;

import com.google.gson.Gson;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** Servers and clients that let the library judge their peers. */
final class Connections {

    private static final Gson GSON = new Gson();

    private Connections() {}

    static Map<String, ?> serve(JsonObject params) throws Exception {
        Party party = new Party(params);
        String protocol = params.get("protocol").getAsString();
        if (protocol.equals("http1")) return HttpPeer.serve(party);
        if (!protocol.equals("line")) throw new IllegalStateException("protocol");
        var socket = (SSLServerSocket) party.context().getServerSocketFactory()
                .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
        socket.setSSLParameters(party.restricted(socket.getSSLParameters()));
        socket.setNeedClientAuth(true);
        Server server = new Server(socket, party);
        String handle = Handles.add("v", server);
        Runnable begin = () -> Adapter.THREADS.execute(() -> server.accept(handle));
        return Opened.of(Map.of("handle", handle, "port", socket.getLocalPort()), begin);
    }

    static Map<String, ?> stop(JsonObject params) throws Exception {
        Handles.get(params, "handle", Drainable.class).drain(params.has("graceMs") ? params.get("graceMs").getAsLong() : 0);
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
            var factory = party.context().getSocketFactory();
            try (SSLSocket socket = (SSLSocket) factory.createSocket(plain, name, address.getPort(), true)) {
                socket.setSSLParameters(party.restricted(socket.getSSLParameters()));
                socket.startHandshake();
                String peer = party.peerOf(socket.getSession());
                var in = new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8);
                String line = new BufferedReader(in).readLine();
                if (line == null) throw new SSLException("the server ended the connection");
                // A context of its own has no session to resume.
                return Map.of("peer", peer, "line", line, "resumed", false);
            }
        }
    }

    /** A server that can be stopped in good order, as far as that goes. */
    interface Drainable extends Closeable {
        void drain(long graceMs) throws Exception;
    }

    /** What each peer is told. */
    static String greeting(String peer) {
        return GSON.toJson(Map.of("peer", peer));
    }

    /** Says who the peer is, and then sends back what it gets. */
    private static final class Server implements Drainable {
        private final SSLServerSocket listener;
        private final Party party;
        private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

        Server(SSLServerSocket listener, Party party) {
            this.listener = listener;
            this.party = party;
        }

        void accept(String handle) {
            try {
                while (true) {
                    SSLSocket socket = (SSLSocket) listener.accept();
                    sockets.add(socket);
                    Adapter.THREADS.execute(() -> talk(socket, handle));
                }
            } catch (IOException closed) {
                // That is how it ends.
            }
        }

        private void talk(SSLSocket socket, String handle) {
            try (socket) {
                try {
                    socket.startHandshake();
                } catch (IOException refused) {
                    Handles.tell("server.rejected", handle, Reasons.problem(refused));
                    return;
                }
                socket.getOutputStream().write((greeting(party.peerOf(socket.getSession())) + "\n").getBytes(StandardCharsets.UTF_8));
                socket.getInputStream().transferTo(socket.getOutputStream());
            } catch (IOException gone) {
                // The peer went.
            } finally {
                sockets.remove(socket);
            }
        }

        @Override
        public void drain(long graceMs) throws Exception {
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
