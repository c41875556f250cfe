// Speaks the protocol of the conformance kit: one JSON object per line in, one out. There is nothing to change here.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json;

namespace Adapter
{
    /// <summary>The library looked and said no.</summary>
    public sealed class RejectedException : Exception
    {
        public RejectedException(string code, string message) : base(message) => Code = code;

        public string Code { get; }
    }

    public static class Program
    {
        public static void Main()
        {
            var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
            using (var input = new StreamReader(Console.OpenStandardInput(), utf8))
            using (var output = new StreamWriter(Console.OpenStandardOutput(), utf8) { AutoFlush = true, NewLine = "\n" })
            {
                Console.SetOut(Console.Error); // what a library prints is no answer
                while (input.ReadLine() is string line)
                {
                    var call = JsonDocument.Parse(line).RootElement;
                    var answer = Answer(call);
                    answer["id"] = call.GetProperty("id");
                    output.WriteLine(JsonSerializer.Serialize(answer));
                }
            }
        }

        private static Dictionary<string, object> Answer(JsonElement call)
        {
            var op = call.GetProperty("op").GetString();
            var parameters = call.GetProperty("params");
            if (call.TryGetProperty("needs", out var needs) && needs.GetArrayLength() > 0)
            {
                // Nothing is promised that is not understood. Once `at` is honoured: any need but "clock".
                return Word("unsupported", new { reason = $"needs {needs}" });
            }
            switch (op)
            {
                case "hello":
                    return Hello(parameters);
                case "bye":
                case "reset":
                    return Word("ok", new { });
            }
            if (!Operations.All.TryGetValue(op, out var operation))
            {
                return Word("unsupported", new { reason = $"no {op}" });
            }
            try
            {
                return Word("ok", operation(parameters));
            }
            catch (RejectedException rejected)
            {
                return Word("reject", new { code = rejected.Code, message = rejected.Message });
            }
            catch (Exception error) // anything else is no verdict
            {
                return Word("fault", new { message = error.ToString() });
            }
        }

        private static Dictionary<string, object> Hello(JsonElement parameters)
        {
            if (!parameters.GetProperty("protocol").EnumerateArray().Any(number => number.GetInt32() == 1))
            {
                return Word("reject", new { code = "unknown", message = "this adapter speaks protocol 1" });
            }
            return Word("ok", new
            {
                protocol = 1,
                implementation = Operations.Implementation(),
                capabilities = new { ops = Operations.All.Keys.OrderBy(op => op, StringComparer.Ordinal) },
            });
        }

        private static Dictionary<string, object> Word(string word, object body) =>
            new Dictionary<string, object> { [word] = body };
    }
}
