/** A language that there is a skeleton for. */
export interface Language {
  readonly name: string;
  /** The files of the skeleton, below `skeletons/<name>`. */
  readonly files: readonly string[];
  /** The file to change. */
  readonly operations: string;
  /** The file to replace. */
  readonly library: string;
  /** How it is built, in its folder. */
  readonly build: string;
  /** The adapter, after `--`. */
  readonly adapter: string;
  /** What GitHub Actions has to set up: an action and its input. */
  readonly setup: readonly [action: string, input: string, value: string] | undefined;
}

/** The languages that there are skeletons for. */
export const LANGUAGES: readonly Language[] = [
  {
    name: 'python',
    files: ['adapter.py', 'operations.py', 'library.py'],
    operations: 'operations.py',
    library: 'library.py',
    build: 'python3 -m compileall -q .',
    adapter: 'python3 adapter.py',
    setup: ['actions/setup-python@v6', 'python-version', "'3.13'"],
  },
  {
    name: 'go',
    files: ['go.mod', 'main.go', 'operations.go', 'library.go'],
    operations: 'operations.go',
    library: 'library.go',
    build: 'go build -o adapter .',
    adapter: './adapter',
    setup: ['actions/setup-go@v6', 'go-version', 'stable'],
  },
  {
    name: 'rust',
    files: ['Cargo.toml', 'src/main.rs', 'src/operations.rs', 'src/library.rs'],
    operations: 'src/operations.rs',
    library: 'src/library.rs',
    build: 'cargo build --release',
    adapter: 'target/release/adapter',
    // Its images have a toolchain.
    setup: undefined,
  },
  {
    name: 'java',
    files: [
      'pom.xml',
      'src/main/java/adapter/Main.java',
      'src/main/java/adapter/Operations.java',
      'src/main/java/adapter/Library.java',
    ],
    operations: 'src/main/java/adapter/Operations.java',
    library: 'src/main/java/adapter/Library.java',
    build: 'mvn --batch-mode --quiet compile',
    adapter: "java -cp 'target/classes:target/lib/*' adapter.Main",
    setup: ['actions/setup-java@v5', 'java-version', '21\n          distribution: temurin'],
  },
  {
    name: 'csharp',
    files: ['Adapter.csproj', 'Program.cs', 'Operations.cs', 'Library.cs'],
    operations: 'Operations.cs',
    library: 'Library.cs',
    build: 'dotnet build --configuration Release --output out',
    adapter: 'out/Adapter',
    setup: ['actions/setup-dotnet@v5', 'dotnet-version', '10.0.x'],
  },
];
