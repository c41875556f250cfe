package interop;

import com.google.gson.JsonObject;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.exception.JwtSvidException;
import io.spiffe.exception.SocketEndpointAddressException;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.workloadapi.Address;
import io.spiffe.workloadapi.CachedJwtSource;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.DefaultWorkloadApiClient.ClientOptions;
import io.spiffe.workloadapi.JwtSource;
import io.spiffe.workloadapi.JwtSourceOptions;
import io.spiffe.workloadapi.WorkloadApiClient;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;

/** Calls of the Workload API, and its source of JWT-SVIDs. */
final class Workload {

    private Workload() {}

    /** A client. Without an address the library looks into the environment. */
    static WorkloadApiClient client(JsonObject params, ExecutorService threads) throws Exception {
        ClientOptions.Builder options = ClientOptions.builder().executorService(threads);
        return DefaultWorkloadApiClient.newClient(
                options.spiffeSocketPath(address(params)).build());
    }

    private static String address(JsonObject params) throws SocketEndpointAddressException {
        if (params.has("address")) return params.get("address").getAsString();
        try {
            return Address.getDefaultAddress();
        } catch (IllegalStateException documented) {
            throw new SocketEndpointAddressException(documented.getMessage(), documented);
        }
    }

    static Map<String, ?> openJwtSource(JsonObject params) throws Exception {
        JwtSourceOptions options =
                JwtSourceOptions.builder().spiffeSocketPath(address(params)).build();
        return Map.of("handle", Handles.add("j", CachedJwtSource.newSource(options)));
    }

    static Map<String, ?> fetchJwtOfSource(JsonObject params) throws Exception {
        JwtSource source = Handles.get(params, "handle", JwtSource.class);
        return fetch(source::fetchJwtSvid, source::fetchJwtSvid, params);
    }

    static Map<String, ?> validateJwtOfSource(JsonObject params) throws Exception {
        JwtSource source = Handles.get(params, "handle", JwtSource.class);
        Set<String> audience = Set.of(params.get("audience").getAsString());
        JwtSvid svid = JwtSvid.parseAndValidate(params.get("token").getAsString(), source, audience);
        return Map.of("id", svid.getSpiffeId().toString());
    }

    static Map<String, ?> fetchX509Bundles(JsonObject params) throws Exception {
        try (WorkloadApiClient client = client(params, null)) {
            Map<String, Object> bundles = new TreeMap<>();
            for (X509Bundle bundle : client.fetchX509Bundles().getBundles().values()) {
                bundles.putAll(Operations.describe(bundle));
            }
            return Map.of("bundles", bundles);
        }
    }

    static Map<String, ?> fetchJwt(JsonObject params) throws Exception {
        try (WorkloadApiClient client = client(params, null)) {
            return fetch(client::fetchJwtSvid, client::fetchJwtSvid, params);
        }
    }

    static Map<String, ?> validateJwtByAgent(JsonObject params) throws Exception {
        try (WorkloadApiClient client = client(params, null)) {
            JwtSvid svid = client.validateJwtSvid(
                    params.get("token").getAsString(), params.get("audience").getAsString());
            return Map.of("id", svid.getSpiffeId().toString(), "claims", svid.getClaims(), "delegated", true);
        }
    }

    /** Asks for a token of the default identity. */
    private interface OfDefault {
        JwtSvid fetch(String audience, String... more) throws JwtSvidException;
    }

    /** Asks for a token of one identity. */
    private interface OfOne {
        JwtSvid fetch(SpiffeId subject, String audience, String... more) throws JwtSvidException;
    }

    private static Map<String, ?> fetch(OfDefault ofDefault, OfOne ofOne, JsonObject params) throws JwtSvidException {
        List<String> audience = Operations.strings(params.get("audience")).toList();
        String[] more = audience.stream().skip(1).toArray(String[]::new);
        JwtSvid svid = params.has("id")
                ? ofOne.fetch(SpiffeId.parse(params.get("id").getAsString()), audience.get(0), more)
                : ofDefault.fetch(audience.get(0), more);
        return Map.of("id", svid.getSpiffeId().toString(), "token", svid.getToken());
    }
}
