// Stands for your library, so that the adapter runs. Use yours in Operations.cs and delete this file.
using System;
using System.Text.RegularExpressions;

namespace Adapter
{
    public sealed class InvalidSpiffeIdException : Exception
    {
        public InvalidSpiffeIdException(string message) : base(message) { }
    }

    public sealed class SpiffeId
    {
        private static readonly Regex Form = new Regex(
            @"\Aspiffe://([a-z0-9._-]{1,255})((?:/(?!\.{1,2}(?:/|\z))[A-Za-z0-9._-]+)*)\z",
            RegexOptions.CultureInvariant);

        private SpiffeId(string trustDomain, string path)
        {
            TrustDomain = trustDomain;
            Path = path;
        }

        public string TrustDomain { get; }

        public string Path { get; }

        public static SpiffeId Parse(string text)
        {
            var match = Form.Match(text);
            if (!match.Success || text.Length > 2048)
            {
                throw new InvalidSpiffeIdException($"no SPIFFE ID: {text}");
            }
            return new SpiffeId(match.Groups[1].Value, match.Groups[2].Value);
        }

        public override string ToString() => $"spiffe://{TrustDomain}{Path}";
    }
}
