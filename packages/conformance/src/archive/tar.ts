const BLOCK = 512;

/** A tar archive (ustar) of regular files. The same files in the same order are the same bytes: no times, no owners. */
export function tar(files: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [];
  for (const [path, text] of files) {
    const content = Buffer.from(text);
    parts.push(header(path, content.length), content, Buffer.alloc(-content.length & (BLOCK - 1)));
  }
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(path: string, length: number): Buffer {
  const [prefix, name] = split(path);
  const block = Buffer.alloc(BLOCK);
  const fields: readonly (readonly [offset: number, text: string])[] = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, `${length.toString(8).padStart(11, '0')}\0`],
    [136, `${'0'.repeat(11)}\0`],
    // Its own sum counts as spaces.
    [148, ' '.repeat(8)],
    [156, '0'],
    [257, 'ustar\u000000'],
    [345, prefix],
  ];
  for (const [offset, text] of fields) block.write(text, offset, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** A name of up to 100 bytes, and before a slash a prefix of up to 155. */
function split(path: string): readonly [prefix: string, name: string] {
  if (path.length <= 100) return ['', path];
  const cut = path.indexOf('/', path.length - 101);
  if (cut === -1 || cut > 155) throw new Error(`${path} is too long for a tar archive`);
  return [path.slice(0, cut), path.slice(cut + 1)];
}
