/* The events: a window on the log. New lines are added at its end, others where the user scrolls to; lines far from
   there are removed, so that the page stays fast however long the log is. */

import { merge } from "../portal/live.js";
import * as links from "./event_links.js";

const tab = document.getElementById("events-tab");
const bar = document.getElementById("events-bar");
const box = document.getElementById("log");
const lines = document.getElementById("events");
const followButton = document.getElementById("follow");
const newest = document.getElementById("newest");
const noMatch = document.getElementById("no-match");
const failed = document.getElementById("events-failed");
const count = document.getElementById("event-count");
const MOST = 600;                   // lines in the page; twice as many only while more are loaded
const NEAR_PX = 400;
const AT_END_PX = 12;
const STATES = ["earlier", "later", "folds", "filtered"];
const state = {};                   // where the log continues above and below, and the active filters
let words = {};
let knownSeq = 0;                   // the number of the last known event
let fetchedSeq = 0;                 // the number of the last event among the lines
let missed = 0;                     // events that arrived while the user read other lines
let request = null;
let isReading = false;              // the user reads a line: the end is not followed until they scroll there
let lastTop = 0;

export function start(texts, seq) {
  words = texts;
  knownSeq = fetchedSeq = seq;
  for (const name of STATES) state[name] = Number(lines.dataset[name]);
  followButton.addEventListener("click", toggleFollow);
  box.addEventListener("wheel", (event) => { if (event.deltaY < 0) stopFollowing(); else isReading = false; }, { passive: true });
  box.addEventListener("keydown", (event) => { if (["ArrowUp", "PageUp", "Home"].includes(event.key)) stopFollowing(); });
  lines.addEventListener("pointerdown", stopFollowing);
  lines.addEventListener("focusin", stopFollowing);
  newest.addEventListener("click", (event) => { event.preventDefault(); toNewest(); });
  box.addEventListener("scroll", scrolled, { passive: true });
  failed.querySelector("button").addEventListener("click", () => load("", { replace: true }));
  showState();
  links.start(texts, { begin: (where) => load(where, { replace: true }), follow });
  if (isFollowing() && !state.later) toEnd();
}

/* Adds the lines of a frame. With a filter, the server decides which of them match. */
export function append(rows, seq) {
  knownSeq = seq;
  if (!state.filtered) count.textContent = seq;
  if (!rows.length) return;
  if (state.later) {
    for (const line of parse(rows)) if (isInside(line)) put(line); else missed += 1;
    showState();
  } else if (state.filtered) {
    catchUp();
  } else {
    putAtEnd(parse(rows));
    if (!request) fetchedSeq = seq;
  }
}

export function toFirstFailure() {
  const link = document.getElementById("first-failure");
  if (!link.hidden) link.click();
}

export function toggleProblems() {
  document.getElementById("switch-problems").click();
}

export function toggleFollow() {
  if (state.later) return toNewest();
  isReading = false;
  follow(!isFollowing());
}

/* The tab is now visible: scroll, which is impossible while it is hidden. */
export function shown() {
  if (isFollowing() && !state.later) toEnd();
}

export function find() {
  document.getElementById("log-search").focus();
}

function parse(rows) {
  const fresh = document.createElement("template");
  fresh.innerHTML = rows.join("");
  links.quiet(fresh.content);
  return [...fresh.content.children];
}

/* --- lines in and out --------------------------------------------------------------------------------------- */

function putAtEnd(fresh) {
  for (const line of fresh) {
    if (!put(line)) continue;
    line.dataset.new = "";
    if (line.classList.contains("is-problem")) document.getElementById("first-failure").hidden = false;
  }
  if (isFollowing()) {
    dropFromStart();
    toEnd();
  } else if (lines.rows.length > 2 * MOST) {
    state.later = number(lines.lastElementChild);  // lines that are read do not move: the rest is loaded on scrolling
  }
  showState();
}

/* Puts a line where its time belongs, nearly always at the end. Returns whether it got a line of its own. One that
   is older than the window is loaded by scrolling up. */
function put(line) {
  if (document.getElementById(line.id) || fold(line)) return false;
  if (state.earlier && lines.firstElementChild && isLater(lines.firstElementChild, line)) return false;
  let above = lines.lastElementChild;
  while (above && isLater(above, line)) above = above.previousElementSibling;
  if (above) above.after(line);
  else lines.prepend(line);
  return true;
}

/* Events of one stack may become known after later ones of another. */
function isLater(one, other) {
  const [at, otherAt] = [Number(one.dataset.at), Number(other.dataset.at)];
  return at === otherAt ? Number(one.dataset.seq) > Number(other.dataset.seq) : at > otherAt;
}

/* Whether the window ends after the time of a line. */
function isInside(line) {
  return Boolean(lines.lastElementChild) && isLater(lines.lastElementChild, line);
}

/* Adds a repeated event to the line that it repeats. Returns true also if that line is not in the window. */
function fold(line) {
  const of = Number(line.dataset.repeat ?? 0);
  if (!of || !state.folds) return false;
  const first = document.getElementById(`e-${of}`);
  if (!first) return Boolean(state.earlier);
  let repeats = first.querySelector(".repeats");
  if (!repeats) {
    repeats = document.getElementById("repeats").content.firstElementChild.cloneNode(true);
    first.querySelector("th").append(repeats);
  }
  const item = document.createElement("li");
  item.id = line.id;
  item.dataset.seq = line.dataset.seq;
  item.append(line.querySelector(".permalink"), " ", line.querySelector(".reason")?.textContent ?? "");
  repeats.querySelector("ol").append(item);
  repeats.querySelector("[data-times]").textContent = `×${repeats.querySelectorAll("li").length + 1}`;
  return true;
}

function dropFromStart() {
  const spare = lines.rows.length - MOST;
  if (spare <= 0) return;
  const before = box.scrollHeight;
  for (const row of [...lines.rows].slice(0, spare)) row.remove();
  state.earlier = number(lines.firstElementChild);
  box.scrollTop -= before - box.scrollHeight;
}

function dropFromEnd() {
  const spare = lines.rows.length - MOST;
  if (spare <= 0) return;
  for (const row of [...lines.rows].slice(-spare)) row.remove();
  state.later = number(lines.lastElementChild);
}

function number(row) {
  return Number(row.dataset.seq);
}

/* --- pages of the log --------------------------------------------------------------------------------------- */

/* Loads the known events that are not among the lines yet. */
function catchUp() {
  if (!request && !state.later && fetchedSeq < knownSeq) load(`since=${fetchedSeq}`);
}

/* Loads lines: in place of the present ones, above them, or at their end. One request at a time. */
async function load(where, { replace = false } = {}) {
  if (request && !replace) return;
  request?.abort();
  const mine = request = new AbortController();
  const wanted = links.filters();
  let done = false;
  tab.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${tab.dataset.lines}?${wanted}&${where}`, {
      headers: { Accept: "application/json" }, signal: AbortSignal.any([mine.signal, AbortSignal.timeout(15_000)]),
    });
    if (!answer.ok) throw new Error(answer.status);
    const page = await answer.json();
    if (mine.signal.aborted) return;
    if (replace) replaceAll(page, wanted);
    else if (where.startsWith("before")) putAtStart(page);
    else if (where.startsWith("since")) putNew(page);
    else putNext(page);
    if (page.count) count.textContent = page.count;
    done = true;
    failed.hidden = true;
    showState();
  } catch {
    if (!mine.signal.aborted) failed.hidden = false;
  } finally {
    if (mine === request) {
      request = null;
      tab.removeAttribute("aria-busy");
      if (done) catchUp();
    }
  }
}

function replaceAll(page, wanted) {
  lines.replaceChildren(...parse(page.lines));
  for (const name of STATES) state[name] = Number(page[name]);
  lines.dataset.filters = wanted;
  fetchedSeq = page.seq;
  missed = 0;
  const fresh = document.createElement("template");
  fresh.innerHTML = page.bar ?? "";
  const text = fresh.content.querySelector("#log-search").value;
  merge(bar, fresh.content);
  const field = document.getElementById("log-search");
  if (field !== document.activeElement) field.value = text;
  if (page.oldest) {
    follow(false);
    box.scrollTop = 0;
  } else if (!state.later) {
    follow(true);
    toEnd();
  }
}

function putAtStart(page) {
  const [before, at] = [box.scrollHeight, box.scrollTop];
  state.earlier = 0;                // these lines are older than the window
  for (const line of parse(page.lines)) put(line);
  state.earlier = page.earlier;
  box.scrollTop = at + box.scrollHeight - before;
  dropFromEnd();
}

/* The events since the last request; most of them belong at the end. */
function putNew(page) {
  const following = isFollowing() && !state.later;
  for (const line of parse(page.lines)) put(line);
  fetchedSeq = page.known || page.seq;
  dropFromStart();
  if (following) toEnd();
}

function putNext(page) {
  const following = isFollowing() && !state.later;
  for (const line of parse(page.lines)) put(line);
  state.later = page.later;
  if (!state.later) missed = 0;
  dropFromStart();
  if (following) toEnd();
}

function toNewest() {
  isReading = false;
  follow(true);
  if (state.later) load("", { replace: true });
  else toEnd();
}

/* --- scrolling ---------------------------------------------------------------------------------------------- */

function scrolled() {
  if (!box.clientHeight) return;     // another tab is in front
  const isThere = isAtEnd() && !state.later;
  const goesDown = box.scrollTop > lastTop;
  lastTop = box.scrollTop;
  if (isFollowing() && !isThere) follow(false);
  else if (!isFollowing() && isThere && goesDown && !isReading) follow(true, { scroll: false });
  if (state.earlier && box.scrollTop < NEAR_PX) load(`before=${state.earlier}`);
  else if (state.later && toTheEnd() < NEAR_PX) load(`after=${state.later}`);
}

function stopFollowing() {
  isReading = true;
  if (isFollowing()) follow(false);
}

function isFollowing() {
  return followButton.getAttribute("aria-pressed") === "true";
}

function follow(on, { scroll = true } = {}) {
  followButton.setAttribute("aria-pressed", on);
  if (on && scroll && !state.later) toEnd();
}

function toTheEnd() {
  return box.scrollHeight - box.scrollTop - box.clientHeight;
}

function isAtEnd() {
  return toTheEnd() < AT_END_PX;
}

function toEnd() {
  box.scrollTop = box.scrollHeight;
}

function showState() {
  noMatch.hidden = lines.rows.length > 0;
  newest.hidden = !state.later;
  links.rove();
  const text = missed ? words.newer.replace("{count}", missed) : words.newest;
  if (newest.textContent !== text) newest.textContent = text;
  for (const link of document.querySelectorAll("#events-tab .earlier")) link.hidden = true;
}
