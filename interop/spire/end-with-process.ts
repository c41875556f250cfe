const ends = new Set<() => void>();

process.once('exit', () => {
  for (const end of ends) end();
});

/** Has something ended when this process ends. Gives a function that takes it back. Synchronous, as such ends are. */
export function endWithProcess(end: () => void): () => void {
  ends.add(end);
  return () => void ends.delete(end);
}
