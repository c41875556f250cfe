const byId = (id) => document.getElementById(id);
const { ports, marks, rows } = JSON.parse(byId('data').textContent);
const bodies = Array.from(document.querySelectorAll('tbody'));
const inputs = ['text', 'disputed', 'failed', 'level', 'suite'].map(byId);
const [text, disputed, failed, level, suite] = inputs;
const fold = byId('fold');
const dialog = byId('details');
// Until somebody opens them, suites and families stand for what is in them.
const closed = new Set(document.querySelectorAll('tr.suite, tr.family'));

const words = rows.map((row) =>
  [row.id, row.title ?? '', ...row.spec.map(({ name, quote }) => `${name} ${quote ?? ''}`)]
    .join(' ')
    .toLowerCase(),
);

function fits(line) {
  const index = Number(line.dataset.i);
  return (
    (!disputed.checked || line.classList.contains('disputed')) &&
    (!failed.checked || 'failed' in line.dataset) &&
    (level.value === '' || line.dataset.level === level.value) &&
    text.value
      .toLowerCase()
      .split(/\s+/)
      .every((word) => words[index].includes(word))
  );
}

/** Whether cases are looked for, so that those found are shown whatever is closed. */
function isSearching() {
  return text.value.trim() !== '' || disputed.checked || failed.checked || level.value !== '';
}

function show() {
  const open = isSearching();
  let shown = 0;
  for (const body of bodies) {
    const head = body.rows[0];
    const inSuite = suite.value === '' || body.dataset.suite === suite.value;
    const isOpen = open || !closed.has(head);
    head.querySelector('button').setAttribute('aria-expanded', String(isOpen));
    let family;
    let isFamilyOpen = false;
    let found = 0;
    for (const line of Array.from(body.rows).slice(1)) {
      if (line.classList.contains('family')) {
        family = line;
        line.hidden = true;
        isFamilyOpen = !closed.has(line) || (open && !('uniform' in line.dataset));
        line.querySelector('button').setAttribute('aria-expanded', String(isFamilyOpen));
        continue;
      }
      const isFound = inSuite && fits(line);
      if (isFound) found++;
      const isMember = line.classList.contains('member');
      if (isMember && isFound && isOpen) family.hidden = false;
      line.hidden = !isFound || !isOpen || (isMember && !isFamilyOpen);
    }
    body.hidden = found === 0;
    shown += found;
  }
  byId('shown').textContent = shown === rows.length ? `${shown} cases` : `${shown} of ${rows.length} cases`;
  fold.hidden = open;
  fold.textContent = closed.size === 0 ? 'Close all' : 'Open all';
}

function element(name, content, className) {
  const made = document.createElement(name);
  if (className !== undefined) made.className = className;
  if (typeof content === 'string') made.textContent = content;
  else made.append(...content);
  return made;
}

function openDetails(index) {
  const row = rows[index];
  const close = element('button', '✕', 'close');
  close.type = 'button';
  close.setAttribute('aria-label', 'Close');
  close.addEventListener('click', () => dialog.close());
  const name = element('h2', row.id);
  name.id = 'details-name';
  const parts = [close, name, element('p', `${row.level}${row.title === undefined ? '' : `: ${row.title}`}`)];
  if (row.why !== undefined) parts.push(element('p', row.why));
  for (const { name: where, quote, link } of row.spec) {
    const source = element(link === undefined ? 'span' : 'a', where);
    if (link !== undefined) {
      source.href = link;
      source.rel = 'noopener noreferrer';
    }
    parts.push(element('p', [source]));
    if (quote !== undefined) parts.push(element('blockquote', quote));
  }
  if (row.expected !== undefined) parts.push(element('p', ['wanted: ', element('code', row.expected)]));
  const list = row.cells.flatMap((cell, port) => {
    const [sign, tone] = marks[cell?.status ?? 'absent'];
    const status = cell === null ? 'not part of this run' : cell.status;
    const told = [element('b', `${sign} ${status}`, tone)];
    if (cell?.branch !== undefined) told.push(': ', element('bdi', cell.branch));
    if (cell?.other) told.push(' for another reason than the case names');
    if (cell?.took !== undefined) told.push(`, converged in ${cell.took} ms`);
    if (cell?.reason !== undefined) told.push(element('div', [element('bdi', cell.reason)]));
    if (cell?.actual !== undefined) told.push(element('code', cell.actual));
    return [element('dt', [element('bdi', ports[port])]), element('dd', told)];
  });
  parts.push(element('dl', list));
  dialog.replaceChildren(element('div', parts));
  if (!dialog.open) dialog.showModal();
  history.replaceState(null, '', `#${encodeURIComponent(row.id)}`);
}

document.querySelector('table').addEventListener('click', ({ target }) => {
  if (target.closest('a') !== null) return;
  const line = target.closest('tr');
  if (line === null || line.parentElement.tagName !== 'TBODY') return;
  if (line.dataset.i !== undefined) {
    openDetails(Number(line.dataset.i));
    return;
  }
  if (!closed.delete(line)) closed.add(line);
  show();
});
dialog.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close();
});
dialog.addEventListener('close', () => history.replaceState(null, '', location.pathname + location.search));
for (const input of inputs) input.addEventListener('input', show);
fold.addEventListener('click', () => {
  const all = document.querySelectorAll('tr.suite, tr.family');
  const opening = closed.size > 0;
  closed.clear();
  if (!opening) for (const line of all) closed.add(line);
  show();
});

// Results of a month ago say little about an implementation of today.
const old = Date.now() - 30 * 24 * 60 * 60 * 1000;
for (const time of document.querySelectorAll('article time')) {
  if (Date.parse(time.dateTime) < old) {
    time.textContent += ' (old)';
    time.closest('article').classList.add('stale');
  }
}
// Sticky heads do not work inside of what scrolls sideways, so that is done only where it has to.
const scroll = document.querySelector('.scroll');
const measure = () => {
  scroll.classList.remove('wide');
  scroll.classList.toggle('wide', scroll.scrollWidth > scroll.clientWidth);
};
addEventListener('resize', measure);

show();
measure();
const wanted = rows.findIndex(({ id }) => location.hash === `#${encodeURIComponent(id)}`);
if (wanted !== -1) openDetails(wanted);
