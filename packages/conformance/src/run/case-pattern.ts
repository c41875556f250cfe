/**
 * Makes a test out of a pattern for case ids.
 *
 * @param pattern - `*` stands for anything inside of one segment, `**` for any number of segments or the rest of one.
 */
export function casePattern(pattern: string): (id: string) => boolean {
  const source = pattern
    .split(/(\*\*|\*)/)
    .map((part) => {
      if (part === '**') return '.*';
      return part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join('');
  const expression = new RegExp(`^${source}$`, 'u');
  return (id) => expression.test(id);
}
