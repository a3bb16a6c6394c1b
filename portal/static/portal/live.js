/* Keeps a region up to date while the page is visible: <div data-live="seconds" hx-get="…" hx-trigger="sanso:refresh">.
   htmx fetches, or this file on a page without htmx; what came is merged into what is there, so that focus,
   selection and open parts stay. The row that has the focus is never moved or removed. Hidden tabs do not ask. */

import { announce } from "./page.js";

const ANNOUNCED_MS = 10_000;
const TIMEOUT_MS = 10_000;   // htmx has the same one
let announcedAt = 0;

/* Makes the children of `target` those of `source`. Elements with an id are matched by it. */
export function merge(target, source) {
  const focused = document.activeElement;
  const still = focused !== document.body && focused !== target && target.contains(focused);
  const known = new Map([...target.children].filter((child) => child.id).map((child) => [child.id, child]));
  const kept = new Set();
  let place = target.firstChild;
  for (const wanted of [...source.childNodes]) {
    const former = wanted.id ? known.get(wanted.id) : null;
    // A button that becomes a link is another element.
    const match = wanted.id ? (former?.nodeName === wanted.nodeName ? former : null) : alike(place, wanted);
    if (match) {
      if (match === place || !wanted.id) place = match.nextSibling;
      else if (!still) target.insertBefore(match, place);
      kept.add(match);
      mergeNode(match, wanted);
    } else {
      if (known.size && wanted.id && !former) wanted.dataset.new = "";
      kept.add(wanted);
      target.insertBefore(wanted, still ? null : place);
    }
  }
  for (const node of [...target.childNodes]) {
    if (kept.has(node)) continue;
    if (still && node.contains(focused)) node.dataset.gone = "";
    else node.remove();
  }
}

/* The node at this place, or after whitespace, that can become the wanted one. */
function alike(place, wanted) {
  const isBlank = (node) => node.nodeType === Node.TEXT_NODE && !node.nodeValue.trim();
  while (place && isBlank(place) && !isBlank(wanted)) place = place.nextSibling;
  return sameKind(place, wanted) ? place : null;
}

function sameKind(node, wanted) {
  return node && !node.id && node.nodeName === wanted.nodeName && node.nodeType === wanted.nodeType;
}

function mergeNode(node, wanted) {
  if (node.nodeType !== Node.ELEMENT_NODE) {
    if (node.nodeValue !== wanted.nodeValue) node.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...node.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") node.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (node.getAttribute(name) !== value && name !== "open") node.setAttribute(name, value);
  }
  if (!("kept" in node.dataset)) merge(node, wanted);   // data-kept: its content is changed elsewhere
}

function refresh(region) {
  if (document.visibilityState !== "visible") return;
  if (window.htmx) window.htmx.trigger(region, "sanso:refresh");
  else refreshWithoutHtmx(region);
}

async function refreshWithoutHtmx(region) {
  const asked = new URL(region.getAttribute("hx-get"), location.href);
  try {
    const headers = { "HX-Request": "true" };
    const answer = await fetch(asked, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    receive(region, { asked, status: answer.status, url: answer.url, text: await answer.text() });
  } catch {
    stale(region, true);   // no connection, or no answer in time
  }
}

/* Shows what came for a region. */
function receive(region, { asked, status, url, text }) {
  if (status === 204) return stale(region, false);   // nothing has changed
  if (status !== 200) return stale(region, true);
  // Another path responded: the session has ended, and this is the login page.
  if (new URL(url).pathname !== asked.pathname) return location.reload();
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  merge(region, fresh.content);
  stale(region, false);
  announceSummary(region);
  startWithin(region);
}

function stale(region, isStale) {
  region.classList.toggle("is-stale", isStale);
}

/* At most six times a minute, and only what changed. */
function announceSummary(region) {
  const words = region.querySelector("[data-summary]")?.textContent.replace(/\s+/g, " ").trim() ?? "";
  const before = region.dataset.announced ?? words;
  if (words !== before && Date.now() - announcedAt < ANNOUNCED_MS) return;
  region.dataset.announced = words;
  if (words === before) return;
  announcedAt = Date.now();
  announce(words);
}

const started = new WeakSet();

function start(region) {
  started.add(region);
  announceSummary(region);
  const timer = setInterval(() => region.isConnected ? refresh(region) : clearInterval(timer), Number(region.dataset.live) * 1000);
  document.addEventListener("visibilitychange", () => refresh(region));

  region.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target !== region) return;
    const { xhr } = event.detail;
    event.detail.shouldSwap = false;
    const asked = new URL(event.detail.pathInfo.finalRequestPath, location.href);
    receive(region, { asked, status: xhr.status, url: xhr.responseURL, text: xhr.responseText });
  });
  for (const failure of ["htmx:sendError", "htmx:timeout"]) {
    region.addEventListener(failure, () => stale(region, true));
  }
}

/* A region in a response is empty until it is fetched. */
function startWithin(root) {
  for (const region of root.querySelectorAll("[data-live]")) {
    if (started.has(region)) continue;
    window.htmx?.process(region);
    start(region);
    refresh(region);
  }
}

for (const region of document.querySelectorAll("[data-live]")) start(region);
