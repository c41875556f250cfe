package interop;

import com.google.gson.JsonObject;
import java.io.Closeable;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Map;

/** A client that keeps its connections: the one of the JDK, with a context of the library. */
record HttpPool(HttpClient client, Party party) implements Closeable {

    static Map<String, ?> open(JsonObject params) throws Exception {
        Party party = new Party(params);
        boolean wants2 = params.has("protocol") && params.get("protocol").getAsString().equals("http2");
        HttpClient client = HttpClient.newBuilder()
                .sslContext(party.context())
                .executor(Adapter.THREADS)
                .version(wants2 ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1)
                .build();
        return Map.of("handle", Handles.add("c", new HttpPool(client, party)));
    }

    static Map<String, ?> request(JsonObject params) throws Exception {
        HttpPool pool = Handles.get(params, "handle", HttpPool.class);
        String path = params.has("path") ? params.get("path").getAsString() : "/";
        URI uri = URI.create("https://127.0.0.1:" + params.get("port").getAsInt() + path);
        HttpResponse<String> response =
                pool.client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
        return Map.of(
                "status", response.statusCode(),
                "body", response.body(),
                "peer", pool.party.peerOf(response.sslSession().orElseThrow()));
    }

    /** Nothing ends such a client before Java 21 but that nobody has it any more. */
    @Override
    public void close() {}
}
