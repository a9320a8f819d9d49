// Makes the pages livelier; every one of them works without this file. It asks the server for pages and shows them: it
// builds no text of its own from what people wrote, and decides nothing.
'use strict';

const $ = (selector, under = document) => under.querySelector(selector);
const $$ = (selector, under = document) => [...under.querySelectorAll(selector)];

// ---- times: the reader's own clock, the exact UTC time stays as the title

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const units = [['day', 86400], ['hour', 3600], ['minute', 60]];

function fromNow(time) {
  const seconds = (time - Date.now()) / 1000;
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return seconds > 0 ? 'in less than a minute' : 'just now';
}

function showTimes(under = document) {
  for (const element of $$('time[datetime]', under)) {
    const time = new Date(element.dateTime);
    let text = absolute.format(time);
    if (element.closest('.ago')) text = fromNow(time);
    if (element.closest('.both')) text += `, ${fromNow(time)}`;
    if (element.textContent !== text) element.textContent = text;
  }
}

// ---- copying

function showCopyButtons() {
  for (const button of $$('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const field = document.getElementById(button.dataset.copy);
      await copy(field);
      button.textContent = 'Copied';
      say('Copied');
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
  }
}

async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Without https a browser has no clipboard for scripts: select the text where it can be seen.
    field.closest('details').open = true;
    field.select();
    document.execCommand('copy');
  }
}

// What was just done stands on the page from its beginning, which a reader of screens passes over.
function tellDone() {
  const done = $('[data-told]');
  if (done) setTimeout(() => say(done.textContent), 200);
}

function say(text) {
  $('[data-announce]').textContent = text;
}

// ---- live pages: the server says that something changed, the page is read again and what differs is put in its place

const live = $('[data-live]');
let stream = null;
let place = live?.dataset.after;
let retry = 0;

function listen() {
  // A hidden tab gives its connection back: a browser has only six of them for a server that speaks HTTP/1.
  if (document.hidden || stream) return;
  const query = new URLSearchParams({ after: place });
  if (live.dataset.petition) query.set('petition', live.dataset.petition);
  stream = new EventSource(`/inbox/stream?${query}`);
  stream.onopen = tellLive;
  stream.addEventListener('changed', (event) => {
    place = event.lastEventId;
    readAgain();
  });
  stream.onerror = () => {
    tellLost();
    if (stream?.readyState !== EventSource.CLOSED) return;
    // Refused, not broken: perhaps signed out. Reading the page tells.
    hush();
    later();
  };
}

function later() {
  clearTimeout(retry);
  // Not all at once when the server comes back.
  retry = setTimeout(() => { readAgain(); listen(); }, 2000 + Math.random() * 3000);
}

function hush() {
  stream?.close();
  stream = null;
}

function tellLive() {
  tell('Live: this page shows what others decide', false);
}

function tellLost() {
  tell('Not connected: read the page again to see what others decide', true);
}

function tell(text, lost) {
  const line = $('[data-live-state]');
  line.textContent = text;
  line.classList.toggle('lost', lost);
  line.hidden = false;
}

let reading = false;
let wanted = false;

async function readAgain() {
  wanted = true;
  if (reading) return;
  reading = true;
  try {
    while (wanted) {
      wanted = false;
      const answer = await fetch(location.pathname + location.search, { cache: 'no-store', redirect: 'manual' });
      if (answer.type === 'opaqueredirect') {
        hush();
        tell('You are signed out: sign in again to go on', true);
        return;
      }
      if (answer.status >= 500) throw new Error(`the server answers ${answer.status}`);
      if (!answer.ok) return;
      merge(new DOMParser().parseFromString(await answer.text(), 'text/html'));
    }
    if (stream?.readyState === EventSource.OPEN) tellLive();
  } catch {
    tellLost();
    later();
  } finally {
    reading = false;
  }
}

function merge(fresh) {
  if (live.dataset.live === 'inbox') mergeInbox(fresh);
  else mergePetition(fresh);
  document.title = fresh.title;
  showTimes();
}

// A part is put in place when its key differs. What was typed, and where the keyboard is, stay.
function mergePetition(fresh) {
  for (const part of $$('[data-part]', fresh)) {
    const old = $(`[data-part="${part.dataset.part}"]`);
    if (!old || old.dataset.key === part.dataset.key) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    for (const field of $$('textarea, select', old)) {
      const same = $(`[name="${field.name}"]`, part);
      if (same && same.id === field.id) same.value = field.value;
    }
    old.replaceWith(document.adoptNode(part));
    if (focused) (focused.id && document.getElementById(focused.id) || $('#main')).focus({ preventScroll: true });
    if (part.dataset.say) say(part.dataset.say);
  }
}

// Nothing may slide under the cursor: rows change in place at once; rows that come or go wait behind a button, unless
// nobody points at the list.
function mergeInbox(fresh) {
  let news = 0;
  for (const row of $$('.row', fresh)) {
    const old = document.getElementById(row.id);
    if (!old) {
      news += 1;
    } else if (old.dataset.key !== row.dataset.key) {
      const moved = old.closest('section').id !== row.closest('section').id;
      const copied = document.importNode(row, true);
      copied.classList.toggle('gone', moved);
      const focused = old.contains(document.activeElement);
      old.replaceWith(copied);
      if (focused) $('a', copied).focus({ preventScroll: true });
    }
  }
  const next = $('[data-live]', fresh);
  if (calm()) {
    showAll(next);
  } else if (news > 0) {
    const button = $('[data-news] button');
    button.textContent = `${news} new ${news === 1 ? 'petition' : 'petitions'} – show`;
    button.onclick = () => { showAll(next); $('#main').focus({ preventScroll: true }); };
    $('[data-news]').hidden = false;
    say(button.textContent);
  }
}

const canPoint = matchMedia('(hover: hover)');

function calm() {
  return canPoint.matches && !live.matches(':hover') && !live.contains(document.activeElement);
}

function showAll(next) {
  $('[data-news]').hidden = true;
  live.replaceChildren(...document.importNode(next, true).childNodes);
  showTimes();
}

// ---- begin

showTimes();
setInterval(showTimes, 20000);
showCopyButtons();
tellDone();
if (live) {
  listen();
  document.addEventListener('visibilitychange', () => (document.hidden ? hush() : listen()));
  addEventListener('pagehide', hush);
  addEventListener('pageshow', (event) => { if (event.persisted) { readAgain(); listen(); } });
  setInterval(() => { if (document.hidden) readAgain(); }, 60000);
}
