// What the kit asks, put to your library. Nothing may be checked, retried, cached or tidied up here.
using System.Text;
using System.Text.Json.Nodes;

namespace Adapter;

public static class Operations
{
    public static readonly IReadOnlyDictionary<string, Func<JsonObject, JsonObject>> All =
        new Dictionary<string, Func<JsonObject, JsonObject>> { ["id.parse"] = ParseId };

    public static JsonObject Implementation() =>
        new() { ["name"] = "my-spiffe", ["version"] = "0.1.0", ["language"] = "csharp" };

    private static JsonObject ParseId(JsonObject parameters)
    {
        var text = parameters["id"] is { } id
            ? (string)id!
            : Encoding.UTF8.GetString(Convert.FromBase64String((string)parameters["idB64"]!));
        SpiffeId parsed;
        try
        {
            parsed = SpiffeId.Parse(text);
        }
        catch (InvalidSpiffeIdException error)
        {
            // The library's own error is its verdict.
            throw new RejectedException("unknown", error.Message);
        }
        var segments = parsed.Path.Split('/').Skip(1).Select(segment => (JsonNode?)JsonValue.Create(segment));
        return new JsonObject
        {
            ["id"] = parsed.ToString(),
            ["trustDomain"] = parsed.TrustDomain,
            ["path"] = parsed.Path,
            ["segments"] = new JsonArray(segments.ToArray()),
        };
    }
}
