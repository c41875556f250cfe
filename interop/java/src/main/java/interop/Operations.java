package interop;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.spiffe.bundle.jwtbundle.JwtBundle;
import io.spiffe.bundle.jwtbundle.JwtBundleSet;
import io.spiffe.bundle.x509bundle.X509Bundle;
import io.spiffe.bundle.x509bundle.X509BundleSet;
import io.spiffe.provider.SpiffeIdVerifier;
import io.spiffe.provider.SpiffeTrustManager;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.workloadapi.Address;
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collection;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Every operation of the protocol that java-spiffe has. */
final class Operations {

    private Operations() {}

    static Map<String, Operation> all() {
        return Map.ofEntries(
                Map.entry("id.parse", Operations::parseId),
                Map.entry("id.build", Operations::buildId),
                Map.entry("id.equal", Operations::equalIds),
                Map.entry("id.match", Rules::match),
                Map.entry("td.parse", Operations::parseTrustDomain),
                Map.entry("svid.parsePem", Operations::parseSvidPem),
                Map.entry("svid.parseDer", Operations::parseSvidDer),
                Map.entry("bundle.parsePem", Operations::parseBundlePem),
                Map.entry("jwks.parse", Operations::parseJwks),
                Map.entry("jwt.validate", Operations::validateJwt),
                Map.entry("jwt.parse", Operations::parseJwt),
                Map.entry("x509.verify", Operations::verify),
                Map.entry("endpoint.parse", Operations::parseEndpoint),
                Map.entry("source.open", Operations::openSource),
                Map.entry("source.get", KitSource::get),
                Map.entry("source.wait", KitSource::await),
                Map.entry("source.set", StaticSource::replace),
                Map.entry("source.close", Handles::close),
                Map.entry("source.jwt", Workload::fetchJwtOfSource),
                Map.entry("source.validateJwt", Workload::validateJwtOfSource),
                Map.entry("workload.x509Bundles", Workload::fetchX509Bundles),
                Map.entry("workload.jwt", Workload::fetchJwt),
                Map.entry("workload.validateJwt", Workload::validateJwtByAgent),
                Map.entry("server.start", Connections::serve),
                Map.entry("server.stop", Connections::stop),
                Map.entry("client.connect", Connections::connect),
                Map.entry("client.pool", HttpPool::open),
                Map.entry("client.request", HttpPool::request),
                Map.entry("client.close", Handles::close));
    }

    private static Map<String, ?> openSource(JsonObject params) throws Exception {
        return switch (params.get("kind").getAsString()) {
            case "workloadApi" -> WorkloadSource.open(params);
            case "workloadApiJwt" -> Workload.openJwtSource(params);
            default -> StaticSource.open(params);
        };
    }

    private static Map<String, ?> parseId(JsonObject params) {
        // Bytes that are not UTF-8 become U+FFFD: the library reads strings.
        String text = params.has("idB64")
                ? new String(bytes(params.get("idB64")), StandardCharsets.UTF_8)
                : params.get("id").getAsString();
        SpiffeId id = SpiffeId.parse(text);
        return Map.of(
                "id", id.toString(),
                "trustDomain", id.getTrustDomain().getName(),
                "path", id.getPath(),
                "segments", Arrays.stream(id.getPath().split("/", -1)).skip(1).toList());
    }

    private static Map<String, ?> buildId(JsonObject params) {
        String[] segments = strings(params.get("segments")).toArray(String[]::new);
        TrustDomain trustDomain = TrustDomain.parse(params.get("trustDomain").getAsString());
        return Map.of("id", SpiffeId.fromSegments(trustDomain, segments).toString());
    }

    private static Map<String, ?> equalIds(JsonObject params) {
        SpiffeId a = SpiffeId.parse(params.get("a").getAsString());
        return Map.of("equal", a.equals(SpiffeId.parse(params.get("b").getAsString())));
    }

    private static Map<String, ?> parseTrustDomain(JsonObject params) {
        TrustDomain trustDomain = TrustDomain.parse(params.get("text").getAsString());
        return Map.of("name", trustDomain.getName(), "id", trustDomain.toIdString());
    }

    private static Map<String, ?> parseSvidPem(JsonObject params) throws Exception {
        return describe(X509Svid.parse(utf8(params.get("cert")), utf8(params.get("key"))));
    }

    private static Map<String, ?> parseSvidDer(JsonObject params) throws Exception {
        return describe(X509Svid.parseRaw(bytes(params.get("certB64")), bytes(params.get("keyB64"))));
    }

    private static Map<String, ?> describe(X509Svid svid) throws Exception {
        return Map.of("id", svid.getSpiffeId().toString(), "chainSha256", fingerprints(svid.getChain()));
    }

    private static Map<String, ?> parseBundlePem(JsonObject params) throws Exception {
        TrustDomain trustDomain = TrustDomain.parse(params.get("trustDomain").getAsString());
        X509Bundle bundle = X509Bundle.parse(trustDomain, utf8(params.get("pem")));
        return Map.of(
                "trustDomain", bundle.getTrustDomain().getName(),
                "x509Sha256", fingerprints(bundle.getX509Authorities()).stream().sorted().toList());
    }

    /** The authorities of a trust domain, under its name. */
    static Map<String, List<String>> describe(X509Bundle bundle) throws Exception {
        List<String> authorities = fingerprints(bundle.getX509Authorities());
        return Map.of(bundle.getTrustDomain().getName(), authorities.stream().sorted().toList());
    }

    private static Map<String, ?> parseJwks(JsonObject params) throws Exception {
        TrustDomain trustDomain = TrustDomain.parse(params.get("trustDomain").getAsString());
        JwtBundle bundle = JwtBundle.parse(
                trustDomain, params.has("jsonB64") ? bytes(params.get("jsonB64")) : utf8(params.get("json")));
        List<Map<String, String>> keys = new ArrayList<>();
        for (Map.Entry<String, PublicKey> entry : new TreeMap<>(bundle.getJwtAuthorities()).entrySet()) {
            keys.add(Map.of("kid", entry.getKey(), "spkiSha256", sha256(entry.getValue().getEncoded())));
        }
        return Map.of("trustDomain", bundle.getTrustDomain().getName(), "jwt", keys);
    }

    private static Map<String, ?> validateJwt(JsonObject params) throws Exception {
        JwtBundleSet bundles = JwtBundleSet.emptySet();
        for (Map.Entry<String, JsonElement> entry : params.getAsJsonObject("bundles").entrySet()) {
            bundles.put(JwtBundle.parse(TrustDomain.parse(entry.getKey()), utf8(entry.getValue())));
        }
        String token = params.has("tokenB64")
                ? new String(bytes(params.get("tokenB64")), StandardCharsets.UTF_8)
                : params.get("token").getAsString();
        Set<String> audience = strings(params.get("audience")).collect(Collectors.toSet());
        JwtSvid svid = JwtSvid.parseAndValidate(token, bundles, audience);
        return Map.of(
                "id", svid.getSpiffeId().toString(),
                "audience", svid.getAudience().stream().sorted().toList(),
                "expiry", svid.getExpiry().toInstant().toString(),
                "claims", svid.getClaims());
    }

    private static Map<String, ?> parseJwt(JsonObject params) throws Exception {
        JwtSvid svid = JwtSvid.parseInsecure(params.get("token").getAsString(), Set.of());
        return Map.of(
                "id", svid.getSpiffeId().toString(),
                "audience", svid.getAudience().stream().sorted().toList(),
                "verified", false);
    }

    /** Asks the trust manager, as TLS does. Its answer has the ID in the certificate and no path. */
    private static Map<String, ?> verify(JsonObject params) throws Exception {
        X509BundleSet bundles = X509BundleSet.emptySet();
        for (Map.Entry<String, JsonElement> entry : params.getAsJsonObject("bundles").entrySet()) {
            Set<X509Certificate> authorities = Set.of(certificates(entry.getValue()));
            bundles.put(new X509Bundle(TrustDomain.parse(entry.getKey()), authorities));
        }
        X509Certificate[] chain = certificates(params.get("chain"));
        String[] verified = new String[1];
        SpiffeIdVerifier rule = params.has("authorize") ? Rules.of(params.getAsJsonObject("authorize")) : Rules.ANY;
        var trustManager = new SpiffeTrustManager(bundles, (id, verifiedChain) -> {
            verified[0] = id.toString();
            rule.verify(id, verifiedChain);
        });
        String keyType = "UNKNOWN";
        if (params.has("role") && params.get("role").getAsString().equals("server")) {
            trustManager.checkServerTrusted(chain, keyType);
        } else {
            trustManager.checkClientTrusted(chain, keyType);
        }
        return Map.of("id", verified[0]);
    }

    private static Map<String, ?> parseEndpoint(JsonObject params) throws Exception {
        URI address = Address.parseAddress(params.get("value").getAsString());
        return Map.of(
                "scheme", address.getScheme(),
                "address", address.getAuthority() == null ? address.getPath() : address.getAuthority());
    }

    /** Reads each as TLS does: one certificate, and what comes after it is left alone. */
    private static X509Certificate[] certificates(JsonElement list) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        List<String> encoded = strings(list).toList();
        X509Certificate[] certificates = new X509Certificate[encoded.size()];
        for (int i = 0; i < certificates.length; i++) {
            byte[] der = Base64.getDecoder().decode(encoded.get(i));
            certificates[i] = (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
        }
        return certificates;
    }

    static List<String> fingerprints(Collection<X509Certificate> certificates) throws Exception {
        List<String> fingerprints = new ArrayList<>();
        for (X509Certificate certificate : certificates) fingerprints.add(sha256(certificate.getEncoded()));
        return fingerprints;
    }

    private static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    static Stream<String> strings(JsonElement list) {
        return list.getAsJsonArray().asList().stream().map(JsonElement::getAsString);
    }

    private static byte[] bytes(JsonElement base64) {
        return Base64.getDecoder().decode(base64.getAsString());
    }

    private static byte[] utf8(JsonElement text) {
        return text.getAsString().getBytes(StandardCharsets.UTF_8);
    }
}
