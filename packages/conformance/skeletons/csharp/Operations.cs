// What the kit asks, put to your library. Nothing may be checked, retried, cached or tidied up here.
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Text.Json;

namespace Adapter
{
    /// <summary>Answers a call with what the library says, as it is to be in JSON.</summary>
    public delegate object Operation(JsonElement parameters);

    public static class Operations
    {
        public static readonly IReadOnlyDictionary<string, Operation> All =
            new Dictionary<string, Operation> { ["id.parse"] = ParseId };

        public static object Implementation() => new { name = "my-spiffe", version = "0.1.0", language = "csharp" };

        private static object ParseId(JsonElement parameters)
        {
            var text = parameters.TryGetProperty("id", out var id)
                ? id.GetString()
                : Encoding.UTF8.GetString(parameters.GetProperty("idB64").GetBytesFromBase64());
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
            return new
            {
                id = parsed.ToString(),
                trustDomain = parsed.TrustDomain,
                path = parsed.Path,
                segments = parsed.Path.Split('/').Skip(1),
            };
        }
    }
}
