package interop;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.spiffe.provider.AllowedIdSupplierSpiffeIdVerifier;
import io.spiffe.provider.SpiffeIdVerifier;
import io.spiffe.provider.SpiffeVerificationException;
import io.spiffe.spiffeid.SpiffeId;
import io.spiffe.spiffeid.TrustDomain;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Who may come in: what the library has to say it with. */
final class Rules {

    /** The kinds of rules that the library has a verifier or a question for. */
    static final List<String> KINDS = List.of("any", "id", "oneOf", "memberOf");

    /** What the library does when it is given no rule. */
    static final SpiffeIdVerifier ANY = (id, chain) -> {};

    private Rules() {}

    static Map<String, ?> match(JsonObject params) {
        SpiffeIdVerifier verifier = of(params.getAsJsonObject("rule"));
        SpiffeId id = SpiffeId.parse(params.get("id").getAsString());
        try {
            verifier.verify(id, new X509Certificate[0]);
            return Map.of("match", true);
        } catch (SpiffeVerificationException denied) {
            return Map.of("match", false);
        }
    }

    static SpiffeIdVerifier of(JsonObject rule) {
        String kind = rule.keySet().iterator().next();
        return switch (kind) {
            case "any" -> ANY;
            case "id" -> allowed(Set.of(SpiffeId.parse(rule.get(kind).getAsString())));
            case "oneOf" -> allowed(rule.getAsJsonArray(kind).asList().stream()
                    .map(JsonElement::getAsString)
                    .map(SpiffeId::parse)
                    .collect(Collectors.toSet()));
            case "memberOf" -> memberOf(TrustDomain.parse(rule.get(kind).getAsString()));
            default -> throw new IllegalStateException("a rule of a kind that was not claimed: " + kind);
        };
    }

    private static SpiffeIdVerifier allowed(Set<SpiffeId> ids) {
        return new AllowedIdSupplierSpiffeIdVerifier(() -> ids);
    }

    private static SpiffeIdVerifier memberOf(TrustDomain trustDomain) {
        return (id, chain) -> {
            if (!id.memberOf(trustDomain)) {
                throw new SpiffeVerificationException(id + " is not a member of " + trustDomain);
            }
        };
    }
}
