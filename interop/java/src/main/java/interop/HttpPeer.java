package interop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsExchange;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLParameters;

/** Answers each request, once it is whole: the server of the JDK, with a context of the library. */
record HttpPeer(HttpsServer server) implements Connections.Drainable {

    static Map<String, ?> serve(Party party) throws Exception {
        HttpsServer server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(party.context()) {
            @Override
            public void configure(HttpsParameters parameters) {
                SSLParameters wanted = party.restricted(party.context().getDefaultSSLParameters());
                wanted.setNeedClientAuth(true);
                parameters.setSSLParameters(wanted);
            }
        });
        server.createContext("/", exchange -> answer(exchange, party));
        server.setExecutor(Adapter.THREADS);
        server.start();
        HttpPeer peer = new HttpPeer(server);
        return Map.of("handle", Handles.add("v", peer), "port", server.getAddress().getPort());
    }

    private static void answer(HttpExchange exchange, Party party) throws IOException {
        try (exchange) {
            exchange.getRequestBody().transferTo(OutputStream.nullOutputStream());
            String peer = party.peerOf(((HttpsExchange) exchange).getSSLSession());
            byte[] body = Connections.greeting(peer).getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    @Override
    public void drain(long graceMs) {
        server.stop((int) TimeUnit.MILLISECONDS.toSeconds(graceMs));
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
