// Speaks the protocol of the conformance kit: one JSON object per line in, one out. There is nothing to change here.
using System.Text;
using System.Text.Json.Nodes;

namespace Adapter;

/// <summary>The library looked and said no.</summary>
public sealed class RejectedException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

public static class Program
{
    public static void Main()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        using var input = new StreamReader(Console.OpenStandardInput(), utf8);
        using var output = new StreamWriter(Console.OpenStandardOutput(), utf8) { AutoFlush = true, NewLine = "\n" };
        Console.SetOut(Console.Error); // what a library prints is no answer
        while (input.ReadLine() is { } line)
        {
            var call = JsonNode.Parse(line)!.AsObject();
            var answer = Answer(call);
            answer["id"] = call["id"]!.DeepClone();
            output.WriteLine(answer.ToJsonString());
        }
    }

    private static JsonObject Answer(JsonObject call)
    {
        var op = (string)call["op"]!;
        var parameters = call["params"]!.AsObject();
        if (call["needs"] is JsonArray { Count: > 0 } needs)
        {
            // Nothing is promised that is not understood. Once `at` is honoured: any need but "clock".
            return Word("unsupported", new JsonObject { ["reason"] = $"needs {needs.ToJsonString()}" });
        }
        switch (op)
        {
            case "hello":
                return Hello(parameters);
            case "bye" or "reset":
                return Word("ok", new JsonObject());
        }
        if (!Operations.All.TryGetValue(op, out var operation))
        {
            return Word("unsupported", new JsonObject { ["reason"] = $"no {op}" });
        }
        try
        {
            return Word("ok", operation(parameters));
        }
        catch (RejectedException rejected)
        {
            return Word("reject", new JsonObject { ["code"] = rejected.Code, ["message"] = rejected.Message });
        }
        catch (Exception error) // anything else is no verdict
        {
            return Word("fault", new JsonObject { ["message"] = error.ToString() });
        }
    }

    private static JsonObject Hello(JsonObject parameters)
    {
        if (!parameters["protocol"]!.AsArray().Any(number => (int)number! == 1))
        {
            return Word("reject", new JsonObject { ["code"] = "unknown", ["message"] = "this adapter speaks protocol 1" });
        }
        var ops = Operations.All.Keys.Order(StringComparer.Ordinal).Select(op => (JsonNode?)JsonValue.Create(op));
        return Word("ok", new JsonObject
        {
            ["protocol"] = 1,
            ["implementation"] = Operations.Implementation(),
            ["capabilities"] = new JsonObject { ["ops"] = new JsonArray(ops.ToArray()) },
        });
    }

    private static JsonObject Word(string word, JsonObject body) => new() { [word] = body };
}
